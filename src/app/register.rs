//! Registering stalls, vendors and receiving accounts: one or many, all or nothing.
//!
//! Who is the same vendor? One who registers with the same name for an account or a stall that is
//! already hers. Everybody else is new: two people may share a name, never an account.

use std::collections::HashMap;

use super::App;
use super::error::{AppError, ErrorKind, FieldError, Message};
use super::labels;
use super::note::{Note, masked_account};
use crate::domain::account::{AccountKind, BankAccount};
use crate::domain::audit::Action;
use crate::domain::calendar::BusinessDate;
use crate::domain::ids::{MarketCode, StallNumber, VendorId};
use crate::domain::memo::MemoCode;
use crate::domain::registration::{Market, RegisteredAccount, RegisteredStall, Registration};
use crate::qr::payload::{Service, VietQr};
use crate::store::error::StoreError;
use crate::store::head::FENCE_ATTEMPTS;
use crate::store::micros;
use crate::store::register::{self, Additions, NewBinding, PlannedBy, Register};

/// What a registration made or found.
#[derive(Debug, Clone)]
pub struct Registered {
    /// The stall; none for a collecting account without one.
    pub stall: Option<RegisteredStall>,
    /// Its memo code.
    pub memo_code: Option<MemoCode>,
    /// The account.
    pub account: RegisteredAccount,
    /// The payload of its printed code.
    pub qr_payload: String,
    /// Whether all of it stood there already.
    pub already: bool,
}

/// Returns the payload that a stall's card carries: its account and, in the memo, its code.
///
/// # Errors
/// When the account does not fit a VietQR payload.
pub fn static_payload(account: &BankAccount, stall: Option<StallNumber>) -> Result<String, AppError> {
    let memo = stall.map(|stall| MemoCode::of(stall).to_string());
    VietQr::new(account.bin.clone(), account.number.as_str(), Service::ToAccount, None, memo.as_deref())
        .map(|code| code.to_string())
        .map_err(AppError::internal)
}

impl App {
    /// Registers one stall or account.
    ///
    /// # Errors
    /// `stall_taken`, `account_bound_elsewhere` (saying where), `label_invalid`, `not_found` for the
    /// market.
    pub async fn register(&self, code: &MarketCode, new: Registration) -> Result<Registered, AppError> {
        let mut registered = self.register_all(code, std::slice::from_ref(&new)).await?;
        registered.pop().ok_or_else(|| AppError::internal("a registration without a result"))
    }

    /// Registers many at once; either all stand afterwards or none. Refusals name the row as
    /// `rows/N/field`, N from 0.
    ///
    /// # Errors
    /// As [`App::register`]; every bad row is named.
    pub async fn register_all(&self, code: &MarketCode, new: &[Registration]) -> Result<Vec<Registered>, AppError> {
        let market = self.market(code).await?;
        let new = &labels::registrations(new)?;
        let mut numbers: Option<i64> = None;
        for _ in 0..FENCE_ATTEMPTS {
            let on = self.today();
            let (register, elsewhere) = self.read_register(&market, new, on).await?;
            let mut plan = Plan::new(self, &register, elsewhere);
            for (row, registration) in new.iter().enumerate() {
                plan.add(row, registration)?;
            }
            if !plan.refused.is_empty() {
                return Err(refusal(plan.refused));
            }
            if plan.is_empty() {
                return plan.finish(0);
            }
            let first = match numbers {
                Some(first) => first,
                None => match self.reserve(&market, &plan).await? {
                    Some(first) => *numbers.insert(first),
                    // Another market was faster: read again and say where.
                    None => continue,
                },
            };
            let additions = plan.additions(first)?;
            let registered = plan.finish(first)?;
            let mut transaction = self.store.begin_write().await?;
            let planned_by = PlannedBy { register: &register, on };
            if register::add(&mut transaction, market.id, planned_by, &additions, self.clock.now()).await? {
                let new_ones = registered.iter().filter(|one| !one.already);
                self.commit_noted(transaction, market.id, new_ones.map(registration_note)).await?;
                self.directory.refresh(&self.store).await?;
                let accounts: Vec<BankAccount> = new.iter().map(|row| row.account.clone()).collect();
                self.offer_waiting(&accounts).await?;
                return Ok(registered);
            }
            transaction.rollback().await?;
        }
        Err(StoreError::Contended { attempts: FENCE_ATTEMPTS }.into())
    }

