//! `/metrics`: numbers for Prometheus (text exposition format 0.0.4).

use std::fmt::Write as _;
use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use sekisho_control::latency::Counted;
use sekisho_control::{Query, Refusal};
use sekisho_guard::ladder::Rung;
use serde_json::Value;

use super::{Problem, caller};
use crate::gate::{Guest, Oops};
use crate::pulse::{WAITS, Waited};
use crate::scope::Tier;
use crate::service::Console;
use crate::words::{items, number, text};

/// How long a scrape waits for the very first look at the signs.
const PATIENCE: Duration = Duration::from_secs(2);

/// `GET /metrics`.
///
/// # Errors
/// When there is no token that may read them.
pub async fn page(State(console): State<Console>, guest: Guest, headers: HeaderMap) -> Result<Response, Problem> {
    let caller = caller(&console, &headers, &guest).await?;
    caller.must("metrics")?;
    if caller.scope.tier != Tier::System {
        return Err(Problem::of(&Oops::Forbidden));
    }
    let text = numbers(&console).await.map_err(|refusal| Problem::of(&Oops::from(refusal)))?;
    Ok(([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text).into_response())
}

async fn numbers(console: &Console) -> Result<String, Refusal> {
    let desk = console.desk();
    let mut out = String::new();
    let status = desk.look(Query::QueueStatus).await?;
    for (field, help) in [
        ("messages", "Messages in the queue."),
        ("recipients", "Recipients in the queue."),
        ("bytes", "Octets in the queue."),
    ] {
        let name = format!("sekisho_queue_{field}");
        head(&mut out, &name, "gauge", help);
        for stage in ["incoming", "lists", "domains", "holding"] {
            line(&mut out, &name, &[("stage", stage)], number(&status["stages"][stage], field));
        }
    }
    head(&mut out, "sekisho_queue_oldest_seconds", "gauge", "Age of the oldest queued message.");
    line(&mut out, "sekisho_queue_oldest_seconds", &[], number(&status, "oldest_seconds"));
    let holds = desk.look(Query::QueueHolds).await?;
    head(&mut out, "sekisho_held_origins", "gauge", "Origins whose mail is held.");
    line(&mut out, "sekisho_held_origins", &[], items(&holds, "held").len() as u64);
    head(&mut out, "sekisho_paused", "gauge", "Whether a service is paused.");
    for service in ["receive", "delivery", "pop3", "imap4"] {
        let paused = items(&holds, "paused").iter().any(|pause| text(pause, "service") == service);
        line(&mut out, "sekisho_paused", &[("service", service)], u64::from(paused));
    }
    let incidents = desk.look(Query::Incidents { before: None }).await?;
    head(&mut out, "sekisho_incidents", "gauge", "Incidents that are not closed, by state.");
    for state in ["opened", "contained", "cleaned"] {
        let n = items(&incidents, "incidents").iter().filter(|one| text(one, "state") == state).count();
        line(&mut out, "sekisho_incidents", &[("state", state)], n as u64);
    }
    let lockouts = desk.look(Query::Lockouts).await?;
    head(&mut out, "sekisho_locks", "gauge", "Locks in force, by kind.");
    for kind in ["address", "network", "login", "account"] {
        let n = items(&lockouts, "locks").iter().filter(|lock| text(lock, "kind") == kind).count();
        line(&mut out, "sekisho_locks", &[("kind", kind)], n as u64);
    }
    let hour = console.pulse().hour(console.control()).await?;
    head(&mut out, "sekisho_mail_last_hour", "gauge", "Mail of the last 60 minutes.");
    for (what, n) in [("accepted", hour.accepted), ("delivered", hour.delivered), ("failed", hour.failed)] {
        line(&mut out, "sekisho_mail_last_hour", &[("what", what)], n);
    }
    head(&mut out, "sekisho_passwords_hashed_total", "counter", "Passwords hashed since the start.");
    line(&mut out, "sekisho_passwords_hashed_total", &[], console.control().passwords_hashed());
    let entries = desk.look(Query::LogEnd).await?;
    head(&mut out, "sekisho_journal_entries_total", "counter", "Number of the newest journal entry.");
    line(&mut out, "sekisho_journal_entries_total", &[], entries.as_u64().unwrap_or(0));
    rungs(&mut out, &desk.look(Query::Rungs).await?);
    let latencies = console.control().latencies();
    for (name, help, histogram) in [
        ("sekisho_accept_seconds", "From the end of a message's data to its commit.", &latencies.accept),
        ("sekisho_login_seconds", "A login, whatever came out.", &latencies.login),
        ("sekisho_imap_command_seconds", "An IMAP command, until its answer is ready.", &latencies.imap),
    ] {
        latency(&mut out, name, help, &histogram.counted());
    }
    delivery(&mut out, &console.pulse().waited().await);
    signs(&mut out, &crate::pages::now::signs(console, PATIENCE).await?);
    Ok(out)
}

fn rungs(out: &mut String, found: &Value) {
    head(
        out,
        "sekisho_accounts_on_rung",
        "gauge",
        "Accounts on each rung of the ladder, as they stood when they were last judged.",
    );
    for rung in Rung::ALL {
        line(out, "sekisho_accounts_on_rung", &[("rung", rung.name())], number(&found[rung.name()], "accounts"));
    }
    head(out, "sekisho_others_on_rung", "gauge", "Origins without an account on each rung above the first.");
    for rung in Rung::ALL.into_iter().skip(1) {
        line(out, "sekisho_others_on_rung", &[("rung", rung.name())], number(&found[rung.name()], "others"));
    }
}

fn latency(out: &mut String, name: &str, help: &str, counted: &Counted) {
    head(out, name, "histogram", help);
    for (bound, n) in &counted.within {
        let bound = format!("{}", *bound as f64 / 1e6);
        line(out, &format!("{name}_bucket"), &[("le", &bound)], *n);
    }
    line(out, &format!("{name}_bucket"), &[("le", "+Inf")], counted.count);
    let _ = writeln!(out, "{name}_sum {}", counted.micros as f64 / 1e6);
    line(out, &format!("{name}_count"), &[], counted.count);
}

/// How long recipients waited: from the journal, so that every node and every way of delivery counts.
fn delivery(out: &mut String, waited: &Waited) {
    let name = "sekisho_delivery_seconds";
    head(out, name, "histogram", "From acceptance until a recipient was relayed to or delivered.");
    let mut count = 0;
    for (place, n) in waited.buckets.iter().enumerate() {
        count += n;
        let bound = WAITS.get(place).map_or_else(|| "+Inf".to_owned(), u64::to_string);
        line(out, &format!("{name}_bucket"), &[("le", &bound)], count);
    }
    line(out, &format!("{name}_sum"), &[], waited.seconds);
    line(out, &format!("{name}_count"), &[], count);
}

/// The ten signs: 0 ok, 1 notice, 2 alarm.
fn signs(out: &mut String, check: &Value) {
    let signs = items(check, "signs");
    if signs.is_empty() {
        return;
    }
    head(out, "sekisho_sign", "gauge", "The ten signs of the daily look: 0 ok, 1 notice, 2 alarm.");
    for sign in signs {
        let state = match text(sign, "state") {
            "alarm" => 2,
            "notice" => 1,
            _ => 0,
        };
        line(out, "sekisho_sign", &[("sign", text(sign, "id"))], state);
    }
}

fn head(out: &mut String, name: &str, kind: &str, help: &str) {
    let _ = writeln!(out, "# HELP {name} {help}\n# TYPE {name} {kind}");
}

fn line(out: &mut String, name: &str, labels: &[(&str, &str)], value: u64) {
    let labels: Vec<String> = labels.iter().map(|(name, value)| format!("{name}=\"{value}\"")).collect();
    let labels = if labels.is_empty() { String::new() } else { format!("{{{}}}", labels.join(",")) };
    let _ = writeln!(out, "{name}{labels} {value}");
}
