//! What a form of our own pages sends; what another site's form sends does not get in.

use axum::extract::{Form, FromRequest, Request};

use crate::gate::{Member, Oops};
use crate::secret;

/// The fields of a form whose token is that of the session.
#[derive(Clone, Debug, Default)]
pub struct Fields(Vec<(String, String)>);

impl Fields {
    /// A field's value, trimmed; empty when it is missing.
    #[must_use]
    pub fn get(&self, name: &str) -> &str {
        self.raw(name).trim()
    }

    /// A field's value as it was typed: for passwords and texts.
    #[must_use]
    pub fn raw(&self, name: &str) -> &str {
        self.0.iter().find(|(found, _)| found == name).map_or("", |(_, value)| value)
    }

    /// Every field.
    pub fn all(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// Fields that came without a session, such as those of the first form.
    #[must_use]
    pub const fn plain(fields: Vec<(String, String)>) -> Self {
        Self(fields)
    }
}

impl<S: Send + Sync> FromRequest<S> for Fields {
    type Rejection = Oops;

    async fn from_request(request: Request, state: &S) -> Result<Self, Oops> {
        let expected = request.extensions().get::<Member>().map(Member::csrf).ok_or(Oops::Forbidden)?;
        let Form(fields) =
            Form::<Vec<(String, String)>>::from_request(request, state).await.map_err(|_| Oops::Stale)?;
        let fields = Self(fields);
        if secret::same(fields.get("csrf"), &expected) { Ok(fields) } else { Err(Oops::Stale) }
    }
}
