//! DATA to the final reply.

use sekisho_message::trace::{ReceivedFields, TlsClause, With, received, return_path};
use sekisho_message::{Address, date};
use sekisho_proto::smtp::Response;
use sekisho_proto::smtp::server::Reply;
use sekisho_store::MessageId;

use super::agent::SmtpAgent;
use super::facts::Facts;
use super::intake::{Arrived, Intake, Prefix};
use super::transaction::Transaction;
use super::{client, reply};
use crate::accept::{self, NotAccepted, Signs, Submission};
use crate::identity::{self, Claim};

impl SmtpAgent {
    pub(super) fn data(&mut self) -> Reply {
        let Some(mut transaction) = self.transaction.take() else {
            return self.refused("DATA", reply::out_of_step(), "no transaction");
        };
        if let Some(response) = transaction.forbidden.clone() {
            self.transaction = Some(transaction);
            return self.refused("DATA", response, "sender.dat forbade a recipient of the message");
        }
        let hops = self.site.settings.hops;
        let fingerprint = transaction.origin.may_reach_outside();
        transaction.intake = Some(Intake::new(self.site.control.store(), hops, fingerprint));
        self.transaction = Some(transaction);
        Reply::Ok
    }

    pub(super) fn body(&mut self, piece: &[u8]) -> Reply {
        let Some(mut transaction) = self.transaction.take() else {
            return self.refused("(message)", reply::out_of_step(), "no transaction");
        };
        let Some(mut intake) = transaction.intake.take() else {
            return self.refused("(message)", reply::out_of_step(), "no message");
        };
        let taken = intake.take(piece, |id, facts| self.prefix(&transaction, id, facts));
        match taken {
            Ok(()) => {
                transaction.intake = Some(intake);
                self.transaction = Some(transaction);
                Reply::Ok
            }
            Err(response) => {
                let said = std::mem::take(&mut transaction.dialogue);
                self.refused(&said, response, "")
            }
        }
    }

    pub(super) async fn end_of_data(&mut self, eight_bit: bool) -> Reply {
        let Some(mut transaction) = self.transaction.take() else {
            return self.refused("(message)", reply::out_of_step(), "no transaction");
        };
        let said = std::mem::take(&mut transaction.dialogue);
        let Some(intake) = transaction.intake.take() else {
            return self.refused(&said, reply::out_of_step(), "no message");
        };
        let arrived = match intake.finish(|id, facts| self.prefix(&transaction, id, facts)).await {
            Ok(arrived) => arrived,
            Err(response) => return self.refused(&said, response, ""),
        };
        if let Some((response, reason)) = self.false_header(&arrived.facts).await {
            return self.refused(&said, response, &reason);
        }
        let submission = self.submission(*transaction, arrived, eight_bit);
        match accept::accept(&self.site.control, submission).await {
            Ok(id) => self.accepted(&said, id),
            Err(NotAccepted::Suspended) => {
                self.refused(&said, reply::unavailable(self.site.hostname()), "the account may no longer send")
            }
            Err(NotAccepted::Deferred) => {
                self.refused(&said, reply::try_later(), "the guard holds the origin, and guard.mode is defer")
            }
            Err(NotAccepted::Store(error)) => self.store_failed(&said, &error),
        }
    }

    fn accepted(&mut self, said: &str, id: MessageId) -> Reply {
        let response = Response::new(250, (2, 0, 0), format!("queued as {id}"));
        if self.site.settings.dialogue {
            self.note_dialogue(said, &response, "");
        }
        self.summary.accepted += 1;
        self.summary.message = id.to_string();
        self.summary.refusal.clear();
        Reply::Accept(response)
    }

    /// Why the header of a submitted message may not say what it says.
    async fn false_header(&self, facts: &Facts) -> Option<(Response, String)> {
        let login = self.login.as_deref()?;
        let claimed = match identity::claim(&facts.originators) {
            Claim::Nobody => return None,
            Claim::Unclear(what) => return Some((reply::unclear_from(), format!("the header has {what}"))),
            Claim::Addresses(addresses) => addresses,
        };
        match identity::foreign(self.site.control.store(), &login.account, &claimed).await {
            Ok(None) => None,
            Ok(Some(foreign)) => {
                let reason = "the header's From or Sender does not belong to the account";
                Some((reply::not_yours(&foreign.to_string()), reason.to_owned()))
            }
            Err(error) => Some((reply::of_store(&error), error.to_string())),
        }
    }

