//! Who may send what to whom, and why: the rules and, later, the abuse engine.
//!
//! Pure and deterministic: no I/O, no clock, no randomness. Whoever acts on a
//! verdict lives elsewhere.
//!
//! - [`origin`]: who answers for a submission. An [`origin::Origin`] that may
//!   reach outside cannot be made by accident.
//! - [`relay`]: the one function that says whether a recipient may be reached.
//! - [`rules`]: `effect.dat`, `sender.dat` and the reject tables in their E-POST
//!   syntax: parsing, linting, deciding, explaining.
//! - [`step::step`]: the abuse engine. Events ([`event`]) of an origin, its [`profile`] and the [`site`] in; a
//!   [`ladder::Verdict`] out, with the [`signal`]s that explain it.
//! - [`lockout`]: who may not try passwords any more, from where, for how long, and why.
//! - [`inspect`]: the same engine over the logs of this and of other servers.
//! - [`drill`]: the same engine against seeded attackers and honest senders, on a virtual clock.

pub mod class;
pub mod drill;
pub mod event;
pub mod inspect;
pub mod ladder;
pub mod lockout;
pub mod origin;
pub mod place;
pub mod policy;
pub mod profile;
pub mod relay;
pub mod rules;
pub mod score;
pub mod signal;
pub mod site;
pub mod step;
