//! CREATE, DELETE, RENAME, SUBSCRIBE and UNSUBSCRIBE (RFC 3501 §6.3.3-7, CREATE-SPECIAL-USE RFC 6154 §3).

use sekisho_control::BusEvent;
use sekisho_proto::imap::Done;
use sekisho_store::{Error, MailboxId, mailbox};

use super::agent::{ImapAgent, Outcome};
use super::refusal::cannot;

/// Special uses that a mailbox can have, as the store knows them.
const SPECIAL_USES: [&str; 6] = ["Archive", "Drafts", "Flagged", "Junk", "Sent", "Trash"];

impl ImapAgent {
    pub(super) async fn create(&mut self, name: String, special_use: &[String]) -> Outcome {
        let account = self.account_id()?;
        // A trailing separator only says that levels below will follow (RFC 3501 §6.3.3).
        let name = name.strip_suffix('/').map_or(name.clone(), str::to_owned);
        valid(&name)?;
        let special = special(special_use)?;
        let now = self.service.control().now();
        let made = self
            .store()
            .write(move |tx| {
                if mailbox::get(tx, account, &name)?.is_some() {
                    return Err(Error::Conflict(name.clone()));
                }
                mailbox::create(tx, account, &name, special, now)
            })
            .await;
        made.map_err(|error| self.refused(&error))?;
        Ok(Done::ok("CREATE completed"))
    }

    pub(super) async fn delete(&mut self, name: String) -> Outcome {
        let account = self.account_id()?;
        if name == "INBOX" {
            return Err(cannot("INBOX always exists"));
        }
        let deleted = self.store().write(move |tx| mailbox::delete(tx, account, &name)).await;
        let id = deleted.map_err(|error| self.refused(&error))?;
        self.changed(id);
        // Its messages go in steps, which nobody needs to wait for; what a crash leaves, the next start finishes.
        let store = self.store().clone();
        tokio::spawn(async move { while let Ok(true) = store.write(|tx| mailbox::delete_step(tx)).await {} });
        Ok(Done::ok("DELETE completed"))
    }

    pub(super) async fn rename(&mut self, from: String, to: String) -> Outcome {
        let account = self.account_id()?;
        let to = to.strip_suffix('/').map_or(to.clone(), str::to_owned);
        valid(&to)?;
        if to.strip_prefix(from.as_str()).is_some_and(|rest| rest.starts_with('/')) && from != "INBOX" {
            return Err(cannot("A mailbox cannot be moved below itself"));
        }
        let now = self.service.control().now();
        let renamed = self
            .store()
            .write(move |tx| {
                mailbox::rename(tx, account, &from, &to, now)?;
                Ok(mailbox::get(tx, account, "INBOX")?.filter(|_| from == "INBOX").map(|inbox| inbox.id))
            })
            .await;
        if let Some(inbox) = renamed.map_err(|error| self.refused(&error))? {
            self.changed(inbox);
        }
        Ok(Done::ok("RENAME completed"))
    }

    pub(super) async fn subscribe(&mut self, name: String, on: bool) -> Outcome {
        let account = self.account_id()?;
        match self.store().write(move |tx| mailbox::subscribe(tx, account, &name, on)).await {
            // A subscription to what is not there is over already.
            Err(Error::NotFound(_)) if !on => {}
            outcome => outcome.map_err(|error| self.refused(&error))?,
        }
        Ok(Done::ok(if on { "SUBSCRIBE completed" } else { "UNSUBSCRIBE completed" }))
    }

    /// Tells everybody who has the mailbox open.
    pub(super) fn changed(&mut self, id: MailboxId) {
        if let Some(view) = self.view.as_mut().filter(|view| view.id == id) {
            view.dirty = true;
        }
        if let Some(who) = &self.who {
            self.service.control().bus().publish(BusEvent::MailboxChanged { mailbox: id, account: who.account });
        }
    }
}

/// Refuses names that no client could use again.
fn valid(name: &str) -> Result<(), Done> {
    if name.is_empty() || name.split('/').any(|level| level.is_empty() || level == "." || level == "..") {
        return Err(cannot("A level of the name is empty"));
    }
    if name.contains(['*', '%']) {
        return Err(cannot("Wildcards cannot be part of a name"));
    }
    if name.split('/').any(|level| level.len() > 255) || name.split('/').count() > 32 {
        return Err(cannot("The name is too long"));
    }
    Ok(())
}

fn special(asked: &[String]) -> Result<Option<&'static str>, Done> {
    let unknown = || Done::no("No such special use").code("USEATTR");
    match asked {
        [] => Ok(None),
        [one] => {
            let word = one.trim_start_matches('\\');
            SPECIAL_USES.into_iter().find(|known| known.eq_ignore_ascii_case(word)).map(Some).ok_or_else(unknown)
        }
        _ => Err(unknown()),
    }
}
