//! All integration tests, in one binary so that it links once.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    clippy::assigning_clones,
    clippy::too_many_lines,
    clippy::type_complexity,
    clippy::wildcard_enum_match_arm,
    reason = "a test fails by panicking, tells why, and may be as long as its story"
)]

mod access;
mod answers;
mod architecture;
mod audit_anchors;
mod audit_log;
mod backup;
mod backup_command;
mod bench;
mod board;
mod browser;
mod cards;
mod clinic;
mod command_words;
mod contract;
mod corrections;
mod daily_report;
mod deliveries;
mod delivery_log;
mod dialect_edges;
mod dialects;
mod events;
mod evidence;
mod feeds;
mod fire;
mod flipped_bytes;
mod foreign_bytes;
mod foreign_databases;
mod guide;
mod hostile;
mod idempotency;
mod import_files;
mod ingest_file;
mod listening;
mod logins;
mod memos;
mod migrate;
mod operate;
mod page_plans;
mod paired_phones;
mod papers;
mod people_commands;
mod periods;
mod prints;
mod privacy;
mod query_plans;
mod reconcile;
mod reconcile_clock;
mod reconcile_properties;
mod reconcile_rules;
mod registration;
mod reports;
mod schema_parity;
mod seal;
mod seal_command;
mod sealed_secrets;
mod security;
mod serve;
mod settlements;
mod silence;
mod simulate;
mod soc;
mod stall_book;
mod statement_board;
mod statement_files;
mod statement_fire;
mod statement_maps;
mod statement_memory;
mod statement_refusals;
mod statement_words;
mod statements;
mod tls;
mod upgrade;
mod verify;
mod vietqr;
mod visitors;
mod webhooks;
mod world;