    /// Checks rows as [`App::register_all`] would, and writes nothing.
    ///
    /// # Errors
    /// The same refusals.
    pub async fn check_registrations(&self, code: &MarketCode, new: &[Registration]) -> Result<(), AppError> {
        let market = self.market(code).await?;
        let new = &labels::registrations(new)?;
        let (register, elsewhere) = self.read_register(&market, new, self.today()).await?;
        let mut plan = Plan::new(self, &register, elsewhere);
        for (row, registration) in new.iter().enumerate() {
            plan.add(row, registration)?;
        }
        if plan.refused.is_empty() { Ok(()) } else { Err(refusal(plan.refused)) }
    }

    /// Returns a market's stalls in the order of their codes, those whose code, vendor or account
    /// tail holds `search` when that is given.
    ///
    /// # Errors
    /// `not_found` for the market.
    pub async fn stalls(&self, code: &MarketCode, search: Option<&str>) -> Result<Vec<RegisteredStall>, AppError> {
        let market = self.market(code).await?;
        let (register, _) = self.read_register(&market, &[], self.today()).await?;
        let mut stalls: Vec<RegisteredStall> = register.stalls.into_values().collect();
        if let Some(search) = search.filter(|search| !search.trim().is_empty()) {
            stalls.retain(|stall| matches(stall, search));
        }
        stalls.sort_by_key(|stall| (crate::domain::text::code_sort_key(stall.code.as_str()), stall.number));
        Ok(stalls)
    }

    async fn read_register(
        &self,
        market: &Market,
        new: &[Registration],
        on: BusinessDate,
    ) -> Result<(Register, HashMap<BankAccount, MarketCode>), AppError> {
        let accounts: Vec<BankAccount> = new.iter().map(|row| row.account.clone()).collect();
        let mut transaction = self.store.begin_read().await?;
        let register = register::read(&mut transaction, market.id, on).await?;
        let holders =
            if accounts.is_empty() { HashMap::new() } else { register::holders(&mut transaction, &accounts).await? };
        transaction.rollback().await?;
        let register = register.ok_or_else(|| super::no_market(&market.code))?;
        let elsewhere = holders.into_iter().filter(|(_, (id, _))| *id != market.id);
        Ok((register, elsewhere.map(|(account, (_, code))| (account, code)).collect()))
    }

    /// Takes stall numbers and lists the new accounts; `None` when another market listed one first.
    async fn reserve(&self, market: &Market, plan: &Plan<'_>) -> Result<Option<i64>, AppError> {
        let accounts: Vec<BankAccount> = plan
            .accounts
            .iter()
            .filter(|a| !plan.register.accounts.contains_key(&a.account))
            .map(|a| a.account.clone())
            .collect();
        let mut transaction = self.store.begin_write().await?;
        let held =
            if accounts.is_empty() { HashMap::new() } else { register::holders(&mut transaction, &accounts).await? };
        if held.values().any(|(holder, _)| *holder != market.id) {
            transaction.rollback().await?;
            return Ok(None);
        }
        let unlisted: Vec<BankAccount> = accounts.into_iter().filter(|account| !held.contains_key(account)).collect();
        match register::reserve(&mut transaction, market.id, plan.stalls.len(), &unlisted).await {
            Ok(first) => {
                transaction.commit().await?;
                Ok(Some(first))
            }
            Err(StoreError::UniqueViolation) => {
                transaction.rollback().await?;
                Ok(None)
            }
            Err(error) => Err(error.into()),
        }
    }
}

/// Returns what the audit log says of a registration.
fn registration_note(new: &Registered) -> Note {
    let vendor = new.stall.as_ref().and_then(|stall| stall.vendor.as_ref()).map(|(_, name)| name.as_str());
    let code = new.stall.as_ref().map_or("-", |stall| stall.code.as_str());
    let account = masked_account(&new.account.account);
    let said = serde_json::json!({ "vendor": vendor, "account": account, "kind": new.account.kind.as_str() });
    Note::of(Action::StallRegistered, code).at_stall(new.stall.as_ref().map(|stall| stall.number)).after(said)
}

