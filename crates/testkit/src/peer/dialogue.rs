//! One connection of a peer, by its script.

use std::io;
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread;

use super::channel::Channel;
use super::script::{Act, StartTls};
use super::{Received, Shared, lock};

/// Most bytes of one BDAT.
const CHUNK: usize = 256 * 1024 * 1024;

/// Serves until either side has enough.
pub(super) fn serve(stream: TcpStream, number: usize, shared: &Arc<Shared>) -> io::Result<()> {
    let mut channel = Channel::new(stream);
    let implicit = lock(&shared.script).implicit_tls;
    if implicit {
        channel.secure(&shared.tls)?;
    }
    let mut dialogue = Dialogue {
        channel,
        shared: Arc::clone(shared),
        number,
        tls: implicit,
        helo: String::new(),
        auth: None,
        envelope: None,
        replies: Vec::new(),
    };
    if dialogue.play("CONNECT", "", "220 peer.example ESMTP")?.is_closed() {
        return Ok(());
    }
    dialogue.flush()?;
    while let Some(line) = dialogue.channel.line()? {
        let line = String::from_utf8_lossy(&line).into_owned();
        lock(&dialogue.shared.commands).push(line.clone());
        if dialogue.command(&line)?.is_closed() {
            return Ok(());
        }
        if dialogue.channel.is_drained() {
            dialogue.flush()?;
        }
    }
    Ok(())
}

struct Dialogue {
    channel: Channel,
    shared: Arc<Shared>,
    number: usize,
    tls: bool,
    helo: String,
    auth: Option<String>,
    envelope: Option<Envelope>,
    /// Not yet sent: replies to one batch go together.
    replies: Vec<u8>,
}

#[derive(Default)]
struct Envelope {
    reverse_path: String,
    parameters: String,
    recipients: Vec<String>,
    chunks: Vec<u8>,
}

/// What became of a command.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Played {
    /// It was answered well.
    Well,
    /// It was answered otherwise.
    Otherwise,
    /// The connection is to be closed.
    Closed,
}

impl Played {
    fn is_closed(self) -> bool {
        self == Self::Closed
    }
}

impl Dialogue {
    fn command(&mut self, line: &str) -> io::Result<Played> {
        let verb = line.split(' ').next().unwrap_or_default().to_ascii_uppercase();
        match verb.as_str() {
            "EHLO" | "HELO" => self.hello(&verb, line),
            "STARTTLS" => self.starttls(line),
            "AUTH" => self.auth(line),
            "MAIL" => {
                let played = self.play("MAIL", line, "250 2.1.0 Ok")?;
                if played == Played::Well {
                    let (reverse_path, parameters) = path(line);
                    self.envelope = Some(Envelope { reverse_path, parameters, ..Envelope::default() });
                }
                Ok(played)
            }
            "RCPT" => self.recipient(line),
            "DATA" => self.data(line),
            "BDAT" => self.chunk(line),
            "RSET" => {
                self.envelope = None;
                self.play("RSET", line, "250 2.0.0 Ok")
            }
            "NOOP" => self.play("NOOP", line, "250 2.0.0 Ok"),
            "QUIT" => {
                self.play("QUIT", line, "221 2.0.0 Bye")?;
                self.flush()?;
                Ok(Played::Closed)
            }
            _ => self.answer(500, "5.5.2 What?").map(|()| Played::Otherwise),
        }
    }

    fn hello(&mut self, verb: &str, line: &str) -> io::Result<Played> {
        let (esmtp, mut extensions, starttls) = {
            let script = lock(&self.shared.script);
            (script.esmtp, script.extensions.clone(), script.starttls)
        };
        if verb == "EHLO" && !esmtp {
            self.answer(500, "5.5.1 What?")?;
            return Ok(Played::Otherwise);
        }
        if starttls != StartTls::Missing && !self.tls {
            extensions.push("STARTTLS".to_owned());
        }
        let mut lines = vec!["peer.example".to_owned()];
        if verb == "EHLO" {
            lines.extend(extensions);
        }
        let played = self.play(verb, line, &reply(250, &lines.join("\n")))?;
        if played == Played::Well {
            self.helo = line.get(5..).unwrap_or_default().to_owned();
            self.envelope = None;
        }
        Ok(played)
    }

