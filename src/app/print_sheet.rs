//! Printing stalls' cards: which version of which code, drawn, read back, and only then released and
//! kept in the list of prints.

use super::App;
use super::error::{AppError, ErrorKind, Message};
use super::note::{Note, masked_account};
use super::progress::{Listener, Progress, Step};
use super::register::static_payload;
use crate::domain::account::BankAccount;
use crate::domain::audit::Action;
use crate::domain::banks;
use crate::domain::calendar::BusinessDate;
use crate::domain::drawing::Area;
use crate::domain::ids::{MarketCode, StallNumber};
use crate::domain::memo::MemoCode;
use crate::domain::registration::{Market, RegisteredStall};
use crate::domain::text::code_key;
use crate::qr::card::check_tag;
use crate::qr::image::{Correction, ImageError, QUIET_ZONE, grid};
use crate::qr::proof::{self, Painted};
use crate::report::pdf::cards::{Card, Placed, Print, sheets};
use crate::report::pdf::paper::{Drawn, Ink, Item};
use crate::report::pdf::write;
use crate::store::error::StoreError;
use crate::store::prints::{self, IssuedCode, PrintRow};
use crate::store::register::{self, Register};

pub use crate::report::pdf::cards::Layout;

/// Most cards of one print: more than any market has stalls, and some minutes of work.
pub const CARDS_MAX: usize = 2_000;
/// How often a code is issued anew when another process issues one at the same moment.
const ATTEMPTS: usize = 4;

/// What is to be printed.
#[derive(Debug, Clone)]
pub struct PrintOrder {
    /// The market.
    pub market: MarketCode,
    /// The stalls by their codes; none for all that have an account.
    pub stalls: Vec<String>,
    /// How many cards a sheet has.
    pub layout: Layout,
    /// Who prints.
    pub actor: String,
}

/// Cards whose codes are issued and not drawn yet.
#[derive(Debug, Clone)]
pub struct ReadyPrint {
    market: Market,
    layout: Layout,
    actor: String,
    print: Print,
    cards: Vec<(StallNumber, Card, String)>,
    /// Stalls without an account: nobody could be paid by their card.
    pub without_account: Vec<String>,
}

/// A print that was read back.
#[derive(Debug, Clone)]
pub struct DrawnPrint {
    /// The PDF file.
    pub pdf: Vec<u8>,
    /// How many cards it has; each code was read back.
    pub cards: usize,
}

/// Reads a layout's word.
///
/// # Errors
/// `unknown_layout`.
pub fn layout(word: &str) -> Result<Layout, AppError> {
    Layout::ALL.into_iter().find(|layout| layout.as_str() == word).ok_or_else(|| {
        let message = Message::new("layout là a4, a5, a6 hoặc a7.", "layout is a4, a5, a6 or a7.");
        AppError::field("layout", "unknown_layout", message)
    })
}

impl App {
    /// Chooses the stalls and issues codes where a stall's account has changed since its last one.
    ///
    /// # Errors
    /// `not_found` for market or stall; `no_cards`; `too_many_cards`.
    pub async fn ready_print(&self, order: PrintOrder) -> Result<ReadyPrint, AppError> {
        let market = self.market(&order.market).await?;
        let mut attempts = 0;
        let (stalls, codes, register) = loop {
            attempts += 1;
            match self.issued(&market).await {
                Err(AppError { kind: ErrorKind::Conflict, .. }) if attempts < ATTEMPTS => {}
                issued => break issued?,
            }
        };
        let chosen = chosen(&stalls, &order.stalls)?;
        let (with, without): (Vec<_>, Vec<_>) = chosen.into_iter().partition(|stall| codes.contains_key(&stall.number));
        if with.is_empty() {
            let message = Message::new(
                "Không có sạp nào có tài khoản nhận tiền để in thẻ.",
                "No stall to print has a receiving account.",
            );
            return Err(AppError::field("stalls", "no_cards", message));
        }
        if with.len() > CARDS_MAX {
            let message = Message::new(
                format!("Mỗi lần in tối đa {CARDS_MAX} thẻ; hãy chọn bớt sạp."),
                format!("At most {CARDS_MAX} cards are printed at once; choose fewer stalls."),
            );
            return Err(AppError::field("stalls", "too_many_cards", message));
        }
        let mut cards = Vec::with_capacity(with.len());
        for stall in with {
            let Some(code) = codes.get(&stall.number) else { continue };
            cards.push((stall.number, card(stall, code, &register)?, code.payload.clone()));
        }
        let at = jiff::Timestamp::from_second(self.now().as_second()).unwrap_or_default();
        let print = Print {
            market: market.name.to_string(),
            code: market.code.to_string(),
            date: BusinessDate::of_calendar(at).vietnamese(),
            at,
            demo: market.demo,
        };
        let without_account = without.into_iter().map(|stall| stall.code.to_string()).collect();
        Ok(ReadyPrint { market, layout: order.layout, actor: order.actor, print, cards, without_account })
    }

