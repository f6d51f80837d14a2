//! A whole server in this process, whose days pass as quickly as a test wants; the command line reaches it over its socket.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sekisho_control::Control;
use sekisho_daemon::config::Settings;
use sekisho_daemon::server::{self, Running};
use sekisho_message::Time;
use sekisho_net::Clock;
use sekisho_store::queue;
use sekisho_testkit::peer::{Received, Script, ScriptedPeer};

use super::wire::Wire;
use super::{PASSWORD, Server, Setup, until};

/// How often a site's clock follows the time that really passes.
const TICK: Duration = Duration::from_millis(5);

/// A server and the world outside: every address that is not its own is taken by one peer.
pub struct Site {
    pub server: Server,
    pub outside: ScriptedPeer,
    pub clock: Clock,
    runtime: tokio::runtime::Runtime,
    running: Option<Running>,
    over: Arc<AtomicBool>,
    ticker: Option<std::thread::JoinHandle<()>>,
}

impl Site {
    /// A server with these accounts, and more lines of configuration.
    pub fn start(accounts: &[&str], effect: Option<&str>, more: &str) -> Self {
        Self::of(Setup { accounts, effect, more, ..Setup::default() })
    }

    /// A server as it is set up, but for where its mail goes: outside.
    pub fn of(setup: Setup<'_>) -> Self {
        let outside = ScriptedPeer::start(Script::new()).unwrap();
        let routes = format!("[{{ domain = \"*\", host = \"127.0.0.1\", port = {} }}]", outside.address().port());
        let server = Server::prepare(&Setup { routes: &routes, require_tls: false, ..setup });
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let clock = Clock::stopped_at(now());
        let over = Arc::new(AtomicBool::new(false));
        let ticker = {
            let (clock, over) = (clock.clone(), Arc::clone(&over));
            // Real time passes too: what waits for a second waits for a second.
            std::thread::spawn(move || {
                let mut last = Instant::now();
                while !over.load(Ordering::Relaxed) {
                    std::thread::sleep(TICK);
                    clock.advance(last.elapsed());
                    last = Instant::now();
                }
            })
        };
        let mut site = Self { server, outside, clock, runtime, running: None, over, ticker: Some(ticker) };
        site.launch();
        site
    }

    fn launch(&mut self) {
        let settings = Settings::load(&self.server.data).unwrap();
        let clock = self.clock.clone();
        let running = self.runtime.block_on(async move {
            let bound = server::bind(&settings.config.listen)?;
            server::Server::start(settings, bound, clock).await
        });
        self.running = Some(running.unwrap_or_else(|trouble| panic!("{}", trouble.text.en)));
    }

    /// Stops the server and starts it again.
    pub fn restart(&mut self) {
        self.stop();
        self.launch();
    }

    fn stop(&mut self) {
        if let Some(running) = self.running.take() {
            self.runtime.block_on(running.stop());
        }
    }

    /// Time goes by. What is noted before is written before: the journal is searched by time.
    pub fn pass(&self, span: Duration) {
        self.control(|control| async move { control.journal().flush().await });
        self.clock.advance(span);
    }

    pub fn hours(&self, hours: u64) {
        self.pass(Duration::from_secs(hours * 3_600));
    }

    /// Recipients outside that have been reached, each once.
    pub fn reached(&self) -> BTreeSet<String> {
        self.outside.messages().into_iter().flat_map(|message| message.recipients).collect()
    }

    /// Waits, without letting time go by, until `address` has been reached.
    pub fn reaches_at_once(&self, address: &str) {
        // Less than any valve or dwell lets wait.
        until(&format!("{address} is reached at once"), Duration::from_secs(30), || self.reached().contains(address));
    }

    /// Messages outside whose text contains `words`.
    pub fn with_text(&self, words: &str) -> Vec<Received> {
        let contains = |message: &Received| String::from_utf8_lossy(&message.data).contains(words);
        self.outside.messages().into_iter().filter(contains).collect()
    }

    /// A submission session of somebody; none when the login fails.
    pub fn log_in(&self, from: &str, who: &str, password: &str) -> Option<Wire> {
        let mut wire = Wire::from(from, self.server.ports.submission).ok()?;
        if !wire.reply().starts_with("220") {
            return None;
        }
        wire.command("EHLO client.example");
        let response = STANDARD.encode(format!("\0{}\0{password}", self.server.address(who)));
        wire.command(&format!("AUTH PLAIN {response}")).starts_with("235").then_some(wire)
    }

    /// One message in a session of its own; the reply that ended it.
    pub fn send(&self, from: &str, who: &str, password: &str, letter: &Letter<'_>) -> String {
        match self.log_in(from, who, password) {
            Some(mut wire) => letter.over(&mut wire, &self.server.address(who)),
            None => "535".into(),
        }
    }

    /// Whether somebody can read over POP3 and IMAP.
    pub fn reads(&self, from: &str, who: &str, password: &str) -> bool {
        let who = self.server.address(who);
        let mut pop = Wire::from(from, self.server.ports.pop3).unwrap();
        pop.line();
        pop.send(format!("USER {who}\r\nPASS {password}\r\n").as_bytes()).unwrap();
        pop.line();
        let pop3 = pop.line().starts_with("+OK");
        let mut imap = Wire::from(from, self.server.ports.imap).unwrap();
        imap.line();
        imap.send(format!("a LOGIN {who} {password}\r\n").as_bytes()).unwrap();
        let imap4 = imap.line().starts_with("a OK");
        assert_eq!(pop3, imap4, "{who} from {from}");
        pop3
    }

