//! Several sessions do random things to one mailbox; each client believes only what it is told, and in the end all
//! must believe the same, which is what the store holds.

use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use sekisho_store::Engine;

use super::house::House;
use super::talk::Talk;

/// One thing that one of the clients does.
#[derive(Clone, Debug)]
enum Act {
    Append,
    Store { number: u32, flag: usize, add: bool, uid: bool },
    Expunge,
    UidExpunge { number: u32 },
    Copy { number: u32 },
    MoveAway { number: u32 },
    Fetch { number: u32, uid: bool },
    Search,
    Noop,
    Idle,
}

const FLAGS: [&str; 5] = ["\\Seen", "\\Deleted", "\\Flagged", "$One", "$Two"];

fn act() -> impl Strategy<Value = (usize, Act)> {
    let number = 1..8u32;
    let what = prop_oneof![
        3 => Just(Act::Append),
        6 => (number.clone(), 0..FLAGS.len(), any::<bool>(), any::<bool>())
            .prop_map(|(number, flag, add, uid)| Act::Store { number, flag, add, uid }),
        2 => Just(Act::Expunge),
        1 => number.clone().prop_map(|number| Act::UidExpunge { number }),
        1 => number.clone().prop_map(|number| Act::Copy { number }),
        1 => number.clone().prop_map(|number| Act::MoveAway { number }),
        2 => (number, any::<bool>()).prop_map(|(number, uid)| Act::Fetch { number, uid }),
        1 => Just(Act::Search),
        2 => Just(Act::Noop),
        1 => Just(Act::Idle),
    ];
    (0..3usize, what)
}

#[test]
fn all_clients_agree_in_the_end_on_sqlite() {
    agree(Engine::Sqlite, 60);
}

#[test]
fn all_clients_agree_in_the_end_on_postgresql() {
    agree(Engine::Postgres, 15);
}

fn agree(engine: Engine, cases: u32) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let house = runtime.block_on(House::new(engine));
    let case = std::cell::Cell::new(0);
    let mut runner = TestRunner::new(Config { cases, failure_persistence: None, ..Config::default() });
    let outcome = runner.run(&proptest::collection::vec(act(), 5..60), |acts| {
        case.set(case.get() + 1);
        runtime.block_on(play(&house, case.get(), &acts));
        Ok(())
    });
    outcome.unwrap();
}

async fn play(house: &House, case: u32, acts: &[(usize, Act)]) {
    let mailbox = format!("Case{case}");
    let mut clients = Vec::new();
    for qresync in [false, false, true] {
        clients.push(Client::open(house, &mailbox, qresync).await);
    }
    for (who, act) in acts {
        clients[*who].act(act).await;
    }
    let mut beliefs = Vec::new();
    for client in &mut clients {
        client.command("NOOP").await;
        // What was told must be what a look now shows.
        let believed = client.messages.clone();
        client.look("UID FLAGS").await;
        for (before, after) in believed.iter().zip(&client.messages) {
            assert!(before.uid.is_none() || before.uid == after.uid, "{before:?} {after:?}");
            assert!(before.flags.is_none() || before.flags == after.flags, "{before:?} {after:?}");
        }
        assert_eq!(believed.len(), client.messages.len());
        beliefs.push(client.belief());
    }
    assert_eq!(beliefs[0], beliefs[1]);
    assert_eq!(beliefs[0], beliefs[2]);
}

/// What a client has been told of a message.
#[derive(Clone, Debug, Default, PartialEq)]
struct Told {
    uid: Option<u32>,
    flags: Option<Vec<String>>,
}

struct Client {
    talk: Talk,
    messages: Vec<Told>,
    mailbox: String,
}

impl Client {
    async fn open(house: &House, mailbox: &str, qresync: bool) -> Self {
        let talk = house.logged_in().await;
        let mut client = Self { talk, messages: Vec::new(), mailbox: mailbox.to_owned() };
        if qresync {
            client.command("ENABLE QRESYNC").await;
        }
        client.talk.say(format!("c CREATE {mailbox}\r\n")).await;
        client.command(&format!("SELECT {mailbox}")).await;
        client
    }

