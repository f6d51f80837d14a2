//! The house rules of `docs/style.md` as checks. Each rule is one file here.

mod arrows;
mod files;
mod origins;
mod packages;
mod rfc;
mod texts;
mod unwraps;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// One broken rule: where, and what to do about it.
pub struct Finding {
    /// File relative to the repository root, with a line where there is one.
    pub place: String,
    /// What is wrong and how it is mended.
    pub what: String,
}

/// A tracked Rust or Markdown file.
pub struct Source {
    /// Path relative to the repository root, with forward slashes.
    pub path: String,
    /// The whole text.
    pub text: String,
}

impl Source {
    /// Whether the file is test code only.
    pub fn is_test(&self) -> bool {
        self.path.contains("/tests/")
            || self.path.contains("/tests.rs")
            || self.path.contains("/examples/")
            || self.path.starts_with("crates/testkit/")
            || self.path.starts_with("fuzz/")
            || self.path.ends_with("_tests.rs")
    }

    /// Lines outside `#[cfg(test)]` modules, with their numbers from 1.
    ///
    /// House style keeps test modules last in a file, so everything after the
    /// first `#[cfg(test)]` that opens a module is test code.
    pub fn product_lines(&self) -> impl Iterator<Item = (usize, &str)> {
        let lines: Vec<&str> = self.text.lines().collect();
        let end = lines
            .windows(2)
            .position(|w| w[0].trim() == "#[cfg(test)]" && w[1].trim_start().starts_with("mod "))
            .unwrap_or(lines.len());
        lines.into_iter().take(end).enumerate().map(|(n, line)| (n + 1, line))
    }
}

/// Runs every rule and prints what is broken.
pub fn run() -> ExitCode {
    let root = root();
    let sources = match read_sources(&root) {
        Ok(sources) => sources,
        Err(error) => {
            eprintln!("tidy: {error}");
            return ExitCode::from(2);
        }
    };
    let mut findings = Vec::new();
    findings.extend(files::check(&sources));
    findings.extend(unwraps::check(&sources));
    findings.extend(arrows::check(&root));
    findings.extend(origins::check(&sources));
    findings.extend(rfc::check(&root, &sources));
    findings.extend(texts::check(&root, &sources));
    findings.extend(packages::check(&root));
    for finding in &findings {
        println!("{}: {}", finding.place, finding.what);
    }
    println!("tidy: {} files, {} findings", sources.len(), findings.len());
    if findings.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(1) }
}

fn root() -> PathBuf {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    manifest.parent().unwrap_or(manifest).to_path_buf()
}

fn read_sources(root: &Path) -> std::io::Result<Vec<Source>> {
    let mut sources = Vec::new();
    for top in ["crates", "xtask", "fuzz", "tests", "docs", "bench"] {
        walk(root, &root.join(top), &mut sources)?;
    }
    sources.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(sources)
}

fn walk(root: &Path, folder: &Path, sources: &mut Vec<Source>) -> std::io::Result<()> {
    if !folder.is_dir() {
        return Ok(());
    }
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().and_then(|n| n.to_str()).unwrap_or_default();
        if path.is_dir() {
            if name != "target" && name != "corpus" && name != "artifacts" {
                walk(root, &path, sources)?;
            }
        } else if path.extension().is_some_and(|e| e == "rs" || e == "md") {
            let text = std::fs::read_to_string(&path)?;
            let path = path.strip_prefix(root).unwrap_or(&path).to_string_lossy().replace('\\', "/");
            sources.push(Source { path, text });
        }
    }
    Ok(())
}
