//! What the journal knows of a message.

use std::time::Duration;

use sekisho_message::Time;
use sekisho_store::account;
use sekisho_store::journal::{self, Entry, JournalFilter, Kind};
use sekisho_store::{Result, Store, Tx};

use super::mark::Marks;

/// The time in a trace field and that of the entry are the same second, but for writing.
const ROOM: Duration = Duration::from_secs(120);
/// How far a Date field may lie from the truth.
const DAY: Duration = Duration::from_secs(86_400);
/// Pages of the journal that are searched for a Message-ID.
const PAGES: u32 = 60;
/// Entries in a page.
const PAGE: u32 = 1_000;

/// The acceptance of message `id` at about `at`.
pub(super) async fn accepted(store: &Store, id: &str, at: Time) -> Result<Option<Entry>> {
    let filter = JournalFilter {
        kinds: vec![Kind::In],
        message: Some(id.to_owned()),
        since: Some(at - ROOM),
        until: Some(at + ROOM),
        ..JournalFilter::default()
    };
    search(store, filter, |_| true).await.map(|(entry, _)| entry)
}

/// The acceptance of a message with that Message-ID at about `date`, and whether all of that time was searched.
pub(super) async fn by_message_id(store: &Store, message_id: &str, date: Time) -> Result<(Option<Entry>, bool)> {
    let filter = JournalFilter {
        kinds: vec![Kind::In],
        since: Some(date - DAY),
        until: Some(date + DAY),
        ..JournalFilter::default()
    };
    let wanted = message_id.to_owned();
    search(store, filter, move |entry| entry.detail["message_id"] == wanted.as_str()).await
}

/// The first entry that is wanted.
pub(super) async fn first(
    store: &Store,
    filter: JournalFilter,
    wanted: impl Fn(&Entry) -> bool,
) -> Result<Option<Entry>> {
    search(store, filter, wanted).await.map(|(entry, _)| entry)
}

async fn search(
    store: &Store,
    filter: JournalFilter,
    wanted: impl Fn(&Entry) -> bool,
) -> Result<(Option<Entry>, bool)> {
    let mut after = 0;
    for _ in 0..PAGES {
        let asked = filter.clone();
        let page = store.read(move |tx| journal::query(tx, &asked, after, PAGE)).await?;
        if let Some((_, entry)) = page.entries.into_iter().find(|(_, entry)| wanted(entry)) {
            return Ok((Some(entry), true));
        }
        if page.end {
            return Ok((None, true));
        }
        after = page.next;
    }
    Ok((None, false))
}

/// When the journal begins; none when it is empty.
pub(super) async fn begins(store: &Store) -> Result<Option<Time>> {
    let page = store.read(|tx| journal::query(tx, &JournalFilter::default(), 0, 1)).await?;
    Ok(page.entries.first().map(|(_, entry)| entry.at))
}

/// The account whose tag `who` is.
pub(super) fn account_of(tx: &mut dyn Tx, marks: &Marks, who: [u8; 6]) -> Result<Option<String>> {
    let mut after = String::new();
    loop {
        let page = account::list(tx, None, &after, PAGE)?;
        let Some(last) = page.last() else { return Ok(None) };
        after.clone_from(&last.key);
        if let Some(found) = page.iter().find(|one| marks.who(&format!("account:{}", one.key)) == who) {
            return Ok(Some(found.address.clone()));
        }
    }
}
