//! Every act, as a value: what the command line, the console and the server's own tasks can ask for.

use std::fmt;

use sekisho_guard::class::Class;
use sekisho_message::Language;
use sekisho_store::account::Role;
use sekisho_store::domain::Claims;
use sekisho_store::list::Posting;
use sekisho_store::queue::Filter;
use serde::{Deserialize, Serialize};

mod credential;
mod drill;
mod lockout;
mod personal;

pub use credential::CredentialCommand;
pub use drill::DrillCommand;
pub use lockout::LockoutCommand;
pub use personal::PersonalCommand;

/// A password on its way to its hash. It is never printed.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Secret(pub String);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// An act that changes state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "command", rename_all = "snake_case")]
pub enum Command {
    /// Domains.
    Domain(DomainCommand),
    /// Accounts.
    Account(AccountCommand),
    /// App passwords and recoverable passwords.
    Credential(CredentialCommand),
    /// Forwarding, automatic reply and send hours of accounts.
    Personal(PersonalCommand),
    /// Aliases.
    Alias(AliasCommand),
    /// Mailing lists.
    List(ListCommand),
    /// The queue.
    Queue(QueueCommand),
    /// Pausing and resuming.
    Switch(SwitchCommand),
    /// `effect.dat`, `sender.dat`, `mail.dat` and `gateway.dat`.
    Rules(RulesCommand),
    /// Lockouts and their tables.
    Lockout(LockoutCommand),
    /// Incidents.
    Incident(IncidentCommand),
    /// Who is in the console, and with what.
    Console(ConsoleCommand),
    /// The drill.
    Drill(DrillCommand),
    /// Set what kind of sender an origin is.
    Class {
        /// An account's address, or the key of an origin without AUTH such as `network:192.0.2.0/24`.
        who: String,
        /// Which; none leaves it to what is learnt.
        class: Option<Class>,
    },
}

/// Acts on incidents. `which` is an incident's number, an account's address, or an origin's key such as
/// `network:192.0.2.0/24`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "act", rename_all = "snake_case")]
pub enum IncidentCommand {
    /// Hold its mail, suspend the account, end its sessions. Opens an incident where there is none.
    Contain {
        /// Which.
        which: String,
        /// Why, for the journal.
        reason: String,
    },
    /// Send what its owner sent.
    Release {
        /// Which.
        which: String,
        /// Everything: it was a false alarm.
        all: bool,
        /// Whether somebody said yes to the counts.
        confirmed: bool,
    },
    /// Destroy what is not its owner's.
    Purge {
        /// Which.
        which: String,
        /// The owner's too.
        all: bool,
        /// Whether somebody said yes to the counts.
        confirmed: bool,
    },
    /// The account is its owner's again: new password, he may send, his mail goes; watched closely for three days.
    Resolve {
        /// Which.
        which: String,
        /// The new password, where the origin is an account.
        password: Option<Secret>,
    },
}

/// Acts on an account's way into the console.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "act", rename_all = "snake_case")]
pub enum ConsoleCommand {
    /// Take the second factor away, as when it is lost together with the recovery codes.
    FactorRemove {
        /// Whose.
        address: String,
    },
    /// End all its browsers' sessions, and take its programs' tokens away.
    SessionsEnd {
        /// Whose.
        address: String,
    },
}

/// Acts on domains.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "act", rename_all = "snake_case")]
pub enum DomainCommand {
    /// Become final destination for a domain.
    Add {
        /// Its name.
        name: String,
    },
    /// Stop being so. Refused while accounts or lists use it; its aliases go with it.
    Remove {
        /// Its name.
        name: String,
    },
    /// From where its accounts' passwords may be used, but for accounts that have a rule of their own.
    Whence {
        /// Its name.
        name: String,
        /// The rule; without networks and countries it is removed.
        rule: WhenceRule,
    },
    /// What becomes of mail from outside that claims to be from it.
    Claims {
        /// Its name.
        name: String,
        /// What.
        claims: Claims,
    },
    /// Whether SCRAM secrets are made for its accounts, at their next login or password change.
    Scram {
        /// Its name.
        name: String,
        /// Whether.
        on: bool,
    },
}

/// Acts on accounts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "act", rename_all = "snake_case")]
pub enum AccountCommand {
    /// Add an account.
    Add(NewPerson),
    /// Set the password; open sessions end.
    Password {
        /// Whose.
        address: String,
        /// The new one.
        password: Secret,
        /// Whether the person must choose another one at the console.
        must_change: bool,
    },
    /// The account cannot send from now on; it receives and reads. Its sending sessions end.
    Suspend {
        /// Whose.
        address: String,
        /// Why, for the journal.
        reason: String,
    },
    /// Undo a suspension, or a removal whose grace period lasts.
    Resume {
        /// Whose.
        address: String,
    },
    /// Give the account another address. Its mail stays; the old address is free.
    Rename {
        /// Whose.
        address: String,
        /// The new address.
        to: String,
    },
    /// Neither receive nor log in; destroy the mail after the grace period.
    Remove {
        /// Whose.
        address: String,
        /// Whether somebody said yes.
        confirmed: bool,
    },
    /// Set or lift the quota.
    Quota {
        /// Whose.
        address: String,
        /// Most octets; none lifts it.
        quota: Option<u64>,
    },
    /// Set or lift the most messages.
    MessageQuota {
        /// Whose.
        address: String,
        /// Most messages in all folders; none lifts it.
        messages: Option<u64>,
    },
    /// Set name and language.
    Person {
        /// Whose.
        address: String,
        /// Name of the person; none leaves it.
        full_name: Option<String>,
        /// Language; none leaves it.
        language: Option<Language>,
    },
    /// From where its password may be used.
    Whence {
        /// Whose.
        address: String,
        /// The rule; without networks and countries it is removed.
        rule: WhenceRule,
    },
    /// Set what the account may administer.
    Role {
        /// Whose.
        address: String,
        /// What.
        role: Role,
    },
}

