//! `mail.dat`: which messages are refused for what their header says.
//!
//! A file is blocks:
//!
//! ```text
//! Virus:name[1]
//! To:@SUB.DOMAIN.JP
//! Level:110
//! Warning:
//! text
//! WarningEnd:
//! VirusEnd:
//! ```
//!
//! Blocks are tried top-down and the first whose fields all match decides. A field matches when the decoded header field
//! contains the text as it is written (case counts, there are no wildcards); a field that is named twice in a block
//! matches on either text. Any header field may be named.
//!
//! | level | meaning |
//! |---|---|
//! | `100` | refuse |
//! | `110` | refuse, and keep a copy in quarantine |
//! | `101` | refuse, and refuse the client's address from now on (a `false` row in `effect.dat`) |
//! | `111` | all of these |
//!
//! A block without a field, with a field that is empty, or with another level disables itself only: a slip must not
//! refuse everybody's mail.

use std::borrow::Cow;
use std::collections::HashMap;

use sekisho_message::header::Headers;
use sekisho_message::{Text, charset, say};

use super::lines;
use super::{Finding, Severity};

/// Most blocks of a file.
const MOST_BLOCKS: usize = 5_000;
/// Most texts of one block.
const MOST_TESTS: usize = 50;
/// Longest text of a warning that is kept, in characters.
const WARNING: usize = 4_000;
/// How much of the fields of one name is looked at, in octets.
const LOOK: usize = 32 << 10;

/// The blocks of a file and what was found while reading them.
#[derive(Clone, Debug, Default)]
pub struct MailFilter {
    blocks: Vec<Block>,
    findings: Vec<Finding>,
}

/// One block.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Block {
    line: u32,
    name: String,
    /// By lower-case field name: any of the texts.
    tests: Vec<(String, Vec<String>)>,
    level: Level,
    warning: String,
}

/// What happens to a message that a block matches. It is refused in any case.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Level {
    /// A copy is kept.
    pub quarantine: bool,
    /// The client is refused from now on.
    pub bar: bool,
}

/// The block that matched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hit {
    /// Its first line.
    pub line: u32,
    /// Its name.
    pub name: String,
    /// What happens.
    pub level: Level,
    /// Its warning, for the operator.
    pub warning: String,
}

impl MailFilter {
    /// Reads a file. Never fails: see [`MailFilter::findings`].
    #[must_use]
    pub fn parse(bytes: &[u8]) -> Self {
        let decoded = decoded(bytes);
        let read = lines::read(&decoded);
        let mut reader =
            Reader { out: Self { blocks: Vec::new(), findings: read.findings }, open: None, warning: false };
        for (line, text) in read.lines {
            reader.line(line, &text);
        }
        reader.end()
    }

    /// Bad blocks.
    #[must_use]
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }

    /// Whether nothing is ever refused.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.blocks.is_empty()
    }

    /// Blocks in force.
    #[must_use]
    pub fn len(&self) -> usize {
        self.blocks.len()
    }

    /// The first block that matches the header of `message`.
    #[must_use]
    pub fn decide(&self, message: &[u8]) -> Option<Hit> {
        if self.blocks.is_empty() {
            return None;
        }
        let headers = Headers::of(message);
        let mut fields: HashMap<&str, String> = HashMap::new();
        let found = self.blocks.iter().find(|block| {
            block.tests.iter().all(|(name, texts)| {
                let value = fields.entry(name).or_insert_with(|| value(&headers, name));
                texts.iter().any(|text| value.contains(text.as_str()))
            })
        })?;
        Some(Hit { line: found.line, name: found.name.clone(), level: found.level, warning: found.warning.clone() })
    }
}

/// All fields of a name, decoded, one a line.
fn value(headers: &Headers<'_>, name: &str) -> String {
    let mut out = String::new();
    for field in headers.all(name) {
        if out.len() >= LOOK {
            break;
        }
        let raw = field.unfolded();
        let raw = raw.get(..LOOK).unwrap_or(&raw);
        match std::str::from_utf8(raw) {
            Ok(_) => out.push_str(&charset::decode_header(raw)),
            // What is neither ASCII nor UTF-8 was written by programs of Shift-JIS days.
            Err(_) => out.push_str(&charset::decode("shift_jis", raw)),
        }
        out.push('\n');
    }
    out
}

/// Lines that are not UTF-8 are Shift-JIS, whose second octets are never a line end.
fn decoded(bytes: &[u8]) -> Cow<'_, [u8]> {
    if bytes.starts_with(&[0xFF, 0xFE]) || bytes.starts_with(&[0xFE, 0xFF]) || std::str::from_utf8(bytes).is_ok() {
        return Cow::Borrowed(bytes);
    }
    let mut out = Vec::with_capacity(bytes.len() + bytes.len() / 2);
    for line in bytes.split_inclusive(|byte| *byte == b'\n') {
        match std::str::from_utf8(line) {
            Ok(_) => out.extend_from_slice(line),
            Err(_) => out.extend_from_slice(charset::decode("shift_jis", line).as_bytes()),
        }
    }
    Cow::Owned(out)
}

