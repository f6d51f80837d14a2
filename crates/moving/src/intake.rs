//! Puts messages into folders, each once.
//!
//! Each message has a mark of where it came from, written in the transaction that stores it. So an import that was killed
//! goes on where it was, and a second one finds everything done. While one batch is written, the next one is read.

use std::collections::HashSet;
use std::time::Duration;

use sekisho_control::{BusEvent, Control, Refusal};
use sekisho_message::{Address, Time, header, say};
use sekisho_store::account::Account;
use sekisho_store::imported::{self, Item};
use sekisho_store::mail::{self, Flags};
use sekisho_store::{AccountId, Body, Error, MailboxId, Result, Staged, account, mailbox};
use tokio::task::JoinHandle;

/// Messages of one transaction.
const MESSAGES: usize = 200;
/// Octets of one transaction.
const OCTETS: usize = 16 << 20;
/// Recipients of sent mail that are noted as contacts, of one message.
const MOST_SEEN: usize = 50;

/// A message to bring in.
#[derive(Debug)]
pub struct Arrival {
    /// Its mark: it is not stored when that is set.
    pub item: Item,
    /// A second mark to set with it.
    pub also: Option<Item>,
    /// Where it goes.
    pub folder: MailboxId,
    /// System flags.
    pub flags: Flags,
    /// Keywords.
    pub keywords: Vec<String>,
    /// INTERNALDATE.
    pub date: Time,
    /// The message, lines ending in CRLF.
    pub bytes: Vec<u8>,
    /// Whether the account's owner wrote it: its recipients become contacts.
    pub sent: bool,
}

/// What was brought in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Counts {
    /// Messages that are new here.
    pub imported: u64,
    /// Messages that had been brought in before.
    pub present: u64,
    /// Octets of the new ones.
    pub bytes: u64,
}

/// Brings messages into one account.
pub struct Intake {
    control: Control,
    account: AccountId,
    key: String,
    batch: Vec<Arrival>,
    octets: usize,
    writing: Option<JoinHandle<Result<Counts>>>,
    counts: Counts,
    folders: HashSet<MailboxId>,
}

impl Intake {
    /// Into `account`.
    #[must_use]
    pub fn new(control: &Control, account: AccountId, key: &str) -> Self {
        Self {
            control: control.clone(),
            account,
            key: key.to_owned(),
            batch: Vec::new(),
            octets: 0,
            writing: None,
            counts: Counts::default(),
            folders: HashSet::new(),
        }
    }

    /// The folder of this name, made when it is not there.
    ///
    /// # Errors
    /// What the store reports.
    pub async fn folder(&mut self, name: &str) -> Result<MailboxId> {
        let (account, name, now) = (self.account, name.to_owned(), self.control.now());
        let id = self
            .control
            .store()
            .write(move |tx| match mailbox::get(tx, account, &name)? {
                Some(folder) => Ok(folder.id),
                None => {
                    let id = mailbox::create(tx, account, &name, None, now)?;
                    mailbox::subscribe(tx, account, &name, true)?;
                    Ok(id)
                }
            })
            .await?;
        self.folders.insert(id);
        Ok(id)
    }

    /// Those of `items` that are done already. They are counted as present.
    ///
    /// # Errors
    /// What the store reports.
    pub async fn known(&mut self, items: Vec<Item>) -> Result<HashSet<Item>> {
        let account = self.account;
        let known = self.control.store().read(move |tx| imported::known(tx, account, &items)).await?;
        self.counts.present += known.len() as u64;
        Ok(known)
    }

    /// Takes a message.
    ///
    /// # Errors
    /// What the store reports, of this message or of those before it.
    pub async fn take(&mut self, arrival: Arrival) -> Result<()> {
        self.octets += arrival.bytes.len();
        self.batch.push(arrival);
        if self.batch.len() >= MESSAGES || self.octets >= OCTETS {
            self.flush().await?;
        }
        Ok(())
    }

    /// Writes what is left, and tells open sessions.
    ///
    /// # Errors
    /// As [`Intake::take`].
    pub async fn finish(mut self) -> Result<Counts> {
        self.flush().await?;
        self.landed().await?;
        for mailbox in &self.folders {
            let event = BusEvent::MailboxChanged { mailbox: *mailbox, account: self.account };
            self.control.bus().publish(event);
        }
        Ok(self.counts)
    }

