//! What must hold after every fault, asked with plain SQL and not with the program's own reading:
//! conservation, balances, totals, numbering, identities; and of the senders' own records: every
//! acknowledged settlement exactly once, nothing that nobody sent.

use std::collections::HashMap;

use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection, Row as _, SqliteConnection};

use super::load::{Known, Sent};
use super::site::Site;
use super::wait;

/// A connection of an auditor.
pub(crate) enum Reader {
    Sqlite(SqliteConnection),
    Postgres(PgConnection),
}

macro_rules! rows {
    ($reader:expr, $sql:expr, |$row:ident| $map:expr) => {{
        let sql = AssertSqlSafe($sql.to_owned());
        match $reader {
            Reader::Sqlite(connection) => {
                sqlx::query(sql).fetch_all(connection).await.unwrap().iter().map(|$row| $map).collect::<Vec<_>>()
            }
            Reader::Postgres(connection) => {
                sqlx::query(sql).fetch_all(connection).await.unwrap().iter().map(|$row| $map).collect::<Vec<_>>()
            }
        }
    }};
}

impl Reader {
    pub(crate) async fn open(url: &str) -> Self {
        match url.strip_prefix("sqlite:") {
            Some(path) => Self::Sqlite(SqliteConnection::connect(path).await.unwrap()),
            None => Self::Postgres(PgConnection::connect(url).await.unwrap()),
        }
    }

    /// As [`Self::open`], where the server may have no connection left.
    pub(crate) async fn try_open(url: &str) -> Option<Self> {
        PgConnection::connect(url).await.ok().map(Self::Postgres)
    }

    /// Reads one number.
    pub(crate) async fn int(&mut self, sql: &str) -> i64 {
        rows!(self, sql, |row| row.get::<i64, _>(0))[0]
    }

    /// Reads a text and a number a row.
    pub(crate) async fn texts(&mut self, sql: &str) -> Vec<(String, i64)> {
        rows!(self, sql, |row| (row.get::<String, _>(0), row.get::<i64, _>(1)))
    }

    /// Runs a statement; the error's text when it is refused.
    pub(crate) async fn execute(&mut self, sql: &str) -> Result<(), String> {
        let sql = AssertSqlSafe(sql.to_owned());
        match self {
            Self::Sqlite(connection) => connection.execute(sql).await.map(|_| ()),
            Self::Postgres(connection) => connection.execute(sql).await.map(|_| ()),
        }
        .map_err(|error| error.to_string())
    }

    /// Reads who was booked: event id, posting, amount.
    async fn booked(&mut self) -> Vec<(String, String, i64)> {
        const SQL: &str = "SELECT i.event_id, m.code, p.seq, p.amount FROM inbox i \
            JOIN postings p ON p.market_id = i.market_id AND p.seq = i.posting_seq AND p.item = i.item \
            JOIN markets m ON m.market_id = i.market_id WHERE i.outcome IN ('recorded', 'suspense') \
            ORDER BY i.market_id, i.item";
        rows!(self, SQL, |row| {
            let posting = format!("{}-{}", row.get::<String, _>(1), row.get::<i64, _>(2));
            (row.get::<String, _>(0), posting, row.get::<i64, _>(3))
        })
    }
}

