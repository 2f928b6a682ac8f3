//! Reading the journal and what is held, for lists and details.

use serde_json::{Value, json};

use super::App;
use super::error::{AppError, Message};
use crate::domain::calendar::{BusinessDate, rfc3339};
use crate::domain::ids::{ItemName, MarketCode, MarketId, PostingName};
use crate::domain::inbox::{Outcome, reason};
use crate::domain::money::Dong;
use crate::ledger::batch::Posting;
use crate::store::postings::{self, Filter};

/// Rows of a list unless the caller says otherwise.
pub const LIMIT_DEFAULT: i64 = 50;
/// Most rows of a list.
pub const LIMIT_MAX: i64 = 200;

/// One page of a list.
#[derive(Debug, Clone)]
pub struct Page {
    /// The rows.
    pub data: Vec<Value>,
    /// What to pass as `after` for the next page; none at the end.
    pub next: Option<String>,
}

impl Page {
    /// Returns the page as the API shows it.
    #[must_use]
    pub fn to_json(&self) -> Value {
        json!({"data": self.data, "has_more": self.next.is_some(), "next": self.next})
    }

    /// Returns the part of a whole list that comes behind `after`, the code of the last row of the
    /// page before.
    ///
    /// # Errors
    /// A bad limit, or a code that is not in the list.
    pub fn of_list<T>(
        rows: &[T],
        code: impl Fn(&T) -> &str,
        show: impl Fn(&T) -> Value,
        after: Option<&str>,
        limit: Option<i64>,
    ) -> Result<Self, AppError> {
        let limit = usize::try_from(list_limit(limit)?).unwrap_or(usize::MAX);
        let start = match after {
            None => 0,
            Some(after) => rows.iter().position(|row| code(row) == after).ok_or_else(bad_cursor)?.saturating_add(1),
        };
        let rest = rows.get(start..).unwrap_or_default();
        let page = rest.get(..limit.min(rest.len())).unwrap_or_default();
        let next = page.last().filter(|_| rest.len() > limit).map(|row| code(row).to_owned());
        Ok(Self { data: page.iter().map(show).collect(), next })
    }
}

/// Reads a list's limit: 1 to 200, 50 when not given.
///
/// # Errors
/// `limit_out_of_range`.
pub fn list_limit(limit: Option<i64>) -> Result<i64, AppError> {
    let limit = limit.unwrap_or(LIMIT_DEFAULT);
    if (1..=LIMIT_MAX).contains(&limit) {
        return Ok(limit);
    }
    let message = Message::new(format!("limit phải từ 1 đến {LIMIT_MAX}."), format!("limit must be 1 to {LIMIT_MAX}."));
    Err(AppError::field("limit", "limit_out_of_range", message))
}

/// Reads where a list goes on.
pub(super) fn list_after(after: Option<&str>) -> Result<i64, AppError> {
    let Some(after) = after else { return Ok(0) };
    let number = after.strip_prefix('s').and_then(|number| number.parse::<i64>().ok());
    number.filter(|number| *number >= 0).ok_or_else(bad_cursor)
}

pub(super) fn bad_cursor() -> AppError {
    let message = Message::new(
        "after không đúng; dùng giá trị next của trang trước.",
        "after is not valid; use the previous page's next.",
    );
    AppError::field("after", "after_invalid", message)
}

impl App {
    /// Returns a posting by name.
    ///
    /// # Errors
    /// `not_found`.
    pub async fn posting(&self, name: &PostingName) -> Result<Value, AppError> {
        let market = self.market(&name.market).await?;
        let mut transaction = self.store.begin_read().await?;
        let found = postings::find(&mut transaction, market.id, name.seq).await?;
        transaction.rollback().await?;
        let posting = found.ok_or_else(|| {
            AppError::not_found(Message::new(
                format!("Không có bút toán {name}."),
                format!("There is no posting {name}."),
            ))
        })?;
        let register = self.stalls(&name.market, None).await?;
        let stall = posting.stall.and_then(|number| register.iter().find(|stall| stall.number == number));
        Ok(posting_json(&name.market, &posting, stall.map(|stall| stall.code.as_str())))
    }

    /// Returns postings of a market in journal order.
    ///
    /// # Errors
    /// `not_found` for the market or stall, a bad limit or cursor.
    pub async fn postings(
        &self,
        code: &MarketCode,
        date: Option<BusinessDate>,
        stall: Option<&str>,
        after: Option<&str>,
        limit: Option<i64>,
    ) -> Result<Page, AppError> {
        let market = self.market(code).await?;
        let (limit, after) = (list_limit(limit)?, list_after(after)?);
        let register = self.stalls(code, None).await?;
        let wanted = match stall {
            None => None,
            Some(typed) => Some(find_stall(&register, typed)?.number),
        };
        let filter = Filter { date, stall: wanted, after, limit: limit.saturating_add(1) };
        let mut transaction = self.store.begin_read().await?;
        let mut found = postings::list(&mut transaction, market.id, filter).await?;
        transaction.rollback().await?;
        let more = i64::try_from(found.len()).is_ok_and(|length| length > limit);
        if more {
            found.pop();
        }
        let next = found.last().filter(|_| more).map(|last| format!("s{}", last.seq.get()));
        let names: std::collections::HashMap<_, _> =
            register.iter().map(|stall| (stall.number, stall.code.as_str())).collect();
        let rows = found
            .iter()
            .map(|posting| posting_json(code, posting, posting.stall.and_then(|stall| names.get(&stall).copied())))
            .collect();
        Ok(Page { data: rows, next })
    }

