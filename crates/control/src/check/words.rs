//! Words by which receivers and providers say that our mail is not wanted.

/// Pieces of replies, in lower case. None of them is about one recipient alone.
const REPLIES: [&str; 24] = [
    "blacklist",
    "block list",
    "blocklist",
    "blocked",
    " listed",
    "dnsbl",
    " rbl",
    "spamhaus",
    "spamcop",
    "barracuda",
    "reputation",
    "too many messages",
    "too much mail",
    "too many connections",
    "rate limit",
    "ratelimit",
    "throttl",
    "unusual rate",
    "unsolicited",
    "suspicious",
    "complaint",
    "spam",
    "abuse",
    "policy",
];

/// Pieces of subjects of letters that warn, in lower case.
const SUBJECTS: [&str; 22] = [
    "abuse",
    "spam",
    "unsolicited",
    "complaint",
    "open relay",
    "compromised",
    "hacked",
    "blocklist",
    "blacklist",
    "phishing",
    "malware",
    "security notice",
    "terms of service",
    "suspension",
    "迷惑メール",
    "不正",
    "踏み台",
    "スパム",
    "警告",
    "苦情",
    "大量送信",
    "利用停止",
];

/// Whether a reply of a receiver says that we are blocked or limited.
#[must_use]
pub fn warns(reply: &str) -> bool {
    let reply = reply.to_ascii_lowercase();
    REPLIES.iter().any(|word| reply.contains(word)) || reply.contains("5.7.1 ") && reply.contains("client host")
}

/// Whether the subject of a letter to the administrator warns of abuse.
#[must_use]
pub fn is_warning(subject: &str) -> bool {
    let subject = subject.to_lowercase();
    SUBJECTS.iter().any(|word| subject.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn receivers_and_providers_are_understood() {
        for reply in [
            "550 5.7.1 Service unavailable; client [192.0.2.1] blocked using zen.spamhaus.org",
            "421 4.7.0 [TS01] Messages from 192.0.2.1 temporarily deferred due to user complaints",
            "450 4.7.1 Error: too much mail from 192.0.2.1",
            "421-4.7.28 our system has detected an unusual rate of unsolicited mail",
        ] {
            assert!(warns(reply), "{reply}");
        }
        for reply in ["550 5.1.1 no such user", "451 4.7.1 Greylisted, try again", "452 4.2.2 mailbox full"] {
            assert!(!warns(reply), "{reply}");
        }
        assert!(is_warning("【重要】貴社サーバからの迷惑メール送信について"));
        assert!(is_warning("Abuse report for 192.0.2.1"));
        assert!(!is_warning("Re: lunch"));
    }
}
