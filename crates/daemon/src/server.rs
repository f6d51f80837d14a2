//! The whole server in one process: doors, queue runner, journal, housekeeping, control socket.
//!
//! [`bind`] needs no runtime, so that ports below 1024 can be bound before privileges are dropped. [`Server::start`]
//! does the rest and comes back when everything answers; tests start it on port 0.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use sekisho_access::imap::{Imap, ImapSettings};
use sekisho_access::pop3::{Pop3, Pop3Settings};
use sekisho_console::Console;
use sekisho_control::Control;
use sekisho_message::{Domain, say};
use sekisho_mta::reception::{self, Reception};
use sekisho_mta::relay::route::{Credential, Route, Routes, TlsMode};
use sekisho_mta::schedule::{self, Scheduler, World};
use sekisho_mta::srs::Signer;
use sekisho_net::listen::Sessions;
use sekisho_net::resolver::Resolver;
use sekisho_net::{Clock, ServerTls, tls};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::config::{RouteRow, RouteTls, Settings};
use crate::desk::{self, Desk, SOCKET, offset_minutes};
use crate::drill::Stage;
use crate::lock::Lock;
use crate::trouble::Trouble;

mod bound;
mod doors;
mod housekeeping;
mod mirror;
mod notify;
pub mod outside;
mod present;
pub(crate) mod privileges;
mod rounds;
pub mod vitals;

#[cfg(test)]
mod tests;

pub use bound::{Bound, Service, bind};
pub(crate) use notify::{ready, stopping};

use doors::Doors;
use vitals::Probe;

/// How long to wait for the data folder while a verb has it.
const PATIENCE: Duration = Duration::from_secs(3);

/// How the server is told to start.
pub struct Server;

/// A server that answers.
pub struct Running {
    addresses: BTreeMap<Service, Vec<SocketAddr>>,
    control: Control,
    tls: ServerTls,
    settings: Arc<Settings>,
    sessions: Sessions,
    tasks: TaskTracker,
    stop: CancellationToken,
    scheduler: JoinHandle<()>,
    socket: PathBuf,
    _lock: Lock,
}

impl Server {
    /// Starts everything on the sockets of `bound` and comes back when it answers.
    ///
    /// # Errors
    /// When the data folder is in use, or something in it cannot be used.
    pub async fn start(settings: Settings, bound: Bound, clock: Clock) -> Result<Running, Trouble> {
        let settings = Arc::new(settings);
        let dir = settings.dir.clone();
        let lock = tokio::task::spawn_blocking(move || Lock::wait(&dir, PATIENCE)).await;
        let lock = lock.map_err(std::io::Error::other).and_then(|lock| lock).map_err(Trouble::from_io)?;
        let lock = lock.ok_or_else(|| {
            let dir = settings.dir.display();
            Trouble::could_not(say!(
                ja: "データフォルダ {dir} は別の sekisho が使用中です。",
                en: "The data folder {dir} is in use by another sekisho."
            ))
        })?;
        let tls = certificate(&settings, &clock)?;
        let opened = desk::open(Arc::clone(&settings), clock.clone()).await?;
        let mut desk = opened.desk;
        desk.probe = Some(Probe::new(clock.now(), settings.dir.clone(), bound.faults()));
        let control = desk.control.clone();
        control.drills().play_at(Arc::new(Stage(Arc::clone(&settings))));
        let (sessions, tasks, stop) = (Sessions::new(), TaskTracker::new(), CancellationToken::new());
        let scheduler = scheduler(&settings, &control, &clock, &bound)?;
        let outcomes = scheduler.outcomes();
        housekeeping::spawn(&tasks, &stop, sekisho_mta::witness::run(control.clone(), outcomes));
        let scheduler = {
            let stop = stop.child_token();
            tokio::spawn(async move { scheduler.run(stop).await })
        };
        // What was closed is closed before anybody can connect.
        if let Err(error) = control.look_at_closed().await {
            tracing::error!(%error, "guard: what is closed cannot be read yet");
        }
        let doors = doors(&desk, &clock, tls.clone(), &bound)?;
        let addresses = doors.open(bound, &sessions)?;
        housekeeping::begin(&desk, &clock, &tls, &tasks, &stop);
        let alerts = desk.alerts(clock.clone())?;
        housekeeping::spawn(&tasks, &stop, alerts.run());
        doors.follow(&tasks, &stop);
        serve_socket(desk, &settings, &tasks, &stop).await?;
        let socket = settings.dir.join(SOCKET);
        Ok(Running { addresses, control, tls, settings, sessions, tasks, stop, scheduler, socket, _lock: lock })
    }
}