/// Statements that count what may not be, with the property's name (P1–P10 of the catalogue).
const NEVER: [(&str, &str); 14] = [
    (
        "debits equal credits in every market",
        "SELECT COUNT(*) FROM (SELECT market_id FROM balances GROUP BY market_id \
         HAVING SUM(debits) <> SUM(credits)) x",
    ),
    (
        "balances are the fold of the journal",
        "SELECT COUNT(*) FROM (SELECT market_id, account, debits, credits FROM balances EXCEPT \
         SELECT market_id, account, CAST(SUM(d) AS BIGINT), CAST(SUM(c) AS BIGINT) FROM ( \
         SELECT market_id, debit_account AS account, amount AS d, 0 AS c FROM postings UNION ALL \
         SELECT market_id, credit_account, 0, amount FROM postings) s GROUP BY market_id, account) x",
    ),
    (
        "every account of the journal has its balance",
        "SELECT COUNT(*) FROM (SELECT market_id, debit_account FROM postings UNION \
         SELECT market_id, credit_account FROM postings EXCEPT SELECT market_id, account FROM balances) x",
    ),
    (
        "the journal's numbers have no gap and end at the head",
        "SELECT COUNT(*) FROM (SELECT h.market_id FROM market_head h LEFT JOIN postings p \
         ON p.market_id = h.market_id GROUP BY h.market_id, h.last_seq \
         HAVING h.last_seq <> COUNT(p.seq) OR h.last_seq <> COALESCE(MAX(p.seq), 0)) x",
    ),
    (
        "the inbox's numbers have no gap and end at the head",
        "SELECT COUNT(*) FROM (SELECT h.market_id FROM market_head h LEFT JOIN inbox i \
         ON i.market_id = h.market_id GROUP BY h.market_id, h.last_item \
         HAVING h.last_item <> COUNT(i.item) OR h.last_item <> COALESCE(MAX(i.item), 0)) x",
    ),
    (
        "the batches have no gap and end at the head's hash",
        "SELECT COUNT(*) FROM market_head h WHERE h.last_batch > 0 AND NOT EXISTS (SELECT 1 FROM batches b \
         WHERE b.market_id = h.market_id AND b.batch_no = h.last_batch AND b.hash = h.last_hash)",
    ),
    (
        "each batch begins with the hash of the one before",
        "SELECT COUNT(*) FROM batches b WHERE b.batch_no > 1 AND NOT EXISTS (SELECT 1 FROM batches a \
         WHERE a.market_id = b.market_id AND a.batch_no = b.batch_no - 1 AND a.hash = b.previous_hash)",
    ),
    (
        "a settlement's posting has its item",
        "SELECT COUNT(*) FROM postings p WHERE p.kind = 'settle' AND NOT EXISTS (SELECT 1 FROM inbox i \
         WHERE i.market_id = p.market_id AND i.item = p.item AND i.posting_seq = p.seq AND i.amount = p.amount)",
    ),
    (
        "a booked item has its posting",
        "SELECT COUNT(*) FROM inbox i WHERE i.outcome IN ('recorded', 'suspense') AND NOT EXISTS ( \
         SELECT 1 FROM postings p WHERE p.market_id = i.market_id AND p.seq = i.posting_seq AND p.item = i.item)",
    ),
    (
        "every item has its text",
        "SELECT COUNT(*) FROM inbox i WHERE NOT EXISTS (SELECT 1 FROM inbox_texts t \
         WHERE t.market_id = i.market_id AND t.item = i.item)",
    ),
    (
        "an event id is claimed once",
        "SELECT COUNT(*) FROM (SELECT 1 FROM inbox WHERE claims_event = 1 \
         GROUP BY market_id, source_id, event_id HAVING COUNT(*) > 1) x",
    ),
    (
        "a reference is claimed once for each occurrence",
        "SELECT COUNT(*) FROM (SELECT 1 FROM inbox WHERE claims_reference = 1 \
         GROUP BY market_id, event_date, reference, settled_account, occurrence HAVING COUNT(*) > 1) x",
    ),
    (
        "the hours of a date add up to its settlements and their reversals",
        "SELECT COUNT(*) FROM (SELECT market_id, business_date FROM ( \
         SELECT market_id, business_date, amount FROM hourly_totals UNION ALL \
         SELECT market_id, business_date, -amount FROM postings WHERE kind = 'settle' UNION ALL \
         SELECT r.market_id, r.business_date, CASE WHEN r.debit_account LIKE 'bank:%' THEN -r.amount ELSE r.amount END \
         FROM postings r WHERE r.kind = 'reversal' \
         AND (r.debit_account LIKE 'bank:%' OR r.credit_account LIKE 'bank:%')) s \
         GROUP BY market_id, business_date HAVING SUM(amount) <> 0) x",
    ),
    (
        "the stalls of a date add up to its hours",
        "SELECT COUNT(*) FROM (SELECT market_id, business_date FROM ( \
         SELECT market_id, business_date, amount FROM hourly_totals UNION ALL \
         SELECT market_id, business_date, -amount FROM daily_totals \
         WHERE kind IN ('settle', 'assign', 'reversal')) s \
         GROUP BY market_id, business_date HAVING SUM(amount) <> 0) x",
    ),
];

/// Counts what may never be in a book; the names of the properties that are broken.
pub(crate) async fn broken_properties(reader: &mut Reader) -> Vec<String> {
    let mut broken = Vec::new();
    for (name, sql) in NEVER {
        let count = reader.int(sql).await;
        if count != 0 {
            broken.push(format!("{name}: not so in {count} places"));
        }
    }
    broken
}

/// What an audit saw.
pub(crate) struct Audit {
    /// Settlements in the journal.
    pub(crate) booked: usize,
    /// Of them, those that no sender knows to be acknowledged: the answer was lost, not the money.
    pub(crate) unanswered: usize,
}

/// Audits a book after a fault; it may be served meanwhile. Panics with everything that is wrong.
pub(crate) fn audit(site: &Site, sent: &Sent) -> Audit {
    audit_of(site, &sent.snapshot(), sent)
}

/// As [`audit`], of a book that owes what was acknowledged at an earlier moment: a copy.
pub(crate) fn audit_of(site: &Site, before: &Known, sent: &Sent) -> Audit {
    let (booked, mut wrong) = wait(async {
        let mut reader = Reader::open(&site.url).await;
        let booked = reader.booked().await;
        (booked, broken_properties(&mut reader).await)
    });
    // Sent before it was booked, so that this later look knows at least what the book knows.
    let sent_by_now = sent.snapshot();
    wrong.extend(sent.violations());
    let mut journal: HashMap<&str, (&str, i64)> = HashMap::new();
    for (event, posting, amount) in &booked {
        match sent_by_now.get(event) {
            Some((payment, _)) if payment.amount == *amount => {}
            other => wrong.push(format!("{posting} books {event}, {amount} đồng; sent was {other:?}")),
        }
        if let Some((other, _)) = journal.insert(event, (posting, *amount)) {
            wrong.push(format!("{event} is booked twice: {other} and {posting}"));
        }
    }
    let mut acked = 0;
    for (event, (payment, answer)) in before {
        let Some(told) = answer else { continue };
        acked += 1;
        if journal.get(event.as_str()) != Some(&(told, payment.amount)) {
            wrong.push(format!("{payment:?} was acked as {told}; the journal has {:?}", journal.get(event.as_str())));
        }
    }
    wrong.extend(site.verify().err());
    assert!(wrong.is_empty(), "{}: {} wrong:\n{}", site.name, wrong.len(), first_lines(&wrong));
    Audit { booked: booked.len(), unanswered: booked.len().saturating_sub(acked) }
}

fn first_lines(wrong: &[String]) -> String {
    wrong.iter().take(20).cloned().collect::<Vec<_>>().join("\n")
}
