//! Which agent answers at which port.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use sekisho_access::imap::Imap;
use sekisho_access::pop3::Pop3;
use sekisho_console::Console;
use sekisho_control::{Control, Protocol, entry};
use sekisho_mta::reception::{self, Reception};
use sekisho_net::drive::{Drive, drive};
use sekisho_net::listen::{self, Admission, ConnectionInfo, Listener, Refusal, Sessions};
use sekisho_net::{Clock, ServerTls};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::bound::{Bound, Service};
use super::housekeeping::spawn;
use super::present::Present;
use crate::config::Limits;
use crate::trouble::Trouble;

/// How long a browser may take over TLS.
const HANDSHAKE: Duration = Duration::from_secs(15);

/// How long a client that is turned away may take to hear it.
const GOODBYE: Duration = Duration::from_secs(5);

/// Everything that connections need.
#[derive(Clone)]
pub(super) struct Doors {
    pub(super) reception: Arc<Reception>,
    pub(super) imap: Imap,
    pub(super) pop3: Pop3,
    pub(super) console: Console,
    pub(super) clock: Clock,
    pub(super) tls: ServerTls,
    pub(super) limits: Limits,
    pub(super) control: Control,
    /// Who is connected: sessions of networks that are locked out, and of listeners that are closed, shall end.
    pub(super) present: Present,
}

impl Doors {
    /// Begins to accept on all sockets; the addresses by service.
    pub(super) fn open(
        &self,
        bound: Bound,
        sessions: &Sessions,
    ) -> Result<BTreeMap<Service, Vec<SocketAddr>>, Trouble> {
        let mail = Admission::new(listen::Limits {
            total: self.limits.connections,
            per_address: self.limits.connections_per_address,
            per_network: self.limits.connections_per_network,
        });
        // A company behind one address has several IMAP connections for each person.
        let access = Admission::new(listen::Limits {
            total: self.limits.connections,
            per_address: self.limits.access_per_address,
            per_network: self.limits.access_per_network,
        });
        let mut addresses: BTreeMap<Service, Vec<SocketAddr>> = BTreeMap::new();
        for (service, socket) in bound.into_sockets() {
            let listener = Listener::adopt(service.as_str(), socket).map_err(|error| Trouble::could_not(error.0))?;
            addresses.entry(service).or_default().push(listener.local());
            let admission = match service {
                Service::Smtp | Service::Submission | Service::Submissions => mail.clone(),
                Service::Pop3 | Service::Pop3s | Service::Imap | Service::Imaps | Service::Console => access.clone(),
            };
            let (doors, all) = (self.clone(), sessions.clone());
            tokio::spawn(listen::accept(
                listener,
                admission,
                sessions.clone(),
                move |_: &ConnectionInfo, _: Refusal| refusal(service),
                move |stream, info| {
                    let (doors, stopping) = (doors.clone(), all.stopping());
                    async move { doors.serve(service, stream, info, stopping).await }
                },
            ));
        }
        Ok(addresses)
    }

    /// Follows the switches that pause services.
    pub(super) fn follow(&self, tasks: &TaskTracker, stop: &CancellationToken) {
        let imap = self.imap.clone();
        spawn(tasks, stop, async move { imap.follow_switch().await });
        let (present, control) = (self.present.clone(), self.control.clone());
        spawn(tasks, stop, async move { present.follow(&control).await });
        let (present, control) = (self.present.clone(), self.control.clone());
        spawn(tasks, stop, async move { present.follow_closed(&control).await });
        let pop3 = self.pop3.clone();
        spawn(tasks, stop, async move { pop3.follow_switch().await });
    }

