//! Crates may use only what lies below them.

use super::Finding;
use std::path::Path;

/// Each crate with the Sekisho crates that it may depend on.
const ARROWS: [(&str, &[&str]); 12] = [
    ("message", &[]),
    ("proto", &["message"]),
    ("guard", &["message"]),
    ("store", &["guard", "message"]),
    ("net", &["proto", "message"]),
    ("control", &["store", "guard", "message"]),
    ("mta", &["control", "store", "guard", "message", "net", "proto"]),
    ("access", &["control", "store", "guard", "message", "net", "proto"]),
    ("moving", &["control", "store", "guard", "message", "net", "proto"]),
    ("console", &["control", "store", "guard", "message"]),
    ("daemon", &["console", "moving", "mta", "access", "control", "store", "guard", "message", "net", "proto"]),
    ("testkit", &["message"]),
];

/// Crates without I/O: nothing here may bring a runtime, a database or TLS.
const PURE: [&str; 3] = ["message", "proto", "guard"];
const HEAVY: [&str; 9] =
    ["tokio", "rusqlite", "tokio-postgres", "rustls", "tokio-rustls", "aws-lc-rs", "hickory-resolver", "axum", "nix"];

/// Wrong arrows, and heavy crates under pure ones.
pub fn check(root: &Path) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (name, allowed) in ARROWS {
        let place = format!("crates/{name}/Cargo.toml");
        let Ok(manifest) = std::fs::read_to_string(root.join(&place)) else {
            findings.push(Finding { place, what: "missing".into() });
            continue;
        };
        for dependency in dependencies(&manifest) {
            if let Some(own) = dependency.strip_prefix("sekisho-")
                && !allowed.contains(&own)
            {
                findings.push(Finding { place: place.clone(), what: format!("{name} may not use {own}") });
            }
            if PURE.contains(&name) && HEAVY.contains(&dependency) {
                findings.push(Finding {
                    place: place.clone(),
                    what: format!("{name} is pure and may not use {dependency}"),
                });
            }
        }
    }
    findings
}

/// Names in `[dependencies]`, not in the dev or build tables.
fn dependencies(manifest: &str) -> impl Iterator<Item = &str> {
    let mut inside = false;
    manifest.lines().filter_map(move |line| {
        let line = line.trim();
        if line.starts_with('[') {
            inside = line == "[dependencies]";
            return None;
        }
        let end = line.find(['.', '=', ' ']).unwrap_or(line.len());
        (inside && !line.is_empty() && !line.starts_with('#')).then_some(&line[..end])
    })
}
