//! What a peer does, command by command.

use std::collections::HashMap;
use std::time::Duration;

/// How a peer behaves. Without rules it is a good one: `peer.example` with PIPELINING,
/// SIZE, 8BITMIME, SMTPUTF8, CHUNKING, DSN, ENHANCEDSTATUSCODES, STARTTLS and AUTH, which takes everything.
#[derive(Clone, Debug)]
pub struct Script {
    pub(super) extensions: Vec<String>,
    pub(super) esmtp: bool,
    pub(super) starttls: StartTls,
    pub(super) implicit_tls: bool,
    pub(super) keep: bool,
    rules: Vec<Rule>,
    greylist: u32,
    seen: HashMap<String, u32>,
}

/// What happens instead of a good answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Act {
    /// Answers with this code and text (several lines where it has line breaks).
    Reply(u16, String),
    /// Waits, then answers well.
    Delay(Duration),
    /// Never answers; keeps the connection open until the client closes it.
    Stall,
    /// Closes the connection at once.
    Drop,
    /// Sends these bytes as they are, and goes on.
    Raw(Vec<u8>),
    /// Sends so many bytes of reply lines that all continue, then closes.
    Flood(usize),
    /// At `CONTENT`: reads so many bytes of it, then closes the connection.
    DropAfter(usize),
    /// At `CONTENT`: reads so many bytes of it, then reads no more.
    StallAfter(usize),
    /// Answers well, then closes the connection: at `EOD`, taken but perhaps never heard of.
    LastWords,
}

/// How a peer treats STARTTLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StartTls {
    /// Offers and does it.
    Works,
    /// Does not offer it.
    Missing,
    /// Offers it and answers 454.
    Refused,
    /// Offers it, answers 220, and sends rubbish instead of a handshake.
    Rubbish,
    /// Offers it, answers 220, and closes.
    Drops,
    /// Offers it, answers 220, and is silent.
    Stalls,
    /// Sends commands' answers in the same packet as the 220, as an attacker in between would.
    Injects,
}

#[derive(Clone, Debug)]
struct Rule {
    command: String,
    argument: String,
    left: Option<u32>,
    act: Act,
}

impl Script {
    /// A good peer.
    #[must_use]
    pub fn new() -> Self {
        let extensions = [
            "PIPELINING",
            "SIZE 52428800",
            "8BITMIME",
            "SMTPUTF8",
            "CHUNKING",
            "DSN",
            "ENHANCEDSTATUSCODES",
            "AUTH PLAIN LOGIN",
        ];
        Self {
            extensions: extensions.map(str::to_owned).to_vec(),
            esmtp: true,
            starttls: StartTls::Works,
            implicit_tls: false,
            keep: true,
            rules: Vec::new(),
            greylist: 0,
            seen: HashMap::new(),
        }
    }

    /// Does `act` at each `command`: `CONNECT`, `EHLO`, `HELO`, `STARTTLS`, `AUTH`, `MAIL`, `RCPT`, `DATA`,
    /// `CONTENT` (what follows the 354), `BDAT`, `EOD` (the end of the content), `RSET`, `NOOP`, `QUIT`. The rule that was added first wins.
    #[must_use]
    pub fn on(self, command: &str, act: Act) -> Self {
        self.rule(command, "", None, act)
    }

    /// Does `act` at `command` when its line contains `argument`.
    #[must_use]
    pub fn on_with(self, command: &str, argument: &str, act: Act) -> Self {
        self.rule(command, argument, None, act)
    }

    /// Does `act` the first `times` times that `command` comes, over all connections.
    #[must_use]
    pub fn first(self, times: u32, command: &str, act: Act) -> Self {
        self.rule(command, "", Some(times), act)
    }

    /// Refuses each recipient with 451 the first `times` times.
    #[must_use]
    pub fn greylist(mut self, times: u32) -> Self {
        self.greylist = times;
        self
    }

    /// Treats STARTTLS so.
    #[must_use]
    pub fn starttls(mut self, starttls: StartTls) -> Self {
        self.starttls = starttls;
        self
    }

    /// Begins with TLS.
    #[must_use]
    pub fn implicit_tls(mut self) -> Self {
        self.implicit_tls = true;
        self.starttls = StartTls::Missing;
        self
    }

    /// Offers exactly these extensions, and STARTTLS as [set](Self::starttls).
    #[must_use]
    pub fn extensions(mut self, extensions: &[&str]) -> Self {
        self.extensions = extensions.iter().map(|extension| (*extension).to_owned()).collect();
        self
    }

    /// Knows HELO only, and answers 500 to EHLO.
    #[must_use]
    pub fn without_esmtp(mut self) -> Self {
        self.esmtp = false;
        self
    }

    /// Counts messages but does not keep their content, for load.
    #[must_use]
    pub fn forgetful(mut self) -> Self {
        self.keep = false;
        self
    }

    /// What happens at a command, if not a good answer.
    pub(super) fn act(&mut self, command: &str, line: &str) -> Option<Act> {
        let fits = |rule: &&mut Rule| rule.command == command && rule.left != Some(0) && line.contains(&rule.argument);
        if let Some(rule) = self.rules.iter_mut().find(fits) {
            if let Some(left) = &mut rule.left {
                *left -= 1;
            }
            return Some(rule.act.clone());
        }
        if command == "RCPT" && self.greylist > 0 {
            let times = self.seen.entry(line.to_ascii_lowercase()).or_default();
            *times += 1;
            if *times <= self.greylist {
                return Some(Act::reply(451, "4.7.1 Greylisted, come back later"));
            }
        }
        None
    }

    fn rule(mut self, command: &str, argument: &str, left: Option<u32>, act: Act) -> Self {
        self.rules.push(Rule { command: command.to_owned(), argument: argument.to_owned(), left, act });
        self
    }
}

impl Default for Script {
    fn default() -> Self {
        Self::new()
    }
}

impl Act {
    /// [`Act::Reply`] from a text.
    #[must_use]
    pub fn reply(code: u16, text: &str) -> Self {
        Self::Reply(code, text.to_owned())
    }
}
