//! The agent of an SMTP session: what the session asks, answered with the store, the rules and the credentials.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use sekisho_control::bus::{BusEvent, Watch};
use sekisho_control::hush::Say;
use sekisho_control::reputation::Door;
use sekisho_control::{Protocol, entry};
use sekisho_guard::origin::Origin;
use sekisho_message::{Address, Time};
use sekisho_net::drive::{Agent, End};
use sekisho_net::tls::TlsInfo;
use sekisho_proto::smtp::Response;
use sekisho_proto::smtp::server::{Event, Reply, ServerSession};
use sekisho_store::account::Account;

use super::settings::Service;
use super::transaction::Transaction;
use super::{Reception, reply};

/// Answers one connection's session. Small while nothing is going on.
pub struct SmtpAgent {
    pub(super) site: Arc<Reception>,
    pub(super) service: Service,
    pub(super) ip: IpAddr,
    /// The address as logs and the queue write it.
    pub(super) client: String,
    /// A number for the connection.
    pub(super) session: u64,
    pub(super) tls: Option<TlsInfo>,
    pub(super) hello: Hello,
    pub(super) login: Option<Box<Login>>,
    pub(super) transaction: Option<Box<Transaction>>,
    /// What block lists say of the client and its sender, once that was asked.
    pub(super) door: Option<Box<Door>>,
    /// Unknown recipients so far.
    pub(super) unknown: u32,
    pub(super) summary: Summary,
}

/// What the client called itself.
#[derive(Debug, Default)]
pub(super) struct Hello {
    pub(super) name: String,
    pub(super) extended: bool,
}

/// Who authenticated.
pub(super) struct Login {
    pub(super) origin: Origin,
    pub(super) account: Account,
    pub(super) address: Address,
    pub(super) watch: Watch,
    /// The account may not go on: suspended, or with another password.
    pub(super) ended: bool,
}

/// What acceptlog says at the end.
#[derive(Debug, Default)]
pub(super) struct Summary {
    pub(super) sender: String,
    pub(super) message: String,
    pub(super) accepted: u64,
    pub(super) refusal: String,
}

impl SmtpAgent {
    /// An agent for a connection from `peer`. Notes it in acceptlog.
    #[must_use]
    pub fn new(site: Arc<Reception>, service: Service, peer: SocketAddr) -> Self {
        let ip = peer.ip().to_canonical();
        let client = ip.to_string();
        if !site.control.hush().is_flood(ip, site.now()) {
            site.note(entry::accept_open(site.now(), service.name(), &client, peer.port()));
        }
        let session = site.next_session();
        Self {
            site,
            service,
            ip,
            client,
            session,
            tls: None,
            hello: Hello::default(),
            login: None,
            transaction: None,
            door: None,
            unknown: 0,
            summary: Summary::default(),
        }
    }

    /// The connection is over. Notes it in acceptlog.
    pub fn finish(self, end: &End) {
        let Summary { sender, message, accepted, refusal } = &self.summary;
        if *accepted == 0 && self.site.control.hush().is_flood(self.ip, self.site.now()) {
            return;
        }
        let ending = end.reason.to_string();
        let ok = *accepted > 0 && self.transaction.is_none();
        let reason = match (ok, refusal.as_str()) {
            (true, _) => "",
            (false, "") => ending.as_str(),
            (false, refusal) => refusal,
        };
        self.site.note(entry::accept_end(
            self.site.now(),
            &self.client,
            &entry::Ending {
                service: self.service.name(),
                name: &self.hello.name,
                sender,
                message,
                account: self.account_name(),
                ok,
                reason,
            },
        ));
    }

    /// The account that authenticated, as logs name it.
    pub(super) fn account_name(&self) -> Option<&str> {
        self.login.as_deref().map(|login| login.account.address.as_str())
    }

    /// Keeps a refusal for receivelog: what was said, the answer, and the reason for the operator.
    pub(super) fn refused(&mut self, line: &str, response: Response, reason: &str) -> Reply {
        // Strangers can be refused without end; the log has an end.
        let now = self.site.now();
        let said = match self.login {
            Some(_) => Say { this: true, hushed: 0 },
            None => self.site.control.hush().refusal(self.ip, now),
        };
        if said.hushed > 0 {
            self.site.note(entry::hushed(now, &self.client, said.hushed));
        }
        if said.this {
            self.note_dialogue(line, &response, reason);
        }
        self.summary.refusal = if reason.is_empty() { response.to_string() } else { reason.to_owned() };
        Reply::Refuse(response)
    }

    pub(super) fn note_dialogue(&self, line: &str, response: &Response, reason: &str) {
        let (now, account) = (self.site.now(), self.account_name());
        let reply = response.to_string();
        self.site.note(entry::dialogue(now, Protocol::Smtp, &self.client, account, line, &reply, reason));
    }

