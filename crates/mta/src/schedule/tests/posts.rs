//! Mailing lists.

use sekisho_message::header::Headers;
use sekisho_message::{Address, list as fields};
use sekisho_store::journal::Kind;
use sekisho_store::list::{self, ListSettings, Posting};
use sekisho_store::queue::{Filter, Stage};
use sekisho_store::{ListId, meta};
use sekisho_testkit::ScriptedPeer;
use sekisho_testkit::peer::{Act, Script};

use super::rig::{BODY, Rig};

fn address(text: &str) -> Address {
    Address::parse(text).unwrap()
}

fn list(rig: &Rig, posting: Posting, members: &[&str]) -> ListId {
    let now = rig.clock.now();
    let members: Vec<Address> = members.iter().map(|member| address(member)).collect();
    rig.write(move |tx| {
        let settings = ListSettings {
            owner: "hana@example.jp".to_owned(),
            posting,
            subject_tag: "[all]".to_owned(),
            description: "Everybody".to_owned(),
        };
        let id = list::add(tx, &address("list-all@example.jp"), &settings, now)?;
        for member in &members {
            list::add_member(tx, id, member, now)?;
        }
        Ok(id)
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_post_reaches_all_members_and_bounces_reach_the_owner() {
    let mut rig = Rig::today();
    let script = Script::new().on_with("RCPT", "dead", Act::reply(550, "5.1.1 no"));
    let peer = ScriptedPeer::start(script).unwrap();
    rig.route_all(peer.address());
    list(&rig, Posting::Members, &["taro@example.jp", "a@b.example", "dead@b.example"]);
    rig.start();
    rig.queue(&["list-all@example.jp"]);
    rig.until("the bounce is with the owner", || rig.inbox("hana").len() == 1 && rig.waiting().is_empty()).await;
    let [copy] = rig.inbox("taro").try_into().unwrap();
    assert!(copy.starts_with("Return-Path: <list-all-bounces@example.jp>\r\n"), "{copy}");
    let headers = Headers::of(copy.as_bytes());
    assert_eq!(headers.text("Subject").as_deref(), Some("[all] hello"));
    assert_eq!(headers.text("Precedence").as_deref(), Some("list"));
    assert!(headers.text("List-Id").unwrap().contains("<list-all.example.jp>"));
    assert!(fields::has_passed(copy.as_bytes(), &address("list-all@example.jp")));
    assert!(copy.ends_with(".dot\r\nhi\r\n"));
    let [out] = peer.messages().try_into().unwrap();
    assert_eq!(
        (out.reverse_path.as_str(), out.recipients.as_slice()),
        ("list-all-bounces@example.jp", ["a@b.example".to_owned()].as_slice())
    );
    assert!(!String::from_utf8_lossy(&out.data).contains("Return-Path"));
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_may_not_post_hears_of_it_or_is_kept() {
    let mut rig = Rig::today();
    list(&rig, Posting::Members, &["hana@example.jp"]);
    rig.start();
    rig.queue(&["list-all@example.jp"]);
    rig.until("the author hears of it", || rig.inbox("taro").len() == 1 && rig.waiting().is_empty()).await;
    assert!(rig.journal(Kind::Fail)[0].1.starts_with("5.7.2"));
    let mut stranger = rig.message("inbound", Some("x@b.example"), &["list-all@example.jp"]);
    let mut staging = rig.store.stage();
    staging.write(b"From: x@b.example\r\nSubject: spam\r\n\r\nbuy\r\n").unwrap();
    stranger.content = staging.finish_blocking().unwrap().into();
    stranger.relay_offset = 0;
    rig.post(stranger);
    rig.until("the stranger's is kept", || {
        let waiting = rig.waiting();
        waiting.len() == 1 && waiting[0].stage == Stage::Holding
    })
    .await;
    assert!(rig.inbox("hana").is_empty());
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_post_that_comes_back_is_dropped_with_a_line() {
    let mut rig = Rig::today();
    list(&rig, Posting::Anyone, &["hana@example.jp"]);
    rig.start();
    for head in ["List-Id: Everybody <list-all.example.jp>\r\n", "Auto-Submitted: auto-replied\r\n"] {
        let mut again = rig.message("inbound", Some("x@b.example"), &["list-all@example.jp"]);
        let mut staging = rig.store.stage();
        staging.write(format!("{head}{BODY}").as_bytes()).unwrap();
        again.content = staging.finish_blocking().unwrap().into();
        again.relay_offset = 0;
        rig.post(again);
    }
    rig.drained().await;
    assert_eq!(rig.journal(Kind::Fail).len(), 2);
    assert!(rig.inbox("hana").is_empty());
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_expansion_goes_on_where_a_crash_left_it() {
    let mut rig = Rig::today();
    rig.settings.relay.routes = crate::relay::Routes::default();
    let members: Vec<String> = (0..1_700).map(|n| format!("m{n:05}@b.example")).collect();
    let id = list(&rig, Posting::Anyone, &members.iter().map(String::as_str).collect::<Vec<_>>());
    let post = rig.queue(&["list-all@example.jp"]);
    // A crash after the second step: what a server leaves that died there.
    let done = rig.read(move |tx| list::members(tx, id, "", 1_000));
    let (after, now) = (done.last().unwrap().key.clone(), rig.clock.now());
    let mark = after.clone();
    rig.write(move |tx| meta::set(tx, &format!("expansion:{}", post.recipient(0).0), Some(&mark)));
    rig.dns.servfail("b.example");
    rig.start();
    let to_members = Filter { domain: Some("b.example".to_owned()), ..Filter::default() };
    rig.until("it is expanded", || rig.recipients(&to_members) == 700 && rig.recipients(&Filter::default()) == 700)
        .await;
    assert!(rig.waiting().iter().all(|one| one.address > after));
    let left = rig.read(move |tx| meta::get(tx, &format!("expansion:{}", post.recipient(0).0)));
    assert_eq!(left, None);
    assert!(rig.clock.now() >= now);
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_in_an_expansion_every_member_gets_it_once() {
    let mut rig = Rig::today();
    let members: Vec<String> = (0..3_000).map(|n| format!("m{n:05}@b.example")).collect();
    list(&rig, Posting::Anyone, &members.iter().map(String::as_str).collect::<Vec<_>>());
    rig.dns.servfail("b.example");
    rig.queue(&["list-all@example.jp"]);
    let to_members = Filter { domain: Some("b.example".to_owned()), ..Filter::default() };
    for round in 1..4 {
        rig.start();
        rig.until("a step", || rig.recipients(&to_members) >= round * 500).await;
        rig.kill().await;
    }
    rig.start();
    rig.until("it is expanded", || {
        rig.recipients(&to_members) >= 3_000 && rig.waiting().iter().all(|one| one.stage == Stage::Domains)
    })
    .await;
    assert_eq!(rig.recipients(&to_members), 3_000);
    rig.stop().await;
}
