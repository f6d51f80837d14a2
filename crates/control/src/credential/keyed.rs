//! Tags under a random key that lives only in this process.

use aws_lc_rs::{hmac, rand};

/// A random HMAC-SHA-256 key.
pub(crate) struct Key(hmac::Key);

/// A tag: what it was made of cannot be found out without the key.
pub(crate) type Tag = [u8; 32];

impl Key {
    /// A key that nobody knows.
    ///
    /// # Errors
    /// When the system has no random bytes.
    pub(crate) fn random() -> Result<Self, crate::password::NoRandom> {
        let mut bytes = [0_u8; 32];
        rand::fill(&mut bytes).map_err(|_| crate::password::NoRandom)?;
        Ok(Self::from_bytes(&bytes))
    }

    pub(crate) fn from_bytes(bytes: &[u8]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, bytes))
    }

    /// The tag of `parts`; parts cannot run into one another.
    pub(crate) fn tag(&self, parts: &[&[u8]]) -> Tag {
        let mut context = hmac::Context::with_key(&self.0);
        for part in parts {
            context.update(&(part.len() as u64).to_be_bytes());
            context.update(part);
        }
        let mut tag = Tag::default();
        for (to, from) in tag.iter_mut().zip(context.sign().as_ref()) {
            *to = *from;
        }
        tag
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    #[test]
    fn parts_do_not_run_into_one_another_and_keys_differ() {
        let key = Key::random().unwrap();
        assert_eq!(key.tag(&[b"a", b"b"]), key.tag(&[b"a", b"b"]));
        assert_ne!(key.tag(&[b"a", b"b"]), key.tag(&[b"ab", b""]));
        assert_ne!(key.tag(&[b"a"]), Key::random().unwrap().tag(&[b"a"]));
    }
}
