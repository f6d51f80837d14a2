#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::path::Path;

use sekisho_message::Language;
use serde_json::Value;

use super::super::tests::sekisho;
use crate::trouble::Exit;

fn drill(args: &[&str]) -> String {
    let args: Vec<&str> = ["drill"].iter().chain(args).copied().collect();
    let (printed, outcome) = sekisho(Path::new("nowhere"), Language::En, &args);
    assert_eq!(outcome, Ok(Exit::Well), "{printed}");
    printed
}

#[test]
fn a_drill_is_told_to_programs_in_the_shape_of_inspect_and_with_figures() {
    let told: Value =
        serde_json::from_str(&drill(&["--attack", "b,PERSON", "--runs", "5", "--seed", "7", "--model", "--json"]))
            .unwrap();
    let attacks = told["attacks"].as_array().unwrap();
    assert_eq!((attacks.len(), &attacks[0]["letter"]), (3, &"B".into()), "foreign, guessed, own");
    for attack in attacks {
        assert!(attack["recipients_escaped"]["p95"].as_u64().unwrap() <= 8, "{attack}");
        assert_eq!(
            (&attack["missed"], &attack["neighbour"]["held"], &attack["path"]),
            (&0.into(), &0.into(), &"model".into())
        );
    }
    let incidents = told["incidents"].as_array().unwrap();
    assert_eq!(incidents.len(), 3);
    for incident in incidents {
        for field in [
            "origin",
            "class",
            "first_evidence",
            "held_at",
            "rung",
            "messages_before_hold",
            "recipients_before_hold",
            "recipients_escaped",
            "messages_after",
            "signals",
            "login",
        ] {
            assert!(incident.get(field).is_some(), "{field} {incident}");
        }
        assert!(incident["held_at"].as_i64() >= told["period"]["from"].as_i64());
    }
    assert_eq!((&told["honest"][0]["class"], &told["honest"][0]["holds"]), (&"person".into(), &0.into()));
    let again: Value =
        serde_json::from_str(&drill(&["--attack", "b,PERSON", "--runs", "5", "--seed", "7", "--model", "--json"]))
            .unwrap();
    assert_eq!(told, again, "a run is a function of its seed");
}

#[test]
fn other_settings_have_other_figures_and_people_read_a_table() {
    let strict = drill(&["--attack", "infected-pc", "--runs", "4", "--model"]);
    assert!(strict.contains("F  infected-pc") && strict.contains("not noticed"), "{strict}");
    let loose = drill(&[
        "--attack",
        "D",
        "--from",
        "own",
        "--runs",
        "4",
        "--model",
        "--set",
        "person.valve_burst=100",
        "--json",
    ]);
    let loose: Value = serde_json::from_str(&loose).unwrap();
    assert!(loose["attacks"][0]["recipients_escaped"]["p50"].as_u64().unwrap() > 20, "{loose}");
    let wrong = sekisho(Path::new("nowhere"), Language::Ja, &["drill", "--attack", "zombies"]).1.unwrap_err();
    assert!(wrong.text.ja.contains("zombies") && wrong.text.en.contains("blast"));
}
