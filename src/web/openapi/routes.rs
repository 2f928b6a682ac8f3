//! Every route of the API as the document shows it: one row for each method and route, in the order of
//! `web/mod.rs`. `tests/it/contract.rs` walks both lists, either way.

use super::{Body, Form, Kind, Query, Row};

use Form::{Html, Json, List, Media, None as Nothing, Text};
use Kind::{Date, Flag, Number, Word};

const PAGE: &[Query] = &[
    Query("after", Word, "`next` of the page before"),
    Query("limit", Number(1, 200), "Rows of a page; 50 when nothing is said"),
];
const FINDINGS: &[Query] = &[
    Query("date", Date, "One date of the bank's"),
    Query("matched", Word, "`true`: the pairs that agree too"),
    Query("after", Word, "`next` of the page before"),
    Query("limit", Number(1, 200), "Findings of a page; the first of each class when neither is said"),
];
const POSTINGS: &[Query] = &[
    Query("date", Date, "One business date"),
    Query("stall", Word, "One stall"),
    Query("after", Word, "`next` of the page before"),
    Query("limit", Number(1, 200), "Rows of a page; 50 when nothing is said"),
];
const STALLS: &[Query] = &[
    Query("search", Word, "Code, name or account, without marks too"),
    Query("sort", Word, "`code` or `name`"),
    Query("after", Word, "`next` of the page before"),
    Query("limit", Number(1, 200), "Rows of a page; 50 when nothing is said"),
];
const INBOX: &[Query] = &[
    Query("outcome", Word, "`quarantined`, `stale` or `rejected`; quarantined when nothing is said"),
    Query("market", Word, "One market"),
    Query("after", Word, "`next` of the page before"),
    Query("limit", Number(1, 200), "Rows of a page; 50 when nothing is said"),
];
const BALANCES: &[Query] = &[
    Query("seq", Number(0, i64::MAX), "After this posting"),
    Query("date", Date, "Up to and with this business date"),
];

const PERIOD: &[Query] = &[
    Query("month", Word, "YYYY-MM"),
    Query("reporting", Word, "YYYY-MM: from the 15th of the month before to the 14th"),
    Query("week", Date, "The week of this date"),
    Query("from", Date, "From this date on"),
    Query("to", Date, "Up to and with this date"),
    Query("form", Word, "Of the PDF: its form"),
];
const COMPARE: &[Query] = &[
    Query("month", Word, "YYYY-MM"),
    Query("from", Date, "From this date on"),
    Query("to", Date, "Up to and with this date"),
    Query("standing", Word, "`closed` or `provisional`"),
    Query("markets", Word, "Codes with commas between them; all when nothing is said"),
];
const SHEET: &[Query] = &[
    Query("layout", Word, "`a4`, `a5`, `a6` or `a7`"),
    Query("stalls", Word, "Stalls with commas between them; all when nothing is said"),
];
const STREAM: &[Query] = &[Query("market", Word, "One market"), Query("stall", Word, "One stall")];
const AUDIT: &[Query] = &[
    Query("market", Word, "One market's code; `-` for what concerns no market"),
    Query("actor", Word, "Who did it: a user's name, `key:…`, `phone:…`, `operator`"),
    Query("action", Word, "What was done: one word of the closed list"),
    Query("object", Word, "To what: a stall's code, a posting, a user's name"),
    Query("from", Word, "From this date or instant on"),
    Query("to", Word, "Up to and with this date, or before this instant"),
    Query("after", Word, "`next` of the page before"),
    Query("limit", Number(1, 200), "Rows of a page; 50 when nothing is said"),
];
/// What reports come as.
const FILES: Form = Media(&[
    "application/json",
    "text/csv",
    "application/pdf",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
]);

/// A row that only reads.
const fn read(path: &'static str, id: &'static str, says: &'static str, query: &'static [Query], good: Form) -> Row {
    Row { method: "GET", path, id, says, query, body: Body::None, status: 200, good }
}

/// A row that sends a body.
const fn send(
    method: &'static str,
    path: &'static str,
    id: &'static str,
    says: &'static str,
    body: Body,
    status: u16,
    good: Form,
) -> Row {
    Row { method, path, id, says, query: &[], body, status, good }
}

