//! Flips one bit of one value after another, in every column of every table, and demands that `verify`
//! says so. Tables and columns come from the database itself: a new one is either found or has to be
//! listed here with the reason why not.

use sqlx::{Connection as _, Executor as _, Row as _};

use socho::app::close_day::CloseDay;
use socho::app::demo::DemoPlan;
use socho::app::error::ErrorKind;
use socho::domain::settlement::Dialect;

use crate::reconcile::{FORM, Form, file, hand_in, row};
use crate::world::{World, settlement, story};

/// What `verify` cannot derive from the journal, and why; `*` is every column.
const NOT_DERIVED: &[(&str, &str, &str)] = &[
    ("installation", "*", "counters of the registrations"),
    ("markets", "name", "a registration; corrected by people"),
    ("markets", "search_key", "a registration's spelling for searches"),
    ("markets", "demo", "a registration's mark"),
    ("markets", "office_phone", "a registration; corrected by people"),
    ("markets", "created_at", "when a registration was made"),
    ("market_places", "*", "a registration"),
    ("market_cutoffs", "*", "a registration; each posting and item carries the book day it gave"),
    ("account_routes", "*", "a registration; each item carries the market it was routed to"),
    ("stall_numbers", "*", "a registration; append-only"),
    ("stalls", "*", "a registration"),
    ("vendors", "*", "a registration"),
    ("tenancies", "*", "a registration"),
    ("receiving_accounts", "*", "a registration"),
    ("account_stalls", "*", "a registration; each posting carries the stall it gave"),
    ("qr_codes", "*", "a registration; append-only"),
    ("qr_prints", "*", "what people printed; append-only"),
    ("qr_print_cards", "*", "what people printed; append-only"),
    ("assignment_proposals", "*", "a wish that moves no money; gone when it is decided"),
    ("market_head", "version", "the fence's counter: any number is right as long as it moves"),
    ("statements", "file_name", "what the person's computer called the file"),
    ("statements", "format", "read of the bank's file, whose hash is looked at"),
    ("statements", "notes", "read of the bank's file, whose hash is looked at"),
    ("statements", "uploaded_at", "when a person handed the file in"),
    ("statements", "uploaded_by", "who handed the file in"),
    ("statement_parts", "*", "read of the bank's file, whose hash is looked at"),
    ("statement_days", "*", "read of the bank's file, whose hash is looked at"),
    ("statement_lines", "*", "read of the bank's file, which is kept; money booked from a line is in the journal"),
    ("statement_refunds", "*", "which line a refund was recorded of; the refund itself is in the journal"),
    ("reconciliations", "*", "what a person signed for; compared anew whenever it is shown"),
    ("pairing_dates", "*", "the writer's own choice; that a listed date has all of its credits is derived"),
    ("deliveries", "*", "a work list, emptied by the outcomes in the inbox"),
    ("users", "*", "people and their roles; each posting carries the name it was made under"),
    ("recovery_codes", "*", "hashes, used up by logins"),
    ("sessions", "*", "logins, which come and go"),
    ("api_keys", "*", "keys of machines; each posting carries the name it was made under"),
    ("login_attempts", "*", "a counter of failed logins"),
    ("devices", "*", "phones of a stall; no figure rests on them"),
    ("pairing_codes", "*", "hashes, used up by phones"),
    (
        "idempotency_keys",
        "*",
        "answers kept a day for programs that ask again; the facts themselves are in the journal",
    ),
    ("disputes", "*", "what vendors say of their book and what they are answered; it moves nothing"),
    ("webhooks", "*", "who is told of postings and how far; the postings are in the journal"),
    ("webhook_attempts", "*", "what became of telling; emptied by age"),
    ("heard_requests", "*", "what sources sent lately and how they were answered; emptied by number, bytes and age"),
    ("cash_lines", "*", "what vendors write down for themselves; in none of the market's figures"),
];
/// Senders and their secrets: changed by people, and no item depends on them once it is judged.
const SENDERS: [&str; 2] = ["sources", "source_accounts"];
/// Filled only by larger or other books; told in their own stories.
const NOT_FILLED: [&str; 6] = ["balance_steps", "disputes", "cash_lines", "webhooks", "webhook_attempts", "redactions"];

/// Rows of each table that are changed, one after another.
const ROWS: usize = 3;
const SEED: u64 = 20_261_124;

const ACCOUNTS: [&str; 2] = ["0071000888888", "0123456789"];

struct Table {
    name: String,
    /// Name, type of SQLite, place in the key.
    columns: Vec<(String, String, i64)>,
}

/// One value as SQL writes it.
#[derive(Debug, Clone, PartialEq)]
enum Cell {
    Null,
    Int(i64),
    Text(String),
    Bytes(Vec<u8>),
}

