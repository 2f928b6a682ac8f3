//! Adding, listing and rotating the sources that may report settlements.

use std::sync::Arc;

use jiff::SignedDuration;

use super::App;
use super::error::{AppError, ErrorKind, Message};
use super::note::Note;
use crate::bank::{self, Credentials, Delivery, Refusal, Request};
use crate::domain::account::AccountNumber;
use crate::domain::audit::Action;
use crate::domain::calendar::rfc3339;
use crate::domain::ids::{MarketCode, MarketId, SourceName};
use crate::domain::money::Dong;
use crate::domain::sealed::PREFIX;
use crate::domain::settlement::{BankRef, Dialect, Direction, EventId, EventTime, Settlement};
use crate::domain::source_network::Network;
use crate::store::error::StoreError;
use crate::store::routing::Sender;
use crate::store::secrets::source_place;
use crate::store::sources;

/// Seconds that a signed time may be off unless a source says otherwise.
pub const TOLERANCE_DEFAULT_S: i64 = 300;
/// Most seconds that a source may ask for: a day, for senders that retry with the old time.
pub const TOLERANCE_MAX_S: i64 = 86_400;
/// Shortest secret that is taken, in characters.
const SECRET_MIN: usize = 8;
/// Longest secret that is taken, in characters.
const SECRET_MAX: usize = 500;

/// A source to add.
#[derive(Clone)]
pub struct AddSource {
    /// Its name, part of its address.
    pub name: SourceName,
    /// How it speaks.
    pub dialect: Dialect,
    /// Its secret, in the dialect's own form.
    pub secret: String,
    /// The accounts it may report; none together with a market means all of that market.
    pub accounts: Vec<AccountNumber>,
    /// The market it is bound to.
    pub market: Option<MarketCode>,
    /// Whether it writes local time as if it were UTC.
    pub local_as_utc: bool,
    /// Seconds that a signed time may be off.
    pub tolerance_s: i64,
    /// The networks it may send from; anywhere when there are none.
    pub networks: Vec<Network>,
}

/// A source as it is shown: without its secrets.
#[derive(Debug, Clone)]
pub struct SourceShown {
    /// Its name.
    pub name: SourceName,
    /// How it speaks.
    pub dialect: Dialect,
    /// The market it is bound to.
    pub market: Option<MarketCode>,
    /// The accounts on its list.
    pub accounts: Vec<AccountNumber>,
    /// Whether it may report every account of its market.
    pub every_account: bool,
    /// Whether it writes local time as if it were UTC.
    pub local_as_utc: bool,
    /// Seconds that a signed time may be off.
    pub tolerance_s: i64,
    /// The networks it may send from; anywhere when there are none.
    pub networks: Vec<Network>,
    /// Since when its secret is in force.
    pub secret_since: Option<jiff::Timestamp>,
    /// When that secret signed last, to the minute.
    pub secret_used_at: Option<jiff::Timestamp>,
    /// Until when its previous secret is taken too.
    pub previous_secret_until: Option<jiff::Timestamp>,
    /// When the previous secret signed last, to the minute.
    pub previous_secret_used_at: Option<jiff::Timestamp>,
    /// By how many seconds its clock and ours differ, once three deliveries in a row came so.
    pub clock_alarm_s: Option<i64>,
}

