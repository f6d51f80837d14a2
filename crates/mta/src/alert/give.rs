//! Giving alerts to a webhook, a command and the owner, again and again until they are taken.

use std::process::Stdio;
use std::time::Duration;

use hmac::{Hmac, KeyInit, Mac};
use sekisho_control::command::Secret;
use sekisho_control::guard::Alert as Wanted;
use sekisho_control::{Actor, BusEvent, entry};
use sekisho_net::http::{self, Url};
use sekisho_store::account::{self, State as AccountState};
use sekisho_store::alert::{self, Alert};
use sekisho_store::incident::{self, State};
use sekisho_store::{IncidentId, Result, journal, queue};
use serde_json::json;
use sha2::Sha256;
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

use super::{Alerts, Tried, letter, readers};

/// Posts JSON.
const WEBHOOK: &str = "webhook";
/// Runs a program.
const COMMAND: &str = "command";
/// A notice in the mailbox of the account that is held.
pub(super) const OWNER: &str = "owner";

/// Alerts that are given in one round.
const PAGE: u32 = 20;
/// How long nobody else takes an alert that somebody is giving.
const LEASE: Duration = Duration::from_secs(300);
/// The longest that a webhook or command may take.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long an alert is tried.
const LIFE: Duration = Duration::from_secs(3 * 86_400);
/// The first pause between tries; it doubles.
const PAUSE: Duration = Duration::from_secs(30);
/// The longest pause between tries.
const LONGEST_PAUSE: Duration = Duration::from_secs(3_600);
/// Longest text of a program or peer that is kept.
const MOST_TEXT: usize = 500;

/// The ways that are set up, beside mail.
pub(super) fn channels(wanted: &Wanted) -> Vec<&'static str> {
    let webhook = wanted.webhook.is_some().then_some(WEBHOOK);
    let command = (!wanted.command.is_empty()).then_some(COMMAND);
    webhook.into_iter().chain(command).collect()
}

impl Alerts {
    /// Gives what is due.
    ///
    /// # Errors
    /// What the store reports.
    pub async fn give(&self) -> Result<()> {
        let (now, again) = (self.control.now(), self.control.now() + LEASE);
        let due = self.control.store().write(move |tx| alert::take(tx, now, again, PAGE)).await?;
        for one in due {
            self.give_one(&one).await?;
        }
        Ok(())
    }

    async fn give_one(&self, one: &Alert) -> Result<()> {
        if one.channel == OWNER {
            return self.tell_owner(one).await;
        }
        let wanted = channels(&self.control.guard().settings().alert);
        let Some(channel) = wanted.into_iter().find(|channel| *channel == one.channel) else {
            // Nobody wants it any more.
            let id = one.id;
            return self.control.store().write(move |tx| alert::done(tx, id)).await;
        };
        let tried = self.try_channel(channel, &one.body, one.incident).await;
        let (now, id, incident, attempts) = (self.control.now(), one.id, one.incident, one.attempts);
        let over = now.since(one.created) >= LIFE;
        if !tried.ok {
            tracing::warn!(channel, text = tried.text, attempts, "an alert was not taken");
        }
        let detail =
            json!({ "incident": incident, "tried": tried, "attempts": attempts, "given_up": !tried.ok && over });
        let note = entry::act(now, &Actor::server("alert").to_string(), "alert.give", None, &detail);
        let pause = PAUSE.saturating_mul(1 << attempts.saturating_sub(1).min(8)).min(LONGEST_PAUSE);
        let ok = tried.ok;
        self.control
            .store()
            .write(move |tx| {
                if ok || over {
                    alert::done(tx, id)?;
                    return journal::append(tx, std::slice::from_ref(&note));
                }
                alert::put_off(tx, id, now + pause)
            })
            .await
    }

    /// Gives one alert by one way.
    pub(super) async fn try_channel(&self, channel: &'static str, body: &str, incident: Option<IncidentId>) -> Tried {
        let wanted = &self.control.guard().settings().alert;
        let (target, outcome) = if channel == WEBHOOK {
            let url = wanted.webhook.clone().unwrap_or_default();
            let outcome = self.post(&url, wanted.webhook_secret.as_ref(), body).await;
            (url, outcome)
        } else {
            (wanted.command.first().cloned().unwrap_or_default(), run(&wanted.command, body, incident).await)
        };
        let (ok, text) = match outcome {
            Ok(text) => (true, text),
            Err(text) => (false, text),
        };
        Tried { channel, target, ok, text: entry::cut(&text, MOST_TEXT).to_owned() }
    }

