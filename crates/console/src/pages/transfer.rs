//! Accounts and aliases as tables with commas, out and in. What comes in is shown before it is done.

use std::convert::Infallible;

use axum::body::Body;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use futures_util::{StreamExt, stream};
use maud::{Markup, html};
use sekisho_control::command::{AccountCommand, AliasCommand, Command, NewPerson, Secret};
use sekisho_control::{Query, Refusal, password};
use sekisho_message::{Address, Language, Text, say};
use sekisho_store::account::Role;
use serde_json::Value;

use crate::csv;
use crate::form::Fields;
use crate::gate::{Member, Oops};
use crate::page::{Page, cell, csrf, table};
use crate::service::Console;
use crate::words::{count, items, t};

/// Rows that come in at once: each password costs what a login costs.
const MOST: usize = 500;
/// Columns of accounts.
const ACCOUNTS: [&str; 6] = ["address", "name", "role", "quota", "language", "state"];
/// Columns of aliases.
const ALIASES: [&str; 2] = ["alias", "target"];

/// `GET /accounts.csv`.
///
/// # Errors
/// When the asker may not.
pub async fn accounts(State(console): State<Console>, member: Member) -> Result<Response, Oops> {
    let first = member.look(&console, Query::Accounts { domain: None, after: String::new() }).await?;
    let pages = stream::unfold((console, member, Some(first)), |(console, member, page)| async move {
        let page = page?;
        let rows: String = items(&page, "accounts").iter().map(|one| line(one, &ACCOUNTS)).collect();
        let next = match page["next"].as_str() {
            Some(next) => member.look(&console, Query::Accounts { domain: None, after: next.to_owned() }).await.ok(),
            None => None,
        };
        Some((rows, (console, member, next)))
    });
    let body = stream::iter([csv::row(&ACCOUNTS)]).chain(pages).map(Ok::<_, Infallible>);
    Ok((download("accounts.csv"), Body::from_stream(body)).into_response())
}

/// `GET /aliases.csv`.
///
/// # Errors
/// When the asker may not.
pub async fn aliases(State(console): State<Console>, member: Member) -> Result<Response, Oops> {
    let found = member.look(&console, Query::Aliases { domain: None }).await?;
    let mut text = csv::row(&ALIASES);
    for one in found.as_array().into_iter().flatten() {
        text.push_str(&line(one, &ALIASES));
    }
    Ok((download("aliases.csv"), text).into_response())
}

fn line(one: &Value, names: &[&str]) -> String {
    let cells: Vec<String> = names
        .iter()
        .map(|name| match &one[*name] {
            Value::String(text) => text.clone(),
            Value::Null => String::new(),
            other => other.to_string(),
        })
        .collect();
    csv::row(&cells)
}

fn download(name: &str) -> [(header::HeaderName, String); 2] {
    [
        (header::CONTENT_TYPE, "text/csv; charset=utf-8".to_owned()),
        (header::CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\"")),
    ]
}

/// `GET /accounts/import` and `GET /aliases/import`.
pub async fn account_form(member: Member) -> Page {
    form(&member, "accounts", "", &[])
}

/// `GET /aliases/import`.
pub async fn alias_form(member: Member) -> Page {
    form(&member, "aliases", "", &[])
}

/// `POST /accounts/import`: shows what would be done, and with `do=import` does it.
///
/// # Errors
/// When the store does not answer.
pub async fn import_accounts(State(console): State<Console>, member: Member, fields: Fields) -> Result<Page, Oops> {
    import(&console, &member, &fields, "accounts").await
}

/// `POST /aliases/import`.
///
/// # Errors
/// When the store does not answer.
pub async fn import_aliases(State(console): State<Console>, member: Member, fields: Fields) -> Result<Page, Oops> {
    import(&console, &member, &fields, "aliases").await
}

/// A row: where it stood, what it asks for, the password that was made, or what is wrong.
struct Row {
    line: usize,
    what: Result<(String, Command), Text>,
    password: String,
}

