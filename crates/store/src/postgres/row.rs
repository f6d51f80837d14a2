//! Values on their way to PostgreSQL and back, and its errors.

use std::error::Error as StdError;

use bytes::BytesMut;
use tokio_postgres::error::SqlState;
use tokio_postgres::types::{IsNull, ToSql, Type, to_sql_checked};

use crate::{Error, Param, Result, Row, Value};

/// A parameter as the driver wants it.
#[derive(Debug)]
pub(super) struct PgParam<'a>(pub(super) Param<'a>);

impl ToSql for PgParam<'_> {
    fn to_sql(&self, ty: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn StdError + Sync + Send>> {
        match self.0 {
            Param::Null => Ok(IsNull::Yes),
            Param::Int(n) if *ty == Type::INT4 => i32::try_from(n)?.to_sql(ty, out),
            Param::Int(n) => n.to_sql(&Type::INT8, out),
            // PostgreSQL keeps no NUL in texts.
            Param::Text(text) if text.contains('\0') => text.replace('\0', "\u{fffd}").to_sql(ty, out),
            Param::Text(text) => text.to_sql(ty, out),
            Param::Blob(bytes) => bytes.to_sql(ty, out),
        }
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}

/// A row of an answer.
pub(super) struct PgRow<'a>(pub(super) &'a tokio_postgres::Row);

impl Row for PgRow<'_> {
    fn value(&self, column: usize) -> Result<Value<'_>> {
        let Some(description) = self.0.columns().get(column) else {
            return Err(Error::Engine(format!("no column {column}")));
        };
        let value = match *description.type_() {
            Type::INT8 => self.0.try_get::<_, Option<i64>>(column).map(|n| n.map(Value::Int)),
            Type::INT4 => self.0.try_get::<_, Option<i32>>(column).map(|n| n.map(|n| Value::Int(n.into()))),
            Type::BOOL => self.0.try_get::<_, Option<bool>>(column).map(|b| b.map(|b| Value::Int(b.into()))),
            Type::BYTEA => self.0.try_get::<_, Option<&[u8]>>(column).map(|b| b.map(Value::Blob)),
            _ => self.0.try_get::<_, Option<&str>>(column).map(|t| t.map(Value::Text)),
        };
        Ok(value.map_err(|error| failure(&error))?.unwrap_or(Value::Null))
    }
}

/// What an error of PostgreSQL means here.
pub(super) fn failure(error: &tokio_postgres::Error) -> Error {
    let Some(state) = error.code() else {
        return if error.is_closed() {
            Error::Unavailable("the connection to PostgreSQL is closed".into())
        } else {
            Error::Unavailable(with_cause(error))
        };
    };
    let words = with_cause(error);
    match state {
        &SqlState::DISK_FULL => Error::Full,
        &SqlState::UNIQUE_VIOLATION | &SqlState::NOT_NULL_VIOLATION | &SqlState::CHECK_VIOLATION => {
            Error::Conflict(words)
        }
        &SqlState::DATA_CORRUPTED | &SqlState::INDEX_CORRUPTED => Error::Corrupt(words),
        // Connection exceptions, lack of resources, intervention of an operator, transaction rollback.
        _ if ["08", "53", "57", "40"].iter().any(|class| state.code().starts_with(class)) => Error::Unavailable(words),
        _ => Error::Engine(words),
    }
}

/// Whether the whole transaction may succeed when it runs again at once.
pub(super) fn is_conflict(error: &tokio_postgres::Error) -> bool {
    let state = error.code();
    state == Some(&SqlState::T_R_SERIALIZATION_FAILURE) || state == Some(&SqlState::T_R_DEADLOCK_DETECTED)
}

fn with_cause(error: &tokio_postgres::Error) -> String {
    match error.source() {
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
    }
}
