//! Starts the `socho` command.

/// The system's allocator, SQLite's included, was a fifth of a settlement (`benches/NOTES.md`).
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    socho::cli::run()
}
