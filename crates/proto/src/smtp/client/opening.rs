//! From the greeting to the first transaction: EHLO, STARTTLS, AUTH.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sekisho_message::Time;

use super::{ClientSession, Ending, Failure, Login, Offered, Phase, Stage, Tls};
use crate::sasl::{Mechanism, login, plain};
use crate::smtp::Response;

impl ClientSession {
    /// Says EHLO.
    pub(super) fn hello(&mut self, now: Time) {
        self.command(&format!("EHLO {}", self.settings.hello), now);
        self.phase = Phase::Ehlo;
    }

    /// A reply before the first transaction.
    pub(super) fn opening(&mut self, response: Response, now: Time) {
        match &mut self.phase {
            Phase::Greeting if response.code == 220 => self.hello(now),
            Phase::Ehlo if response.code == 250 => {
                self.offered = Offered::parse(&response, self.secured);
                self.after_hello(now);
            }
            Phase::Ehlo if response.is_permanent() && response.code != 554 => {
                // A server older than ESMTP (RFC 5321 §3.2).
                self.command(&format!("HELO {}", self.settings.hello), now);
                self.phase = Phase::Helo;
            }
            Phase::Helo if response.code == 250 => {
                self.offered = Offered { secured: self.secured, ..Offered::default() };
                self.after_hello(now);
            }
            Phase::StartTls if response.code == 220 => self.ending = Some(Ending::StartTls),
            Phase::StartTls if self.settings.tls == Tls::Opportunistic && response.code != 421 => self.log_in(now),
            Phase::AuthPlain | Phase::AuthLogin(_) if response.code == 235 => self.phase = Phase::Idle,
            Phase::AuthLogin(client) if response.code == 334 => match client.respond() {
                Some(text) => self.command(&STANDARD.encode(text), now),
                None => self.fail(Failure::Refused(Stage::Auth, response)),
            },
            _ => self.fail(Failure::Refused(self.stage(), response)),
        }
    }

    fn after_hello(&mut self, now: Time) {
        let wanted = !self.secured && self.settings.tls != Tls::Never;
        if wanted && self.offered.starttls {
            self.command("STARTTLS", now);
            self.phase = Phase::StartTls;
        } else if !self.secured && self.settings.tls == Tls::Required {
            self.fail(Failure::NoTls);
        } else {
            self.log_in(now);
        }
    }

    fn log_in(&mut self, now: Time) {
        let Some(Login { user, password, without_tls }) = self.settings.login.clone() else {
            self.phase = Phase::Idle;
            return;
        };
        let offers = |mechanism| self.offered.auth.contains(&mechanism);
        if !self.secured && !without_tls {
            self.fail(Failure::NoAuth);
        } else if offers(Mechanism::Plain) {
            let initial = STANDARD.encode(plain::initial(&user, &password));
            self.command(&format!("AUTH PLAIN {initial}"), now);
            self.phase = Phase::AuthPlain;
        } else if offers(Mechanism::Login) {
            self.command("AUTH LOGIN", now);
            self.phase = Phase::AuthLogin(login::Client::new(&user, &password));
        } else {
            self.fail(Failure::NoAuth);
        }
    }

    fn command(&mut self, text: &str, now: Time) {
        self.out.extend_from_slice(text.as_bytes());
        self.out.extend_from_slice(b"\r\n");
        self.deadline = now + self.settings.timeouts.greeting;
    }
}
