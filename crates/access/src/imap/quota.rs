//! GETQUOTA, GETQUOTAROOT and SETQUOTA (RFC 9208): one root for each account, with octets in units of 1,024 and messages.
//!
//! A client's own root is the empty name; that of somebody else, whose mailbox it shares or whose account it
//! administers, is the address.

use sekisho_control::command::AccountCommand;
use sekisho_control::{Actor, Command};
use sekisho_proto::imap::{Done, print};
use sekisho_store::account::{self, Account, Role, Usage};
use sekisho_store::acl::Rights;
use sekisho_store::{AccountId, Result, Tx};

use super::agent::{ImapAgent, Outcome};
use super::names::owner_of;
use super::refusal::{no_permission, nonexistent};

/// Octets in one unit of STORAGE (RFC 9208 §5.1).
const UNIT: u64 = 1024;

impl ImapAgent {
    pub(super) async fn get_quota(&mut self, root: &str) -> Outcome {
        let (owner, _) = self.root(root).await?;
        let mut data = Vec::new();
        // An account without a limit has no root.
        if !quota_line(&mut data, root, self.usage(owner.id).await?) {
            return Err(no_root());
        }
        Ok(Done::ok("GETQUOTA completed").data(data))
    }

    pub(super) async fn get_quota_root(&mut self, name: String) -> Outcome {
        let account = self.account_id()?;
        let found = self.found(&name, Rights::READ, nonexistent).await?;
        let owner = found.mailbox.account;
        let root = if owner == account {
            String::new()
        } else {
            let read = self.store().read(move |tx| Ok(account::by_id(tx, owner)?.map(|account| account.address)));
            read.await.map_err(|error| self.refused(&error))?.unwrap_or_default()
        };
        let mut quota = Vec::new();
        let limited = quota_line(&mut quota, &root, self.usage(owner).await?);
        let mut data = b"* QUOTAROOT ".to_vec();
        self.enabled.name(&mut data, &name);
        if limited {
            data.push(b' ');
            print::astring(&mut data, root.as_bytes());
        }
        data.extend_from_slice(b"\r\n");
        data.extend_from_slice(&quota);
        Ok(Done::ok("GETQUOTAROOT completed").data(data))
    }

    /// Limits that are not named are lifted (RFC 9208 §4.1.4). Only who administers an account may set them.
    pub(super) async fn set_quota(&mut self, root: String, limits: &[(String, u64)]) -> Outcome {
        let (owner, may_set) = self.root(&root).await?;
        if !may_set {
            return Err(no_permission());
        }
        let (mut quota, mut messages) = (None, None);
        for (resource, limit) in limits {
            match resource.as_str() {
                "STORAGE" => quota = Some(limit.saturating_mul(UNIT)),
                "MESSAGE" => messages = Some(*limit),
                _ => return Err(Done::no("There is no such resource").code("CANNOT")),
            }
        }
        let actor =
            Actor::Imap { account: self.account().unwrap_or_default().to_owned(), network: self.client.clone() };
        let address = owner.address.clone();
        for act in [
            AccountCommand::Quota { address: address.clone(), quota },
            AccountCommand::MessageQuota { address: address.clone(), messages },
        ] {
            let control = self.service.control().clone();
            if control.run(Command::Account(act), &actor).await.is_err() {
                return Err(Done::no("The limits could not be set").code("UNAVAILABLE"));
            }
        }
        let mut data = Vec::new();
        quota_line(&mut data, &root, self.usage(owner.id).await?);
        Ok(Done::ok("SETQUOTA completed").data(data))
    }

    /// The account of a root that the client may see, and whether it may set its limits.
    async fn root(&self, root: &str) -> std::result::Result<(Account, bool), Done> {
        let (account, root) = (self.account_id()?, root.to_owned());
        let read = self.store().read(move |tx| owner_and_role(tx, account, &root)).await;
        let Some((owner, me)) = read.map_err(|error| self.refused(&error))? else { return Err(no_root()) };
        let administers = match me.role {
            Role::SystemAdmin => true,
            Role::DomainAdmin => me.domain == owner.domain,
            Role::User => false,
        };
        if owner.id == me.id || administers { Ok((owner, administers)) } else { Err(no_root()) }
    }

    async fn usage(&self, account: AccountId) -> std::result::Result<Usage, Done> {
        self.store().read(move |tx| account::usage(tx, account)).await.map_err(|error| self.refused(&error))
    }
}

fn owner_and_role(tx: &mut dyn Tx, account: AccountId, root: &str) -> Result<Option<(Account, Account)>> {
    let owner = if root.is_empty() { Some(account) } else { owner_of(tx, root)? };
    let Some(owner) = owner else { return Ok(None) };
    Ok(account::by_id(tx, owner)?.zip(account::by_id(tx, account)?))
}

/// `* QUOTA root (STORAGE used limit MESSAGE used limit)`. `false` when there is no limit.
fn quota_line(out: &mut Vec<u8>, root: &str, usage: Usage) -> bool {
    let mut resources = Vec::new();
    if let Some(quota) = usage.quota {
        resources.push(format!("STORAGE {} {}", usage.used.div_ceil(UNIT), quota / UNIT));
    }
    if let Some(messages) = usage.message_quota {
        resources.push(format!("MESSAGE {} {messages}", usage.messages));
    }
    if resources.is_empty() {
        return false;
    }
    out.extend_from_slice(b"* QUOTA ");
    print::astring(out, root.as_bytes());
    out.extend_from_slice(format!(" ({})\r\n", resources.join(" ")).as_bytes());
    true
}

fn no_root() -> Done {
    Done::no("There is no such quota root").code("NONEXISTENT")
}
