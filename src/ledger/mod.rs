//! The accounting rules, as pure functions on domain types: same input, same output.
//!
//! | money | debit | credit |
//! |---|---|---|
//! | arrives, stall known | `bank:…` | `stall:N` |
//! | arrives, stall not known | `bank:…` | `suspense` |
//! | is assigned later | `suspense` | `stall:N` |
//! | overpaid, cash handed back | `stall:N` | `cash-change:N` |
//! | was not a sale | `stall:N` | `excluded:N` |
//! | went back from the bank account | `refunded:N` | `bank:…` |
//! | reversal of any of these | the credited account | the debited account |
//!
//! The market's writer in `store` reads [`facts::Facts`], calls [`judge::judge`], and writes the
//! [`batch::Batch`] it gets: postings, judged items, folded totals and the next link of the chain.

#![deny(clippy::arithmetic_side_effects)]

pub mod audit_chain;
pub mod batch;
pub mod chain;
pub mod corrections;
pub mod daily_report;
pub mod destination;
pub mod facts;
pub mod identity;
pub mod judge;
pub mod overview;
pub mod period_report;
pub mod reconcile;
pub mod redaction;
pub mod routing;
pub mod seal;
pub mod silence;
pub mod spread;
pub mod suggest;
pub mod totals;
pub mod work;