impl Cell {
    fn sql(&self, sqlite: bool) -> String {
        let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat();
        match self {
            Self::Null => "NULL".to_owned(),
            Self::Int(value) => value.to_string(),
            Self::Text(text) => format!("'{}'", text.replace('\'', "''")),
            Self::Bytes(bytes) if sqlite => format!("x'{}'", hex(bytes)),
            Self::Bytes(bytes) => format!("decode('{}', 'hex')", hex(bytes)),
        }
    }

    /// Returns the value with one bit of one byte flipped; a missing one becomes one that is there.
    fn flipped(&self, kind: &str, rng: &mut fastrand::Rng) -> Self {
        match self {
            Self::Null if kind == "INTEGER" => Self::Int(1),
            Self::Null if kind == "TEXT" => Self::Text("x".to_owned()),
            Self::Null => Self::Bytes(vec![0]),
            Self::Int(value) => Self::Int(value ^ (1 << rng.u32(0..62))),
            Self::Text(text) if text.is_empty() => Self::Text("x".to_owned()),
            Self::Text(text) => {
                // Stays a text: SQLite would keep other bytes, PostgreSQL refuses them.
                let mut characters: Vec<char> = text.chars().collect();
                let place = rng.usize(0..characters.len());
                loop {
                    let flipped = char::from_u32(u32::from(characters[place]) ^ (1 << rng.u32(0..7)));
                    if let Some(flipped) = flipped.filter(|c| !c.is_control()) {
                        characters[place] = flipped;
                        return Self::Text(characters.into_iter().collect());
                    }
                }
            }
            Self::Bytes(bytes) if bytes.is_empty() => Self::Bytes(vec![0]),
            Self::Bytes(bytes) => {
                let mut bytes = bytes.clone();
                let place = rng.usize(0..bytes.len());
                bytes[place] ^= 1 << rng.u32(0..8);
                Self::Bytes(bytes)
            }
        }
    }
}

/// The database as its owner sees it, with everything taken away that would refuse a change.
enum Owner {
    Sqlite(sqlx::SqliteConnection),
    Postgres(sqlx::PgConnection),
}

impl Owner {
    async fn of(world: &World) -> Self {
        if let Some(path) = world.url.strip_prefix("sqlite:") {
            let mut connection = sqlx::SqliteConnection::connect(path).await.unwrap();
            for pragma in ["ignore_check_constraints = on", "foreign_keys = off"] {
                connection.execute(sqlx::AssertSqlSafe(format!("PRAGMA {pragma}"))).await.unwrap();
            }
            let triggers = "SELECT name FROM sqlite_schema WHERE type = 'trigger'";
            for row in connection.fetch_all(triggers).await.unwrap() {
                let drop = format!("DROP TRIGGER {}", row.get::<String, _>(0));
                connection.execute(sqlx::AssertSqlSafe(drop)).await.unwrap();
            }
            return Self::Sqlite(connection);
        }
        let mut connection = sqlx::PgConnection::connect(&world.url).await.unwrap();
        connection.execute("SET session_replication_role = replica").await.unwrap();
        let checks = "SELECT format('ALTER TABLE %s DROP CONSTRAINT %I CASCADE', conrelid::regclass, conname) \
            FROM pg_constraint WHERE contype IN ('c', 'f') AND connamespace = 'public'::regnamespace";
        for row in connection.fetch_all(checks).await.unwrap() {
            connection.execute(sqlx::AssertSqlSafe(row.get::<String, _>(0))).await.unwrap();
        }
        Self::Postgres(connection)
    }

    fn is_sqlite(&self) -> bool {
        matches!(self, Self::Sqlite(_))
    }

    async fn execute(&mut self, sql: String) -> Result<u64, String> {
        let text = sqlx::AssertSqlSafe(sql.clone());
        match self {
            Self::Sqlite(connection) => connection.execute(text).await.map(|done| done.rows_affected()),
            Self::Postgres(connection) => connection.execute(text).await.map(|done| done.rows_affected()),
        }
        .map_err(|error| error.to_string())
    }

