//! The agent of one connection: events in, answers out.

use std::time::Duration;

use sekisho_control::{BusEvent, Protocol, entry};
use sekisho_net::drive::Agent;
use sekisho_net::tls::TlsInfo;
use sekisho_proto::pop3::{Code, Event, PopSession, Reply, Trouble};
use sekisho_store::{Error, Store};
use tokio::sync::watch;

use super::login;
use super::maildrop::Maildrop;
use super::service::Pop3;
use crate::login::challenge;

/// What was read ahead is kept this long while the client says nothing.
const KEEP_AHEAD: Duration = Duration::from_secs(2);

/// Answers one connection.
pub struct Pop3Agent {
    pub(super) service: Pop3,
    /// Address of the client.
    pub(super) client: String,
    pub(super) maildrop: Option<Maildrop>,
    /// The TLS connection, until somebody has logged in.
    pub(super) tls: Option<Box<TlsInfo>>,
    paused: watch::Receiver<bool>,
    /// Something may have happened to the account itself.
    account_stale: bool,
}

impl Pop3Agent {
    pub(super) fn new(service: Pop3, client: String, paused: watch::Receiver<bool>) -> Self {
        Self { service, client, maildrop: None, tls: None, paused, account_stale: false }
    }

    /// Address of the account that is logged in.
    #[must_use]
    pub fn account(&self) -> Option<&str> {
        self.maildrop.as_ref().map(|maildrop| maildrop.address.as_str())
    }

    fn store(&self) -> Store {
        self.service.control().store().clone()
    }

    pub(super) fn note(&self, line: &str, reply: &str, reason: &str) {
        self.note_about(self.account(), line, reply, reason);
    }

    /// A line of pop3log about `account`, which need not be logged in.
    pub(super) fn note_about(&self, account: Option<&str>, line: &str, reply: &str, reason: &str) {
        let control = self.service.control();
        let entry = entry::dialogue(control.now(), Protocol::Pop3, &self.client, account, line, reply, reason);
        control.journal().note(entry);
    }

    /// Whether the client may connect.
    async fn admit(&self) -> Reply {
        let control = self.service.control();
        let welcome = || match control.offered().digests.then(|| challenge("pop3")).flatten() {
            Some(timestamp) => Reply::Challenge(timestamp),
            None => Reply::Ok,
        };
        let Ok(ip) = self.client.parse() else { return welcome() };
        let Err(barred) = control.admit(Protocol::Pop3, ip, false).await else { return welcome() };
        let trouble = if barred.crowded {
            Trouble::new(Code::SysTemp, "Too many connections")
        } else {
            Trouble::new(Code::SysPerm, "Access denied")
        };
        self.note("(connect)", &trouble.text, &barred.reason);
        Reply::Refuse(trouble)
    }

    async fn retrieve(&mut self, index: usize, whole: bool) -> Reply {
        let store = self.store();
        let Some(maildrop) = &mut self.maildrop else { return out_of_step() };
        match maildrop.retrieve(&store, index, whole).await {
            Ok(body) => Reply::Message(body),
            Err(Error::NotFound(_)) => {
                Reply::Refuse(Trouble { code: None, text: "The message was removed by another program".into() })
            }
            Err(error) => {
                tracing::error!(account = maildrop.address, %error, "POP3: a message cannot be read");
                Reply::Refuse(Trouble::new(Code::SysTemp, "The message cannot be read now"))
            }
        }
    }

    /// QUIT: what was marked goes, and the maildrop is free.
    async fn commit(&mut self, deleted: &[usize]) -> Reply {
        let store = self.store();
        let Some(maildrop) = &self.maildrop else { return out_of_step() };
        if maildrop.lease.is_lost() {
            return taken_over();
        }
        let (reply, said) = match maildrop.commit(&store, deleted).await {
            Ok(changed) => {
                if changed {
                    let event = BusEvent::MailboxChanged { mailbox: maildrop.mailbox, account: maildrop.account };
                    self.service.control().bus().publish(event);
                }
                (Reply::Ok, "+OK")
            }
            Err(error) => {
                tracing::error!(account = maildrop.address, %error, "POP3: marked messages cannot be removed");
                let trouble = Trouble::new(Code::SysTemp, "Some messages that you marked were not removed");
                (Reply::Refuse(trouble), "-ERR [SYS/TEMP]")
            }
        };
        let retrieved = retrieved(maildrop);
        self.note(&format!("QUIT removed={} {retrieved}", deleted.len()), said, "");
        self.maildrop = None;
        reply
    }

