//! Every signal that needs more than the message itself reaches the guard from real events.

use std::time::Duration;

use sekisho_control::guard::{Filter, Settings as GuardSettings};
use sekisho_guard::profile::Profile;
use sekisho_guard::signal::Kind;
use sekisho_store::{account, meta, profile};

use super::*;

const HOME: &str = "203.0.113.9";
const AWAY: &str = "198.51.100.7";
const TARO: &str = "taro@example.jp";

async fn log_in(site: &Site, login: &str, password: &str, from: &str) -> (Client, bool) {
    let mut client = Client::connect(site, Service::Submissions, from).await;
    client.say("EHLO client.test").await;
    let right = client.auth(login, password).await.starts_with("235");
    (client, right)
}

async fn seen(site: &Site) -> Vec<Kind> {
    let id = site.control.guard().origin("account:taro@example.jp");
    let bytes = site.control.store().read(move |tx| profile::get(tx, id)).await.unwrap().unwrap();
    Profile::decode(&bytes).unwrap().ledger.items().iter().map(|line| line.signal.kind).collect()
}

#[tokio::test]
async fn what_only_the_server_can_know_reaches_the_guard() {
    let command = ["sh", "-c", "cat >/dev/null; echo 9.0/5.0"].map(str::to_owned).to_vec();
    let filter = Filter { command, timeout_ms: 10_000, ..Filter::default() };
    let traps = ["trap@planted.test".to_owned()].into();
    let site = Site::guarded(GuardSettings { filter, traps, ..GuardSettings::default() }).await;
    let (mut home, right) = log_in(&site, TARO, site::PASSWORD, HOME).await;
    assert!(right);
    queued(&home.message(TARO, &["friend@elsewhere.test"], PLAIN_OWN).await);
    drop(home);
    site.clock.advance(Duration::from_secs(26 * 3_600));
    let taro = site.control.store().read(|tx| account::get(tx, TARO)).await.unwrap().unwrap();
    // He reads his mail at home, with a password that was found to be weak.
    let _reading = site.control.bus().attend(taro.id, HOME, true);
    let (name, since) = (format!("weak.{}", taro.id.0), taro.password_changed.micros().to_string());
    site.control.store().write(move |tx| meta::set(tx, &name, Some(&since))).await.unwrap();
    // Somebody elsewhere tries other accounts, and then knows his password.
    for other in ["hanako@example.jp", "jiro@example.jp", "saburo@example.jp"] {
        assert!(!log_in(&site, other, "not the password", AWAY).await.1);
    }
    let (mut thief, right) = log_in(&site, TARO, site::PASSWORD, AWAY).await;
    assert!(right);
    let login = seen(&site).await;
    for kind in [Kind::GuessedLogin, Kind::WeakCredential, Kind::TwoPlaces] {
        assert!(login.contains(&kind), "{kind:?}: {login:?}");
    }
    let spam = "From: \"support@bank.test\" <taro@example.jp>\r\nSubject: parcel\r\n\r\nyour parcel waits\r\n";
    queued(&thief.message(TARO, &["victim@shop.test", "trap@planted.test"], spam).await);
    let message = seen(&site).await;
    for kind in [Kind::ForeignAuthor, Kind::Content, Kind::SendOnly, Kind::Trap, Kind::NewPlace, Kind::FirstContact] {
        assert!(message.contains(&kind), "{kind:?}: {message:?}");
    }
}

#[tokio::test]
async fn who_reads_where_he_sends_does_not_only_send_and_is_at_one_place() {
    let site = Site::new().await;
    let taro = site.control.store().read(|tx| account::get(tx, TARO)).await.unwrap().unwrap();
    let place = sekisho_guard::place::Place::parse(HOME);
    let (bus, guard) = (site.control.bus(), site.control.guard());
    let now = site.clock.now();
    assert_eq!(guard.only_sends("account:taro@example.jp", place, now), None, "not known in the first day");
    let later = now + Duration::from_secs(25 * 3_600);
    assert_eq!(guard.only_sends("account:taro@example.jp", place, later), Some(true));
    let first = bus.attend(taro.id, HOME, true);
    let second = bus.attend(taro.id, "203.0.113.77", false);
    assert!(bus.reads_at(taro.id, place) && bus.elsewhere(taro.id, place) == 0, "another address of the same network");
    let third = bus.attend(taro.id, AWAY, false);
    assert_eq!(bus.elsewhere(taro.id, place), 1);
    drop((first, third));
    assert!(!bus.reads_at(taro.id, place) && bus.elsewhere(taro.id, place) == 0);
    drop(second);
}

const PLAIN_OWN: &str = "From: taro@example.jp\r\nSubject: hello\r\n\r\nhello there\r\n";
