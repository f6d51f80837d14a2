//! The agent of one connection: events in, answers out.

use std::borrow::Cow;
use std::time::Instant;

use sekisho_control::bus::Watch;
use sekisho_control::credential::Stamp;
use sekisho_control::{Protocol, entry};
use sekisho_net::drive::Agent;
use sekisho_net::tls::TlsInfo;
use sekisho_proto::imap::command::Command;
use sekisho_proto::imap::search::{Key, Returns};
use sekisho_proto::imap::set::SequenceSet;
use sekisho_proto::imap::{Done, Event, ImapSession, Reply, Status};
use sekisho_store::journal::Entry;
use sekisho_store::{AccountId, Error, Store};
use tokio::sync::watch;

use super::append::Appending;
use super::copy::CopyWork;
use super::fetch::FetchWork;
use super::names::OTHERS;
use super::news::Allowed;
use super::notify::Notifying;
use super::refusal;
use super::search::{Finding, Seeker};
use super::service::Imap;
use super::view::View;
use super::watches::Watches;

/// Answers one connection.
pub struct ImapAgent {
    pub(super) service: Imap,
    /// Address of the client.
    pub(super) client: String,
    pub(super) who: Option<Who>,
    /// The TLS connection, until somebody has logged in.
    pub(super) tls: Option<Box<TlsInfo>>,
    /// What the client called itself before it logged in (RFC 2971).
    pub(super) program: Box<str>,
    pub(super) view: Option<View>,
    pub(super) append: Appending,
    /// A FETCH whose answer is sent in pieces.
    pub(super) fetch: Option<FetchWork>,
    /// A COPY or MOVE of so much that the client hears how far it is.
    pub(super) copying: Option<CopyWork>,
    /// A SEARCH, SORT or THREAD, the same.
    pub(super) finding: Option<Box<Finding>>,
    /// What the client wants to hear of without asking.
    pub(super) notify: Option<Box<Notifying>>,
    /// The accounts besides its own whose mailboxes matter to this client.
    pub(super) watches: Watches,
    /// Line of the command that is being carried out, for the log.
    line: Box<str>,
    pub(super) enabled: Enabled,
    pub(super) idle: bool,
    /// Something may have happened to the account itself.
    pub(super) account_stale: bool,
    pub(super) paused: watch::Receiver<bool>,
}

/// Who is logged in.
pub(super) struct Who {
    pub(super) account: AccountId,
    pub(super) address: String,
    pub(super) watch: Watch,
    /// What the session stands on.
    pub(super) stamp: Stamp,
}

/// What the client has said that it understands (RFC 5161, RFC 7162 §3.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Enabled {
    /// Mod-sequences are told.
    pub(super) condstore: bool,
    /// `VANISHED` instead of `EXPUNGE`.
    pub(super) qresync: bool,
    /// IMAP4rev2: no `\\Recent`, ESEARCH responses, LIST responses that tell of names (RFC 9051 Appendix E).
    pub(super) rev2: bool,
    /// Mailbox names and quoted strings are UTF-8 (RFC 6855, RFC 9051).
    pub(super) utf8: bool,
    /// No message numbers (RFC 9586).
    pub(super) uid_only: bool,
}

impl Enabled {
    /// Expunges are told as UIDs.
    pub(super) const fn vanished(self) -> bool {
        self.qresync || self.uid_only
    }
}

/// Carrying a command out: its end, or a refusal, which is an end too.
pub(super) type Outcome = Result<Done, Done>;

impl ImapAgent {
    pub(super) fn new(service: Imap, client: String, paused: watch::Receiver<bool>) -> Self {
        Self {
            service,
            client,
            who: None,
            tls: None,
            program: Box::default(),
            view: None,
            append: Appending::default(),
            fetch: None,
            copying: None,
            finding: None,
            notify: None,
            watches: Watches::default(),
            line: Box::default(),
            enabled: Enabled::default(),
            idle: false,
            account_stale: false,
            paused,
        }
    }

    /// Address of the account that is logged in.
    #[must_use]
    pub fn account(&self) -> Option<&str> {
        self.who.as_ref().map(|who| who.address.as_str())
    }

    pub(super) fn store(&self) -> &Store {
        self.service.control().store()
    }

    /// The account; the session lets nobody come here without login.
    pub(super) fn account_id(&self) -> Result<AccountId, Done> {
        self.who.as_ref().map(|who| who.account).ok_or_else(|| Done::bad("Log in first"))
    }

