//! GETQUOTA and GETQUOTAROOT (RFC 9208): one root for the whole account, counted in units of 1,024 octets.

use sekisho_proto::imap::{Done, print};
use sekisho_store::account::{self, Usage};
use sekisho_store::mailbox;

use super::agent::{ImapAgent, Outcome};

impl ImapAgent {
    pub(super) async fn get_quota(&mut self, root: &str) -> Outcome {
        let mut data = Vec::new();
        // An account without a limit has no root.
        if !root.is_empty() || !quota_line(&mut data, self.usage().await?) {
            return Err(Done::no("There is no such quota root").code("NONEXISTENT"));
        }
        Ok(Done::ok("GETQUOTA completed").data(data))
    }

    pub(super) async fn get_quota_root(&mut self, name: String) -> Outcome {
        let account = self.account_id()?;
        let asked = name.clone();
        let found = self.store().read(move |tx| mailbox::get(tx, account, &asked)).await;
        if found.map_err(|error| self.refused(&error))?.is_none() {
            return Err(Done::no("There is no such mailbox").code("NONEXISTENT"));
        }
        let mut quota = Vec::new();
        let limited = quota_line(&mut quota, self.usage().await?);
        let mut data = b"* QUOTAROOT ".to_vec();
        print::mailbox(&mut data, &name);
        data.extend_from_slice(if limited { b" \"\"\r\n" } else { b"\r\n" });
        data.extend_from_slice(&quota);
        Ok(Done::ok("GETQUOTAROOT completed").data(data))
    }

    async fn usage(&self) -> Result<Usage, Done> {
        let account = self.account_id()?;
        self.store().read(move |tx| account::usage(tx, account)).await.map_err(|error| self.refused(&error))
    }
}

/// `* QUOTA "" (STORAGE used limit)`. `false` when there is no limit.
fn quota_line(out: &mut Vec<u8>, usage: Usage) -> bool {
    let Some(quota) = usage.quota else { return false };
    let line = format!("* QUOTA \"\" (STORAGE {} {})\r\n", usage.used.div_ceil(1024), quota / 1024);
    out.extend_from_slice(line.as_bytes());
    true
}
