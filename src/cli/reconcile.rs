//! `socho reconcile`.

use super::Context;
use super::output::{Exit, Failure, Lang, line, read_input, table, to_stdout};
use crate::app::App;
use crate::app::book_missing::Booking;
use crate::app::keep_statement::HandIn;
use crate::app::read_statement::{FILE_BYTES_MAX, MAP_BYTES_MAX};
use crate::app::reconcile::{Reconciliation, Scope};
use crate::app::reconcile_view::{class_words, verdict, why_words};
use crate::domain::calendar::{BusinessDate, rfc3339};
use crate::domain::ids::MarketCode;
use crate::domain::reconciliation::{AccountDay, Class, Entry};
use clap::Args;

/// Who acts on the command line.
const ACTOR: &str = "operator";
/// Findings that the terminal shows; JSON has more.
const SHOWN_MAX: usize = 200;

/// Compares the bank's statement with the book: matched, missing here, missing there, amount differs.
/// The file is kept with its hash; the same file twice is known. Nothing is booked without --book.
#[derive(Debug, Args)]
#[command(
    after_help = "Exit 1 with --fail-on-diff when bank and book differ.\n\nExample: socho reconcile --market TAN --statement sao-ke.xlsx --fail-on-diff\nBook what nobody reported: socho reconcile --market TAN --statement sao-ke.xlsx --book"
)]
#[expect(clippy::struct_excessive_bools, reason = "they are the command's switches, each by its own name")]
pub(super) struct Reconcile {
    /// The market
    #[arg(long)]
    market: MarketCode,
    /// The bank's file, - for standard input; without it a --date is compared with what was handed in
    #[arg(long, value_name = "FILE", required_unless_present = "date")]
    statement: Option<String>,
    /// One date of the bank's, YYYY-MM-DD
    #[arg(long)]
    date: Option<BusinessDate>,
    /// The bank, where the account's number does not decide: BIN, code or name
    #[arg(long, alias = "bin", value_name = "BANK")]
    bank: Option<String>,
    /// A layout (TOML) for a bank that is not known
    #[arg(long, value_name = "PROFILE")]
    map: Option<String>,
    /// The file holds every line of each of its dates, though it does not say so
    #[arg(long)]
    whole: bool,
    /// Book what only the statement tells of, as settlements
    #[arg(long)]
    book: bool,
    /// Sign for the date, as bank and book stand afterwards
    #[arg(long, requires = "date")]
    sign: bool,
    /// Why bank and book differ, when they do
    #[arg(long, requires = "sign", default_value = "")]
    note: String,
    /// Exit 1 when bank and book differ
    #[arg(long)]
    fail_on_diff: bool,
}

pub(super) async fn run(context: &Context, command: Reconcile) -> Result<Exit, Failure> {
    let limit = |bytes: usize| u64::try_from(bytes).unwrap_or(u64::MAX);
    let file = command.statement.as_deref().map(|path| read_input(path, limit(FILE_BYTES_MAX))).transpose()?;
    let map = match &command.map {
        Some(path) => Some(String::from_utf8(read_input(path, limit(MAP_BYTES_MAX))?).map_err(|_| {
            Failure::new(Exit::Refused, format!("{path} không phải UTF-8."), format!("{path} is not UTF-8."))
        })?),
        None => None,
    };
    let app = context.open().await?;
    let reconciled = reconcile(&app, command, file, map).await;
    app.close().await;
    let (found, booking, fail_on_diff) = reconciled?;
    show(context, &found, booking.as_ref());
    let differs = found.differences() > 0 || found.coverage().0 == 0;
    Ok(if fail_on_diff && differs { Exit::Refused } else { Exit::Ok })
}

type Reconciled = (Reconciliation, Option<Booking>, bool);

async fn reconcile(
    app: &App,
    command: Reconcile,
    file: Option<Vec<u8>>,
    map: Option<String>,
) -> Result<Reconciled, Failure> {
    let Reconcile { market, statement, date, bank, whole, book, sign, note, fail_on_diff, .. } = command;
    let scope = match file {
        Some(bytes) => {
            let file_name = statement.unwrap_or_default();
            let actor = ACTOR.to_owned();
            let new = HandIn { market: market.clone(), bytes, file_name, map, bank, whole, actor };
            Scope::Statement(app.keep_statement(new).await?.id, date)
        }
        None => Scope::Date(date.unwrap_or_else(|| app.today())),
    };
    let booking = if book { Some(app.book_missing(&market, scope.clone(), ACTOR, false).await?) } else { None };
    if let (true, Some(date)) = (sign, date) {
        app.sign_reconciliation(&market, date, ACTOR, &note, None).await?;
    }
    Ok((app.reconcile(&market, scope).await?, booking, fail_on_diff))
}

fn show(context: &Context, found: &Reconciliation, booking: Option<&Booking>) {
    if context.json {
        let shown = booking.map_or_else(|| found.to_json(true), Booking::after_json);
        line(shown.to_string());
        return;
    }
    let lang = context.lang;
    let pick = |(vi, en): (String, String)| if lang == Lang::Vi { vi } else { en };
    to_stdout(&table(
        &lang.heads(
            ["Tài khoản", "Ngày", "Sao kê", "Ngân hàng", "Sổ", "Lệch"],
            ["Account", "Date", "Covered", "Bank", "Book", "Difference"],
        ),
        found.days.iter().map(day_row).collect(),
    ));
    let entries: Vec<Vec<String>> =
        found.shown(false).take(SHOWN_MAX).map(|entry| entry_row(found, entry, lang)).collect();
    if !entries.is_empty() {
        let heads = lang.heads(
            ["Loại", "Ngày giờ", "Ngân hàng", "Sổ", "Mã", "Bút toán", "Lý do"],
            ["Class", "When", "Bank", "Book", "Reference", "Posting", "Reason"],
        );
        to_stdout(&table(&heads, entries));
    }
    if let Some(booking) = booking {
        let figure = booking.booked;
        let (count, amount) = (figure.count, figure.amount.with_unit());
        line(pick((
            format!("Đã ghi sổ từ sao kê: {count} khoản, {amount}."),
            format!("Booked from the statement: {count}, {amount}."),
        )));
    }
    line(pick(verdict(&found.whole())));
}

fn day_row(day: &AccountDay) -> Vec<String> {
    vec![
        day.settled.as_str().to_owned(),
        day.date.to_string(),
        day.coverage.as_str().to_owned(),
        format!("{} ({})", day.bank.amount.grouped(), day.bank.count),
        format!("{} ({})", day.book.amount.grouped(), day.book.count),
        day.difference.grouped(),
    ]
}

fn entry_row(found: &Reconciliation, entry: &Entry, lang: Lang) -> Vec<String> {
    let pick = |(vi, en): (&'static str, &'static str)| if lang == Lang::Vi { vi } else { en }.to_owned();
    let postings: Vec<String> =
        entry.postings.iter().map(|seq| format!("{}-{}", found.market.code, seq.get())).collect();
    vec![
        pick(class_words(entry.class)),
        entry.at.map_or_else(|| entry.date.to_string(), rfc3339),
        if entry.class == Class::MissingThere { String::new() } else { entry.bank.grouped() },
        if entry.class == Class::MissingHere { String::new() } else { entry.book.grouped() },
        entry.reference.clone(),
        postings.join(", "),
        pick(why_words(entry.why)),
    ]
}
