//! A market's day: figures, cross-checks and the forms in which they leave the program.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::App;
use super::error::{AppError, ErrorKind, Message};
use super::words::{Voice, in_words_for_papers};
use crate::domain::calendar::{BusinessDate, rfc3339, vietnam_time};
use crate::domain::ids::{MarketCode, PostingName, Seq, StallNumber};
use crate::domain::money::Dong;
use crate::domain::registration::Market;
use crate::ledger::daily_report::{self, DayFacts, SourceDay, Unmatched, Versus};
use crate::ledger::totals::{NO_HOUR, Tally};
use crate::store::{head, reports};

pub use crate::report::chart::hour_chart;

/// One stall's line.
#[derive(Debug, Clone)]
pub struct StallLine {
    /// The stall's code.
    pub stall: String,
    /// Who sells there.
    pub vendor: String,
    /// What is sold there.
    pub category: String,
    /// Payments that ended here.
    pub payments: i64,
    /// What they sum to.
    pub amount: Dong,
    /// Cash-change, exclusions and refunds; usually not positive.
    pub adjusted: Dong,
    /// Both together.
    pub net: Dong,
    /// First arrival.
    pub first_at: Option<Timestamp>,
    /// Last arrival.
    pub last_at: Option<Timestamp>,
}

/// A market's day.
#[derive(Debug, Clone)]
pub struct DailyReport {
    /// The market.
    pub market: Market,
    /// The book day.
    pub date: BusinessDate,
    /// Whether the day is closed: its figures are final.
    pub closed: bool,
    /// Settlements and their reversals.
    pub amount: Dong,
    /// The figures as read and checked.
    pub facts: DayFacts,
    /// By stall, in the order of their codes.
    pub stalls: Vec<StallLine>,
    /// By kind of goods.
    pub categories: Vec<(String, Tally)>,
    /// What lies in suspense.
    pub unmatched: Vec<Unmatched>,
    /// By source.
    pub sources: Vec<SourceDay>,
    /// What is held and not decided.
    pub quarantined: Tally,
    /// The day before, and the same weekday a week before.
    pub versus: [Versus; 2],
    /// The day's journal numbers.
    pub range: Option<(Seq, Seq)>,
    /// The hash of the market's last batch: the head of its chain when the report was made.
    pub chain_head: String,
    /// When the report was made.
    pub made_at: Timestamp,
}

impl App {
    /// Returns a market's day, checked.
    ///
    /// # Errors
    /// `not_found` for the market; `report_imbalance` when figures from different tables differ.
    pub async fn daily_report(&self, code: &MarketCode, date: BusinessDate) -> Result<DailyReport, AppError> {
        let market = self.market(code).await?;
        let mut transaction = self.store.begin_read().await?;
        let facts = reports::day(&mut transaction, market.id, date).await?;
        let head = head::read(&mut transaction, market.id).await?.ok_or_else(|| super::no_market(code))?;
        let names = reports::stall_names(&mut transaction, market.id, date).await?;
        let unmatched = reports::unmatched(&mut transaction, market.id, date).await?;
        let sources = reports::sources(&mut transaction, market.id, date).await?;
        let quarantined = reports::quarantined(&mut transaction, market.id, date).await?;
        let range = reports::range(&mut transaction, market.id, date).await?;
        let mut versus = Vec::new();
        for other in [date.previous(), date.plus_days(-7)] {
            let Tally { count, amount } = reports::sums(&mut transaction, market.id, other).await?;
            versus.push(Versus { date: other, payments: count, amount });
        }
        transaction.rollback().await?;
        let amount = daily_report::check(&facts).map_err(|imbalance| {
            let message = Message::new(
                format!("Sổ ngày {} của chợ {code} không khớp: {imbalance}. Không phát hành báo cáo; hãy chạy socho verify.", date.vietnamese()),
                format!("The day {date} of market {code} does not balance: {imbalance}. No report is given; run socho verify."),
            );
            AppError::new(ErrorKind::Integrity, "report_imbalance", message)
        })?;
        let stalls = stall_lines(&facts, &names);
        let versus = <[Versus; 2]>::try_from(versus).map_err(|_| AppError::internal("two days to compare"))?;
        Ok(DailyReport {
            closed: head.open_date > date,
            categories: categories(&stalls),
            chain_head: hex(&head.last_hash),
            made_at: self.clock.now(),
            market,
            date,
            amount,
            facts,
            stalls,
            unmatched,
            sources,
            quarantined,
            versus,
            range,
        })
    }