    async fn flush(&mut self) -> Result<()> {
        if self.batch.is_empty() {
            return Ok(());
        }
        self.octets = 0;
        let (batch, store) = (std::mem::take(&mut self.batch), self.control.store().clone());
        let staging = tokio::task::spawn_blocking(move || {
            batch.into_iter().map(|arrival| Ready::of(&store, arrival)).collect::<Result<Vec<Ready>>>()
        });
        let ready = staging.await.map_err(|error| Error::Engine(error.to_string()))??;
        self.landed().await?;
        let (control, account, key, now) = (self.control.clone(), self.account, self.key.clone(), self.control.now());
        self.writing = Some(tokio::spawn(async move {
            let hands = control.clone();
            control
                .store()
                .write(move |tx| {
                    let mut counts = Counts::default();
                    for one in &ready {
                        if one.store(tx, account, now)? {
                            counts.imported += 1;
                            counts.bytes += one.content.size();
                            hands.guard().remember_sent(tx, &key, &one.seen, now)?;
                        } else {
                            counts.present += 1;
                        }
                    }
                    Ok(counts)
                })
                .await
        }));
        Ok(())
    }

    async fn landed(&mut self) -> Result<()> {
        if let Some(writing) = self.writing.take() {
            let counts = writing.await.map_err(|error| Error::Engine(error.to_string()))??;
            self.counts.imported += counts.imported;
            self.counts.present += counts.present;
            self.counts.bytes += counts.bytes;
        }
        Ok(())
    }
}

/// A message that is ready to be stored.
struct Ready {
    item: Item,
    also: Option<Item>,
    folder: MailboxId,
    flags: Flags,
    keywords: Vec<String>,
    date: Time,
    content: Staged,
    seen: Vec<Address>,
}

impl Ready {
    fn of(store: &sekisho_store::Store, arrival: Arrival) -> Result<Self> {
        let Arrival { item, also, folder, flags, keywords, date, bytes, sent } = arrival;
        let mut staging = store.stage();
        staging.write(&bytes)?;
        let mut content = staging.finish_blocking()?;
        content.summarize()?;
        let seen = if sent { recipients(&bytes) } else { Vec::new() };
        Ok(Self { item, also, folder, flags, keywords, date, content, seen })
    }

    /// Whether it is new.
    fn store(&self, tx: &mut dyn sekisho_store::Tx, account: AccountId, now: Time) -> Result<bool> {
        if !imported::mark(tx, account, &self.item)? {
            return Ok(false);
        }
        if let Some(also) = &self.also {
            imported::mark(tx, account, also)?;
        }
        let mut flags = self.flags;
        for keyword in &self.keywords {
            // A folder that has no room for more keywords takes the message without.
            if let Ok(bit) = mailbox::keyword(tx, self.folder, keyword) {
                flags = flags.with(Flags::keyword(bit));
            }
        }
        mail::append(tx, self.folder, &Body::New(self.content.clone()), flags, self.date, now)?;
        Ok(true)
    }
}

/// To whom a sent message went.
fn recipients(message: &[u8]) -> Vec<Address> {
    let mut all: Vec<Address> =
        ["To", "Cc", "Bcc"].iter().flat_map(|name| header::field_addresses(message, name)).collect();
    all.truncate(MOST_SEEN);
    all
}

/// Whether a folder holds what its owner wrote.
#[must_use]
pub fn is_sent(folder: &str) -> bool {
    let last = folder.rsplit('/').next().unwrap_or(folder).to_lowercase();
    ["sent", "sent messages", "sent items", "sent mail", "sent-mail", "送信済み", "送信済みアイテム", "送信済みトレイ"]
        .contains(&last.as_str())
}

/// The account that mail is brought to or taken from.
///
/// # Errors
/// When there is none.
pub(crate) async fn find(control: &Control, address: &str) -> std::result::Result<Account, Refusal> {
    let key = Address::parse(address.trim()).map(|address| address.key()).unwrap_or_default();
    let found = control.store().read(move |tx| account::get(tx, &key)).await?;
    found.ok_or_else(|| {
        Refusal::invalid(say!(ja: "アカウント {address} はありません。", en: "There is no account {address}."))
    })
}

/// A refusal that says how far an import came: it can be begun again.
pub(crate) fn interrupted(error: Error) -> Refusal {
    if error == Error::OverQuota {
        return Refusal::invalid(say!(
            ja: "アカウントの容量上限に達しました。sekisho account quota で上限を変えてから、同じコマンドをもう一度実行すると続きから取り込みます。",
            en: "The account's quota is used up. Raise it with sekisho account quota, then run the same command again: it goes on where it was."
        ));
    }
    error.into()
}

/// How often progress is told at most.
pub(crate) const TELL: Duration = Duration::from_millis(100);
