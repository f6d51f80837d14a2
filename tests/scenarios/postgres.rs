//! The whole server over PostgreSQL.

use std::time::Duration;

use sekisho_testkit::postgres::TempPostgres;

use crate::support::wire::Wire;
use crate::support::{PASSWORD, Server, Setup, client, until};

#[test]
fn mail_is_taken_delivered_and_read_over_postgresql_and_survives_kill_9() {
    let url = TempPostgres::database().unwrap();
    let mut server = Server::start(&Setup { accounts: &["user"], store: Some(&url), ..Setup::default() });
    let user = server.address("user");
    let mut acknowledged = 0;
    for round in 0..3 {
        if round > 0 {
            server.launch();
        }
        let mut wire = Wire::smtp(server.ports.smtp);
        for n in 0..20 {
            let text = format!("From: a@outside.example\r\nSubject: key-{round}-{n}\r\n\r\nbody");
            assert!(wire.message("a@outside.example", &user, &text).starts_with("250"));
            acknowledged += 1;
        }
        server.kill();
    }
    server.launch();
    until("delivered", Duration::from_secs(30), || server.queued() == 0);
    let url = format!("imaps://127.0.0.1:{}/INBOX?SUBJECT%20key", server.ports.imaps);
    let found = client("curl", &["-sSk", "--url", &url, "-u", &format!("{user}:{PASSWORD}")], &server.data);
    let found = found.split_whitespace().filter(|word| word.parse::<u32>().is_ok()).count();
    assert!(found >= acknowledged, "{acknowledged} acknowledged, {found} found");
    assert!(server.cli(&["store", "check"]).status.success());
}
