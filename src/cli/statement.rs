//! `socho statement`.

use clap::{Args, Subcommand};

use super::Context;
use super::output::{Exit, Failure, Lang, line, read_input, to_stdout};
use crate::app::read_statement::{FILE_BYTES_MAX, MAP_BYTES_MAX, read_statement, to_json, to_table};
use crate::domain::language::Language;

#[derive(Debug, Subcommand)]
pub(super) enum Statement {
    /// Read a bank's statement (XLSX, CSV, camt.053/054, MT940) and prove it to the đồng; no database
    #[command(
        after_help = "Example: socho statement parse sao-ke-0626.xlsx --json\nAn unknown bank: socho statement parse x.csv --map profile.toml (the form of the files in src/bank/statement/layouts)"
    )]
    Parse(Parse),
}

#[derive(Debug, Args)]
pub(super) struct Parse {
    /// The file, - for standard input
    file: String,
    /// A layout (TOML) for a bank that is not known: its header words and signs
    #[arg(long, value_name = "PROFILE")]
    map: Option<String>,
}

pub(super) fn run(context: &Context, command: Statement) -> Result<Exit, Failure> {
    let Statement::Parse(parse) = command;
    let map = parse.map.as_deref().map(read_map).transpose()?;
    let bytes = read_input(&parse.file, limit(FILE_BYTES_MAX))?;
    let file = read_statement(&bytes, map.as_deref())?;
    if context.json {
        line(to_json(&file)?);
    } else {
        let language = match context.lang {
            Lang::Vi => Language::Vietnamese,
            Lang::En => Language::English,
        };
        to_stdout(&to_table(&file, language));
    }
    Ok(Exit::Ok)
}

fn read_map(path: &str) -> Result<String, Failure> {
    String::from_utf8(read_input(path, limit(MAP_BYTES_MAX))?)
        .map_err(|_| Failure::new(Exit::Refused, format!("{path} không phải UTF-8."), format!("{path} is not UTF-8.")))
}

fn limit(bytes: usize) -> u64 {
    u64::try_from(bytes).unwrap_or(u64::MAX)
}
