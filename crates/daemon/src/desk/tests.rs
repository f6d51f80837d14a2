#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;

use sekisho_control::command::{AccountCommand, DomainCommand, NewPerson, QueueCommand, Secret};
use sekisho_net::Clock;
use sekisho_store::queue::Filter;
use sekisho_testkit::TempDir;
use tokio_util::sync::CancellationToken;

use super::*;
use crate::config::{Config, Settings, write_first};
use crate::trouble::Exit;

const PASSWORD: &str = "copper lantern violet sawmill";

fn settings(dir: &TempDir) -> Settings {
    let text = "hostname = 'mx.example.jp'\n";
    write_first(dir.path(), text).unwrap();
    Settings { dir: dir.path().to_owned(), config: Config::parse(text).unwrap() }
}

fn add_domain(name: &str) -> Command {
    Command::Domain(DomainCommand::Add { name: name.into() })
}

fn add_account(address: &str, password: &str) -> Command {
    Command::Account(AccountCommand::Add(NewPerson {
        address: address.into(),
        full_name: "太郎".into(),
        password: Secret(password.into()),
        role: Default::default(),
        quota: None,
        language: Default::default(),
        must_change: false,
    }))
}

/// Runs `verbs` on a thread of their own while a desk answers on the control socket of `settings`.
fn with_server<T: Send + 'static>(settings: &Settings, verbs: impl FnOnce(&mut Caller) -> T + Send + 'static) -> T {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let settings = settings.clone();
    runtime.block_on(async {
        let lock = crate::lock::Lock::take(&settings.dir).unwrap();
        assert!(lock.is_some());
        let desk = open(Arc::new(settings.clone()), Clock::system()).await.unwrap().desk;
        let listener = bind(&settings.dir).unwrap();
        let stop = CancellationToken::new();
        let (inner, dir, end) = (desk.clone(), settings.dir.clone(), stop.clone());
        let serving = tokio::spawn(async move { serve(inner, listener, &dir, end).await });
        let result = tokio::task::spawn_blocking(move || verbs(&mut Caller::find(&settings).unwrap())).await.unwrap();
        stop.cancel();
        serving.await.unwrap();
        desk.control.store().close().await;
        result
    })
}

#[test]
fn verbs_say_the_same_over_the_socket_and_on_the_store() {
    let dir = TempDir::new("desk").unwrap();
    let settings = settings(&dir);
    let script = |caller: &mut Caller, domain: &str| {
        caller.run(add_domain(domain), &mut |_| {}).unwrap();
        caller.run(add_account(&format!("taro@{domain}"), PASSWORD), &mut |_| {}).unwrap();
        let weak = caller.run(add_account(&format!("jiro@{domain}"), "sakura123"), &mut |_| {}).unwrap_err();
        assert_eq!(weak.exit, Exit::Found);
        assert!(weak.text.ja.contains("sakura"), "{weak:?}");
        let account = caller.ask(Query::Account { address: format!("TARO@{domain}") }).unwrap();
        assert_eq!((&account["name"], &account["state"]), (&"太郎".into(), &"active".into()));
        let missing = caller.ask(Query::Account { address: format!("x@{domain}") }).unwrap_err();
        assert_eq!(missing.exit, Exit::Found);
        let purge = QueueCommand::Purge { filter: Filter::default(), confirmed: false };
        assert!(caller.run(Command::Queue(purge), &mut |_| {}).unwrap_err().question);
    };
    let socket = with_server(&settings, move |caller| {
        assert!(matches!(caller, Caller::Server(_)));
        script(caller, "socket.example");
        caller.ask(Query::Domains).unwrap().as_array().unwrap().len()
    });
    assert_eq!(socket, 1);
    let mut caller = Caller::find(&settings).unwrap();
    assert!(matches!(caller, Caller::Here(_)));
    script(&mut caller, "direct.example");
    assert_eq!(caller.ask(Query::Domains).unwrap().as_array().unwrap().len(), 2);
    let page = caller.ask(Query::Accounts { domain: Some("direct.example".into()), after: String::new() }).unwrap();
    assert_eq!(page["accounts"].as_array().unwrap().len(), 1);
}

#[test]
fn acts_over_the_socket_are_journalled_with_the_callers_name() {
    let dir = TempDir::new("desk").unwrap();
    let settings = settings(&dir);
    let page = with_server(&settings, |caller| {
        caller.run(add_domain("example.jp"), &mut |_| {}).unwrap();
        let filter = sekisho_store::journal::JournalFilter {
            kinds: vec![sekisho_store::journal::Kind::Act],
            ..Default::default()
        };
        caller.ask(Query::Logs { filter, after: 0, limit: 10 }).unwrap()
    });
    let who = page["entries"][0]["entry"]["detail"]["who"].as_str().unwrap();
    assert!(who.starts_with("shell:"), "{page}");
    assert_eq!(page["end"], true);
}

#[test]
fn what_is_no_request_ends_the_call_and_not_the_server() {
    let dir = TempDir::new("desk").unwrap();
    let settings = settings(&dir);
    let path = settings.dir.join(SOCKET);
    with_server(&settings, move |caller| {
        for rubbish in
            [&b"GET / HTTP/1.0\r\n\r\n"[..], b"{}\n", b"{\"run\":{\"command\":\"explode\"}}\n", b"\xff\xfe\n"]
        {
            let mut stream = UnixStream::connect(&path).unwrap();
            stream.write_all(rubbish).unwrap();
            stream.shutdown(std::net::Shutdown::Write).unwrap();
            let mut said = Vec::new();
            stream.read_to_end(&mut said).unwrap();
            assert!(said.is_empty(), "{:?}", String::from_utf8_lossy(&said));
        }
        assert!(caller.ask(Query::Domains).is_ok());
    });
}

#[test]
fn the_socket_is_its_owners_alone_and_goes_with_the_server() {
    use std::os::unix::fs::PermissionsExt;
    let dir = TempDir::new("desk").unwrap();
    let settings = settings(&dir);
    let path = settings.dir.join(SOCKET);
    let mode = with_server(&settings, {
        let path = path.clone();
        move |_| std::fs::metadata(path).unwrap().permissions().mode() & 0o777
    });
    assert_eq!(mode, 0o600);
    assert!(!path.exists());
}
