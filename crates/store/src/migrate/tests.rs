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
fn a_newer_database_is_left_alone() {
    let connection = Connection::open_in_memory().unwrap();
    let tx = &mut SqliteTx::new(&connection);
    run(tx).unwrap();
    tx.execute("INSERT INTO schema_version (version) VALUES (?1)", &[(VERSION + 1).into()]).unwrap();
    assert!(run(tx).is_err());
}
