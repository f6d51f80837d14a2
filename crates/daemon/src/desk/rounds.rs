//! The administrator's rounds.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sekisho_control::Refusal;
use sekisho_control::audit::{Certificate, Ground};
use sekisho_control::outside::Door;
use sekisho_guard::ladder::Rung;
use sekisho_message::say;
use sekisho_net::tls;
use sekisho_store::{about, account, profile};
use serde_json::{Value, json};

use super::Desk;

/// The shape of [`sekisho_control::check::Check`], with texts in both languages.
pub(super) async fn check(desk: &Desk) -> Result<Value, Refusal> {
    let vitals = match &desk.probe {
        Some(probe) => Some(probe.measure(&desk.control).await),
        None => None,
    };
    Ok(json!(desk.control.check(vitals).await?))
}

/// `{"version":…,"store":{"engine","version","tables","octets"},"vitals":…}`: the shapes of [`about::About`] and
/// [`sekisho_control::check::Vitals`]; no vitals when the server is stopped.
pub(super) async fn health(desk: &Desk) -> Result<Value, Refusal> {
    let store = desk.control.store().read(about::about).await?;
    let vitals = match &desk.probe {
        Some(probe) => Some(probe.look(&desk.control).await),
        None => None,
    };
    Ok(json!({ "version": env!("CARGO_PKG_VERSION"), "store": store, "vitals": vitals }))
}

/// `{"observe":{"accounts","others"},"dwell":…}`; nobody counts the others of the first rung.
pub(super) async fn rungs(desk: &Desk) -> Result<Value, Refusal> {
    let (all, found) = desk.control.store().read(|tx| Ok((account::count(tx)?, profile::rungs(tx)?))).await?;
    let mut shown = json!({});
    for rung in Rung::ALL {
        let (accounts, others) = found.iter().find(|(n, ..)| *n == rung as u8).map_or((0, 0), |(_, a, o)| (*a, *o));
        shown[rung.name()] = json!({ "accounts": accounts, "others": others });
    }
    let above: u64 = found.iter().map(|(_, accounts, _)| accounts).sum();
    shown[Rung::Observe.name()]["accounts"] = json!(all.saturating_sub(above));
    Ok(shown)
}

/// The shape of [`sekisho_control::trace::Traced`], with texts in both languages.
pub(super) async fn trace(desk: &Desk, base64: &str) -> Result<Value, Refusal> {
    let bytes = STANDARD
        .decode(base64)
        .map_err(|_| Refusal::invalid(say!(ja: "base64 ではありません。", en: "This is not base64.")))?;
    Ok(json!(desk.control.trace(&bytes).await?))
}

/// `{"found":…,"history":[…]}`: the shape of [`sekisho_control::reputation::Reputation`] and of listings.
pub(super) async fn reputation(desk: &Desk, fresh: bool) -> Result<Value, Refusal> {
    let found = if fresh {
        desk.control.reputation().await?
    } else {
        desk.control.last_reputation().await?.unwrap_or_default()
    };
    Ok(json!({ "found": found, "history": desk.control.listings().await? }))
}

/// The shape of [`sekisho_control::audit::Audit`], with texts in both languages.
pub(super) async fn audit(desk: &Desk, fresh: bool) -> Result<Value, Refusal> {
    let found = if fresh {
        desk.control.audit(&ground(desk)).await?
    } else {
        desk.control.last_audit().await?.unwrap_or_default()
    };
    Ok(json!(found))
}

fn ground(desk: &Desk) -> Ground {
    let config = &desk.settings.config;
    let path = desk.settings.path(&config.tls.certificate);
    let facts = tls::facts(&path);
    let (until, names, self_signed) =
        facts.map_or((None, Vec::new(), false), |facts| (Some(facts.until), facts.names, facts.self_signed));
    let listen = &config.listen;
    let clear = listen.smtp.iter().chain(&listen.submission).map(|address| (address, false));
    let doors = clear.chain(listen.submissions.iter().map(|address| (address, true)));
    let open = [&listen.smtp, &listen.submission, &listen.submissions, &listen.imap, &listen.imaps, &listen.pop3];
    Ground {
        doors: doors
            .filter(|(address, _)| address.port() != 0)
            .map(|(address, tls)| Door { address: address.to_string(), tls })
            .collect(),
        public: open.into_iter().chain([&listen.pop3s]).flatten().any(|address| !address.ip().is_loopback()),
        auth_without_tls: !config.tls.require_for_auth,
        certificate: Certificate { path: path.display().to_string(), until, names, self_signed },
    }
}