    /// Reads the newest code of each stall that has an account; issues one where it pays into an
    /// account that is not the stall's any more.
    async fn issued(&self, market: &Market) -> Result<Issued, AppError> {
        let mut transaction = self.store.begin_write().await?;
        let register = register::read(&mut transaction, market.id, self.today()).await?;
        let register = register.ok_or_else(|| super::no_market(&market.code))?;
        let mut newest = prints::newest(&mut transaction, market.id).await?;
        let (mut codes, mut fresh) = (std::collections::HashMap::new(), Vec::new());
        for stall in register.stalls.values() {
            let Some(account) = &stall.account else { continue };
            let bound = |account: &BankAccount| register.bound.contains(&(account.clone(), stall.number));
            let known = newest.remove(&stall.number);
            let version = known.as_ref().map_or(0, |code| code.version);
            let code = if let Some(code) = known.filter(|code| bound(&code.account)) {
                code
            } else {
                let account = account.account.clone();
                let payload = static_payload(&account, Some(stall.number))?;
                let code = IssuedCode { version: version + 1, account, payload };
                fresh.push((stall.number, code.clone()));
                code
            };
            codes.insert(stall.number, code);
        }
        if fresh.is_empty() {
            transaction.rollback().await?;
        } else {
            match prints::issue(&mut transaction, market.id, &fresh, self.now()).await {
                Err(StoreError::UniqueViolation) => {
                    transaction.rollback().await?;
                    let (vi, en) = ("Mã QR vừa được phát hành ở nơi khác.", "The code was issued elsewhere just now.");
                    return Err(AppError::new(ErrorKind::Conflict, "code_issued", Message::new(vi, en)));
                }
                issued => issued?,
            }
            let name = |number: &StallNumber| {
                let found = register.stalls.values().find(|stall| stall.number == *number);
                found.map(|stall| stall.code.to_string()).unwrap_or_default()
            };
            let note = |(number, code): &(StallNumber, IssuedCode)| {
                let said = serde_json::json!({ "version": code.version, "account": masked_account(&code.account) });
                Note::of(Action::CodeIssued, name(number)).at_stall(*number).after(said)
            };
            self.commit_noted(transaction, market.id, fresh.iter().map(note)).await?;
        }
        let mut stalls: Vec<RegisteredStall> = register.stalls.values().cloned().collect();
        stalls.sort_by_key(|stall| (crate::domain::text::code_sort_key(stall.code.as_str()), stall.number));
        Ok((stalls, codes, register))
    }

    /// Keeps that a print was made.
    ///
    /// # Errors
    /// Whatever the store meets.
    pub async fn log_print(&self, ready: &ReadyPrint) -> Result<(), AppError> {
        let cards: Vec<(StallNumber, i64)> =
            ready.cards.iter().map(|(stall, card, _)| (*stall, card.version)).collect();
        let id = self.ids.uuid()?;
        let row = PrintRow { id, at: self.now(), by: &ready.actor, layout: ready.layout.as_str(), cards: &cards };
        let mut transaction = self.store.begin_write().await?;
        prints::log(&mut transaction, ready.market.id, &row).await?;
        let note = |(stall, card, _): &(StallNumber, Card, String)| {
            let said = serde_json::json!({ "version": card.version, "layout": ready.layout.as_str() });
            Note::of(Action::CardPrinted, &card.stall).at_stall(*stall).named(&ready.actor).after(said)
        };
        self.commit_noted(transaction, ready.market.id, ready.cards.iter().map(note)).await
    }
}

type Issued = (Vec<RegisteredStall>, std::collections::HashMap<StallNumber, IssuedCode>, Register);

