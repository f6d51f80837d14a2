//! The lockout tables: `rejectsmtpip.dat`, `rejectpopip.dat`, `rejectimapip.dat`.
//!
//! A row is `network<TAB>what`, read top-down; the first row in force decides:
//!
//! | what | meaning |
//! |---|---|
//! | a number | locked until then, in seconds since the Unix epoch; written by the server |
//! | a number, `<TAB>iplock` | the same, from the lockout by number of connections |
//! | nothing | refused for good |
//! | `true` | never refused |
//!
//! The tables work whether or not the lockouts are on. A row that cannot be read
//! disables itself only.

use std::fmt::Write as _;
use std::net::IpAddr;

use sekisho_message::{Text, Time, say};

use super::lines;
use super::network::Network;
use super::{Finding, Severity};

/// A table.
#[derive(Clone, Debug, Default)]
pub struct RejectTable {
    rows: Vec<Row>,
    findings: Vec<Finding>,
}

/// One row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Line number from 1; 0 for a row that was added since.
    pub line: u32,
    /// Whom it is about.
    pub network: Network,
    /// What it says.
    pub entry: Entry,
}

/// What a row says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Entry {
    /// Refused until then.
    Timed {
        /// The end of the lock.
        until: Time,
        /// Whether the number of connections was the cause.
        by_connections: bool,
    },
    /// Refused for good.
    Permanent,
    /// Never refused.
    Allowed,
}

/// What the table says about a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// No row in force speaks of it.
    Unknown,
    /// A `true` row.
    Allowed {
        /// The row's line.
        line: u32,
    },
    /// Refused.
    Refused {
        /// The row's line.
        line: u32,
        /// The end of the lock, if it has one.
        until: Option<Time>,
    },
}

impl RejectTable {
    /// Reads a table. Never fails: see [`RejectTable::findings`].
    #[must_use]
    pub fn parse(bytes: &[u8]) -> Self {
        let read = lines::read(bytes);
        let mut out = Self { rows: Vec::with_capacity(read.lines.len()), findings: read.findings };
        for (line, source) in read.lines {
            if source.starts_with(['#', ';']) {
                continue;
            }
            match parse_row(&source) {
                Ok((network, entry)) => out.rows.push(Row { line, network, entry }),
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

    /// The rows, in order.
    #[must_use]
    pub fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// What the table says about `ip` now.
    #[must_use]
    pub fn decide(&self, ip: IpAddr, now: Time) -> Decision {
        let in_force = |row: &&Row| match row.entry {
            Entry::Timed { until, .. } => now < until,
            Entry::Permanent | Entry::Allowed => true,
        };
        match self.rows.iter().filter(in_force).find(|row| row.network.contains(ip)) {
            None => Decision::Unknown,
            Some(Row { line, entry: Entry::Allowed, .. }) => Decision::Allowed { line: *line },
            Some(Row { line, entry: Entry::Permanent, .. }) => Decision::Refused { line: *line, until: None },
            Some(Row { line, entry: Entry::Timed { until, .. }, .. }) => {
                Decision::Refused { line: *line, until: Some(*until) }
            }
        }
    }

    /// Adds a lock. It goes before a final row that speaks of everything, and after
    /// every `true` row that was there, so that it neither vanishes nor overrides.
    pub fn lock(&mut self, ip: IpAddr, until: Time, by_connections: bool) {
        let network = Network::Net(ip.to_canonical().into());
        let at = match self.rows.last() {
            Some(row) if row.network == Network::Every => self.rows.len() - 1,
            _ => self.rows.len(),
        };
        self.rows.insert(at, Row { line: 0, network, entry: Entry::Timed { until, by_connections } });
    }

    /// Takes the timed and permanent rows of exactly this address away; says how many.
    pub fn unlock(&mut self, ip: IpAddr) -> usize {
        let network = Network::Net(ip.to_canonical().into());
        let before = self.rows.len();
        self.rows.retain(|row| row.network != network || row.entry == Entry::Allowed);
        before - self.rows.len()
    }

    /// Takes locks that have ended away; says how many.
    pub fn prune(&mut self, now: Time) -> usize {
        let before = self.rows.len();
        self.rows.retain(|row| !matches!(row.entry, Entry::Timed { until, .. } if until <= now));
        before - self.rows.len()
    }

    /// The table as a file, CRLF line ends. Comments and bad rows are not in it.
    #[must_use]
    pub fn render(&self) -> String {
        let mut out = String::new();
        for row in &self.rows {
            let _ = match row.entry {
                Entry::Timed { until, by_connections } => {
                    let tag = if by_connections { "\tiplock" } else { "" };
                    write!(out, "{}\t{}{tag}\r\n", row.network, until.seconds())
                }
                Entry::Permanent => write!(out, "{}\t\r\n", row.network),
                Entry::Allowed => write!(out, "{}\ttrue\r\n", row.network),
            };
        }
        out
    }

    fn lint(&mut self) {
        let end = self.rows.iter().find(|row| row.network == Network::Every).map(|row| row.line);
        let Some(end) = end else { return };
        let dead: Vec<_> = self.rows.iter().filter(|row| row.line > end).map(|row| row.line).collect();
        self.findings.extend(dead.into_iter().map(|line| {
            Finding::new(
                line,
                Severity::Warning,
                say!(
                    ja: "{end} 行目がすべてのアドレスに当てはまるため、この行は使われません。",
                    en: "Line {end} speaks of every address, so this line is never reached."
                ),
            )
        }));
    }
}

fn parse_row(source: &str) -> Result<(Network, Entry), Text> {
    let mut words = source.split_whitespace();
    let network = Network::parse(words.next().unwrap_or_default())?;
    let entry = match (words.next(), words.next(), words.next()) {
        (None, ..) => Some(Entry::Permanent),
        (Some(word), None, _) if word.eq_ignore_ascii_case("true") => Some(Entry::Allowed),
        (Some(serial), tag, None) => {
            // The tag may stand right after the number.
            let lower = serial.to_ascii_lowercase();
            let (digits, glued) = match lower.strip_suffix("iplock") {
                Some(digits) => (digits.trim_end_matches('.'), true),
                None => (lower.as_str(), false),
            };
            let tagged = tag.map(|tag| tag.eq_ignore_ascii_case("iplock"));
            match (digits.parse::<i64>(), tagged) {
                (Ok(seconds), None | Some(true)) if seconds >= 0 && digits.len() <= 12 => Some(Entry::Timed {
                    until: Time::from_seconds(seconds),
                    by_connections: glued || tagged == Some(true),
                }),
                _ => None,
            }
        }
        _ => None,
    };
    entry.map(|entry| (network, entry)).ok_or_else(|| {
        say!(
            ja: "「{source}」の時刻は読めません。この行は無効です。",
            en: "The time of \"{source}\" cannot be read. The line has no effect."
        )
    })
}
