//! What is held about one stall and the people who had it, table by table, for the person concerned.

use serde_json::{Map, Value, json};

use super::engine::{Row, Transaction, binds};
use super::error::Result;
use super::optional_instant;
use crate::domain::calendar::rfc3339;
use crate::domain::ids::{MarketId, StallNumber};

/// Rows of one table: ten years of a busy stall.
const ROWS_MAX: i64 = 2_000_000;

/// How a column is told.
#[derive(Debug, Clone, Copy)]
enum Kind {
    Text,
    Int,
    Flag,
    /// An instant.
    At,
}

use Kind::{At, Flag, Int, Text};

/// One table: its name, what is read of it, and its columns.
struct Part {
    name: &'static str,
    sql: &'static str,
    columns: &'static [(&'static str, Kind)],
}

const PARTS: [Part; 7] = [
    Part {
        name: "tenancies",
        sql: "SELECT v.name AS vendor, t.valid_from, t.valid_to, v.created_at AS registered_at FROM tenancies t \
            JOIN vendors v ON v.market_id = t.market_id AND v.vendor_id = t.vendor_id \
            WHERE t.market_id = $1 AND t.stall_number = $2 ORDER BY t.valid_from LIMIT $3",
        columns: &[("vendor", Text), ("valid_from", Text), ("valid_to", Text), ("registered_at", At)],
    },
    Part {
        name: "accounts",
        sql: "SELECT a.bin, a.number AS account, r.holder_name AS holder, r.kind, a.valid_from, a.valid_to \
            FROM account_stalls a JOIN receiving_accounts r ON r.market_id = a.market_id AND r.number = a.number \
            AND r.bin = a.bin WHERE a.market_id = $1 AND a.stall_number = $2 ORDER BY a.valid_from, a.number LIMIT $3",
        columns: &[
            ("bin", Text),
            ("account", Text),
            ("holder", Text),
            ("kind", Text),
            ("valid_from", At),
            ("valid_to", At),
        ],
    },
    Part {
        name: "phones",
        sql: "SELECT name, hides_totals, created_at, created_by, last_seen_at, ended_at, ended_by FROM devices \
            WHERE market_id = $1 AND stall_number = $2 ORDER BY device_id LIMIT $3",
        columns: &[
            ("name", Text),
            ("hides_totals", Flag),
            ("created_at", At),
            ("created_by", Text),
            ("last_seen_at", At),
            ("ended_at", At),
            ("ended_by", Text),
        ],
    },
    Part {
        name: "disputes",
        sql: "SELECT seq, reason, note, raised_at, raised_by, answer, answered_at, answered_by FROM disputes \
            WHERE market_id = $1 AND stall_number = $2 ORDER BY seq LIMIT $3",
        columns: &[
            ("seq", Int),
            ("reason", Text),
            ("note", Text),
            ("raised_at", At),
            ("raised_by", Text),
            ("answer", Text),
            ("answered_at", At),
            ("answered_by", Text),
        ],
    },
    Part {
        name: "cash_lines",
        sql: "SELECT business_date, amount, note, recorded_at, recorded_by, withdrawn_at FROM cash_lines \
            WHERE market_id = $1 AND stall_number = $2 ORDER BY business_date, line_id LIMIT $3",
        columns: &[
            ("business_date", Text),
            ("amount", Int),
            ("note", Text),
            ("recorded_at", At),
            ("recorded_by", Text),
            ("withdrawn_at", At),
        ],
    },
    Part {
        name: "daily_totals",
        sql: "SELECT business_date, kind, count, amount FROM daily_totals \
            WHERE market_id = $1 AND stall_number = $2 ORDER BY business_date, kind LIMIT $3",
        columns: &[("business_date", Text), ("kind", Text), ("count", Int), ("amount", Int)],
    },
    Part {
        name: "postings",
        sql: "SELECT p.seq, p.kind, p.debit_account, p.credit_account, p.amount, p.business_date, p.event_at, \
            p.recorded_at, p.concerns, p.reason, p.actor, i.reference AS bank_ref, t.memo, t.payer FROM postings p \
            LEFT JOIN inbox i ON i.market_id = p.market_id AND i.item = p.item \
            LEFT JOIN inbox_texts t ON t.market_id = p.market_id AND t.item = p.item \
            WHERE p.market_id = $1 AND p.stall_number = $2 ORDER BY p.seq LIMIT $3",
        columns: &[
            ("seq", Int),
            ("kind", Text),
            ("debit_account", Text),
            ("credit_account", Text),
            ("amount", Int),
            ("business_date", Text),
            ("event_at", At),
            ("recorded_at", At),
            ("concerns", Int),
            ("reason", Text),
            ("actor", Text),
            ("bank_ref", Text),
            ("memo", Text),
            ("payer", Text),
        ],
    },
];

/// Reads every part about a stall.
pub(crate) async fn of_stall(
    transaction: &mut Transaction,
    market: MarketId,
    stall: StallNumber,
) -> Result<Map<String, Value>> {
    let mut told = Map::new();
    for part in PARTS {
        let rows = transaction.rows(part.sql, binds![market.get(), stall.get(), ROWS_MAX]).await?;
        let shown = rows.iter().map(|row| shown(row, part.columns)).collect::<Result<Vec<_>>>()?;
        told.insert(part.name.to_owned(), shown.into());
    }
    Ok(told)
}

fn shown(row: &Row, columns: &[(&'static str, Kind)]) -> Result<Value> {
    let mut fields = Map::new();
    for (name, kind) in columns {
        let value = match kind {
            Text => json!(row.optional_text(name)?),
            Int => json!(row.optional_int(name)?),
            Flag => json!(row.flag(name)?),
            At => json!(optional_instant(row.optional_int(name)?)?.map(rfc3339)),
        };
        fields.insert((*name).to_owned(), value);
    }
    Ok(Value::Object(fields))
}
