//! Scenarios: the whole server as its own process, driven by real clients.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

mod auth;
mod clients;
mod console;
mod console_api;
mod console_story;
mod day;
mod day_outside;
mod full_disk;
mod guard_alert;
mod guard_honest;
mod guard_isolate;
mod guard_story;
mod guides;
mod import;
mod kill_loop;
mod lockout;
mod open_relay;
mod postgres;
mod readers;
mod relay;
mod round_trip;
mod rules;
mod slow_clients;
mod support;
