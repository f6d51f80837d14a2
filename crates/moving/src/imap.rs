//! An account's mail from any IMAP server: folders, flags, keywords and dates, each message once.

mod client;

use std::io;

use sekisho_control::command::Secret;
use sekisho_control::{Actor, Control, Done, Refusal};
use sekisho_message::{Time, date, say};
use sekisho_proto::imap::utf7;
use sekisho_store::imported;
use sekisho_store::mail::Flags;
use serde::{Deserialize, Serialize};
use serde_json::json;

use self::client::{Client, Response, quoted};
use crate::intake::{self, Arrival, Intake, find, interrupted};
use crate::maildir::{Progress, folder_name};
use crate::{Tell, fresh};

/// Messages that are asked for together.
const CHUNK: usize = 50;
/// Most folders, and most messages of one.
const MOST_FOLDERS: usize = 10_000;
const MOST_MESSAGES: usize = 5_000_000;

/// How the connection is protected.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Tls {
    /// From the first octet on (port 993).
    #[default]
    Implicit,
    /// After STARTTLS (port 143).
    Starttls,
    /// Not at all: for a server on this machine.
    None,
}

/// Which mailbox to bring, and whose it becomes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wanted {
    /// The other server.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How the connection is protected.
    pub tls: Tls,
    /// Whether its certificate must be one of an authority that this system trusts.
    pub verify: bool,
    /// Login there.
    pub user: String,
    /// Password there.
    pub password: Secret,
    /// Account here.
    pub account: String,
    /// Folder for its INBOX, and above the others; none: as they are.
    pub folder: Option<String>,
}

/// A folder there.
struct Folder {
    /// As the server writes it.
    wire: String,
    levels: Vec<String>,
}

/// Brings it.
///
/// # Errors
/// When the server cannot be reached or refuses, or the store refuses.
pub async fn run(control: &Control, wanted: &Wanted, actor: &Actor, tell: Tell<'_>) -> Result<Done, Refusal> {
    let account = find(control, &wanted.account).await?;
    let failed = |error: io::Error| broken(&wanted.host, &error);
    let mut client = Client::open(&wanted.host, wanted.port, wanted.tls, wanted.verify).await.map_err(failed)?;
    client.log_in(&wanted.user, &wanted.password.0).await.map_err(failed)?;
    let folders = folders(&mut client).await.map_err(failed)?;
    let mut total = 0;
    for folder in &folders {
        let status = client.command(&format!("STATUS {} (MESSAGES)", folder.wire)).await.map_err(failed)?;
        total += status.iter().find_map(|one| number_after(&one.text, "MESSAGES")).unwrap_or(0);
    }
    let mut progress = Progress::new(total, tell);
    let mut intake = Intake::new(control, account.id, &account.key);
    let mut without = 0_u64;
    for folder in &folders {
        let name = folder_name(&folder.levels, wanted.folder.as_deref());
        let selected = client.command(&format!("EXAMINE {}", folder.wire)).await.map_err(failed)?;
        let validity = selected.iter().find_map(|one| number_after(&one.text, "UIDVALIDITY")).unwrap_or(0);
        let uids = uids(&mut client).await.map_err(failed)?;
        if uids.is_empty() {
            continue;
        }
        let into = intake.folder(&name).await.map_err(interrupted)?;
        let place = [&wanted.host, &wanted.user, &folder.wire].map(String::as_str).join("\0");
        let mark = |uid: u64| imported::item(format!("imap\0{place}\0{validity}\0{uid}").as_bytes());
        for chunk in uids.chunks(CHUNK) {
            let known = intake.known(chunk.iter().map(|uid| mark(*uid)).collect()).await.map_err(interrupted)?;
            let fresh: Vec<u64> = chunk.iter().copied().filter(|uid| !known.contains(&mark(*uid))).collect();
            if !fresh.is_empty() {
                let set = fresh.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
                client.send(&format!("UID FETCH {set} (UID FLAGS INTERNALDATE BODY.PEEK[])")).await.map_err(failed)?;
                while let Some(response) = client.next().await.map_err(failed)? {
                    let Some(message) = message(response) else { continue };
                    let Fetched { uid, flags, keywords, date, bytes } = message;
                    if !fresh.contains(&uid) {
                        continue;
                    }
                    let Some(bytes) = bytes else {
                        without += 1;
                        continue;
                    };
                    let bytes = fresh::crlf(bytes);
                    let date = date.or_else(|| fresh::received(&bytes)).unwrap_or_else(|| control.now());
                    let sent = intake::is_sent(&name);
                    let arrival =
                        Arrival { item: mark(uid), also: None, folder: into, flags, keywords, date, bytes, sent };
                    intake.take(arrival).await.map_err(interrupted)?;
                }
            }
            progress.add(chunk.len() as u64);
        }
    }
    let counts = intake.finish().await.map_err(interrupted)?;
    progress.end();
    // Everything is here: whether the other server says good-bye does not matter.
    let _ = client.command("LOGOUT").await;
    let detail = json!({
        "account": account.address, "from": format!("imap://{}:{}", wanted.host, wanted.port), "folders": folders.len(),
        "imported": counts.imported, "present": counts.present, "bytes": counts.bytes, "without_text": without,
    });
    control.record("account.import_mail", Some(&account.key), &detail, actor).await?;
    let (address, new, old) = (&account.address, counts.imported, counts.present);
    Ok(Done::with(
        say!(
            ja: "{address} に {new} 通を取り込みました（取り込み済み {old} 通、相手が本文を渡さなかったもの {without} 通）。",
            en: "Imported {new} messages into {address} ({old} were there already; of {without} the server gave no text)."
        ),
        detail,
    ))
}

