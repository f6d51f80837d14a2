//! The one that answers questions.

use std::future::Future;
use std::pin::Pin;

use sekisho_control::{Query, Refusal};
use serde_json::Value;

/// An answer that is on its way.
pub type Looked<'a> = Pin<Box<dyn Future<Output = Result<Value, Refusal>> + Send + 'a>>;

/// Answers what can be looked at, in the shapes of `docs/json.md`. Whether the asker may see it is not its business.
pub trait Desk: Send + Sync + 'static {
    /// Answers a question.
    fn look(&self, query: Query) -> Looked<'_>;
}