    fn submission(&self, transaction: Transaction, arrived: Arrived, eight_bit: bool) -> Submission {
        let Arrived { id, content, relay_offset, facts, fingerprint } = arrived;
        let signs = self.signs(&facts);
        Submission {
            id,
            content,
            relay_offset,
            reverse_path: transaction.reverse_path.address().map(ToString::to_string),
            account: self.login.as_deref().map(|login| login.account.id),
            client: self.client.clone(),
            helo: self.hello.name.clone(),
            with: self.with(&transaction).name(),
            header_from: facts.header_from(),
            message_id: if facts.message_id.is_empty() && self.completes(&transaction) {
                self.new_message_id(id)
            } else {
                facts.message_id
            },
            subject: facts.subject,
            fingerprint,
            smtputf8: transaction.params.smtputf8,
            eightbit: eight_bit || transaction.is_eightbit(),
            ret: transaction.ret(),
            envid: transaction.params.envid,
            received: self.now(),
            signs,
            origin: transaction.origin,
            recipients: transaction.recipients,
        }
    }

    fn signs(&self, facts: &Facts) -> Signs {
        let author = facts.originators.from.addresses.first();
        let elsewhere = |to: &Address| author.is_some_and(|author| author.domain() != to.domain());
        Signs {
            client: client::look(&self.hello.name, self.tls.as_ref(), &facts.mailer, &facts.message_id),
            session: self.session,
            author: author.cloned(),
            reply_elsewhere: facts.originators.reply_to.addresses.iter().any(elsewhere),
            offset_minutes: self.site.settings.offset_minutes,
        }
    }

    fn with(&self, transaction: &Transaction) -> With {
        With {
            extended: self.hello.extended,
            tls: self.tls.is_some(),
            authenticated: self.login.is_some(),
            utf8: transaction.params.smtputf8,
        }
    }

    /// Whether missing fields are added: for mail of our own users and networks (RFC 6409 §8), never for
    /// mail in transit.
    fn completes(&self, transaction: &Transaction) -> bool {
        transaction.origin.may_reach_outside()
    }

    /// Return-Path for local delivery, then what is relayed too: our Received, and what a submitted header lacks.
    fn prefix(&self, transaction: &Transaction, id: MessageId, facts: &Facts) -> Prefix {
        let now = self.now();
        let mut bytes = return_path(&transaction.reverse_path).into_bytes();
        let relay_offset = u32::try_from(bytes.len()).unwrap_or_default();
        let tls = self.tls.as_ref().map(|tls| TlsClause { version: tls.version, cipher: tls.cipher });
        let trace = received(&ReceivedFields {
            helo: &self.hello.name,
            peer: Some(self.ip),
            peer_name: None,
            by: self.site.hostname(),
            with: self.with(transaction),
            tls,
            id: &id.to_string(),
            recipient: transaction.single.as_ref(),
            at: now,
            offset_minutes: self.site.settings.offset_minutes,
        });
        bytes.extend_from_slice(trace.as_bytes());
        if self.completes(transaction) {
            self.complete(&mut bytes, transaction, id, facts);
        }
        if facts.headless {
            bytes.extend_from_slice(b"\r\n");
        }
        Prefix { bytes, relay_offset }
    }

    /// Adds Date, Message-ID and From where they are missing (RFC 6409 §8.2, §8.3; RFC 5322 §3.6).
    fn complete(&self, bytes: &mut Vec<u8>, transaction: &Transaction, id: MessageId, facts: &Facts) {
        if !facts.has_date {
            let date = date::format_rfc5322(self.now(), self.site.settings.offset_minutes);
            bytes.extend_from_slice(format!("Date: {date}\r\n").as_bytes());
        }
        if facts.message_id.is_empty() {
            bytes.extend_from_slice(format!("Message-ID: {}\r\n", self.new_message_id(id)).as_bytes());
        }
        if identity::claim(&facts.originators) == Claim::Nobody {
            let login = self.login.as_deref().map(|login| &login.address);
            if let Some(address) = login.or(transaction.reverse_path.address()) {
                bytes.extend_from_slice(format!("From: <{address}>\r\n").as_bytes());
            }
        }
    }

    fn new_message_id(&self, id: MessageId) -> String {
        format!("<{id}.{:x}@{}>", self.now().micros(), self.site.hostname())
    }
}
