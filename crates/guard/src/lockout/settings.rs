//! The settings of the lockouts.

use serde::{Deserialize, Serialize};

/// All lockouts. A number of tries of 0 switches that lockout off. Unknown keys are an error; missing ones have their
/// default.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LockoutPolicy {
    /// SMTP AUTH failures of one address. Default 10 in 10 minutes, locked for 1 hour.
    pub smtp: Limit,
    /// POP3 login failures of one address. Default the same.
    pub pop3: Limit,
    /// IMAP4 login failures of one address. Default the same.
    pub imap4: Limit,
    /// Failures of one address on the console. Default the same.
    pub console: Limit,
    /// SMTP connections of one address. Default 200 in a minute, locked for 10 minutes.
    pub smtp_connections: Limit,
    /// POP3 connections of one address. Default the same.
    pub pop3_connections: Limit,
    /// IMAP4 connections of one address. Default the same.
    pub imap4_connections: Limit,
    /// Distinct wrong passwords of one account from one network. Default 8 in 10 minutes, for 30 minutes.
    pub pair: Limit,
    /// Distinct wrong passwords of one account from all networks that are not its owner's. Default 25 in a day; for 6
    /// hours only the owner's networks may then log in.
    pub account: Limit,
    /// Networks, not the owner's, from which one account was failed on: one try from each address. Default 8 in a day,
    /// for 6 hours.
    pub scattered: Limit,
    /// Accounts that one network failed on: spraying. Default 5 in an hour, for 6 hours.
    pub spraying: Limit,
    /// Unknown recipients that one address wrote to: somebody looks for addresses. Default 60 in 10 minutes, for an hour.
    pub harvest: Limit,
    /// Most keys that each counter remembers. Default 50,000.
    pub most_keys: usize,
    /// Longest delay of an answer, in milliseconds, where a lock is not allowed. Default 5,000.
    pub most_delay_millis: u32,
}

/// One lockout.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limit {
    /// From how many on it locks; 0: never.
    pub tries: u32,
    /// Within how many seconds.
    pub window_seconds: u32,
    /// For how many seconds.
    pub lock_seconds: u32,
}

impl Default for LockoutPolicy {
    fn default() -> Self {
        let limit = |tries, window_seconds, lock_seconds| Limit { tries, window_seconds, lock_seconds };
        let failures = limit(10, 600, 3_600);
        let connections = limit(200, 60, 600);
        Self {
            smtp: failures,
            pop3: failures,
            imap4: failures,
            console: failures,
            smtp_connections: connections,
            pop3_connections: connections,
            imap4_connections: connections,
            pair: limit(8, 600, 1_800),
            account: limit(25, 86_400, 21_600),
            scattered: limit(8, 86_400, 21_600),
            spraying: limit(5, 3_600, 21_600),
            harvest: limit(60, 600, 3_600),
            most_keys: 50_000,
            most_delay_millis: 5_000,
        }
    }
}