    /// Everything in the inbox of somebody.
    pub fn inbox(&self, from: &str, who: &str, password: &str) -> Vec<String> {
        let mut pop = Wire::from(from, self.server.ports.pop3).unwrap();
        pop.line();
        let login = format!("USER {}\r\nPASS {password}\r\nSTAT\r\n", self.server.address(who));
        pop.send(login.as_bytes()).unwrap();
        pop.line();
        assert!(pop.line().starts_with("+OK"), "{who} from {from}");
        let stat = pop.line();
        let count: usize = stat.split(' ').nth(1).unwrap().parse().unwrap();
        (1..=count)
            .map(|n| {
                pop.send(format!("RETR {n}\r\n").as_bytes()).unwrap();
                assert!(pop.line().starts_with("+OK"));
                let lines = std::iter::repeat_with(|| pop.line()).take_while(|line| line != ".");
                lines.collect::<Vec<_>>().join("\n")
            })
            .collect()
    }

    /// Days in which somebody reads and writes as people do; also to people whom he never wrote to, who get it at once.
    pub fn ordinary_weeks(&self, who: &str, from: &str, days: u64) {
        let contacts = ["partner@known.example", "boss@known.example", "shop@known.example"];
        for day in 0..days {
            assert!(self.reads(from, who, PASSWORD), "day {day}");
            let mut wire = self.log_in(from, who, PASSWORD).unwrap();
            let usual = contacts[usize::try_from(day % 3).unwrap()];
            let to = if day % 7 == 3 { format!("new{day}@other.example") } else { usual.into() };
            let text = prose(day * 31 + 7);
            let reply = letter(&one(&to), &format!("day {day}"), &text).over(&mut wire, &self.server.address(who));
            assert!(reply.starts_with("250"), "{reply}");
            self.reaches_at_once(&to);
            // A day that is added while a session is under way would be a day of silence to it.
            self.all_goes(Duration::ZERO);
            self.hours(24);
        }
    }

    /// Recipients in the queue, wherever they stand.
    pub fn left(&self) -> u64 {
        let (moving, waiting) = self.queue();
        moving + waiting
    }

    /// Recipients that are on their way, and those that are kept back.
    fn queue(&self) -> (u64, u64) {
        let status = self.control(|control| async move { control.store().read(queue::status).await.unwrap() });
        let moving = [status.incoming, status.lists, status.domains];
        (moving.iter().map(|stage| stage.recipients).sum(), status.holding.recipients)
    }

    /// Waits until everything has left; what is kept back waits no longer than `limit` of the server's time.
    pub fn all_goes(&self, limit: Duration) {
        let begun = self.clock.now();
        until("all has gone", Duration::from_secs(60), || {
            let (moving, waiting) = self.queue();
            if moving == 0 && waiting > 0 {
                assert!(self.clock.now().since(begun) < limit, "{waiting} wait longer than {limit:?}");
                self.pass(Duration::from_secs(10));
            }
            moving + waiting == 0
        });
    }

    /// Does something with the server's own hands.
    pub fn control<F: Future>(&self, work: impl FnOnce(Control) -> F) -> F::Output {
        let control = self.running.as_ref().unwrap().control().clone();
        self.runtime.block_on(work(control))
    }

    /// Incidents, the newest first.
    pub fn incidents(&self) -> Vec<serde_json::Value> {
        let listed = self.server.cli(&["incident", "list", "--json"]);
        serde_json::from_slice(&listed.stdout).unwrap()
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        self.stop();
        self.over.store(true, Ordering::Relaxed);
        if let Some(ticker) = self.ticker.take() {
            let _ = ticker.join();
        }
    }
}

/// A letter to these.
pub fn letter<'a>(to: &'a [String], subject: &'a str, text: &'a str) -> Letter<'a> {
    Letter { to, subject, text }
}

/// One recipient.
pub fn one(address: &str) -> Vec<String> {
    vec![address.to_owned()]
}

/// What somebody sends.
pub struct Letter<'a> {
    pub to: &'a [String],
    pub subject: &'a str,
    pub text: &'a str,
}

impl Letter<'_> {
    /// Sends it over an open session; the reply that ended it.
    pub fn over(&self, wire: &mut Wire, from: &str) -> String {
        let reply = wire.command(&format!("MAIL FROM:<{from}>"));
        if !reply.starts_with("250") {
            return reply;
        }
        for to in self.to {
            let reply = wire.command(&format!("RCPT TO:<{to}>"));
            if !reply.starts_with("250") {
                wire.command("RSET");
                return reply;
            }
        }
        if !wire.command("DATA").starts_with("354") {
            return String::new();
        }
        let Self { subject, text, .. } = self;
        wire.command(&format!("From: <{from}>\r\nSubject: {subject}\r\n\r\n{text}\r\n."))
    }
}

/// A text of its own for every number, as people write them.
pub fn prose(number: u64) -> String {
    const WORDS: [&str; 24] = [
        "meeting", "harbour", "invoice", "garden", "schedule", "train", "report", "morning", "contract", "window",
        "sample", "weather", "customer", "paper", "kitchen", "number", "answer", "travel", "teacher", "market",
        "bridge", "winter", "engine", "letter",
    ];
    let mut state = number.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut words = Vec::new();
    for _ in 0..40 {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        words.push(format!("{}{}", WORDS[usize::try_from(state % 24).unwrap()], state % 7));
    }
    words.chunks(8).map(|line| line.join(" ")).collect::<Vec<_>>().join("\r\n")
}

fn now() -> Time {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    Time(i64::try_from(since.as_micros()).unwrap())
}
