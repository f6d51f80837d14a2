//! A name server for tests: over UDP and TCP on one loopback port, with the zone that a
//! test gives it and the failures that a test wants.
//!
//! Faking the world at the wire keeps every line of the real resolver in the test.

mod zone;

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Ipv6Addr, Shutdown, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

use hickory_proto::op::Message;
use hickory_proto::rr::rdata::{A, AAAA, CNAME, MX, PTR, TXT};
use hickory_proto::rr::{Name, RData, RecordType};

use self::zone::{Answer, Fault, Zone};

/// A running name server. It answers for every name; what nobody added does not exist.
#[derive(Debug)]
pub struct FakeDns {
    address: SocketAddr,
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Shared {
    zone: Mutex<Zone>,
    asked: Mutex<Vec<Question>>,
    /// Of the connections that are open, by number.
    connections: Mutex<HashMap<usize, TcpStream>>,
    over: AtomicBool,
}

/// A question that the server was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// The name, in lower case, without the dot at its end.
    pub name: String,
    /// `MX`, `A`, …
    pub kind: String,
    /// It came over TCP.
    pub tcp: bool,
}

impl FakeDns {
    /// Starts one with an empty zone.
    ///
    /// # Errors
    /// When loopback sockets cannot be had.
    pub fn start() -> io::Result<Self> {
        let (udp, tcp) = same_port()?;
        let address = udp.local_addr()?;
        let shared = Arc::new(Shared::default());
        let (for_udp, for_tcp) = (Arc::clone(&shared), Arc::clone(&shared));
        let threads = vec![
            thread::Builder::new().name("fake-dns-udp".into()).spawn(move || serve_udp(&udp, &for_udp))?,
            thread::Builder::new().name("fake-dns-tcp".into()).spawn(move || serve_tcp(&tcp, &for_tcp))?,
        ];
        Ok(Self { address, shared, threads })
    }

    /// Where it listens, over UDP and TCP.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The value of a `resolver` setting that asks this server: `127.0.0.1:port`.
    #[must_use]
    pub fn setting(&self) -> String {
        self.address.to_string()
    }

    /// Adds an MX record. The host `.` makes it a null MX.
    pub fn mx(&self, name: &str, preference: u16, host: &str) -> &Self {
        self.add(name, RData::MX(MX::new(preference, parse(host))))
    }

    /// Adds an IPv4 address.
    pub fn a(&self, name: &str, address: Ipv4Addr) -> &Self {
        self.add(name, RData::A(A(address)))
    }

    /// Adds an IPv6 address.
    pub fn aaaa(&self, name: &str, address: Ipv6Addr) -> &Self {
        self.add(name, RData::AAAA(AAAA(address)))
    }

    /// Adds a TXT record, split into strings of 255 bytes where it is longer.
    pub fn txt(&self, name: &str, text: &str) -> &Self {
        self.add(name, RData::TXT(TXT::from_bytes(text.as_bytes().chunks(255).collect())))
    }

    /// Makes `name` an alias.
    pub fn cname(&self, name: &str, target: &str) -> &Self {
        self.add(name, RData::CNAME(CNAME(parse(target))))
    }

    /// Gives an address a name.
    pub fn ptr(&self, address: impl Into<std::net::IpAddr>, host: &str) -> &Self {
        self.zone().add(Name::from(address.into()), RData::PTR(PTR(parse(host))));
        self
    }

    /// Adds any record.
    pub fn add(&self, name: &str, data: RData) -> &Self {
        self.zone().add(parse(name), data);
        self
    }

    /// Lets `name` exist without any record.
    pub fn empty(&self, name: &str) -> &Self {
        self.zone().exists(parse(name));
        self
    }

    /// Forgets all records and failures of `name`: it does not exist then.
    pub fn nxdomain(&self, name: &str) -> &Self {
        self.zone().forget(&parse(name));
        self
    }

    /// All questions about `name` fail with SERVFAIL, until [`nxdomain`](Self::nxdomain) forgets that.
    pub fn servfail(&self, name: &str) -> &Self {
        self.fault(name, Fault::ServFail)
    }

    /// Questions for one type of record of `name`, such as `AAAA`, fail with SERVFAIL.
    pub fn servfail_for(&self, name: &str, kind: &str) -> &Self {
        let kind: RecordType = kind.parse().unwrap_or_else(|error| panic!("{kind} is no type of record: {error}"));
        self.zone().fail(parse(name), Some(kind), Fault::ServFail);
        self
    }

    /// All questions about `name` are REFUSED.
    pub fn refused(&self, name: &str) -> &Self {
        self.fault(name, Fault::Refused)
    }

    /// Questions about `name` get no answer.
    pub fn timeout(&self, name: &str) -> &Self {
        self.fault(name, Fault::Silence)
    }

    /// Answers about `name` over UDP say that they are truncated, and are empty.
    pub fn truncate(&self, name: &str) -> &Self {
        self.fault(name, Fault::Truncated)
    }

