//! ESEARCH: search in mailboxes that are not open (RFC 7377).

use std::collections::HashMap;
use std::sync::Arc;

use sekisho_proto::imap::Done;
use sekisho_proto::imap::multisearch::{MultiSearch, Source};
use sekisho_store::acl::Rights;
use sekisho_store::mailbox::{self, Mailbox};
use sekisho_store::{AccountId, MailboxId, Result, Tx};

use super::agent::{ImapAgent, Outcome};
use super::list::tree;
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
        for (name, place) in places {
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
                let elsewhere = Elsewhere { name: &name, uid_validity: place.uidvalidity, enabled: self.enabled };
                found.answer(&mut data, tag, search.returns, Some(elsewhere));
            }
        }
        Ok(Done::ok("ESEARCH completed").data(data))
    }
}

/// The mailboxes that are meant, each once, by their names; names of mailboxes that do not exist mean none.
fn places(
    tx: &mut dyn Tx,
    account: AccountId,
    sources: &[Source],
    open: Option<MailboxId>,
) -> Result<Vec<(String, Mailbox)>> {
    let mut places = Vec::new();
    for (name, node) in tree(tx, account)? {
        let readable = node.is_open();
        let Some(mailbox) = node.mailbox.filter(|_| readable) else { continue };
        let within = |source: &Source| match source {
            Source::Selected => Some(mailbox.id) == open,
            Source::Inboxes => name == "INBOX",
            Source::Personal => mailbox.account == account,
            Source::Subscribed => node.subscribed,
            Source::Mailboxes(names) => names.contains(&name),
            Source::Subtree(tops) => tops.iter().any(|top| below(top, &name).is_some()),
            Source::SubtreeOne(tops) => {
                tops.iter().any(|top| below(top, &name).is_some_and(|rest| !rest.contains('/')))
            }
        };
        if sources.iter().any(within) {
            places.push((name, mailbox));
        }
    }
    Ok(places)
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
        owner: mailbox.account,
        rights: Rights::READ,
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
