//! Messages that an account's rules make.

use std::sync::Arc;

use sekisho_guard::relay as guard;
use sekisho_message::auto::{self, Reply};
use sekisho_message::header::{self, Headers};
use sekisho_message::{Address, fingerprint, is_eightbit};
use sekisho_store::account::Account;
use sekisho_store::personal::AutoReply;
use sekisho_store::queue::{Entry, NewMessage};
use sekisho_store::{Result, Staged, Store};

use crate::schedule::Context;
use crate::srs;

/// A message as it is forwarded; recipients are missing.
pub(super) async fn forward(
    ctx: &Arc<Context>,
    entry: &Entry,
    account: &Account,
    sender: Option<&Address>,
    message: &[u8],
    keeps: bool,
) -> Result<NewMessage> {
    let now = ctx.clock.now();
    let reverse_path = sender.map(|sender| match ctx.signer().and_then(|key| srs::write(key, sender, account, now)) {
        Some(signed) => signed.to_string(),
        // Too long for an address of its own: the account's owner hears of failures then.
        None => account.address.clone(),
    });
    let first = format!("Return-Path: <{}>\r\n", reverse_path.as_deref().unwrap_or_default());
    let trace = format!("Delivered-To: {}\r\n", account.address);
    let content = stage(&ctx.store, &[first.as_bytes(), trace.as_bytes(), message]).await?;
    let headers = Headers::of(message);
    Ok(NewMessage {
        id: ctx.store.next_message_id(),
        content: content.into(),
        relay_offset: u32::try_from(first.len()).unwrap_or(0),
        reverse_path,
        origin: guard::on_behalf(&account.key).key(),
        account: Some(account.address.clone()),
        network: entry.network.clone(),
        helo: String::new(),
        header_from: header::from_addresses(message).iter().map(Address::key).collect::<Vec<_>>().join(", "),
        message_id_header: headers.text("Message-ID").unwrap_or_default(),
        subject: headers.text("Subject").unwrap_or_default(),
        fingerprint: fingerprint::of_message(message).cast_signed(),
        smtputf8: entry.smtputf8,
        eightbit: is_eightbit(message),
        // Without a copy here the owner's notice must have the whole message.
        dsn_ret: Some(if keeps { "HDRS" } else { "FULL" }.to_owned()),
        dsn_envid: None,
        received: now,
        recipients: Vec::new(),
    })
}

/// An automatic reply; recipients are missing. None when the account's address cannot be read.
pub(super) async fn reply(
    ctx: &Arc<Context>,
    account: &Account,
    rule: &AutoReply,
    to: &Address,
    message: &[u8],
) -> Result<Option<NewMessage>> {
    let now = ctx.clock.now();
    let Ok(from) = Address::parse(&account.address) else { return Ok(None) };
    let id = ctx.store.next_message_id();
    let message_id = format!("<{id}.{:x}@{}>", now.micros(), ctx.settings.relay.hostname);
    let text = auto::build(&Reply {
        original: message,
        from: &from,
        name: &account.full_name,
        to,
        subject: &rule.subject,
        text: &rule.text,
        message_id: &message_id,
        now,
        offset_minutes: ctx.settings.offset_minutes,
    });
    let first: &[u8] = b"Return-Path: <>\r\n";
    let content = stage(&ctx.store, &[first, &text]).await?;
    Ok(Some(NewMessage {
        id,
        content: content.into(),
        relay_offset: u32::try_from(first.len()).unwrap_or(0),
        // RFC 3834 §3.3: so that nothing answers the answer.
        reverse_path: None,
        origin: guard::on_behalf(&account.key).key(),
        account: Some(account.address.clone()),
        network: String::new(),
        helo: String::new(),
        header_from: from.key(),
        message_id_header: message_id,
        subject: Headers::of(&text).text("Subject").unwrap_or_default(),
        fingerprint: fingerprint::of_message(&text).cast_signed(),
        smtputf8: !from.to_string().is_ascii() || !to.to_string().is_ascii(),
        eightbit: is_eightbit(&text),
        dsn_ret: None,
        dsn_envid: None,
        received: now,
        recipients: Vec::new(),
    }))
}

/// A body that is also what a mailbox here gets.
async fn stage(store: &Store, parts: &[&[u8]]) -> Result<Staged> {
    let mut staging = store.stage();
    for part in parts {
        staging.write(part)?;
    }
    let mut content = staging.finish().await?;
    content.summarize()?;
    Ok(content)
}
