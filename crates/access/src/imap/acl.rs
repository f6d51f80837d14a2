//! SETACL, DELETEACL, GETACL, LISTRIGHTS and MYRIGHTS (RFC 4314 §3).

use sekisho_proto::imap::acl::{Change, SetAcl};
use sekisho_proto::imap::{Done, print};
use sekisho_store::account;
use sekisho_store::acl::{self, Rights, Who};
use sekisho_store::{AccountId, Result, Tx};

use super::agent::{ImapAgent, Outcome};
use super::names::{Found, owner_of};
use super::refusal::{cannot, nonexistent};

/// Everybody of the owner's domain.
const ANYONE: &str = "anyone";

/// Who an entry is about, as a client names them.
enum Named {
    Owner,
    Who(Who),
    Unknown,
}

impl ImapAgent {
    pub(super) async fn set_acl(&mut self, set: SetAcl) -> Outcome {
        let found = self.found(&set.mailbox, Rights::ADMIN, nonexistent).await?;
        let Some(rights) = Rights::parse(&set.rights) else {
            return Err(Done::bad("There is no such right"));
        };
        let change = set.change;
        self.change_acl(&found, &set.identifier, "SETACL completed", move |before| match change {
            Change::Replace => rights,
            Change::Add => before | rights,
            Change::Remove => before & !rights,
        })
        .await
    }

    pub(super) async fn delete_acl(&mut self, mailbox: String, identifier: String) -> Outcome {
        let found = self.found(&mailbox, Rights::ADMIN, nonexistent).await?;
        self.change_acl(&found, &identifier, "DELETEACL completed", |_| Rights::NONE).await
    }

    pub(super) async fn get_acl(&mut self, mailbox: String) -> Outcome {
        let found = self.found(&mailbox, Rights::ADMIN, nonexistent).await?;
        let (id, owner) = (found.mailbox.id, found.mailbox.account);
        let read = self.store().read(move |tx| Ok((address_of(tx, owner)?, acl::entries(tx, id)?)));
        let (owner, entries) = read.await.map_err(|error| self.refused(&error))?;
        let mut data = b"* ACL ".to_vec();
        self.enabled.name(&mut data, &mailbox);
        data.push(b' ');
        print::astring(&mut data, owner.as_bytes());
        data.extend_from_slice(format!(" {}", shown(Rights::ALL)).as_bytes());
        for entry in entries {
            let name = entry.address.as_deref().unwrap_or(ANYONE);
            data.push(b' ');
            print::astring(&mut data, format!("{}{name}", if entry.negative { "-" } else { "" }).as_bytes());
            data.extend_from_slice(format!(" {}", shown(entry.rights)).as_bytes());
        }
        data.extend_from_slice(b"\r\n");
        Ok(Done::ok("GETACL completed").data(data))
    }

    pub(super) async fn list_rights(&mut self, mailbox: String, identifier: String) -> Outcome {
        let found = self.found(&mailbox, Rights::ADMIN, nonexistent).await?;
        let (name, owner) = (identifier.clone(), found.mailbox.account);
        let named = self.store().read(move |tx| resolved(tx, owner, &name)).await;
        let mut data = b"* LISTRIGHTS ".to_vec();
        self.enabled.name(&mut data, &mailbox);
        data.push(b' ');
        print::astring(&mut data, identifier.as_bytes());
        let text = match named.map_err(|error| self.refused(&error))? {
            (Named::Owner, _) => format!(" {}", shown(Rights::ALL)),
            (Named::Who(_), _) => {
                let each: Vec<String> = Rights::ALL.each().map(|right| right.to_string()).collect();
                format!(" \"\" {} c d", each.join(" "))
            }
            (Named::Unknown, _) => return Err(unknown()),
        };
        data.extend_from_slice(text.as_bytes());
        data.extend_from_slice(b"\r\n");
        Ok(Done::ok("LISTRIGHTS completed").data(data))
    }

    pub(super) async fn my_rights(&mut self, mailbox: String) -> Outcome {
        let found = self.found(&mailbox, Rights::NONE, nonexistent).await?;
        let mut data = b"* MYRIGHTS ".to_vec();
        self.enabled.name(&mut data, &mailbox);
        data.extend_from_slice(format!(" {}\r\n", shown(found.rights)).as_bytes());
        Ok(Done::ok("MYRIGHTS completed").data(data))
    }

    async fn change_acl(
        &mut self,
        found: &Found,
        identifier: &str,
        done: &'static str,
        change: impl Fn(Rights) -> Rights + Send + 'static,
    ) -> Outcome {
        let (id, owner, name) = (found.mailbox.id, found.mailbox.account, identifier.to_owned());
        let written = self.store().write(move |tx| {
            let (named, negative) = resolved(tx, owner, &name)?;
            if let Named::Who(who) = named {
                let before = acl::entry(tx, id, who, negative)?;
                acl::set(tx, id, who, negative, change(before))?;
            }
            Ok(named)
        });
        match written.await.map_err(|error| self.refused(&error))? {
            Named::Owner => return Err(cannot("The owner has all rights")),
            Named::Unknown => return Err(unknown()),
            Named::Who(Who::Account(account)) => self.tell_account(account),
            Named::Who(Who::Anyone) => {}
        }
        self.changed(id, owner);
        Ok(Done::ok(done))
    }
}

/// The rights as they are told, with the two of the RFC before it that older clients look for (RFC 4314 §2.1.1).
pub(super) fn shown(rights: Rights) -> String {
    let mut text = rights.to_string();
    if rights.has(Rights::CREATE) {
        text.push('c');
    }
    if rights.any(Rights::DELETE | Rights::DELETED | Rights::EXPUNGE) {
        text.push('d');
    }
    if text.is_empty() { "\"\"".to_owned() } else { text }
}

/// Who an identifier names, and whether it stands for rights that are taken away.
fn resolved(tx: &mut dyn Tx, owner: AccountId, identifier: &str) -> Result<(Named, bool)> {
    let (name, negative) = identifier.strip_prefix('-').map_or((identifier, false), |name| (name, true));
    if name.eq_ignore_ascii_case(ANYONE) {
        return Ok((Named::Who(Who::Anyone), negative));
    }
    let named = match owner_of(tx, name)? {
        Some(account) if account == owner => Named::Owner,
        Some(account) => Named::Who(Who::Account(account)),
        None => Named::Unknown,
    };
    Ok((named, negative))
}

fn address_of(tx: &mut dyn Tx, account: AccountId) -> Result<String> {
    Ok(account::by_id(tx, account)?.map(|account| account.address).unwrap_or_default())
}

fn unknown() -> Done {
    Done::no("There is no such account").code("CANNOT")
}