/// Every route.
pub(super) const ROWS: &[Row] = &[
    read("/v1/markets", "listMarkets", "Markets, by code", PAGE, List("Market")),
    send("POST", "/v1/markets", "addMarket", "Add a market", Body::Json("NewMarket"), 201, Json("Market")),
    read("/v1/markets/{code}", "market", "One market", &[], Json("Market")),
    send(
        "PATCH",
        "/v1/markets/{code}",
        "changeMarket",
        "Change name, ward or cut-off",
        Body::Json("ChangedMarket"),
        200,
        Json("Market"),
    ),
    read("/v1/markets/{code}/stalls", "listStalls", "Stalls of a market", STALLS, List("Stall")),
    send(
        "POST",
        "/v1/markets/{code}/stalls",
        "register",
        "Register a stall, its vendor and account; 200 when it was registered so already",
        Body::Json("NewStall"),
        201,
        Json("Registered"),
    ),
    Row {
        method: "POST",
        path: "/v1/markets/{code}/stalls/import",
        id: "importVendors",
        says: "Register a CSV or XLSX file of vendors: all rows or none; 422 with every bad cell",
        query: &[Query("dry_run", Flag, "Only say what would happen")],
        body: Body::File,
        status: 200,
        good: Json("Import"),
    },
    send(
        "PATCH",
        "/v1/markets/{code}/stalls/{stall}",
        "changeStall",
        "Change category or the vendor's name, or end the tenancy",
        Body::Json("ChangedStall"),
        200,
        Json("Stall"),
    ),
    read(
        "/v1/markets/{code}/stalls/{stall}/{file}",
        "stallQr",
        "The stall's QR code: `qr.svg` or `qr.png`",
        &[Query("amount", Word, "Whole đồng: a code for this amount")],
        Media(&["image/svg+xml", "image/png"]),
    ),
    read("/v1/markets/{code}/stalls/{stall}/devices", "listDevices", "Phones of a stall", &[], List("Device")),
    send(
        "DELETE",
        "/v1/markets/{code}/stalls/{stall}/devices/{device}",
        "endDevice",
        "End a phone",
        Body::None,
        204,
        Form::Empty,
    ),
    send(
        "PATCH",
        "/v1/markets/{code}/stalls/{stall}/devices/{device}",
        "renameDevice",
        "Give a phone another name",
        Body::Json("Rename"),
        204,
        Form::Empty,
    ),
    send(
        "POST",
        "/v1/markets/{code}/stalls/{stall}/pairing-codes",
        "issuePairingCode",
        "Make a one-time code that pairs a phone",
        Body::Json("CodeBody"),
        201,
        Json("PairingCode"),
    ),
    read(
        "/v1/markets/{code}/postings",
        "listPostings",
        "The journal, in the order of its postings",
        POSTINGS,
        List("Posting"),
    ),
    read("/v1/markets/{code}/days/{date}", "dailyReport", "A day's report", &[], Json("DailyReport")),
    read("/v1/markets/{code}/days/{date}/close", "dayClose", "The close that sealed a day", &[], Json("Close")),
    send(
        "POST",
        "/v1/markets/{code}/days/{date}/close",
        "closeDay",
        "Seal a day and every open day before it",
        Body::Optional("CloseBody"),
        201,
        Json("Closed"),
    ),
    read(
        "/v1/markets/{code}/days/{date}/{file}",
        "dailyReportFile",
        "A day's report as a file: `report.json`, `.csv`, `.xlsx` or `.pdf`, or `close.pdf`",
        &[Query("form", Word, "Of the PDF: its form")],
        FILES,
    ),
    read(
        "/v1/markets/{code}/balances",
        "balances",
        "Balances now, after a posting or up to a date",
        BALANCES,
        Json("Balances"),
    ),
    read("/v1/postings/{id}", "posting", "One posting", &[], Json("Posting")),
    read("/v1/postings/{id}/proof", "proof", "The proof that a posting lies in a closed day", &[], Json("Proof")),
    send(
        "POST",
        "/v1/postings/{id}/{action}",
        "correct",
        "Correct a posting by another one: `reverse`, `assign`, `cash-change` or `exclude`",
        Body::Json("CorrectionBody"),
        201,
        Json("Posting"),
    ),
    read(
        "/v1/markets/{code}/qr-sheet.pdf",
        "qrSheet",
        "Cards to print, every code read back before it is released",
        SHEET,
        Media(&["application/pdf"]),
    ),
    read(
        "/v1/markets/{code}/periods/{file}",
        "periodReport",
        "A week, a month or any span: `report.json`, `report.csv`, `report.xlsx` or `report.pdf`",
        PERIOD,
        FILES,
    ),
    read(
        "/v1/markets/{code}/vendors/{file}",
        "vendorList",
        "Stalls and vendors: `list.pdf` or `list.xlsx`",
        &[Query("form", Word, "Of the PDF: its form")],
        FILES,
    ),
    read("/v1/reports/compare", "compare", "Markets side by side, sums alone", COMPARE, Nothing),
    read(
        "/v1/reports/{file}",
        "compareFile",
        "The same as a file: `compare.json`, `.csv`, `.xlsx` or `.pdf`",
        COMPARE,
        FILES,
    ),
    read("/v1/markets/{code}/disputes", "listDisputes", "What vendors say is not right", PAGE, List("Dispute")),
    send(
        "POST",
        "/v1/postings/{id}/dispute/answer",
        "answerDispute",
        "Answer a vendor's dispute",
        Body::Json("AnswerBody"),
        204,
        Form::Empty,
    ),
    read(
        "/v1/stream",
        "stream",
        "Money as it arrives: server-sent events whose `id` is the journal's seq; goes on after `Last-Event-ID`",
        STREAM,
        Media(&["text/event-stream"]),
    ),
    read("/v1/inbox", "inbox", "Items that wait for a person", INBOX, List("HeldItem")),
    send(
        "POST",
        "/v1/inbox/{id}/resolve",
        "resolve",
        "Decide about an item: `book`, `judge_again` or `dismiss`",
        Body::Json("ResolveBody"),
        200,
        Json("Resolved"),
    ),
    read("/v1/audit", "auditLog", "Who did, saw or took away what, the newest first", AUDIT, List("AuditEntry")),
    read("/v1/sources", "listSources", "Senders of settlements", PAGE, List("Source")),
    send("POST", "/v1/sources", "addSource", "Add a sender", Body::Json("NewSource"), 201, Json("Source")),
    send(
        "POST",
        "/v1/sources/{name}/rotate",
        "rotateSource",
        "Put a new secret in force; the one before stays good for a while",
        Body::Json("Rotation"),
        200,
        Json("Source"),
    ),
    read("/v1/users", "listUsers", "People who may log in", PAGE, Nothing),
    send("POST", "/v1/users", "addUser", "Add somebody who may log in", Body::Any, 201, Nothing),
    send("POST", "/v1/users/{user}/{action}", "changeUser", "Change somebody who may log in", Body::Any, 200, Nothing),
    read("/v1/keys", "listKeys", "Keys of programs", PAGE, Nothing),
    send("POST", "/v1/keys", "addKey", "Make a key for a program; it is shown once", Body::Any, 201, Nothing),
    send("DELETE", "/v1/keys/{key}", "endKey", "End a key", Body::None, 204, Form::Empty),
    read(
        "/v1/markets/{code}/days/{date}/checklist",
        "closeChecklist",
        "What to look at before a day is closed",
        &[],
        Nothing,
    ),
    read("/v1/markets/{code}/statements", "listStatements", "Bank statements of a market", PAGE, Nothing),
    send("POST", "/v1/markets/{code}/statements", "addStatement", "Hand in a bank statement", Body::File, 201, Nothing),
    send(
        "POST",
        "/v1/markets/{code}/statement-lines/{line}/accept",
        "acceptLine",
        "Accept a line of a statement as it is",
        Body::Any,
        200,
        Nothing,
    ),
    send(
        "POST",
        "/v1/markets/{code}/statement-lines/{line}/repeat",
        "repeatLine",
        "Say that a line of a statement is one that is known",
        Body::Any,
        200,
        Nothing,
    ),
    read("/v1/markets/{code}/reconciliation", "reconciliation", "Bank against book, by day", FINDINGS, Nothing),
    send(
        "POST",
        "/v1/markets/{code}/reconciliation/{date}/book",
        "bookMissing",
        "Book what the bank has and the book has not",
        Body::Any,
        200,
        Nothing,
    ),
    send(
        "POST",
        "/v1/markets/{code}/reconciliation/{date}/sign",
        "signReconciliation",
        "Sign a day's reconciliation off",
        Body::Any,
        200,
        Nothing,
    ),
    read("/v1/statements/{id}", "statement", "One statement", &[], Nothing),
    read(
        "/v1/statements/{id}/reconciliation",
        "statementReconciliation",
        "One statement against the book",
        FINDINGS,
        Nothing,
    ),
    send(
        "POST",
        "/v1/statements/{id}/book",
        "bookStatement",
        "Book what a statement has and the book has not",
        Body::Any,
        200,
        Nothing,
    ),
    send(
        "POST",
        "/v1/ingest/{source}",
        "ingest",
        "Report settlements, signed in the source's dialect; answered after COMMIT",
        Body::Json("Webhook"),
        200,
        Json("Receipt"),
    ),
    send("POST", "/v1/ingest/{source}/", "ingestSlash", "The same", Body::Json("Webhook"), 200, Json("Receipt")),
    send(
        "POST",
        "/v1/ingest/{source}/{*rest}",
        "ingestPath",
        "The same, on a path of the dialect's own",
        Body::Json("Webhook"),
        200,
        Json("Receipt"),
    ),
    read("/version", "version", "What the program is", &[], Json("Version")),
    read(
        "/metrics",
        "metrics",
        "Figures for Prometheus; on `--metrics-bind`, or from this machine",
        &[],
        Media(&["application/openmetrics-text"]),
    ),
    read("/.well-known/socho-keys.json", "keys", "Public keys of all markets", &[], Json("Keys")),
    read("/openapi.json", "openapi", "This document", &[], Nothing),
    read("/problems", "problems", "The catalogue of problems", &[], Html),
    read("/problems/{code}", "problem", "What a problem means", &[], Html),
    read("/livez", "live", "Whether the program lives", &[], Text),
    read("/readyz", "ready", "Whether the book can be read", &[], Text),
];