    pub(super) fn open_view(&mut self) -> Result<&mut View, Done> {
        self.view.as_mut().ok_or_else(|| Done::bad("Select a mailbox first"))
    }

    pub(super) fn refused(&self, error: &Error) -> Done {
        refusal::store_error(error, self.account().unwrap_or("-"))
    }

    /// Whether the client may connect.
    async fn greet(&self) -> Reply {
        let Ok(ip) = self.client.parse() else { return Reply::Continue };
        let Err(barred) = self.service.control().admit(Protocol::Imap4, ip, false).await else {
            return Reply::Continue;
        };
        let text = if barred.crowded { "Too many connections" } else { "Access denied" };
        let control = self.service.control();
        let entry =
            entry::dialogue(control.now(), Protocol::Imap4, &self.client, None, "(connect)", text, &barred.reason);
        control.journal().note(entry);
        Reply::Bye(text.into())
    }

    async fn command(&mut self, tag: &str, command: Command) -> Reply {
        let allowed = Allowed::after(&command);
        if let Some(refusal) = self.uid_only_refusal(&command) {
            return self.finished(refusal, allowed).await;
        }
        let outcome = match command {
            Command::Noop => self.look_again("NOOP completed"),
            Command::Check => self.look_again("CHECK completed"),
            Command::Logout => Ok(Done::ok("LOGOUT completed")),
            Command::Id(fields) => Ok(self.id(&fields)),
            Command::Enable(names) => Ok(self.enable(&names)),
            Command::Select(select) => self.select(select).await,
            Command::Close => self.close().await,
            Command::Unselect => self.unselect().await,
            Command::Create { mailbox, special_use } => self.create(mailbox, &special_use).await,
            Command::Delete(mailbox) => self.delete(mailbox).await,
            Command::Rename { from, to } => self.rename(from, to).await,
            Command::Subscribe(mailbox) => self.subscribe(mailbox, true).await,
            Command::Unsubscribe(mailbox) => self.subscribe(mailbox, false).await,
            Command::List(list) => self.list(list).await,
            Command::Namespace => Ok(self.namespace()),
            Command::Status { mailbox, items } => self.status(mailbox, &items).await,
            Command::GetQuota(root) => self.get_quota(&root).await,
            Command::GetQuotaRoot(mailbox) => self.get_quota_root(mailbox).await,
            Command::SetQuota { root, limits } => self.set_quota(root, &limits).await,
            Command::GetAcl(mailbox) => self.get_acl(mailbox).await,
            Command::SetAcl(set) => self.set_acl(set).await,
            Command::DeleteAcl { mailbox, identifier } => self.delete_acl(mailbox, identifier).await,
            Command::ListRights { mailbox, identifier } => self.list_rights(mailbox, identifier).await,
            Command::MyRights(mailbox) => self.my_rights(mailbox).await,
            Command::GetMetadata(get) => self.get_metadata(get).await,
            Command::SetMetadata { mailbox, entries } => self.set_metadata(mailbox, entries).await,
            Command::Notify(notify) => self.set_notify(notify).await,
            Command::Expunge(set) => self.expunge(set).await,
            Command::Search(mut search) => {
                if self.enabled.rev2 && search.returns.is_none() {
                    // IMAP4rev2 knows no other answer (RFC 9051 §6.4.4).
                    search.returns = Some(Returns { all: true, ..Returns::default() });
                }
                return self.seek(tag, Seeker::Search(search), allowed).await;
            }
            Command::Sort(sort) => return self.seek(tag, Seeker::Sort(sort), allowed).await,
            Command::Thread(thread) => return self.seek(tag, Seeker::Thread(thread), allowed).await,
            Command::MultiSearch(search) => self.multi_search(tag, search).await,
            Command::Store(store) => self.store_flags(store).await,
            Command::Copy(copy) => match self.begin_copy(tag, copy).await {
                Ok(()) => return self.go_on().await,
                Err(done) => Err(done),
            },
            Command::Fetch(fetch) => {
                return match self.begin_fetch(fetch).await {
                    Ok(()) => self.go_on().await,
                    Err(done) => self.finished(done, Allowed::FLAGS_ONLY).await,
                };
            }
            // The session answers the others itself or has events of their own for them.
            _ => Err(Done::bad("Not here")),
        };
        let done = outcome.unwrap_or_else(|refusal| refusal);
        self.finished(done, allowed).await
    }