    fn starttls(&mut self, line: &str) -> io::Result<Played> {
        let how = lock(&self.shared.script).starttls;
        if self.tls || matches!(how, StartTls::Missing | StartTls::Refused) {
            self.answer(454, "4.7.0 TLS not available")?;
            return Ok(Played::Otherwise);
        }
        let played = self.play("STARTTLS", line, "220 2.0.0 Go ahead")?;
        if played != Played::Well {
            return Ok(played);
        }
        if how == StartTls::Injects {
            self.replies.extend_from_slice(b"250-injected\r\n250 AUTH PLAIN\r\n");
        }
        self.flush()?;
        match how {
            StartTls::Rubbish => {
                self.channel.send(b"This is not TLS, and never will be.\r\n")?;
                self.channel.stall()?;
                Ok(Played::Closed)
            }
            StartTls::Drops => Ok(Played::Closed),
            StartTls::Stalls => {
                self.channel.stall()?;
                Ok(Played::Closed)
            }
            _ => {
                self.channel.secure(&self.shared.tls)?;
                self.tls = true;
                self.helo.clear();
                self.envelope = None;
                Ok(Played::Well)
            }
        }
    }

    /// Believes everybody, and writes down what was said.
    fn auth(&mut self, line: &str) -> io::Result<Played> {
        let mut said = line.to_owned();
        let words: Vec<&str> = line.split(' ').collect();
        let rounds = match words.get(1).map(|mechanism| mechanism.to_ascii_uppercase()).as_deref() {
            Some("LOGIN") => 4 - words.len().min(4),
            Some(_) => 3 - words.len().min(3),
            None => 0,
        };
        for _ in 0..rounds {
            self.answer(334, "")?;
            self.flush()?;
            let Some(more) = self.channel.line()? else { return Ok(Played::Closed) };
            said = format!("{said} {}", String::from_utf8_lossy(&more));
        }
        let played = self.play("AUTH", &said, "235 2.7.0 Welcome")?;
        if played == Played::Well {
            self.auth = Some(said);
        }
        Ok(played)
    }

    fn recipient(&mut self, line: &str) -> io::Result<Played> {
        if self.envelope.is_none() {
            self.answer(503, "5.5.1 MAIL first")?;
            return Ok(Played::Otherwise);
        }
        let played = self.play("RCPT", line, "250 2.1.5 Ok")?;
        if let (Played::Well, Some(envelope)) = (played, &mut self.envelope) {
            envelope.recipients.push(path(line).0);
        }
        Ok(played)
    }

    fn data(&mut self, line: &str) -> io::Result<Played> {
        if self.envelope.as_ref().is_none_or(|envelope| envelope.recipients.is_empty()) {
            self.answer(554, "5.5.1 No valid recipients")?;
            return Ok(Played::Otherwise);
        }
        let played = self.play("DATA", line, "354 Go on")?;
        if played != Played::Well {
            return Ok(played);
        }
        self.flush()?;
        let limit = lock(&self.shared.script).act("CONTENT", line);
        let mut content = Vec::new();
        loop {
            match limit {
                Some(Act::DropAfter(most)) if content.len() >= most => return Ok(Played::Closed),
                Some(Act::StallAfter(most)) if content.len() >= most => {
                    self.channel.stop_reading(|| self.shared.over.load(Ordering::SeqCst));
                    return Ok(Played::Closed);
                }
                _ => {}
            }
            let Some(line) = self.channel.line()? else { return Ok(Played::Closed) };
            if line == b"." {
                return self.end_of_data(content);
            }
            content.extend_from_slice(line.strip_prefix(b".").unwrap_or(&line));
            content.extend_from_slice(b"\r\n");
        }
    }

