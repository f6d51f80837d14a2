//! The mailboxes of the model, and what is done with them as a whole.

use std::collections::{BTreeMap, BTreeSet};

use super::act::{Act, NAMES};
use super::session::{Open, Session};

/// Flags in the order in which they are told.
pub(super) const FLAGS: [&str; 5] = ["\\Answered", "\\Flagged", "\\Deleted", "\\Seen", "\\Draft"];
pub(super) const DELETED: u8 = 4;
pub(super) const SEEN: u8 = 8;

/// The text of every message.
const TEXT: &str = "Subject: x\r\n\r\nhello\r\n";

#[derive(Clone, Debug)]
pub(super) struct Message {
    pub(super) uid: u32,
    pub(super) flags: u8,
    pub(super) mod_seq: u64,
}

#[derive(Clone, Debug)]
pub(super) struct Mailbox {
    pub(super) messages: Vec<Message>,
    pub(super) uid_next: u32,
    pub(super) mod_seq: u64,
    /// UIDs that were expunged, each with the mod-sequence of that.
    pub(super) gone: Vec<(u32, u64)>,
    special: Option<&'static str>,
}

/// Everything that the server keeps for one account.
pub(super) struct World {
    /// All mailboxes that ever were.
    pub(super) mailboxes: Vec<Mailbox>,
    names: BTreeMap<String, usize>,
    subscribed: BTreeSet<String>,
    sessions: Vec<Session>,
}

impl Mailbox {
    fn new(special: Option<&'static str>) -> Self {
        Self { messages: Vec::new(), uid_next: 1, mod_seq: 1, gone: Vec::new(), special }
    }

    pub(super) fn message(&self, uid: u32) -> Option<&Message> {
        self.messages.iter().find(|m| m.uid == uid)
    }

    /// New messages with these flags; their UIDs.
    pub(super) fn add(&mut self, flags: &[u8]) -> Vec<u32> {
        self.mod_seq += u64::from(!flags.is_empty());
        let first = self.uid_next;
        self.uid_next += u32::try_from(flags.len()).unwrap();
        let new = (first..).zip(flags).map(|(uid, flags)| Message { uid, flags: *flags, mod_seq: self.mod_seq });
        self.messages.extend(new);
        (first..self.uid_next).collect()
    }

    pub(super) fn remove(&mut self, uids: &[u32]) {
        let before = self.messages.len();
        let there: Vec<u32> = uids.iter().copied().filter(|uid| self.message(*uid).is_some()).collect();
        self.messages.retain(|m| !uids.contains(&m.uid));
        self.mod_seq += u64::from(self.messages.len() < before);
        self.gone.extend(there.into_iter().map(|uid| (uid, self.mod_seq)));
    }
}

impl World {
    pub(super) fn new() -> Self {
        let mut world = Self {
            mailboxes: Vec::new(),
            names: BTreeMap::new(),
            subscribed: BTreeSet::new(),
            sessions: vec![
                Session::default(),
                Session { rev2: true, ..Session::default() },
                Session { qresync: true, ..Session::default() },
            ],
        };
        for name in ["INBOX", "Sent", "Drafts", "Trash", "Junk"] {
            world.make(name, (name != "INBOX").then_some(name));
            world.subscribed.insert(name.to_owned());
        }
        world
    }

    /// The command that an act is, and the answer to it; no command when the act makes no sense now.
    pub(super) fn answer(&mut self, who: usize, act: &Act) -> (Option<String>, Vec<String>) {
        let needs_open = matches!(
            act,
            Act::Store { .. }
                | Act::Fetch { .. }
                | Act::Since { .. }
                | Act::Unchanged { .. }
                | Act::Search { .. }
                | Act::Copy { .. }
                | Act::Expunge(_)
                | Act::Close
                | Act::Unselect
        );
        if matches!(act, Act::Since { .. } | Act::Unchanged { .. }) && !self.sessions[who].qresync {
            return (None, Vec::new());
        }
        if needs_open {
            let Some(mut open) = self.sessions[who].open.take() else { return (None, Vec::new()) };
            let session = self.sessions[who].clone();
            let target = match act {
                Act::Copy { name, .. } => self.names.get(NAMES[*name]).copied(),
                _ => None,
            };
            let (command, lines) = session.act(act, &mut open, &mut self.mailboxes, target);
            if !matches!(act, Act::Close | Act::Unselect) {
                self.sessions[who].open = Some(open);
            }
            return (Some(command), lines);
        }
        if let Act::Delete(name) | Act::Rename(name, _) = act {
            // What becomes of sessions that have a deleted mailbox open is not the model's, nor is renaming INBOX.
            let id = self.names.get(NAMES[*name]);
            let open = self.sessions.iter().any(|s| s.open.as_ref().is_some_and(|open| Some(&open.id) == id));
            if NAMES[*name] == "INBOX" || (open && matches!(act, Act::Delete(_))) {
                return (None, Vec::new());
            }
        }
        let (command, mut lines, end) = self.on_names(who, act);
        // Whatever does not name messages may be followed by all news; a message that is refused before it comes is not.
        let told = !matches!(act, Act::Select { .. }) && end != "x NO [TRYCREATE]";
        if let Some(mut open) = self.sessions[who].open.take_if(|_| told) {
            let mailbox = &self.mailboxes[open.id];
            self.sessions[who].news(&mut lines, &mut open, mailbox, true);
            self.sessions[who].open = Some(open);
        }
        lines.push(end);
        (Some(command), lines)
    }

