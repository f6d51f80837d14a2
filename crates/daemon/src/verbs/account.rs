//! `sekisho account`.

use clap::{ArgMatches, Command};
use sekisho_control::command::{AccountCommand, ConsoleCommand, NewPerson, Secret};
use sekisho_control::password;
use sekisho_message::{Language, say};
use sekisho_store::account::Role;
use serde_json::{Value, json};

use super::domain::day;
use super::{credential, personal, unknown, whence};
use crate::cli::{Words, given, text};
use crate::config::Size;
use crate::desk::Query;
use crate::shell::Shell;
use crate::show::{self, Table};
use crate::trouble::{Exit, Trouble};

pub(super) fn command(words: &Words) -> Command {
    let who = || words.place("account", say!(ja: "メールアドレス", en: "Mail address")).required(true);
    let stdin = || {
        words.switch(
            "password-stdin",
            say!(ja: "パスワードを標準入力から読む", en: "Read the password from standard input"),
        )
    };
    let generate = || {
        words.switch(
            "generate",
            say!(ja: "一回限りのパスワードを作って表示する", en: "Make a one-time password and print it"),
        )
    };
    let quota = || {
        words.option(
            "quota",
            "SIZE",
            say!(ja: "容量の上限（例: \"2 GiB\"、none でなし）", en: "Quota (such as \"2 GiB\"; none lifts it)"),
        )
    };
    let role = || {
        words
            .option(
                "role",
                "ROLE",
                say!(ja: "権限: user、domain_admin、system_admin", en: "Role: user, domain_admin or system_admin"),
            )
            .value_parser(["user", "domain_admin", "system_admin"])
    };
    let name = || words.option("name", "NAME", say!(ja: "氏名", en: "Full name"));
    let language = || {
        words
            .option("language", "LANG", say!(ja: "本人の言語", en: "Language of the person"))
            .value_parser(["ja", "en"])
    };
    words.group(
        "account",
        say!(ja: "アカウント", en: "Accounts"),
        [
            words.verb("add", say!(ja: "アカウントを追加する", en: "Add an account")).args([
                who(),
                stdin(),
                generate().conflicts_with("password-stdin"),
                name(),
                quota(),
                role(),
                language(),
            ]),
            words.verb("list", say!(ja: "アカウントの一覧", en: "List the accounts")).arg(words.option(
                "domain",
                "DOMAIN",
                say!(ja: "このドメインだけ", en: "Of this domain alone"),
            )),
            words.verb("show", say!(ja: "アカウントを表示する", en: "Show an account")).arg(who()),
            words.verb("password", say!(ja: "パスワードを変更する", en: "Change the password")).args([
                who(),
                stdin(),
                generate().conflicts_with("password-stdin"),
            ]),
            words
                .verb("suspend", say!(ja: "停止する（送信できなくなる）", en: "Suspend: it cannot send"))
                .arg(who())
                .arg(words.option("reason", "TEXT", say!(ja: "理由（記録に残る）", en: "Why, for the journal"))),
            words.verb("resume", say!(ja: "停止や削除を取り消す", en: "Undo a suspension or a removal")).arg(who()),
            words
                .verb("rename", say!(ja: "アドレスを変える", en: "Change the address"))
                .arg(who())
                .arg(words.place("to", say!(ja: "新しいアドレス", en: "New address")).required(true)),
            words
                .verb("remove", say!(ja: "削除する（猶予期間あり）", en: "Remove, with a grace period"))
                .args([who(), words.yes()]),
            words.verb("quota", say!(ja: "容量の上限を決める", en: "Set the quota")).arg(who()).arg(
                words
                    .place("size", say!(ja: "例: \"2 GiB\"、none でなし", en: "Such as \"2 GiB\"; none lifts it"))
                    .required(true),
            ),
            words
                .verb(
                    "set",
                    say!(ja: "氏名、言語、権限、ログイン元の制限を変える", en: "Set name, language, role, or from where it may log in"),
                )
                .args([who(), name(), language(), role()])
                .args(whence::options(words)),
            words
                .verb("second-factor", say!(ja: "管理画面の二段階認証を解除する", en: "Take the console's second factor away"))
                .arg(who())
                .arg(words.switch("remove", say!(ja: "解除する", en: "Take it away")).required(true)),
            words
                .verb(
                    "class",
                    say!(ja: "送信者の種別を決める（auto で学習に任せる）", en: "Set what kind of sender it is; auto lets it be learnt"),
                )
                .arg(who())
                .arg(
                    words
                        .place("class", say!(ja: "種別", en: "Class"))
                        .value_parser(["person", "role", "application", "newsletter", "auto"])
                        .required(true),
                ),
            credential::app_password(words),
            credential::recoverable(words),
        ],
    )
    .subcommands(personal::commands(words))
}

