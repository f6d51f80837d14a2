//! The account export of E-POST: tab-separated, ten columns, in Shift-JIS or UTF-8.
//!
//! ```text
//! Account  Pass  Fullname  Domain  Homefolder  SMTPAUTH  APOP  MailboxLimit  POP3  IMAP4
//! ```
//!
//! Passwords stand there as they are; `*****` stands for those that another system keeps. A row that cannot be read
//! disables itself only.

use std::collections::HashSet;
use std::fmt;

use sekisho_control::command::Secret;
use sekisho_message::{Address, Text, say};

use crate::text;

/// Most rows.
const MOST: usize = 200_000;
/// Longest row.
const LONGEST: usize = 4_000;

/// The rows of a file.
#[derive(Clone, Debug, Default)]
pub struct Accounts {
    /// Rows that can be used.
    pub rows: Vec<Row>,
    /// Line and reason of the others.
    pub faults: Vec<(u32, Text)>,
}

/// One account.
#[derive(Clone, PartialEq, Eq)]
pub struct Row {
    /// Line number from 1.
    pub line: u32,
    /// Its address.
    pub address: Address,
    /// The name of its mailbox folder, as far as that follows from the account.
    pub user: String,
    /// Its password; none when the file does not have it.
    pub password: Option<Secret>,
    /// Name of the person.
    pub full_name: String,
    /// Its mailbox folder, if the file names one.
    pub home: String,
    /// Whether it had to authenticate to send; none when the file does not tell.
    pub smtp_auth: Option<bool>,
    /// Whether it could use APOP.
    pub apop: Option<bool>,
    /// Limit of its mailbox as the file has it; none when there is none.
    pub limit: Option<u64>,
    /// Whether it could use POP3.
    pub pop3: Option<bool>,
    /// Whether it could use IMAP.
    pub imap4: Option<bool>,
    /// A `~` before its name: suspended.
    pub suspended: bool,
}

impl fmt::Debug for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Row({}, {})", self.line, self.address)
    }
}

impl Accounts {
    /// Reads a file. Never fails: see [`Accounts::faults`].
    #[must_use]
    pub fn parse(bytes: &[u8]) -> Self {
        let content = text::decode(bytes);
        let mut out = Self::default();
        let mut seen = HashSet::new();
        for (number, line) in text::lines(&content) {
            if line.trim().is_empty() || line.starts_with(['#', ';']) {
                continue;
            }
            let columns: Vec<&str> = line.split('\t').map(str::trim).collect();
            if columns.first().is_some_and(|first| first.eq_ignore_ascii_case("Account")) {
                continue;
            }
            if out.rows.len() >= MOST {
                let fault = say!(ja: "{MOST} 行を超えたため、ここから先は読みません。", en: "More than {MOST} rows: nothing from here on is read.");
                out.faults.push((number, fault));
                break;
            }
            match row(number, line, &columns) {
                Ok(row) if seen.insert(row.address.key()) => out.rows.push(row),
                Ok(row) => {
                    let key = row.address.key();
                    let fault = say!(ja: "{key} は前の行にもあります。この行は使いません。", en: "{key} is in an earlier row already. This one is not used.");
                    out.faults.push((number, fault));
                }
                Err(fault) => out.faults.push((number, fault)),
            }
        }
        out
    }
}

