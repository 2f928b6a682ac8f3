//! `socho prove`.

use clap::Args;

use super::Context;
use super::output::{Exit, Failure, to_stdout, write_output};
use crate::domain::ids::PostingName;

/// The proof that a posting lies in a closed day, as a small JSON file.
#[derive(Debug, Args)]
#[command(
    after_help = "Anybody with the market's public key checks it without our database\n(socho key list shows the key):\n  socho verify TAN-123.json --key KEY\n\nExample: socho prove TAN-123 -o TAN-123.json"
)]
pub(super) struct Prove {
    /// The posting, for example TAN-123
    posting: PostingName,
    /// A file to write instead of standard output
    #[arg(short, long)]
    output: Option<String>,
}

pub(super) async fn run(context: &Context, command: Prove) -> Result<Exit, Failure> {
    let app = context.open().await?;
    let proof = app.prove(&command.posting).await?;
    app.close().await;
    let text = serde_json::to_string_pretty(&proof).map_err(crate::app::error::AppError::internal)?;
    match command.output.as_deref() {
        None | Some("-") => to_stdout(&format!("{text}\n")),
        Some(path) => write_output(path, format!("{text}\n").as_bytes())?,
    }
    Ok(Exit::Ok)
}
