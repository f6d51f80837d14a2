//! The console, request by request: who gets where, what is shown, what is done.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod acts;
mod api;
mod drill;
mod entry;
mod matrix;
mod pages;
mod world;