fn chosen<'s>(stalls: &'s [RegisteredStall], wanted: &[String]) -> Result<Vec<&'s RegisteredStall>, AppError> {
    if wanted.is_empty() {
        return Ok(stalls.iter().collect());
    }
    let keys: Vec<String> = wanted.iter().map(|code| code_key(code)).collect();
    if let Some((unknown, _)) =
        wanted.iter().zip(&keys).find(|(_, key)| !stalls.iter().any(|stall| stall.code.key() == **key))
    {
        let message = Message::new(format!("Không có sạp {unknown}."), format!("There is no stall {unknown}."));
        return Err(AppError::not_found(message));
    }
    Ok(stalls.iter().filter(|stall| keys.contains(&stall.code.key())).collect())
}

fn card(stall: &RegisteredStall, code: &IssuedCode, register: &Register) -> Result<Card, AppError> {
    let bin = code.account.bin.as_str();
    let holder = register.accounts.get(&code.account).map(|account| account.holder.clone()).unwrap_or_default();
    let vendor = stall.vendor.as_ref().map(|(_, name)| name.to_string()).unwrap_or_default();
    let grid = grid(&code.payload, Correction::Print).map_err(|error| unreadable(stall.code.as_str(), &error))?;
    Ok(Card {
        stall: stall.code.to_string(),
        holder: if holder.is_empty() { crate::domain::text::bank_form(&vendor) } else { holder },
        vendor,
        bank: banks::shown_name(bin),
        last_four: code.account.number.last_four().to_owned(),
        tag: check_tag(&code.payload, code.version),
        version: code.version,
        memo: MemoCode::of(stall.number).to_string(),
        grid,
    })
}

fn unreadable(stall: &str, error: &ImageError) -> AppError {
    let message = Message::new(
        format!("Mã của sạp {stall} không đọc lại được nên không phát hành: {error}."),
        format!("The code of stall {stall} was not read back and is not released: {error}."),
    );
    AppError::new(ErrorKind::Invalid, "qr_unreadable", message)
}

impl ReadyPrint {
    /// Returns how many cards there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.cards.len()
    }

    /// Tells whether there is none, which no print has.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.cards.is_empty()
    }

    /// Draws the cards and reads every code back, as an office printer would print it. Takes a while:
    /// `progress` hears after each card.
    ///
    /// # Errors
    /// `qr_unreadable`; `card_too_small` for a code that needs a larger card.
    pub fn draw(&self, progress: Listener<'_>) -> Result<DrawnPrint, AppError> {
        let cards: Vec<Card> = self.cards.iter().map(|(_, card, _)| card.clone()).collect();
        let (paper, placed) = sheets(&cards, self.layout, &self.print, QUIET_ZONE).map_err(|error| {
            let (stall, layout) = (&error.stall, self.layout.as_str().to_uppercase());
            let vi = format!("Mã của sạp {stall} cần thẻ lớn hơn {layout}: mỗi ô phải từ 1 mm.");
            let en =
                format!("The code of stall {stall} needs a larger card than {layout}: a module has 1 mm at least.");
            AppError::field("layout", "card_too_small", Message::new(vi, en))
        })?;
        let total = u64::try_from(cards.len()).unwrap_or(u64::MAX);
        for (done, ((_, card, payload), place)) in (1_u64..).zip(self.cards.iter().zip(&placed)) {
            let painted = painted(paper.pages.get(place.page).map(Vec::as_slice).unwrap_or_default(), place);
            proof::reads_back(payload, (place.code, &card.grid), &painted, place.seen)
                .map_err(|error| unreadable(&card.stall, &error))?;
            progress(Progress { step: Step::Cards, done, total });
        }
        let pdf = write::pdf(&paper).map_err(AppError::internal)?;
        Ok(DrawnPrint { pdf, cards: cards.len() })
    }
}

/// Returns what else is filled where a code lies; words stand for the area they take.
fn painted(items: &[Item], place: &Placed) -> Vec<Painted> {
    let light = |ink: Ink| if ink == Ink::WHITE { u8::MAX } else { 0 };
    let area = |item: &Item| match &item.drawn {
        Drawn::Fill(area) => Some((*area, light(item.ink))),
        Drawn::Text { at, line, size } => {
            let area = Area { x: at.x, y: at.y - *size, width: line.width(*size), height: size.scaled(125, 100) };
            Some((area, light(item.ink)))
        }
        Drawn::Code { .. } => None,
    };
    let seen = place.seen;
    let meets = |area: &Area| {
        area.x < seen.right() && area.right() > seen.x && area.y < seen.bottom() && area.bottom() > seen.y
    };
    items.iter().filter_map(area).filter(|(area, _)| meets(area)).collect()
}