    async fn serve(&self, service: Service, stream: TcpStream, info: ConnectionInfo, stopping: CancellationToken) {
        if let Some(origin) = self.control.guard().closed().listener(service.as_str()) {
            self.turn_away(service, &info, origin);
            let mut stream = stream;
            let _ = self.clock.timeout(GOODBYE, stream.write_all(closed(service))).await;
            return;
        }
        if self.is_barred(service, &info).await {
            return;
        }
        let stopping = stopping.child_token();
        let _place = self.present.enter(service, info.peer.ip(), stopping.clone());
        // Other servers are not asked for certificates: some have odd ones.
        let how = || Drive::new(self.clock.clone()).server_tls(self.tls.asking()).cancel(stopping.clone());
        let client = info.peer.ip();
        match service {
            Service::Smtp => self.smtp(stream, &info, reception::Service::Smtp, stopping).await,
            Service::Submission => self.smtp(stream, &info, reception::Service::Submission, stopping).await,
            Service::Submissions => self.smtp(stream, &info, reception::Service::Submissions, stopping).await,
            Service::Imap => {
                let (session, mut agent) = self.imap.connect(client, false);
                drive(stream, session, &mut agent, how()).await;
            }
            Service::Imaps => {
                let (session, mut agent) = self.imap.connect(client, true);
                drive(stream, session, &mut agent, how().implicit_tls()).await;
            }
            Service::Pop3 => {
                let (session, mut agent) = self.pop3.connect(client, false);
                drive(stream, session, &mut agent, how()).await;
            }
            Service::Pop3s => {
                let (session, mut agent) = self.pop3.connect(client, true);
                drive(stream, session, &mut agent, how().implicit_tls()).await;
            }
            Service::Console => {
                // A browser that does not trust the certificate goes away during the handshake: no matter.
                let Some(Ok((stream, _))) = self.clock.timeout(HANDSHAKE, self.tls.accept(stream)).await else {
                    return;
                };
                self.console.serve(self.console.router(), stream, client, stopping).await;
            }
        }
    }

    /// Whether TLS would come first for a client that may not connect: it is not worth a handshake.
    async fn is_barred(&self, service: Service, info: &ConnectionInfo) -> bool {
        let protocol = match service {
            Service::Submissions => Protocol::Smtp,
            Service::Pop3s => Protocol::Pop3,
            Service::Imaps => Protocol::Imap4,
            Service::Console => Protocol::Console,
            Service::Smtp | Service::Submission | Service::Pop3 | Service::Imap => return false,
        };
        let Err(barred) = self.control.is_welcome(protocol, info.peer.ip()).await else { return false };
        self.turn_away(service, info, &barred.reason);
        true
    }

    /// Notes a client that did not get in.
    fn turn_away(&self, service: Service, info: &ConnectionInfo, reason: &str) {
        let (now, client) = (self.control.now(), info.peer.ip().to_string());
        if !self.control.hush().refusal(info.peer.ip().to_canonical(), now).this {
            return;
        }
        let journal = self.control.journal();
        journal.note(entry::accept_open(now, service.as_str(), &client, info.peer.port()));
        let end = entry::Ending { service: service.as_str(), reason, ..entry::Ending::default() };
        journal.note(entry::accept_end(now, &client, &end));
    }

    async fn smtp(&self, stream: TcpStream, info: &ConnectionInfo, door: reception::Service, stop: CancellationToken) {
        let tls = if door == reception::Service::Smtp { self.tls.clone() } else { self.tls.asking() };
        self.reception.serve(stream, info, door, Some(tls), stop).await;
    }
}

/// What a client hears at a listener that is closed; nothing where TLS would come first.
const fn closed(service: Service) -> &'static [u8] {
    match service {
        Service::Smtp | Service::Submission => b"421 4.3.2 Service not available, try again later\r\n",
        Service::Pop3 => b"-ERR [SYS/TEMP] Service not available, try again later\r\n",
        Service::Imap => b"* BYE [UNAVAILABLE] Service not available, try again later\r\n",
        Service::Submissions | Service::Pop3s | Service::Imaps | Service::Console => b"",
    }
}

/// What a client hears that is one too many; nothing where TLS would come first.
const fn refusal(service: Service) -> &'static [u8] {
    match service {
        Service::Smtp | Service::Submission => b"421 4.7.0 Too many connections, try again later\r\n",
        Service::Pop3 => b"-ERR [SYS/TEMP] Too many connections\r\n",
        Service::Imap => b"* BYE [LIMIT] Too many connections\r\n",
        Service::Submissions | Service::Pop3s | Service::Imaps | Service::Console => b"",
    }
}
