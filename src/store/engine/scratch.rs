//! What a bench needs of each engine and nothing else does: a database of its own on a server, and
//! the bytes that tables take.

use std::str::FromStr as _;

use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, Executor as _};

use super::Transaction;
use super::open::connect;
use crate::store::error::{Result, StoreError};

/// Makes a database beside the one that the address names; returns its address. The name is the
/// caller's own, letters, digits and underscores.
pub(crate) async fn create_database(server: &str, name: &str) -> Result<String> {
    let login = login(server)?;
    let mut connection = connect(&login).await?;
    connection.execute(AssertSqlSafe(format!("CREATE DATABASE {name}"))).await?;
    connection.close().await?;
    Ok(login.database(name).to_url_lossy().to_string())
}

/// Drops a database that [`create_database`] made, whoever is still connected.
pub(crate) async fn drop_database(server: &str, name: &str) -> Result<()> {
    let mut connection = connect(&login(server)?).await?;
    connection.execute(AssertSqlSafe(format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"))).await?;
    connection.close().await?;
    Ok(())
}

fn login(server: &str) -> Result<PgConnectOptions> {
    PgConnectOptions::from_str(server)
        .map(PgConnectOptions::disable_statement_logging)
        .map_err(|error| StoreError::BadUrl { url: "postgres://…".to_owned(), rule: error.to_string() })
}

impl Transaction {
    /// The text that lists every table with the bytes it takes, indexes included. Each engine keeps
    /// its own books about pages.
    pub(crate) fn table_bytes_sql(&self) -> &'static str {
        match self {
            Self::Sqlite(_) | Self::File(_) => {
                "SELECT m.tbl_name AS name, CAST(SUM(s.pgsize) AS BIGINT) AS bytes FROM dbstat s \
                 JOIN sqlite_schema m ON m.name = s.name WHERE s.aggregate = TRUE GROUP BY m.tbl_name ORDER BY 1"
            }
            Self::Postgres(_) | Self::Lane(_) => {
                "SELECT CAST(relname AS TEXT) AS name, pg_total_relation_size(oid) AS bytes FROM pg_class \
                 WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace ORDER BY 1"
            }
        }
    }
}