    /// Returns every market with its payments, amount and active stalls of a date.
    ///
    /// # Errors
    /// Whatever the store meets.
    pub async fn overview(&self, date: BusinessDate) -> Result<Vec<(Market, Tally, i64)>, AppError> {
        let markets = self.markets().await?;
        let mut transaction = self.store.begin_read().await?;
        let days = reports::overview(&mut transaction, date).await?;
        transaction.rollback().await?;
        let of = |market: &Market| days.iter().find(|day| day.market == market.id);
        let line = |market: Market| match of(&market).map(|day| (day.tally, day.active_stalls)) {
            Some((tally, active)) => (market, tally, active),
            None => (market, Tally::default(), 0),
        };
        Ok(markets.into_iter().map(line).collect())
    }
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

type Names = std::collections::HashMap<StallNumber, (String, String, String)>;

fn stall_lines(facts: &DayFacts, names: &Names) -> Vec<StallLine> {
    let stalls = facts.money.keys().flatten().chain(facts.adjusted.keys());
    let numbers: std::collections::BTreeSet<StallNumber> = stalls.copied().collect();
    let mut lines: Vec<StallLine> = numbers
        .into_iter()
        .map(|number| {
            let money = facts.money.get(&Some(number)).copied().unwrap_or_default();
            let adjusted = facts.adjusted.get(&number).copied().unwrap_or(Dong::ZERO);
            let (stall, vendor, category) = names.get(&number).cloned().unwrap_or_default();
            StallLine {
                stall: if stall.is_empty() { format!("#{}", number.get()) } else { stall },
                vendor,
                category,
                payments: money.payments,
                amount: money.amount,
                adjusted,
                net: money.amount.checked_add(adjusted).unwrap_or(money.amount),
                first_at: money.first_at,
                last_at: money.last_at,
            }
        })
        .collect();
    lines.sort_by_key(|line| crate::domain::text::code_sort_key(&line.stall));
    lines
}

fn categories(stalls: &[StallLine]) -> Vec<(String, Tally)> {
    let mut sums: BTreeMap<String, (String, Tally)> = BTreeMap::new();
    for line in stalls {
        let name = if line.category.is_empty() { "(chưa ghi)" } else { &line.category };
        let entry = sums.entry(crate::domain::text::sort_key(name)).or_insert((name.to_owned(), Tally::default()));
        entry.1.count = entry.1.count.saturating_add(line.payments);
        entry.1.amount = entry.1.amount.checked_add(line.amount).unwrap_or(entry.1.amount);
    }
    sums.into_values().collect()
}

impl DailyReport {
    /// Returns what lies in suspense: the day's net movement.
    #[must_use]
    pub fn suspense(&self) -> Tally {
        let money = self.facts.money.get(&None).copied().unwrap_or_default();
        Tally { count: money.payments, amount: money.amount }
    }

    /// Returns the day's amount in words, southern voice.
    #[must_use]
    pub fn in_words(&self) -> String {
        in_words_for_papers(self.amount, Voice::South)
    }

    /// Returns the report in the fixed form of API.md §2, with `versus`, `cutoff` and `made_at` added.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let tally = |tally: Tally| json!({"count": tally.count, "amount": tally.amount.whole()});
        let at = |at: Option<Timestamp>| at.map(rfc3339);
        let facts = &self.facts;
        let name = |seq| PostingName { market: self.market.code.clone(), seq }.to_string();
        let stalls: Vec<Value> = self
            .stalls
            .iter()
            .map(|line| {
                json!({
                    "stall": line.stall, "vendor": line.vendor, "category": line.category, "payments": line.payments,
                    "amount": line.amount.whole(), "adjusted": line.adjusted.whole(), "net": line.net.whole(),
                    "first_at": at(line.first_at), "last_at": at(line.last_at),
                })
            })
            .collect();
        let hours: Vec<Value> = facts
            .hours
            .iter()
            .map(|(hour, tally)| {
                json!({
                    "hour": (*hour != NO_HOUR).then_some(hour), "payments": tally.count, "amount": tally.amount.whole(),
                })
            })
            .collect();
        json!({
            "market": {"code": self.market.code.as_str(), "name": self.market.name.as_str()},
            "business_date": self.date.to_string(), "status": if self.closed { "closed" } else { "open" },
            "currency": "VND", "cutoff": self.market.cutoff.to_string(), "time_zone": "Asia/Ho_Chi_Minh",
            "payments": facts.settled.count, "amount": self.amount.whole(), "amount_in_words": self.in_words(),
            "reversed": tally(facts.reversed), "suspense": tally(self.suspense()), "late": tally(facts.late),
            "quarantined": tally(self.quarantined),
            "moved": {"in": tally(facts.moved_in), "out": tally(facts.moved_out)},
            "opening": {"debits": facts.opening.debits.whole(), "credits": facts.opening.credits.whole()},
            "closing": {"debits": facts.closing.debits.whole(), "credits": facts.closing.credits.whole()},
            "stalls": stalls, "hours": hours,
            "categories": self.categories.iter().map(|(name, tally)| json!({
                "category": name, "payments": tally.count, "amount": tally.amount.whole(),
            })).collect::<Vec<_>>(),
            "unmatched": self.unmatched.iter().map(|unmatched| json!({
                "posting": name(unmatched.posting), "amount": unmatched.amount.whole(),
                "event_at": at(unmatched.event_at), "memo_masked": unmatched.memo_masked,
            })).collect::<Vec<_>>(),
            "sources": self.sources.iter().map(|source| json!({
                "source": source.source.as_str(), "settlements": source.settlements, "duplicates": source.duplicates,
                "quarantined": source.quarantined, "last_at": at(source.last_at),
            })).collect::<Vec<_>>(),
            "versus": self.versus.iter().map(|other| json!({
                "business_date": other.date.to_string(), "payments": other.payments, "amount": other.amount.whole(),
            })).collect::<Vec<_>>(),
            "ledger": {"first_seq": self.range.map(|(first, _)| first.get()),
                "last_seq": self.range.map(|(_, last)| last.get()), "hash": self.chain_head},
            "made_at": rfc3339(self.made_at),
        })
    }

