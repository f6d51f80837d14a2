//! Envelope senders of what is forwarded: signed here, read here.

use std::fmt;
use std::sync::Arc;

use sekisho_control::Control;
use sekisho_message::{Address, Time, srs};
use sekisho_store::account::Account;

/// Makes the tag of some octets.
type Mac = dyn Fn(&[u8]) -> u64 + Send + Sync;

/// The keyed hash that signs; the key stays where it is kept.
#[derive(Clone)]
pub struct Signer(Arc<Mac>);

impl Signer {
    /// Signs with the site's key.
    #[must_use]
    pub fn of(control: &Control) -> Self {
        let control = control.clone();
        Self(Arc::new(move |bytes| control.guard().hash(b"srs", bytes)))
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Signer")
    }
}

/// The address of ours for mail of `sender` that `account` forwards; none when it would be too long.
pub(crate) fn write(signer: &Signer, sender: &Address, account: &Account, now: Time) -> Option<Address> {
    let own = Address::parse(&account.address).ok()?;
    srs::write(sender, own.domain().ascii(), now, &*signer.0)
}

/// Whom a bounce to `address` goes back to, if it was written here not long ago.
pub(crate) fn read(signer: &Signer, address: &Address, now: Time) -> Option<Address> {
    srs::read(address, now, &*signer.0)
}
