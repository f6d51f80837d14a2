//! Reception: mail in, over the MX and the submission listeners.
//!
//! [`Reception`] is what all sessions share; [`Reception::serve`] runs one connection. The session
//! (`sekisho_proto`) owns grammar, order and bounds; [`SmtpAgent`] answers what it asks; whether a recipient may be
//! reached is decided by `sekisho_guard::relay` alone; [`crate::accept`] is the one commit.

mod agent;
mod client;
mod content;
mod envelope;
mod facts;
mod filter;
mod intake;
mod login;
mod reply;
mod score;
mod settings;
mod transaction;

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use sekisho_control::lockout::Barred;
use sekisho_control::{Control, Protocol};
use sekisho_guard::relay::Refusal;
use sekisho_guard::rules::effect::{EffectRules, Ruling, Sender};
use sekisho_guard::rules::filter::MailFilter;
use sekisho_guard::rules::{Finding, Severity};
use sekisho_message::Time;
use sekisho_net::clock::Clock;
use sekisho_net::drive::{Drive, End, drive};
use sekisho_net::listen::ConnectionInfo;
use sekisho_net::tls::ServerTls;
use sekisho_proto::smtp::server::{self as wire, ServerSession};
use sekisho_proto::smtp::{Enhanced, Response};
use sekisho_store::journal::Entry;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_util::sync::CancellationToken;

use login::{CHOICES, choice, offer};

pub use agent::SmtpAgent;
pub use settings::{FullMailbox, Harvest, Service, Settings};

use crate::claims::Claims;
use crate::directory::{self, Directory};
use sekisho_control::rulefile::RuleFile;

/// Bad lines of a rule file that are logged each time that it is read.
const MOST_LOGGED: usize = 20;

/// What all sessions share.
pub struct Reception {
    control: Control,
    clock: Clock,
    settings: Settings,
    directory: Directory,
    claims: Arc<Claims>,
    effect: RuleFile<EffectRules>,
    filter: RuleFile<MailFilter>,
    wire: [Wire; 3],
    sessions: AtomicU64,
    scorer: score::Scorer,
}

/// What a listener's sessions are like, by what is offered.
type Wire = [Arc<wire::Settings>; CHOICES];

impl Reception {
    /// Reception over `control`. `effect.dat` of the data folder is read on first use, and again when it changes.
    #[must_use]
    pub fn new(control: Control, clock: Clock, settings: Settings) -> Arc<Self> {
        let settings = settings.within_bounds();
        let directory = Directory::new(
            &control,
            directory::Options {
                hostname: settings.hostname.clone(),
                postmaster: settings.postmaster.clone(),
                links: settings.alias_links,
                believe: settings.believe,
            },
        );
        let wire = [Service::Smtp, Service::Submission, Service::Submissions]
            .map(|service| std::array::from_fn(|choice| Arc::new(settings.wire(service, offer(&control, choice)))));
        Arc::new(Self {
            claims: Claims::new(control.clone(), settings.hostname.to_string()),
            effect: RuleFile::new(settings.data.join("effect.dat"), read_effect, EffectRules::shipped),
            filter: RuleFile::new(settings.data.join("mail.dat"), read_filter, MailFilter::default),
            scorer: score::Scorer::new(control.guard().settings().filter.clone()),
            control,
            clock,
            directory,
            settings,
            wire,
            sessions: AtomicU64::new(1),
        })
    }

    /// Serves one connection to its end. `tls` is what STARTTLS, or the first byte of [`Service::Submissions`],
    /// negotiates; without it neither is possible.
    pub async fn serve<T>(
        self: &Arc<Self>,
        stream: T,
        info: &ConnectionInfo,
        service: Service,
        tls: Option<ServerTls>,
        cancel: CancellationToken,
    ) -> End
    where
        T: AsyncRead + AsyncWrite + Unpin,
    {
        let implicit = service == Service::Submissions;
        let mut how = Drive::new(self.clock.clone()).cancel(cancel);
        if let Some(tls) = tls {
            how = how.server_tls(tls);
        }
        if implicit {
            how = how.implicit_tls();
        }
        let session = self.session(service, implicit);
        let mut agent = SmtpAgent::new(Arc::clone(self), service, info.peer);
        let end = drive(stream, session, &mut agent, how).await;
        agent.finish(&end);
        end
    }

    /// A session for a fresh connection to `service`; `secured` says that TLS is active already.
    #[must_use]
    pub fn session(&self, service: Service, secured: bool) -> ServerSession {
        let [smtp, submission, submissions] = &self.wire;
        let settings = match service {
            Service::Smtp => smtp,
            Service::Submission => submission,
            Service::Submissions => submissions,
        };
        let settings = &settings[choice(&self.control)];
        ServerSession::new(Arc::clone(settings), secured, self.now())
    }

    /// The settings in force.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    fn next_session(&self) -> u64 {
        self.sessions.fetch_add(1, Ordering::Relaxed)
    }

    fn now(&self) -> Time {
        self.clock.now()
    }

    fn hostname(&self) -> &str {
        self.settings.hostname.ascii()
    }

    fn note(&self, entry: Entry) {
        self.control.journal().note(entry);
    }

    /// `effect.dat` as it is now.
    fn effect(&self, now: Time) -> Arc<EffectRules> {
        self.effect.now(now, self.directory.generation())
    }

    /// `mail.dat` as it is now.
    fn filter(&self, now: Time) -> Arc<MailFilter> {
        self.filter.now(now, self.directory.generation())
    }

    /// Whether the client may connect, and who may relay without AUTH is not counted.
    async fn admit(&self, ip: std::net::IpAddr, now: Time) -> Result<(), Barred> {
        let ruling = self.effect(now).decide(ip, Sender::Null).ruling;
        self.control.admit(Protocol::Smtp, ip, matches!(ruling, Ruling::TrustNetwork(_))).await
    }

    /// Refusals of the relay rule, in the words that the ancestor's operators know.
    fn refusal(refusal: Refusal, sender: Sender<'_>, recipient: &str) -> Response {
        let (code, enhanced, text) = refusal.reply(sender, recipient);
        let (enhanced, _) = Enhanced::split(code, enhanced);
        Response { code, enhanced, text: text.into() }
    }

    fn bad_source() -> Response {
        Self::refusal(Refusal::BadSource, Sender::Null, "")
    }
}

fn read_effect(bytes: &[u8]) -> EffectRules {
    let rules = EffectRules::parse(bytes);
    log("effect.dat", rules.findings());
    rules
}

fn read_filter(bytes: &[u8]) -> MailFilter {
    let filter = MailFilter::parse(bytes);
    log("mail.dat", filter.findings());
    filter
}

fn log(file: &str, findings: &[Finding]) {
    for finding in findings.iter().filter(|f| f.severity == Severity::Error).take(MOST_LOGGED) {
        tracing::warn!(file, line = finding.line, "{}", finding.text);
    }
}
