//! A verb's side: whoever has the data folder answers.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use nix::unistd::Uid;
use sekisho_control::{Actor, Command, Done};
use sekisho_message::say;
use sekisho_moving::{Move, Tell};
use sekisho_net::Clock;
use serde_json::Value;
use tokio::runtime::Runtime;

use super::line::{LONGEST, decode, encode};
use super::socket::{self, shell};
use super::{Desk, Query, Reply, Request, open};
use crate::config::Settings;
use crate::lock::Lock;
use crate::server::privileges;
use crate::trouble::Trouble;

/// How long to wait while another call has the folder, or the server is starting or stopping.
const PATIENCE: Duration = Duration::from_secs(10);
const PAUSE: Duration = Duration::from_millis(20);

/// Asks the running server, or the store itself when no server runs.
pub enum Caller {
    /// The server answers.
    Server(BufReader<UnixStream>),
    /// This process answers; nobody else gets at the store meanwhile.
    Here(Box<Here>),
}

/// The store, opened for one verb.
pub struct Here {
    desk: Desk,
    actor: Actor,
    runtime: Runtime,
    _lock: Lock,
}

impl Caller {
    /// Finds out who has the data folder of `settings`.
    ///
    /// # Errors
    /// When neither the server answers nor the store can be opened.
    pub fn find(settings: &Settings) -> Result<Self, Trouble> {
        let actor = shell(Uid::current().as_raw());
        let begin = Instant::now();
        loop {
            match UnixStream::connect(settings.dir.join(socket::FILE)) {
                Ok(stream) => return Ok(Self::Server(BufReader::new(stream))),
                Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                    return Err(Trouble::could_not(say!(
                        ja: "サーバの制御ソケットに接続する権限がありません。サーバと同じユーザか root で実行してください。",
                        en: "No permission for the server's control socket. Run this as the server's user or as root."
                    )));
                }
                Err(_) => {}
            }
            // Root's files in somebody else's folder would keep the server from opening them.
            if let Some(owner) = privileges::owner(&settings.dir) {
                privileges::become_identity(owner)?;
            }
            if let Some(lock) = Lock::take(&settings.dir).map_err(|error| unusable(&settings.dir, &error))? {
                return Self::here(settings, actor, lock);
            }
            if begin.elapsed() > PATIENCE {
                return Err(Trouble::could_not(say!(
                    ja: "データフォルダは使用中ですが、サーバが応答しません。",
                    en: "The data folder is in use, but the server does not answer."
                )));
            }
            std::thread::sleep(PAUSE);
        }
    }

    /// Opens the store in this process.
    fn here(settings: &Settings, actor: Actor, lock: Lock) -> Result<Self, Trouble> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Trouble::from_io)?;
        let opened = runtime.block_on(open(Arc::new(settings.clone()), Clock::system()))?;
        Ok(Self::Here(Box::new(Here { desk: opened.desk, actor, runtime, _lock: lock })))
    }

    /// Changes something.
    ///
    /// # Errors
    /// Why it was not done.
    pub fn run(&mut self, command: Command, progress: Tell<'_>) -> Result<Done, Trouble> {
        match self.call(Request::Run(command), progress)? {
            Reply::Done(done) => Ok(done),
            other => Err(unexpected(other)),
        }
    }

    /// Brings something here, or takes it away.
    ///
    /// # Errors
    /// Why it was not done.
    pub fn carry(&mut self, wanted: Move, progress: Tell<'_>) -> Result<Done, Trouble> {
        match self.call(Request::Move(wanted), progress)? {
            Reply::Done(done) => Ok(done),
            other => Err(unexpected(other)),
        }
    }

    /// Looks at something.
    ///
    /// # Errors
    /// Why there is no answer.
    pub fn ask(&mut self, query: Query) -> Result<Value, Trouble> {
        match self.call(Request::Ask(query), &mut |_| {})? {
            Reply::Answer(value) => Ok(value),
            other => Err(unexpected(other)),
        }
    }

    fn call(&mut self, request: Request, progress: Tell<'_>) -> Result<Reply, Trouble> {
        match self {
            Self::Here(here) => Ok(here.runtime.block_on(here.desk.answer(request, &here.actor, progress))),
            Self::Server(stream) => {
                let line = encode(&request).map_err(Trouble::from_io)?;
                stream.get_mut().write_all(&line).map_err(|_| hung_up())?;
                loop {
                    let mut line = Vec::new();
                    let taken = stream.take(LONGEST as u64).read_until(b'\n', &mut line).map_err(|_| hung_up())?;
                    if taken == 0 || line.last() != Some(&b'\n') {
                        return Err(hung_up());
                    }
                    match decode(&line).map_err(Trouble::from_io)? {
                        Reply::Progress(n) => progress(n),
                        reply => return Ok(reply),
                    }
                }
            }
        }
    }
}

impl Drop for Here {
    fn drop(&mut self) {
        let control = self.desk.control.clone();
        self.runtime.block_on(async move {
            control.journal().flush().await;
            control.store().close().await;
        });
    }
}

fn unexpected(reply: Reply) -> Trouble {
    match reply {
        Reply::Refused(refusal) => refusal.into(),
        _ => hung_up(),
    }
}

fn hung_up() -> Trouble {
    Trouble::could_not(say!(
        ja: "サーバが応答の途中で接続を切りました（停止中かもしれません）。",
        en: "The server hung up before it had answered (it may be stopping)."
    ))
}

fn unusable(dir: &Path, error: &io::Error) -> Trouble {
    let dir = dir.display();
    Trouble::could_not(say!(
        ja: "データフォルダ {dir} を使えません: {error}",
        en: "The data folder {dir} cannot be used: {error}"
    ))
}