    fn on_names(&mut self, who: usize, act: &Act) -> (String, Vec<String>, String) {
        let mut lines = Vec::new();
        let (command, end) = match act {
            Act::Select { name, examine } => (
                format!("{} {}", if *examine { "EXAMINE" } else { "SELECT" }, NAMES[*name]),
                self.select(who, NAMES[*name], *examine, &mut lines),
            ),
            Act::Create(name) => (format!("CREATE {}", NAMES[*name]), self.create(NAMES[*name])),
            Act::Delete(name) => (format!("DELETE {}", NAMES[*name]), self.delete(NAMES[*name])),
            Act::Rename(from, to) => {
                let (from, to) = (NAMES[*from], NAMES[*to]);
                let end = self.rename(from, to);
                if self.sessions[who].rev2 && end.starts_with("x OK") {
                    lines.push(format!("* LIST () \"/\" \"{to}\" (\"OLDNAME\" (\"{from}\"))"));
                }
                (format!("RENAME {from} {to}"), end)
            }
            Act::Subscribe(name, on) => {
                let name = NAMES[*name];
                let command = format!("{} {name}", if *on { "SUBSCRIBE" } else { "UNSUBSCRIBE" });
                let end = if *on && !self.names.contains_key(name) { "x NO [NONEXISTENT]" } else { "x OK []" };
                if *on && end.starts_with("x OK") {
                    self.subscribed.insert(name.to_owned());
                } else if !on {
                    self.subscribed.remove(name);
                }
                (command, end.to_owned())
            }
            Act::List => {
                self.list(&mut lines);
                ("LIST \"\" *".to_owned(), "x OK []".to_owned())
            }
            Act::Lsub => {
                self.lsub(&mut lines);
                ("LSUB \"\" *".to_owned(), "x OK []".to_owned())
            }
            Act::Status(name) => (
                format!("STATUS {} (MESSAGES UIDNEXT UNSEEN DELETED SIZE)", NAMES[*name]),
                self.status(NAMES[*name], &mut lines),
            ),
            Act::Append { name, flags } => {
                let name = NAMES[*name];
                let command = format!("APPEND {name} {} {{{}+}}\r\n{TEXT}", told(*flags), TEXT.len());
                let end = match self.names.get(name).copied() {
                    Some(id) => format!("x OK [APPENDUID {}]", self.mailboxes[id].add(&[*flags])[0]),
                    None => "x NO [TRYCREATE]".to_owned(),
                };
                (command, end)
            }
            _ => ("NOOP".to_owned(), "x OK []".to_owned()),
        };
        (command, lines, end)
    }

    fn select(&mut self, who: usize, name: &str, read_only: bool, lines: &mut Vec<String>) -> String {
        let session = &mut self.sessions[who];
        let had_open = session.open.take().is_some();
        let Some(&id) = self.names.get(name) else { return "x NO [NONEXISTENT]".to_owned() };
        let mailbox = &self.mailboxes[id];
        if had_open && (session.rev2 || session.qresync) {
            lines.push("* OK [CLOSED]".to_owned());
        }
        let all = FLAGS.join(" ");
        lines.push(format!("* FLAGS ({all})"));
        lines.push(format!("* OK [PERMANENTFLAGS ({})]", if read_only { String::new() } else { format!("{all} \\*") }));
        lines.push(format!("* {} EXISTS", mailbox.messages.len()));
        if let Some(at) = mailbox.messages.iter().position(|m| m.flags & SEEN == 0).filter(|_| !session.rev2) {
            lines.push(format!("* OK [UNSEEN {}]", at + 1));
        }
        lines.push("* OK [UIDVALIDITY]".to_owned());
        lines.push(format!("* OK [UIDNEXT {}]", mailbox.uid_next));
        lines.push(format!("* OK [HIGHESTMODSEQ {}]", mailbox.mod_seq));
        if session.rev2 {
            lines.push(format!("* LIST () \"/\" \"{name}\""));
        }
        let known = mailbox.messages.iter().map(|m| (m.uid, m.mod_seq)).collect();
        session.open = Some(Open { id, read_only, known });
        format!("x OK [{}]", if read_only { "READ-ONLY" } else { "READ-WRITE" })
    }

