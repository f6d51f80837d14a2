//! The TRANSACTION and UPDATE states (RFC 1939 §5, §6).

use super::{Asked, Command, Event, Maildrop, Output, Phase, PopSession, Reply, output};

const NO_SUCH: &str = "No such message";

impl PopSession {
    pub(super) fn transaction(&mut self, line: &[u8], command: Command<'_>) {
        let Phase::Transaction(maildrop, _) = &mut self.phase else { return };
        match command {
            Command::Stat => {
                let (count, octets) = maildrop.totals();
                self.say(&format!("+OK {count} {octets}"));
            }
            Command::List(None) => {
                let (count, octets) = maildrop.totals();
                self.begin(&format!("+OK {count} messages ({octets} octets)"), Output::Sizes(0));
            }
            Command::UniqueIds(None) => self.begin("+OK Unique-ids follow", Output::UniqueIds(0)),
            Command::List(Some(number)) => self.one(line, number, |_, message| message.size.to_string()),
            Command::UniqueIds(Some(number)) => self.one(line, number, Maildrop::unique_id),
            Command::Retrieve(number) => self.retrieve(line, number, None),
            Command::Top(number, lines) => self.retrieve(line, number, Some(lines)),
            Command::Delete(number) => match maildrop.place(number) {
                Some(index) => {
                    maildrop.delete(index);
                    self.say(&format!("+OK Message {number} marked"));
                }
                None => self.refuse(line, NO_SUCH),
            },
            Command::Reset => {
                maildrop.reset();
                let (count, octets) = maildrop.totals();
                self.say(&format!("+OK {count} messages ({octets} octets)"));
            }
            Command::Noop => self.say("+OK"),
            _ => self.refuse(line, "You are logged in already"),
        }
    }

    /// LIST or UIDL of one message.
    fn one(&mut self, line: &[u8], number: u32, show: impl Fn(&Maildrop, super::Listed) -> String) {
        let Phase::Transaction(maildrop, _) = &self.phase else { return };
        match maildrop.place(number).and_then(|index| maildrop.get(index)) {
            Some(message) => {
                let text = format!("+OK {number} {}", show(maildrop, message));
                self.say(&text);
            }
            None => self.refuse(line, NO_SUCH),
        }
    }

    fn retrieve(&mut self, line: &[u8], number: u32, lines: Option<u32>) {
        let Phase::Transaction(maildrop, _) = &self.phase else { return };
        match maildrop.place(number) {
            Some(index) => self.ask(Event::Retrieve { index, lines }, Asked::Retrieve { lines }),
            None => self.refuse(line, NO_SUCH),
        }
    }

    pub(super) fn retrieved(&mut self, lines: Option<u32>, reply: Reply) {
        match (reply, lines) {
            (Reply::Message(body), None) => {
                let text = format!("+OK {} octets", body.len());
                self.begin(&text, Output::message(body));
            }
            (Reply::Message(body), Some(lines)) => {
                self.begin("+OK Top of message follows", Output::message(output::top(&body, lines)));
            }
            (Reply::Refuse(trouble), _) => self.say_trouble(&trouble),
            _ => self.say("-ERR [SYS/TEMP] The message cannot be read now"),
        }
    }

    fn begin(&mut self, text: &str, answer: Output) {
        self.say(text);
        if let Phase::Transaction(_, output) = &mut self.phase {
            *output = Some(answer);
        }
    }

    pub(super) fn committed(&mut self, reply: Reply) {
        match reply {
            Reply::Refuse(trouble) => self.say_trouble(&trouble),
            _ => self.say("+OK Bye"),
        }
        self.close();
    }
}