impl App {
    /// Adds a source.
    ///
    /// # Errors
    /// `source_exists`, `secret_invalid`, `tolerance_out_of_range`, or `accounts_missing` when it
    /// has neither accounts nor a market.
    pub async fn add_source(&self, new: AddSource) -> Result<SourceShown, AppError> {
        check_secret(new.dialect, &new.secret)?;
        if !(1..=TOLERANCE_MAX_S).contains(&new.tolerance_s) {
            return Err(AppError::field(
                "tolerance",
                "tolerance_out_of_range",
                Message::new(
                    format!("Độ lệch giờ cho phép phải từ 1 đến {TOLERANCE_MAX_S} giây."),
                    format!("The tolerance must be 1 to {TOLERANCE_MAX_S} seconds."),
                ),
            ));
        }
        let market = match &new.market {
            Some(code) => self.market(code).await?.id,
            None if new.accounts.is_empty() => {
                let message = Message::new(
                    "Nguồn cần danh sách tài khoản (--accounts) hoặc một chợ (--market).",
                    "A source needs a list of accounts (--accounts) or a market (--market).",
                );
                return Err(AppError::field("accounts", "accounts_missing", message));
            }
            None => MarketId::INSTALLATION,
        };
        let mut source = sources::NewSource {
            name: new.name.clone(),
            dialect: new.dialect,
            market,
            every_account: new.accounts.is_empty(),
            accounts: new.accounts,
            local_as_utc: new.local_as_utc,
            tolerance_s: new.tolerance_s,
            secret: new.secret,
            networks: super::source_addresses::checked(new.networks)?,
        };
        let mut transaction = self.store.begin_write().await?;
        let id = sources::next(&mut transaction).await?;
        source.secret = self.seal(&mut transaction, &source_place(id), source.secret.as_bytes()).await?;
        match sources::add(&mut transaction, id, &source, self.clock.now()).await {
            Ok(()) => {
                let said = serde_json::json!({
                    "dialect": source.dialect.as_str(), "accounts": tails(&source.accounts),
                    "every_account": source.every_account, "tolerance_s": source.tolerance_s,
                });
                let note = Note::of(Action::SourceAdded, &source.name).after(said);
                self.commit_noted(transaction, market, [note]).await?;
            }
            Err(StoreError::UniqueViolation) => {
                let name = new.name;
                let message = Message::new(
                    format!("Nguồn {name} đã có. Đổi khóa: socho source rotate {name}."),
                    format!("Source {name} exists already. To change its secret: socho source rotate {name}."),
                );
                return Err(AppError::new(ErrorKind::Conflict, "source_exists", message));
            }
            Err(error) => return Err(error.into()),
        }
        self.source(&source.name).await
    }

    /// Returns all sources by name.
    ///
    /// # Errors
    /// Whatever the store meets.
    pub async fn sources(&self) -> Result<Vec<SourceShown>, AppError> {
        let directory = self.directory.refresh(&self.store).await?;
        let uses = self.secret_uses().await?;
        let shown = |sender: &Arc<Sender>| {
            let seen = uses.get(&sender.allowance.source);
            SourceShown {
                clock_alarm_s: self.clock_alarms.raised(sender.allowance.source),
                secret_used_at: seen.and_then(|seen| seen.secret_at),
                previous_secret_used_at: seen.and_then(|seen| seen.previous_at),
                ..show(sender, |id| directory.markets.get(&id).cloned())
            }
        };
        let mut shown: Vec<SourceShown> = directory.senders.values().map(shown).collect();
        shown.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(shown)
    }

    /// Returns one source.
    ///
    /// # Errors
    /// `not_found`.
    pub async fn source(&self, name: &SourceName) -> Result<SourceShown, AppError> {
        self.sources().await?.into_iter().find(|source| source.name == *name).ok_or_else(|| no_source(name.as_str()))
    }

    /// Puts accounts on a source's list, or takes them off.
    ///
    /// # Errors
    /// `not_found`.
    pub async fn change_source_accounts(
        &self,
        name: &SourceName,
        add: &[AccountNumber],
        remove: &[AccountNumber],
    ) -> Result<SourceShown, AppError> {
        let sender = self.sender(name).await?;
        let id = sender.allowance.source.get();
        let mut transaction = self.store.begin_write().await?;
        crate::store::head::touch_reference(&mut transaction).await?;
        sources::list(&mut transaction, id, add, self.clock.now()).await?;
        sources::unlist(&mut transaction, id, remove).await?;
        let said = serde_json::json!({ "added": tails(add), "removed": tails(remove) });
        let note = Note::of(Action::SourceAccountsChanged, name).after(said);
        self.commit_noted(transaction, sender.allowance.market, [note]).await?;
        self.directory.refresh(&self.store).await?;
        self.offer_waiting_numbers(add).await?;
        self.source(name).await
    }

