//! A search key made ready: sets resolved, texts folded, flags as masks.

use sekisho_message::search::Signature;
use sekisho_message::{Time, date, preview};
use sekisho_proto::imap::Flag;
use sekisho_proto::imap::date::Day;
use sekisho_proto::imap::lex::Cursor;
use sekisho_proto::imap::search::Key;
use sekisho_proto::imap::set::{self, SequenceSet};
use sekisho_store::ContentId;
use sekisho_store::mail::{Flags, Mail};

use super::super::fetch::{email_id, thread_id};
use super::super::view::{Numbered, View, system_flag};
use super::ago;
use super::text::{Body, Header, Needle};

/// A key that can be held against messages.
#[derive(Debug)]
pub(super) enum Test {
    Always(bool),
    Flags(Flags),
    Recent,
    Numbers(Vec<(u32, u32)>),
    Uids(Vec<(u32, u32)>),
    And(Vec<Test>),
    Or(Box<Test>, Box<Test>),
    Not(Box<Test>),
    /// Internal date: first and last day that match.
    Days(Day, Day),
    /// `Date:` the same.
    Sent(Day, Day),
    /// When it came into the mailbox, the same (RFC 8514 §4.3).
    Saved(Day, Day),
    /// It has this body (RFC 8474 §5.3).
    Content(ContentId),
    /// It belongs to this conversation.
    Thread(i64),
    Larger(u64),
    Smaller(u64),
    ModSeq(u64),
    /// Internal date not after.
    Until(Time),
    /// Internal date not before.
    Since(Time),
    Header(String, Needle),
    Address(String, Needle),
    Body(Needle),
    Text(Needle),
}

/// What the row of a message says.
pub(super) struct Row {
    pub(super) message: Numbered,
    pub(super) mail: Mail,
    pub(super) recent: bool,
}

/// What is known of a message besides its row.
#[derive(Default)]
pub(super) struct Known<'a> {
    /// The `Date:` field.
    pub(super) date: Option<&'a str>,
    /// What texts it cannot hold.
    pub(super) signature: Option<Signature<'a>>,
    /// Its header.
    pub(super) header: Option<&'a Header<'a>>,
    /// All of it.
    pub(super) body: Option<&'a Body<'a>>,
}

impl Known<'_> {
    fn lacks(&self, needle: &Needle) -> bool {
        self.signature.is_some_and(|signature| !needle.may_be_in(signature))
    }
}

/// Makes keys ready.
pub(super) struct Compiler<'a> {
    pub(super) view: &'a View,
    pub(super) now: Time,
}

const FIRST_DAY: Day = Day(i64::MIN);
const LAST_DAY: Day = Day(i64::MAX);

impl Compiler<'_> {
    pub(super) fn compile(&self, key: &Key) -> Test {
        match key {
            Key::All => Test::Always(true),
            Key::Flag(flag) => self.flag(flag),
            Key::Recent => Test::Recent,
            Key::Sequence(set) => Test::Numbers(self.numbers(set)),
            Key::Uid(set) => Test::Uids(self.uids(set)),
            Key::And(keys) => {
                let mut tests: Vec<Test> = keys.iter().map(|key| self.compile(key)).collect();
                // What needs no body decides first.
                tests.sort_by_key(Test::cost);
                Test::And(tests)
            }
            Key::Or(a, b) => Test::Or(Box::new(self.compile(a)), Box::new(self.compile(b))),
            Key::Not(key) => Test::Not(Box::new(self.compile(key))),
            Key::Header(name, text) => Test::Header(name.clone(), Needle::new(text)),
            Key::Address(name, text) => Test::Address(name.clone(), Needle::of_addresses(text)),
            Key::Body(text) => Test::Body(Needle::new(text)),
            Key::Text(text) => Test::Text(Needle::new(text)),
            Key::Before(day) => Test::Days(FIRST_DAY, Day(day.0 - 1)),
            Key::On(day) => Test::Days(*day, *day),
            Key::Since(day) => Test::Days(*day, LAST_DAY),
            Key::SentBefore(day) => Test::Sent(FIRST_DAY, Day(day.0 - 1)),
            Key::SentOn(day) => Test::Sent(*day, *day),
            Key::SentSince(day) => Test::Sent(*day, LAST_DAY),
            Key::Larger(n) => Test::Larger(*n),
            Key::Smaller(n) => Test::Smaller(*n),
            Key::ModSeq(n) => Test::ModSeq(*n),
            Key::SavedBefore(day) => Test::Saved(FIRST_DAY, Day(day.0 - 1)),
            Key::SavedOn(day) => Test::Saved(*day, *day),
            Key::SavedSince(day) => Test::Saved(*day, LAST_DAY),
            Key::SaveDateSupported => Test::Always(true),
            // An id that is none of ours is no message's.
            Key::EmailId(id) => email_id(id).map_or(Test::Always(false), Test::Content),
            Key::ThreadId(id) => thread_id(id).map_or(Test::Always(false), Test::Thread),
            Key::Older(seconds) => Test::Until(ago(self.now, *seconds)),
            Key::Younger(seconds) => Test::Since(ago(self.now, *seconds)),
        }
    }

    /// A keyword that the mailbox does not have is on no message.
    fn flag(&self, flag: &Flag) -> Test {
        match flag {
            Flag::Keyword(word) => match self.view.keywords.bit(word) {
                Some(bit) => Test::Flags(Flags::keyword(bit)),
                None => Test::Always(false),
            },
            system => Test::Flags(system_flag(system)),
        }
    }

    fn numbers(&self, set: &SequenceSet) -> Vec<(u32, u32)> {
        match set {
            SequenceSet::Saved => set::ranges_of(self.view.saved.iter().filter_map(|&uid| self.view.number_of(uid))),
            SequenceSet::Ranges(_) => set.resolve(self.view.exists()),
        }
    }

    fn uids(&self, set: &SequenceSet) -> Vec<(u32, u32)> {
        match set {
            SequenceSet::Saved => set::ranges_of(self.view.saved.iter().copied()),
            SequenceSet::Ranges(_) => set.resolve(self.view.last_uid()),
        }
    }
}

