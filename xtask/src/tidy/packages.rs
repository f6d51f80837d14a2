//! Licences of everything that is linked in.

use super::Finding;
use std::path::Path;
use std::process::Command;

const PERMISSIVE: [&str; 12] = [
    "MIT",
    "Apache-2.0",
    "ISC",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "Zlib",
    "Unicode-3.0",
    "Unlicense",
    "BSL-1.0",
    "0BSD",
    "CC0-1.0",
    "MIT-0",
];

/// The system that the server runs on: what crates need elsewhere only is in the lock file, but never in the program.
const TARGET: &str = "x86_64-unknown-linux-gnu";

/// Packages of the lock file with no permissive choice of licence.
pub fn check(root: &Path) -> Vec<Finding> {
    let place = || "Cargo.lock".to_string();
    let output = Command::new("cargo")
        .args(["metadata", "--format-version=1", "--locked", "--offline", "--filter-platform", TARGET])
        .current_dir(root)
        .output();
    let Ok(output) = output else {
        return vec![Finding { place: place(), what: "cargo metadata does not run".into() }];
    };
    let Ok(metadata) = serde_json::from_slice::<serde_json::Value>(&output.stdout) else {
        let why = String::from_utf8_lossy(&output.stderr).into_owned();
        return vec![Finding { place: place(), what: format!("cargo metadata fails: {why}") }];
    };
    let packages = metadata["packages"].as_array().cloned().unwrap_or_default();
    packages
        .iter()
        .filter_map(|package| {
            let name = package["name"].as_str().unwrap_or("?");
            let licence = package["license"].as_str().unwrap_or("none stated");
            (!permissive(licence)).then(|| Finding { place: place(), what: format!("{name}: licence {licence}") })
        })
        .collect()
}

/// Whether every `AND` part of an SPDX expression leaves a permissive choice.
fn permissive(expression: &str) -> bool {
    let plain = expression.replace(['(', ')'], " ").replace('/', " OR ");
    plain.split(" AND ").all(|part| {
        part.split(" OR ").map(|l| l.split(" WITH ").next().unwrap_or(l).trim()).any(|l| PERMISSIVE.contains(&l))
    })
}

#[cfg(test)]
mod tests {
    use super::permissive;

    #[test]
    fn a_choice_is_enough_and_a_must_is_not() {
        assert!(permissive("MIT/Apache-2.0"));
        assert!(permissive("Apache-2.0 OR GPL-2.0"));
        assert!(permissive("ISC AND (Apache-2.0 OR ISC)"));
        assert!(!permissive("MIT AND GPL-3.0"));
        assert!(!permissive("AGPL-3.0-only"));
    }
}