pub(super) fn run(matches: &ArgMatches, shell: &mut Shell) -> Result<Exit, Trouble> {
    use sekisho_control::Command::Account;
    let Some((verb, m)) = matches.subcommand() else { return Err(unknown("account")) };
    if verb == "app-password" {
        return credential::run_app_password(m, shell);
    }
    let address = || text(m, "account").to_owned();
    match verb {
        "forward" | "reply" | "hours" => personal::run(verb, m, shell),
        "add" => add(m, shell),
        "list" => list(given(m, "domain"), shell),
        "show" => show_one(&address(), shell),
        "password" => set_password(m, shell),
        "suspend" => {
            shell.act(Account(AccountCommand::Suspend { address: address(), reason: text(m, "reason").into() }))
        }
        "resume" => shell.act(Account(AccountCommand::Resume { address: address() })),
        "rename" => shell.act(Account(AccountCommand::Rename { address: address(), to: text(m, "to").into() })),
        "remove" => remove(m, shell),
        "quota" => {
            let quota = quota_of(text(m, "size"))?;
            shell.act(Account(AccountCommand::Quota { address: address(), quota }))
        }
        "set" => set(m, shell),
        "recoverable" => credential::run_recoverable(m, shell),
        "second-factor" => {
            shell.act(sekisho_control::Command::Console(ConsoleCommand::FactorRemove { address: address() }))
        }
        "class" => {
            let class = serde_json::from_value(json!(text(m, "class"))).ok();
            shell.act(sekisho_control::Command::Class { who: address(), class })
        }
        _ => Err(unknown(verb)),
    }
}

fn add(m: &ArgMatches, shell: &mut Shell) -> Result<Exit, Trouble> {
    let (password, made) = password_of(m, shell)?;
    let quota = match given(m, "quota") {
        Some(text) => quota_of(&text)?,
        None => None,
    };
    let person = NewPerson {
        address: text(m, "account").into(),
        full_name: text(m, "name").into(),
        password: Secret(password.clone()),
        role: role_of(text(m, "role")).unwrap_or_default(),
        quota,
        language: language_of(m).unwrap_or(shell.language),
        must_change: made,
    };
    let done = shell.run(sekisho_control::Command::Account(AccountCommand::Add(person)))?;
    shell.say_done(&done)?;
    say_password(made, &password, shell)
}

fn set_password(m: &ArgMatches, shell: &mut Shell) -> Result<Exit, Trouble> {
    let (password, made) = password_of(m, shell)?;
    let address = text(m, "account").to_owned();
    let act = AccountCommand::Password { address, password: Secret(password.clone()), must_change: made };
    let done = shell.run(sekisho_control::Command::Account(act))?;
    shell.say_done(&done)?;
    say_password(made, &password, shell)
}

