//! Notifications to senders: failed, delayed, delivered (RFC 3461, RFC 3464).
//!
//! Only a sender that we know is told: one whose reverse-path leads to somebody here, or, when it no longer does, the
//! account that submitted the message. Everybody else may be the victim of a forgery, and a bounce to a forged
//! sender is spam by our hand (backscatter). The null reverse-path is never answered.

use bytes::Bytes;
use sekisho_guard::relay::{self, Locality, Policy, Standing};
use sekisho_guard::rules::effect::{Decision, Ruling};
use sekisho_message::dsn::{self, Action, DsnRecipient, DsnRequest};
use sekisho_message::{Address, Text, Time, say, srs};
use sekisho_proto::smtp::xtext;
use sekisho_store::queue::{Entry, NewMessage, NewRecipient, Stage};
use sekisho_store::{MessageId, Result, Store, Tx};

use crate::notify;
use crate::own_mail::OwnMail;
use crate::relay::Attempt;
use crate::routing::{self, Target};

/// What a notification says of one recipient.
#[derive(Clone, Debug)]
pub(crate) struct Told {
    pub(crate) entry: Entry,
    pub(crate) action: Action,
    /// Status such as `5.1.1`.
    pub(crate) status: String,
    /// The attempt that it is about, if there was one.
    pub(crate) attempt: Option<Attempt>,
    /// Until when attempts go on.
    pub(crate) retry_until: Option<Time>,
}

/// Who writes a notification, and when.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Writer<'a> {
    pub(crate) store: &'a Store,
    pub(crate) hostname: &'a str,
    pub(crate) offset_minutes: i32,
    pub(crate) now: Time,
}

/// Where a notification about `entry` goes; none when there is no sender that we know.
pub(crate) fn sender(tx: &mut dyn Tx, entry: &Entry, links: usize, now: Time) -> Result<Option<NewRecipient>> {
    let Some(Ok(address)) = entry.reverse_path.as_deref().map(Address::parse) else { return Ok(None) };
    // What an account forwards is its owner's affair: the sender never wrote to where it went.
    if !srs::is_one(&address)
        && let Some(found) = reachable(tx, &address, links, now)?
    {
        return Ok(Some(found));
    }
    match entry.account.as_deref().map(Address::parse) {
        Some(Ok(account)) => reachable(tx, &account, links, now),
        _ => Ok(None),
    }
}

/// The notification about recipients of one message, to be queued with the outcomes that it is about.
///
/// `original` is the message without our Return-Path line.
pub(crate) async fn write(
    writer: &Writer<'_>,
    to: NewRecipient,
    told: &[Told],
    original: &Bytes,
) -> Result<Option<NewMessage>> {
    let Some(first) = told.first() else { return Ok(None) };
    let Some(Ok(sender)) = first.entry.reverse_path.as_deref().map(Address::parse) else { return Ok(None) };
    let id = writer.store.next_message_id();
    let message = build(writer, &sender, told, original, id);
    let mail = OwnMail {
        id,
        message: &message,
        // Its own origin for each origin that it is about: nobody's bounces wait behind another's.
        origin: format!("bounce:{}", first.entry.origin),
        hostname: writer.hostname,
        smtputf8: first.entry.smtputf8 && !message.is_ascii(),
        now: writer.now,
        recipients: vec![to],
    };
    mail.stage(writer.store).await.map(Some)
}

