//! `gateway.dat`: mail for these domains goes to this host, whatever DNS says.
//!
//! A row is `domain,host[,port]`. The domain may be `example.jp`, `*.example.jp` or `*`; the host is a name or an address.
//! Rows that start with `#` or `;` are comments. Rows with more than these columns (conditions on the sender, AUTH) are
//! for `[[delivery.routes]]` of the configuration, which keeps passwords away from rule files.

use std::net::IpAddr;

use sekisho_message::{Domain, Text, say};

use super::lines;
use super::{Finding, Severity, domain_key};

/// The rows of a file and what was found while reading them.
#[derive(Clone, Debug, Default)]
pub struct Gateways {
    rows: Vec<Gateway>,
    findings: Vec<Finding>,
}

/// One row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gateway {
    /// Line number from 1.
    pub line: u32,
    /// `example.jp`, `*.example.jp` or `*`; lower case, A-labels.
    pub domain: String,
    /// Host name or address.
    pub host: String,
    /// Its port.
    pub port: u16,
}

impl Gateways {
    /// Reads a file. Never fails: see [`Gateways::findings`].
    #[must_use]
    pub fn parse(bytes: &[u8]) -> Self {
        let read = lines::read(bytes);
        let mut out = Self { rows: Vec::new(), findings: read.findings };
        let mut seen = std::collections::HashMap::new();
        for (line, source) in read.lines {
            if source.starts_with(['#', ';']) {
                continue;
            }
            match parse_row(line, &source) {
                Ok(row) => match seen.get(&row.domain) {
                    None => {
                        seen.insert(row.domain.clone(), line);
                        out.rows.push(row);
                    }
                    Some(first) => out.findings.push(Finding::new(
                        line,
                        Severity::Warning,
                        say!(
                            ja: "同じドメインが {first} 行目にあるため、この行は使われません。",
                            en: "Line {first} is about the same domain, so this line is not used."
                        ),
                    )),
                },
                Err(text) => out.findings.push(Finding::new(line, Severity::Error, text)),
            }
        }
        out
    }

    /// Rows in force, in order.
    #[must_use]
    pub fn rows(&self) -> &[Gateway] {
        &self.rows
    }

    /// Bad rows and advice.
    #[must_use]
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }
}

fn parse_row(line: u32, source: &str) -> Result<Gateway, Text> {
    let bad = || {
        say!(
            ja: "「{source}」は「ドメイン,ホスト」または「ドメイン,ホスト,ポート」の形ではありません。この行は無効です。",
            en: "\"{source}\" is not \"domain,host\" or \"domain,host,port\". The line has no effect."
        )
    };
    let columns: Vec<&str> = source.split(',').map(str::trim).collect();
    let (domain, host, port) = match columns.as_slice() {
        [domain, host] => (*domain, *host, 25),
        [domain, host, port] => (*domain, *host, port.parse().ok().filter(|port: &u16| *port != 0).ok_or_else(bad)?),
        [_, _, _, ..] => {
            return Err(say!(
                ja: "差出人の条件や認証のある行には対応していません。sekisho.toml の [[delivery.routes]] に書いてください。この行は無効です。",
                en: "Conditions on the sender and AUTH belong into [[delivery.routes]] of sekisho.toml. The line has no effect."
            ));
        }
        _ => return Err(bad()),
    };
    let star = match domain {
        "*" => Some("*".to_owned()),
        _ => {
            let name = domain.strip_prefix("*.").unwrap_or(domain);
            let key = if name.contains('*') { None } else { domain_key(name) };
            key.map(|key| if name.len() == domain.len() { key } else { format!("*.{key}") })
        }
    };
    Ok(Gateway { line, domain: star.ok_or_else(bad)?, host: host_of(host).ok_or_else(bad)?, port })
}

/// A host name, or an address with or without brackets.
fn host_of(text: &str) -> Option<String> {
    let bare = text.trim_start_matches('[').trim_end_matches(']');
    if let Ok(address) = bare.parse::<IpAddr>() {
        return Some(address.to_string());
    }
    Domain::parse(text).ok().filter(|domain| domain.literal().is_none()).map(|domain| domain.ascii().to_owned())
}