    /// Refuses because the store does not answer.
    pub(super) fn store_failed(&mut self, line: &str, error: &sekisho_store::Error) -> Reply {
        tracing::error!(%error, client = self.client, "reception: the store refused");
        self.refused(line, reply::of_store(error), &error.to_string())
    }

    async fn connected(&mut self) -> Reply {
        let now = self.site.now();
        match self.site.directory.site(now).await {
            Ok(site) => {
                if let Some(reason) = &site.paused {
                    let reason = format!("receive is paused: {reason}");
                    return self.refused("(connect)", reply::unavailable(self.site.hostname()), &reason);
                }
            }
            Err(error) => {
                tracing::error!(%error, "reception: the store refused");
                return self.refused("(connect)", reply::unavailable(self.site.hostname()), &error.to_string());
            }
        }
        if let Some(origin) = self.shut_out()
            && !self.site.control.is_used(self.ip, now).await
        {
            // Who may have an account is heard, and has to log in.
            return self.refused("(connect)", reply::unavailable(self.site.hostname()), &isolated(&origin));
        }
        if let Err(barred) = self.site.admit(self.ip, now).await {
            let response = if barred.crowded { reply::crowded(self.site.hostname()) } else { reply::locked_out() };
            return self.refused("(connect)", response, &barred.reason);
        }
        if let Some(line) = self.site.effect(now).refuses_connection(self.ip) {
            return self.refused("(connect)", Reception::bad_source(), &format!("line {line} of effect.dat"));
        }
        Reply::Ok
    }

    /// Whether the account that authenticated may not go on.
    pub(super) fn is_ended(&mut self) -> bool {
        let Some(login) = &mut self.login else { return false };
        while let Some(event) = login.watch.try_next() {
            login.ended |= ends(event);
        }
        login.ended
    }

    /// The origin that is closed and that this client, without a login, belongs to.
    pub(super) fn shut_out(&self) -> Option<String> {
        let closed = self.site.control.guard().closed();
        self.login.is_none().then(|| closed.network(self.ip).map(ToOwned::to_owned))?
    }

    fn reset(&mut self) {
        self.transaction = None;
    }

    /// Answers an event.
    async fn respond(&mut self, event: Event) -> Reply {
        match event {
            Event::Connected => self.connected().await,
            Event::Hello { name, extended } => {
                self.hello = Hello { name, extended };
                Reply::Ok
            }
            Event::Auth(credential) => self.authenticate(&credential).await,
            Event::Mail { reverse_path, params } => self.mail(reverse_path, params).await,
            Event::Rcpt { forward_path, params } => self.rcpt(forward_path, params).await,
            Event::Data => self.data(),
            Event::Body(piece) => self.body(&piece),
            Event::EndOfData { eight_bit, .. } => self.end_of_data(eight_bit).await,
            Event::Reset => {
                self.reset();
                Reply::Ok
            }
            Event::Refused(refusal) => {
                self.note_dialogue(&refusal.line, &refusal.response, "");
                self.summary.refusal = refusal.response.to_string();
                Reply::Ok
            }
            Event::Quit => Reply::Ok,
        }
    }

    pub(super) fn now(&self) -> Time {
        self.site.now()
    }
}

/// Why a client is turned away whose network is closed, for the operator.
pub(super) fn isolated(origin: &str) -> String {
    format!("{origin} is isolated")
}

/// Whether an event about the account ends its sending sessions.
fn ends(event: BusEvent) -> bool {
    matches!(event, BusEvent::Suspended { .. } | BusEvent::PasswordChanged { .. })
}

impl Agent<ServerSession> for SmtpAgent {
    async fn answer(&mut self, event: Event) -> Reply {
        self.respond(event).await
    }

    /// A suspended account's session ends at once, and that of a network that is closed.
    async fn wait(&mut self) -> Reply {
        match &mut self.login {
            Some(login) if !login.ended => loop {
                if ends(login.watch.next().await) {
                    login.ended = true;
                    return Reply::Refuse(reply::unavailable(self.site.hostname()));
                }
            },
            Some(_) => std::future::pending().await,
            None => {
                let mut closing = self.site.control.guard().closing();
                while closing.changed().await.is_ok() {
                    if self.shut_out().is_some() {
                        return Reply::Refuse(reply::unavailable(self.site.hostname()));
                    }
                }
                std::future::pending().await
            }
        }
    }

    fn secured(&mut self, tls: &TlsInfo) {
        // Nothing that was said in the clear counts (RFC 3207 §4.2).
        self.tls = Some(tls.clone());
        self.hello = Hello::default();
        self.login = None;
        self.transaction = None;
    }
}
