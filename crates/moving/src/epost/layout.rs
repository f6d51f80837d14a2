//! Where the mailboxes of a spool are: `inbox/<domain>/<user>`, or `inbox/<user>` in common mode.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::io;
use std::path::{Path, PathBuf};

use sekisho_message::say;

use super::accounts::Row;
use super::report::{Kind, Report};
use crate::files::Listing;

/// Deepest folder of a mailbox.
const DEEPEST: usize = 10;
/// Work folders of the queue; what is in them is not delivered yet.
const QUEUE: [&str; 4] = ["incoming", "domains", "holding", "lists"];

/// The mailboxes of a spool.
pub(super) struct Spool {
    root: PathBuf,
    /// By address key.
    boxes: HashMap<String, Mailbox>,
    /// Message files in all mailboxes.
    pub(super) messages: u64,
    /// Messages in the work folders of the queue.
    queued: BTreeMap<&'static str, u64>,
    /// The tree of numeric settings.
    settings: Option<PathBuf>,
}

/// One mailbox.
#[derive(Clone, Debug)]
pub(super) struct Mailbox {
    pub(super) path: PathBuf,
    /// Its name has a `~`: suspended.
    pub(super) suspended: bool,
    /// Another account of the file has the same one (common mode).
    pub(super) shared: bool,
}

impl Spool {
    /// Finds the mailboxes of `rows`.
    pub(super) fn look(root: &Path, rows: &[Row]) -> io::Result<Self> {
        let top = Listing::of(root)?;
        if top.folders.is_empty() {
            return Err(io::Error::new(io::ErrorKind::NotFound, "there is no spool here"));
        }
        let inbox = Listing::of(top.folders.get("inbox").map_or(root, PathBuf::as_path))?;
        let (mut domains, mut boxes) = (HashMap::new(), HashMap::new());
        let (mut taken, mut messages) = (HashSet::new(), 0);
        for row in rows {
            let domain = row.address.domain().to_string().to_lowercase();
            if !domains.contains_key(&domain) {
                let folder = inbox.folders.get(&domain).map(|path| Listing::of(path)).transpose()?;
                domains.insert(domain.clone(), folder);
            }
            let own = domains.get(&domain).and_then(Option::as_ref);
            let Some((path, suspended)) = locate(own, &inbox, row) else { continue };
            let shared = !taken.insert(path.clone());
            if !shared {
                messages += count(&path, 0)?;
            }
            boxes.insert(row.address.key(), Mailbox { path, suspended, shared });
        }
        let mut queued = BTreeMap::new();
        for name in QUEUE {
            if let Some(path) = top.folders.get(name) {
                queued.insert(name, count(path, 0)?);
            }
        }
        let settings = top.folders.get("reg").cloned();
        Ok(Self { root: root.to_owned(), boxes, messages, queued, settings })
    }

    /// The mailbox of an account.
    pub(super) fn mailbox(&self, row: &Row) -> Option<&Mailbox> {
        self.boxes.get(&row.address.key())
    }

    /// Reports what is in the spool and is not taken over: settings, and what waits in the queue of the other server.
    pub(super) fn waiting(&self, report: &mut Report) {
        if let Some(path) = &self.settings {
            let text = say!(
                ja: "旧サーバの数値設定（ロックアウト、同時接続、再送など）です。取り込みません。ここでの既定値は sekisho.toml にあり、[lockout] などで変えられます。",
                en: "Numeric settings of the old server (lockouts, sessions, retries). They are not taken over: see [lockout] and the other sections of sekisho.toml."
            );
            report.note(Kind::Unsupported, &path.display().to_string(), None, text, None);
        }
        for (name, count) in self.queued.iter().filter(|(_, count)| **count > 0) {
            let text = say!(
                ja: "配送待ちのメールが {count} 通あります。これは移行しません。旧サーバの epstdd を動かして配送し終えるか、不要なら捨ててください。",
                en: "{count} messages wait to be delivered. They are not imported: let the old server's epstdd deliver them, or drop them."
            );
            report.note(Kind::Unsupported, &self.root.join(name).display().to_string(), None, text, None);
        }
    }
}

/// The folder of an account, and whether its name says that it is suspended.
fn locate(domain: Option<&Listing>, common: &Listing, row: &Row) -> Option<(PathBuf, bool)> {
    let user = row.user.to_lowercase();
    let home = row.home.rsplit(['/', '\\']).find(|part| !part.is_empty()).unwrap_or_default().to_lowercase();
    for listing in [domain, Some(common)].into_iter().flatten() {
        for (name, suspended) in [(user.clone(), false), (home.clone(), false), (format!("~{user}"), true)] {
            if let Some(path) = listing.folders.get(&name).filter(|_| !name.is_empty()) {
                return Some((path.clone(), suspended || name.starts_with('~')));
            }
        }
    }
    None
}

/// Message files below a folder.
fn count(path: &Path, depth: usize) -> io::Result<u64> {
    let listing = Listing::of(path)?;
    let mut found = listing.files.keys().filter(|name| name.ends_with(".msg")).count() as u64;
    if depth < DEEPEST {
        for folder in listing.folders.values() {
            found += count(folder, depth + 1)?;
        }
    }
    Ok(found)
}