    /// Puts a new secret in force; the one before it is taken for `overlap` more.
    ///
    /// # Errors
    /// `not_found`, `secret_invalid`.
    pub async fn rotate_source(
        &self,
        name: &SourceName,
        secret: &str,
        overlap: SignedDuration,
    ) -> Result<SourceShown, AppError> {
        let sender = self.sender(name).await?;
        check_secret(sender.dialect, secret)?;
        // What the secret signed until now is its own, not the next one's.
        self.write_secret_uses().await?;
        let now = self.clock.now();
        let until = now.checked_add(overlap).unwrap_or(now);
        let mut transaction = self.store.begin_write().await?;
        let id = sender.allowance.source;
        let sealed = self.seal(&mut transaction, &source_place(id), secret.as_bytes()).await?;
        sources::rotate(&mut transaction, id.get(), &sealed, until, now).await?;
        let said = serde_json::json!({ "previous_secret_until": crate::domain::calendar::rfc3339(until) });
        let note = Note::of(Action::SourceRotated, name).after(said);
        self.commit_noted(transaction, sender.allowance.market, [note]).await?;
        self.source(name).await
    }

    /// Signs a sample settlement with the source's own secret and runs it through the program's
    /// own authentication and reading, storing nothing.
    ///
    /// # Errors
    /// `not_found`, `cannot_sign` for a public key, `source_test_failed` with the step.
    pub async fn test_source(&self, name: &SourceName) -> Result<String, AppError> {
        let sender = self.sender(name).await?;
        let now = self.clock.now();
        let number = sender.allowance.accounts.iter().next().cloned();
        let sample = Settlement {
            event_id: EventId::Given(format!("test-{}", now.as_millisecond()).into()),
            direction: Direction::Credit,
            amount: Dong::new(1_000),
            settled: number.map_or_else(|| "0".parse().map_err(AppError::internal), Ok)?,
            addressed: None,
            bank_hint: None,
            reference: BankRef::normalise("SOCHOTEST"),
            event_time: EventTime::At(now),
            memo: "SOCHO TEST".to_owned(),
            payer: String::new(),
        };
        let secrets = self.secrets_of(&sender, now)?;
        let signed = bank::sign(sender.dialect, &self.present_secret(&sender)?, &sample, now).ok_or_else(|| {
            let message = Message::new(
                "Nguồn này dùng khóa công khai: chỉ bên gửi mới ký được.",
                "This source has a public key: only the sender can sign.",
            );
            AppError::new(ErrorKind::Invalid, "cannot_sign", message)
        })?;
        let headers: Vec<(String, Vec<u8>)> =
            signed.headers.iter().map(|(name, value)| (name.clone(), value.clone().into_bytes())).collect();
        let request = Request { sub_path: signed.sub_path, headers: &headers, body: signed.body.as_bytes() };
        match bank::receive(sender.dialect, &credentials(&sender, now, &secrets), &request) {
            Ok(Delivery::Items(_) | Delivery::TokenIssued { .. }) => Ok(signed.body),
            Err(refusal) => {
                let step = refusal_text(&refusal);
                let message = Message::new(
                    format!("Yêu cầu thử không qua được: {step}."),
                    format!("The sample request was refused: {step}."),
                );
                Err(AppError::new(ErrorKind::Invalid, "source_test_failed", message))
            }
        }
    }

    /// Returns the secrets that are live now, opened: the one in force first.
    pub(crate) fn secrets_of(&self, sender: &Sender, now: jiff::Timestamp) -> Result<Vec<String>, AppError> {
        let place = source_place(sender.allowance.source);
        let previous = sender.previous.iter().filter(|(_, until)| now.as_microsecond() < *until);
        let kept = std::iter::once(&sender.secret).chain(previous.map(|(secret, _)| secret));
        kept.map(|kept| self.unseal_text(&place, kept)).collect()
    }

    /// Returns the secret in force, opened.
    pub(crate) fn present_secret(&self, sender: &Sender) -> Result<String, AppError> {
        self.unseal_text(&source_place(sender.allowance.source), &sender.secret)
    }

    pub(crate) async fn sender(&self, name: &SourceName) -> Result<Arc<Sender>, AppError> {
        let directory = self.directory.refresh(&self.store).await?;
        directory.senders.get(name.as_str()).cloned().ok_or_else(|| no_source(name.as_str()))
    }
}

/// Accounts that the audit log names in one entry; of more it says how many.
const TAILS_MAX: usize = 20;

/// Returns accounts as the audit log names them.
fn tails(accounts: &[AccountNumber]) -> serde_json::Value {
    let shown: Vec<String> =
        accounts.iter().take(TAILS_MAX).map(|account| format!("…{}", account.last_four())).collect();
    serde_json::json!({ "count": accounts.len(), "accounts": shown })
}