/// The folders that hold messages. One that shows all messages of the others again (RFC 6154 `\All`) is left out.
async fn folders(client: &mut Client) -> io::Result<Vec<Folder>> {
    let mut found = Vec::new();
    for response in client.command("LIST \"\" \"*\"").await? {
        let Some((wire, levels)) = listed(&response) else { continue };
        if found.len() < MOST_FOLDERS {
            found.push(Folder { wire, levels });
        }
    }
    Ok(found)
}

/// `* LIST (\HasNoChildren) "/" "Sent"`: the name for commands, and its levels; none for what cannot be opened.
fn listed(response: &Response) -> Option<(String, Vec<String>)> {
    let text = String::from_utf8_lossy(&response.text).into_owned();
    let rest = text.get(..7).filter(|head| head.eq_ignore_ascii_case("* LIST ")).and_then(|_| text.get(7..))?;
    let (attributes, rest) = rest.trim_start().strip_prefix('(')?.split_once(')')?;
    let mut words = attributes.split_ascii_whitespace();
    if words.any(|word| ["\\Noselect", "\\NonExistent", "\\All"].iter().any(|one| word.eq_ignore_ascii_case(one))) {
        return None;
    }
    let (delimiter, rest) = rest.trim_start().split_once(' ')?;
    let delimiter = delimiter.trim_matches('"').chars().last().filter(|_| !delimiter.eq_ignore_ascii_case("NIL"));
    let name = match rest.trim() {
        "{}" => String::from_utf8_lossy(response.literals.first()?).into_owned(),
        name => match name.strip_prefix('"').and_then(|name| name.strip_suffix('"')) {
            Some(name) => name.replace("\\\"", "\"").replace("\\\\", "\\"),
            None => name.to_owned(),
        },
    };
    let wire = quoted(&name)?;
    if name.eq_ignore_ascii_case("INBOX") {
        return Some((wire, Vec::new()));
    }
    let parts: Vec<&str> = match delimiter {
        Some(delimiter) => name.split(delimiter).collect(),
        None => vec![name.as_str()],
    };
    // Servers that keep everything below INBOX (`INBOX.Sent`) mean the same folders.
    let below = usize::from(parts.len() > 1 && parts.first().is_some_and(|first| first.eq_ignore_ascii_case("INBOX")));
    let level = |part: &&str| utf7::decode(part.as_bytes()).unwrap_or_else(|_| (*part).to_owned());
    Some((wire, parts.iter().skip(below).map(level).collect()))
}

async fn uids(client: &mut Client) -> io::Result<Vec<u64>> {
    let mut all = Vec::new();
    for response in client.command("UID SEARCH ALL").await? {
        if let Some(rest) = response.text.strip_prefix(b"* SEARCH") {
            let text = String::from_utf8_lossy(rest);
            all.extend(text.split_ascii_whitespace().filter_map(|word| word.parse::<u64>().ok()).take(MOST_MESSAGES));
        }
    }
    all.sort_unstable();
    all.dedup();
    Ok(all)
}

/// A message as it was fetched.
#[derive(Debug, PartialEq)]
struct Fetched {
    uid: u64,
    flags: Flags,
    keywords: Vec<String>,
    date: Option<Time>,
    /// None when the server gave none.
    bytes: Option<Vec<u8>>,
}

