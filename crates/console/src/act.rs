//! Every button: first what it will do, in numbers, then the act.
//!
//! A form carries the command as JSON, as `docs/json.md` and the interface for programs have it, and fields whose names are
//! `set:POINTER` or `set:POINTER:KIND`: the value goes to that place of the command. What may be done is decided on
//! the command that comes out, so it does not matter who wrote it.

use std::time::Duration;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use maud::{Markup, html};
use sekisho_control::command::{AccountCommand, Command, IncidentCommand, NewPerson, Secret};
use sekisho_control::{Done, Refusal, password};
use sekisho_message::{Language, say};
use serde_json::{Value, json};

use crate::form::Fields;
use crate::gate::{Member, Oops};
use crate::page::{self, Page, csrf, go};
use crate::preview;
use crate::service::Console;
use crate::words::t;

/// How long a browser waits for an act.
const PATIENCE: Duration = Duration::from_secs(10);

/// `POST /act`.
///
/// # Errors
/// Why it was not done.
pub async fn act(State(console): State<Console>, member: Member, fields: Fields) -> Result<Response, Oops> {
    let lang = member.lang();
    let mut command = command_of(&fields)?;
    if !member.scope.may(&console, &command).await? {
        return Err(Oops::Forbidden);
    }
    // A password is shown once, and only when the server made it.
    let made = if fields.get("generate").is_empty() { None } else { make_password(&mut command)? };
    let sure = !fields.get("sure").is_empty() || made.is_some() || has_secret(&command);
    if !sure {
        let ahead = preview::of(&console, &command).await?;
        return Ok(ask(&member, &command, fields.get("back"), &ahead).into_response());
    }
    confirm(&mut command);
    let Some(done) = finish(&console, &member, command, made.is_some()).await? else {
        return Ok(under_way(fields.get("back"), lang).into_response());
    };
    let said = done.text.get(lang).to_owned();
    // An app password is made by the act itself.
    let made = made.or_else(|| done.data["password"].as_str().map(str::to_owned));
    match made {
        None => Ok(go(fields.get("back"), &said)),
        Some(password) => Ok(once(&password, &said, fields.get("back"), lang).into_response()),
    }
}

/// Does it, whether the browser waits or not; none when it takes longer than [`PATIENCE`] and nobody has to read the outcome.
async fn finish(console: &Console, member: &Member, command: Command, to_the_end: bool) -> Result<Option<Done>, Oops> {
    let (console, member) = (console.clone(), member.clone());
    let mut work = tokio::spawn(async move { member.act(&console, command).await });
    let ended = if to_the_end {
        (&mut work).await
    } else {
        match tokio::time::timeout(PATIENCE, &mut work).await {
            Ok(ended) => ended,
            Err(_) => return Ok(None),
        }
    };
    let done = ended.map_err(|error| Refusal::Store {
        reason: say!(ja: "操作が中断されました: {error}", en: "The act was interrupted: {error}"),
        temporary: true,
    })?;
    done.map(Some)
}

/// The answer while a long act goes on.
fn under_way(back: &str, lang: Language) -> Page {
    Page::new(
        t!(lang, ja: "実行しています", en: "Under way"),
        html! {
            p.question role="status" { (t!(lang,
                ja: "数が多いため時間がかかっています。この画面を閉じても最後まで続きます。終わると、結果が操作の記録に残ります。",
                en: "There is much to do, so it takes a while. It goes on to its end if you leave this page; the outcome will be among the acts in the log.")) }
            p {
                a.button href=(page::local(back)) { (t!(lang, ja: "戻る", en: "Back")) } " "
                a.button href="/logs" { (t!(lang, ja: "ログを見る", en: "See the log")) }
            }
        },
    )
}

/// What would be done, and the button that does it.
pub(crate) fn ask(member: &Member, command: &Command, back: &str, ahead: &preview::Ahead) -> Page {
    let lang = member.lang();
    let back = page::local(back);
    Page::new(
        t!(lang, ja: "確認", en: "Are you sure?"),
        html! {
            p.question { (ahead.text.get(lang)) }
            @if !ahead.figures.is_empty() {
                dl.figures {
                    @for (name, figure) in &ahead.figures { div { dt { (name.get(lang)) } dd { (figure) } } }
                }
            }
            form.act method="post" action="/act" {
                (csrf(member))
                input type="hidden" name="command" value=(json!(command));
                input type="hidden" name="back" value=(back);
                input type="hidden" name="sure" value="1";
                button.danger[ahead.danger] type="submit" autofocus { (t!(lang, ja: "実行する", en: "Do it")) }
                a.button href=(back) { (t!(lang, ja: "やめる", en: "Leave it")) }
            }
        },
    )
}

/// A password that was made, on a page of its own: nothing keeps it.
fn once(password: &str, said: &str, back: &str, lang: Language) -> Page {
    let body: Markup = html! {
        p.said role="status" { (said) }
        p { (t!(lang, ja: "新しいパスワード（表示はこの一度だけです）:", en: "The new password (shown only now):")) }
        p { code.secret { (password) } }
        p { a.button href=(page::local(back)) { (t!(lang, ja: "書き留めました", en: "I have written it down")) } }
    };
    Page::new(t!(lang, ja: "新しいパスワード", en: "New password"), body)
}

