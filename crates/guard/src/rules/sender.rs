//! `sender.dat`: whom an account may write to.
//!
//! A row is `pattern,option`: `-1` forbids, `0` allows. Rows are read top-down and
//! the first pattern that matches the recipient decides. A list with rows in which
//! none matches forbids, which is why a list of prohibitions ends with `*,0`.

use sekisho_message::{Text, say};

use super::lines;
use super::{Finding, Severity, glob};

/// The rows of a file and what was found while reading them.
#[derive(Clone, Debug, Default)]
pub struct SenderRules {
    rows: Vec<Row>,
    findings: Vec<Finding>,
}

#[derive(Clone, Debug)]
struct Row {
    line: u32,
    pattern: String,
    allowed: bool,
}

/// What the list says about one recipient.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decision {
    /// Whether the account may write there.
    pub allowed: bool,
    /// The row that decided; `None` when the end of the list did.
    pub line: Option<u32>,
}

impl SenderRules {
    /// Reads a list. Never fails: see [`SenderRules::findings`].
    #[must_use]
    pub fn parse(bytes: &[u8]) -> Self {
        let read = lines::read(bytes);
        let mut out = Self { rows: Vec::with_capacity(read.lines.len()), findings: read.findings };
        for (line, source) in read.lines {
            if source.starts_with(['#', ';']) {
                continue;
            }
            match parse_row(&source) {
                Ok((pattern, allowed)) => out.rows.push(Row { line, pattern, allowed }),
                Err(text) => out.findings.push(Finding::new(line, Severity::Error, text)),
            }
        }
        out.lint();
        out
    }

    /// Bad rows and advice.
    #[must_use]
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }

    /// Whether there is nothing to decide.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// What the list says about `recipient`, a look-up key.
    #[must_use]
    pub fn decide(&self, recipient: &str) -> Decision {
        match self.rows.iter().find(|row| glob(&row.pattern, recipient)) {
            Some(row) => Decision { allowed: row.allowed, line: Some(row.line) },
            None => Decision { allowed: self.rows.is_empty(), line: None },
        }
    }

    fn lint(&mut self) {
        let Some(last) = self.rows.last() else { return };
        let end = self.rows.iter().position(|row| row.pattern == "*");
        match end {
            None => self.findings.push(Finding::new(
                last.line,
                Severity::Warning,
                say!(
                    ja: "最後に「*,0」がないため、一覧にない宛先へは送信できません。",
                    en: "There is no final \"*,0\": recipients that no line names are forbidden."
                ),
            )),
            Some(end) => {
                let stop = self.rows.get(end).map_or(0, |row| row.line);
                let dead = self.rows.iter().skip(end + 1).map(|row| {
                    Finding::new(
                        row.line,
                        Severity::Warning,
                        say!(
                            ja: "{stop} 行目の「*」より後にあるため、この行は使われません。",
                            en: "Line {stop} matches everything, so this line is never reached."
                        ),
                    )
                });
                self.findings.extend(dead.collect::<Vec<_>>());
            }
        }
    }
}

fn parse_row(source: &str) -> Result<(String, bool), Text> {
    let (pattern, option) = source.rsplit_once(',').unwrap_or((source, ""));
    let allowed = match option.trim() {
        "0" => true,
        "-1" => false,
        _ => {
            return Err(say!(
                ja: "「{source}」は「パターン,0」または「パターン,-1」の形ではありません。この行は無効です。",
                en: "\"{source}\" is not \"pattern,0\" or \"pattern,-1\". The line has no effect."
            ));
        }
    };
    let bad = || say!(ja: "「{source}」のパターンは読めません。この行は無効です。", en: "The pattern of \"{source}\" cannot be read. The line has no effect.");
    super::sender_pattern(pattern).map(|pattern| (pattern, allowed)).ok_or_else(bad)
}