fn matches(stall: &RegisteredStall, search: &str) -> bool {
    use crate::domain::text;
    let term = text::search_term(search);
    let squeezed = text::code_key(search);
    let code = stall.code.key().contains(&squeezed) && !squeezed.is_empty();
    let name = stall.vendor.as_ref().is_some_and(|(_, name)| text::search_key(name.as_str()).contains(&term));
    let tail =
        stall.account.as_ref().is_some_and(|a| squeezed.len() >= 3 && a.account.number.as_str().ends_with(&squeezed));
    code || (name && !term.is_empty()) || tail
}

fn refusal(refused: Vec<FieldError>) -> AppError {
    match refused.as_slice() {
        [only] => AppError {
            fields: vec![only.clone()],
            ..AppError::new(ErrorKind::Conflict, only.code, only.message.clone())
        },
        several => {
            let count = several.len();
            let message = Message::new(
                format!("{count} dòng không ghi được; chưa ghi dòng nào."),
                format!("{count} rows cannot be registered; none was."),
            );
            AppError { fields: refused, ..AppError::new(ErrorKind::Invalid, "validation_failed", message) }
        }
    }
}

/// New rows, decided against the register and against each other. Stalls get their numbers last.
struct Plan<'r> {
    app: &'r App,
    register: &'r Register,
    elsewhere: HashMap<BankAccount, MarketCode>,
    stalls: Vec<(RegisteredStall, VendorId)>,
    vendors: Vec<(VendorId, crate::domain::text::Name)>,
    accounts: Vec<RegisteredAccount>,
    /// Stalls that stood empty, each with who sells there from today on.
    let_anew: Vec<(StallNumber, VendorId)>,
    /// Account and either an old stall's number or the place of a new one.
    bound: Vec<(BankAccount, Place)>,
    results: Vec<(Option<Place>, BankAccount, bool)>,
    refused: Vec<FieldError>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Old(StallNumber),
    New(usize),
}

impl<'r> Plan<'r> {
    fn new(app: &'r App, register: &'r Register, elsewhere: HashMap<BankAccount, MarketCode>) -> Self {
        let (stalls, vendors, accounts, let_anew) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        let (bound, results, refused) = (Vec::new(), Vec::new(), Vec::new());
        Self { app, register, elsewhere, stalls, vendors, accounts, let_anew, bound, results, refused }
    }

    fn is_empty(&self) -> bool {
        self.stalls.is_empty() && self.accounts.is_empty() && self.bound.is_empty() && self.let_anew.is_empty()
    }

    fn add(&mut self, row: usize, new: &Registration) -> Result<(), AppError> {
        match self.decide(new) {
            Ok(result) => self.results.push(result),
            Err(Refused::Internal(error)) => return Err(error),
            Err(Refused::Rule(mut error)) => {
                error.field = format!("rows/{row}/{}", error.field);
                self.refused.push(*error);
            }
        }
        Ok(())
    }

    fn decide(&mut self, new: &Registration) -> Result<(Option<Place>, BankAccount, bool), Refused> {
        if let Some(code) = self.elsewhere.get(&new.account) {
            return Err(bound_elsewhere(&format!("chợ {code}"), &format!("market {code}")));
        }
        let account = self.account(&new.account).cloned();
        let stall = new.stall.as_ref().and_then(|code| self.stall(&code.key()));
        let stall_vendor = stall.and_then(|(place, stall)| self.vendor_of(place, &stall));
        let vendor = self.vendor(new, account.as_ref(), stall_vendor)?;
        if let (Some((_, stall)), Some(holder)) = (self.stall_of(new), stall_vendor)
            && holder != vendor
        {
            return Err(stall_taken(&stall, &self.name(holder)));
        }
        let known_account = account.is_some();
        if account.is_none() {
            let vendor = (new.kind != AccountKind::Collecting).then_some(vendor);
            let holder = new.holder.clone();
            self.accounts.push(RegisteredAccount { account: new.account.clone(), kind: new.kind, holder, vendor });
        }
        let Some(code) = &new.stall else { return Ok((None, new.account.clone(), known_account)) };
        let known_place = self.stall_of(new).map(|(place, _)| place);
        if let (Some(Place::Old(number)), None) = (known_place, stall_vendor) {
            self.let_anew.push((number, vendor));
        }
        let place = known_place.unwrap_or_else(|| {
            let stall = RegisteredStall {
                // Numbered when the plan stands.
                number: StallNumber::FIRST,
                code: code.clone(),
                category: new.category.clone(),
                vendor: None,
                account: None,
                card_version: 1,
            };
            self.stalls.push((stall, vendor));
            Place::New(self.stalls.len().saturating_sub(1))
        });
        let bound = self.is_bound(&new.account, place);
        if !bound {
            self.bound.push((new.account.clone(), place));
        }
        Ok((Some(place), new.account.clone(), known_account && known_place.is_some() && bound))
    }