fn build(writer: &Writer<'_>, sender: &Address, told: &[Told], original: &Bytes, id: MessageId) -> Vec<u8> {
    let Some(first) = told.first() else { return Vec::new() };
    let unreadable = Address::parse("unknown@invalid.invalid").ok();
    let addresses: Vec<Option<Address>> = told.iter().map(|told| Address::parse(&told.entry.address).ok()).collect();
    let diagnostics: Vec<Option<String>> = told.iter().map(|told| told.attempt.as_ref().map(Attempt::line)).collect();
    let reasons: Vec<Option<Text>> = told.iter().map(reason).collect();
    let recipients: Vec<DsnRecipient<'_>> = told
        .iter()
        .zip(addresses.iter().zip(diagnostics.iter().zip(&reasons)))
        .filter_map(|(told, (address, (diagnostic, reason)))| {
            let peer = told.attempt.as_ref().filter(|attempt| attempt.remote).and_then(|attempt| attempt.peer.as_ref());
            Some(DsnRecipient {
                address: address.as_ref().or(unreadable.as_ref())?,
                orcpt: told.entry.orcpt.as_deref().unwrap_or_default(),
                action: told.action,
                status: &told.status,
                remote_mta: peer.map(|peer| peer.host.as_str()),
                diagnostic: diagnostic.as_deref(),
                last_attempt: Some(writer.now),
                retry_until: told.retry_until,
                reason: reason.as_ref(),
            })
        })
        .collect();
    let envelope_id = first.entry.dsn_envid.as_deref().map(|id| xtext::decode(id).unwrap_or_else(|| id.to_owned()));
    dsn::build(&DsnRequest {
        host: writer.hostname,
        to: sender,
        id: &id.to_string(),
        now: writer.now,
        offset_minutes: writer.offset_minutes,
        arrival: first.entry.received,
        envelope_id: envelope_id.as_deref(),
        message_id: &first.entry.message.to_string(),
        recipients: &recipients,
        ret: match first.entry.dsn_ret.as_deref() {
            Some("FULL") => dsn::Return::Full,
            _ => dsn::Return::Headers,
        },
        original,
        smtputf8: first.entry.smtputf8,
    })
}

/// What there is to say beyond the status.
fn reason(told: &Told) -> Option<Text> {
    match (told.action, told.status.as_str()) {
        (Action::Failed, "4.4.7") => Some(say!(
            ja: "配送を繰り返し試みましたが、期限までに届けられませんでした。これ以上は試みません。",
            en: "Delivery was tried again and again, but did not succeed in time. There will be no further attempts."
        )),
        (Action::Failed, "5.1.10") => Some(say!(
            ja: "宛先のドメインはメールを受け取らないと宣言しています。",
            en: "The recipient's domain says that it takes no mail."
        )),
        (Action::Failed, "5.4.6") => Some(say!(
            ja: "宛先のドメインのメールはこのサーバに戻ってきますが、このサーバはそのドメインを担当していません。",
            en: "Mail for the recipient's domain would come back to this server, which is not responsible for that domain."
        )),
        _ => None,
    }
}

/// A queue entry for `address` if it leads to somebody here, or outside by an alias that an administrator made.
fn reachable(tx: &mut dyn Tx, address: &Address, links: usize, now: Time) -> Result<Option<NewRecipient>> {
    let entry = |address: String, destination: String, stage| NewRecipient {
        address,
        destination,
        stage,
        notify: notify::NEVER,
        orcpt: None,
        due: now,
    };
    Ok(match routing::resolve(tx, address, links)? {
        Target::Account(resident) => Some(entry(resident.account.address.clone(), "local".to_owned(), Stage::Incoming)),
        Target::Forward { alias, to } if may_reach(&relay::forwarding(&alias)) => {
            let destination = to.domain().ascii().to_owned();
            Some(entry(to.to_string(), destination, Stage::Domains))
        }
        Target::Forward { .. } | Target::List(_) | Target::Outside | Target::Unknown | Target::Loop => None,
    })
}

/// Whether this origin may reach a recipient outside when no rule says otherwise.
pub(crate) fn may_reach(origin: &sekisho_guard::origin::Origin) -> bool {
    let rule = Decision { ruling: Ruling::Base, line: None, shut_by: None };
    let request = relay::Request {
        origin,
        rule: &rule,
        sender: Standing::Nobody,
        recipient: Locality::Outside,
        policy: Policy::default(),
    };
    relay::decide(&request).accepts()
}
