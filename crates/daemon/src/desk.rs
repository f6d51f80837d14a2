//! Where requests of the command line are answered: in the server, or in the call itself when the server is stopped.
//!
//! A request is a [`Command`] for [`Control`] or a [`Query`] that only reads; both travel as JSON lines over the control
//! socket, so a verb does not know who answers.

use std::sync::Arc;

use sekisho_control::{Actor, Command, Control, Done, Refusal};
use sekisho_moving::{Move, Portion, Tell};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::config::Settings;
use crate::server::vitals::Probe;

mod alerts;
mod caller;
mod credentials;
mod direct;
mod incidents;
mod line;
mod lockouts;
mod logs;
mod people;
mod queue;
mod rounds;
mod rules;
mod socket;
mod store;

#[cfg(test)]
mod tests;

pub(crate) use alerts::offset_minutes;
pub use caller::Caller;
pub use direct::{Opened, open};
pub(crate) use queue::{QueueStatus, stage};
pub(crate) use rules::EFFECT;
pub use sekisho_control::query::{Envelope, Query};
pub use socket::{FILE as SOCKET, bind, serve};

/// What a verb asks for.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Request {
    /// Change something.
    Run(Command),
    /// Look at something.
    Ask(Query),
    /// Bring something here, or take it away.
    Move(Move),
}

/// What comes back: any number of progress lines, then one of the others.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reply {
    /// How far it has come.
    Progress(Portion),
    /// It is done.
    Done(Done),
    /// What was asked for.
    Answer(Value),
    /// It was not done.
    Refused(Refusal),
}

impl sekisho_console::Desk for Desk {
    fn look(&self, query: Query) -> sekisho_console::Looked<'_> {
        Box::pin(self.ask(query))
    }
}

/// What answering needs.
#[derive(Clone)]
pub struct Desk {
    /// Acts and data.
    pub control: Control,
    /// The configuration.
    pub settings: Arc<Settings>,
    /// Measures the running server; none when it is stopped.
    pub probe: Option<Probe>,
}

impl Desk {
    /// Answers one request on behalf of `actor`.
    pub async fn answer(&self, request: Request, actor: &Actor, progress: Tell<'_>) -> Reply {
        match request {
            Request::Run(command) => {
                let mut count = |done| progress(Portion { done, total: 0 });
                match self.control.run_with(command, actor, &mut count).await {
                    Ok(done) => Reply::Done(done),
                    Err(refusal) => Reply::Refused(refusal),
                }
            }
            Request::Move(wanted) => match sekisho_moving::run(&self.control, wanted, actor, progress).await {
                Ok(done) => Reply::Done(done),
                Err(refusal) => Reply::Refused(refusal),
            },
            Request::Ask(query) => match self.ask(query).await {
                Ok(answer) => Reply::Answer(answer),
                Err(refusal) => Reply::Refused(refusal),
            },
        }
    }

    /// Answers one question.
    ///
    /// # Errors
    /// Why there is no answer.
    pub async fn ask(&self, query: Query) -> Result<Value, Refusal> {
        match query {
            Query::Domains => people::domains(self).await,
            Query::Accounts { domain, after } => people::accounts(self, domain, after).await,
            Query::Account { address } => people::account(self, &address).await,
            Query::AppPasswords { address } => credentials::app_passwords(self, &address).await,
            Query::Recoverable => credentials::recoverable(self).await,
            Query::Aliases { domain } => people::aliases(self, domain).await,
            Query::Lists => people::lists(self).await,
            Query::List { address, after } => people::list(self, &address, after).await,
            Query::QueueStatus => queue::status(self).await,
            Query::QueueHolds => queue::holds(self).await,
            Query::QueueOrigins => queue::origins(self).await,
            Query::Queue { filter, after, limit } => queue::list(self, filter, after, limit).await,
            Query::Queued { message } => queue::show(self, &message).await,
            Query::QueuedContent { message, offset } => queue::content(self, &message, offset).await,
            Query::Logs { filter, after, limit } => logs::page(self, filter, after, limit).await,
            Query::LogsBack { filter, before, limit } => logs::page_back(self, filter, before, limit).await,
            Query::LogEnd => logs::end(self).await,
            Query::Lockouts => Ok(lockouts::overview(self)),
            Query::AlertTest => alerts::test(self).await,
            Query::Incidents { before } => incidents::list(self, before).await,
            Query::Incident { which } => incidents::show(self, &which).await,
            Query::Check => rounds::check(self).await,
            Query::Health => rounds::health(self).await,
            Query::Audit { fresh } => rounds::audit(self, fresh).await,
            Query::Reputation { fresh } => rounds::reputation(self, fresh).await,
            Query::Rungs => rounds::rungs(self).await,
            Query::Drill => Ok(serde_json::json!({ "drill": self.control.last_drill().await? })),
            Query::Trace { base64 } => rounds::trace(self, &base64).await,
            Query::Rules => rules::read(self).await,
            Query::RulesHistory { file, account } => rules::history(self, file, account).await,
            Query::RulesTest(question) => rules::test(self, question).await,
            Query::StoreCheck => store::check(self).await,
            Query::StoreBackup { to } => store::backup(self, to.into()).await,
        }
    }
}