    /// Finds or makes the vendor of a registration.
    fn vendor(
        &mut self,
        new: &Registration,
        account: Option<&RegisteredAccount>,
        stall_vendor: Option<VendorId>,
    ) -> Result<VendorId, Refused> {
        if let Some(known) = account {
            if known.kind != new.kind {
                return Err(kind_differs(known.kind));
            }
            if let Some(holder) = known.vendor {
                if self.name(holder) == new.vendor.as_str() {
                    return Ok(holder);
                }
                let stalls = self.stalls_of(&known.account);
                let name = self.name(holder);
                return Err(bound_elsewhere(&format!("{name}, sạp {stalls}"), &format!("{name}, stall {stalls}")));
            }
        }
        if let Some(holder) = stall_vendor.filter(|holder| self.name(*holder) == new.vendor.as_str()) {
            return Ok(holder);
        }
        let id = VendorId(self.app.ids.uuid().map_err(Refused::Internal)?);
        // A collecting account alone is the market's: nobody sells there.
        if new.stall.is_some() || new.kind != AccountKind::Collecting {
            self.vendors.push((id, new.vendor.clone()));
        }
        Ok(id)
    }

    fn account(&self, account: &BankAccount) -> Option<&RegisteredAccount> {
        self.accounts.iter().find(|known| known.account == *account).or_else(|| self.register.accounts.get(account))
    }

    fn stall(&self, key: &str) -> Option<(Place, RegisteredStall)> {
        if let Some(stall) = self.register.stalls.get(key) {
            return Some((Place::Old(stall.number), stall.clone()));
        }
        let place = self.stalls.iter().position(|(stall, _)| stall.code.key() == key)?;
        self.stalls.get(place).map(|(stall, _)| (Place::New(place), stall.clone()))
    }

    fn stall_of(&self, new: &Registration) -> Option<(Place, RegisteredStall)> {
        new.stall.as_ref().and_then(|code| self.stall(&code.key()))
    }

    fn vendor_of(&self, place: Place, stall: &RegisteredStall) -> Option<VendorId> {
        match place {
            Place::Old(number) => {
                let new = self.let_anew.iter().find(|(stall, _)| *stall == number).map(|(_, vendor)| *vendor);
                new.or_else(|| stall.vendor.as_ref().map(|(id, _)| *id))
            }
            Place::New(place) => self.stalls.get(place).map(|(_, vendor)| *vendor),
        }
    }

    fn name(&self, vendor: VendorId) -> String {
        let new = self.vendors.iter().find(|(id, _)| *id == vendor).map(|(_, name)| name);
        new.or_else(|| self.register.vendors.get(&vendor)).map(ToString::to_string).unwrap_or_default()
    }

    fn stalls_of(&self, account: &BankAccount) -> String {
        let bound: Vec<StallNumber> =
            self.register.bound.iter().filter(|(known, _)| known == account).map(|(_, stall)| *stall).collect();
        let old = self.register.stalls.values().filter(|stall| bound.contains(&stall.number));
        let new = self.bound.iter().filter(|(known, _)| known == account).filter_map(|(_, place)| match place {
            Place::New(place) => self.stalls.get(*place).map(|(stall, _)| stall),
            Place::Old(_) => None,
        });
        let mut codes: Vec<&str> = old.chain(new).map(|stall| stall.code.as_str()).collect();
        codes.sort_unstable();
        codes.join(", ")
    }

    fn is_bound(&self, account: &BankAccount, place: Place) -> bool {
        let old = match place {
            Place::Old(number) => self.register.bound.iter().any(|(known, stall)| known == account && *stall == number),
            Place::New(_) => false,
        };
        old || self.bound.iter().any(|(known, at)| known == account && *at == place)
    }

