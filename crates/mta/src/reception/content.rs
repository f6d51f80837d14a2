//! DATA to the final reply.

use sekisho_control::letter::Arrival;
use sekisho_control::trace::Bound;
use sekisho_message::trace::{ReceivedFields, TlsClause, With, received, return_path};
use sekisho_message::{Address, date};
use sekisho_proto::smtp::Response;
use sekisho_proto::smtp::server::Reply;
use sekisho_store::MessageId;
use sekisho_store::domain::Claims;

use super::agent::SmtpAgent;
use super::facts::Facts;
use super::filter::Sifted;
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
        let report = self.report(&transaction, &arrived);
        let letter = self.letter(&transaction, &arrived).await;
        let mut submission = self.submission(*transaction, arrived, eight_bit);
        submission.letter = letter;
        match self.sift(&mut submission).await {
            Ok(None) => {}
            Ok(Some(Sifted { response, reason })) => return self.refused(&said, response, &reason),
            Err(error) => return self.store_failed(&said, &error),
        }
        if submission.origin.may_reach_outside() && submission.recipients.iter().any(accept::Recipient::is_outside) {
            submission.signs.content = Box::pin(self.site.scorer.score(&submission.content)).await;
        }
        submission.not_before = match self.not_before().await {
            Ok(opening) => opening,
            Err(error) => return self.store_failed(&said, &error),
        };
        match accept::accept(&self.site.control, submission).await {
            Ok(id) => {
                if let Some((message, bounce)) = report {
                    self.site.claims.consider(message, bounce);
                }
                self.accepted(&said, id)
            }
            Err(NotAccepted::Suspended) => {
                self.refused(&said, reply::unavailable(self.site.hostname()), "the account may no longer send")
            }
            Err(NotAccepted::Deferred) => {
                self.refused(&said, reply::try_later(), "the guard holds the origin, and guard.mode is defer")
            }
            Err(NotAccepted::Store(error)) => self.store_failed(&said, &error),
        }
    }

    /// The bytes of a machine's report that comes in, and whether it is a bounce. Only small ones: they are in memory.
    fn report(&self, transaction: &Transaction, arrived: &Arrived) -> Option<(bytes::Bytes, bool)> {
        let comes_in = arrived.facts.report.is_some() && !transaction.origin.may_reach_outside();
        let message = (comes_in && !arrived.content.is_large()).then(|| arrived.content.read().ok()).flatten()?;
        Some((message, transaction.reverse_path.address().is_none()))
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
        let Arrived { id, content, relay_offset, facts, fingerprint, sample: _ } = arrived;
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
            letter: None,
            origin: transaction.origin,
            recipients: transaction.recipients,
            not_before: None,
        }
    }

    /// What inlog should say of a letter from outside.
    async fn letter(&self, transaction: &Transaction, arrived: &Arrived) -> Option<serde_json::Value> {
        let facts = &arrived.facts;
        let bounce = transaction.sender.is_empty();
        if self.login.is_some() || !(transaction.role || bounce || facts.report.is_some()) {
            return None;
        }
        let from = facts.header_from();
        let arrival = Arrival {
            report: facts.report,
            role: transaction.role,
            bounce,
            from: &from,
            subject: &facts.subject,
            sample: &arrived.sample,
        };
        self.site.control.letter(&arrival).await
    }

    fn signs(&self, facts: &Facts) -> Signs {
        let author = facts.originators.from.addresses.first();
        let elsewhere = |to: &Address| author.is_some_and(|author| author.domain() != to.domain());
        Signs {
            client: client::look(&self.hello.name, self.tls.as_ref(), &facts.mailer, &facts.message_id),
            session: self.session,
            author: author.cloned(),
            reply_elsewhere: facts.originators.reply_to.addresses.iter().any(elsewhere),
            imitates: author.is_some_and(|author| identity::names_another(&facts.bound.from, author)),
            content: None,
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
        let added = if self.completes(transaction) { self.missing(transaction, id, facts) } else { Vec::new() };
        let origin = transaction.origin.key();
        let mark = self.site.control.marks().make(&id.to_string(), &origin, now, &bound(facts, &added));
        let trace = received(&ReceivedFields {
            helo: &self.hello.name,
            peer: Some(self.ip),
            peer_name: None,
            by: self.site.hostname(),
            with: self.with(transaction),
            mark: Some(&mark),
            tls,
            id: &id.to_string(),
            recipient: transaction.single.as_ref(),
            at: now,
            offset_minutes: self.site.settings.offset_minutes,
        });
        bytes.extend_from_slice(trace.as_bytes());
        for (name, value) in &added {
            bytes.extend_from_slice(format!("{name}: {value}\r\n").as_bytes());
        }
        for mark in self.door.iter().flat_map(|door| &door.marks) {
            bytes.extend_from_slice(format!("X-Sekisho-Listed: {mark}\r\n").as_bytes());
        }
        if let Some(domain) = self.claim(transaction, facts) {
            bytes.extend_from_slice(format!("X-Sekisho-Claim: {domain}; sender not authenticated\r\n").as_bytes());
        }
        if facts.headless {
            bytes.extend_from_slice(b"\r\n");
        }
        Prefix { bytes, relay_offset }
    }

    /// Date, Message-ID and From where they are missing (RFC 6409 §8.2, §8.3; RFC 5322 §3.6).
    fn missing(&self, transaction: &Transaction, id: MessageId, facts: &Facts) -> Vec<(&'static str, String)> {
        let mut added = Vec::new();
        if !facts.has_date {
            added.push(("Date", date::format_rfc5322(self.now(), self.site.settings.offset_minutes)));
        }
        if facts.message_id.is_empty() {
            added.push(("Message-ID", self.new_message_id(id)));
        }
        if identity::claim(&facts.originators) == Claim::Nobody {
            let login = self.login.as_deref().map(|login| &login.address);
            if let Some(address) = login.or(transaction.reverse_path.address()) {
                added.push(("From", format!("<{address}>")));
            }
        }
        added
    }

    /// The domain of ours that mail from outside claims, in its envelope or header, where that is to be marked.
    fn claim(&self, transaction: &Transaction, facts: &Facts) -> Option<String> {
        if transaction.origin.may_reach_outside() {
            return None;
        }
        let authors = facts.originators.from.addresses.iter().map(Address::domain);
        let envelope = transaction.reverse_path.address().map(Address::domain);
        authors
            .chain(envelope)
            .find(|domain| transaction.site.claims(domain).is_some_and(|claims| claims != Claims::Off))
            .map(|domain| domain.ascii().to_owned())
    }

    fn new_message_id(&self, id: MessageId) -> String {
        format!("<{id}.{:x}@{}>", self.now().micros(), self.site.hostname())
    }
}

/// What the mark is tied to: the fields that came, or those that are added.
fn bound(facts: &Facts, added: &[(&'static str, String)]) -> Bound {
    let mut bound = facts.bound.clone();
    for (name, value) in added {
        let place = match *name {
            "Date" => &mut bound.date,
            "Message-ID" => &mut bound.message_id,
            _ => &mut bound.from,
        };
        *place = value.clone().into_bytes();
    }
    bound
}
