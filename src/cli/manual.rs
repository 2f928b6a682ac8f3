//! `socho completions`, `man` and `openapi`: what shells, `man` and other programs read,
//! made from the code itself.

use clap::{Args, CommandFactory as _};
use clap_complete::Shell;

use super::output::{Exit, Failure, line, to_stdout};

/// Prints what a shell completes; bash, elvish, fish, powershell or zsh.
#[derive(Debug, Args)]
#[command(after_help = "Example: socho completions bash > /etc/bash_completion.d/socho")]
pub(super) struct Completions {
    /// The shell
    shell: Shell,
}

/// Writes the manual: a page for every command.
#[derive(Debug, Args)]
#[command(after_help = "Example: socho man --out /usr/local/share/man/man1")]
pub(super) struct Man {
    /// The folder that takes the pages; without it the first page is printed
    #[arg(long)]
    out: Option<String>,
}

/// Prints the API's document, as `/openapi.json` serves it.
#[derive(Debug, Args)]
#[command(after_help = "Example: socho openapi > socho.json")]
pub(super) struct OpenApi {}

pub(super) fn openapi() -> Exit {
    line(crate::web::openapi());
    Exit::Ok
}

pub(super) fn completions(command: &Completions) -> Exit {
    let mut text = Vec::new();
    clap_complete::generate(command.shell, &mut super::Cli::command(), "socho", &mut text);
    to_stdout(&String::from_utf8_lossy(&text));
    Exit::Ok
}

pub(super) fn man(command: &Man) -> Result<Exit, Failure> {
    let failed = |error: std::io::Error| {
        let place = command.out.as_deref().unwrap_or("-");
        let vi = format!("Không ghi được vào {place}: {error}.");
        Failure::new(Exit::Refused, vi, format!("Cannot write into {place}: {error}."))
    };
    let tree = super::Cli::command();
    if let Some(folder) = &command.out {
        std::fs::create_dir_all(folder).and_then(|()| clap_mangen::generate_to(tree, folder)).map_err(failed)?;
        line(folder);
    } else {
        let mut text = Vec::new();
        clap_mangen::Man::new(tree).render(&mut text).map_err(failed)?;
        to_stdout(&String::from_utf8_lossy(&text));
    }
    Ok(Exit::Ok)
}
