//! Several sessions do random things to several mailboxes; every answer must be what a small model in memory says.
//!
//! What the model does not know is taken out of both sides first: texts for people, UIDVALIDITY, ids, `\Recent`.

mod act;
mod session;
mod world;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use sekisho_store::Engine;

use self::act::{Act, acts};
use self::world::World;
use super::house::House;
use super::talk::Talk;

#[test]
fn every_answer_is_the_models_on_sqlite() {
    compare(Engine::Sqlite, 40);
}

#[test]
fn every_answer_is_the_models_on_postgresql() {
    compare(Engine::Postgres, 8);
}

fn compare(engine: Engine, cases: u32) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let config = Config { cases, failure_persistence: None, max_shrink_iters: 200, ..Config::default() };
    let outcome =
        TestRunner::new(config).run(&acts(), |acts| runtime.block_on(play(engine, &acts)).map_err(TestCaseError::fail));
    if let Err(error) = outcome {
        panic!("{error}");
    }
}

/// Session 0 speaks IMAP4rev1, 1 has enabled IMAP4rev2, 2 QRESYNC.
async fn play(engine: Engine, acts: &[(usize, Act)]) -> Result<(), String> {
    let house = House::new(engine).await;
    let mut talks: Vec<Talk> = Vec::new();
    for enable in ["", "IMAP4rev2", "QRESYNC"] {
        let mut talk = house.logged_in().await;
        if !enable.is_empty() {
            talk.say(format!("e ENABLE {enable}\r\n")).await;
        }
        talks.push(talk);
    }
    let mut world = World::new();
    let mut so_far = Vec::new();
    for (who, act) in acts {
        let (command, expected) = world.answer(*who, act);
        let Some(command) = command else { continue };
        so_far.push(format!("{who}: {command}"));
        let said = normal(&talks[*who].say(format!("x {command}\r\n")).await);
        if said != expected {
            return Err(format!("after {so_far:#?}\nexpected {expected:#?}\n     got {said:#?}"));
        }
    }
    Ok(())
}

/// The lines of an answer without what the model cannot know.
fn normal(said: &str) -> Vec<String> {
    said.split_terminator("\r\n").filter_map(line).collect()
}

fn line(line: &str) -> Option<String> {
    if line.ends_with(" RECENT") || line.starts_with("* OK [MAILBOXID") || line.starts_with("+ ") {
        return None;
    }
    let line = line.replace(" \\Recent", "").replace("\\Recent", "");
    let coded = ["* OK ", "x OK ", "x NO ", "x BAD "].into_iter().find(|start| line.starts_with(start));
    let Some(start) = coded else { return Some(line) };
    let code = line.strip_prefix(start).and_then(|rest| rest.strip_prefix('[')).and_then(|rest| rest.split_once("] "));
    let code = code.map(|(code, _)| code).unwrap_or_default();
    let mut words: Vec<&str> = code.split(' ').collect();
    match words.as_slice() {
        ["MAILBOXID", ..] => words.clear(),
        ["UIDVALIDITY" | "APPENDUID" | "COPYUID", ..] => drop(words.remove(1)),
        _ => {}
    }
    Some(format!("{start}[{}]", words.join(" ")))
}