    async fn post(&self, url: &str, secret: Option<&Secret>, body: &str) -> std::result::Result<String, String> {
        let url = Url::parse(url).ok_or("not an http or https address")?;
        let stamp = self.control.now().seconds().to_string();
        let signature = secret.map(|secret| sign(&secret.0, &stamp, body));
        let mut fields = vec![("Content-Type", "application/json"), ("User-Agent", "Sekisho")];
        if let Some(signature) = &signature {
            fields.extend([("X-Sekisho-Timestamp", stamp.as_str()), ("X-Sekisho-Signature", signature.as_str())]);
        }
        let said = http::post(&url, &fields, body.as_bytes(), &self.resolver, &self.clock, PATIENCE).await;
        match said {
            Ok(status) if (200..300).contains(&status) => Ok(status.to_string()),
            Ok(status) => Err(format!("status {status}")),
            Err(error) => Err(error.to_string()),
        }
    }

    /// Puts a notice into the mailbox of an account that is held, once only its owner can read it, or he has been there.
    async fn tell_owner(&self, one: &Alert) -> Result<()> {
        let (id, now) = (one.id, self.control.now());
        let Some(number) = one.incident else {
            return self.control.store().write(move |tx| alert::done(tx, id)).await;
        };
        let hands = self.control.clone();
        let found = self.control.store().read(move |tx| {
            let Some(incident) = incident::get(tx, number)? else { return Ok(Owner::Nobody) };
            let Some(account) = incident.account.as_deref().map(|key| account::get(tx, key)).transpose()?.flatten()
            else {
                return Ok(Owner::Nobody);
            };
            if incident.state >= State::Cleaned || account.state == AccountState::Removed {
                return Ok(Owner::Nobody);
            }
            let alone = account.state == AccountState::Suspended
                || hands.guard().owner_was_here(tx, &incident.origin, incident.opened, now)?;
            Ok(if alone { Owner::Reads(Box::new(account)) } else { Owner::Later })
        });
        let account = match found.await? {
            Owner::Reads(account) => account,
            Owner::Nobody => return self.control.store().write(move |tx| alert::done(tx, id)).await,
            Owner::Later => {
                return self.control.store().write(move |tx| alert::put_off(tx, id, now + PAUSE)).await;
            }
        };
        let (subject, text) = letter::to_owner();
        let mail = self.mail(&subject, &text, vec![readers::mailbox(&account, now)]).await?;
        let detail = json!({ "incident": number });
        let who = Actor::server("alert").to_string();
        let note = entry::act(now, &who, "incident.owner_told", Some(&account.key), &detail);
        self.control
            .store()
            .write(move |tx| {
                alert::done(tx, id)?;
                queue::accept(tx, &mail, now)?;
                journal::append(tx, std::slice::from_ref(&note))
            })
            .await?;
        self.control.bus().publish(BusEvent::QueueReady);
        Ok(())
    }
}

/// How it stands with the owner of an account that is held.
enum Owner {
    Reads(Box<account::Account>),
    /// A stranger might read it.
    Later,
    Nobody,
}

/// `sha256=` and the HMAC-SHA-256 of time, a full stop and body, in hexadecimal digits.
pub(super) fn sign(secret: &str, stamp: &str, body: &str) -> String {
    use std::fmt::Write as _;
    // HMAC takes keys of any length (RFC 2104 §2).
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.as_bytes()) else { return String::new() };
    for part in [stamp, ".", body] {
        mac.update(part.as_bytes());
    }
    let mut out = String::from("sha256=");
    for octet in mac.finalize().into_bytes() {
        let _ = write!(out, "{octet:02x}");
    }
    out
}

/// Runs a program with `body` on its standard input; what it printed on its standard error when it failed.
async fn run(command: &[String], body: &str, incident: Option<IncidentId>) -> std::result::Result<String, String> {
    let Some((program, args)) = command.split_first() else { return Err("no command".into()) };
    let mut child = Command::new(program)
        .args(args)
        .env("SEKISHO_INCIDENT", incident.map(|id| id.0.to_string()).unwrap_or_default())
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| error.to_string())?;
    let stdin = child.stdin.take();
    let work = async {
        if let Some(mut stdin) = stdin {
            // A program may end without reading.
            let _ = stdin.write_all(body.as_bytes()).await;
        }
        child.wait_with_output().await
    };
    // A program's time is the system's own.
    let done = tokio::time::timeout(PATIENCE, work).await.map_err(|_| "took too long".to_owned())?;
    let done = done.map_err(|error| error.to_string())?;
    if done.status.success() {
        Ok(done.status.to_string())
    } else {
        Err(format!("{}: {}", done.status, String::from_utf8_lossy(&done.stderr).trim()))
    }
}