    /// Returns the stalls as CSV: UTF-8 with a byte order mark, so that Excel reads the Vietnamese.
    ///
    /// # Errors
    /// When a cell cannot be written: never in memory.
    pub fn to_csv(&self) -> Result<Vec<u8>, AppError> {
        let head = [
            "business_date",
            "market",
            "stall",
            "vendor",
            "category",
            "payments",
            "amount",
            "adjusted",
            "net",
            "first_at",
            "last_at",
        ];
        let rows = self.stalls.iter().map(|line| {
            let at = |at: Option<Timestamp>| at.map(rfc3339).unwrap_or_default();
            vec![
                self.date.to_string(),
                self.market.code.to_string(),
                line.stall.clone(),
                line.vendor.clone(),
                line.category.clone(),
                line.payments.to_string(),
                line.amount.to_string(),
                line.adjusted.to_string(),
                line.net.to_string(),
                at(line.first_at),
                at(line.last_at),
            ]
        });
        let suspense = self.suspense();
        let mut last = vec![self.date.to_string(), self.market.code.to_string(), "(suspense)".to_owned()];
        last.extend(["", ""].map(str::to_owned));
        last.extend([
            suspense.count.to_string(),
            suspense.amount.to_string(),
            "0".to_owned(),
            suspense.amount.to_string(),
        ]);
        last.extend(["", ""].map(str::to_owned));
        crate::report::csv::write(&head, rows.chain([last])).map_err(AppError::internal)
    }

    /// Returns the figures above the tables, as label and value in Vietnamese.
    #[must_use]
    pub fn headline(&self) -> Vec<(&'static str, String)> {
        let tally = |tally: Tally| format!("{} · {}", tally.count, tally.amount.with_unit());
        let facts = &self.facts;
        vec![
            ("Doanh thu", self.amount.with_unit()),
            ("Bằng chữ", self.in_words()),
            ("Lượt thanh toán", facts.settled.count.to_string()),
            ("Sạp có thu", self.stalls.iter().filter(|line| line.payments > 0).count().to_string()),
            ("Đã đảo", tally(facts.reversed)),
            ("Chờ xử lý", tally(self.suspense())),
            ("Bị giữ", tally(self.quarantined)),
            ("Phát sinh trễ", tally(facts.late)),
            ("Từ ngày khác sang", tally(facts.moved_in)),
            ("Sang ngày khác", tally(facts.moved_out)),
        ]
    }

    /// Returns the hours that have payments, as label, count and amount.
    #[must_use]
    pub fn hour_rows(&self) -> Vec<(String, i64, Dong)> {
        let label = |hour: i64| if hour == NO_HOUR { "?".to_owned() } else { format!("{hour:02}h") };
        self.facts.hours.iter().map(|(hour, tally)| (label(*hour), tally.count, tally.amount)).collect()
    }
}

/// Returns a time of day in Vietnam for tables, or nothing.
#[must_use]
pub fn time_cell(at: Option<Timestamp>) -> String {
    at.map(vietnam_time).unwrap_or_default()
}