impl Running {
    /// The first address of a service, with the port that the kernel chose where port 0 was asked for.
    #[must_use]
    pub fn address(&self, service: Service) -> Option<SocketAddr> {
        self.addresses.get(&service).and_then(|all| all.first()).copied()
    }

    /// Acts, bus and journal of this server.
    #[must_use]
    pub fn control(&self) -> &Control {
        &self.control
    }

    /// The configuration that it started with.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Reads certificate and rules again (SIGHUP).
    pub fn reload(&self) {
        match self.tls.reload() {
            Ok(true) => tracing::info!("new certificate"),
            Ok(false) => {}
            Err(error) => tracing::error!(%error, "the certificate stays as it is"),
        }
        self.control.bus().publish(sekisho_control::BusEvent::RulesChanged);
        tracing::info!("rules will be read again");
    }

    /// Finishes what is in flight, within the configured time, and closes the store.
    pub async fn stop(self) {
        let grace = self.settings.config.limits.shutdown.0;
        self.stop.cancel();
        self.control.drills().cancel();
        let (cut, _) = tokio::join!(self.sessions.stop(grace), self.scheduler);
        if cut > 0 {
            tracing::warn!(cut, "sessions were cut off");
        }
        self.tasks.close();
        if tokio::time::timeout(grace, self.tasks.wait()).await.is_err() {
            tracing::warn!("a task did not end in time");
        }
        // Its scratch folder goes with it.
        let mut drill = self.control.drills().follow();
        let over = drill.wait_for(|drill| drill.as_ref().is_none_or(|drill| drill.end.is_some()));
        let _ = tokio::time::timeout(grace, over).await;
        self.control.journal().flush().await;
        self.control.store().close().await;
        // The socket's task removes it too; this is for the case that it was cut off.
        let _ = std::fs::remove_file(self.socket);
    }
}

fn certificate(settings: &Settings, clock: &Clock) -> Result<ServerTls, Trouble> {
    let config = &settings.config;
    let (certificate, key) = (settings.path(&config.tls.certificate), settings.path(&config.tls.key));
    let unusable = |error: tls::TlsError| Trouble::could_not(error.0);
    if tls::ensure(&certificate, &key, config.hostname.as_str(), clock.now()).map_err(unusable)? {
        tracing::info!(path = %certificate.display(), "made a self-signed certificate");
    }
    let authorities = settings.client_authorities()?;
    ServerTls::with_clients(&certificate, &key, authorities.as_deref()).map_err(unusable)
}

