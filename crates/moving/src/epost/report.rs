//! What an import did, what it did not open, and what it could not read.

use sekisho_message::{Text, say};
use serde::Serialize;
use serde_json::{Value, json};

use crate::intake::Counts;

/// Notes of one kind that are kept; all are counted.
const MOST: usize = 5_000;
/// Notes of one kind that the text shows.
const SHOWN: usize = 200;

/// The kinds of notes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// It would let strangers in, or did so on the other server.
    Hole,
    /// It could not be read.
    Unreadable,
    /// There is no such thing here.
    Unsupported,
    /// It is not well formed.
    Fault,
}

/// Something to know.
#[derive(Clone, Debug, Serialize)]
pub struct Note {
    /// File or account.
    place: String,
    /// Line, in a file.
    line: Option<u32>,
    /// What, and what it means.
    text: Text,
    /// The command that mends it.
    mend: Option<String>,
}

/// Accounts by what became of them.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct People {
    /// New here.
    pub added: u64,
    /// Here before, left as they were.
    pub present: u64,
    /// Here before, given what the other server had.
    pub overwritten: u64,
    /// Of the first two: suspended there and here.
    pub suspended: u64,
    /// Not taken over.
    pub failed: u64,
}

/// Everything.
#[derive(Debug, Default)]
pub struct Report {
    /// Nothing was changed.
    pub dry_run: bool,
    /// Domains that were added.
    pub domains: Vec<String>,
    /// Accounts.
    pub accounts: People,
    /// Aliases that were added.
    pub aliases: u64,
    /// Messages.
    pub messages: Counts,
    /// Rule texts that were taken over: accounts' and the server's.
    pub rules: u64,
    /// Forwards and automatic replies.
    pub forwards: u64,
    /// Automatic replies.
    pub replies: u64,
    notes: [(Vec<Note>, u64); 4],
}

impl Report {
    /// Adds a note.
    pub fn note(&mut self, kind: Kind, place: &str, line: Option<u32>, text: Text, mend: Option<String>) {
        let (notes, count) = &mut self.notes[kind as usize];
        *count += 1;
        if notes.len() < MOST {
            notes.push(Note { place: place.to_owned(), line, text, mend });
        }
    }

    /// How many notes of a kind there are.
    #[must_use]
    pub fn count(&self, kind: Kind) -> u64 {
        self.notes[kind as usize].1
    }

    /// Counts alone.
    #[must_use]
    pub fn summary(&self) -> Value {
        json!({
            "dry_run": self.dry_run, "domains": self.domains, "accounts": self.accounts, "aliases": self.aliases,
            "messages": self.messages, "rules": self.rules, "forwards": self.forwards, "replies": self.replies,
            "counts": {
                "holes": self.count(Kind::Hole), "unreadable": self.count(Kind::Unreadable),
                "unsupported": self.count(Kind::Unsupported), "faults": self.count(Kind::Fault),
            },
        })
    }

    /// Counts and notes.
    #[must_use]
    pub fn json(&self) -> Value {
        let mut whole = self.summary();
        for (name, kind) in [
            ("holes", Kind::Hole),
            ("unreadable", Kind::Unreadable),
            ("unsupported", Kind::Unsupported),
            ("faults", Kind::Fault),
        ] {
            whole[name] = json!(self.notes[kind as usize].0);
        }
        whole
    }

    /// For people.
    #[must_use]
    pub fn text(&self) -> Text {
        let People { added, present, overwritten, suspended, failed } = self.accounts;
        let Counts { imported, present: seen, bytes } = self.messages;
        let (domains, aliases, rules) = (self.domains.join(", "), self.aliases, self.rules);
        let (forwards, replies) = (self.forwards, self.replies);
        let mut text = if self.dry_run {
            say!(ja: "試行です。何も変更していません。\n", en: "A trial: nothing was changed.\n")
        } else {
            Text::new("", "")
        };
        let body = say!(
            ja: "アカウント: 追加 {added}、既存 {present}、上書き {overwritten}、取り込めず {failed}（うち停止中 {suspended}）\nドメイン: {domains}\n別名: {aliases}\nメール: 取り込み {imported} 通（{bytes} バイト）、取り込み済み {seen} 通\nルール: {rules}、転送: {forwards}、自動返信: {replies}",
            en: "Accounts: {added} added, {present} here already, {overwritten} overwritten, {failed} not taken over ({suspended} suspended)\nDomains: {domains}\nAliases: {aliases}\nMail: {imported} messages imported ({bytes} bytes), {seen} were there already\nRules: {rules}, forwards: {forwards}, automatic replies: {replies}"
        );
        text.ja.push_str(&body.ja);
        text.en.push_str(&body.en);
        self.section(&mut text, Kind::Hole, &say!(ja: "開けなかった穴（旧サーバで不正中継に使われ得たもの）", en: "Holes that were not opened (ways to abuse the old server)"));
        self.section(&mut text, Kind::Unreadable, &say!(ja: "読めなかったもの", en: "What could not be read"));
        self.section(
            &mut text,
            Kind::Unsupported,
            &say!(ja: "移行できない設定", en: "Settings that do not exist here"),
        );
        self.section(&mut text, Kind::Fault, &say!(ja: "書式の誤り", en: "What is not well formed"));
        text
    }

    fn section(&self, text: &mut Text, kind: Kind, title: &Text) {
        let (notes, count) = &self.notes[kind as usize];
        if *count == 0 {
            return;
        }
        text.ja.push_str(&format!("\n\n{}: {count}", title.ja));
        text.en.push_str(&format!("\n\n{}: {count}", title.en));
        for note in notes.iter().take(SHOWN) {
            let place = match note.line {
                Some(line) => format!("{}:{line}", note.place),
                None => note.place.clone(),
            };
            let mend = note.mend.as_ref().map(|mend| format!("\n      {mend}")).unwrap_or_default();
            text.ja.push_str(&format!("\n  {place}: {}{mend}", note.text.ja));
            text.en.push_str(&format!("\n  {place}: {}{mend}", note.text.en));
        }
        if *count > SHOWN as u64 {
            text.ja.push_str("\n  …（残りは --json で）");
            text.en.push_str("\n  … (the rest with --json)");
        }
    }
}

impl Report {
    /// Adds the notes of another report.
    pub fn absorb(&mut self, other: Self) {
        for ((notes, count), (more, counted)) in self.notes.iter_mut().zip(other.notes) {
            *count += counted;
            let room = MOST.saturating_sub(notes.len());
            notes.extend(more.into_iter().take(room));
        }
    }
}
