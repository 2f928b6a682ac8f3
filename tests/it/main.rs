//! All integration tests, in one binary so that it links once.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod daily_report;
mod dialects;
mod memos;
mod query_plans;
mod reports;
mod settlements;
mod verify;
mod vietqr;
mod world;
