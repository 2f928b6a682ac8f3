//! What operations read from an address behind `?`.

use super::{Kind, Query};

use Kind::{Date, Number, Word};

pub(super) const PAGE: &[Query] = &[
    Query("after", Word, "`next` of the page before"),
    Query("limit", Number(1, 200), "Rows of a page; 50 when nothing is said"),
];
pub(super) const FINDINGS: &[Query] = &[
    Query("date", Date, "One date of the bank's"),
    Query("matched", Word, "`true`: the pairs that agree too"),
    Query("after", Word, "`next` of the page before"),
    Query("limit", Number(1, 200), "Findings of a page; the first of each class when neither is said"),
];
pub(super) const POSTINGS: &[Query] = &[
    Query("date", Date, "One business date"),
    Query("stall", Word, "One stall"),
    Query("after", Word, "`next` of the page before"),
    Query("limit", Number(1, 200), "Rows of a page; 50 when nothing is said"),
];
pub(super) const STALLS: &[Query] = &[
    Query("search", Word, "Code, name or account, without marks too"),
    Query("sort", Word, "`code` or `name`"),
    Query("after", Word, "`next` of the page before"),
    Query("limit", Number(1, 200), "Rows of a page; 50 when nothing is said"),
];
pub(super) const INBOX: &[Query] = &[
    Query("outcome", Word, "`quarantined`, `stale` or `rejected`; quarantined when nothing is said"),
    Query("market", Word, "One market"),
    Query("after", Word, "`next` of the page before"),
    Query("limit", Number(1, 200), "Rows of a page; 50 when nothing is said"),
];
pub(super) const DELIVERIES: &[Query] = &[
    Query("outcome", Word, "`recorded`, `duplicate`, `quarantined`, `unauthenticated`, …; `refused` is all that were"),
    Query("after", Word, "`next` of the page before"),
    Query("limit", Number(1, 200), "Rows of a page; 50 when nothing is said"),
];
pub(super) const BALANCES: &[Query] = &[
    Query("seq", Number(0, i64::MAX), "After this posting"),
    Query("date", Date, "Up to and with this business date"),
];
pub(super) const PERIOD: &[Query] = &[
    Query("month", Word, "YYYY-MM"),
    Query("reporting", Word, "YYYY-MM: from the 15th of the month before to the 14th"),
    Query("week", Date, "The week of this date"),
    Query("from", Date, "From this date on"),
    Query("to", Date, "Up to and with this date"),
    Query("form", Word, "Of the PDF: its form"),
];
pub(super) const COMPARE: &[Query] = &[
    Query("month", Word, "YYYY-MM"),
    Query("from", Date, "From this date on"),
    Query("to", Date, "Up to and with this date"),
    Query("standing", Word, "`closed` or `provisional`"),
    Query("markets", Word, "Codes with commas between them; all when nothing is said"),
];
pub(super) const SHEET: &[Query] = &[
    Query("layout", Word, "`a4`, `a5`, `a6` or `a7`"),
    Query("stalls", Word, "Stalls with commas between them; all when nothing is said"),
];
pub(super) const STREAM: &[Query] = &[Query("market", Word, "One market"), Query("stall", Word, "One stall")];
pub(super) const AUDIT: &[Query] = &[
    Query("market", Word, "One market's code; `-` for what concerns no market"),
    Query("actor", Word, "Who did it: a user's name, `key:…`, `phone:…`, `operator`"),
    Query("action", Word, "What was done: one word of the closed list"),
    Query("object", Word, "To what: a stall's code, a posting, a user's name"),
    Query("from", Word, "From this date or instant on"),
    Query("to", Word, "Up to and with this date, or before this instant"),
    Query("after", Word, "`next` of the page before"),
    Query("limit", Number(1, 200), "Rows of a page; 50 when nothing is said"),
];
pub(super) const EVENTS: &[Query] = &[
    Query("market", Word, "The market; the key's own when nothing is said"),
    Query("after", Word, "Behind this posting: its number or name; from the first when nothing is said"),
    Query("limit", Number(1, 200), "Events of a page; 50 when nothing is said"),
    Query("wait", Number(0, 30), "Seconds to wait for the first event when there is none"),
];
pub(super) const FEED: &[Query] = &[
    Query("from", Date, "From this date on; a month before `to` when nothing is said"),
    Query("to", Date, "Up to and with this date; yesterday when nothing is said"),
    Query("after", Word, "Behind this row's `key`"),
    Query("limit", Number(1, 200), "Rows of a page; 50 when nothing is said"),
    Query("format", Word, "`json` or `csv`"),
];