/// A password that was made here is shown once.
pub(super) fn say_password(made: bool, password: &str, shell: &mut Shell) -> Result<Exit, Trouble> {
    if made && shell.json {
        shell.print_json(&json!({ "password": password }))?;
    } else if made {
        shell.say(&say!(ja: "一回限りのパスワード: {password}", en: "One-time password: {password}"))?;
    }
    Ok(Exit::Well)
}

/// The password, and whether it was made here.
pub(super) fn password_of(m: &ArgMatches, shell: &Shell) -> Result<(String, bool), Trouble> {
    if m.get_flag("password-stdin") {
        return Ok((shell.input()?, false));
    }
    if m.get_flag("generate") {
        let made = password::one_time().map_err(|error| {
            Trouble::could_not(say!(ja: "乱数が得られません: {error}", en: "No random numbers: {error}"))
        })?;
        return Ok((made, true));
    }
    Err(Trouble::could_not(say!(
        ja: "--password-stdin（標準入力から読む）か --generate（作る）を指定してください。",
        en: "Say --password-stdin (read it from standard input) or --generate (make one)."
    )))
}

fn remove(m: &ArgMatches, shell: &mut Shell) -> Result<Exit, Trouble> {
    let act = |confirmed| {
        sekisho_control::Command::Account(AccountCommand::Remove { address: text(m, "account").into(), confirmed })
    };
    super::confirmed(shell, m.get_flag("yes"), act)
}

fn set(m: &ArgMatches, shell: &mut Shell) -> Result<Exit, Trouble> {
    use sekisho_control::Command::Account;
    let address = text(m, "account").to_owned();
    let (full_name, language) = (given(m, "name"), language_of(m));
    if full_name.is_some() || language.is_some() {
        shell.act(Account(AccountCommand::Person { address: address.clone(), full_name, language }))?;
    }
    if let Some(rule) = whence::rule(m) {
        shell.act(Account(AccountCommand::Whence { address: address.clone(), rule }))?;
    }
    match role_of(text(m, "role")) {
        Some(role) => shell.act(Account(AccountCommand::Role { address, role })),
        None => Ok(Exit::Well),
    }
}

fn list(domain: Option<String>, shell: &mut Shell) -> Result<Exit, Trouble> {
    let mut all = Vec::new();
    let mut after = String::new();
    loop {
        let page = shell.ask(Query::Accounts { domain: domain.clone(), after })?;
        all.extend(show::items(&page, "accounts").iter().cloned());
        match page.get("next").and_then(Value::as_str) {
            Some(next) => after = next.to_owned(),
            None => break,
        }
    }
    if shell.json {
        shell.print_json(&json!(all))?;
        return Ok(Exit::Well);
    }
    let mut table = Table::new(["ACCOUNT", "NAME", "STATE", "ROLE", "USED", "QUOTA", "SINCE"]);
    for one in &all {
        table.row([
            show::text(one, "address").into(),
            show::text(one, "name").into(),
            show::text(one, "state").into(),
            show::text(one, "role").into(),
            show::size(show::number(one, "used")),
            quota_text(one),
            day(one),
        ]);
    }
    shell.print(&table.print())?;
    Ok(Exit::Well)
}

