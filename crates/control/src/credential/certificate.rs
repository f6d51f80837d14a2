//! Which account a client's certificate belongs to.

use std::collections::BTreeMap;

/// What an operator sets about certificates of clients. The authority was checked in the TLS handshake.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Certificates {
    /// What names the account where [`names`](Self::names) does not.
    pub by: NamedBy,
    /// Accounts by mail address, common name or fingerprint (64 lower-case hexadecimal digits) of a certificate.
    pub names: BTreeMap<String, String>,
}

/// The part of a certificate that names the account.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NamedBy {
    /// A mail address of its holder is that of the account.
    #[default]
    Address,
    /// The common name is the account's address, or its name where only one has it.
    CommonName,
    /// Nothing: only the list of names counts.
    List,
}

/// What a certificate says of its holder.
#[derive(Clone, Copy, Debug, Default)]
pub struct Shown<'a> {
    /// Mail addresses.
    pub addresses: &'a [String],
    /// Common names.
    pub common_names: &'a [String],
    /// SHA-256 in lower-case hexadecimal digits.
    pub fingerprint: &'a str,
}

impl Certificates {
    /// The login names that a certificate stands for.
    pub(crate) fn logins(&self, shown: &Shown<'_>) -> Vec<String> {
        let all = shown.addresses.iter().chain(shown.common_names).map(String::as_str).chain([shown.fingerprint]);
        let listed: Vec<String> = all.filter_map(|name| self.names.get(name)).cloned().collect();
        if !listed.is_empty() {
            return listed;
        }
        match self.by {
            NamedBy::Address => shown.addresses.to_vec(),
            NamedBy::CommonName => shown.common_names.to_vec(),
            NamedBy::List => Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_goes_before_the_names() {
        let (addresses, common) = (["taro@example.jp".to_owned()], ["Taro's laptop".to_owned()]);
        let shown = Shown { addresses: &addresses, common_names: &common, fingerprint: "ab" };
        let mut certificates = Certificates::default();
        assert_eq!(certificates.logins(&shown), ["taro@example.jp"]);
        certificates.by = NamedBy::CommonName;
        assert_eq!(certificates.logins(&shown), ["Taro's laptop"]);
        certificates.by = NamedBy::List;
        assert!(certificates.logins(&shown).is_empty());
        certificates.names.insert("ab".into(), "hanako@example.jp".into());
        assert_eq!(certificates.logins(&shown), ["hanako@example.jp"]);
    }
}