    async fn seek(&mut self, tag: &str, seeker: Seeker, allowed: Allowed) -> Reply {
        match self.begin_finding(tag, seeker) {
            Ok(()) => self.go_on().await,
            Err(done) => self.finished(done, allowed).await,
        }
    }

    /// The next piece of an answer that is sent in pieces.
    async fn go_on(&mut self) -> Reply {
        if let Some(work) = self.copying.take() {
            return match self.copy_on(work).await {
                Ok((work, data)) => {
                    self.copying = Some(work);
                    Reply::More(data)
                }
                Err(done) => self.finished(done, Allowed::ALL).await,
            };
        }
        if let Some(work) = self.finding.take() {
            let allowed = work.allowed();
            return match self.find_on(*work).await {
                Ok((work, data)) => {
                    self.finding = Some(Box::new(work));
                    Reply::More(data)
                }
                Err(done) => self.finished(done, allowed).await,
            };
        }
        let Some(mut work) = self.fetch.take() else {
            return Reply::Done(Done::no("Nothing is under way").code("SERVERBUG"));
        };
        match self.fetch_piece(&mut work).await {
            Ok(Some(data)) => {
                self.fetch = Some(work);
                Reply::More(data)
            }
            Ok(None) => self.finished(work.end(), work.allowed()).await,
            Err(done) => self.finished(done, work.allowed()).await,
        }
    }

    /// News and the log, and the command is over.
    pub(super) async fn finished(&mut self, mut done: Done, allowed: Allowed) -> Reply {
        if let Err(error) = self.news(&mut done.data, allowed).await {
            // The command itself is done, so the client hears so; the news come with the next one.
            tracing::warn!(account = self.account(), %error, "IMAP: no news from the store");
        }
        self.log(&done);
        Reply::Done(done)
    }

    async fn answered(&mut self, event: Event) -> Reply {
        self.idle = false;
        match event {
            Event::Connected if self.service.paused().await => Reply::Bye("IMAP is paused by the operator".into()),
            Event::Connected => self.greet().await,
            Event::AppendAbort => {
                self.append = Appending::default();
                Reply::Continue
            }
            Event::Credential(credential) => Box::pin(self.credential(credential)).await,
            Event::Command { line, tag, command } => {
                self.line = line;
                // On the heap while it lasts: idle connections are many.
                Box::pin(self.command(&tag, *command)).await
            }
            Event::More => Box::pin(self.go_on()).await,
            Event::Append(append) => Box::pin(self.append_begin(append)).await,
            Event::AppendUrl(url) => Box::pin(self.append_url(&url)).await,
            Event::Chunk(bytes) => self.append_chunk(&bytes),
            Event::AppendEnd => Box::pin(self.append_end()).await,
            Event::Idle => self.idle_begin().await,
            Event::IdleDone => self.finished(Done::ok("IDLE completed"), Allowed::ALL).await,
            Event::Refused { line, reply } => {
                self.note(&line, &reply);
                Reply::Continue
            }
        }
    }

    fn log(&mut self, done: &Done) {
        let line = std::mem::take(&mut self.line);
        if !line.is_empty() {
            let reply = match (done.status, &done.code) {
                (Status::Ok, _) => Cow::Borrowed("OK"),
                (status, Some(code)) => format!("{} [{code}] {}", status.as_str(), done.text).into(),
                (status, None) => format!("{} {}", status.as_str(), done.text).into(),
            };
            self.note(&line, &reply);
        }
    }

    pub(super) fn note(&self, line: &str, reply: &str) {
        self.service.control().journal().note(self.dialogue(line, reply));
    }

    fn dialogue(&self, line: &str, reply: &str) -> Entry {
        let now = self.service.control().now();
        entry::dialogue(now, Protocol::Imap4, &self.client, self.account(), line, reply, "")
    }

    /// NOOP and CHECK: the store is asked, whatever the bus said.
    fn look_again(&mut self, text: &'static str) -> Outcome {
        if let Some(view) = &mut self.view {
            view.dirty = true;
        }
        Ok(Done::ok(text))
    }

    fn id(&mut self, fields: &[(String, Option<String>)]) -> Done {
        let told: Vec<String> =
            fields.iter().map(|(name, value)| format!("{name}={}", value.as_deref().unwrap_or("NIL"))).collect();
        if !told.is_empty() {
            let named = program(fields);
            let program = entry::cut(&named, entry::LONGEST_PROGRAM);
            let mut entry = self.dialogue(&format!("ID {}", told.join(" ")), "OK");
            entry.detail["program"] = program.into();
            self.service.control().journal().note(entry);
            if self.who.is_none() {
                self.program = program.into();
            }
        }
        Done::ok("ID completed").data(b"* ID (\"name\" \"Sekisho\")\r\n".to_vec())
    }