/// A block that is being read.
struct Open {
    line: u32,
    name: String,
    tests: Vec<(String, Vec<String>)>,
    count: usize,
    level: Option<Level>,
    warning: String,
    fault: Option<Text>,
}

struct Reader {
    out: MailFilter,
    open: Option<Open>,
    /// Between `Warning:` and `WarningEnd:`.
    warning: bool,
}

impl Reader {
    fn line(&mut self, number: u32, text: &str) {
        let (key, value) = text.split_once(':').map_or((text, ""), |(key, value)| (key.trim(), value.trim()));
        let is = |name: &str| key.eq_ignore_ascii_case(name);
        if self.warning && !is("WarningEnd") && !is("VirusEnd") {
            if let Some(open) = &mut self.open
                && open.warning.chars().count() < WARNING
            {
                if !open.warning.is_empty() {
                    open.warning.push('\n');
                }
                open.warning.push_str(text);
            }
            return;
        }
        if is("Virus") {
            self.close(false);
            self.open = Some(Open::new(number, value));
        } else if is("VirusEnd") {
            self.close(true);
        } else if is("Warning") || is("WarningEnd") {
            self.warning = is("Warning") && self.open.is_some();
        } else if text.starts_with(['#', ';']) {
        } else if let Some(open) = &mut self.open {
            open.take(number, key, value, text);
        } else {
            self.out.findings.push(Finding::new(
                number,
                Severity::Warning,
                say!(
                    ja: "「{text}」は「Virus:」と「VirusEnd:」の外にあるため使われません。",
                    en: "\"{text}\" is outside \"Virus:\" and \"VirusEnd:\" and is not used."
                ),
            ));
        }
    }

    fn close(&mut self, ended: bool) {
        self.warning = false;
        let Some(open) = self.open.take() else { return };
        let line = open.line;
        match open.finish(ended) {
            Ok(_) if self.out.blocks.len() >= MOST_BLOCKS => self.out.findings.push(Finding::new(
                line,
                Severity::Error,
                say!(ja: "{MOST_BLOCKS} 個を超えたため、この定義は無効です。", en: "More than {MOST_BLOCKS} blocks: this one has no effect."),
            )),
            Ok(block) => self.out.blocks.push(block),
            Err(text) => self.out.findings.push(Finding::new(line, Severity::Error, text)),
        }
    }

    fn end(mut self) -> MailFilter {
        self.close(false);
        self.out.findings.sort_by_key(|finding| finding.line);
        self.out
    }
}

impl Open {
    fn new(line: u32, name: &str) -> Self {
        Self {
            line,
            name: name.chars().take(100).collect(),
            tests: Vec::new(),
            count: 0,
            level: None,
            warning: String::new(),
            fault: None,
        }
    }

    fn take(&mut self, number: u32, key: &str, value: &str, text: &str) {
        if key.eq_ignore_ascii_case("Level") {
            self.level = level(value);
            if self.level.is_none() {
                self.fault.get_or_insert(say!(
                    ja: "{number} 行目の Level「{value}」には対応していません（100、101、110、111 のいずれか）。この定義は無効です。",
                    en: "The level \"{value}\" of line {number} is not known (100, 101, 110 or 111). The block has no effect."
                ));
            }
            return;
        }
        let name_like = !key.is_empty() && key.bytes().all(|b| b.is_ascii_graphic() && b != b':');
        if !name_like || value.is_empty() || self.count >= MOST_TESTS {
            self.fault.get_or_insert(say!(
                ja: "{number} 行目「{text}」は「フィールド名:文字列」の形ではありません。この定義は無効です。",
                en: "Line {number}, \"{text}\", is not \"field:text\". The block has no effect."
            ));
            return;
        }
        self.count += 1;
        let name = key.to_ascii_lowercase();
        match self.tests.iter_mut().find(|(known, _)| *known == name) {
            Some((_, texts)) => texts.push(value.to_owned()),
            None => self.tests.push((name, vec![value.to_owned()])),
        }
    }

    fn finish(self, ended: bool) -> Result<Block, Text> {
        if let Some(fault) = self.fault {
            return Err(fault);
        }
        if !ended {
            return Err(say!(
                ja: "「VirusEnd:」がないため、この定義は無効です。",
                en: "There is no \"VirusEnd:\". The block has no effect."
            ));
        }
        if self.tests.is_empty() {
            return Err(say!(
                ja: "条件がないため、この定義は無効です（すべてのメールに当てはまってしまいます）。",
                en: "There is no condition, so that everything would match. The block has no effect."
            ));
        }
        let level = self.level.ok_or_else(
            || say!(ja: "Level がないため、この定義は無効です。", en: "There is no level. The block has no effect."),
        )?;
        Ok(Block { line: self.line, name: self.name, tests: self.tests, level, warning: self.warning })
    }
}

fn level(value: &str) -> Option<Level> {
    let (quarantine, bar) = match value {
        "100" => (false, false),
        "110" => (true, false),
        "101" => (false, true),
        "111" => (true, true),
        _ => return None,
    };
    Some(Level { quarantine, bar })
}
