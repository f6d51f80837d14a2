//! Countries and networks of addresses, where an operator has databases of them in the MaxMind format.

use std::fmt;
use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;

use maxminddb::{PathElement, Reader};
use sekisho_message::{Text, say};

/// An ISO 3166-1 alpha-2 code in capitals.
pub type Country = [u8; 2];

/// A database, read whole into memory. Clones share it.
#[derive(Clone)]
pub struct Countries(Arc<Reader<Vec<u8>>>);

impl Countries {
    /// Reads an `.mmdb` file.
    ///
    /// # Errors
    /// What is wrong with it, for the operator.
    pub fn open(path: &Path) -> Result<Self, Text> {
        let shown = path.display();
        Reader::open_readfile(path).map(|reader| Self(Arc::new(reader))).map_err(|error| {
            say!(
                ja: "国のデータベース {shown} を使えません: {error}",
                en: "The database of countries {shown} cannot be used: {error}"
            )
        })
    }

    /// The country of an address, if the database knows one.
    #[must_use]
    pub fn of(&self, ip: IpAddr) -> Option<Country> {
        let found = self.0.lookup(ip.to_canonical()).ok()?;
        let path = [PathElement::Key("country"), PathElement::Key("iso_code")];
        let code = found.decode_path::<&str>(&path).ok()??;
        parse(code)
    }

    /// The autonomous system of an address, if this is a database of those and knows one.
    #[must_use]
    pub fn system(&self, ip: IpAddr) -> Option<u32> {
        let found = self.0.lookup(ip.to_canonical()).ok()?;
        if let Ok(Some(number)) = found.decode_path::<u32>(&[PathElement::Key("autonomous_system_number")]) {
            return Some(number);
        }
        // Some makers write `AS64496`.
        let name = found.decode_path::<&str>(&[PathElement::Key("asn")]).ok()??;
        name.trim_start_matches(['A', 'S', 'a', 's']).parse().ok()
    }
}

/// Reads a country code in any letter case.
#[must_use]
pub fn parse(text: &str) -> Option<Country> {
    match text.trim().as_bytes() {
        [a, b] if a.is_ascii_alphabetic() && b.is_ascii_alphabetic() => {
            Some([a.to_ascii_uppercase(), b.to_ascii_uppercase()])
        }
        _ => None,
    }
}

impl fmt::Debug for Countries {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Countries").field(&self.0.metadata().database_type).finish()
    }
}

#[cfg(test)]
pub(crate) mod tests;