/// Returns what the dialects need to know of a sender.
pub(crate) fn credentials<'a>(sender: &Sender, now: jiff::Timestamp, secrets: &'a [String]) -> Credentials<'a> {
    Credentials { secrets, tolerance_s: sender.tolerance_s, local_as_utc: sender.local_as_utc, now }
}

/// Returns why a request was refused, in one clause.
pub(crate) fn refusal_text(refusal: &Refusal) -> String {
    match refusal {
        Refusal::NoSuchPath => "no such path".to_owned(),
        Refusal::Unauthenticated(step) => (*step).to_owned(),
        Refusal::Stale { skew_s } => format!("the signed time is {skew_s} s off"),
        Refusal::Unreadable(why) => why.clone(),
    }
}

/// The answer that there is no such source.
pub(crate) fn no_source(name: &str) -> AppError {
    let shown: String = name.chars().take(40).collect();
    AppError::not_found(Message::new(
        format!("Không có nguồn {shown:?}. Xem danh sách: socho source list."),
        format!("There is no source {shown:?}. See the list: socho source list."),
    ))
}

fn check_secret(dialect: Dialect, secret: &str) -> Result<(), AppError> {
    let length = secret.chars().count();
    let rule = if secret.starts_with(PREFIX) {
        Some(("không được bắt đầu bằng sealed1:", "must not begin with sealed1:"))
    } else if !(SECRET_MIN..=SECRET_MAX).contains(&length) || secret.chars().any(char::is_control) {
        Some(("phải có 8 đến 500 ký tự, không xuống dòng", "must have 8 to 500 characters and no line break"))
    } else {
        match dialect {
            Dialect::VietqrVn if !secret.contains(':') => {
                Some(("phải có dạng tên:mật-khẩu", "must have the form username:password"))
            }
            Dialect::StandardWebhooks if !secret.starts_with("whsec_") && !secret.starts_with("whpk_") => {
                Some(("phải bắt đầu bằng whsec_ hoặc whpk_", "must begin with whsec_ or whpk_"))
            }
            Dialect::SepayApikey
            | Dialect::SepayHmac
            | Dialect::CassoV1
            | Dialect::CassoV2
            | Dialect::Payos
            | Dialect::VietqrVn
            | Dialect::Pay2s
            | Dialect::StandardWebhooks
            | Dialect::GenericHmac => None,
        }
    };
    match rule {
        None => Ok(()),
        Some((vi, en)) => Err(AppError::field(
            "secret",
            "secret_invalid",
            Message::new(format!("Khóa bí mật {vi}."), format!("The secret {en}.")),
        )),
    }
}

fn show(sender: &Sender, code: impl Fn(MarketId) -> Option<MarketCode>) -> SourceShown {
    SourceShown {
        name: sender.name.clone(),
        dialect: sender.dialect,
        market: code(sender.allowance.market),
        accounts: sender.allowance.accounts.iter().cloned().collect(),
        every_account: sender.allowance.every_account,
        local_as_utc: sender.local_as_utc,
        tolerance_s: sender.tolerance_s,
        networks: sender.networks.clone(),
        secret_since: jiff::Timestamp::from_microsecond(sender.secret_since).ok(),
        secret_used_at: None,
        previous_secret_used_at: None,
        previous_secret_until: sender
            .previous
            .as_ref()
            .and_then(|(_, until)| jiff::Timestamp::from_microsecond(*until).ok()),
        clock_alarm_s: None,
    }
}

/// Returns a source as the API shows it; secrets are never shown.
#[must_use]
pub fn source_json(source: &SourceShown) -> serde_json::Value {
    serde_json::json!({
        "name": source.name.as_str(), "dialect": source.dialect.as_str(),
        "market": source.market.as_ref().map(MarketCode::as_str), "every_account": source.every_account,
        "accounts": source.accounts.iter().map(AccountNumber::as_str).collect::<Vec<_>>(),
        "time": if source.local_as_utc { "local-as-utc" } else { "utc" }, "tolerance_s": source.tolerance_s,
        "previous_secret_until": source.previous_secret_until.map(rfc3339),
        "addresses": source.networks.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "secret_since": source.secret_since.map(rfc3339), "secret_used_at": source.secret_used_at.map(rfc3339),
        "previous_secret_used_at": source.previous_secret_used_at.map(rfc3339),
        "ingest_path": format!("/v1/ingest/{}", source.name), "clock_alarm_s": source.clock_alarm_s,
    })
}
