//! A living city of demonstration data: seeded, so that the same seed gives the same city.
//!
//! Past days go in by the bulk path: many settlements a batch, judged and written as any other.

use jiff::{SignedDuration, Timestamp};

use super::App;
use super::add_market::AddMarket;
use super::demo_names::{BANKS, FAMILY, GIVEN, HOURS, MIDDLE};
use super::error::AppError;
use super::manage_sources::{AddSource, TOLERANCE_DEFAULT_S};
use super::register::Registered;
use super::stall_view::holder;
use crate::bank::{self, SignedRequest};
use crate::domain::account::{AccountKind, BankAccount};
use crate::domain::calendar::BusinessDate;
use crate::domain::goods::GOODS;
use crate::domain::ids::{DeliveryId, MarketCode, SourceName};
use crate::domain::money::Dong;
use crate::domain::registration::Registration;
use crate::domain::settlement::{BankRef, Dialect, Direction, EventId, EventTime, Settlement};
use crate::ledger::routing;
use crate::ledger::work::{Content, Done, Incoming, IncomingItem, Work};

/// The markets: seven named as cashless in the press, five assumed; demonstration data all of them.
const MARKETS: &str = include_str!("demo_markets.tsv");
/// Payments of one market on one ordinary day.
const PAYMENTS_A_DAY: u32 = 800;
/// Settlements written in one batch of the bulk path.
const BULK: usize = 4_000;
/// Characters of a secret made for a demonstration source.
const SECRET_LENGTH: usize = 40;

/// How large the city is.
#[derive(Debug, Clone, Copy)]
pub struct DemoPlan {
    /// Markets, at most as many as the table has.
    pub markets: usize,
    /// Stalls of each.
    pub stalls: usize,
    /// Past days with payments.
    pub days: i64,
    /// The seed.
    pub seed: u64,
}

/// A market of the city and what its traffic needs.
#[derive(Debug, Clone)]
pub struct DemoMarket {
    /// Its code.
    pub code: MarketCode,
    /// Its source.
    pub source: SourceName,
    /// The source's secret.
    pub secret: String,
    /// Its stalls.
    pub stalls: Vec<Registered>,
}

/// One webhook of the living city.
#[derive(Debug, Clone)]
pub struct DemoRequest {
    /// The source it is posted to.
    pub source: SourceName,
    /// The request, signed.
    pub request: SignedRequest,
}

impl App {
    /// Makes the city's markets, stalls and sources; `progress` hears after each market.
    ///
    /// # Errors
    /// When the book cannot be written, or holds other markets of these codes.
    pub async fn demo_city(&self, plan: DemoPlan, mut progress: impl FnMut()) -> Result<Vec<DemoMarket>, AppError> {
        let mut city = Vec::new();
        for (index, line) in MARKETS.lines().skip(1).take(plan.markets).enumerate() {
            let columns: Vec<&str> = line.split('\t').collect();
            let (Some(code), Some(name)) = (columns.first(), columns.get(1)) else { continue };
            let code: MarketCode =
                code.parse().map_err(|error: crate::domain::ids::IdError| AppError::internal(error))?;
            let new = AddMarket {
                code: code.clone(),
                name: name.parse().map_err(|error: crate::domain::text::NameError| AppError::internal(error))?,
                ward: columns.get(4).map(|ward| (*ward).to_owned()),
                cutoff: crate::domain::calendar::Cutoff::default(),
                demo: true,
            };
            self.add_market(new).await?;
            let market_seed = plan.seed.wrapping_add(u64::try_from(index).unwrap_or(0));
            let mut rng = fastrand::Rng::with_seed(market_seed);
            let registrations = registrations(&mut rng, index, plan.stalls)?;
            let stalls = self.register_all(&code, &registrations).await?;
            let source: SourceName = format!("sepay-{}", code.as_str().to_lowercase())
                .parse()
                .map_err(|error: crate::domain::ids::IdError| AppError::internal(error))?;
            let secret: String = (0..SECRET_LENGTH).map(|_| rng.alphanumeric()).collect();
            self.add_source(AddSource {
                name: source.clone(),
                dialect: Dialect::SepayHmac,
                secret: secret.clone(),
                accounts: Vec::new(),
                market: Some(code.clone()),
                local_as_utc: false,
                tolerance_s: TOLERANCE_DEFAULT_S,
                networks: Vec::new(),
            })
            .await?;
            city.push(DemoMarket { code, source, secret, stalls });
            progress();
        }
        Ok(city)
    }

