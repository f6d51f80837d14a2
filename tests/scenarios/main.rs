//! Scenarios: the whole server as its own process, driven by real clients.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

mod clients;
mod full_disk;
mod guard_honest;
mod guard_story;
mod kill_loop;
mod lockout;
mod open_relay;
mod postgres;
mod relay;
mod slow_clients;
mod support;
