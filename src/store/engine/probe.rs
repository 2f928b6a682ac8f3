//! What is asked of a database before it is opened as a book, and what its owner does after rows
//! were brought in by the million.

use std::path::PathBuf;
use std::str::FromStr as _;

use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{ConnectOptions as _, Connection as _, Executor as _};

use super::Answer;
use super::open::{OpenOptions, bad_url, is_postgres, sqlite_path, without_password};
use crate::store::error::Result;

impl OpenOptions {
    /// Returns the address without a password, for messages.
    #[must_use]
    pub fn shown(&self) -> String {
        without_password(&self.url)
    }

    /// Returns the file of a SQLite book; `None` for a server's.
    ///
    /// # Errors
    /// [`crate::store::error::StoreError::BadUrl`] when it is neither.
    pub fn file(&self) -> Result<Option<PathBuf>> {
        match self.url.strip_prefix("sqlite:") {
            Some(path) => Ok(Some(PathBuf::from(sqlite_path(path)?))),
            None if is_postgres(&self.url) => Ok(None),
            None => Err(bad_url(&self.url, "it begins with sqlite: or postgres://")),
        }
    }

    /// Tells whether a server's database holds markets or sources already, whatever its schema;
    /// changes nothing.
    pub(crate) fn holds_markets(&self) -> Answer<'_, bool> {
        const MADE: &str =
            "SELECT to_regclass('public.markets') IS NOT NULL AND to_regclass('public.sources') IS NOT NULL";
        const HELD: &str = "SELECT EXISTS (SELECT FROM markets WHERE market_id <> 0) OR EXISTS (SELECT FROM sources)";
        Box::pin(async move {
            let mut connection = PgConnection::connect_with(&login(&self.url)?).await?;
            // A login that may not use the role asks as itself.
            let _ = connection.execute("SET ROLE socho_serve").await;
            let held = sqlx::query_scalar::<_, bool>(MADE).fetch_one(&mut connection).await?
                && sqlx::query_scalar::<_, bool>(HELD).fetch_one(&mut connection).await?;
            connection.close().await?;
            Ok(held)
        })
    }

    /// Has a server look at its tables once, so that its plans fit what was just loaded. Where the
    /// login may not, the server does so by itself within minutes.
    pub(crate) async fn refresh_statistics(&self) {
        let url = self.migrate_url.as_ref().unwrap_or(&self.url);
        let Ok(login) = login(url) else { return };
        let Ok(mut connection) = PgConnection::connect_with(&login).await else { return };
        let _ = connection.execute("SET ROLE socho_owner").await;
        let _ = connection.execute("ANALYZE").await;
        let _ = connection.close().await;
    }
}

fn login(url: &str) -> Result<PgConnectOptions> {
    let login = PgConnectOptions::from_str(url).map_err(|error| bad_url(url, &error.to_string()))?;
    Ok(login.disable_statement_logging())
}