fn show_one(address: &str, shell: &mut Shell) -> Result<Exit, Trouble> {
    let one = shell.ask(Query::Account { address: address.to_owned() })?;
    if shell.json {
        shell.print_json(&one)?;
        return Ok(Exit::Well);
    }
    let mut table = Table::new(["ACCOUNT", show::text(&one, "address")]);
    let rows = [
        ("name", show::text(&one, "name").to_owned()),
        ("state", show::text(&one, "state").to_owned()),
        ("role", show::text(&one, "role").to_owned()),
        ("messages", show::number(&one, "messages").to_string()),
        ("used", show::size(show::number(&one, "used"))),
        ("quota", quota_text(&one)),
        ("language", show::text(&one, "language").to_owned()),
        ("created", show::text(&one, "created").to_owned()),
        ("password changed", show::text(&one, "password_changed").to_owned()),
        ("must change", one["must_change"].to_string()),
        ("auth networks", show::list(&one, "auth_networks")),
        ("auth countries", show::list(&one, "auth_countries")),
        ("app passwords", one["app_passwords"].as_u64().filter(|n| *n > 0).map_or_else(String::new, |n| n.to_string())),
        ("recoverable password", credential::recoverable_text(&one)),
        ("forwards to", forward_text(&one["forward"])),
        ("replies", reply_text(&one["reply"])),
        ("send hours", show::text(&one, "send_hours").to_owned()),
        ("rules of its own", rules_text(&one)),
        ("purge after", show::text(&one, "purge_after").to_owned()),
        ("class", class_text(&one["guard"])),
        ("guard", show::text(&one["guard"], "rung").to_owned()),
        ("held since", show::text(&one["guard"], "held_since").to_owned()),
    ];
    for (name, value) in rows {
        if !value.is_empty() {
            table.row([name.to_owned(), value]);
        }
    }
    for way in show::items(&one, "logins") {
        table.row([format!("logs in by {}", show::text(way, "door")), login_text(way)]);
    }
    shell.print(&table.print())?;
    Ok(Exit::Well)
}

/// A way in which it logged in lately, and whether anybody could listen.
fn login_text(way: &Value) -> String {
    let over = match show::text(way, "wire") {
        "tls" => "over TLS",
        "local" => "from this machine",
        _ => "WITHOUT TLS",
    };
    format!("{} {over}, last {}", show::text(way, "proof"), show::text(way, "at").get(..10).unwrap_or_default())
}

/// Where mail goes on to, and whether a copy stays.
fn forward_text(forward: &Value) -> String {
    if forward.is_null() {
        return String::new();
    }
    let keeps = if forward["keep"] == true { "copy kept" } else { "no copy kept" };
    let permit = show::list(forward, "permit");
    let from = if permit.is_empty() { String::new() } else { format!("; only from {permit}") };
    format!("{} ({keeps}{from})", show::list(forward, "to"))
}

fn reply_text(reply: &Value) -> String {
    if reply.is_null() {
        return String::new();
    }
    let days = show::number(reply, "days");
    format!("once in {days} days: {}", show::text(reply, "text").lines().next().unwrap_or_default())
}

/// The rule files that the account has.
fn rules_text(one: &Value) -> String {
    let files = [("has_effect_dat", "effect.dat"), ("has_sender_dat", "sender.dat"), ("has_mail_dat", "mail.dat")];
    let there = files.into_iter().filter(|(name, _)| one[*name] == true).map(|(_, file)| file);
    there.collect::<Vec<_>>().join(", ")
}

/// The class in force, and whether somebody set it.
fn class_text(guard: &Value) -> String {
    let class = show::text(guard, "class");
    match (class, guard["class_set"].is_null(), guard["learning"] == true) {
        ("", ..) => String::new(),
        (_, false, _) => format!("{class} (set)"),
        (_, true, true) => format!("{class} (learning)"),
        (_, true, false) => format!("{class} (learnt)"),
    }
}

fn quota_text(one: &Value) -> String {
    one.get("quota").and_then(Value::as_u64).map_or_else(|| "-".to_owned(), show::size)
}

fn quota_of(text: &str) -> Result<Option<u64>, Trouble> {
    if text == "none" {
        return Ok(None);
    }
    Size::parse(text).map(|size| Some(size.0)).map_err(|error| Trouble::could_not(say!(ja: "{error}", en: "{error}")))
}

fn role_of(text: &str) -> Option<Role> {
    match text {
        "user" => Some(Role::User),
        "domain_admin" => Some(Role::DomainAdmin),
        "system_admin" => Some(Role::SystemAdmin),
        _ => None,
    }
}

fn language_of(m: &ArgMatches) -> Option<Language> {
    given(m, "language").map(|text| Language::of_locale(&text))
}