    /// Reads all rows of a table, in the order of its key.
    async fn rows(&mut self, table: &Table) -> Vec<Vec<Cell>> {
        let columns: Vec<String> = table.columns.iter().map(|(name, ..)| format!("\"{name}\"")).collect();
        let key: Vec<String> = table.key().map(|place| format!("{}", place + 1)).collect();
        let sql = format!("SELECT {} FROM {} ORDER BY {}", columns.join(", "), table.name, key.join(", "));
        let sql = sqlx::AssertSqlSafe(sql);
        macro_rules! cells {
            ($rows:expr) => {
                $rows
                    .iter()
                    .map(|row| {
                        let one = |(place, (_, kind, _)): (usize, &(String, String, i64))| match kind.as_str() {
                            "INTEGER" => row.get::<Option<i64>, _>(place).map_or(Cell::Null, Cell::Int),
                            "TEXT" => row.get::<Option<String>, _>(place).map_or(Cell::Null, Cell::Text),
                            _ => row.get::<Option<Vec<u8>>, _>(place).map_or(Cell::Null, Cell::Bytes),
                        };
                        table.columns.iter().enumerate().map(one).collect()
                    })
                    .collect()
            };
        }
        match self {
            Self::Sqlite(connection) => cells!(connection.fetch_all(sql).await.unwrap()),
            Self::Postgres(connection) => cells!(connection.fetch_all(sql).await.unwrap()),
        }
    }
}

impl Table {
    fn key(&self) -> impl Iterator<Item = usize> {
        let mut places: Vec<(i64, usize)> =
            self.columns.iter().enumerate().filter(|(_, c)| c.2 > 0).map(|(place, c)| (c.2, place)).collect();
        places.sort_unstable();
        places.into_iter().map(|(_, place)| place)
    }

    fn update(&self, row: &[Cell], column: usize, value: &Cell, sqlite: bool) -> String {
        let key: Vec<String> =
            self.key().map(|place| format!("\"{}\" = {}", self.columns[place].0, row[place].sql(sqlite))).collect();
        let (column, value) = (&self.columns[column].0, value.sql(sqlite));
        format!("UPDATE {} SET \"{column}\" = {value} WHERE {}", self.name, key.join(" AND "))
    }

    fn is_derived(&self, column: &str) -> bool {
        let listed = |(table, name, _): &(&str, &str, &str)| *table == self.name && (*name == "*" || *name == column);
        !NOT_DERIVED.iter().any(listed) && !SENDERS.contains(&self.name.as_str())
    }
}

/// The tables as the migrations make them; both engines have the same (`schema_parity`).
async fn tables() -> Vec<Table> {
    let world = World::sqlite().await;
    let mut connection = sqlx::SqliteConnection::connect(world.url.strip_prefix("sqlite:").unwrap()).await.unwrap();
    let sql = "SELECT m.name AS table_name, c.name, c.type AS kind, c.pk FROM sqlite_schema m \
        JOIN pragma_table_info(m.name) c WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite%' \
        AND m.name NOT LIKE '\\_sqlx%' ESCAPE '\\' ORDER BY m.name, c.cid";
    let mut tables: Vec<Table> = Vec::new();
    for row in connection.fetch_all(sql).await.unwrap() {
        let name: String = row.get("table_name");
        if tables.last().is_none_or(|last| last.name != name) {
            tables.push(Table { name, columns: Vec::new() });
        }
        let column = (row.get("name"), row.get("kind"), row.get("pk"));
        tables.last_mut().unwrap().columns.push(column);
    }
    tables
}

async fn differences(world: &World) -> Vec<String> {
    match world.app.verify(None).await {
        Ok(markets) => markets.into_iter().flat_map(|market| market.differences).collect(),
        // The list of the markets itself cannot be read: exit 5 as well.
        Err(error) if error.kind == ErrorKind::Integrity => vec![error.to_string()],
        Err(error) => panic!("{error}"),
    }
}

async fn a_book_with_something_in_every_table(world: &World) {
    world.market("TAN", "00:00").await;
    world.stall("TAN", "A1", "Chị Ba", ACCOUNTS[0]).await;
    world.stall("TAN", "A2", "Anh Tư", ACCOUNTS[1]).await;
    for name in ["one", "two"] {
        world.source(name, Dialect::GenericHmac, &ACCOUNTS, Some("TAN")).await;
    }
    for id in 0..4 {
        let sale = settlement(ACCOUNTS[id % 2], &format!("y{id}"), 10_000, "2026-11-23T08:00:00+07:00");
        world.send("one", Dialect::GenericHmac, &sale).await;
    }
    let closing = CloseDay {
        market: "TAN".parse().unwrap(),
        date: "2026-11-23".parse().unwrap(),
        early: false,
        actor: "chi-hai".to_owned(),
    };
    world.app.close_day(closing).await.unwrap();
    for id in 0..4 {
        let sale = settlement(ACCOUNTS[id % 2], &format!("a{id}"), 10_000, "2026-11-24T08:00:00+07:00");
        world.send("one", Dialect::GenericHmac, &sale).await;
    }
    world.app.reverse(&"TAN-5".parse().unwrap(), "op", "nhầm").await.unwrap();
    for again in ["a0", "a1"] {
        let again = settlement(ACCOUNTS[0], again, 10_000, "2026-11-24T08:00:00+07:00");
        world.send("two", Dialect::GenericHmac, &again).await;
    }
    let doubtful = settlement(ACCOUNTS[1], "XYZ9", 10_000, "2026-11-24T08:05:00+07:00");
    world.send("two", Dialect::GenericHmac, &doubtful).await;
    world.send("two", Dialect::GenericHmac, &settlement("0999", "u1", 5_000, "2026-11-24T08:05:00+07:00")).await;
    let lines = [row("08:00:00", "FTa0", 10_000, "rau"), row("08:00:00", "FTa1", 10_000, "cá")];
    for form in [FORM, Form { account: ACCOUNTS[1], ..FORM }] {
        hand_in(&world.app, file(form, &lines)).await.unwrap();
    }
}

