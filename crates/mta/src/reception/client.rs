//! What a client program looks like, as far as it shows itself: nothing that a person's address or name is in.

use sekisho_net::tls::TlsInfo;

/// Longest shape of a Message-ID, in characters.
const MAX_SHAPE: usize = 32;
/// Longest name of a program, in characters.
const MAX_NAME: usize = 40;

/// The look of a client: EHLO form, TLS, program, shape of the Message-ID. Versions and numbers are left out, so that
/// an update is no new client.
pub(super) fn look(helo: &str, tls: Option<&TlsInfo>, mailer: &str, message_id: &str) -> String {
    let tls = tls.map_or("-", |tls| tls.cipher);
    format!("{}|{tls}|{}|{}", form(helo), program(mailer), shape(message_id))
}

/// The form of what was said in EHLO: programs differ in it, and places in its content.
fn form(helo: &str) -> &str {
    if helo.starts_with('[') {
        "literal"
    } else if helo.eq_ignore_ascii_case("localhost") || helo.eq_ignore_ascii_case("localhost.localdomain") {
        "localhost"
    } else if helo.contains('.') {
        "name"
    } else {
        "bare"
    }
}

/// The name of a program without its version.
fn program(mailer: &str) -> String {
    mailer.chars().take_while(|c| !c.is_ascii_digit() && !"/([".contains(*c)).take(MAX_NAME).collect::<String>()
}

/// A Message-ID with every run of letters and digits as one `a`, up to the domain: `<a-a-a.a@`.
fn shape(message_id: &str) -> String {
    let mut out = String::with_capacity(MAX_SHAPE);
    for c in message_id.chars() {
        let c = if c.is_alphanumeric() { 'a' } else { c };
        if !(c == 'a' && out.ends_with('a')) {
            out.push(c);
        }
        if c == '@' || out.len() >= MAX_SHAPE {
            break;
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_program_looks_the_same_wherever_it_is_and_after_an_update() {
        let a = look("[192.168.1.5]", None, "Thunderbird 115.3", "<0b6f-77@example.jp>");
        let b = look("[10.0.0.9]", None, "Thunderbird 128.0", "<ffff-1@example.jp>");
        assert_eq!(a, b);
        assert_eq!(a, "literal|-|Thunderbird |<a-a@");
    }

    #[test]
    fn programs_differ() {
        let a = look("[192.168.1.5]", None, "", "<0b6f-77@example.jp>");
        for (helo, mailer, id) in [
            ("PC-TARO", "", "<0b6f-77@example.jp>"),
            ("[192.168.1.5]", "PHPMailer 6", "<0b6f-77@example.jp>"),
            ("[192.168.1.5]", "", "<0b6f77$1@example.jp>"),
            ("[192.168.1.5]", "", ""),
        ] {
            assert_ne!(a, look(helo, None, mailer, id));
        }
        assert!(shape(&"a-".repeat(100)).len() <= MAX_SHAPE);
    }
}
