//! Mail that the server writes itself: stored and described for the queue.

use sekisho_message::header::Headers;
use sekisho_message::{Time, fingerprint, is_eightbit};
use sekisho_store::queue::{LOCAL, NewMessage, NewRecipient};
use sekisho_store::{MessageId, Result, Store};

/// Goes before the stored message, for local delivery. Relaying starts after it.
const RETURN_PATH: &[u8] = b"Return-Path: <>\r\n";

/// What is known of a message that the server wrote.
#[derive(Clone, Debug)]
pub(crate) struct OwnMail<'a> {
    pub(crate) id: MessageId,
    /// Header and text.
    pub(crate) message: &'a [u8],
    /// Whose queue it is in.
    pub(crate) origin: String,
    /// Our host name.
    pub(crate) hostname: &'a str,
    /// Whether it may only go where SMTPUTF8 is understood.
    pub(crate) smtputf8: bool,
    pub(crate) now: Time,
    pub(crate) recipients: Vec<NewRecipient>,
}

impl OwnMail<'_> {
    /// Stores the body; the rest is for [`sekisho_store::queue::accept`]. The reverse-path is null: nobody answers it.
    pub(crate) async fn stage(self, store: &Store) -> Result<NewMessage> {
        let mut staging = store.stage();
        staging.write(RETURN_PATH)?;
        staging.write(self.message)?;
        let mut staged = staging.finish().await?;
        if self.recipients.iter().any(|to| to.destination == LOCAL) {
            staged.summarize()?;
        }
        let header = Headers::of(self.message);
        Ok(NewMessage {
            id: self.id,
            content: staged.into(),
            relay_offset: u32::try_from(RETURN_PATH.len()).unwrap_or(0),
            reverse_path: None,
            origin: self.origin,
            account: None,
            network: String::new(),
            helo: self.hostname.to_owned(),
            header_from: format!("mailer-daemon@{}", self.hostname),
            message_id_header: header.text("Message-ID").unwrap_or_default(),
            subject: header.text("Subject").unwrap_or_default(),
            fingerprint: fingerprint::of_message(self.message).cast_signed(),
            smtputf8: self.smtputf8,
            eightbit: is_eightbit(self.message),
            dsn_ret: None,
            dsn_envid: None,
            received: self.now,
            recipients: self.recipients,
        })
    }
}