fn doors(desk: &Desk, clock: &Clock, tls: ServerTls, bound: &Bound) -> Result<Doors, Trouble> {
    let (settings, control) = (&desk.settings, &desk.control);
    let config = &settings.config;
    let hostname = Domain::parse(config.hostname.as_str()).map_err(|error| {
        Trouble::could_not(say!(ja: "hostname を使えません: {error}", en: "hostname cannot be used: {error}"))
    })?;
    let mut smtp = reception::Settings::new(hostname, settings.dir.clone());
    smtp.limits.message = config.limits.message_size.0;
    smtp.limits.recipients = config.limits.recipients;
    smtp.tls_for_auth = config.tls.require_for_auth;
    smtp.offset_minutes = offset_minutes(clock);
    let imap = ImapSettings {
        hostname: config.hostname.to_string(),
        starttls: true,
        login_without_tls: !config.tls.require_for_auth,
        message_max: config.limits.message_size.0,
    };
    let pop3 = Pop3Settings {
        hostname: config.hostname.to_string(),
        login_without_tls: !config.tls.require_for_auth,
        login_delay: Some(config.limits.pop3_login_delay.0).filter(|delay| !delay.is_zero()),
        ..Pop3Settings::default()
    };
    Ok(Doors {
        reception: Reception::new(control.clone(), clock.clone(), smtp),
        imap: Imap::new(control.clone(), clock.clone(), &imap),
        pop3: Pop3::new(control.clone(), clock.clone(), &pop3),
        console: console(desk, bound),
        clock: clock.clone(),
        tls,
        limits: config.limits.clone(),
        control: control.clone(),
        present: present::Present::new(config.lockout.drop_sessions),
    })
}

/// The console, which tells mail programs the ports that they can reach.
fn console(desk: &Desk, bound: &Bound) -> Console {
    let config = &desk.settings.config;
    let told =
        [Service::Imaps, Service::Imap, Service::Pop3s, Service::Pop3, Service::Submissions, Service::Submission];
    let ports = told.iter().filter_map(|service| Some((service.as_str(), *bound.ports(*service).first()?))).collect();
    let settings = sekisho_console::Settings {
        hostname: config.hostname.to_string(),
        idle: config.console.idle.0,
        longest: config.console.longest.0,
        owner_release: config.console.owner_release,
        ports,
        version: env!("CARGO_PKG_VERSION"),
    };
    Console::new(desk.control.clone(), Arc::new(desk.clone()), settings)
}

fn scheduler(settings: &Settings, control: &Control, clock: &Clock, bound: &Bound) -> Result<Scheduler, Trouble> {
    let config = &settings.config;
    let mut wanted = schedule::Settings::new(config.hostname.as_str());
    wanted.offset_minutes = offset_minutes(clock);
    wanted.goodbye = config.limits.shutdown.0;
    wanted.signer = Some(Signer::of(control));
    wanted.relay.gateway = Some(settings.dir.join("gateway.dat"));
    wanted.relay.routes = Routes::new(config.delivery.routes.iter().map(route));
    wanted.relay.listening = bound.ports(Service::Smtp);
    let resolver = Resolver::new(&config.dns.resolver).map_err(|error| Trouble::could_not(error.0))?;
    let world = World { store: control.store().clone(), bus: control.bus().clone(), clock: clock.clone(), resolver };
    Scheduler::new(wanted, world).map_err(|error| Trouble::could_not(error.0))
}

fn route(row: &RouteRow) -> Route {
    let credential = row
        .username
        .as_ref()
        .map(|user| Credential { user: user.clone(), password: row.password.clone().unwrap_or_default() });
    // A password is worth more than the mail: it wants a host that proves its name, loopback aside.
    let local = row.host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback());
    let tls = match row.tls {
        Some(RouteTls::Opportunistic) => TlsMode::Opportunistic,
        Some(RouteTls::Required) => TlsMode::Required,
        Some(RouteTls::Implicit) => TlsMode::Implicit,
        Some(RouteTls::None) => TlsMode::Off,
        None if credential.is_some() && !local => TlsMode::Required,
        None => TlsMode::Opportunistic,
    };
    Route { credential, tls, ..Route::new(row.domain.clone(), row.host.clone(), row.port) }
}

async fn serve_socket(
    desk: Desk,
    settings: &Settings,
    tasks: &TaskTracker,
    stop: &CancellationToken,
) -> Result<(), Trouble> {
    let listener = desk::bind(&settings.dir).map_err(Trouble::from_io)?;
    let (dir, stop) = (settings.dir.clone(), stop.child_token());
    tasks.spawn(async move { desk::serve(desk, listener, &dir, stop).await });
    Ok(())
}