    async fn act(&mut self, act: &Act) {
        let exists = u32::try_from(self.messages.len()).unwrap();
        let uid_of =
            |client: &Self, number: u32| client.messages.get(number as usize - 1).and_then(|m| m.uid).unwrap_or(number);
        match *act {
            Act::Append => {
                let text = format!("x APPEND {} {{21+}}\r\nSubject: x\r\n\r\nhello\r\n\r\n", self.mailbox);
                let said = self.talk.say(text).await;
                self.listen(&said, "APPEND");
                self.look("UID").await;
            }
            Act::Store { number, flag, add, uid } => {
                let (verb, target) = if uid { ("UID STORE", uid_of(self, number)) } else { ("STORE", number) };
                if uid || number <= exists {
                    let sign = if add { '+' } else { '-' };
                    self.command(&format!("{verb} {target} {sign}FLAGS ({})", FLAGS[flag])).await;
                }
            }
            Act::Expunge => self.command("EXPUNGE").await,
            Act::UidExpunge { number } => self.command(&format!("UID EXPUNGE {}", uid_of(self, number))).await,
            Act::Copy { number } if number <= exists => {
                let target = self.mailbox.clone();
                self.command(&format!("COPY {number} {target}")).await;
            }
            Act::MoveAway { number } if number <= exists => self.command(&format!("MOVE {number} Trash")).await,
            Act::Fetch { number, uid: true } => {
                self.command(&format!("UID FETCH {} (UID FLAGS)", uid_of(self, number))).await;
            }
            Act::Fetch { number, uid: false } if number <= exists => {
                self.command(&format!("FETCH {number} (UID FLAGS BODY[TEXT])")).await;
            }
            Act::Search => self.command("SEARCH SEEN").await,
            Act::Noop => self.command("NOOP").await,
            Act::Idle => {
                self.command("IDLE").await;
                let said = self.talk.say("DONE\r\n").await;
                self.listen(&said, "IDLE");
                self.look("UID").await;
            }
            _ => {}
        }
    }

    /// Fetches all messages; in an empty mailbox there is none that a number could name.
    async fn look(&mut self, items: &str) {
        if !self.messages.is_empty() {
            self.command(&format!("FETCH 1:* ({items})")).await;
        }
    }

    async fn command(&mut self, command: &str) {
        let said = self.talk.say(format!("x {command}\r\n")).await;
        assert!(!said.contains("x BAD"), "{command}: {said}");
        self.listen(&said, command);
        if self.messages.iter().any(|message| message.uid.is_none()) {
            // VANISHED names messages by UID, so the client must know them (RFC 7162 §3.2.10).
            let said = self.talk.say("y FETCH 1:* (UID)\r\n").await;
            self.listen(&said, "FETCH");
        }
    }

    /// Believes what it is told, and checks that it may be told it here.
    fn listen(&mut self, said: &str, command: &str) {
        let by_number = ["FETCH", "STORE", "SEARCH"].iter().any(|verb| command.starts_with(verb));
        for line in said.split("\r\n") {
            let Some(rest) = line.strip_prefix("* ") else { continue };
            let (first, text) = rest.split_once(' ').unwrap_or((rest, ""));
            let number = first.parse::<usize>().unwrap_or(0);
            if text == "EXISTS" {
                assert!(number >= self.messages.len(), "EXISTS takes messages away: {said}");
                self.messages.resize(number, Told::default());
            } else if text == "EXPUNGE" {
                assert!(!by_number, "EXPUNGE during {command}: {said}");
                self.messages.remove(number - 1);
            } else if let Some(set) = rest.strip_prefix("VANISHED ") {
                assert!(!by_number, "VANISHED during {command}: {said}");
                let gone = uids(set);
                self.messages.retain(|message| !message.uid.is_some_and(|uid| gone.contains(&uid)));
            } else if let Some(items) = text.strip_prefix("FETCH (") {
                self.fetched(number, items, said);
            }
        }
    }

    fn fetched(&mut self, number: usize, items: &str, said: &str) {
        let message = self.messages.get_mut(number - 1).unwrap_or_else(|| panic!("no message {number}: {said}"));
        if let Some(uid) = items.split("UID ").nth(1).and_then(|rest| rest.split([' ', ')']).next()) {
            let uid = uid.parse().unwrap();
            assert!(message.uid.is_none_or(|known| known == uid), "message {number} is another one: {said}");
            message.uid = Some(uid);
        }
        if let Some(flags) = items.split("FLAGS (").nth(1).and_then(|rest| rest.split(')').next()) {
            let flags = flags.split(' ').filter(|flag| !flag.is_empty() && *flag != "\\Recent");
            let mut flags: Vec<String> = flags.map(str::to_owned).collect();
            flags.sort();
            message.flags = Some(flags);
        }
    }

    fn belief(&self) -> BTreeMap<u32, Vec<String>> {
        self.messages.iter().map(|m| (m.uid.unwrap(), m.flags.clone().unwrap())).collect()
    }
}

fn uids(set: &str) -> Vec<u32> {
    let bounds = set.split(',').map(|range| range.split_once(':').unwrap_or((range, range)));
    bounds.flat_map(|(low, high)| low.parse::<u32>().unwrap()..=high.parse().unwrap()).collect()
}
