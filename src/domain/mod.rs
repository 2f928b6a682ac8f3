//! The nouns of a market's book and the rules that hold for each of them alone.
//!
//! Nothing here waits, reads, writes or knows a database, a web page or a command line: every
//! function gives the same output for the same input. Everything else may import this layer;
//! this layer imports nothing of ours.

pub mod account;
pub mod audit;
pub mod banks;
pub mod calendar;
pub mod daily_report;
pub mod drawing;
pub mod feed;
pub mod goods;
pub mod hash;
pub mod idempotency;
pub mod identity;
pub mod ids;
pub mod inbox;
pub mod language;
pub mod ledger_account;
pub mod masking;
pub mod memo;
pub mod money;
pub mod networks;
pub mod period;
pub mod period_report;
pub mod posting;
pub mod reconciliation;
pub mod registration;
pub mod rights;
pub mod sealed;
pub mod sealed_bank;
pub mod security_event;
pub mod settlement;
pub mod signed_day;
pub mod source_network;
pub mod stall_book;
pub mod statement;
pub mod text;
pub mod webhook;
pub mod words;