/// The command of a form.
fn command_of(fields: &Fields) -> Result<Command, Refusal> {
    let unreadable = || {
        Refusal::invalid(say!(
            ja: "入力を読み取れません。",
            en: "What was entered cannot be read."
        ))
    };
    let mut command: Value = serde_json::from_str(fields.raw("command")).map_err(|_| unreadable())?;
    for (name, value) in fields.all() {
        let Some(place) = name.strip_prefix("set:") else { continue };
        let (pointer, kind) = place.split_once(':').unwrap_or((place, "text"));
        let parsed = value_of(kind, value).ok_or_else(|| {
            Refusal::invalid(say!(
                ja: "「{value}」は読み取れません。",
                en: "“{value}” cannot be read."
            ))
        })?;
        if let Some(parsed) = parsed {
            put(&mut command, pointer, parsed).ok_or_else(unreadable)?;
        }
    }
    serde_json::from_value(command).map_err(|_| unreadable())
}

/// The value that was typed; `Some(None)` leaves the command as it is.
fn value_of(kind: &str, typed: &str) -> Option<Option<Value>> {
    let text = typed.trim();
    Some(match kind {
        "text" => Some(json!(text)),
        "raw" => Some(json!(typed.replace("\r\n", "\n"))),
        "secret" if typed.is_empty() => None,
        "secret" => Some(json!(typed)),
        "optional" if text.is_empty() => Some(Value::Null),
        "optional" => Some(json!(text)),
        "flag" => Some(json!(text == "1" || text == "on")),
        "lines" => Some(json!(text.lines().map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>())),
        "size" if text.is_empty() => Some(Value::Null),
        "size" => Some(json!(octets(text)?)),
        _ => return None,
    })
}

/// `500M`, `2 GiB`, `1048576`.
fn octets(text: &str) -> Option<u64> {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (digits, unit) = text.split_at(end);
    let factor: u64 = match unit.trim().to_ascii_lowercase().trim_end_matches("ib").trim_end_matches('b') {
        "" => 1,
        "k" => 1 << 10,
        "m" => 1 << 20,
        "g" => 1 << 30,
        "t" => 1 << 40,
        _ => return None,
    };
    digits.parse::<u64>().ok()?.checked_mul(factor)
}

/// Puts a value at a JSON pointer (RFC 6901); the last step may be new.
fn put(command: &mut Value, pointer: &str, value: Value) -> Option<()> {
    let (parent, name) = pointer.rsplit_once('/')?;
    let place = command.pointer_mut(parent)?.as_object_mut()?;
    place.insert(name.to_owned(), value);
    Some(())
}

/// Says yes for whoever has just said it.
pub(crate) fn confirm(command: &mut Command) {
    use sekisho_control::command::{ListCommand, QueueCommand};
    match command {
        Command::Account(AccountCommand::Remove { confirmed, .. })
        | Command::List(ListCommand::Remove { confirmed, .. })
        | Command::Queue(QueueCommand::Purge { confirmed, .. })
        | Command::Incident(IncidentCommand::Release { confirmed, .. } | IncidentCommand::Purge { confirmed, .. }) => {
            *confirmed = true
        }
        _ => {}
    }
}

/// Whether a command carries a password: it is not sent to the browser and back for a question. Its form has shown
/// what it does.
const fn has_secret(command: &Command) -> bool {
    matches!(
        command,
        Command::Account(AccountCommand::Add(_) | AccountCommand::Password { .. })
            | Command::Incident(IncidentCommand::Resolve { .. })
    )
}

/// Puts a new password into a command that takes one.
fn make_password(command: &mut Command) -> Result<Option<String>, Refusal> {
    let slot: &mut Secret = match command {
        Command::Account(
            AccountCommand::Add(NewPerson { password, .. }) | AccountCommand::Password { password, .. },
        ) => password,
        Command::Incident(IncidentCommand::Resolve { password, .. }) => password.get_or_insert(Secret(String::new())),
        _ => return Ok(None),
    };
    let new = password::one_time().map_err(|error| Refusal::Store {
        reason: say!(ja: "乱数が得られません: {error}", en: "No random numbers: {error}"),
        temporary: true,
    })?;
    slot.0.clone_from(&new);
    Ok(Some(new))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    fn fields(pairs: &[(&str, &str)]) -> Fields {
        Fields::plain(pairs.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect())
    }

    #[test]
    fn fields_go_to_their_places() {
        let command = command_of(&fields(&[
            ("command", r#"{"command":"account","act":"quota","address":"a@example.jp"}"#),
            ("set:/quota:size", "2 GiB"),
        ]));
        assert_eq!(
            command.unwrap(),
            Command::Account(AccountCommand::Quota { address: "a@example.jp".into(), quota: Some(2 << 30) })
        );
        let bad = fields(&[
            ("command", r#"{"command":"account","act":"quota","address":"a@example.jp"}"#),
            ("set:/quota:size", "many"),
        ]);
        assert!(command_of(&bad).unwrap_err().text().ja.contains("many"));
        assert!(command_of(&fields(&[("command", "{}")])).is_err());
        assert!(command_of(&fields(&[])).is_err());
    }

    #[test]
    fn sizes_are_read() {
        for (text, n) in [("0", Some(0)), ("1k", Some(1024)), ("3MiB", Some(3 << 20)), ("x", None), ("5 parsecs", None)]
        {
            assert_eq!(octets(text), n, "{text}");
        }
        assert_eq!(octets("99999999999999999999"), None);
        assert_eq!(octets("99999999999 t"), None);
    }
}