/// `* 3 FETCH (UID 7 FLAGS (\Seen) INTERNALDATE "05-Jan-2026 09:00:00 +0900" BODY[] {})`.
fn message(mut response: Response) -> Option<Fetched> {
    let text = String::from_utf8_lossy(&response.text).into_owned();
    let uid = number_after(text.split_once(" FETCH (")?.1.as_bytes(), "UID")?;
    let inside = |before: &str, after: char| {
        let (_, rest) = text.split_once(before)?;
        rest.split_once(after).map(|(inside, _)| inside.to_owned())
    };
    let (mut flags, mut keywords) = (Flags::default(), Vec::new());
    for flag in inside("FLAGS (", ')').unwrap_or_default().split_ascii_whitespace() {
        match flag.to_ascii_lowercase().as_str() {
            "\\seen" => flags = flags.with(Flags::SEEN),
            "\\answered" => flags = flags.with(Flags::ANSWERED),
            "\\flagged" => flags = flags.with(Flags::FLAGGED),
            "\\deleted" => flags = flags.with(Flags::DELETED),
            "\\draft" => flags = flags.with(Flags::DRAFT),
            other if other.starts_with('\\') => {}
            _ => keywords.push(flag.to_owned()),
        }
    }
    // `05-Jan-2026` is `05 Jan 2026` elsewhere.
    let date = inside("INTERNALDATE \"", '"').and_then(|text| date::parse(text.trim().replacen('-', " ", 2).as_str()));
    let bytes = match text.split_once("BODY[] ") {
        Some((_, rest)) if rest.starts_with("{}") => response.literals.pop(),
        Some((_, rest)) => rest.strip_prefix('"').and_then(|rest| rest.split_once('"')).map(|(text, _)| text.into()),
        None => None,
    };
    Some(Fetched { uid, flags, keywords, date, bytes })
}

/// The number that follows a word.
fn number_after(text: &[u8], word: &str) -> Option<u64> {
    let text = String::from_utf8_lossy(text);
    let mut words = text.split(|c: char| !c.is_ascii_alphanumeric()).filter(|one| !one.is_empty());
    words.find(|one| one.eq_ignore_ascii_case(word))?;
    words.next()?.parse().ok()
}

fn broken(host: &str, error: &io::Error) -> Refusal {
    Refusal::invalid(say!(
        ja: "{host} から取り込めません: {error}。取り込んだ分は残っています。直してから同じコマンドをもう一度実行すると続きから始まります。",
        en: "Mail cannot be fetched from {host}: {error}. What was brought in stays; run the same command again and it goes on from there."
    ))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    fn line(text: &str, literals: &[&str]) -> Response {
        Response { text: text.into(), literals: literals.iter().map(|one| one.as_bytes().to_vec()).collect() }
    }

    #[test]
    fn folders_are_read() {
        let of = |text: &str| listed(&line(text, &[])).map(|(wire, levels)| (wire, levels.join("|")));
        let found = |wire: &str, levels: &str| Some((wire.to_owned(), levels.to_owned()));
        assert_eq!(of("* LIST (\\HasNoChildren) \"/\" INBOX"), found("\"INBOX\"", ""));
        assert_eq!(of("* LIST () \".\" \"INBOX.&ZeVnLIqe-.Old\""), found("\"INBOX.&ZeVnLIqe-.Old\"", "日本語|Old"));
        assert_eq!(of("* LIST () NIL \"a/b\""), found("\"a/b\"", "a/b"));
        assert_eq!(of("* LIST (\\Noselect) \"/\" \"x\""), None);
        assert_eq!(of("* LIST (\\All) \"/\" \"[Gmail]/All Mail\""), None);
        let literal = listed(&line("* LIST () \"/\" {}", &["a\"b"])).unwrap();
        assert_eq!(literal, ("\"a\\\"b\"".to_owned(), vec!["a\"b".to_owned()]));
        for broken in ["", "* LIST", "* LIST (", "* LIST () ", "* LIST () \"/\"", "* 1 EXISTS"] {
            assert_eq!(of(broken), None, "{broken}");
        }
    }

    #[test]
    fn messages_are_read() {
        let text =
            "* 3 FETCH (UID 7 FLAGS (\\Seen \\Recent $Label1) INTERNALDATE \" 5-Jan-2026 09:00:00 +0900\" BODY[] {})";
        let found = message(line(text, &["Subject: x\r\n\r\n"])).unwrap();
        assert_eq!((found.uid, found.flags, found.keywords), (7, Flags::SEEN, vec!["$Label1".to_owned()]));
        assert_eq!(found.date, Some(Time::from_seconds(1_767_571_200)));
        assert_eq!(found.bytes.unwrap(), b"Subject: x\r\n\r\n");
        assert_eq!(message(line("* 3 FETCH (BODY[] NIL UID 9)", &[])).unwrap().bytes, None);
        assert_eq!(message(line("* 3 FETCH (FLAGS ())", &[])), None);
        assert_eq!(message(line("* 3 EXISTS", &[])), None);
        assert_eq!(number_after(b"* OK [UIDVALIDITY 17] x", "uidvalidity"), Some(17));
    }
}
