#![allow(clippy::unwrap_used, clippy::expect_used)]
//! The queue runner against a temporary store, a fake name service and scripted peers.

mod failing;
mod fairness;
mod local;
mod posts;
mod relaying;
mod rig;
mod stopping;
