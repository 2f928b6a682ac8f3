//! Sổ Chợ: the ledger behind cashless markets. See `ARCHITECTURE.md` for the map.

pub mod app;
pub mod bank;
pub mod cli;
pub mod domain;
pub mod evidence;
pub mod ledger;
pub mod qr;
pub mod report;
pub mod store;
pub mod web;
