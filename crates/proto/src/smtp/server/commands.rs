//! One command after another: order and parameters (RFC 5321 §4.1.4).

use sekisho_message::Time;
use sekisho_message::address::{ForwardPath, ReversePath};

use super::{Asked, Ending, Event, Greeted, Phase, Reply, Role, ServerSession, Transaction};
use crate::smtp::command::{self, Command};
use crate::smtp::{MailParams, RcptParams, Response, hello};

const SENDER_OK: Response = fixed(250, (2, 1, 0), "Sender ok");
const RECIPIENT_OK: Response = fixed(250, (2, 1, 5), "Recipient ok");
const OK: Response = fixed(250, (2, 0, 0), "Ok");

const fn fixed(code: u16, (class, subject, detail): (u8, u16, u16), text: &'static str) -> Response {
    let enhanced = Some(crate::smtp::Enhanced(class, subject, detail));
    Response { code, enhanced, text: std::borrow::Cow::Borrowed(text) }
}

/// Wrong order (RFC 5321 §4.1.4).
fn out_of_order(text: &'static str) -> Response {
    Response::new(503, (5, 5, 1), text)
}

impl ServerSession {
    pub(super) fn command(&mut self, line: &[u8], now: Time) {
        self.counters.commands += 1;
        if self.counters.commands > self.settings.limits.commands {
            return self.give_up("Too many commands in one session");
        }
        match command::parse(line) {
            Ok(command) => {
                self.hide = false;
                self.dispatch(line, command, now);
            }
            Err(response) => self.refuse(line, response),
        }
        self.wait_for_command(now);
    }

    fn dispatch(&mut self, line: &[u8], command: Command<'_>, now: Time) {
        let checked = match command {
            Command::Mail(path, params) => self.mail(path, params),
            Command::Rcpt(path, params) => self.rcpt(line, path, params),
            Command::Data => self.data(),
            Command::Bdat { size, last } => self.bdat(line, size, last, now),
            Command::Hello { name, extended } => self.hello(name, extended),
            Command::Auth { mechanism, initial } => return self.auth(mechanism, initial),
            Command::StartTls => return self.start_tls(line),
            Command::Quit => {
                self.ask(Event::Quit, Asked::Quit);
                Ok(())
            }
            Command::Reset => self.reset(),
            Command::Noop => self.idle(&OK),
            Command::Help => self.help(),
            Command::Verify => self.idle(&fixed(252, (2, 0, 0), "Cannot verify; send mail and see")),
            Command::Expand => Err(Response::new(502, (5, 5, 1), "EXPN is not offered")),
            Command::Foreign => {
                return self.refuse_and_close(line, Response::new(554, (5, 5, 1), "This is a mail server"));
            }
        };
        if let Err(response) = checked {
            self.refuse(line, response);
        }
    }

    pub(super) fn greet(&mut self, reply: Reply) {
        match reply {
            Reply::Refuse(response) => {
                self.say(&response);
                self.close();
            }
            Reply::Accept(response) => self.greeting(&response),
            _ => self.greeting(&Response::bare(220, format!("{} ESMTP Sekisho", self.settings.hostname))),
        }
    }

    fn greeting(&mut self, response: &Response) {
        self.say(response);
        self.phase = Phase::Command;
    }

    fn hello(&mut self, name: &str, extended: bool) -> Result<(), Response> {
        let known =
            hello::is_domain_or_literal(name) || (self.settings.role == Role::Submission && hello::is_harmless(name));
        if !known {
            return Err(Response::new(501, (5, 5, 4), "Your name must be a domain name or an address literal"));
        }
        self.count_idle();
        if self.ending.is_some() {
            return Ok(());
        }
        self.forget();
        self.ask(Event::Hello { name: name.to_owned(), extended }, Asked::Hello { extended });
        Ok(())
    }

    pub(super) fn hello_answered(&mut self, extended: bool, reply: Reply) {
        match reply {
            Reply::Refuse(response) => self.refused_by_agent(&response),
            _ if extended => {
                self.greeted = Greeted::Ehlo;
                let extensions = self.extensions();
                self.say(&Response::bare(250, extensions));
            }
            _ => {
                self.greeted = Greeted::Helo;
                self.say(&Response::bare(250, self.settings.hostname.clone()));
            }
        }
    }

    fn extensions(&self) -> String {
        let settings = &self.settings;
        let mut text = format!("{}\nPIPELINING\nSIZE {}\n", settings.hostname, settings.limits.message);
        if settings.starttls && !self.secured {
            text.push_str("STARTTLS\n");
        }
        let mechanisms = self.mechanisms();
        if !mechanisms.is_empty() && !self.authenticated {
            text.push_str(&format!("AUTH {}\n", mechanisms.line()));
        }
        text.push_str("ENHANCEDSTATUSCODES\n8BITMIME\nSMTPUTF8\nDSN\nCHUNKING\nHELP");
        text
    }

    fn mail(&mut self, reverse_path: ReversePath, params: MailParams) -> Result<(), Response> {
        if self.greeted == Greeted::No {
            return Err(out_of_order("Send EHLO first"));
        }
        if self.settings.role == Role::Submission && !self.authenticated {
            let text = if self.mechanisms().is_empty() { "Send STARTTLS first" } else { "Authentication required" };
            return Err(Response::new(530, (5, 7, 0), text));
        }
        if self.transaction.is_some() {
            return Err(out_of_order("A transaction is open already"));
        }
        if self.greeted == Greeted::Helo && params != MailParams::default() {
            return Err(Response::new(555, (5, 5, 4), "Parameters need EHLO"));
        }
        if params.size.is_some_and(|size| size > self.settings.limits.message) {
            return Err(self.too_large());
        }
        if !params.smtputf8 && reverse_path.address().is_some_and(|a| a.needs_smtputf8()) {
            return Err(Response::new(553, (5, 6, 7), "The address needs SMTPUTF8"));
        }
        self.counters.transactions += 1;
        if self.counters.transactions > self.settings.limits.transactions {
            self.give_up("Too many messages in one session");
            return Ok(());
        }
        let smtputf8 = params.smtputf8;
        self.ask(Event::Mail { reverse_path, params }, Asked::Mail { smtputf8 });
        Ok(())
    }