    fn enable(&mut self, names: &[String]) -> Done {
        let mut told = String::new();
        for name in names {
            let enabled = &mut self.enabled;
            match name.as_str() {
                "CONDSTORE" => enabled.condstore = true,
                "QRESYNC" => (enabled.condstore, enabled.qresync) = (true, true),
                "IMAP4REV2" => (enabled.rev2, enabled.utf8) = (true, true),
                "UTF8=ACCEPT" => enabled.utf8 = true,
                "UIDONLY" => enabled.uid_only = true,
                _ => continue,
            }
            told.push(' ');
            told.push_str(if name == "IMAP4REV2" { "IMAP4rev2" } else { name });
        }
        Done::ok("ENABLE completed").data(format!("* ENABLED{told}\r\n").into_bytes())
    }

    /// Commands with message numbers are for clients that know them (RFC 9586 §3).
    fn uid_only_refusal(&self, command: &Command) -> Option<Done> {
        let by_number = match command {
            Command::Fetch(fetch) => !fetch.uid,
            Command::Store(store) => !store.uid,
            Command::Copy(copy) => !copy.uid,
            Command::Search(search) => !search.uid || has_numbers(&search.key),
            _ => false,
        };
        (self.enabled.uid_only && by_number)
            .then(|| Done::bad("Message numbers are not used any more").code("UIDREQUIRED"))
    }

    fn namespace(&self) -> Done {
        let data = format!("* NAMESPACE ((\"\" \"/\")) ((\"{OTHERS}/\" \"/\")) NIL\r\n");
        Done::ok("NAMESPACE completed").data(data.into_bytes())
    }
}

/// Whether a search names messages by number.
fn has_numbers(key: &Key) -> bool {
    match key {
        Key::Sequence(set) => !matches!(set, SequenceSet::Saved),
        Key::And(keys) => keys.iter().any(has_numbers),
        Key::Or(a, b) => has_numbers(a) || has_numbers(b),
        Key::Not(key) => has_numbers(key),
        _ => false,
    }
}

impl Agent<ImapSession> for ImapAgent {
    async fn answer(&mut self, event: Event) -> Reply {
        let mut unsaid = self.unsaid();
        let begun = matches!(event, Event::Command { .. }).then(Instant::now);
        let reply = self.answered(event).await;
        if let Some(begun) = begun {
            self.service.control().latencies().imap.observe(begun.elapsed());
        }
        match reply {
            reply if unsaid.is_empty() => reply,
            Reply::More(data) => Reply::More([unsaid, data].concat()),
            Reply::Untagged(data) => Reply::Untagged([unsaid, data].concat()),
            Reply::Done(mut done) => {
                unsaid.append(&mut done.data);
                Reply::Done(done.data(unsaid))
            }
            reply => {
                self.say_later(unsaid);
                reply
            }
        }
    }

    async fn wait(&mut self) -> Reply {
        self.unasked().await
    }

    fn secured(&mut self, tls: &TlsInfo) {
        self.tls = Some(Box::new(tls.clone()));
        // What was said in the clear counts no longer (RFC 9051 §6.2.1).
        self.program = Box::default();
    }
}

/// The name and version of a client among the fields of ID.
fn program(fields: &[(String, Option<String>)]) -> String {
    let of = |wanted: &str| {
        let found = fields.iter().find(|(name, _)| name.eq_ignore_ascii_case(wanted));
        found.and_then(|(_, value)| value.as_deref()).unwrap_or_default()
    };
    format!("{} {}", of("name"), of("version")).trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::program;

    #[test]
    fn a_client_is_called_by_its_name_and_version() {
        let fields = |pairs: &[(&str, Option<&str>)]| {
            let owned = pairs.iter().map(|(name, value)| ((*name).to_owned(), value.map(str::to_owned)));
            program(&owned.collect::<Vec<_>>())
        };
        assert_eq!(
            fields(&[("vendor", Some("x")), ("Version", Some("140.3")), ("name", Some("Thunderbird"))]),
            "Thunderbird 140.3"
        );
        assert_eq!(fields(&[("name", Some("mutt")), ("version", None)]), "mutt");
        assert_eq!(fields(&[("os", Some("Plan 9"))]), "");
    }
}
