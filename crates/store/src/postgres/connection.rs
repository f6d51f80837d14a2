//! Connections, their pool and transactions on them.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Config, NoTls, Statement};

use super::row::{PgParam, PgRow, failure, is_conflict};
use crate::engine::ReadJob;
use crate::store::wait;
use crate::{ContentId, Engine, Error, Param, Result, Row, Tx};

/// Connections that are kept when nobody uses them.
const IDLE: usize = 16;

/// How often a transaction that met a conflict is run before the caller hears of it.
const ATTEMPTS: u32 = 12;

/// Makes connections and keeps them for the next user.
pub(super) struct Connector {
    config: Config,
    runtime: Handle,
    idle: Mutex<Option<Vec<Connection>>>,
}

impl Connector {
    pub(super) fn new(url: &str, runtime: Handle) -> Result<Self> {
        // The driver's own words may quote the URL, and with it the password.
        let mut config: Config =
            url.parse().map_err(|_| Error::Conflict("the postgres: URL of the store is malformed".into()))?;
        config.connect_timeout(Duration::from_secs(10)).application_name("sekisho");
        Ok(Self { config, runtime, idle: Mutex::new(Some(Vec::new())) })
    }

    pub(super) fn config(&self) -> &Config {
        &self.config
    }

    /// Runs `read` once on one snapshot.
    pub(super) fn read(&self, read: ReadJob<'_>) -> Result<()> {
        let mut connection = self.begin("BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY")?;
        read(&mut connection.tx());
        connection.say("COMMIT")?;
        self.give_back(connection);
        Ok(())
    }

    /// Runs `write` until it commits or fails for good.
    pub(super) fn write(&self, write: &mut dyn FnMut(&mut dyn Tx) -> Result<()>) -> Result<()> {
        let mut attempt = 0;
        loop {
            attempt += 1;
            match self.try_write(write) {
                Attempt::Ended(outcome) => return outcome,
                Attempt::Again(error) if attempt >= ATTEMPTS => return Err(error),
                // Whoever lost against each other should not meet again at once.
                Attempt::Again(_) => std::thread::sleep(Duration::from_millis(u64::from(attempt * attempt))),
            }
        }
    }

    fn try_write(&self, write: &mut dyn FnMut(&mut dyn Tx) -> Result<()>) -> Attempt {
        let mut connection = match self.begin("BEGIN ISOLATION LEVEL READ COMMITTED") {
            Ok(connection) => connection,
            Err(error) => return Attempt::Ended(Err(error)),
        };
        let mut tx = connection.tx();
        let outcome = write(&mut tx);
        let (again, failed) = (tx.again, tx.failed.take());
        // After a failed statement COMMIT would be a ROLLBACK that says nothing.
        let outcome = outcome.and_then(|()| failed.map_or(Ok(()), Err));
        if let Err(error) = outcome {
            let lost = connection.client.is_closed();
            if !lost && connection.say("ROLLBACK").is_ok() {
                self.give_back(connection);
            }
            return if again || lost { Attempt::Again(error) } else { Attempt::Ended(Err(error)) };
        }
        match wait(connection.client.batch_execute("COMMIT")) {
            Ok(()) => {
                self.give_back(connection);
                Attempt::Ended(Ok(()))
            }
            Err(error) if is_conflict(&error) => Attempt::Again(failure(&error)),
            // It may have been committed or not: only the caller can find out.
            Err(error) => Attempt::Ended(Err(failure(&error))),
        }
    }

    pub(super) fn close(&self) {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).take();
    }

    /// A connection in a new transaction.
    fn begin(&self, words: &str) -> Result<Connection> {
        loop {
            let kept = match self.idle.lock().unwrap_or_else(PoisonError::into_inner).as_mut() {
                Some(idle) => idle.pop(),
                None => return Err(super::closed()),
            };
            let Some(mut connection) = kept else {
                let mut connection = self.connect()?;
                connection.say(words)?;
                return Ok(connection);
            };
            // One that died while nobody used it is replaced.
            if connection.say(words).is_ok() {
                return Ok(connection);
            }
        }
    }

    fn connect(&self) -> Result<Connection> {
        let config = self.config.clone();
        let connecting = self.runtime.spawn(async move {
            let (client, connection) = config.connect(NoTls).await?;
            tokio::spawn(async move {
                if let Err(error) = connection.await {
                    tracing::warn!(%error, "a connection to PostgreSQL ended");
                }
            });
            Ok::<_, tokio_postgres::Error>(client)
        });
        let connected = wait(connecting).map_err(|error| Error::Unavailable(error.to_string()))?;
        let client = connected.map_err(|error| failure(&error))?;
        Ok(Connection { client, statements: HashMap::new() })
    }

    fn give_back(&self, connection: Connection) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(idle) = idle.as_mut().filter(|idle| idle.len() < IDLE) {
            idle.push(connection);
        }
    }
}

