//! From queue entries to a transaction, and from its replies to outcomes.

use std::sync::Arc;

use bytes::Bytes;
use sekisho_proto::smtp::Return;
use sekisho_proto::smtp::client::{self, Recipient, Report, Transaction};
use sekisho_store::queue::Entry;

use super::outcome::{Attempt, Peer, Stage};
use crate::notify;

/// The transaction for `entries`, which are all of one message; `content` is the stored body.
pub(crate) fn transaction(entries: &[Entry], content: &Bytes) -> Option<Transaction> {
    let first = entries.first()?;
    let from = usize::try_from(first.relay_offset).unwrap_or(0).min(content.len());
    Some(Transaction {
        reverse_path: first.reverse_path.clone().unwrap_or_default(),
        recipients: entries.iter().map(recipient).collect(),
        body: content.slice(from..),
        eight_bit: first.eightbit,
        smtputf8: first.smtputf8,
        ret: first.dsn_ret.as_deref().map(|ret| match ret {
            "FULL" => Return::Full,
            _ => Return::Headers,
        }),
        envid: first.dsn_envid.clone(),
    })
}

/// What the report says about each recipient, in their order.
pub(crate) fn attempts(report: Report, peer: &Arc<Peer>) -> impl Iterator<Item = Attempt> + '_ {
    let dsn = report.dsn;
    report.outcomes.into_iter().map(move |outcome| attempt(&outcome, dsn, peer))
}

/// Whether the transaction as a whole went as it should: a refusal for good counts as such, because the peer works.
pub(crate) fn went_well(report: &Report) -> bool {
    let put_off = |outcome: &client::Outcome| {
        outcome.response.is_temporary() && !matches!(outcome.stage, client::Stage::Rcpt | client::Stage::Local)
    };
    !report.outcomes.iter().any(put_off)
}

fn attempt(outcome: &client::Outcome, dsn: bool, peer: &Arc<Peer>) -> Attempt {
    let response = &outcome.response;
    let enhanced = response.enhanced.map(|enhanced| enhanced.to_string());
    let mut attempt =
        Attempt::reply(stage(outcome.stage), response.code, enhanced.as_deref(), one_line(&response.text));
    // The session speaks for itself before it sends anything, and when the connection breaks.
    attempt.remote = outcome.stage != client::Stage::Local && attempt.status != "4.4.2";
    attempt.notifies = dsn;
    attempt.at(Some(Arc::clone(peer)))
}

fn stage(stage: client::Stage) -> Stage {
    match stage {
        client::Stage::Mail => Stage::Mail,
        client::Stage::Rcpt => Stage::Rcpt,
        client::Stage::Data | client::Stage::Message | client::Stage::Local => Stage::Data,
        _ => Stage::Connect,
    }
}

/// A reply's lines as one, without control characters, and not longer than a log wants.
pub(crate) fn one_line(text: &str) -> String {
    const LONGEST: usize = 500;
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(LONGEST).collect()
}

fn recipient(entry: &Entry) -> Recipient {
    Recipient { address: entry.address.clone(), notify: notify::to_wire(entry.notify), orcpt: entry.orcpt.clone() }
}
