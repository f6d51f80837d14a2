//! `sekisho init`.

use clap::{ArgMatches, Command};
use sekisho_message::say;
use sekisho_net::Clock;
use serde_json::json;

use crate::cli::{Words, text};
use crate::config::HostName;
use crate::lock::Lock;
use crate::shell::Shell;
use crate::trouble::{Exit, Trouble};
use crate::{desk, first};

pub(super) fn command(words: &Words) -> Command {
    words
        .verb("init", say!(ja: "設定と最初のドメインを作る（起動はしない）", en: "Write the configuration and the first domain, without starting"))
        .arg(words.option("hostname", "NAME", say!(ja: "このサーバのホスト名（FQDN）", en: "Qualified host name of this server")).required(true))
        .arg(words.option("domain", "DOMAIN", say!(ja: "最初のドメイン", en: "First domain")).required(true))
}

pub(super) fn run(m: &ArgMatches, shell: &mut Shell) -> Result<Exit, Trouble> {
    let hostname = HostName::parse(text(m, "hostname"))
        .map_err(|error| Trouble::could_not(say!(ja: "ホスト名の誤り: {error}", en: "Host name: {error}")))?;
    let domain = text(m, "domain");
    HostName::parse(domain)
        .or_else(|error| if domain.is_ascii() { Err(error) } else { Ok(hostname.clone()) })
        .map_err(|error| Trouble::could_not(say!(ja: "ドメインの誤り: {error}", en: "Domain: {error}")))?;
    first::folder(&shell.dir, &hostname)?;
    let settings = shell.settings()?;
    let _lock = Lock::take(&settings.dir).map_err(Trouble::from_io)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Trouble::from_io)?;
    let language = shell.language;
    let administrator = runtime.block_on(async {
        let opened = desk::open(std::sync::Arc::new(settings.clone()), Clock::system()).await?;
        let control = opened.desk.control;
        let made = first::people(&control, domain, language).await;
        control.store().close().await;
        made
    })?;
    if shell.json {
        let (address, password) = (&administrator.address, &administrator.password);
        shell.print_json(&json!({ "data": settings.dir, "administrator": address, "password": password }))?;
    } else {
        shell.say(&first::welcome(&settings.dir, &administrator, None))?;
    }
    Ok(Exit::Well)
}
