//! The settings file. A key that is not known is an error: a typing mistake must not pass for a
//! setting.

use serde::Deserialize;

use super::output::{Exit, Failure};

/// Largest settings file, in bytes.
const LIMIT: u64 = 1 << 20;

/// What the file may say; the same names as the flags.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    pub(super) db: Option<String>,
    pub(super) migrate_db: Option<String>,
    pub(super) keys: Option<String>,
    pub(super) bind: Option<String>,
    pub(super) public_url: Option<String>,
    pub(super) ingest_bind: Option<String>,
}

impl File {
    /// Reads the file; no file, no settings.
    pub(super) fn load(path: Option<&str>) -> Result<Self, Failure> {
        let Some(path) = path else { return Ok(Self::default()) };
        let refuse = |why: String| {
            let vi = format!("Tệp cấu hình {path} không dùng được: {why}");
            Failure::new(Exit::Configuration, vi, format!("The settings file {path} cannot be used: {why}"))
        };
        let bytes = super::output::read_input(path, LIMIT).map_err(|failure| refuse(failure.message.en))?;
        let text = String::from_utf8(bytes).map_err(|_| refuse("it is not UTF-8".to_owned()))?;
        toml::from_str(&text).map_err(|error| refuse(error.to_string()))
    }
}
