//! Serves connections whose TLS is done.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Extension;
use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use sekisho_control::Control;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_util::sync::CancellationToken;

use crate::desk::Desk;
use crate::estimate::Estimate;
use crate::live::Live;
use crate::pulse::Pulse;
use crate::routes;

/// How long a client may take to send the head of a request.
const HEAD: Duration = Duration::from_secs(30);

/// What an operator can set about the console, and what it tells mail programs.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The server's name.
    pub hostname: String,
    /// How long a session lasts that nobody uses. Default 2 hours.
    pub idle: Duration,
    /// How long a session lasts at most. Default 12 hours.
    pub longest: Duration,
    /// Whether owners may send what is held of theirs while no incident is open. Default `false`.
    pub owner_release: bool,
    /// Ports of `imaps`, `imap`, `pop3s`, `pop3`, `submissions` and `submission`, as mail programs shall use them.
    pub ports: BTreeMap<&'static str, u16>,
    /// Version of the server.
    pub version: &'static str,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            hostname: "localhost".into(),
            idle: Duration::from_secs(2 * 3_600),
            longest: Duration::from_secs(12 * 3_600),
            owner_release: false,
            ports: BTreeMap::new(),
            version: "",
        }
    }
}

/// The address of the browser.
#[derive(Clone, Copy, Debug)]
pub struct Peer(pub IpAddr);

struct Parts {
    control: Control,
    desk: Arc<dyn Desk>,
    settings: Settings,
    pulse: Pulse,
    live: Live,
    estimate: Arc<Estimate>,
}

/// The console. Clones share everything.
#[derive(Clone)]
pub struct Console(Arc<Parts>);

impl Console {
    /// A console over `control`; `desk` answers what is looked at.
    #[must_use]
    pub fn new(control: Control, desk: Arc<dyn Desk>, settings: Settings) -> Self {
        Self(Arc::new(Parts {
            control,
            desk,
            settings,
            pulse: Pulse::default(),
            live: Live::default(),
            estimate: Arc::default(),
        }))
    }

    /// All addresses.
    pub fn router(&self) -> Router {
        routes::router(self)
    }

    /// Serves one connection until it ends, or until `stop` and the answer that is under way.
    pub async fn serve<S>(&self, router: Router, stream: S, peer: IpAddr, stop: CancellationToken)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let router = router.layer(Extension(Peer(peer))).layer(Extension(stop.clone()));
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD)
            .max_buf_size(64 * 1024)
            .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
        let mut connection = std::pin::pin!(connection);
        let ended = tokio::select! {
            ended = connection.as_mut() => ended,
            () = stop.cancelled() => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
        if let Err(error) = ended {
            tracing::debug!(%error, %peer, "a connection to the console ended");
        }
    }

    /// Acts and data.
    #[must_use]
    pub fn control(&self) -> &Control {
        &self.0.control
    }

    /// Who answers what is looked at.
    #[must_use]
    pub fn desk(&self) -> &dyn Desk {
        self.0.desk.as_ref()
    }

    /// What the operator set.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.0.settings
    }

    /// Mail by the minute.
    #[must_use]
    pub fn pulse(&self) -> &Pulse {
        &self.0.pulse
    }

    /// What the guard's thresholds cost the honest.
    #[must_use]
    pub fn estimate(&self) -> &Arc<Estimate> {
        &self.0.estimate
    }

    /// What open browsers are told.
    #[must_use]
    pub fn live(&self) -> &Live {
        &self.0.live
    }
}
