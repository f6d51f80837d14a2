//! `gateway.dat` and the configured routes as one table, read again when the file changes.

use std::sync::{Arc, Mutex, PoisonError};

use sekisho_control::rulefile::RuleFile;
use sekisho_guard::rules::Severity;
use sekisho_guard::rules::gateway::Gateways;
use sekisho_message::Time;

use super::Settings;
use super::route::{Route, Routes};

/// The routes in force.
pub(crate) struct Gateway {
    file: Option<RuleFile<Gateways>>,
    configured: Routes,
    known: Mutex<Known>,
}

struct Known {
    /// What the table was made from.
    read: Option<Arc<Gateways>>,
    routes: Arc<Routes>,
}

impl Gateway {
    pub(crate) fn new(settings: &Settings) -> Self {
        let file = settings.gateway.clone().map(|path| RuleFile::new(path, read, Gateways::default));
        let routes = Arc::new(settings.routes.clone());
        Self { file, configured: settings.routes.clone(), known: Mutex::new(Known { read: None, routes }) }
    }

    /// The routes at this moment, and whether they have changed since the last call.
    pub(crate) fn routes(&self, now: Time) -> (Arc<Routes>, bool) {
        // A panic while it was locked leaves the table that was in force.
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(file) = &self.file else { return (Arc::clone(&known.routes), false) };
        let read = file.now(now, 0);
        if known.read.as_ref().is_some_and(|last| Arc::ptr_eq(last, &read)) {
            return (Arc::clone(&known.routes), false);
        }
        let changed = known.read.is_some();
        let rows = read.rows().iter().map(|row| Route::new(row.domain.clone(), row.host.clone(), row.port));
        known.routes = Arc::new(self.configured.after(rows));
        known.read = Some(read);
        (Arc::clone(&known.routes), changed)
    }
}

fn read(bytes: &[u8]) -> Gateways {
    let rows = Gateways::parse(bytes);
    for finding in rows.findings().iter().filter(|finding| finding.severity == Severity::Error).take(20) {
        tracing::warn!(file = "gateway.dat", line = finding.line, "{}", finding.text);
    }
    rows
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    fn host(routes: &Routes, domain: &str) -> Option<String> {
        routes.find(domain).map(|route| route.host.clone())
    }

    #[test]
    fn rows_go_before_configured_routes_and_are_read_again() {
        let dir = sekisho_testkit::TempDir::new("gateway").unwrap();
        let path = dir.path().join("gateway.dat");
        let mut settings = Settings::new("mx.example.jp");
        settings.routes = Routes::new([Route::new("example.com", "configured", 25), Route::new("*", "any", 25)]);
        settings.gateway = Some(path.clone());
        let gateway = Gateway::new(&settings);
        let (routes, changed) = gateway.routes(Time::from_seconds(1));
        assert_eq!((host(&routes, "example.com").as_deref(), changed), (Some("configured"), false));
        std::fs::write(&path, "example.com,first\r\nbroken\r\n").unwrap();
        let (routes, changed) = gateway.routes(Time::from_seconds(3));
        assert_eq!((host(&routes, "example.com").as_deref(), changed), (Some("first"), true));
        assert_eq!(host(&routes, "example.org").as_deref(), Some("any"));
        assert!(!gateway.routes(Time::from_seconds(5)).1, "unchanged");
    }
}