    /// Books the past days of one market by the bulk path; `progress` hears after each batch how
    /// many settlements it held. Returns how many were booked.
    ///
    /// # Errors
    /// When the book cannot be written.
    pub async fn demo_history(
        &self,
        market: &DemoMarket,
        plan: DemoPlan,
        mut progress: impl FnMut(usize),
    ) -> Result<usize, AppError> {
        let mut rng = fastrand::Rng::with_seed(plan.seed ^ hash(market.code.as_str()));
        let today = self.today();
        let mut waiting: Vec<Settlement> = Vec::new();
        let mut booked = 0;
        let mut number = 0;
        for back in (1..=plan.days).rev() {
            let date = today.plus_days(-back);
            let mut day = day_of_payments(&mut rng, market, date, PAYMENTS_A_DAY, &mut number);
            waiting.append(&mut day);
            while waiting.len() >= BULK {
                let rest = waiting.split_off(BULK);
                booked += self.book_in_bulk(market, std::mem::replace(&mut waiting, rest)).await?;
                progress(BULK);
            }
        }
        // What has been paid today before now, so that the first page is not empty.
        let now = self.clock.now();
        let mut day = day_of_payments(&mut rng, market, today, PAYMENTS_A_DAY, &mut number);
        day.retain(|settlement| matches!(settlement.event_time, EventTime::At(at) if at <= now));
        waiting.append(&mut day);
        let last = waiting.len();
        booked += self.book_in_bulk(market, waiting).await?;
        progress(last);
        Ok(booked)
    }

    /// Books settlements in one batch; they are routed, judged and chained as any others are.
    async fn book_in_bulk(&self, market: &DemoMarket, settlements: Vec<Settlement>) -> Result<usize, AppError> {
        if settlements.is_empty() {
            return Ok(0);
        }
        let directory = self.directory.refresh(&self.store).await?;
        let sender = self.sender(&market.source).await?;
        let now = self.clock.now();
        let mut items = Vec::with_capacity(settlements.len());
        let mut home = sender.allowance.market;
        for (part, settlement) in (1..).zip(settlements) {
            let routed = routing::route(&settlement, &sender.allowance, &directory.routes, now);
            home = routed.market;
            let content = Content::Credit { settlement, routed };
            items.push(IncomingItem {
                part,
                content,
                salt: self.ids.salt()?,
                raw: None,
                resolves: None,
                actor: None,
                compared: None,
            });
        }
        let count = items.len();
        let incoming = Incoming {
            delivery: DeliveryId(self.ids.uuid()?),
            source: sender.allowance.source,
            reference_version: directory.version,
            items,
        };
        match self.writer.submit(home, vec![Work::Deliver(incoming)]).await?.pop() {
            Some(Done::Judged(_)) => Ok(count),
            _ => Err(AppError::internal("the city's reference tables changed while it was made")),
        }
    }

    /// Returns the webhook of one payment made just now at a stall of the city, signed.
    #[must_use]
    pub fn demo_payment(&self, city: &[DemoMarket], rng: &mut fastrand::Rng) -> Option<DemoRequest> {
        let market = rng.choice(city)?;
        let now = self.clock.now();
        let second = Timestamp::from_second(now.as_second()).unwrap_or(now);
        let mut number = now.as_millisecond();
        let settlement = payment(rng, market, second, &mut number)?;
        let request = bank::sign(Dialect::SepayHmac, &market.secret, &settlement, now)?;
        Some(DemoRequest { source: market.source.clone(), request })
    }

    /// Makes a source of our own plain form for the first market, and returns a signed settlement
    /// for its first stall: what a person may post with curl.
    ///
    /// # Errors
    /// When the source cannot be added.
    pub async fn demo_curl(&self, city: &[DemoMarket], seed: u64) -> Result<Option<DemoRequest>, AppError> {
        let Some(market) = city.first() else { return Ok(None) };
        let Some(stall) = market.stalls.first() else { return Ok(None) };
        let name: SourceName =
            "demo".parse().map_err(|error: crate::domain::ids::IdError| AppError::internal(error))?;
        let secret = format!("demo-secret-{seed}");
        let new = AddSource {
            name: name.clone(),
            dialect: Dialect::GenericHmac,
            secret: secret.clone(),
            accounts: Vec::new(),
            market: Some(market.code.clone()),
            local_as_utc: false,
            tolerance_s: TOLERANCE_DEFAULT_S,
            networks: Vec::new(),
        };
        self.add_source(new).await?;
        let now = self.clock.now();
        let settlement = Settlement {
            event_id: EventId::Given("curl-1".into()),
            direction: Direction::Credit,
            amount: Dong::new(35_000),
            settled: stall.account.account.number.clone(),
            addressed: None,
            bank_hint: None,
            reference: BankRef::normalise("CURL1"),
            event_time: EventTime::At(Timestamp::from_second(now.as_second()).unwrap_or(now)),
            memo: stall.memo_code.map(|code| code.to_string()).unwrap_or_default(),
            payer: String::new(),
        };
        let request = bank::sign(Dialect::GenericHmac, &secret, &settlement, now);
        Ok(request.map(|request| DemoRequest { source: name, request }))
    }
}

fn hash(text: &str) -> u64 {
    text.bytes().fold(14_695_981_039_346_656_037, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(1_099_511_628_211))
}

