#![allow(clippy::unwrap_used, clippy::expect_used)]
use rusqlite::Connection;

use super::{VERSION, migrate_to, run};
use crate::sqlite::SqliteTx;
use crate::{Tx, TxExt};

fn version(tx: &mut dyn Tx) -> i64 {
    tx.one("SELECT MAX(version) FROM schema_version", &[], |row| row.int(0)).unwrap().unwrap()
}

#[test]
fn a_database_of_every_release_is_brought_up_to_date_and_keeps_what_is_in_it() {
    for from in 1..VERSION {
        let connection = Connection::open_in_memory().unwrap();
        let tx = &mut SqliteTx::new(&connection);
        migrate_to(tx, from).unwrap();
        assert_eq!(version(tx), from);
        tx.execute("INSERT INTO domain (name, created) VALUES ('example.jp', 1)", &[]).unwrap();
        run(tx).unwrap();
        assert_eq!(version(tx), VERSION);
        assert_eq!(
            tx.one("SELECT name FROM domain", &[], |row| Ok(row.text(0)?.to_owned())).unwrap().unwrap(),
            "example.jp"
        );
        // Whatever the newest tables are, they are there and empty.
        for table in crate::copy::TABLES {
            tx.one(&format!("SELECT COUNT(*) FROM {}", table.name), &[], |row| row.int(0)).unwrap().unwrap();
        }
        run(tx).unwrap();
        assert_eq!(version(tx), VERSION, "a second run changes nothing");
    }
}

#[test]
fn gaps_between_uids_are_found() {
    let connection = Connection::open_in_memory().unwrap();
    let tx = &mut SqliteTx::new(&connection);
    migrate_to(tx, 1).unwrap();
    for (id, uidnext) in [(1i32, 10i32), (2, 4), (3, 1), (4, 6)] {
        tx.execute(
            "INSERT INTO mailbox (id, account, name, uidvalidity, uidnext, modseq, messages, unseen, deleted, size,
                 subscribed, first_recent, history_floor) VALUES (?1, 1, ?1, 1, ?2, 1, 0, 0, 0, 0, 0, 1, 1)",
            &[i64::from(id).into(), i64::from(uidnext).into()],
        )
        .unwrap();
    }
    for (mailbox, uid) in [(1i32, 2i32), (1, 3), (1, 7), (2, 1), (2, 2), (2, 3)] {
        tx.execute(
            "INSERT INTO mail (mailbox, uid, content, flags, modseq, date, size) VALUES (?1, ?2, 1, 0, 1, 1, 1)",
            &[i64::from(mailbox).into(), i64::from(uid).into()],
        )
        .unwrap();
    }
    run(tx).unwrap();
    let gaps = tx.all("SELECT mailbox, first, last FROM gap ORDER BY mailbox, first", &[], |row| {
        Ok((row.int(0)?, row.int(1)?, row.int(2)?))
    });
    assert_eq!(gaps.unwrap(), [(1, 1, 1), (1, 4, 6), (1, 8, 9), (4, 1, 5)]);
}

#[test]
fn a_newer_database_is_left_alone() {
    let connection = Connection::open_in_memory().unwrap();
    let tx = &mut SqliteTx::new(&connection);
    run(tx).unwrap();
    tx.execute("INSERT INTO schema_version (version) VALUES (?1)", &[(VERSION + 1).into()]).unwrap();
    assert!(run(tx).is_err());
}
