//! The sockets of all services, bound by us or passed by systemd.

use std::collections::BTreeMap;
use std::fmt;
use std::net::TcpListener;
use std::os::fd::FromRawFd;

use sekisho_message::say;
use sekisho_net::listen;

use super::vitals::Faults;
use crate::config::Listen;
use crate::trouble::Trouble;

/// A service that clients connect to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Service {
    /// Mail from other servers.
    Smtp,
    /// Mail from users, STARTTLS.
    Submission,
    /// Mail from users over TLS.
    Submissions,
    /// POP3 with STLS.
    Pop3,
    /// POP3 over TLS.
    Pop3s,
    /// IMAP with STARTTLS.
    Imap,
    /// IMAP over TLS.
    Imaps,
    /// The web console, over TLS.
    Console,
}

impl Service {
    /// Every service.
    pub const ALL: [Self; 8] = [
        Self::Smtp,
        Self::Submission,
        Self::Submissions,
        Self::Pop3,
        Self::Pop3s,
        Self::Imap,
        Self::Imaps,
        Self::Console,
    ];

    /// Its name in the configuration, in systemd's `FileDescriptorName=` and in logs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Smtp => "smtp",
            Self::Submission => "submission",
            Self::Submissions => "submissions",
            Self::Pop3 => "pop3",
            Self::Pop3s => "pop3s",
            Self::Imap => "imap",
            Self::Imaps => "imaps",
            Self::Console => "console",
        }
    }

    fn addresses(self, listen: &Listen) -> &[std::net::SocketAddr] {
        match self {
            Self::Smtp => &listen.smtp,
            Self::Submission => &listen.submission,
            Self::Submissions => &listen.submissions,
            Self::Pop3 => &listen.pop3,
            Self::Pop3s => &listen.pop3s,
            Self::Imap => &listen.imap,
            Self::Imaps => &listen.imaps,
            Self::Console => &listen.console,
        }
    }
}

impl fmt::Display for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Bound sockets by service.
#[derive(Debug, Default)]
pub struct Bound(BTreeMap<Service, Vec<TcpListener>>, Faults);

impl Bound {
    /// The ports of a service.
    #[must_use]
    pub fn ports(&self, service: Service) -> Vec<u16> {
        let sockets = self.0.get(&service).map_or(&[][..], Vec::as_slice);
        sockets.iter().filter_map(|socket| socket.local_addr().ok()).map(|address| address.port()).collect()
    }

    /// Where the server that uses these sockets counts the errors that it reports.
    #[must_use]
    pub fn counting(mut self, faults: Faults) -> Self {
        self.1 = faults;
        self
    }

    pub(super) fn faults(&self) -> Faults {
        self.1.clone()
    }

    /// Whether there is no socket at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.values().all(Vec::is_empty)
    }

    pub(super) fn into_sockets(self) -> impl Iterator<Item = (Service, TcpListener)> {
        self.0.into_iter().flat_map(|(service, sockets)| sockets.into_iter().map(move |socket| (service, socket)))
    }
}

/// Binds what `listen` says. A service for which systemd passed sockets uses those instead.
///
/// # Errors
/// The first address that cannot be bound.
pub fn bind(listen: &Listen) -> Result<Bound, Trouble> {
    let mut bound = passed()?;
    for service in Service::ALL {
        if bound.0.contains_key(&service) {
            continue;
        }
        let sockets = service.addresses(listen).iter().map(|address| {
            listen::bind(&address.to_string()).map_err(|error| {
                let (ja, en) = (error.0.ja, error.0.en);
                Trouble::could_not(say!(ja: "{service}: {ja}", en: "{service}: {en}"))
            })
        });
        bound.0.insert(service, sockets.collect::<Result<_, _>>()?);
    }
    Ok(bound)
}

/// The sockets that systemd passed, by their `FileDescriptorName=` (sd_listen_fds_with_names(3)).
fn passed() -> Result<Bound, Trouble> {
    let mut bound = Bound::default();
    let passed = sd_notify::listen_fds_with_names().map_err(Trouble::from_io)?;
    for (fd, name) in passed {
        let Some(service) = Service::ALL.into_iter().find(|service| service.as_str() == name) else {
            return Err(Trouble::could_not(say!(
                ja: "systemd から渡されたソケットの名前「{name}」が分かりません（FileDescriptorName= は smtp、imaps など）。",
                en: "systemd passed a socket named “{name}”, which is no service (FileDescriptorName= must be smtp, imaps, …)."
            )));
        };
        // SAFETY: systemd opened this descriptor for this process (LISTEN_PID was compared) and nobody else owns it;
        // it is taken exactly once, before anything else runs.
        #[allow(unsafe_code)]
        let socket = unsafe { TcpListener::from_raw_fd(fd) };
        bound.0.entry(service).or_default().push(socket);
    }
    Ok(bound)
}
