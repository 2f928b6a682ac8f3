//! Reading the audit log: lists for the auditor, the administrator and a market's board, and the whole
//! of it as a file. That somebody read it is an entry too.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::App;
use super::access::{Actor, Place, Right};
use super::error::{AppError, ErrorKind, Message};
use super::journal::list_limit;
use super::note::Note;
use crate::domain::audit::{Action, AuditPoint, AuditRow};
use crate::domain::calendar::{BusinessDate, rfc3339};
use crate::domain::ids::{MarketCode, MarketId};
use crate::store::audit::{self, Behind, Filter, Head};

pub use crate::domain::audit::NO_MARKET;

/// Rows read at a time for a file.
const CHUNK: i64 = 2_000;
/// Ends of logs that one answer carries: a header holds so many within what every proxy takes.
const HEADS_MAX: usize = 20;

/// Which entries are wanted, as texts that people typed; what is not given is not asked for.
#[derive(Debug, Clone, Default)]
pub struct AuditQuery {
    /// A market's code, or [`NO_MARKET`].
    pub market: Option<String>,
    /// Who did it.
    pub actor: Option<String>,
    /// What was done.
    pub action: Option<String>,
    /// To what.
    pub object: Option<String>,
    /// From this date or instant on.
    pub from: Option<String>,
    /// Up to this date and with it, or before this instant.
    pub to: Option<String>,
    /// Where the page before ended.
    pub after: Option<String>,
    /// Rows of the page.
    pub limit: Option<i64>,
}

/// An entry with its market's code.
#[derive(Debug, Clone)]
pub struct AuditShown {
    /// The market's code; none for what concerns no market.
    pub market: Option<MarketCode>,
    /// The entry in its place.
    pub row: AuditRow,
}

/// A page of the log, the newest entry first.
#[derive(Debug, Clone)]
pub struct AuditPage {
    /// The entries.
    pub rows: Vec<AuditShown>,
    /// What to pass as `after` for the next page; none at the end.
    pub next: Option<String>,
    /// Where the logs that were asked for ended, when they are not too many to tell.
    pub heads: Vec<AuditPoint>,
}

/// Returns an entry as the API and the file show it.
#[must_use]
pub fn audit_json(shown: &AuditShown) -> Value {
    let (row, entry) = (&shown.row, &shown.row.entry);
    let value = |text: &Option<String>| text.as_deref().map(|text| serde_json::from_str(text).unwrap_or(json!(text)));
    json!({
        "market": shown.market.as_ref().map(MarketCode::as_str), "seq": row.seq, "at": rfc3339(entry.recorded_at),
        "actor_kind": entry.actor_kind.as_str(), "actor": entry.actor, "role": entry.role,
        "action": entry.action.as_str(), "object_kind": entry.action.object().as_str(), "object": entry.object,
        "stall_number": entry.stall.map(crate::domain::ids::StallNumber::get),
        "before": value(&entry.before), "after": value(&entry.after), "reason": entry.reason,
        "request_id": entry.request_id, "hash": row.hash.to_string(),
    })
}

/// What a query asks for, once it could be read.
struct Asked {
    markets: Vec<(MarketId, Option<MarketCode>)>,
    filter: Filter,
}

impl App {
    /// Returns a page of the log, the newest entry first.
    ///
    /// # Errors
    /// `forbidden`, also for another market than the actor's own; `not_found` for the market; a bad
    /// action, date, limit or cursor.
    pub async fn audit_log(&self, actor: &Actor, query: &AuditQuery) -> Result<AuditPage, AppError> {
        let asked = self.asked(actor, query).await?;
        let limit = list_limit(query.limit)?;
        let behind = query.after.as_deref().map(read_cursor).transpose()?;
        let ids: Vec<MarketId> = asked.markets.iter().map(|(id, _)| *id).collect();
        let mut transaction = self.store.begin_read().await?;
        let found = audit::newest(&mut transaction, &ids, &asked.filter, behind, limit.saturating_add(1)).await;
        let heads = if ids.len() <= HEADS_MAX { audit::heads(&mut transaction, &ids).await } else { Ok(Vec::new()) };
        transaction.rollback().await?;
        let (mut found, heads) = (found?, heads?);
        let more = i64::try_from(found.len()).is_ok_and(|count| count > limit);
        if more {
            found.pop();
        }
        let next = found.last().filter(|_| more).map(cursor);
        let rows = found.into_iter().map(|row| asked.shown(row)).collect();
        if query.after.is_none() {
            self.note_apart(actor_place(actor), [Note::of(Action::AuditRead, "audit").by(actor)]).await?;
        }
        Ok(AuditPage { rows, next, heads: asked.points(heads) })
    }

