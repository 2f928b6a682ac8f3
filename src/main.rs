//! Starts the `socho` command.

fn main() -> std::process::ExitCode {
    socho::cli::run()
}