impl Test {
    /// Whether a message meets the test; `None` when more must be known to say so.
    pub(super) fn judge(&self, row: &Row, known: &Known<'_>) -> Option<bool> {
        let mail = &row.mail;
        Some(match self {
            Self::Always(truth) => *truth,
            Self::Flags(mask) => mail.flags.has(*mask),
            Self::Recent => row.recent,
            Self::Numbers(ranges) => set::contains(ranges, row.message.number),
            Self::Uids(ranges) => set::contains(ranges, mail.uid),
            Self::And(tests) => return all(tests.iter().map(|test| test.judge(row, known))),
            Self::Or(a, b) => return any(a.judge(row, known), || b.judge(row, known)),
            Self::Not(test) => return test.judge(row, known).map(|truth| !truth),
            Self::Days(first, last) => (*first..=*last).contains(&Day::of(mail.date)),
            Self::Sent(first, last) => {
                let within = |date: &str| sent_day(date).is_some_and(|day| (*first..=*last).contains(&day));
                return match known.date {
                    Some(date) => Some(within(date)),
                    None => known.header.map(|header| within(&header.date())),
                };
            }
            Self::Saved(first, last) => (*first..=*last).contains(&Day::of(mail.saved)),
            Self::Content(id) => mail.content == *id,
            Self::Thread(thread) => return known.header.map(|header| preview::thread(header.0) == *thread),
            Self::Larger(n) => mail.size > *n,
            Self::Smaller(n) => mail.size < *n,
            Self::ModSeq(n) => mail.modseq >= *n,
            Self::Until(time) => mail.date <= *time,
            Self::Since(time) => mail.date >= *time,
            Self::Header(_, needle) | Self::Address(_, needle) | Self::Body(needle) | Self::Text(needle)
                if known.lacks(needle) =>
            {
                false
            }
            Self::Header(name, needle) => return known.header.map(|header| header.has(name, needle)),
            Self::Address(name, needle) => return known.header.map(|header| header.has_address(name, needle)),
            Self::Body(needle) => return known.body.map(|body| body.has(needle)),
            Self::Text(needle) => {
                let in_header = known.header.map(|header| header.has_anywhere(needle));
                return any(in_header, || known.body.map(|body| body.has(needle)));
            }
        })
    }

    /// What a test may cost: a row, a header, a body.
    fn cost(&self) -> u8 {
        u8::from(self.reads_header()) + 2 * u8::from(self.reads_body())
    }

    /// Some part of the test is decided by the header.
    pub(super) fn reads_header(&self) -> bool {
        self.has_part(&|test| matches!(test, Self::Header(..) | Self::Address(..) | Self::Sent(..) | Self::Thread(_)))
    }

    /// Some part of the test looks through whole messages.
    pub(super) fn reads_body(&self) -> bool {
        self.has_part(&|test| matches!(test, Self::Body(_) | Self::Text(_)))
    }

    /// Some part of the test is about a text that a signature may rule out.
    pub(super) fn asks_signature(&self) -> bool {
        self.has_part(&|test| {
            matches!(test, Self::Header(_, needle) | Self::Address(_, needle) | Self::Body(needle) | Self::Text(needle)
                if needle.has_grams())
        })
    }

    /// Some part of the test looks at the `Date:` field.
    pub(super) fn needs_sent(&self) -> bool {
        self.has_part(&|test| matches!(test, Self::Sent(..)))
    }

    fn has_part(&self, wanted: &impl Fn(&Self) -> bool) -> bool {
        match self {
            Self::And(tests) => tests.iter().any(|test| test.has_part(wanted)),
            Self::Or(a, b) => a.has_part(wanted) || b.has_part(wanted),
            Self::Not(test) => test.has_part(wanted),
            test => wanted(test),
        }
    }
}

/// The `Date:` field as ENVELOPE has it.
pub(super) fn sent_date(envelope: &[u8]) -> String {
    let mut cursor = Cursor::new(envelope.get(1..).unwrap_or_default());
    match cursor.nstring() {
        Ok(Some(date)) => String::from_utf8_lossy(&date).into_owned(),
        _ => String::new(),
    }
}

/// The day that the sender's own calendar showed (RFC 3501 §6.4.4: "disregarding time and timezone").
fn sent_day(text: &str) -> Option<Day> {
    let (time, offset) = date::parse_with_offset(text)?;
    Some(Day(date::civil_day(time, offset)))
}

fn all(results: impl Iterator<Item = Option<bool>>) -> Option<bool> {
    let mut open = false;
    for result in results {
        match result {
            Some(false) => return Some(false),
            Some(true) => {}
            None => open = true,
        }
    }
    if open { None } else { Some(true) }
}

fn any(first: Option<bool>, second: impl FnOnce() -> Option<bool>) -> Option<bool> {
    match first {
        Some(true) => Some(true),
        first => match (first, second()) {
            (_, Some(true)) => Some(true),
            (Some(false), Some(false)) => Some(false),
            _ => None,
        },
    }
}
