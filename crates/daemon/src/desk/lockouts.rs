//! Who is kept out, and by what.

use sekisho_control::lockout::{InForce, Overview};
use sekisho_guard::rules::reject::{Entry, RejectTable};
use serde_json::{Value, json};

use super::Desk;

/// `{"locks":[…],"rows":[…],"findings":[…]}`; see `docs/json.md`.
pub(super) fn overview(desk: &Desk) -> Value {
    let Overview { locks, tables } = desk.control.lockouts();
    json!({
        "locks": locks.iter().map(lock).collect::<Vec<_>>(),
        "rows": tables.iter().flat_map(|(file, table)| rows(file, table)).collect::<Vec<_>>(),
        "findings": tables.iter().flat_map(|(file, table)| findings(file, table)).collect::<Vec<_>>(),
    })
}

fn lock(one: &InForce) -> Value {
    let lock = &one.lock;
    json!({
        "kind": one.kind(),
        "about": one.about,
        "protocol": one.protocol,
        "network": lock.network().map(|network| network.to_string()),
        "rule": lock.rule,
        "count": lock.count,
        "since": lock.since.to_string(),
        "until": lock.until.to_string(),
        "spares_owners": lock.spares_owners,
        "text": one.text,
    })
}

fn rows(file: &str, table: &RejectTable) -> Vec<Value> {
    let row = |row: &sekisho_guard::rules::reject::Row| {
        let (kind, until, by_connections) = match row.entry {
            Entry::Timed { until, by_connections } => ("timed", Some(until.to_string()), by_connections),
            Entry::Permanent => ("permanent", None, false),
            Entry::Allowed => ("allowed", None, false),
        };
        json!({
            "file": file,
            "line": row.line,
            "network": row.network.to_string(),
            "kind": kind,
            "until": until,
            "by_connections": by_connections,
        })
    };
    table.rows().iter().map(row).collect()
}

fn findings(file: &str, table: &RejectTable) -> Vec<Value> {
    let one = |f: &sekisho_guard::rules::Finding| json!({ "file": file, "line": f.line, "severity": f.severity, "text": f.text });
    table.findings().iter().map(one).collect()
}