    /// Returns held items of one outcome that nobody has decided yet: those of one market, or all
    /// of them, the reserved market's first.
    ///
    /// # Errors
    /// `not_found` for the market, a bad limit.
    pub async fn held_items(
        &self,
        outcome: Outcome,
        market: Option<&MarketCode>,
        limit: Option<i64>,
    ) -> Result<Page, AppError> {
        self.held_items_after(outcome, market, None, limit).await
    }

    /// Returns held items as [`App::held_items`] does, behind `after`, the last item of the page
    /// before.
    ///
    /// # Errors
    /// The same, and a bad cursor.
    pub async fn held_items_after(
        &self,
        outcome: Outcome,
        market: Option<&MarketCode>,
        after: Option<&str>,
        limit: Option<i64>,
    ) -> Result<Page, AppError> {
        let limit = list_limit(limit)?;
        let after: Option<ItemName> = after.map(|after| after.parse().map_err(|_| bad_cursor())).transpose()?;
        let markets: Vec<(MarketId, Option<MarketCode>)> = if let Some(code) = market {
            vec![(self.market(code).await?.id, Some(code.clone()))]
        } else {
            let all = self.markets().await?.into_iter().map(|market| (market.id, Some(market.code)));
            std::iter::once((MarketId::INSTALLATION, None)).chain(all).collect()
        };
        let first = match after {
            None => 0,
            Some(after) => markets.iter().position(|(id, _)| *id == after.market).ok_or_else(bad_cursor)?,
        };
        let mut transaction = self.store.begin_read().await?;
        let mut rows = Vec::new();
        for (id, code) in markets.into_iter().skip(first) {
            let behind = after.filter(|after| after.market == id).map_or(0, |after| after.item);
            // One more than asked tells whether there is a next page.
            let wanted = limit.saturating_add(1).saturating_sub(i64::try_from(rows.len()).unwrap_or(i64::MAX));
            if wanted <= 0 {
                break;
            }
            let held = postings::held(&mut transaction, id, outcome, behind, wanted).await?;
            rows.extend(held.into_iter().map(|row| (item_name(&row), held_json(&row, code.as_ref()))));
        }
        transaction.rollback().await?;
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let next = rows.get(limit).and_then(|_| rows.get(limit.checked_sub(1)?)).map(|(name, _)| name.clone());
        Ok(Page { data: rows.into_iter().take(limit).map(|(_, row)| row).collect(), next })
    }
}

fn item_name(row: &postings::InboxRow) -> String {
    let name = ItemName { market: row.market, item: row.item, recorded_at_ms: row.recorded_at.as_millisecond() };
    name.to_string()
}

fn held_json(row: &postings::InboxRow, market: Option<&MarketCode>) -> Value {
    json!({
        "id": item_name(row), "market": market.map(MarketCode::as_str), "source": row.source,
        "outcome": row.outcome.as_str(), "reason": row.reason, "amount": row.amount.map(Dong::whole),
        "currency": "VND", "account": row.account, "bank_ref": row.reference,
        "event_at": row.event_at.map(rfc3339), "recorded_at": rfc3339(row.recorded_at), "resolved": row.resolved,
    })
}

/// Finds a stall by its code, however it is typed.
///
/// # Errors
/// `not_found`.
pub(crate) fn find_stall<'s>(
    stalls: &'s [crate::domain::registration::RegisteredStall],
    typed: &str,
) -> Result<&'s crate::domain::registration::RegisteredStall, AppError> {
    let key = crate::domain::text::code_key(typed);
    stalls.iter().find(|stall| stall.code.key() == key).ok_or_else(|| {
        let shown: String = typed.chars().take(30).collect();
        AppError::not_found(Message::new(format!("Không có sạp {shown}."), format!("There is no stall {shown}.")))
    })
}

fn posting_json(market: &MarketCode, posting: &Posting, stall: Option<&str>) -> Value {
    let name = |seq| PostingName { market: market.clone(), seq }.to_string();
    json!({
        "posting": name(posting.seq), "seq": posting.seq.get(), "kind": posting.kind.as_str(),
        "debit": posting.transfer.debit.to_string(), "credit": posting.transfer.credit.to_string(),
        "amount": posting.transfer.amount.whole(), "currency": "VND", "stall": stall,
        "business_date": posting.business_date.to_string(), "event_date": posting.event_date.to_string(),
        "event_at": posting.event_at.map(rfc3339), "recorded_at": rfc3339(posting.recorded_at), "late": posting.late,
        "from_statement": posting.reason.as_deref() == Some(reason::FROM_STATEMENT),
        "concerns": posting.concerns.map(name), "reason": posting.reason, "actor": posting.actor,
    })
}
