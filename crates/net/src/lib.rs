//! Everything between a pure session and the network: listeners, TLS, name
//! service, the clock, and the one driver that pumps a session over a socket.
//!
//! Knows no store and no policy.

pub mod clock;
pub mod drive;
pub mod http;
pub mod https;
pub mod listen;
pub mod proof;
pub mod resolver;
pub mod tls;

pub use clock::Clock;
pub use drive::{Agent, Drive, End, Reason, drive};
pub use tls::{ClientTls, Security, ServerTls, TlsInfo};
