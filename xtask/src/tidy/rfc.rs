//! Every RFC that code or documents point to is in `docs/rfc.md`.

use super::{Finding, Source};
use std::collections::BTreeSet;
use std::path::Path;

/// RFC numbers that are named somewhere but not in the index.
pub fn check(root: &Path, sources: &[Source]) -> Vec<Finding> {
    let index = std::fs::read_to_string(root.join("docs/rfc.md")).unwrap_or_default();
    let known: BTreeSet<u32> =
        index.lines().filter(|line| line.starts_with('|')).filter_map(|line| numbers(line).next()).collect();
    let mut findings = Vec::new();
    for source in sources.iter().filter(|s| s.path != "docs/rfc.md" && !s.path.starts_with("xtask/")) {
        for (n, line) in source.text.lines().enumerate() {
            for number in numbers(line).filter(|number| !known.contains(number)) {
                findings.push(Finding {
                    place: format!("{}:{}", source.path, n + 1),
                    what: format!("RFC {number} is not in docs/rfc.md"),
                });
            }
        }
    }
    findings
}

/// Numbers that follow `RFC ` in a line.
fn numbers(line: &str) -> impl Iterator<Item = u32> {
    line.match_indices("RFC ").filter_map(move |(at, _)| {
        let digits: String = line[at + 4..].chars().take_while(char::is_ascii_digit).collect();
        digits.parse().ok()
    })
}
