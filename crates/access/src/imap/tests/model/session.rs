//! What one client of the model has been told, and what it does with messages.

use sekisho_proto::imap::set::{print_ranges, ranges_of};

use super::act::{Act, NAMES, Set};
use super::world::{DELETED, FLAGS, Mailbox, told};

/// One client.
#[derive(Clone, Debug, Default)]
pub(super) struct Session {
    pub(super) rev2: bool,
    pub(super) qresync: bool,
    pub(super) open: Option<Open>,
}

/// The mailbox that it has open, as it has been told of it.
#[derive(Clone, Debug)]
pub(super) struct Open {
    pub(super) id: usize,
    pub(super) read_only: bool,
    /// UIDs in the client's order, each with the mod-sequence up to which its flags are known.
    pub(super) known: Vec<(u32, u64)>,
}

/// The end of a command and what else may be told after it.
type End = (String, bool);

impl Session {
    /// The command and the answer.
    pub(super) fn act(
        &self,
        act: &Act,
        open: &mut Open,
        mailboxes: &mut [Mailbox],
        target: Option<usize>,
    ) -> (String, Vec<String>) {
        let mut lines = Vec::new();
        let id = open.id;
        let (command, (end, expunge)) = match act {
            Act::Store { set, uid, mode, flags } => {
                let item = ["FLAGS", "+FLAGS", "-FLAGS"][*mode];
                let command = format!("{}STORE {} {item} {}", prefix(*uid), shown(*set), told(*flags));
                (command, self.store(open, &mut mailboxes[id], (*set, *uid), (*mode, *flags), u64::MAX, &mut lines))
            }
            Act::Unchanged { set, uid, back, flags } => {
                let since = mailboxes[id].mod_seq.saturating_sub(*back);
                let command =
                    format!("{}STORE {} (UNCHANGEDSINCE {since}) FLAGS {}", prefix(*uid), shown(*set), told(*flags));
                (command, self.store(open, &mut mailboxes[id], (*set, *uid), (0, *flags), since, &mut lines))
            }
            Act::Since { set, back } => {
                let since = mailboxes[id].mod_seq.saturating_sub(*back).max(1);
                let command = format!("UID FETCH {} (UID FLAGS) (CHANGEDSINCE {since} VANISHED)", shown(*set));
                changed(open, &mailboxes[id], *set, since, &mut lines);
                (command, ("x OK []".to_owned(), true))
            }
            Act::Fetch { set, uid } => {
                let command = format!("{}FETCH {} (UID FLAGS)", prefix(*uid), shown(*set));
                (command, fetch(open, &mailboxes[id], *set, *uid, &mut lines))
            }
            Act::Search { uid, flag, not } => {
                let key = FLAGS[*flag].trim_start_matches('\\').to_uppercase();
                let command = format!("{}SEARCH {}{key}", prefix(*uid), if *not { "UN" } else { "" });
                let found: Vec<u32> = (1..)
                    .zip(&open.known)
                    .filter(|(_, (uid, _))| {
                        mailboxes[id].message(*uid).is_some_and(|m| (m.flags & (1 << flag) == 0) == *not)
                    })
                    .map(|(number, (known, _))| if *uid { *known } else { number })
                    .collect();
                lines.push(self.found(&found, *uid));
                (command, ("x OK []".to_owned(), *uid))
            }
            Act::Copy { set, uid, name, remove } => {
                let verb = if *remove { "MOVE" } else { "COPY" };
                let command = format!("{}{verb} {} {}", prefix(*uid), shown(*set), NAMES[*name]);
                (command, copy(open, mailboxes, (*set, *uid), target, *remove, &mut lines))
            }
            Act::Expunge(set) => {
                let command = set.map_or("EXPUNGE".to_owned(), |set| format!("UID EXPUNGE {}", shown(set)));
                (command, self.expunge(open, &mut mailboxes[id], *set, &mut lines))
            }
            Act::Close => {
                let before = mailboxes[id].mod_seq;
                if !open.read_only {
                    expunge_known(open, &mut mailboxes[id], None);
                }
                let now = mailboxes[id].mod_seq;
                let code = if self.qresync && now > before { format!("HIGHESTMODSEQ {now}") } else { String::new() };
                return ("CLOSE".to_owned(), vec![format!("x OK [{code}]")]);
            }
            _ => return ("UNSELECT".to_owned(), vec!["x OK []".to_owned()]),
        };
        self.news(&mut lines, open, &mailboxes[id], expunge);
        lines.push(end);
        (command, lines)
    }

