//! The first start: a data folder, a configuration, a domain and somebody who may log in.

use std::fs::DirBuilder;
use std::net::SocketAddr;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::Path;

use sekisho_control::command::{AccountCommand, Command, DomainCommand, NewPerson, Secret};
use sekisho_control::{Actor, Control, password};
use sekisho_message::{Language, Text, say};
use sekisho_store::account::Role;

use crate::config::{HostName, first_file, write_first};
use crate::trouble::Trouble;

/// Local part of the first administrator.
const ADMINISTRATOR: &str = "admin";
/// A domain that can never be anybody's (RFC 2606 §2).
const NOBODYS: &str = "example.test";

/// Names for a server whose operator has not said any: this machine's qualified name, or a domain that is nobody's.
#[must_use]
pub fn names(machine: &str) -> (HostName, String) {
    match HostName::parse(machine) {
        Ok(name) if name.as_str() != "localhost" && !name.as_str().ends_with(".localdomain") => {
            let domain = name.to_string();
            (name, domain)
        }
        _ => {
            let name = HostName::parse(&format!("mx.{NOBODYS}")).unwrap_or_else(|_| HostName::localhost());
            (name, NOBODYS.to_owned())
        }
    }
}

/// Makes the data folder, for its owner only, and the first configuration in it.
///
/// # Errors
/// When the folder has a configuration already or cannot be written.
pub fn folder(dir: &Path, hostname: &HostName) -> Result<(), Trouble> {
    let shown = dir.display();
    let unusable = |error: std::io::Error| {
        Trouble::could_not(say!(
            ja: "データフォルダ {shown} を作れません: {error}",
            en: "The data folder {shown} cannot be made: {error}"
        ))
    };
    DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(unusable)?;
    std::fs::set_permissions(dir, std::fs::Permissions::from_mode(0o700)).map_err(unusable)?;
    write_first(dir, &first_file(hostname)).map_err(|error| match error.kind() {
        std::io::ErrorKind::AlreadyExists => Trouble::could_not(say!(
            ja: "{shown} にはすでに設定があります。",
            en: "{shown} has a configuration already."
        )),
        _ => unusable(error),
    })
}

/// The first administrator, with the only copy of the password.
pub struct Administrator {
    /// Login and address.
    pub address: String,
    /// One-time password.
    pub password: String,
}

/// Adds the first domain and an administrator with a one-time password.
///
/// # Errors
/// Why not.
pub async fn people(control: &Control, domain: &str, language: Language) -> Result<Administrator, Trouble> {
    let actor = Actor::server("first start");
    control.run(Command::Domain(DomainCommand::Add { name: domain.to_owned() }), &actor).await?;
    let password = password::one_time().map_err(|error| {
        Trouble::could_not(say!(ja: "乱数が得られません: {error}", en: "No random numbers: {error}"))
    })?;
    let address = format!("{ADMINISTRATOR}@{domain}");
    let person = NewPerson {
        address: address.clone(),
        full_name: String::new(),
        password: Secret(password.clone()),
        role: Role::SystemAdmin,
        quota: None,
        language,
        must_change: true,
    };
    control.run(Command::Account(AccountCommand::Add(person)), &actor).await?;
    Ok(Administrator { address, password })
}

/// Where a first message can be sent and read.
#[derive(Clone, Copy, Debug)]
pub struct Doors {
    /// Submission with STARTTLS.
    pub submission: SocketAddr,
    /// IMAP over TLS.
    pub imaps: SocketAddr,
    /// POP3 over TLS.
    pub pop3s: SocketAddr,
    /// The web console, where there is one.
    pub console: Option<SocketAddr>,
}

/// How to send and read a first message, for whoever looks at the terminal.
#[must_use]
pub fn welcome(dir: &Path, administrator: &Administrator, doors: Option<&Doors>) -> Text {
    let dir = dir.display();
    let Administrator { address, password } = administrator;
    let mut text = say!(
        ja: "データフォルダ: {dir}\n管理者: {address}\n一回限りのパスワード: {password}\n（この表示だけです。メールソフトでもそのまま使えます。変更: sekisho account password {address} --password-stdin）",
        en: "Data folder: {dir}\nAdministrator: {address}\nOne-time password: {password}\n(Shown only now. It logs in to mail programs too; to change it: sekisho account password {address} --password-stdin)"
    );
    if let Some(Doors { submission, imaps, pop3s, console }) = doors {
        let send = format!(
            "  swaks --server {submission} --tls -a PLAIN -au {address} -ap '{password}' --from {address} --to {address} \
             --header 'Subject: first message'"
        );
        let imap = format!("  curl -k -u '{address}:{password}' 'imaps://{imaps}/INBOX;MAILINDEX=1'");
        let pop = format!("  curl -k -u '{address}:{password}' 'pop3s://{pop3s}/1'");
        let lines = say!(
            ja: "\n\n最初のメールを送る:\n{send}\n読む（IMAP、POP3）:\n{imap}\n{pop}",
            en: "\n\nSend a first message:\n{send}\nRead it (IMAP, POP3):\n{imap}\n{pop}"
        );
        text.ja.push_str(&lines.ja);
        text.en.push_str(&lines.en);
        if let Some(console) = console {
            text.ja.push_str(&format!("\n\n管理画面（ブラウザで開く）:\n  https://{console}/"));
            text.en.push_str(&format!("\n\nThe console (open it in a browser):\n  https://{console}/"));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;
    use sekisho_testkit::TempDir;

    #[test]
    fn names_come_from_the_machine_when_it_has_a_qualified_one() {
        let of = |machine| {
            let (host, domain) = names(machine);
            (host.to_string(), domain)
        };
        assert_eq!(of("mail.example.jp"), ("mail.example.jp".into(), "mail.example.jp".into()));
        for machine in ["", "box", "localhost", "box.localdomain", "not a name"] {
            assert_eq!(of(machine), ("mx.example.test".into(), "example.test".into()), "{machine}");
        }
    }

    #[test]
    fn the_folder_is_private_and_made_once() {
        let parent = TempDir::new("first").unwrap();
        let dir = parent.path().join("data");
        let name = HostName::parse("mx.example.jp").unwrap();
        folder(&dir, &name).unwrap();
        assert_eq!(std::fs::metadata(&dir).unwrap().permissions().mode() & 0o777, 0o700);
        assert!(folder(&dir, &name).unwrap_err().text.en.contains("already"));
    }

    #[test]
    fn the_welcome_has_commands_that_can_be_pasted() {
        let admin = Administrator { address: "admin@example.test".into(), password: "abcd-efgh".into() };
        let at = |port: u16| SocketAddr::from(([127, 0, 0, 1], port));
        let doors = Doors { submission: at(2587), imaps: at(2993), pop3s: at(2995), console: Some(at(2080)) };
        let text = welcome(Path::new("/srv/x"), &admin, Some(&doors));
        for form in [&text.ja, &text.en] {
            assert!(
                form.contains("swaks --server 127.0.0.1:2587 --tls -a PLAIN -au admin@example.test -ap 'abcd-efgh'")
            );
            assert!(form.contains("'imaps://127.0.0.1:2993/INBOX;MAILINDEX=1'"));
            assert!(form.contains("'pop3s://127.0.0.1:2995/1'"));
            assert!(form.ends_with("https://127.0.0.1:2080/"));
        }
        assert!(!welcome(Path::new("/srv/x"), &admin, None).en.contains("swaks"));
    }
}