    fn number(first: i64, place: Place) -> Result<StallNumber, AppError> {
        match place {
            Place::Old(number) => Ok(number),
            Place::New(place) => {
                let place = i64::try_from(place).unwrap_or(i64::MAX);
                StallNumber::new(first.saturating_add(place)).map_err(AppError::internal)
            }
        }
    }

    fn additions(&self, first: i64) -> Result<Additions, AppError> {
        let mut additions = Additions { vendors: self.vendors.clone(), ..Additions::default() };
        let today = self.app.today();
        additions.let_anew = self.let_anew.iter().map(|(stall, vendor)| (*stall, *vendor, today)).collect();
        for (place, (stall, vendor)) in self.stalls.iter().enumerate() {
            let number = Self::number(first, Place::New(place))?;
            additions.stalls.push((RegisteredStall { number, ..stall.clone() }, *vendor));
        }
        for account in &self.accounts {
            additions.accounts.push((account.clone(), self.app.ids.uuid()?));
        }
        for (account, place) in &self.bound {
            let stall = Self::number(first, *place)?;
            let known = self.register.bound.iter().any(|(bound, _)| bound == account);
            let sooner = additions.bound.iter().any(|bound| bound.account == *account);
            let collects = self.account(account).is_some_and(|a| a.kind == AccountKind::Collecting);
            let anew = self.let_anew.iter().any(|(let_anew, _)| *let_anew == stall);
            additions.bound.push(NewBinding {
                account: account.clone(),
                stall,
                // What was paid before to a stall that is let anew is not the new vendor's.
                from: if anew { micros(self.app.now()) } else { 0 },
                is_default: !known && !sooner && !collects,
            });
            // A vendor's first card; a second account of the stall is printed on request.
            let first = !additions.codes.iter().any(|(printed, ..)| *printed == stall);
            if first && (anew || matches!(place, Place::New(_))) {
                additions.codes.push((stall, account.clone(), static_payload(account, Some(stall))?));
            }
        }
        Ok(additions)
    }

    fn finish(&self, first: i64) -> Result<Vec<Registered>, AppError> {
        let finished = self.results.iter().map(|(place, account, already)| {
            let number = place.map(|place| Self::number(first, place)).transpose()?;
            let account =
                self.account(account).cloned().ok_or_else(|| AppError::internal("an account without a row"))?;
            let stall = place.zip(number).and_then(|(place, number)| {
                let (stall, vendor) = match place {
                    Place::Old(old) => {
                        let stall = self.register.stalls.values().find(|stall| stall.number == old)?.clone();
                        let vendor = self.vendor_of(Place::Old(old), &stall);
                        (stall, vendor)
                    }
                    Place::New(new) => self.stalls.get(new).map(|(stall, vendor)| (stall.clone(), Some(*vendor)))?,
                };
                let named = vendor.and_then(|id| Some((id, self.name(id).parse().ok()?)));
                Some(RegisteredStall { number, vendor: named, account: Some(account.clone()), ..stall })
            });
            Ok(Registered {
                stall,
                memo_code: number.map(MemoCode::of),
                qr_payload: static_payload(&account.account, number)?,
                account,
                already: *already,
            })
        });
        finished.collect()
    }
}

enum Refused {
    Rule(Box<FieldError>),
    Internal(AppError),
}

fn refuse(field: &str, code: &'static str, message: Message) -> Refused {
    Refused::Rule(Box::new(FieldError { field: field.to_owned(), code, message }))
}

fn bound_elsewhere(vi: &str, en: &str) -> Refused {
    let message = Message::new(
        format!("Tài khoản này đã gắn với {vi}. Một tài khoản chỉ thuộc một người bán, một chợ."),
        format!("This account is bound to {en}. An account belongs to one vendor in one market."),
    );
    refuse("account", "account_bound_elsewhere", message)
}

fn stall_taken(stall: &RegisteredStall, holder: &str) -> Refused {
    let code = &stall.code;
    let message = Message::new(
        format!("Sạp {code} đang do {holder} đứng tên. Hãy kết thúc tên cũ trước."),
        format!("Stall {code} is held by {holder}. End that tenancy first."),
    );
    refuse("stall", "stall_taken", message)
}

fn kind_differs(known: AccountKind) -> Refused {
    let message = Message::new(
        format!("Tài khoản này đã ghi là loại {}.", known.as_str()),
        format!("This account is registered as {}.", known.as_str()),
    );
    refuse("kind", "account_kind_differs", message)
}
