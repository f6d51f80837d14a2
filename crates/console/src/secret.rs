//! Tokens that only their owner has, and what is kept of them.

use aws_lc_rs::{digest, rand};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// The system's random source did not answer.
#[derive(Clone, Copy, Debug)]
pub struct NoRandom;

/// 256 random bits in a printable form.
///
/// # Errors
/// When the system has no random bytes.
pub fn token() -> Result<String, NoRandom> {
    Ok(URL_SAFE_NO_PAD.encode(bytes::<32>()?))
}

/// Random bytes.
///
/// # Errors
/// When the system has none.
pub fn bytes<const N: usize>() -> Result<[u8; N], NoRandom> {
    let mut bytes = [0_u8; N];
    rand::fill(&mut bytes).map_err(|_| NoRandom)?;
    Ok(bytes)
}

/// What is kept of a token: SHA-256. A token of 256 random bits needs no slow hash.
#[must_use]
pub fn hash(token: &str) -> Vec<u8> {
    digest::digest(&digest::SHA256, token.as_bytes()).as_ref().to_vec()
}

/// A value that only whoever has `token` can tell, for one purpose.
#[must_use]
pub fn derived(token: &str, purpose: &str) -> String {
    let mut context = digest::Context::new(&digest::SHA256);
    context.update(purpose.as_bytes());
    context.update(&[0]);
    context.update(token.as_bytes());
    URL_SAFE_NO_PAD.encode(context.finish())
}

/// Compares without telling by the time where two secrets differ.
#[must_use]
pub fn same(a: &str, b: &str) -> bool {
    use subtle::ConstantTimeEq;
    a.as_bytes().ct_eq(b.as_bytes()).into()
}