enum Attempt {
    Ended(Result<()>),
    Again(Error),
}

/// One connection and the statements that it knows.
struct Connection {
    client: Client,
    statements: HashMap<String, Statement>,
}

impl Connection {
    fn say(&mut self, words: &str) -> Result<()> {
        wait(self.client.batch_execute(words)).map_err(|error| failure(&error))
    }

    fn tx(&mut self) -> PgTx<'_> {
        PgTx { connection: self, again: false, failed: None }
    }
}

/// A transaction (begun and ended by the [`Connector`]).
struct PgTx<'c> {
    connection: &'c mut Connection,
    /// A statement met a conflict: the transaction should run again.
    again: bool,
    /// The first statement that failed: nothing of this transaction can be committed.
    failed: Option<Error>,
}

impl PgTx<'_> {
    fn run<T>(
        &mut self,
        sql: &str,
        params: &[Param<'_>],
        ask: impl FnOnce(&Client, &Statement, &[&(dyn ToSql + Sync)]) -> Result<T, tokio_postgres::Error>,
    ) -> Result<T> {
        let Connection { client, statements } = &mut *self.connection;
        if !statements.contains_key(sql) {
            let prepared = wait(client.prepare(&translate(sql)))
                .map_err(|error| self.failed.get_or_insert_with(|| failure(&error)).clone())?;
            statements.insert(sql.to_owned(), prepared);
        }
        let Some(statement) = statements.get(sql) else {
            return Err(Error::Engine("a statement was not kept".into()));
        };
        let params: Vec<PgParam<'_>> = params.iter().map(|param| PgParam(*param)).collect();
        let params: Vec<&(dyn ToSql + Sync)> = params.iter().map(|param| param as _).collect();
        ask(client, statement, &params).map_err(|error| {
            self.again |= is_conflict(&error);
            self.failed.get_or_insert_with(|| failure(&error)).clone()
        })
    }
}

impl Tx for PgTx<'_> {
    fn query(&mut self, sql: &str, params: &[Param<'_>], each: &mut dyn FnMut(&dyn Row) -> Result<()>) -> Result<()> {
        let rows = self.run(sql, params, |client, statement, params| wait(client.query(statement, params)))?;
        rows.iter().try_for_each(|row| each(&PgRow(row)))
    }

    fn execute(&mut self, sql: &str, params: &[Param<'_>]) -> Result<u64> {
        self.run(sql, params, |client, statement, params| wait(client.execute(statement, params)))
    }

    fn body_start(
        &mut self,
        content: ContentId,
        octets: usize,
        each: &mut dyn FnMut(&[u8], u64) -> Result<()>,
    ) -> Result<bool> {
        let mut found = false;
        self.query(
            "SELECT substr(bytes, 1, CAST(?2 AS integer)), CAST(length(bytes) AS bigint) FROM body WHERE content = ?1",
            &[content.into(), octets.into()],
            &mut |row| {
                found = true;
                each(row.blob(0)?, row.count(1)?)
            },
        )?;
        Ok(found)
    }

    fn engine(&self) -> Engine {
        Engine::Postgres
    }
}

/// Our SQL in PostgreSQL's words: placeholders and locks.
fn translate(sql: &str) -> String {
    sql.replace('?', "$").replace("/*lock*/", "FOR UPDATE")
}

#[cfg(test)]
mod tests {
    use super::translate;

    #[test]
    fn placeholders_and_locks() {
        assert_eq!(
            translate("SELECT a FROM t WHERE b = ?1 AND c = ?12 /*lock*/"),
            "SELECT a FROM t WHERE b = $1 AND c = $12 FOR UPDATE"
        );
    }
}
