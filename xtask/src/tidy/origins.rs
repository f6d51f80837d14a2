//! Only authentication and an explicit relay rule make an origin that may reach outside.

use super::{Finding, Source};

/// A constructor, and the only product file that may name it beside the one that defines it.
const CONSTRUCTORS: [(&str, &[&str]); 2] = [
    ("Origin::authenticated(", &["crates/guard/src/origin.rs", "crates/control/src/credential"]),
    ("Origin::by_rule(", &["crates/guard/src/origin.rs", "crates/guard/src/relay"]),
];

/// Uses of the constructors anywhere else.
pub fn check(sources: &[Source]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for source in sources.iter().filter(|s| s.path.starts_with("crates/") && s.path.ends_with(".rs") && !s.is_test()) {
        for (n, line) in source.product_lines() {
            for (constructor, homes) in CONSTRUCTORS {
                let code = line.split("//").next().unwrap_or_default();
                if code.contains(constructor) && !homes.iter().any(|home| source.path.starts_with(home)) {
                    findings.push(Finding {
                        place: format!("{}:{n}", source.path),
                        what: format!("`{constructor}…)` may be called only in {}", homes.join(", ")),
                    });
                }
            }
        }
    }
    findings
}
