//! What `socho bench` measures, but for the HTTP between load and server: the book it fills, the
//! requests that fill it, and what is read back afterwards. `cli/bench` drives the load.
//!
//! | file | what it measures |
//! |---|---|
//! | `book` | a fresh book on either engine, its bytes, its batches, what was really booked |
//! | `listening` | from a webhook to thousands of phones of one stall |
//! | `load` | signed requests of a hot stall or of many, the same in this process and in another |
//! | `bulk` | `socho ingest` of a file beside the engine's own batched insert of the same rows |
//! | `growth` | the daily report, and the bulk rate, at 10 k and at 1 M postings |
//! | `machine` | the machine, and how often a second its disk confirms a write |
//! | `figures` | rates, percentiles and ratios in whole numbers |

pub mod book;
pub mod bulk;
pub mod figures;
pub mod growth;
pub mod listening;
pub mod load;
pub mod machine;