    fn chunk(&mut self, line: &str) -> io::Result<Played> {
        let mut words = line.split(' ').skip(1);
        let size = words.next().and_then(|word| word.parse().ok()).unwrap_or(0);
        let last = words.next().is_some_and(|word| word.eq_ignore_ascii_case("LAST"));
        let bytes = self.channel.read_exact(size.min(CHUNK))?;
        let Some(envelope) = self.envelope.as_mut().filter(|envelope| !envelope.recipients.is_empty()) else {
            self.answer(503, "5.5.1 No valid recipients")?;
            return Ok(Played::Otherwise);
        };
        envelope.chunks.extend_from_slice(&bytes);
        if last {
            let content = std::mem::take(&mut envelope.chunks);
            return self.end_of_data(content);
        }
        self.play("BDAT", line, "250 2.0.0 Ok")
    }

    /// The message counts as taken before its 250 is sent, as with every host.
    fn end_of_data(&mut self, data: Vec<u8>) -> io::Result<Played> {
        let act = lock(&self.shared.script).act("EOD", "");
        let envelope = self.envelope.take().unwrap_or_default();
        if matches!(act, None | Some(Act::Delay(_) | Act::LastWords)) {
            let keep = lock(&self.shared.script).keep;
            let received = Received {
                helo: self.helo.clone(),
                reverse_path: envelope.reverse_path,
                mail_parameters: envelope.parameters,
                recipients: envelope.recipients,
                data: if keep { data } else { Vec::new() },
                tls: self.tls,
                auth: self.auth.clone(),
                connection: self.number,
            };
            lock(&self.shared.messages).push(received);
            self.shared.arrived.notify_all();
        }
        self.perform(act, "250 2.0.0 Taken")
    }

    /// Answers a command as the script says, or else well.
    fn play(&mut self, command: &str, line: &str, well: &str) -> io::Result<Played> {
        let act = lock(&self.shared.script).act(command, line);
        self.perform(act, well)
    }

    fn perform(&mut self, act: Option<Act>, well: &str) -> io::Result<Played> {
        let good = |dialogue: &mut Self| {
            dialogue.replies.extend_from_slice(well.as_bytes());
            dialogue.replies.extend_from_slice(b"\r\n");
        };
        match act {
            None => good(self),
            Some(Act::Delay(span)) => {
                self.flush()?;
                thread::sleep(span);
                good(self);
            }
            Some(Act::LastWords) => {
                good(self);
                self.flush()?;
                return Ok(Played::Closed);
            }
            Some(Act::Reply(code, text)) => {
                self.answer(code, &text)?;
                return Ok(Played::Otherwise);
            }
            Some(Act::Raw(bytes)) => {
                self.replies.extend_from_slice(&bytes);
                return Ok(Played::Otherwise);
            }
            Some(Act::Flood(bytes)) => {
                self.flush()?;
                let line = b"250-And this is not all that there is to say about it, by far not\r\n";
                for _ in 0..bytes.div_ceil(line.len()) {
                    self.channel.send(line)?;
                }
                return Ok(Played::Closed);
            }
            Some(Act::Stall) => {
                self.flush()?;
                self.channel.stall()?;
                return Ok(Played::Closed);
            }
            Some(Act::Drop | Act::DropAfter(_) | Act::StallAfter(_)) => return Ok(Played::Closed),
        }
        Ok(Played::Well)
    }

    fn answer(&mut self, code: u16, text: &str) -> io::Result<()> {
        self.replies.extend_from_slice(reply(code, text).as_bytes());
        self.replies.extend_from_slice(b"\r\n");
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        let replies = std::mem::take(&mut self.replies);
        if replies.is_empty() { Ok(()) } else { self.channel.send(&replies) }
    }
}

/// A reply, in several lines where the text has them (RFC 5321 §4.2.1).
fn reply(code: u16, text: &str) -> String {
    let lines: Vec<&str> = text.split('\n').collect();
    let last = lines.len() - 1;
    let marked = lines.iter().enumerate().map(|(n, line)| format!("{code}{}{line}", if n < last { '-' } else { ' ' }));
    marked.collect::<Vec<_>>().join("\r\n")
}

/// What is between the brackets, and what follows.
fn path(line: &str) -> (String, String) {
    let after = line.split_once('<').map_or("", |(_, after)| after);
    match after.rsplit_once('>') {
        Some((path, parameters)) => (path.to_owned(), parameters.trim().to_owned()),
        None => (after.to_owned(), String::new()),
    }
}