impl AccountCommand {
    /// The account that it is about, as it was written.
    #[must_use]
    pub fn address(&self) -> &str {
        match self {
            Self::Add(person) => &person.address,
            Self::Password { address, .. }
            | Self::Suspend { address, .. }
            | Self::Resume { address }
            | Self::Rename { address, .. }
            | Self::Remove { address, .. }
            | Self::Quota { address, .. }
            | Self::MessageQuota { address, .. }
            | Self::Whence { address, .. }
            | Self::Person { address, .. }
            | Self::Role { address, .. } => address,
        }
    }
}

/// From where passwords may be used; none leaves that part as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct WhenceRule {
    /// Networks, separated by commas; `any` is everywhere; empty takes them away.
    pub networks: Option<String>,
    /// Country codes, separated by commas; empty takes them away.
    pub countries: Option<String>,
}

/// A new account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewPerson {
    /// Login and address.
    pub address: String,
    /// Name of the person, or empty.
    pub full_name: String,
    /// The password.
    pub password: Secret,
    /// What it may administer.
    pub role: Role,
    /// Most octets of all its mail.
    pub quota: Option<u64>,
    /// Language for texts to the person.
    pub language: Language,
    /// Whether the person must choose another password at the console.
    pub must_change: bool,
}

/// Acts on aliases.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "act", rename_all = "snake_case")]
pub enum AliasCommand {
    /// Add an alias.
    Add {
        /// `local@domain`, `prefix*@domain` or `*@domain`.
        pattern: String,
        /// Where its mail goes.
        target: String,
    },
    /// Remove an alias.
    Remove {
        /// Its pattern.
        pattern: String,
    },
}

/// Acts on mailing lists.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "act", rename_all = "snake_case")]
pub enum ListCommand {
    /// Add a list.
    Add {
        /// Its address.
        address: String,
        /// Who owns it and gets its bounces.
        owner: String,
        /// What can be set.
        change: ListChange,
    },
    /// Remove a list.
    Remove {
        /// Its address.
        address: String,
        /// Whether somebody said yes.
        confirmed: bool,
    },
    /// Change what can be set.
    Set {
        /// Its address.
        address: String,
        /// What changes.
        change: ListChange,
    },
    /// Add members.
    MemberAdd {
        /// Address of the list.
        address: String,
        /// Who.
        members: Vec<String>,
    },
    /// Remove members.
    MemberRemove {
        /// Address of the list.
        address: String,
        /// Who.
        members: Vec<String>,
    },
}

/// What can be set about a list; none leaves it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ListChange {
    /// Who owns it and gets its bounces.
    pub owner: Option<String>,
    /// Who may post.
    pub posting: Option<Posting>,
    /// What goes before the subject.
    pub subject_tag: Option<String>,
    /// One line about it.
    pub description: Option<String>,
}

/// Acts on the queue.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "act", rename_all = "snake_case")]
pub enum QueueCommand {
    /// Keep back. By account or origin alone this is one row, however much is queued, and holds what still comes.
    Hold {
        /// What.
        filter: Filter,
        /// Why, for whoever finds it.
        reason: String,
    },
    /// Let go.
    Release {
        /// What.
        filter: Filter,
    },
    /// Try now.
    Retry {
        /// What.
        filter: Filter,
    },
    /// Destroy. Without `confirmed` it says how many of whose messages.
    Purge {
        /// What.
        filter: Filter,
        /// Whether somebody said yes.
        confirmed: bool,
    },
}

/// Services that can be paused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Service {
    /// Taking mail over SMTP: E-POST's `epstrd`.
    Receive,
    /// Delivering and relaying: `epstdd`.
    Delivery,
    /// POP3.
    Pop3,
    /// IMAP.
    Imap4,
}

impl Service {
    /// Every service.
    pub const ALL: [Self; 4] = [Self::Receive, Self::Delivery, Self::Pop3, Self::Imap4];

    /// Its name in the store and on the command line.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Receive => "receive",
            Self::Delivery => "delivery",
            Self::Pop3 => "pop3",
            Self::Imap4 => "imap4",
        }
    }

    /// The service of a name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|service| service.as_str() == name)
    }
}

/// Acts on services.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "act", rename_all = "snake_case")]
pub enum SwitchCommand {
    /// Stop a service at once. Mail that arrives while delivery is paused is kept.
    Pause {
        /// Which.
        service: Service,
        /// Why, for whoever finds it.
        reason: String,
    },
    /// Let it go on.
    Resume {
        /// Which.
        service: Service,
    },
}

/// Which rule text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RuleFile {
    /// Who may hand in mail and relay.
    Effect,
    /// To whom an account may write.
    Sender,
    /// `mail.dat`: what is refused for its header.
    Filter,
    /// `gateway.dat`: which host takes a domain's mail.
    Gateway,
    /// `rejectsmtpip.dat`: who may not come to SMTP, or is never locked out there. Here and in the two below, rows with an end are
    /// the lockouts' own: they stay whatever is written.
    RejectSmtp,
    /// `rejectpopip.dat`: the same for POP3.
    RejectPop3,
    /// `rejectimapip.dat`: the same for IMAP.
    RejectImap4,
}

/// Acts on rules.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "act", rename_all = "snake_case")]
pub enum RulesCommand {
    /// Replace a rule text. A text with faulty lines is refused.
    Write {
        /// Which file.
        file: RuleFile,
        /// Whose; none is the server's own file.
        account: Option<String>,
        /// The new text; empty removes it.
        text: String,
    },
    /// Read the server's files again now.
    Reload,
}