    pub(super) fn mail_answered(&mut self, smtputf8: bool, reply: Reply) {
        match reply {
            Reply::Refuse(response) => return self.refused_by_agent(&response),
            Reply::Accept(response) => self.say(&response),
            _ => self.say(&SENDER_OK),
        }
        self.transaction = Some(Transaction { smtputf8, ..Transaction::default() });
    }

    fn rcpt(&mut self, line: &[u8], forward_path: ForwardPath, params: RcptParams) -> Result<(), Response> {
        let limits = &self.settings.limits;
        let Some(transaction) = &mut self.transaction else { return Err(out_of_order("Send MAIL first")) };
        if self.inflow.is_some() {
            return Err(out_of_order("The message has begun"));
        }
        if self.greeted == Greeted::Helo && params != RcptParams::default() {
            return Err(Response::new(555, (5, 5, 4), "Parameters need EHLO"));
        }
        let utf8 = matches!(&forward_path, ForwardPath::Address(address) if address.needs_smtputf8());
        if utf8 && !transaction.smtputf8 {
            return Err(Response::new(553, (5, 6, 7), "The address needs SMTPUTF8"));
        }
        if transaction.recipients >= limits.recipients {
            // Not an error of the client: it sends the rest in another transaction.
            let response = Response::new(452, (4, 5, 3), "Too many recipients; send the rest in another message");
            let first = !std::mem::replace(&mut transaction.too_many, true);
            self.say(&response);
            if first {
                self.report(line, response);
            }
            return Ok(());
        }
        if self.counters.recipients >= limits.session_recipients {
            self.give_up("Too many recipients in one session");
            return Ok(());
        }
        self.ask(Event::Rcpt { forward_path, params }, Asked::Rcpt);
        Ok(())
    }

    pub(super) fn rcpt_answered(&mut self, reply: Reply) {
        let Some(transaction) = &mut self.transaction else { return };
        match reply {
            Reply::Refuse(response) => {
                transaction.refused += 1;
                self.refused_by_agent(&response);
            }
            reply => {
                transaction.recipients += 1;
                self.counters.recipients += 1;
                match reply {
                    Reply::Accept(response) => self.say(&response),
                    _ => self.say(&RECIPIENT_OK),
                }
            }
        }
    }

    /// Whether a message may begin now.
    pub(super) fn ready_for_message(&self) -> Result<(), Response> {
        match &self.transaction {
            None => Err(out_of_order("Send MAIL first")),
            Some(t) if t.recipients == 0 && t.refused > 0 => Err(Response::new(554, (5, 5, 1), "No valid recipients")),
            Some(t) if t.recipients == 0 => Err(out_of_order("Send RCPT first")),
            Some(_) => Ok(()),
        }
    }

    fn reset(&mut self) -> Result<(), Response> {
        self.forget();
        self.idle(&OK)
    }

    /// Gives up what is open of a transaction.
    pub(super) fn forget(&mut self) {
        self.inflow = None;
        if self.transaction.take().is_some() {
            self.ask(Event::Reset, Asked::Notice);
        }
    }

    fn start_tls(&mut self, line: &[u8]) {
        let refusal = if self.secured {
            Some(out_of_order("TLS is active already"))
        } else if !self.settings.starttls {
            Some(Response::new(502, (5, 5, 1), "STARTTLS is not offered"))
        } else if self.greeted == Greeted::No {
            Some(out_of_order("Send EHLO first"))
        } else if self.transaction.is_some() {
            Some(out_of_order("A transaction is open"))
        } else {
            None
        };
        if let Some(response) = refusal {
            return self.refuse(line, response);
        }
        if !self.lines.is_empty() {
            // RFC 3207 §4: nothing may be pipelined after it. What came in the clear must not
            // be taken for something said under TLS.
            let text = "Nothing may follow STARTTLS before its answer; closing the connection";
            return self.refuse_and_close(line, Response::new(554, (5, 5, 1), text));
        }
        self.say(&Response::new(220, (2, 0, 0), "Ready to start TLS"));
        self.ending = Some(Ending::StartTls);
    }

    pub(super) fn quit_answered(&mut self) {
        let text = format!("{} closing the connection", self.settings.hostname);
        self.say(&Response::new(221, (2, 0, 0), text));
        self.close();
    }

    fn help(&mut self) -> Result<(), Response> {
        let text = "Sekisho\nEHLO HELO MAIL RCPT DATA BDAT RSET NOOP QUIT VRFY HELP\nSTARTTLS AUTH";
        self.idle(&Response::new(214, (2, 0, 0), text))
    }

    /// Answers a command that leads nowhere.
    fn idle(&mut self, response: &Response) -> Result<(), Response> {
        self.say(response);
        self.count_idle();
        Ok(())
    }

    fn count_idle(&mut self) {
        self.counters.idle_commands += 1;
        if self.counters.idle_commands > self.settings.limits.idle_commands {
            self.give_up("Too many commands without a message");
        }
    }
}