fn row(line: u32, whole: &str, columns: &[&str]) -> Result<Row, Text> {
    let column = |n: usize| columns.get(n).copied().unwrap_or_default();
    if whole.len() > LONGEST || columns.len() < 4 {
        return Err(say!(
            ja: "タブ区切りの列が足りないか、行が長すぎます。",
            en: "There are too few tab-separated columns, or the row is too long."
        ));
    }
    let name = column(0);
    let (name, suspended) = match name.strip_prefix('~') {
        Some(name) => (name, true),
        None => (name, false),
    };
    let (user, domain) = match name.rsplit_once('@') {
        Some((user, domain)) if column(3).is_empty() => (user, domain),
        Some((user, _)) => (user, column(3)),
        None => (name, column(3)),
    };
    let address = Address::parse(&format!("{user}@{domain}")).ok();
    let address = address.filter(|address| address.domain().literal().is_none() && domain.contains('.'));
    let Some(address) = address.filter(|_| !user.contains(['/', '\\', '\0'])) else {
        return Err(say!(
            ja: "「{user}@{domain}」はメールアドレスではありません。",
            en: "\"{user}@{domain}\" is not a mail address."
        ));
    };
    Ok(Row {
        line,
        address,
        user: user.to_owned(),
        password: password(column(1)),
        full_name: column(2).chars().filter(|c| !c.is_control()).take(200).collect(),
        home: column(4).to_owned(),
        smtp_auth: flag(column(5)),
        apop: flag(column(6)),
        limit: column(7).parse().ok().filter(|limit| *limit > 0),
        pop3: flag(column(8)),
        imap4: flag(column(9)),
        suspended,
    })
}

/// Stars stand for a password that another system keeps.
fn password(text: &str) -> Option<Secret> {
    let hidden = text.is_empty() || text.bytes().all(|byte| byte == b'*');
    (!hidden && text.len() <= 1_000).then(|| Secret(text.to_owned()))
}

fn flag(text: &str) -> Option<bool> {
    match text {
        "1" => Some(true),
        "0" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn rows_are_read_and_bad_ones_left() {
        let file = "Account\tPass\tFullname\tDomain\tHomefolder\tSMTPAUTH\tAPOP\tMailboxLimit\tPOP3\tIMAP4\r\n\
            taro\tsecret word\t山田太郎\texample.jp\t\t1\t0\t104857600\t1\t1\r\n\
            hana\t*****\t\texample.jp\t\t0\t\t0\t1\t0\r\n\
            broken row\r\n\
            ~jiro\tx\t\texample.jp\r\n\
            Taro\tother\t\tEXAMPLE.jp\t\t1\r\n\
            ../etc\tx\t\texample.jp\t\t1\r\n\
            user\tx\t\tnodomain\t\t1\r\n";
        let read = Accounts::parse(file.as_bytes());
        let names: Vec<String> = read.rows.iter().map(|row| row.address.to_string()).collect();
        assert_eq!(names, ["taro@example.jp", "hana@example.jp", "jiro@example.jp"]);
        let [taro, hana, jiro] = read.rows.as_slice() else { panic!() };
        assert_eq!(taro.password, Some(Secret("secret word".into())));
        assert_eq!((taro.full_name.as_str(), taro.limit, taro.smtp_auth), ("山田太郎", Some(104_857_600), Some(true)));
        assert_eq!(
            (hana.password.clone(), hana.smtp_auth, hana.imap4, hana.limit),
            (None, Some(false), Some(false), None)
        );
        assert!(jiro.suspended && !taro.suspended);
        let lines: Vec<u32> = read.faults.iter().map(|(line, _)| *line).collect();
        assert_eq!(lines, [4, 6, 7, 8]);
        assert!(!format!("{taro:?}").contains("secret"));
    }

    #[test]
    fn names_in_shift_jis_are_read() {
        let file = b"taro\tpw\t\x8eR\x93c\x91\xbe\x98Y\texample.jp\t\t1\t0\t0\t1\t1\n";
        assert_eq!(Accounts::parse(file).rows[0].full_name, "山田太郎");
    }

    proptest! {
        #[test]
        fn any_bytes_are_read(file in prop::collection::vec(any::<u8>(), 0..3_000)) {
            let read = Accounts::parse(&file);
            prop_assert!(read.rows.iter().all(|row| !row.user.contains('/')));
        }

        #[test]
        fn any_columns_are_read(rows in prop::collection::vec(prop::collection::vec("[a-z@*~.0-9 ]{0,12}", 0..12), 0..20)) {
            let file: String = rows.iter().map(|row| row.join("\t") + "\n").collect();
            let read = Accounts::parse(file.as_bytes());
            prop_assert!(read.rows.len() + read.faults.len() <= rows.len());
        }
    }
}