fn pick<'a>(rng: &mut fastrand::Rng, words: &[&'a str]) -> &'a str {
    rng.choice(words).copied().unwrap_or_default()
}

fn registrations(rng: &mut fastrand::Rng, market: usize, stalls: usize) -> Result<Vec<Registration>, AppError> {
    let internal = |error: String| AppError::internal(error);
    let mut registrations = Vec::with_capacity(stalls);
    for index in 0..stalls {
        let row = char::from(b"ABCDEFGHKLMNPQ".get(index / 24 % 14).copied().unwrap_or(b'A'));
        let code = format!("{row}{:02}", index % 24 + 1 + index / 336 * 24);
        let name = format!("{} {} {}", pick(rng, &FAMILY), pick(rng, &MIDDLE), pick(rng, &GIVEN));
        let vendor = name.parse().map_err(|error: crate::domain::text::NameError| internal(error.to_string()))?;
        let number = format!("{:02}{:04}{:05}", 10 + market, index, rng.u32(0..100_000));
        let account = BankAccount {
            bin: pick(rng, &BANKS).parse().map_err(|error: crate::domain::ids::IdError| internal(error.to_string()))?,
            number: number.parse().map_err(|error: crate::domain::ids::IdError| internal(error.to_string()))?,
        };
        // A hall is laid out by goods: neighbours sell alike.
        let category = GOODS.get(index * GOODS.len() / stalls.max(1)).copied().unwrap_or_default().to_owned();
        registrations.push(Registration {
            stall: Some(
                code.parse()
                    .map_err(|error: crate::domain::registration::StallCodeError| internal(error.to_string()))?,
            ),
            holder: holder(None, &vendor),
            vendor,
            category,
            account,
            kind: AccountKind::Direct,
        });
    }
    Ok(registrations)
}

/// Returns a day's payments in the order of their times; weekends and the days before the full and
/// new moon are busier, and no two days are alike.
fn day_of_payments(
    rng: &mut fastrand::Rng,
    market: &DemoMarket,
    date: BusinessDate,
    usual: u32,
    number: &mut i64,
) -> Vec<Settlement> {
    use jiff::civil::Weekday;
    let weekday = match date.date().weekday() {
        Weekday::Sunday => 125,
        Weekday::Saturday => 118,
        Weekday::Monday => 90,
        Weekday::Tuesday | Weekday::Wednesday | Weekday::Thursday | Weekday::Friday => 98,
    };
    let percent = weekday * rng.u32(88..113) / 100;
    let count = usual * percent / 100;
    let mut times: Vec<i64> = (0..count).map(|_| i64::from(hour(rng)) * 3_600 + rng.i64(0..3_600)).collect();
    times.sort_unstable();
    let start = date.starts_at();
    let at = |seconds| start.checked_add(SignedDuration::from_secs(seconds)).unwrap_or(start);
    times.into_iter().filter_map(|seconds| payment(rng, market, at(seconds), number)).collect()
}

/// Draws an hour of the day by how busy it is.
fn hour(rng: &mut fastrand::Rng) -> u32 {
    let mut ticket = rng.u32(0..HOURS.iter().sum::<u32>());
    for (hour, weight) in (0..).zip(HOURS) {
        if ticket < weight {
            return hour;
        }
        ticket -= weight;
    }
    6
}

fn payment(rng: &mut fastrand::Rng, market: &DemoMarket, at: Timestamp, number: &mut i64) -> Option<Settlement> {
    *number += 1;
    // A few stalls take much, most take little: the smaller of three draws.
    let draws = [0; 3].map(|_| rng.usize(0..market.stalls.len().max(1)));
    let stall = market.stalls.get(draws.into_iter().min()?)?;
    let thousands = match rng.u32(0..100) {
        0..55 => rng.i64(5..60),
        55..90 => rng.i64(60..250),
        90..99 => rng.i64(250..900),
        _ => rng.i64(900..6_000),
    };
    let code = stall.memo_code.map(|code| code.to_string()).unwrap_or_default();
    let memo = match rng.u32(0..10) {
        0 => "chuyen tien".to_owned(),
        1 => format!(
            "MBVCB.{}.{}.{code}.CT tu 0071000{:06} NGUYEN VAN A",
            rng.u32(1_000_000..9_999_999),
            rng.u32(100_000..999_999),
            rng.u32(0..999_999)
        ),
        _ => format!("{code} thanh toan"),
    };
    let id = format!("{}{number:010}", market.code);
    Some(Settlement {
        reference: BankRef::normalise(&format!("FT{id}")),
        event_id: EventId::Given(id.into()),
        direction: Direction::Credit,
        amount: Dong::new(thousands * 1_000),
        settled: stall.account.account.number.clone(),
        addressed: None,
        bank_hint: None,
        event_time: EventTime::At(at),
        memo,
        payer: String::new(),
    })
}
