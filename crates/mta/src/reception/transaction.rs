//! One mail transaction as reception sees it, from MAIL to the end of the message.

use std::sync::Arc;

use sekisho_guard::origin::Origin;
use sekisho_guard::relay::Standing;
use sekisho_guard::rules::effect::{Decision, Sender};
use sekisho_message::{Address, ReversePath};
use sekisho_proto::smtp::{Body, MailParams, Notify, Response, Return};

use super::intake::Intake;
use crate::accept::{Recipient, Route};
use crate::directory::Site;

/// Longest dialogue that is kept for the log, in octets.
const MAX_DIALOGUE: usize = 900;

/// What is known of the message that is being sent.
pub struct Transaction {
    /// The reverse-path.
    pub reverse_path: ReversePath,
    /// The reverse-path as a look-up key; empty for the null one.
    pub sender: String,
    /// Parameters of MAIL.
    pub params: MailParams,
    /// What `effect.dat` says.
    pub rule: Decision,
    /// What is known of the reverse-path.
    pub standing: Standing,
    /// The domains and what becomes of claims to them, when the transaction began.
    pub site: Arc<Site>,
    /// The domain of ours that the reverse-path claims without proof, where that is let through.
    pub claimed: Option<String>,
    /// It is for `postmaster` or `abuse`.
    pub role: bool,
    /// Who answers for it.
    pub origin: Origin,
    /// Whom it is for.
    pub recipients: Vec<Recipient>,
    /// The recipient as it was given, while there is exactly one.
    pub single: Option<Address>,
    /// A recipient that the account may not write to refuses the whole message.
    pub forbidden: Option<Response>,
    /// The message while it comes.
    pub intake: Option<Intake>,
    /// What was said, for the log.
    pub dialogue: String,
}

impl Transaction {
    /// The reverse-path as rules see it.
    #[must_use]
    pub fn rule_sender(&self) -> Sender<'_> {
        if self.sender.is_empty() { Sender::Null } else { Sender::Address(&self.sender) }
    }

    /// Adds a recipient, unless the message goes there already.
    pub fn add(&mut self, recipient: Recipient, as_given: Address) {
        let known = self.recipients.iter().any(|r| r.route == recipient.route && r.origin == recipient.origin);
        if known {
            return;
        }
        self.single = self.recipients.is_empty().then_some(as_given);
        self.recipients.push(recipient);
    }

    /// Whether the client declared octets above 127.
    #[must_use]
    pub fn is_eightbit(&self) -> bool {
        self.params.body == Body::EightBitMime
    }

    /// RET as the queue has it.
    #[must_use]
    pub fn ret(&self) -> Option<&'static str> {
        self.params.ret.map(|ret| match ret {
            Return::Full => "FULL",
            Return::Headers => "HDRS",
        })
    }

    /// Keeps a line for the log, as long as there is room.
    pub fn said(&mut self, line: &str) {
        if self.dialogue.len() + line.len() + 3 <= MAX_DIALOGUE {
            if !self.dialogue.is_empty() {
                self.dialogue.push_str(" | ");
            }
            self.dialogue.push_str(line);
        }
    }
}

/// NOTIFY as the queue has it: 1 never, 2 success, 4 failure, 8 delay.
#[must_use]
pub fn notify_bits(notify: Notify) -> u8 {
    let bits = [(Notify::NEVER, 1), (Notify::SUCCESS, 2), (Notify::FAILURE, 4), (Notify::DELAY, 8)];
    bits.iter().filter(|(bit, _)| notify.has(*bit)).map(|(_, stored)| stored).sum()
}

/// The ORCPT to keep: what the client gave, else the address that an alias is about to replace, so that a report
/// names the recipient that the sender knows (RFC 3461 §5.2.7).
#[must_use]
pub fn orcpt(given: Option<String>, as_given: &Address, route: &Route) -> Option<String> {
    let same = match route {
        Route::Local(address) => Address::parse(address).is_ok_and(|a| a.key() == as_given.key()),
        Route::List(key) => *key == as_given.key(),
        Route::Outside(address) => address == as_given,
    };
    match given {
        Some(given) => Some(given),
        None if same => None,
        None => Some(written(as_given)),
    }
}

/// `rfc822;` and the address as xtext, or `utf-8;` where it must be (RFC 6533 §3).
fn written(address: &Address) -> String {
    match address.to_ascii() {
        Some(ascii) => format!("rfc822;{}", sekisho_proto::smtp::xtext::encode(&ascii)),
        None => format!("utf-8;{address}"),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    #[test]
    fn notify_is_translated_bit_by_bit() {
        assert_eq!(notify_bits(Notify::default()), 0);
        assert_eq!(notify_bits(Notify(Notify::NEVER)), 1);
        assert_eq!(notify_bits(Notify(Notify::SUCCESS | Notify::FAILURE | Notify::DELAY)), 14);
    }

    #[test]
    fn a_replaced_address_is_kept_for_reports() {
        let info = Address::parse("info+x@example.jp").unwrap();
        let taro = Route::Local("taro@example.jp".into());
        assert_eq!(orcpt(None, &info, &taro).as_deref(), Some("rfc822;info+2Bx@example.jp"));
        assert_eq!(orcpt(Some("rfc822;x@y".into()), &info, &taro).as_deref(), Some("rfc822;x@y"));
        assert_eq!(orcpt(None, &Address::parse("Taro@Example.JP").unwrap(), &taro), None);
    }
}
