//! Every text that a person reads is there in Japanese and in English.
//!
//! `say!` cannot be written with one language, so in code it is enough that
//! both forms differ and that the Japanese one is Japanese; documents for users
//! come in pairs with the same headings.

use super::{Finding, Source};
use std::path::Path;

const PAIRS: [(&str, &str); 2] = [("README.md", "README.ja.md"), ("docs/operations.en.md", "docs/operations.ja.md")];

/// Texts without their other language.
pub fn check(root: &Path, sources: &[Source]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for source in sources.iter().filter(|s| s.path.starts_with("crates/") && s.path.ends_with(".rs") && !s.is_test()) {
        findings.extend(one_sided(source));
        if source.path.starts_with("crates/daemon/") {
            findings.extend(bare_output(source));
        }
    }
    findings.extend(PAIRS.iter().filter_map(|(en, ja)| unpaired(root, en, ja)));
    findings
}

/// `ja:` forms without a single Japanese character, though they hold words.
fn one_sided(source: &Source) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (n, line) in source.product_lines() {
        let Some((_, rest)) = line.split_once("ja: \"") else {
            continue;
        };
        let form = rest.split('"').next().unwrap_or_default();
        let words = form.split(|c: char| !c.is_ascii_alphabetic()).filter(|word| word.len() > 2).count();
        let japanese =
            form.chars().any(|c| ('\u{3000}'..='\u{9fff}').contains(&c) || ('\u{ff00}'..='\u{ffef}').contains(&c));
        if words > 1 && !japanese {
            findings.push(Finding {
                place: format!("{}:{n}", source.path),
                what: "the Japanese form of this text is not Japanese".into(),
            });
        }
    }
    findings
}

/// Sentences printed straight from a literal by the command line.
fn bare_output(source: &Source) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (n, line) in source.product_lines() {
        let Some(at) = ["println!(\"", "print!(\""].iter().find_map(|word| line.find(word).map(|at| at + word.len()))
        else {
            continue;
        };
        let form = line[at..].split('"').next().unwrap_or_default();
        let text: String = form
            .split('{')
            .enumerate()
            .map(|(i, part)| if i == 0 { part } else { part.split('}').nth(1).unwrap_or_default() })
            .collect();
        if text.split(|c: char| !c.is_ascii_alphabetic()).filter(|word| word.len() > 2).count() > 1 {
            findings.push(Finding {
                place: format!("{}:{n}", source.path),
                what: "a sentence in one language only: use `say!`".into(),
            });
        }
    }
    findings
}

/// Documents for users whose other language is missing or has other sections.
fn unpaired(root: &Path, en: &str, ja: &str) -> Option<Finding> {
    let headings = |path: &str| {
        std::fs::read_to_string(root.join(path)).ok().map(|text| text.lines().filter(|l| l.starts_with("## ")).count())
    };
    match (headings(en), headings(ja)) {
        (Some(a), Some(b)) if a == b => None,
        (Some(a), Some(b)) => Some(Finding { place: ja.into(), what: format!("{b} sections, but {en} has {a}") }),
        _ => Some(Finding { place: en.into(), what: format!("{en} and {ja} must both be there") }),
    }
}