    /// What has happened: flags, arrivals and, where it is allowed, expunges.
    pub(super) fn news(&self, lines: &mut Vec<String>, open: &mut Open, mailbox: &Mailbox, expunge: bool) {
        for (at, (uid, known)) in open.known.iter_mut().enumerate() {
            if let Some(message) = mailbox.message(*uid).filter(|m| m.mod_seq > *known) {
                *known = message.mod_seq;
                lines.push(self.flags(at, mailbox, *uid, self.qresync));
            }
        }
        let last = open.known.last().map_or(0, |(uid, _)| *uid);
        let new: Vec<(u32, u64)> =
            mailbox.messages.iter().filter(|m| m.uid > last).map(|m| (m.uid, m.mod_seq)).collect();
        if !new.is_empty() {
            open.known.extend(new);
            lines.push(format!("* {} EXISTS", open.known.len()));
        }
        if !expunge {
            return;
        }
        let gone: Vec<usize> =
            (0..open.known.len()).filter(|at| mailbox.message(open.known[*at].0).is_none()).collect();
        if self.qresync && !gone.is_empty() {
            let ranges = ranges(&gone.iter().map(|at| open.known[*at].0).collect::<Vec<_>>());
            lines.push(format!("* VANISHED {ranges}"));
        }
        for at in gone.into_iter().rev() {
            open.known.remove(at);
            if !self.qresync {
                lines.push(format!("* {} EXPUNGE", at + 1));
            }
        }
    }

    fn flags(&self, at: usize, mailbox: &Mailbox, uid: u32, with_uid: bool) -> String {
        let message = mailbox.message(uid).unwrap();
        let uid = if with_uid { format!("UID {uid} ") } else { String::new() };
        let mod_seq = if self.qresync { format!(" MODSEQ ({})", message.mod_seq) } else { String::new() };
        format!("* {} FETCH ({uid}FLAGS {}{mod_seq})", at + 1, told(message.flags))
    }

    fn found(&self, found: &[u32], uid: bool) -> String {
        if !self.rev2 {
            return found.iter().fold("* SEARCH".to_owned(), |line, n| format!("{line} {n}"));
        }
        let uid = if uid { " UID" } else { "" };
        let all = if found.is_empty() { String::new() } else { format!(" ALL {}", ranges(found)) };
        format!("* ESEARCH (TAG \"x\"){uid}{all}")
    }

    fn store(
        &self,
        open: &mut Open,
        mailbox: &mut Mailbox,
        (set, uid): (Set, bool),
        (mode, flags): (usize, u8),
        since: u64,
        lines: &mut Vec<String>,
    ) -> End {
        if open.read_only {
            return ("x NO [READ-ONLY]".to_owned(), uid);
        }
        let Some(asked) = resolve(open, set, uid) else { return ("x BAD []".to_owned(), uid) };
        let newer = |at: &usize| mailbox.message(open.known[*at].0).is_some_and(|m| m.mod_seq > since);
        let (modified, chosen): (Vec<usize>, Vec<usize>) = asked.into_iter().partition(newer);
        let change = |old: u8| [flags, old | flags, old & !flags][mode];
        let is_chosen = |uid: u32| chosen.iter().any(|at| open.known[*at].0 == uid);
        let changes = mailbox.messages.iter().any(|m| is_chosen(m.uid) && change(m.flags) != m.flags);
        mailbox.mod_seq += u64::from(changes);
        for message in &mut mailbox.messages {
            if is_chosen(message.uid) && change(message.flags) != message.flags {
                (message.flags, message.mod_seq) = (change(message.flags), mailbox.mod_seq);
            }
        }
        let mut missing = false;
        for at in chosen {
            match mailbox.message(open.known[at].0) {
                Some(message) => {
                    open.known[at].1 = message.mod_seq;
                    lines.push(self.flags(at, mailbox, open.known[at].0, uid || self.qresync));
                }
                None => missing = true,
            }
        }
        let modified: Vec<u32> =
            modified.iter().map(|at| if uid { open.known[*at].0 } else { u32::try_from(at + 1).unwrap() }).collect();
        let status = if missing && !uid { "NO" } else { "OK" };
        let code = match (modified.is_empty(), missing && !uid) {
            (false, _) => format!("MODIFIED {}", ranges(&modified)),
            (true, true) => "EXPUNGEISSUED".to_owned(),
            (true, false) => String::new(),
        };
        (format!("x {status} [{code}]"), uid)
    }

    fn expunge(&self, open: &mut Open, mailbox: &mut Mailbox, set: Option<Set>, lines: &mut Vec<String>) -> End {
        if open.read_only {
            return ("x NO [READ-ONLY]".to_owned(), true);
        }
        expunge_known(open, mailbox, set);
        self.news(lines, open, mailbox, true);
        let code = if self.qresync && !lines.is_empty() {
            format!("HIGHESTMODSEQ {}", mailbox.mod_seq)
        } else {
            String::new()
        };
        (format!("x OK [{code}]"), true)
    }
}

/// Removes what has `\Deleted` among the messages that the client knows.
fn expunge_known(open: &Open, mailbox: &mut Mailbox, set: Option<Set>) {
    let chosen = match set {
        Some(set) => resolve(open, set, true).unwrap_or_default(),
        None => (0..open.known.len()).collect(),
    };
    let deleted = |uid: u32| mailbox.message(uid).is_some_and(|m| m.flags & DELETED != 0);
    let gone: Vec<u32> = chosen.into_iter().map(|at| open.known[at].0).filter(|uid| deleted(*uid)).collect();
    mailbox.remove(&gone);
}