    /// Answers from now on may be cached for so many seconds, negative ones too. 0 at the start, so that
    /// changes are seen at once.
    pub fn ttl(&self, seconds: u32) -> &Self {
        self.zone().ttl = seconds;
        self
    }

    /// What was asked so far, in order.
    #[must_use]
    pub fn asked(&self) -> Vec<Question> {
        lock(&self.shared.asked).clone()
    }

    /// How often `name` was asked for records of `kind`.
    #[must_use]
    pub fn asked_for(&self, name: &str, kind: &str) -> usize {
        lock(&self.shared.asked).iter().filter(|q| q.name.eq_ignore_ascii_case(name) && q.kind == kind).count()
    }

    fn fault(&self, name: &str, fault: Fault) -> &Self {
        self.zone().fail(parse(name), None, fault);
        self
    }

    fn zone(&self) -> MutexGuard<'_, Zone> {
        lock(&self.shared.zone)
    }
}

impl Drop for FakeDns {
    fn drop(&mut self) {
        self.shared.over.store(true, Ordering::SeqCst);
        // Both threads sleep in the kernel; a packet and a connection wake them.
        if let Ok(socket) = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)) {
            let _ = socket.send_to(&[], self.address);
        }
        let _ = TcpStream::connect(self.address);
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
        for (_, connection) in lock(&self.shared.connections).drain() {
            let _ = connection.shutdown(Shutdown::Both);
        }
    }
}

/// UDP and TCP sockets with the same port, which the kernel chose.
fn same_port() -> io::Result<(UdpSocket, TcpListener)> {
    let mut attempts = 0;
    loop {
        let udp = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
        match TcpListener::bind(udp.local_addr()?) {
            Ok(tcp) => return Ok((udp, tcp)),
            // Somebody else has this port over TCP.
            Err(error) if error.kind() == io::ErrorKind::AddrInUse && attempts < 100 => attempts += 1,
            Err(error) => return Err(error),
        }
    }
}

fn serve_udp(socket: &UdpSocket, shared: &Shared) {
    let mut buffer = [0; 4096];
    while let Ok((count, peer)) = socket.recv_from(&mut buffer) {
        if shared.over.load(Ordering::SeqCst) {
            return;
        }
        if let Some(answer) = respond(&buffer[..count], shared, false) {
            let _ = socket.send_to(&answer, peer);
        }
    }
}

fn serve_tcp(listener: &TcpListener, shared: &Arc<Shared>) {
    for (number, connection) in listener.incoming().map_while(Result::ok).enumerate() {
        if shared.over.load(Ordering::SeqCst) {
            return;
        }
        if let Ok(clone) = connection.try_clone() {
            lock(&shared.connections).insert(number, clone);
        }
        let shared = Arc::clone(shared);
        thread::spawn(move || {
            serve_connection(connection, &shared);
            lock(&shared.connections).remove(&number);
        });
    }
}

/// Messages with their length before them (RFC 1035 §4.2.2), until the client has enough.
fn serve_connection(mut connection: TcpStream, shared: &Shared) {
    let mut length = [0; 2];
    while connection.read_exact(&mut length).is_ok() {
        let mut query = vec![0; usize::from(u16::from_be_bytes(length))];
        if connection.read_exact(&mut query).is_err() {
            return;
        }
        let Some(answer) = respond(&query, shared, true) else { continue };
        let length = u16::try_from(answer.len()).unwrap_or(u16::MAX).to_be_bytes();
        if connection.write_all(&[&length, &answer[..]].concat()).is_err() {
            return;
        }
    }
}

/// `None`: this question gets no answer.
fn respond(query: &[u8], shared: &Shared, tcp: bool) -> Option<Vec<u8>> {
    let query = Message::from_vec(query).ok()?;
    let question = query.queries.first()?;
    lock(&shared.asked).push(Question {
        name: question.name().to_lowercase().to_ascii().trim_end_matches('.').to_owned(),
        kind: question.query_type().to_string(),
        tcp,
    });
    let answer = lock(&shared.zone).answer(question, tcp);
    let mut response = Message::response(query.metadata.id, query.metadata.op_code);
    response.metadata.recursion_desired = query.metadata.recursion_desired;
    response.metadata.recursion_available = true;
    response.add_query(question.clone());
    if query.edns.is_some() {
        response.edns = Some(hickory_proto::op::Edns::new());
    }
    match answer {
        Answer::Nothing => return None,
        Answer::Truncated => response.metadata.truncation = true,
        Answer::Records { code, answers, authorities } => {
            response.metadata.response_code = code;
            response.answers = answers;
            response.authorities = authorities;
        }
    }
    let bytes = response.to_vec().ok()?;
    if !tcp && bytes.len() > usize::from(query.max_payload()) {
        return response.truncate().to_vec().ok();
    }
    Some(bytes)
}

fn parse(name: &str) -> Name {
    let parsed = Name::from_utf8(name).map(|mut name| {
        name.set_fqdn(true);
        name
    });
    parsed.unwrap_or_else(|error| panic!("{name} is not a domain name: {error}"))
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
