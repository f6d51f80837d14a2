//! `sekisho serve`.

use std::io::IsTerminal;
use std::time::Instant;

use clap::{ArgMatches, Command};
use sekisho_message::say;
use sekisho_net::Clock;
use sekisho_net::listen::raise_file_limit;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use crate::cli::Words;
use crate::config::{FILE, Settings};
use crate::first::{self, Doors};
use crate::server::privileges::{self, Choice};
use crate::server::vitals::Faults;
use crate::server::{self, Running, Server, Service};
use crate::shell::Shell;
use crate::trouble::{Exit, Trouble};

pub(super) fn command(words: &Words) -> Command {
    words.verb(
        "serve",
        say!(
            ja: "すべてを動かす（初回はデータフォルダ、証明書、管理者を作る）",
            en: "Run everything (the first start makes data folder, certificate and administrator)"
        ),
    )
}

/// Has large pieces of memory (a password's hash takes 19 MiB) go back to the system when they are freed. By itself glibc
/// keeps ever larger ones after the first was freed, in every thread.
fn give_memory_back() {
    #[cfg(target_env = "gnu")]
    {
        use nix::libc::{M_MMAP_THRESHOLD, M_TRIM_THRESHOLD, mallopt};
        for (option, octets) in [(M_MMAP_THRESHOLD, 4 << 20), (M_TRIM_THRESHOLD, 8 << 20)] {
            // SAFETY: mallopt takes two numbers and keeps no pointer; both options may be set at any time.
            #[allow(unsafe_code)]
            let taken = unsafe { mallopt(option, octets) };
            if taken == 0 {
                tracing::debug!(option, "the allocator keeps its own limit");
            }
        }
    }
}

pub(super) fn run(_: &ArgMatches, shell: &mut Shell) -> Result<Exit, Trouble> {
    let begin = Instant::now();
    let first = if shell.dir.join(FILE).exists() { None } else { Some(first_names(shell)?) };
    let settings = shell.settings()?;
    let faults = Faults::default();
    log_to_stderr(&settings, faults.clone());
    give_memory_back();
    if let Err(error) = raise_file_limit() {
        tracing::warn!(%error, "the limit of open files stays as it is");
    }
    let identity = privileges::wanted(&settings.config)?;
    let bound = server::bind(&settings.config.listen)?.counting(faults);
    match privileges::choose(identity, privileges::owner(&settings.dir), privileges::is_root())? {
        Choice::Become(identity) => {
            privileges::give(&settings.dir, identity).map_err(Trouble::from_io)?;
            privileges::become_identity(identity)?;
        }
        Choice::StayRoot => {
            tracing::warn!("running as root: set `user` in {FILE}, or start as another user");
        }
        Choice::Stay if identity.is_some() => tracing::info!("not started as root: `user` has no effect"),
        Choice::Stay => {}
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(Trouble::from_io)?;
    runtime.block_on(async {
        // Before anything that takes time: a signal that comes early must not kill what is half made.
        let mut signals = Signals::new()?;
        let running = Server::start(settings, bound, Clock::system()).await?;
        if let Some(domain) = &first {
            greet(&running, domain, shell).await?;
        }
        server::ready();
        let took = begin.elapsed().as_millis();
        tracing::info!(took_ms = u64::try_from(took).unwrap_or(u64::MAX), "ready");
        signals.wait(&running).await;
        server::stopping();
        tracing::info!("stopping");
        tokio::select! {
            () = running.stop() => tracing::info!("stopped"),
            () = signals.again() => tracing::warn!("told to stop twice: leaving at once"),
        }
        Ok(Exit::Well)
    })
}

/// Makes the data folder; the name of the first domain.
fn first_names(shell: &Shell) -> Result<String, Trouble> {
    let machine = nix::unistd::gethostname().ok().and_then(|name| name.into_string().ok()).unwrap_or_default();
    let (hostname, domain) = first::names(&machine);
    first::folder(&shell.dir, &hostname)?;
    Ok(domain)
}

/// Adds the first people and says how to begin.
async fn greet(running: &Running, domain: &str, shell: &mut Shell) -> Result<(), Trouble> {
    let administrator = first::people(running.control(), domain, shell.language).await?;
    let address = |service| running.address(service);
    let doors = match (address(Service::Submission), address(Service::Imaps), address(Service::Pop3s)) {
        (Some(submission), Some(imaps), Some(pop3s)) => {
            Some(Doors { submission, imaps, pop3s, console: address(Service::Console) })
        }
        _ => None,
    };
    shell.say(&first::welcome(&running.settings().dir, &administrator, doors.as_ref()))
}

fn log_to_stderr(settings: &Settings, faults: Faults) {
    let level = settings.config.log.level.as_str();
    let filter = EnvFilter::try_new(format!("{level},hickory_proto=warn,hickory_resolver=warn,rustls=warn"))
        .unwrap_or_else(|_| EnvFilter::new("info"));
    // A second server in one process (tests) keeps the first one's.
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .with_target(false);
    let _ = tracing_subscriber::registry().with(filter).with(lines).with(faults).try_init();
}

struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hangup: Signal,
}

impl Signals {
    fn new() -> Result<Self, Trouble> {
        let listen = |kind| signal(kind).map_err(Trouble::from_io);
        Ok(Self {
            terminate: listen(SignalKind::terminate())?,
            interrupt: listen(SignalKind::interrupt())?,
            hangup: listen(SignalKind::hangup())?,
        })
    }

    /// Until the server is told to stop; reloads whenever it is told to.
    async fn wait(&mut self, running: &Running) {
        loop {
            tokio::select! {
                _ = self.terminate.recv() => return,
                _ = self.interrupt.recv() => return,
                _ = self.hangup.recv() => running.reload(),
            }
        }
    }

    async fn again(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}
