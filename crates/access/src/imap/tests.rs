//! Transcripts, and what they cannot say.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod codec;
mod house;
mod large;
mod model;
mod random;
mod searching;
mod size;
mod talk;
mod transcripts;
