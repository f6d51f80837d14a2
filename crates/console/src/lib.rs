//! The web console: one look tells whether somebody abuses the server, one button stops it.
//!
//! It knows nothing of its own. Every page is a view of the store, asked through [`Desk`]; every button is an act of
//! [`Control`](sekisho_control::Control), journalled with who did it. What each of the three tiers may see and do is said once, in
//! [`scope`], and every page and every call of the interface for programs goes through it.
//!
//! | module | what it does |
//! |---|---|
//! | [`service`] | serves connections whose TLS is done |
//! | [`routes`] | every address with who may go there; the router is made of it |
//! | [`gate`], [`session`], [`totp`] | who is asking: sessions, second factors, cross-site requests |
//! | [`scope`] | what a tier may see and do |
//! | [`act`], [`preview`] | every button: what it will do in numbers, then the act |
//! | [`pages`] | what is shown |
//! | [`api`] | the same for programs, with its OpenAPI document and the metrics |
//! | [`estimate`] | what the guard's thresholds cost the honest |
//! | [`setup`] | how mail programs find their settings |

pub mod act;
pub mod api;
pub mod chart;
pub mod csv;
pub mod desk;
pub mod estimate;
pub mod form;
pub mod gate;
pub mod live;
pub mod page;
pub mod pages;
pub mod preview;
pub mod pulse;
pub mod routes;
pub mod scope;
pub mod secret;
pub mod service;
pub mod session;
pub mod setup;
pub mod totp;
pub mod words;

pub use desk::{Desk, Looked};
pub use service::{Console, Settings};