story!(one_flipped_bit_in_any_column_of_any_table_is_found, |world| {
    a_book_with_something_in_every_table(&world).await;
    assert_eq!(differences(&world).await, Vec::<String>::new());
    eprintln!("seed {SEED}");
    let mut rng = fastrand::Rng::with_seed(SEED);
    let mut owner = Owner::of(&world).await;
    let (mut missed, mut changed) = (Vec::new(), 0);
    for table in tables().await {
        let rows = owner.rows(&table).await;
        let derived = (0..table.columns.len()).filter(|place| table.is_derived(&table.columns[*place].0));
        let derived: Vec<usize> = derived.collect();
        if derived.is_empty() || NOT_FILLED.contains(&table.name.as_str()) {
            continue;
        }
        assert!(!rows.is_empty(), "{} holds nothing: put something into it, or list it with a reason", table.name);
        for _ in 0..ROWS.min(rows.len()) {
            let row = &rows[rng.usize(0..rows.len())];
            for column in derived.iter().copied() {
                let (name, kind) = (format!("{}.{}", table.name, table.columns[column].0), &table.columns[column].1);
                let sqlite = owner.is_sqlite();
                // A change may meet another row's key; another bit then.
                let mut attempts = std::iter::repeat_with(|| row[column].flipped(kind, &mut rng)).take(100);
                let flipped = loop {
                    let flipped = attempts.next().expect("a value that can be changed");
                    if owner.execute(table.update(row, column, &flipped, sqlite)).await == Ok(1) {
                        break flipped;
                    }
                };
                drop(attempts);
                changed += 1;
                if differences(&world).await.is_empty() {
                    missed.push(format!("{name}: {:?} became {flipped:?}", row[column]));
                }
                let mut there = row.clone();
                there[column] = flipped;
                let back = table.update(&there, column, &row[column], owner.is_sqlite());
                assert_eq!(owner.execute(back).await, Ok(1), "{name}");
            }
        }
    }
    assert!(missed.is_empty(), "seed {SEED}, verify did not see:\n{}", missed.join("\n"));
    assert!(changed > 300, "only {changed} values were changed");
    assert_eq!(differences(&world).await, Vec::<String>::new());
});

#[test]
fn every_exception_names_a_table_that_is_there() {
    let schema = include_str!("snapshots/it__schema_parity__schema.snap");
    for (table, column, reason) in NOT_DERIVED {
        let line = if *column == "*" { format!("{table}.") } else { format!("{table}.{column} ") };
        assert!(schema.lines().any(|found| found.starts_with(&line)), "{table}.{column}");
        assert!(reason.len() > 10);
    }
    for table in SENDERS.iter().chain(&NOT_FILLED) {
        assert!(schema.contains(&format!("\n{table}.")), "{table}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_flipped_bit_in_a_kept_step_is_found() {
    let world = World::sqlite().await;
    let plan = DemoPlan { markets: 1, stalls: 6, days: 12, seed: SEED };
    let city = world.app.demo_city(plan, || ()).await.unwrap();
    world.app.demo_history(&city[0], plan, |_| ()).await.unwrap();
    assert_eq!(differences(&world).await, Vec::<String>::new());
    let mut rng = fastrand::Rng::with_seed(SEED);
    let mut owner = Owner::of(&world).await;
    let table = tables().await.into_iter().find(|table| table.name == "balance_steps").unwrap();
    let rows = owner.rows(&table).await;
    assert!(!rows.is_empty(), "the book keeps no step");
    for column in 0..table.columns.len() {
        let row = &rows[rng.usize(0..rows.len())];
        let flipped = row[column].flipped(&table.columns[column].1, &mut rng);
        assert_eq!(owner.execute(table.update(row, column, &flipped, true)).await, Ok(1));
        assert!(!differences(&world).await.is_empty(), "balance_steps.{} became {flipped:?}", table.columns[column].0);
        let mut there = row.clone();
        there[column] = flipped;
        assert_eq!(owner.execute(table.update(&there, column, &row[column], true)).await, Ok(1));
    }
}
