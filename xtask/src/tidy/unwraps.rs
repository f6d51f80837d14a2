//! No `unwrap`, `expect` or `panic!` in product code.

use super::{Finding, Source};

const BANNED: [&str; 4] = [".unwrap()", ".expect(\"", "panic!(", "unreachable!("];

/// Places outside tests that can panic on purpose.
pub fn check(sources: &[Source]) -> Vec<Finding> {
    let product = sources.iter().filter(|s| s.path.starts_with("crates/") && s.path.ends_with(".rs") && !s.is_test());
    product
        .flat_map(|source| {
            source.product_lines().filter_map(move |(n, line)| {
                let code = line.split("//").next().unwrap_or_default();
                let word = BANNED.iter().find(|word| code.contains(*word))?;
                Some(Finding {
                    place: format!("{}:{n}", source.path),
                    what: format!("`{word}…` outside tests: return an error, or make the state impossible"),
                })
            })
        })
        .collect()
}
