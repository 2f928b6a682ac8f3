//! Starts the `socho` command.

fn main() {}