    /// Returns where each log ends that the actor may read: to be kept outside the book, and given to
    /// `verify` later.
    ///
    /// # Errors
    /// As [`App::audit_log`].
    pub async fn audit_heads(&self, actor: &Actor, market: Option<&str>) -> Result<Vec<AuditPoint>, AppError> {
        let query = AuditQuery { market: market.map(ToOwned::to_owned), ..AuditQuery::default() };
        let asked = self.asked(actor, &query).await?;
        let ids: Vec<MarketId> = asked.markets.iter().map(|(id, _)| *id).collect();
        let mut transaction = self.store.begin_read().await?;
        let heads = audit::heads(&mut transaction, &ids).await;
        transaction.rollback().await?;
        Ok(asked.points(heads?))
    }

    /// Hands every entry that is asked for to `take`, market by market and each in its order: a file
    /// whose chain can be checked. Returns how many.
    ///
    /// # Errors
    /// As [`App::audit_log`], and whatever `take` meets.
    pub async fn export_audit(
        &self,
        actor: &Actor,
        query: &AuditQuery,
        mut take: impl FnMut(&AuditShown) -> Result<(), AppError> + Send,
    ) -> Result<u64, AppError> {
        let asked = self.asked(actor, query).await?;
        let mut count = 0_u64;
        for (id, _) in &asked.markets {
            let mut last = 0;
            loop {
                let mut transaction = self.store.begin_read().await?;
                let found = audit::in_order(&mut transaction, *id, last, CHUNK).await;
                transaction.rollback().await?;
                let found = found?;
                let Some(end) = found.last() else { break };
                last = end.seq;
                for row in found.into_iter().filter(|row| asked.wants(row)) {
                    take(&asked.shown(row))?;
                    count = count.saturating_add(1);
                }
            }
        }
        let note = Note::of(Action::AuditExported, "audit").by(actor).after(json!({ "entries": count }));
        self.note_apart(actor_place(actor), [note]).await?;
        Ok(count)
    }

    async fn asked(&self, actor: &Actor, query: &AuditQuery) -> Result<Asked, AppError> {
        let given = |text: &Option<String>| text.clone().filter(|text| !text.trim().is_empty());
        let market = given(&query.market);
        Self::admit(actor, Right::ReadAudit, &Place::Own)?;
        let everywhere = |id: Option<MarketId>| id.is_none();
        let markets = match (market.as_deref(), actor.market()) {
            (Some(NO_MARKET), None) => vec![(MarketId::INSTALLATION, None)],
            (Some(NO_MARKET), Some(_)) => return Err(not_hers(actor)),
            (Some(code), _) => {
                let code: MarketCode = code.parse().map_err(|error: crate::domain::ids::IdError| {
                    let message = Message::new("Mã chợ không đúng.", error.to_string());
                    AppError::field("market", "market_invalid", message)
                })?;
                Self::admit(actor, Right::ReadAudit, &Place::Market(code.clone()))?;
                vec![(self.market(&code).await?.id, Some(code))]
            }
            (None, Some(own)) => vec![(self.market(own).await?.id, Some(own.clone()))],
            (None, None) => {
                let all = self.markets().await?.into_iter().map(|market| (market.id, Some(market.code)));
                std::iter::once((MarketId::INSTALLATION, None)).chain(all).collect()
            }
        };
        debug_assert!(everywhere(actor.market_id()) || markets.len() == 1, "a bound actor sees one market");
        let filter = Filter {
            actor: given(&query.actor),
            action: given(&query.action).map(|word| read_action(&word)).transpose()?,
            object: given(&query.object),
            from: given(&query.from).map(|text| moment("from", &text, BusinessDate::starts_at)).transpose()?,
            to: given(&query.to).map(|text| moment("to", &text, |date| date.next().starts_at())).transpose()?,
        };
        Ok(Asked { markets, filter })
    }
}

impl Asked {
    fn points(&self, heads: Vec<Head>) -> Vec<AuditPoint> {
        let code =
            |wanted: MarketId| self.markets.iter().find(|(id, _)| *id == wanted).and_then(|(_, code)| code.clone());
        heads.into_iter().map(|(market, seq, hash)| AuditPoint { market: code(market), seq, hash }).collect()
    }

