//! What the agent's answers do.

use super::{Awaiting, Done, End, Event, ImapSession, Mode, Reply, State, Status, tagged};
use crate::sasl::Progress;

impl ImapSession {
    pub(super) fn take_answer(&mut self, reply: Reply) {
        let awaiting = self.awaiting.take();
        match (awaiting, reply) {
            (_, Reply::Bye(text)) => self.bye(&text),
            (Some(Awaiting::Notice), _) => {}
            (None, Reply::Untagged(mut data)) => self.out.append(&mut data),
            (None, _) => {}
            (Some(Awaiting::Greeting), _) => self.greet(),
            (Some(Awaiting::Credential), Reply::Secret { secret, nonce }) => {
                let progress = self.exchange.as_mut().map_or(Progress::Malformed, |e| e.secret(secret, &nonce));
                self.sasl_progress(progress, None);
            }
            (Some(Awaiting::Credential), Reply::Challenge(text)) => {
                let progress = self.exchange.as_mut().map_or(Progress::Malformed, |e| e.challenge(text));
                self.sasl_progress(progress, None);
            }
            (Some(Awaiting::Credential), Reply::Done(done)) => self.credential_answer(done),
            (Some(Awaiting::AppendStep), Reply::Continue) => self.append_step(),
            (Some(Awaiting::AppendStep), Reply::Done(done)) => {
                let response = self.rendered(done);
                self.append_refused(response);
            }
            (Some(Awaiting::Chunk { left }), Reply::Continue) => self.mode = Mode::Body { left },
            (Some(Awaiting::Chunk { left }), Reply::Done(done)) => {
                let response = self.rendered(done);
                self.chunk_refused(left, response);
            }
            (Some(Awaiting::IdleStart), Reply::Continue) => self.idle(Vec::new()),
            (Some(Awaiting::IdleStart), Reply::Untagged(data) | Reply::More(data)) => self.idle(data),
            (Some(awaiting), Reply::More(mut data)) => {
                self.out.append(&mut data);
                self.ask(Event::More, awaiting);
            }
            (Some(awaiting), Reply::Done(done)) => self.done(&awaiting, done),
            (Some(_), _) => self.finish(Done::no("The server could not answer").code("SERVERBUG")),
        }
    }

    /// Untagged responses and the tagged one.
    pub(super) fn finish(&mut self, done: Done) {
        let mut response = self.rendered(done);
        if self.out.is_empty() {
            self.out = response;
        } else {
            self.out.append(&mut response);
        }
    }

    fn done(&mut self, awaiting: &Awaiting, done: Done) {
        let ok = done.status == Status::Ok;
        match awaiting {
            Awaiting::Select if ok => self.state = State::Selected,
            Awaiting::Select => self.state = State::Authenticated,
            Awaiting::Enable { utf8, accept } if ok => {
                self.utf8 |= *utf8;
                self.utf8_accept |= *accept;
            }
            Awaiting::Deselect if ok => self.state = State::Authenticated,
            Awaiting::Logout => {
                self.untagged("BYE Good-bye");
                self.end = End::Close;
            }
            _ => {}
        }
        self.finish(done);
    }

    fn rendered(&self, done: Done) -> Vec<u8> {
        let Done { mut data, status, code, text } = done;
        tagged(&mut data, &self.tag, status, code.as_deref(), &text);
        data
    }

    fn greet(&mut self) {
        self.state = State::NotAuthenticated;
        let text = format!("OK [CAPABILITY {}] {} Sekisho is ready", self.capabilities(), self.settings.hostname);
        self.untagged(&text);
    }

    fn idle(&mut self, mut data: Vec<u8>) {
        self.out.extend_from_slice(b"+ idling\r\n");
        self.out.append(&mut data);
        self.mode = Mode::Idle;
    }
}
