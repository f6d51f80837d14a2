//! Which rule decides a given envelope: the answer of `sekisho rules test`.

use std::net::IpAddr;

use sekisho_message::Text;

use super::effect::{Decision, EffectRules, Sender};
use crate::origin::Origin;
use crate::relay::{self, Action, Locality, Policy, Request, Standing, Verdict};

/// An envelope to ask about.
#[derive(Clone, Debug)]
pub struct Question<'a> {
    /// The client.
    pub ip: IpAddr,
    /// The reverse-path.
    pub from: Sender<'a>,
    /// What is known of the reverse-path.
    pub standing: Standing,
    /// The recipient as a look-up key.
    pub to: &'a str,
    /// Where the recipient is.
    pub locality: Locality,
    /// Whether the client is taken to have authenticated as the reverse-path's owner.
    pub auth: bool,
}

/// The answer.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Explanation {
    /// Whether the recipient would be accepted.
    pub accepted: bool,
    /// The reply that it would get, when refused: `550 5.7.1 Sorry …`.
    pub reply: Option<String>,
    /// The origin that would answer for it, as a key, such as `inbound`.
    pub origin: String,
    /// The line of `effect.dat` that decided, if one did.
    pub line: Option<u32>,
    /// That line as written.
    pub rule: Option<String>,
    /// A bad line that kept a `true` below it from opening.
    pub shut_by: Option<u32>,
    /// Why.
    pub reason: Text,
}

/// Answers a question with the same functions that reception uses.
#[must_use]
pub fn explain(rules: &EffectRules, policy: Policy, question: &Question<'_>) -> Explanation {
    let rule = rules.decide(question.ip, question.from);
    let origin = match (question.auth, question.from) {
        // Only the key of this origin leaves this function: an answer opens nothing.
        (true, Sender::Address(address)) => Origin::hypothetical(address),
        (true, Sender::Blank | Sender::Null) => Origin::hypothetical(""),
        (false, _) => relay::unauthenticated(policy, &rule, question.ip, question.standing),
    };
    let verdict = relay::decide(&Request {
        origin: &origin,
        rule: &rule,
        sender: question.standing,
        recipient: question.locality,
        policy,
    });
    answer(rules, question, &rule, &origin, verdict)
}

fn answer(
    rules: &EffectRules,
    question: &Question<'_>,
    rule: &Decision,
    origin: &Origin,
    verdict: Verdict,
) -> Explanation {
    let reply = match verdict.action {
        Action::Accept => None,
        Action::Refuse(refusal) => {
            let (code, enhanced, text) = refusal.reply(question.from, question.to);
            Some(format!("{code} {enhanced} {text}"))
        }
    };
    let source = rule.line.and_then(|line| rules.rules().iter().find(|r| r.line == line));
    Explanation {
        accepted: verdict.accepts(),
        reply,
        origin: origin.key(),
        line: rule.line,
        rule: source.map(|r| r.source.to_string()),
        shut_by: rule.shut_by,
        reason: verdict.reason.text(),
    }
}