    fn shown(&self, row: AuditRow) -> AuditShown {
        let market = self.markets.iter().find(|(id, _)| *id == row.market).and_then(|(_, code)| code.clone());
        AuditShown { market, row }
    }

    fn wants(&self, row: &AuditRow) -> bool {
        let (filter, entry) = (&self.filter, &row.entry);
        filter.actor.as_ref().is_none_or(|actor| *actor == entry.actor)
            && filter.action.is_none_or(|action| action == entry.action)
            && filter.object.as_ref().is_none_or(|object| *object == entry.object)
            && filter.from.is_none_or(|from| entry.recorded_at >= from)
            && filter.to.is_none_or(|to| entry.recorded_at < to)
    }
}

/// Where it stands that an actor read the log.
fn actor_place(actor: &Actor) -> MarketId {
    actor.market_id().unwrap_or(MarketId::INSTALLATION)
}

fn not_hers(actor: &Actor) -> AppError {
    let own = actor.market().map(ToString::to_string).unwrap_or_default();
    let message = Message::new(
        format!("{} chỉ làm việc được với chợ {own}.", actor.name()),
        format!("{} works with market {own} alone.", actor.name()),
    );
    AppError::new(ErrorKind::Forbidden, "forbidden", message)
}

fn read_action(word: &str) -> Result<Action, AppError> {
    word.parse().map_err(|_| {
        let shown: String = word.chars().take(40).collect();
        let message = Message::new(
            format!("Không có hành động {shown:?}; ví dụ login.failed, posting.reversed."),
            format!("There is no action {shown:?}; for example login.failed, posting.reversed."),
        );
        AppError::field("action", "unknown_audit_action", message)
    })
}

/// Reads a date, which stands for the instant that `of_date` gives, or an instant.
fn moment(field: &str, text: &str, of_date: impl Fn(BusinessDate) -> Timestamp) -> Result<Timestamp, AppError> {
    let text = text.trim();
    if let Ok(date) = text.parse::<BusinessDate>() {
        return Ok(of_date(date));
    }
    text.parse().map_err(|_| {
        let message = Message::new(
            format!("{field} là ngày YYYY-MM-DD hoặc thời điểm RFC 3339."),
            format!("{field} is a date YYYY-MM-DD or an RFC 3339 instant."),
        );
        AppError::field(field, "moment_invalid", message)
    })
}

fn cursor(row: &AuditRow) -> String {
    format!("t{}.{}.{}", row.entry.recorded_at.as_microsecond(), row.market.get(), row.seq)
}

fn read_cursor(after: &str) -> Result<Behind, AppError> {
    let mut parts = after.strip_prefix('t').unwrap_or_default().split('.').map(|part| part.parse::<i64>().ok());
    let read = (|| Some((parts.next()??, parts.next()??, parts.next()??)))();
    read.filter(|_| parts.next().is_none()).ok_or_else(super::journal::bad_cursor)
}

/// The columns of the file.
pub const CSV_HEAD: &str =
    "market,seq,at,actor_kind,actor,role,action,object_kind,object,stall_number,before,after,reason,request_id,hash\n";

/// Returns an entry as a line of CSV; what a spreadsheet would run is defused.
///
/// # Errors
/// When it cannot be written.
pub fn audit_csv(shown: &AuditShown) -> Result<String, AppError> {
    let (row, entry) = (&shown.row, &shown.row.entry);
    let words = |text: &str| crate::report::csv::defused(text);
    let optional = |text: &Option<String>| words(text.as_deref().unwrap_or_default());
    let fields = [
        shown.market.as_ref().map_or(NO_MARKET.to_owned(), ToString::to_string),
        row.seq.to_string(),
        rfc3339(entry.recorded_at),
        entry.actor_kind.as_str().to_owned(),
        words(&entry.actor),
        entry.role.clone(),
        entry.action.as_str().to_owned(),
        entry.action.object().as_str().to_owned(),
        words(&entry.object),
        entry.stall.map(|stall| stall.get().to_string()).unwrap_or_default(),
        optional(&entry.before),
        optional(&entry.after),
        optional(&entry.reason),
        optional(&entry.request_id),
        row.hash.to_string(),
    ];
    let mut writer = csv::WriterBuilder::new().terminator(csv::Terminator::Any(b'\n')).from_writer(Vec::new());
    writer.write_record(&fields).map_err(AppError::internal)?;
    let bytes = writer.into_inner().map_err(|error| AppError::internal(error.to_string()))?;
    String::from_utf8(bytes).map_err(AppError::internal)
}
