//! What ties an authentication to the TLS connection below it (RFC 5056).

/// The connection as both of its ends see it, and nobody in the middle.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Channel {
    /// `tls-exporter` (RFC 9266): known where TLS is 1.3.
    pub exporter: Option<[u8; 32]>,
    /// `tls-server-end-point` (RFC 5929 §4): the hash of the server's certificate.
    pub end_point: Option<Box<[u8]>>,
    /// Whether the client showed a certificate, and it was verified.
    pub certificate: bool,
}

impl Channel {
    /// The data of a channel binding type, by its registered name.
    #[must_use]
    pub fn data(&self, name: &str) -> Option<&[u8]> {
        match name {
            "tls-exporter" => self.exporter.as_ref().map(<[u8; 32]>::as_slice),
            "tls-server-end-point" => self.end_point.as_deref(),
            _ => None,
        }
    }

    /// Whether any binding can be checked.
    #[must_use]
    pub const fn can_bind(&self) -> bool {
        self.exporter.is_some() || self.end_point.is_some()
    }
}
