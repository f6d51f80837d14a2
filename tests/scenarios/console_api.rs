//! The interface for programs against its own document, by schemathesis: whatever is sent, no answer is a failure of the server, and none is
//! other than the document says.

use std::process::Command;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use sekisho_console::{api::SCOPES, secret};
use sekisho_message::Time;
use sekisho_store::console::{self, NewToken};
use sekisho_store::{Settings, Store, account};

use crate::support::{PASSWORD, Server, Setup, free_port, text};

/// Which `scripts/install-test-packages` fetches.
const SCHEMATHESIS: &str = "/usr/local/share/sekisho-test/venv/bin/schemathesis";

/// Gives an account a token with every scope, before the server starts.
fn token(server: &Server, address: &str) -> String {
    let token = format!("sek_{}", address.replace(['@', '.'], "0").repeat(3));
    let url = format!("sqlite:{}", server.data.join("sekisho.db").display());
    let store = Store::open(&Settings { url, blobs: server.data.join("blobs"), node: "test".into() }).unwrap();
    let scopes: Vec<&str> = SCOPES.iter().map(|grant| grant.name).collect();
    let (scopes, hash, key) = (scopes.join(" "), secret::hash(&token), address.to_owned());
    let now = Time::from_seconds(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() as i64);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let add = move |tx: &mut dyn sekisho_store::Tx| {
            let account = account::get(tx, &key)?.unwrap().id;
            let until = now + Duration::from_secs(86_400);
            console::token(tx, &NewToken { account, name: "test", hash: &hash, scopes: &scopes, until }, now).map(drop)
        };
        store.write(add).await.unwrap();
        store.close().await;
    });
    token
}

/// Runs it with what is always the same.
fn run(server: &Server, port: u16, token: &str, more: &[&str]) {
    let done = Command::new(SCHEMATHESIS)
        .args(["run", &format!("https://127.0.0.1:{port}/api/v1/openapi.json")])
        .args(["-H", &format!("Authorization: Bearer {token}"), "--tls-verify=false", "--no-color", "--warnings=off"])
        // A request that fits the document may still ask for what cannot be done.
        .args(["--checks=all", "--exclude-checks=positive_data_acceptance", "--continue-on-failure", "--seed=7"])
        .args(["--generation-deterministic", "--max-time=40", "--request-timeout=60"])
        .args(more)
        .current_dir(&server.data)
        .env("HOME", &server.data)
        .output()
        .unwrap_or_else(|e| panic!("{SCHEMATHESIS}: {e}; scripts/install-test-packages fetches it"));
    let told = text(&done);
    assert!(done.status.success(), "{told}");
    println!("{}", told.lines().filter(|line| line.contains("generated")).collect::<String>());
}

#[test]
fn the_document_is_true_for_whatever_is_sent() {
    let port = free_port();
    let setup = Setup { domain: "example.jp", accounts: &["taro", "hanako"], console: Some(port), ..Setup::default() };
    let mut server = Server::prepare(&setup);
    let args = ["account", "add", "boss@example.jp", "--role", "system_admin", "--password-stdin"];
    assert!(server.cli_with(&args, PASSWORD).status.success());
    let (boss, taro) = (token(&server, "boss@example.jp"), token(&server, "hanako@example.jp"));
    server.launch();
    // The examples of the document are about people who are there.
    run(&server, port, &boss, &["--phases=examples,coverage,fuzzing", "--max-examples=3"]);
    run(&server, port, &taro, &["--phases=examples,fuzzing", "--max-examples=2"]);
    assert!(!server.log().contains("panicked"), "{}", server.log());
}
