#![allow(clippy::unwrap_used, clippy::expect_used)]

use super::*;
use crate::config::Config;

fn server() -> Settings {
    let dir = std::env::temp_dir().join("nowhere");
    Settings { dir, config: Config::parse("hostname = \"mx.drill.example\"\n").unwrap() }
}

fn play(attack: Attack, from: From, seed: u64) -> Run {
    rehearse(&server(), &Policy::default(), (attack, from, seed), &mut |_, _| true).unwrap().unwrap()
}

#[test]
fn it_stops_when_it_is_told_to() {
    let mut told = 0;
    let run = rehearse(&server(), &Policy::default(), (Attack::Blast, From::Own, 1), &mut |done, all| {
        told += 1;
        assert!(done < all);
        done < 10
    });
    assert_eq!((run, told), (Ok(None), 11));
}

#[test]
fn a_blast_is_held_by_the_real_path_as_by_the_model_and_nobody_else_waits() {
    let run = play(Attack::Blast, From::Guessed, 1);
    let [held] = run.tally.holds.as_slice() else { panic!("{:?}", run.tally.holds) };
    assert!(held.hostile && held.messages <= 6 && run.tally.hostile.reached <= 3, "{held:?}");
    assert!(held.incident.as_ref().unwrap().login.is_some_and(|login| login.guessed), "{held:?}");
    let (hostile, neighbour) = (&run.tally.hostile, &run.tally.neighbour);
    assert_eq!((hostile.messages, neighbour.messages), (300, 36));
    assert_eq!(neighbour.reached, neighbour.recipients);
    let model = sekisho_guard::drill::rehearse(&Policy::default(), Attack::Blast, From::Guessed, 1);
    assert!(model.tally.hostile.reached.abs_diff(hostile.reached) <= 3);
}

#[test]
fn a_network_that_is_trusted_by_mistake_is_isolated() {
    let run = play(Attack::OpenRelay, From::Own, 2);
    assert!(!run.missed() && run.tally.hostile.messages == 300, "{:?}", run.tally.holds);
    assert!(run.tally.holds.iter().all(|held| !held.authenticated));
    // Ten networks, each of which may begin with a few.
    assert!(run.tally.hostile.reached <= 80, "{}", run.tally.hostile.reached);
}