async fn import(console: &Console, member: &Member, fields: &Fields, kind: &str) -> Result<Page, Oops> {
    let lang = member.lang();
    let text = fields.raw("text");
    let mut rows = parse(text, kind, lang)?;
    for row in &mut rows {
        if let Ok((_, command)) = &row.what
            && !member.scope.may(console, command).await?
        {
            row.what = Err(crate::scope::refused().text().clone());
        }
    }
    if fields.get("do") != "import" {
        return Ok(form(member, kind, text, &rows));
    }
    let mut done = 0_u64;
    let mut shown = Vec::new();
    for Row { line, what, password } in rows {
        let (name, result) = match what {
            Err(text) => (String::new(), Err(text)),
            Ok((name, command)) => match member.act(console, command).await {
                Ok(_) => (name, Ok(password)),
                Err(oops) => (name, Err(oops.shown().1)),
            },
        };
        done += u64::from(result.is_ok());
        let (mark, said) = match result {
            Ok(password) => ("✓", password),
            Err(text) => ("✗", text.get(lang).to_owned()),
        };
        shown.push(vec![cell(&line.to_string()), cell(&name), html! { (mark) " " code { (said) } }]);
    }
    let done = count(done);
    let heads = [
        t!(lang, ja: "行", en: "Line"),
        t!(lang, ja: "名前", en: "Name"),
        t!(lang, ja: "パスワード（表示は今だけ）または理由", en: "Password (shown only now), or why not"),
    ];
    Ok(Page::new(
        t!(lang, ja: "取り込みの結果", en: "What was imported"),
        html! {
            p.said role="status" { (t!(lang, ja: "{done} 件を取り込みました。", en: "{done} were imported.")) }
            section { (table(&t!(lang, ja: "結果", en: "Results"), &heads, &shown, lang)) }
        },
    ))
}

fn parse(text: &str, kind: &str, lang: Language) -> Result<Vec<Row>, Refusal> {
    let mut rows = csv::read(text);
    let head = if kind == "accounts" { ACCOUNTS[0] } else { ALIASES[0] };
    if rows.first().is_some_and(|(_, row)| row.first().is_some_and(|cell| cell.trim().eq_ignore_ascii_case(head))) {
        rows.remove(0);
    }
    if rows.len() > MOST {
        let n = rows.len();
        return Err(Refusal::invalid(say!(
            ja: "一度に取り込めるのは {MOST} 行までです（{n} 行あります）。",
            en: "At most {MOST} rows at once; there are {n}."
        )));
    }
    let one = |(line, cells): (usize, Vec<String>)| {
        let cell = |n: usize| cells.get(n).map(|cell| cell.trim().to_owned()).unwrap_or_default();
        if kind == "accounts" { account(line, &cell, lang) } else { Ok(alias(line, &cell)) }
    };
    rows.into_iter().map(one).collect()
}

fn alias(line: usize, cell: &dyn Fn(usize) -> String) -> Row {
    let (pattern, target) = (cell(0), cell(1));
    let what = if pattern.contains('@') && Address::parse(&target).is_ok() {
        Ok((pattern.clone(), Command::Alias(AliasCommand::Add { pattern, target })))
    } else {
        Err(say!(ja: "別名と届け先が要ります。", en: "An alias and where it goes are needed."))
    };
    Row { line, what, password: String::new() }
}

fn account(line: usize, cell: &dyn Fn(usize) -> String, lang: Language) -> Result<Row, Refusal> {
    let password = password::one_time().map_err(|error| Refusal::Store {
        reason: say!(ja: "乱数が得られません: {error}", en: "No random numbers: {error}"),
        temporary: true,
    })?;
    let address = cell(0);
    let role = match cell(2).as_str() {
        "" | "user" => Some(Role::User),
        "domain_admin" => Some(Role::DomainAdmin),
        "system_admin" => Some(Role::SystemAdmin),
        _ => None,
    };
    let quota = Some(cell(3)).filter(|text| !text.is_empty()).map(|text| text.parse::<u64>()).transpose();
    let language = match cell(4).as_str() {
        "ja" => Language::Ja,
        "en" => Language::En,
        _ => lang,
    };
    let what = match (Address::parse(&address), role, quota) {
        (Err(_), ..) => {
            Err(say!(ja: "「{address}」はメールアドレスではありません。", en: "“{address}” is not a mail address."))
        }
        (_, None, _) => Err(say!(
            ja: "権限は user、domain_admin、system_admin のどれかです。",
            en: "The role is user, domain_admin or system_admin."
        )),
        (.., Err(_)) => Err(say!(ja: "容量の上限はバイト数です。", en: "The quota is a number of octets.")),
        (Ok(_), Some(role), Ok(quota)) => {
            let person = NewPerson {
                address: address.clone(),
                full_name: cell(1),
                password: Secret(password.clone()),
                role,
                quota,
                language,
                must_change: true,
            };
            Ok((address, Command::Account(AccountCommand::Add(person))))
        }
    };
    Ok(Row { line, what, password })
}