fn fetch(open: &Open, mailbox: &Mailbox, set: Set, uid: bool, lines: &mut Vec<String>) -> End {
    let Some(chosen) = resolve(open, set, uid) else { return ("x BAD []".to_owned(), uid) };
    let mut missing = false;
    for at in chosen {
        match mailbox.message(open.known[at].0) {
            Some(m) => lines.push(format!("* {} FETCH (UID {} FLAGS {})", at + 1, m.uid, told(m.flags))),
            None => missing = true,
        }
    }
    (if missing && !uid { "x NO [EXPUNGEISSUED]" } else { "x OK []" }.to_owned(), uid)
}

/// What a client that comes back is told: what is gone of the UIDs that it names, and what is not as it was.
fn changed(open: &Open, mailbox: &Mailbox, set: Set, since: u64, lines: &mut Vec<String>) {
    let largest = open.known.last().map_or(0, |(uid, _)| *uid);
    let value = |n: u32| if n == 0 { largest } else { n };
    let asked = value(set.0).min(value(set.1))..=value(set.0).max(value(set.1));
    let gone = mailbox.gone.iter().filter(|(uid, mod_seq)| *mod_seq > since && asked.contains(uid));
    let mut gone: Vec<u32> = gone.map(|(uid, _)| *uid).collect();
    gone.sort_unstable();
    if !gone.is_empty() {
        lines.push(format!("* VANISHED (EARLIER) {}", ranges(&gone)));
    }
    for (number, (uid, _)) in (1..).zip(&open.known).filter(|(_, (uid, _))| asked.contains(uid)) {
        if let Some(m) = mailbox.message(*uid).filter(|m| m.mod_seq > since) {
            lines.push(format!("* {number} FETCH (UID {uid} FLAGS {} MODSEQ ({}))", told(m.flags), m.mod_seq));
        }
    }
}

fn copy(
    open: &Open,
    mailboxes: &mut [Mailbox],
    (set, uid): (Set, bool),
    target: Option<usize>,
    remove: bool,
    lines: &mut Vec<String>,
) -> End {
    if remove && open.read_only {
        return ("x NO [READ-ONLY]".to_owned(), true);
    }
    let Some(chosen) = resolve(open, set, uid) else { return ("x BAD []".to_owned(), true) };
    let Some(target) = target else { return ("x NO [TRYCREATE]".to_owned(), true) };
    let there: Vec<(u32, u8)> = chosen
        .iter()
        .filter_map(|at| mailboxes[open.id].message(open.known[*at].0).map(|m| (m.uid, m.flags)))
        .collect();
    if there.is_empty() {
        let end = if chosen.is_empty() || uid { "x OK []" } else { "x NO [EXPUNGEISSUED]" };
        return (end.to_owned(), true);
    }
    let old: Vec<u32> = there.iter().map(|(uid, _)| *uid).collect();
    let new = mailboxes[target].add(&there.iter().map(|(_, flags)| *flags).collect::<Vec<_>>());
    let code = format!("COPYUID {} {}", ranges(&old), ranges(&new));
    if !remove {
        return (format!("x OK [{code}]"), true);
    }
    mailboxes[open.id].remove(&old);
    lines.push(format!("* OK [{code}]"));
    ("x OK []".to_owned(), true)
}

/// Places of the messages that a set names; none when a number is out of range.
fn resolve(open: &Open, Set(a, b): Set, uid: bool) -> Option<Vec<usize>> {
    let exists = u32::try_from(open.known.len()).unwrap();
    let largest = if uid { open.known.last().map_or(0, |(uid, _)| *uid) } else { exists };
    let value = |n: u32| if n == 0 { largest } else { n };
    let (low, high) = (value(a).min(value(b)), value(a).max(value(b)));
    if !uid && (exists == 0 || (a.max(b) > exists && a != 0 && b != 0)) {
        return None;
    }
    let number = |at: usize| if uid { open.known[at].0 } else { u32::try_from(at + 1).unwrap() };
    Some((0..open.known.len()).filter(|at| (low..=high).contains(&number(*at))).collect())
}

fn prefix(uid: bool) -> &'static str {
    if uid { "UID " } else { "" }
}

fn shown(Set(a, b): Set) -> String {
    let bound = |n: u32| if n == 0 { "*".to_owned() } else { n.to_string() };
    if a == b { bound(a) } else { format!("{}:{}", bound(a), bound(b)) }
}

fn ranges(numbers: &[u32]) -> String {
    let mut out = Vec::new();
    print_ranges(&mut out, &ranges_of(numbers.iter().copied()));
    String::from_utf8(out).unwrap()
}
