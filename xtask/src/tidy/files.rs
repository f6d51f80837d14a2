//! Rust files stay under 500 lines and name concepts.

use super::{Finding, Source};

const LIMIT: usize = 500;
const VAGUE: [&str; 5] = ["manager", "handler", "util", "utils", "common"];

/// Files over the limit, files with vague names, and unfinished code.
pub fn check(sources: &[Source]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for source in sources.iter().filter(|s| s.path.ends_with(".rs")) {
        let lines = source.text.lines().count();
        if lines > LIMIT {
            findings.push(Finding {
                place: source.path.clone(),
                what: format!("{lines} lines, at most {LIMIT}: a concept in it wants a file of its own"),
            });
        }
        let stem = source.path.rsplit('/').next().unwrap_or_default().trim_end_matches(".rs");
        if VAGUE.contains(&stem) {
            findings
                .push(Finding { place: source.path.clone(), what: "the name says nothing: name the concept".into() });
        }
        for (n, line) in source.text.lines().enumerate() {
            let unfinished = ["todo!(", "unimplemented!(", "#[ignore", "FIXME"].iter().any(|w| line.contains(w));
            if unfinished && !source.path.starts_with("xtask/") {
                findings.push(Finding {
                    place: format!("{}:{}", source.path, n + 1),
                    what: "unfinished or ignored".into(),
                });
            }
        }
    }
    findings
}