fn form(member: &Member, kind: &str, text: &str, rows: &[Row]) -> Page {
    let lang = member.lang();
    let columns = if kind == "accounts" { ACCOUNTS[..5].join(",") } else { ALIASES.join(",") };
    let (well, ill) =
        (rows.iter().filter(|row| row.what.is_ok()).count(), rows.iter().filter(|row| row.what.is_err()).count());
    let faults: Vec<Vec<Markup>> = rows
        .iter()
        .filter_map(|row| Some(vec![cell(&row.line.to_string()), cell(row.what.as_ref().err()?.get(lang))]))
        .collect();
    let title = if kind == "accounts" {
        t!(lang, ja: "アカウントの取り込み", en: "Import accounts")
    } else {
        t!(lang, ja: "別名の取り込み", en: "Import aliases")
    };
    Page::new(
        title,
        html! {
            section {
                p { (t!(lang, ja: "列の順: {columns}。一度に {MOST} 行まで。すでにあるものは変えません。", en: "Columns: {columns}. At most {MOST} rows at once. What exists is not changed.")) }
                @if kind == "accounts" { p { (t!(lang, ja: "パスワードは自動で作り、結果に一度だけ表示します。", en: "Passwords are made, and shown once in the result.")) } }
                @if !rows.is_empty() {
                    p.question role="status" { (t!(lang, ja: "{well} 件を追加します。{ill} 件は読み飛ばします。", en: "{well} will be added; {ill} will be left out.")) }
                    @if !faults.is_empty() {
                        (table(&t!(lang, ja: "読み飛ばす行", en: "Left out"), &[t!(lang, ja: "行", en: "Line"), t!(lang, ja: "理由", en: "Why")], &faults, lang))
                    }
                }
                form.wide method="post" action=(format!("/{kind}/import")) {
                    (csrf(member))
                    label {
                        span { (t!(lang, ja: "ファイル", en: "File")) }
                        input type="file" accept=".csv,text/csv" data-into="csv";
                    }
                    label {
                        span { (t!(lang, ja: "CSV", en: "CSV")) }
                        textarea #csv name="text" required { "\n" (text) }
                    }
                    div.act {
                        button type="submit" name="do" value="look" { (t!(lang, ja: "確認する", en: "Look at it")) } " "
                        @if well > 0 { button type="submit" name="do" value="import" { (t!(lang, ja: "{well} 件を取り込む", en: "Import {well}")) } }
                    }
                }
            }
        },
    )
}
#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    #[test]
    fn rows_are_read_and_faults_named_by_line() {
        let text =
            "address,name\na@example.jp,\"山田, 太郎\",user,1000,ja\nnobody\nb@example.jp,,king\nc@example.jp,,,much";
        let rows = parse(text, "accounts", Language::Ja).unwrap();
        assert_eq!(
            rows.iter().map(|row| (row.line, row.what.is_ok())).collect::<Vec<_>>(),
            [(2, true), (3, false), (4, false), (5, false)]
        );
        let Ok((_, Command::Account(AccountCommand::Add(person)))) = &rows[0].what else { panic!() };
        assert_eq!((person.full_name.as_str(), person.quota, person.must_change), ("山田, 太郎", Some(1000), true));
        assert!(rows[1].what.as_ref().unwrap_err().ja.contains("nobody"));
    }

    #[test]
    fn too_much_at_once_is_refused_before_anything_is_done() {
        let text = "a@example.jp,b@example.jp\n".repeat(MOST + 1);
        assert!(parse(&text, "aliases", Language::En).is_err());
        assert_eq!(parse("*@example.jp,a@example.jp\nx,y", "aliases", Language::En).unwrap().len(), 2);
    }
}
