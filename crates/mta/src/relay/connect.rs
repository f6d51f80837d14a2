//! Reaching a host of a destination, in the order of its plan.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use sekisho_net::resolver::DnsError;
use sekisho_net::{Drive, End, Reason, drive};
use sekisho_proto::sasl::Password;
use sekisho_proto::smtp::client::{self, ClientSession, Failure, Login};
use tokio::net::TcpStream;

use super::carrier::Carrier;
use super::outcome::{Attempt, Peer, Stage};
use super::plan::{self, Host, Plan};
use super::route::TlsMode;
use super::transfer::one_line;
use crate::schedule::{Context, Destination, Job, Seat};

/// Connects to the destination, beginning with `job`, and carries what there is to carry. Whatever happens, the job and
/// those that the trouble concerns are reported.
pub(crate) async fn serve(ctx: &Arc<Context>, destination: &Arc<Destination>, job: Job, seat: Seat) {
    let settings = &ctx.settings.relay;
    let hosts = match plan::plan(&destination.way, &ctx.resolver, &settings.own, settings.port).await {
        Plan::Hosts(hosts) => hosts,
        Plan::Verdict(attempt) => return verdict(destination, job, &attempt),
    };
    let nobody = Peer { host: String::new(), ip: [0, 0, 0, 0].into(), port: 0, tls: None };
    let mut carrier = Carrier::new(Arc::clone(ctx), Arc::clone(destination), job, seat, nobody);
    let mut tour = Tour { ctx, destination, tried: 0, trouble: None, temporary: false };
    for host in &hosts {
        if tour.host(host, &mut carrier).await {
            return;
        }
    }
    let Some(job) = carrier.first.take() else { return };
    tour.give_up(job);
}

/// One round over the hosts of a destination.
struct Tour<'a> {
    ctx: &'a Arc<Context>,
    destination: &'a Arc<Destination>,
    tried: usize,
    /// The last thing that went wrong.
    trouble: Option<Attempt>,
    /// Something went wrong that may be right later.
    temporary: bool,
}