    fn make(&mut self, name: &str, special: Option<&'static str>) {
        let above = name.match_indices('/').map(|(at, _)| name[..at].to_owned()).collect::<Vec<_>>();
        for name in above {
            if !self.names.contains_key(&name) {
                self.make(&name, None);
            }
        }
        self.mailboxes.push(Mailbox::new(special));
        self.names.insert(name.to_owned(), self.mailboxes.len() - 1);
    }

    fn create(&mut self, name: &str) -> String {
        if self.names.contains_key(name) {
            return "x NO [ALREADYEXISTS]".to_owned();
        }
        self.make(name, None);
        "x OK []".to_owned()
    }

    fn delete(&mut self, name: &str) -> String {
        match self.names.remove(name) {
            Some(_) => "x OK []".to_owned(),
            None => "x NO [NONEXISTENT]".to_owned(),
        }
    }

    fn rename(&mut self, from: &str, to: &str) -> String {
        let below = format!("{from}/");
        if to.starts_with(&below) {
            return "x NO [CANNOT]".to_owned();
        }
        let moves = |name: &String| name == from || name.starts_with(&below);
        let moved: Vec<String> = self.names.keys().filter(|name| moves(name)).cloned().collect();
        if moved.is_empty() {
            return "x NO [NONEXISTENT]".to_owned();
        }
        let renamed = |name: &str| format!("{to}{}", &name[from.len()..]);
        let taken = moved.iter().any(|name| {
            let new = renamed(name);
            self.names.contains_key(&new) && !moved.contains(&new)
        });
        if self.names.contains_key(to) || taken {
            return "x NO [ALREADYEXISTS]".to_owned();
        }
        for (at, _) in to.match_indices('/') {
            if !self.names.contains_key(&to[..at]) {
                self.make(&to[..at], None);
            }
        }
        let ids: Vec<(String, usize)> =
            moved.iter().filter_map(|name| self.names.remove(name).map(|id| (renamed(name), id))).collect();
        self.names.extend(ids);
        "x OK []".to_owned()
    }

    fn status(&self, name: &str, lines: &mut Vec<String>) -> String {
        let Some(&id) = self.names.get(name) else { return "x NO [NONEXISTENT]".to_owned() };
        let mailbox = &self.mailboxes[id];
        let count = |wanted: fn(&&Message) -> bool| mailbox.messages.iter().filter(wanted).count();
        lines.push(format!(
            "* STATUS \"{name}\" (MESSAGES {} UIDNEXT {} UNSEEN {} DELETED {} SIZE {})",
            mailbox.messages.len(),
            mailbox.uid_next,
            count(|m| m.flags & SEEN == 0),
            count(|m| m.flags & DELETED != 0),
            mailbox.messages.len() * TEXT.len(),
        ));
        "x OK []".to_owned()
    }

    fn list(&self, lines: &mut Vec<String>) {
        let above = |name: &str| name.match_indices('/').map(|(at, _)| name[..at].to_owned()).collect::<Vec<_>>();
        let parents: BTreeSet<String> = self.names.keys().flat_map(|name| above(name)).collect();
        let all: BTreeSet<&String> = self.names.keys().chain(&parents).collect();
        for name in inbox_first(all) {
            let mut attributes = Vec::new();
            let mailbox = self.names.get(name).map(|id| &self.mailboxes[*id]);
            if mailbox.is_none() {
                attributes.extend(["\\NonExistent".to_owned(), "\\Noselect".to_owned()]);
            }
            attributes.push(if parents.contains(name) { "\\HasChildren" } else { "\\HasNoChildren" }.to_owned());
            attributes.extend(mailbox.and_then(|m| m.special).map(|special| format!("\\{special}")));
            lines.push(format!("* LIST ({}) \"/\" \"{name}\"", attributes.join(" ")));
        }
    }

    fn lsub(&self, lines: &mut Vec<String>) {
        for name in inbox_first(self.subscribed.iter().collect()) {
            let attribute = if self.names.contains_key(name) { "" } else { "\\Noselect" };
            lines.push(format!("* LSUB ({attribute}) \"/\" \"{name}\""));
        }
    }
}

fn inbox_first(names: BTreeSet<&String>) -> Vec<&String> {
    let (mut first, rest): (Vec<&String>, Vec<&String>) = names.into_iter().partition(|name| *name == "INBOX");
    first.extend(rest);
    first
}

/// Flags as they are told.
pub(super) fn told(flags: u8) -> String {
    let set: Vec<&str> = FLAGS.iter().enumerate().filter(|(bit, _)| flags & (1 << bit) != 0).map(|(_, f)| *f).collect();
    format!("({})", set.join(" "))
}
