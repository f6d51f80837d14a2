//! Which way a domain goes: a static route, or MX.
//!
//! Exact names win over parents, near parents over far ones, and `*` over
//! nothing: `mail.example.jp` is looked for as itself, then as `*.example.jp`,
//! `*.jp`, `*`.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

/// How the connection to a host is protected.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum TlsMode {
    /// Encrypt when the peer offers STARTTLS, without verifying; go on in the clear when that fails. Default.
    #[default]
    Opportunistic,
    /// STARTTLS with a certificate that is valid for the host, or put the message off.
    Required,
    /// TLS from the first byte with a valid certificate (RFC 8314 §3.3).
    Implicit,
    /// Never.
    Off,
}

/// User and password for a route that asks for AUTH.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Credential {
    /// The user name that the next host knows.
    pub user: String,
    /// Its password.
    pub password: String,
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Credential({}, …)", self.user)
    }
}

/// A static route: mail for a domain goes to this host whatever its MX says.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Route {
    /// `example.jp`, `*.example.jp` or `*`, in lower case, A-labels.
    pub domain: String,
    /// Host name or address of the next host; its MX is not looked up.
    pub host: String,
    /// Its port; 25 unless said otherwise.
    pub port: u16,
    /// AUTH, for a smart host. Without TLS it is sent to a loopback address only.
    pub credential: Option<Credential>,
    /// What TLS is asked for.
    pub tls: TlsMode,
}

impl Route {
    /// A plain route with opportunistic TLS and no AUTH.
    pub fn new(domain: impl Into<String>, host: impl Into<String>, port: u16) -> Self {
        Self {
            domain: domain.into().to_ascii_lowercase(),
            host: host.into(),
            port,
            credential: None,
            tls: TlsMode::Opportunistic,
        }
    }
}

/// All static routes, by domain.
#[derive(Clone, Debug, Default)]
pub struct Routes {
    by_domain: HashMap<String, Arc<Route>>,
}

impl Routes {
    /// A table of `routes`; of two for the same domain the first one stands.
    #[must_use]
    pub fn new(routes: impl IntoIterator<Item = Route>) -> Self {
        let mut by_domain = HashMap::new();
        for mut route in routes {
            route.domain.make_ascii_lowercase();
            by_domain.entry(route.domain.clone()).or_insert_with(|| Arc::new(route));
        }
        Self { by_domain }
    }

    /// The same table with `first` before what it has for the same domains.
    #[must_use]
    pub fn after(&self, first: impl IntoIterator<Item = Route>) -> Self {
        let mut by_domain = Self::new(first).by_domain;
        for (domain, route) in &self.by_domain {
            by_domain.entry(domain.clone()).or_insert_with(|| Arc::clone(route));
        }
        Self { by_domain }
    }

    /// The route of `domain` (lower case, A-labels, or an address literal), if one stands.
    #[must_use]
    pub fn find(&self, domain: &str) -> Option<&Arc<Route>> {
        if self.by_domain.is_empty() {
            return None;
        }
        if let Some(route) = self.by_domain.get(domain) {
            return Some(route);
        }
        let literal = domain.starts_with('[');
        let mut rest = domain;
        let mut pattern = String::with_capacity(domain.len() + 2);
        while let Some((_, parent)) = rest.split_once('.').filter(|_| !literal) {
            pattern.clear();
            pattern.push_str("*.");
            pattern.push_str(parent);
            if let Some(route) = self.by_domain.get(&pattern) {
                return Some(route);
            }
            rest = parent;
        }
        self.by_domain.get("*")
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    fn host(routes: &Routes, domain: &str) -> Option<String> {
        routes.find(domain).map(|route| route.host.clone())
    }

    #[test]
    fn the_most_exact_route_wins() {
        let routes = Routes::new([
            Route::new("*", "any", 25),
            Route::new("*.example.jp", "under", 25),
            Route::new("*.deep.example.jp", "deep", 25),
            Route::new("Example.jp", "exact", 2526),
            Route::new("example.jp", "second", 25),
        ]);
        assert_eq!(host(&routes, "example.jp").as_deref(), Some("exact"));
        assert_eq!(host(&routes, "a.example.jp").as_deref(), Some("under"));
        assert_eq!(host(&routes, "a.b.example.jp").as_deref(), Some("under"));
        assert_eq!(host(&routes, "a.deep.example.jp").as_deref(), Some("deep"));
        assert_eq!(host(&routes, "deep.example.jp").as_deref(), Some("under"));
        assert_eq!(host(&routes, "notexample.jp").as_deref(), Some("any"));
        assert_eq!(host(&routes, "[192.0.2.1]").as_deref(), Some("any"));
    }

    #[test]
    fn without_a_catch_all_the_rest_goes_by_mx() {
        let routes = Routes::new([Route::new("*.example.jp", "under", 25), Route::new("*.0.2.1]", "odd", 25)]);
        assert_eq!(host(&routes, "example.jp"), None);
        assert_eq!(host(&routes, "example.org"), None);
        assert_eq!(host(&routes, "[192.0.2.1]"), None, "a literal has no parents");
        assert_eq!(host(&Routes::default(), "example.jp"), None);
    }

    #[test]
    fn a_password_is_not_printed() {
        let credential = Credential { user: "relay".into(), password: "hunter2".into() };
        assert!(!format!("{credential:?}").contains("hunter2"));
    }
}