impl Tour<'_> {
    /// Tries the addresses of one host. Whether one was ready and the work is over.
    async fn host(&mut self, host: &Host, carrier: &mut Carrier) -> bool {
        let settings = &self.ctx.settings.relay;
        let mut addresses: Vec<SocketAddr> = match self.addresses(&host.name).await {
            Ok(found) => found.into_iter().map(|ip| SocketAddr::new(ip, host.port)).collect(),
            Err(DnsError::Temporary(why)) => {
                tracing::debug!(host = host.name, why, "no address");
                let text = format!("the name service did not answer for {}", host.name);
                self.note(Attempt::deferred("4.4.3", text), true);
                return false;
            }
            Err(DnsError::NoDomain | DnsError::NoData) => {
                self.note(Attempt::failed("5.4.4", format!("{} has no address", host.name)), false);
                return false;
            }
        };
        self.ctx.reach.order(&mut addresses, self.ctx.clock.now());
        for address in addresses {
            if self.is_ourselves(address) {
                self.note(plan::looped(&host.name), false);
                continue;
            }
            if self.tried >= settings.addresses {
                return false;
            }
            self.tried += 1;
            if self.address(host, address, carrier).await {
                return true;
            }
        }
        false
    }

    /// The addresses of a host; a static route may name one itself.
    async fn addresses(&self, host: &str) -> Result<Vec<IpAddr>, DnsError> {
        match host.parse() {
            Ok(address) if self.destination.way.route().is_some() => Ok(vec![address]),
            _ => self.ctx.resolver.addresses(host).await,
        }
    }

    /// Tries one address, once more in the clear when TLS fails and need not be.
    async fn address(&mut self, host: &Host, address: SocketAddr, carrier: &mut Carrier) -> bool {
        let reach = &self.ctx.reach;
        let mut tls = self.destination.way.tls();
        if tls == TlsMode::Opportunistic && reach.is_plain(address, self.ctx.clock.now()) {
            tls = TlsMode::Off;
        }
        loop {
            carrier.restart(Peer { host: host.name.clone(), ip: address.ip(), port: address.port(), tls: None });
            let stream = match self.connect(address).await {
                Ok(stream) => stream,
                Err(why) => {
                    reach.unreachable(address, self.ctx.clock.now());
                    self.note(at(Attempt::deferred("4.4.1", format!("cannot connect: {why}")), carrier), true);
                    return false;
                }
            };
            reach.reachable(address);
            let end = self.talk(stream, host, address, tls, carrier).await;
            if carrier.greeted() {
                carrier.lost(&format!("the connection ended: {}", end.reason));
                return true;
            }
            if let (Reason::TlsFailed(why), TlsMode::Opportunistic) = (&end.reason, tls) {
                tracing::info!(host = host.name, %address, why, "TLS failed; going on in the clear");
                reach.tls_failed(address, self.ctx.clock.now());
                tls = TlsMode::Off;
                continue;
            }
            self.note(at(refusal(&end, carrier.failure()), carrier), true);
            return false;
        }
    }

    async fn connect(&self, address: SocketAddr) -> Result<TcpStream, String> {
        let limit = self.ctx.settings.relay.connect;
        match self.ctx.clock.timeout(limit, TcpStream::connect(address)).await {
            Some(Ok(stream)) => {
                // Replies and commands are short and must not wait for each other.
                let _ = stream.set_nodelay(true);
                Ok(stream)
            }
            Some(Err(error)) => Err(error.kind().to_string()),
            None => Err("timeout".to_owned()),
        }
    }

    async fn talk(
        &self,
        stream: TcpStream,
        host: &Host,
        address: SocketAddr,
        tls: TlsMode,
        carrier: &mut Carrier,
    ) -> End {
        let now = self.ctx.clock.now();
        let implicit = tls == TlsMode::Implicit;
        let session = ClientSession::new(self.session(address, tls), implicit, now);
        let how = Drive::new(self.ctx.clock.clone()).cancel(self.ctx.abort.clone());
        let how = match tls {
            TlsMode::Opportunistic => how.client_tls(self.ctx.tls.opportunistic.clone(), &host.name),
            TlsMode::Off => how,
            TlsMode::Required | TlsMode::Implicit => match &self.ctx.tls.verified {
                Some(verified) => how.client_tls(verified.clone(), &host.name),
                None => how,
            },
        };
        let how = if implicit { how.implicit_tls() } else { how };
        drive(stream, session, carrier, how).await
    }

    fn session(&self, address: SocketAddr, tls: TlsMode) -> client::Settings {
        let mut settings = client::Settings::new(self.ctx.settings.relay.hostname.as_str());
        settings.tls = match tls {
            TlsMode::Opportunistic => client::Tls::Opportunistic,
            TlsMode::Required | TlsMode::Implicit => client::Tls::Required,
            TlsMode::Off => client::Tls::Never,
        };
        let credential = self.destination.way.route().and_then(|route| route.credential.as_ref());
        settings.login = credential.map(|credential| Login {
            user: credential.user.clone(),
            password: Password::new(credential.password.as_str()),
            without_tls: address.ip().is_loopback(),
        });
        settings
    }

    /// Whether the address is this server's own, where it takes mail itself. A static route is the operator's word.
    fn is_ourselves(&self, address: SocketAddr) -> bool {
        let settings = &self.ctx.settings.relay;
        let ip = address.ip();
        self.destination.way.route().is_none()
            && settings.listening.contains(&address.port())
            && (ip.is_loopback() || ip.is_unspecified() || settings.own.is_address(ip))
    }

    fn note(&mut self, trouble: Attempt, temporary: bool) {
        // What may be right later says more than what cannot be, such as a host without an address beside one that is down.
        if temporary || !self.temporary {
            self.trouble = Some(trouble);
        }
        self.temporary |= temporary;
    }

    /// No host was ready.
    fn give_up(self, job: Job) {
        let trouble = self.trouble.unwrap_or_else(|| Attempt::failed("5.4.4", "there is no host to send to"));
        if !self.temporary {
            return verdict(self.destination, job, &trouble);
        }
        job.tried(&trouble);
        if let Some((waiting, trouble)) = self.destination.unreachable(self.ctx.clock.now(), &trouble) {
            for job in waiting {
                job.resting(&trouble);
            }
        }
    }
}

/// All that waits for the destination gets this.
fn verdict(destination: &Destination, job: Job, attempt: &Attempt) {
    job.tried(attempt);
    for job in destination.withdraw(false) {
        job.tried(attempt);
    }
}

fn at(attempt: Attempt, carrier: &Carrier) -> Attempt {
    attempt.at(Some(Arc::clone(&carrier.peer)))
}

/// What a host that was never ready means. A refusal at the greeting is about the connection and not about the
/// message, so it is never final (RFC 5321 §3.1 leaves the choice).
fn refusal(end: &End, failure: Option<&Failure>) -> Attempt {
    match failure {
        Some(Failure::Refused(stage, response)) => {
            let code = response.code;
            let mut attempt = Attempt::reply(Stage::Connect, code, None, one_line(&response.text));
            attempt.status = if code == 421 { "4.3.2" } else { "4.4.0" }.to_owned();
            attempt.fate = super::Fate::Deferred;
            attempt.text = format!("refused at {}: {}", stage.name(), attempt.text);
            attempt
        }
        Some(other) => {
            let response = other.response();
            let status = response.enhanced.map_or_else(|| "4.4.0".to_owned(), |enhanced| enhanced.to_string());
            Attempt::deferred(&status, response.text.into_owned())
        }
        None => Attempt::deferred("4.4.2", format!("the connection ended: {}", end.reason)),
    }
}
