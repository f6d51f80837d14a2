//! The world outside, asked over the network: names, and our own doors as a stranger comes to them.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::{Duration, SystemTime};

use sekisho_control::outside::{Answer, Door, Mx, Outside, Silence};
use sekisho_message::proof::{Letter, Proof, Spf};
use sekisho_net::ClientTls;
use sekisho_net::resolver::{DnsError, Family, MxAnswer, Resolver};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::{TcpSocket, TcpStream};

/// How long one reply of an own listener may take.
const PATIENCE: Duration = Duration::from_secs(30);
/// Longest line of a reply.
const LONGEST: u64 = 4_096;

/// Asks through a resolver.
pub struct Network {
    resolver: Resolver,
    v4: Resolver,
    hostname: String,
}

impl Network {
    /// A network whose names come from `resolver`, of the host `hostname`.
    #[must_use]
    pub fn new(resolver: &Resolver, hostname: &str) -> Self {
        let v4 = resolver.clone().family(Family::Ipv4Only);
        Self { resolver: resolver.clone(), v4, hostname: hostname.to_owned() }
    }
}

impl Outside for Network {
    fn txt<'a>(&'a self, name: &'a str) -> Answer<'a, Result<Vec<String>, Silence>> {
        Box::pin(async move { self.resolver.txt(name).await.map_err(silence) })
    }

    fn a<'a>(&'a self, name: &'a str) -> Answer<'a, Result<Vec<Ipv4Addr>, Silence>> {
        Box::pin(async move {
            let all = self.v4.addresses(name).await.map_err(silence)?;
            Ok(all.into_iter().filter_map(|ip| if let IpAddr::V4(v4) = ip { Some(v4) } else { None }).collect())
        })
    }

    fn addresses<'a>(&'a self, host: &'a str) -> Answer<'a, Result<Vec<IpAddr>, Silence>> {
        Box::pin(async move { self.resolver.addresses(host).await.map_err(silence) })
    }

    fn ptr(&self, ip: IpAddr) -> Answer<'_, Result<Vec<String>, Silence>> {
        Box::pin(async move { self.resolver.ptr(ip).await.map_err(silence) })
    }

    fn mx<'a>(&'a self, domain: &'a str) -> Answer<'a, Result<Mx, Silence>> {
        Box::pin(async move {
            Ok(match self.resolver.mx(domain).await.map_err(silence)? {
                MxAnswer::Null => Mx::Null,
                MxAnswer::Implicit => Mx::Implicit,
                MxAnswer::Hosts(hosts) => Mx::Hosts(hosts.into_iter().map(|host| host.name).collect()),
            })
        })
    }

    fn spf<'a>(&'a self, ip: IpAddr, helo: &'a str, domain: &'a str) -> Answer<'a, Spf> {
        Box::pin(async move { self.resolver.spf(ip, helo, &format!("postmaster@{domain}"), &self.hostname).await })
    }

    fn prove(&self, letter: Letter) -> Answer<'_, Proof> {
        Box::pin(self.resolver.prove(letter, &self.hostname))
    }

    fn smtp<'a>(&'a self, door: &'a Door, commands: &'a [String]) -> Answer<'a, Result<Vec<u16>, String>> {
        Box::pin(async move {
            let address: SocketAddr =
                door.address.parse().map_err(|_| format!("{} is no address with a port", door.address))?;
            // A listener on all addresses is reached over loopback.
            let ip = match address.ip() {
                ip if !ip.is_unspecified() => ip,
                IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::LOCALHOST),
                IpAddr::V6(_) => IpAddr::V6(std::net::Ipv6Addr::LOCALHOST),
            };
            let address = SocketAddr::new(ip, address.port());
            let stream = within(as_a_stranger(address)).await.map_err(|error| error.to_string())?;
            let talk = if door.tls {
                let tls = ClientTls::opportunistic().map_err(|error| error.to_string())?;
                let secured = within(async { tls.connect(&self.hostname, stream).await.map(|(stream, _)| stream) });
                dialogue(secured.await.map_err(|error| error.to_string())?, commands).await
            } else {
                dialogue(stream, commands).await
            };
            talk.map_err(|error| error.to_string())
        })
    }
}

fn silence(error: DnsError) -> Silence {
    match error {
        DnsError::NoDomain | DnsError::NoData => Silence::Nothing,
        DnsError::Temporary(why) => Silence::Unknown(why),
    }
}

async fn dialogue(stream: impl AsyncRead + AsyncWrite + Unpin, commands: &[String]) -> std::io::Result<Vec<u16>> {
    let mut stream = BufReader::new(stream);
    let mut codes = vec![reply(&mut stream).await?];
    for command in commands {
        within(stream.get_mut().write_all(format!("{command}\r\n").as_bytes())).await?;
        match reply(&mut stream).await {
            Ok(code) => codes.push(code),
            // The server had enough: it accepts nothing more.
            Err(_) => break,
        }
    }
    Ok(codes)
}

/// A connection from an address that nobody can have given rights to: another one of loopback each time, where the system
/// lets us; else from wherever it comes.
async fn as_a_stranger(address: SocketAddr) -> std::io::Result<TcpStream> {
    if address.is_ipv4() {
        let nanos = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |time| time.subsec_nanos());
        let [_, a, b, _] = (nanos >> 2).to_be_bytes();
        let socket = TcpSocket::new_v4()?;
        if socket.bind(SocketAddr::from(([127, 66, a, b.clamp(1, 254)], 0))).is_ok()
            && let Ok(stream) = socket.connect(address).await
        {
            return Ok(stream);
        }
    }
    TcpStream::connect(address).await
}

/// The code of a whole reply.
async fn reply(stream: &mut BufReader<impl AsyncRead + Unpin>) -> std::io::Result<u16> {
    loop {
        let mut line = Vec::new();
        within(stream.take(LONGEST).read_until(b'\n', &mut line)).await?;
        if line.is_empty() {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        if line.get(3) != Some(&b'-') {
            let code = line.get(..3).and_then(|code| std::str::from_utf8(code).ok()).and_then(|code| code.parse().ok());
            return Ok(code.unwrap_or(0));
        }
    }
}

async fn within<T>(work: impl Future<Output = std::io::Result<T>>) -> std::io::Result<T> {
    tokio::time::timeout(PATIENCE, work).await.map_err(|_| std::io::Error::from(std::io::ErrorKind::TimedOut))?
}
