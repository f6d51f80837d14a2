//! ESEARCH: search in mailboxes that are not open (RFC 7377).

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use sekisho_proto::imap::Done;
use sekisho_proto::imap::multisearch::{MultiSearch, Source};
use sekisho_store::mailbox::{self, Mailbox};
use sekisho_store::{AccountId, MailboxId, Result, Tx};

use super::agent::{ImapAgent, Outcome};
use super::search::{Elsewhere, Found, save};
use super::uids::Uids;
use super::view::{Keywords, Recent, View};

impl ImapAgent {
    pub(super) async fn multi_search(&mut self, tag: &str, search: MultiSearch) -> Outcome {
        let account = self.account_id()?;
        let with_mod_seq = search.key.has_mod_seq();
        self.enabled.condstore |= with_mod_seq;
        let open = self.view.as_ref().map(|view| view.id);
        if open.is_none() && search.sources.contains(&Source::Selected) {
            return Err(Done::bad("Select a mailbox first"));
        }
        let sources = search.sources;
        let read = self.store().read(move |tx| places(tx, account, &sources, open));
        let places = read.await.map_err(|error| self.refused(&error))?;
        let mut data = Vec::new();
        for place in places {
            let id = place.id;
            let hits = if open == Some(id) {
                self.find_or_forget(&search.key, search.returns.save).await?
            } else {
                let read = self.store().read(move |tx| peek(tx, id)).await;
                // A mailbox that was deleted meanwhile is not searched.
                match read.map_err(|error| self.refused(&error))? {
                    Some(view) => self.find(&search.key, Some(&view)).await?,
                    None => continue,
                }
            };
            if search.returns.save {
                save(self.open_view()?, &hits, search.returns);
            }
            // Nothing is said about mailboxes in which nothing was found (RFC 7377 §2.1).
            if !hits.is_empty() {
                let found = Found { hits: &hits, uid: true, with_mod_seq };
                let elsewhere = Elsewhere { name: &place.name, uid_validity: place.uidvalidity };
                found.answer(&mut data, tag, search.returns, Some(elsewhere));
            }
        }
        Ok(Done::ok("ESEARCH completed").data(data))
    }
}

/// The mailboxes that are meant, each once; names of mailboxes that do not exist mean none.
fn places(tx: &mut dyn Tx, account: AccountId, sources: &[Source], open: Option<MailboxId>) -> Result<Vec<Mailbox>> {
    let mut all = mailbox::list(tx, account)?;
    let mut wanted = BTreeSet::new();
    for source in sources {
        let within = |mailbox: &Mailbox| match source {
            Source::Selected => Some(mailbox.id) == open,
            Source::Inboxes => mailbox.name == "INBOX",
            Source::Personal => true,
            Source::Subscribed => mailbox.subscribed,
            Source::Mailboxes(names) => names.contains(&mailbox.name),
            Source::Subtree(tops) => tops.iter().any(|top| below(top, &mailbox.name).is_some()),
            Source::SubtreeOne(tops) => {
                tops.iter().any(|top| below(top, &mailbox.name).is_some_and(|rest| !rest.contains('/')))
            }
        };
        wanted.extend(all.iter().filter(|mailbox| within(mailbox)).map(|mailbox| mailbox.id));
    }
    // Subscribing to a name does not make a mailbox of it.
    all.retain(|mailbox| wanted.contains(&mailbox.id));
    Ok(all)
}

/// What of `name` comes below `top`; nothing for `top` itself.
fn below<'a>(top: &str, name: &'a str) -> Option<&'a str> {
    let rest = name.strip_prefix(top)?;
    if rest.is_empty() { Some(rest) } else { rest.strip_prefix('/') }
}

/// A view of a mailbox that nobody opens.
fn peek(tx: &mut dyn Tx, id: MailboxId) -> Result<Option<View>> {
    let Some(mailbox) = mailbox::status(tx, id)? else { return Ok(None) };
    let mut recent = Recent::default();
    recent.add(mailbox.first_recent, mailbox.uidnext.saturating_sub(1));
    Ok(Some(View {
        id,
        read_only: true,
        uids: Uids::of_ranges(mailbox::uids(tx, &mailbox)?),
        gone: Vec::new(),
        mod_seq: mailbox.modseq,
        told: HashMap::new(),
        recent,
        keywords: Arc::new(Keywords(mailbox::keywords(tx, id)?)),
        saved: Vec::new(),
        dirty: false,
    }))
}