    /// Ends the session of an account that is gone, whose password is no longer what it was, or that is not its owner's.
    async fn check_account(&mut self) -> Option<Reply> {
        let maildrop = self.maildrop.as_ref()?;
        let (id, stamp) = (maildrop.account, maildrop.stamp.clone());
        // Rare, and large: sessions must stay small while they are idle.
        let stays = Box::pin(self.service.control().may_stay(id, &stamp, &self.client)).await.ok()?;
        self.account_stale = false;
        let text = stays.last_words()?;
        Some(Reply::Refuse(Trouble::new(Code::Auth, text)))
    }

    /// Waits for something that must end the session. Cancel-safe: nothing is lost that is not found out again.
    async fn unasked(&mut self) -> Reply {
        let clock = self.service.clock().clone();
        let now = clock.now();
        loop {
            if *self.paused.borrow_and_update() {
                return login::paused();
            }
            if self.account_stale
                && let Some(reply) = self.check_account().await
            {
                return reply;
            }
            let Some(maildrop) = &mut self.maildrop else {
                // Nobody is logged in: only the switch matters.
                if self.paused.changed().await.is_err() {
                    std::future::pending::<()>().await;
                }
                continue;
            };
            maildrop.lease.waits(now);
            tokio::select! {
                () = maildrop.lease.lost() => return taken_over(),
                event = maildrop.watch.next() => self.account_stale |= matters(event),
                () = clock.sleep_until(now + KEEP_AHEAD), if !maildrop.ahead.is_empty() => maildrop.ahead.clear(),
                Ok(()) = self.paused.changed() => {}
            }
        }
    }
}

impl Agent<PopSession> for Pop3Agent {
    async fn answer(&mut self, event: Event) -> Reply {
        if let Some(maildrop) = &self.maildrop {
            maildrop.lease.busy();
        }
        match event {
            Event::Connected if self.service.paused().await => login::paused(),
            Event::Connected => self.admit().await,
            Event::Auth(credential) => self.credential(credential).await,
            Event::Retrieve { index, lines } => self.retrieve(index, lines.is_none()).await,
            Event::Commit { deleted } => self.commit(&deleted).await,
            Event::Refused(refusal) => {
                self.note(&refusal.line, &format!("-ERR {}", refusal.text), "");
                Reply::Ok
            }
        }
    }

    async fn wait(&mut self) -> Reply {
        self.unasked().await
    }

    fn secured(&mut self, tls: &TlsInfo) {
        self.tls = Some(Box::new(tls.clone()));
    }
}

impl Drop for Pop3Agent {
    /// A session that ends without QUIT leaves a line too.
    fn drop(&mut self) {
        if let Some(maildrop) = &self.maildrop {
            let line = retrieved(maildrop);
            self.note(&line, "", "ended without QUIT");
        }
    }
}

fn retrieved(maildrop: &Maildrop) -> String {
    format!("retrieved={} octets={}", maildrop.retrieved(), maildrop.octets)
}

fn matters(event: BusEvent) -> bool {
    matches!(event, BusEvent::Suspended { .. } | BusEvent::PasswordChanged { .. } | BusEvent::Missed)
}

fn taken_over() -> Reply {
    Reply::Refuse(Trouble::new(Code::InUse, "Another session has taken the maildrop over; nothing was removed"))
}

fn out_of_step() -> Reply {
    Reply::Refuse(Trouble::new(Code::SysTemp, "Log in first"))
}
