//! Letters of the server itself to people: the daily summary and the like.

use sekisho_message::header::HeaderBuilder;
use sekisho_message::{Address, Language, Text, Time, date, say};
use sekisho_store::queue::{self, NewMessage, NewRecipient, Stage};
use sekisho_store::{Result, domain};

use crate::{BusEvent, Control};

/// Goes before the stored letter, for local delivery. Relaying starts after it.
const RETURN_PATH: &[u8] = b"Return-Path: <>\r\n";
/// Recipients of one letter.
const MOST: usize = 100;

/// A letter in both languages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Letter {
    /// Subject.
    pub subject: Text,
    /// Plain text; lines end in `\n`.
    pub body: Text,
}

impl Control {
    /// Queues `letter` for each of `to` in the recipient's language. It comes from nobody (a null reverse-path), so nothing
    /// is ever sent back. What is no address is left out. How many were queued.
    ///
    /// # Errors
    /// What the store reports.
    pub async fn post(&self, letter: &Letter, to: &[(String, Language)], origin: &str) -> Result<usize> {
        let (now, mut queued) = (self.now(), 0);
        for (address, language) in to.iter().take(MOST) {
            let Ok(address) = Address::parse(address) else { continue };
            let id = self.store().next_message_id();
            let text = self.write_letter(letter, &address, *language, &id.to_string(), now);
            let mut staging = self.store().stage();
            staging.write(RETURN_PATH)?;
            staging.write(text.as_bytes())?;
            let mut staged = staging.finish().await?;
            staged.summarize()?;
            let (host, origin) = (self.options().hostname.clone(), origin.to_owned());
            let subject = letter.subject.get(*language).to_owned();
            let write = move |tx: &mut dyn sekisho_store::Tx| {
                let ascii = address.domain().ascii().to_owned();
                let local = domain::get(tx, &ascii)?.is_some();
                let (destination, stage) =
                    if local { (queue::LOCAL.to_owned(), Stage::Incoming) } else { (ascii, Stage::Domains) };
                let recipient =
                    NewRecipient { address: address.to_string(), destination, stage, notify: 1, orcpt: None, due: now };
                let message = NewMessage {
                    id,
                    content: staged.clone().into(),
                    relay_offset: u32::try_from(RETURN_PATH.len()).unwrap_or(0),
                    reverse_path: None,
                    origin: origin.clone(),
                    account: None,
                    network: String::new(),
                    helo: host.clone(),
                    header_from: format!("postmaster@{host}"),
                    message_id_header: format!("<{id}@{host}>"),
                    subject: subject.clone(),
                    fingerprint: 0,
                    smtputf8: false,
                    eightbit: true,
                    dsn_ret: None,
                    dsn_envid: None,
                    received: now,
                    recipients: vec![recipient],
                };
                queue::accept(tx, &message, now).map(drop)
            };
            self.store().write(write).await?;
            queued += 1;
        }
        if queued > 0 {
            self.bus().publish(BusEvent::QueueReady);
        }
        Ok(queued)
    }

    fn write_letter(&self, letter: &Letter, to: &Address, language: Language, id: &str, now: Time) -> String {
        let host = &self.options().hostname;
        let mut header = HeaderBuilder::new();
        let name = say!(ja: "Sekisho メールサーバ", en: "Sekisho mail server");
        let date = date::format_rfc5322(now, self.options().offset_minutes);
        let fields = [
            (
                "From",
                format!("\"{}\" <postmaster@{host}>", if language == Language::En { &name.en } else { "Sekisho" }),
            ),
            ("To", format!("<{to}>")),
            ("Date", date),
            ("Message-ID", format!("<{id}@{host}>")),
            ("Auto-Submitted", "auto-generated".to_owned()),
            ("MIME-Version", "1.0".to_owned()),
            ("Content-Type", "text/plain; charset=utf-8".to_owned()),
            ("Content-Transfer-Encoding", "base64".to_owned()),
        ];
        // Names are ours and values are made harmless, so no field can fail.
        let _ = header.text("Subject", letter.subject.get(language));
        for (name, value) in &fields {
            let _ = header.structured(name, value);
        }
        let body = letter.body.get(language).replace('\n', "\r\n");
        let mut text = header.finish();
        text.push_str("\r\n");
        let encoded = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, body);
        for line in encoded.as_bytes().chunks(76) {
            text.push_str(&String::from_utf8_lossy(line));
            text.push_str("\r\n");
        }
        text
    }
}
