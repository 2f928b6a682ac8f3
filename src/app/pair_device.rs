//! Phones of a stall: who they are, how they come to be, how they end.
//!
//! A vendor has no password. A one-time code, printed on the stall's card or shown by a phone that is
//! paired already, gives another phone a key of its own. A phone is its vendor's: it ends with her
//! tenancy.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use subtle::ConstantTimeEq as _;

use super::App;
use super::access::{Actor, Place, Right, Scope, StallScope, Via};
use super::error::{AppError, ErrorKind, Message};
use super::journal::find_stall;
use super::login::Known;
use super::note::Note;
use super::tokens::{hash, token};
use crate::domain::audit::Action;
use crate::domain::calendar::{BusinessDate, rfc3339};
use crate::domain::identity::{DeviceId, DeviceToken, PairingCode};
use crate::domain::ids::{MarketCode, MarketId, StallNumber, VendorId};
use crate::domain::registration::StallCode;
use crate::domain::rights::Role;
use crate::domain::text::Name;
use crate::store::devices::{self, DeviceRow};
use crate::store::pairing_codes::{self, CodeRow, NewCode, Purpose};

/// Phones that a stall has at most.
pub const DEVICES_MAX: usize = 5;
/// Characters of a phone's name.
pub const DEVICE_NAME_MAX: usize = 40;
/// How long a printed card's code is good: time to print, hand out and scan.
const CARD_LIVES: SignedDuration = SignedDuration::from_hours(60 * 24);
/// How long a code on a phone's screen is good.
pub const HELPER_LIVES: SignedDuration = SignedDuration::from_mins(10);
/// How long a code that is over is still told apart from one that never was.
const REMEMBERED: SignedDuration = SignedDuration::from_hours(90 * 24);
/// How old a phone's last use must be before it is written down again.
const TOUCHED_EVERY: SignedDuration = SignedDuration::from_mins(30);

/// A stall, as a manager names it or a phone is bound to it.
struct Target {
    market: MarketId,
    code: MarketCode,
    stall: StallNumber,
    stall_code: StallCode,
    vendor: VendorId,
}

impl Target {
    fn note(&self, action: Action, object: impl std::fmt::Display) -> Note {
        Note::of(action, object).at_stall(self.stall)
    }
}

/// What a new code is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CodeFor {
    /// The stall's printed card. The card before it is worth nothing any more.
    Card {
        /// Whether the phones that are paired end too: the card may have been copied.
        ends_devices: bool,
    },
    /// Another phone that is at hand.
    Helper {
        /// Whether that phone shows no totals.
        hides_totals: bool,
    },
}

/// A code that was made: shown this once.
#[derive(Debug, Clone)]
pub struct IssuedCode {
    /// The code.
    pub code: PairingCode,
    /// The stall that it opens.
    pub stall: StallCode,
    /// Until when it is good.
    pub expires_at: Timestamp,
    /// How many phones ended.
    pub ended_devices: u64,
}

impl IssuedCode {
    /// Returns the path of the page that the QR code opens.
    #[must_use]
    pub fn path(&self) -> String {
        format!("/pair/{}", self.code)
    }
}

/// What a code offers whoever scans it.
#[derive(Debug, Clone)]
pub struct Offer {
    /// The market's name.
    pub market: Name,
    /// The stall.
    pub stall: StallCode,
    /// Whose stall it is.
    pub vendor: Name,
    /// Whether the phone will show no totals.
    pub hides_totals: bool,
}

/// A phone as lists show it.
#[derive(Debug, Clone)]
pub struct DeviceShown {
    /// The identifier.
    pub id: DeviceId,
    /// What it is called.
    pub name: String,
    /// Whether it is the phone that asks.
    pub own: bool,
    /// Whether it shows no totals.
    pub hides_totals: bool,
    /// When it was paired.
    pub created_at: Timestamp,
    /// When it was there last, to half an hour.
    pub last_seen_at: Timestamp,
}

/// Returns a phone as the API shows it.
#[must_use]
pub fn device_json(device: &DeviceShown) -> Value {
    json!({
        "id": device.id.to_string(), "name": device.name, "this": device.own, "hides_totals": device.hides_totals,
        "paired_at": rfc3339(device.created_at), "last_seen_at": rfc3339(device.last_seen_at),
    })
}

impl App {
    /// Makes a one-time pairing code of a stall. A phone makes helpers' codes for its own stall, the
    /// manager cards' codes too.
    ///
    /// # Errors
    /// `forbidden`, `not_found`, `stall_without_vendor`, `too_many_devices`.
    pub async fn issue_pairing_code(
        &self,
        actor: &Actor,
        market: &MarketCode,
        stall: &str,
        code_for: CodeFor,
    ) -> Result<IssuedCode, AppError> {
        let right = match code_for {
            CodeFor::Card { .. } => Right::PrintCards,
            CodeFor::Helper { .. } => Right::ManageDevices,
        };
        let place = Place::Stall { market: market.clone(), stall: stall.to_owned() };
        Self::admit(actor, right, &place)?;
        not_a_helper(actor)?;
        let target = self.target(market, stall).await?;
        let (purpose, lives, hides_totals, ends_devices) = match code_for {
            CodeFor::Card { ends_devices } => (Purpose::Card, CARD_LIVES, false, ends_devices),
            CodeFor::Helper { hides_totals } => (Purpose::Helper, HELPER_LIVES, hides_totals, false),
        };
        let now = self.clock.now();
        let code = PairingCode::from_random(target.code.clone(), &self.ids.salt()?);
        let new = NewCode {
            market: target.market,
            stall: target.stall,
            vendor: target.vendor,
            purpose,
            hides_totals,
            created_at: now,
            created_by: actor.name.clone(),
            expires_at: now.checked_add(lives).map_err(AppError::internal)?,
        };
        let mut transaction = self.store.begin_write().await?;
        let mut ended_devices = 0;
        if ends_devices {
            ended_devices = devices::end_all(&mut transaction, target.market, target.stall, now, &actor.name).await?;
            // With the phones go the codes that they showed.
            pairing_codes::end(&mut transaction, target.market, target.stall, Purpose::Helper, now, &actor.name)
                .await?;
        }
        pairing_codes::end(&mut transaction, target.market, target.stall, purpose, now, &actor.name).await?;
        let long_ago = now.checked_sub(REMEMBERED).unwrap_or(now);
        pairing_codes::prune(&mut transaction, target.market, target.stall, long_ago).await?;
        pairing_codes::add(&mut transaction, &new, &hash(code.bytes())).await?;
        let said = json!({ "purpose": purpose.as_str(), "ended_phones": ended_devices });
        let note = target.note(Action::PairingCodeIssued, &target.stall_code).by(actor).after(said);
        self.commit_noted(transaction, target.market, [note]).await?;
        if ended_devices > 0 {
            self.rooms.hang_up(target.market, target.stall);
        }
        Ok(IssuedCode { code, stall: target.stall_code, expires_at: new.expires_at, ended_devices })
    }

    /// Returns what a code offers, without using it up: what previews links opens them too.
    ///
    /// # Errors
    /// `pairing_code_unknown`, `pairing_code_used`, `pairing_code_over`.
    pub async fn pairing_offer(&self, code: &PairingCode) -> Result<Offer, AppError> {
        let (market, found) = self.code(code).await?;
        Ok(Offer {
            market: market.name,
            stall: found.stall_code,
            vendor: found.vendor_name,
            hides_totals: found.hides_totals,
        })
    }

    /// Pairs a phone with a code's stall. Returns what the phone keeps.
    ///
    /// # Errors
    /// As [`App::pairing_offer`], `too_many_devices`, `device_name_invalid`.
    pub async fn pair_device(&self, code: &PairingCode, name: &str) -> Result<DeviceToken, AppError> {
        let name = device_name(name)?;
        let (market, found) = self.code(code).await?;
        let key = token(&self.ids.salt()?);
        let now = self.clock.now();
        let device = DeviceRow {
            id: DeviceId(self.ids.uuid()?),
            market: market.id,
            stall: found.stall,
            vendor: found.vendor,
            name,
            hides_totals: found.hides_totals,
            created_at: now,
            created_by: found.created_by,
            last_seen_at: now,
        };
        let mut transaction = self.store.begin_write().await?;
        devices::hold_stall(&mut transaction, market.id, found.stall).await?;
        let paired = devices::of_stall(&mut transaction, market.id, found.stall, found.vendor).await?;
        if paired.len() >= DEVICES_MAX {
            return Err(full());
        }
        if !pairing_codes::take(&mut transaction, market.id, &hash(code.bytes()), now).await? {
            return Err(used());
        }
        devices::add(&mut transaction, &device, &hash(&key)).await?;
        let said = json!({ "name": device.name, "hides_totals": device.hides_totals });
        let note = Note::of(Action::DevicePaired, device.id).at_stall(device.stall).after(said);
        self.commit_noted(transaction, market.id, [note]).await?;
        tracing::info!(market = %market.code, device = %device.id, "device.pair");
        Ok(DeviceToken { market: market.id, device: device.id, key })
    }

    /// Returns the phones of a stall, the oldest first.
    ///
    /// # Errors
    /// `forbidden`, `not_found`, `stall_without_vendor`.
    pub async fn devices(&self, actor: &Actor, market: &MarketCode, stall: &str) -> Result<Vec<DeviceShown>, AppError> {
        let place = Place::Stall { market: market.clone(), stall: stall.to_owned() };
        Self::admit(actor, Right::ManageDevices, &place)?;
        let target = self.target(market, stall).await?;
        let mut transaction = self.store.begin_read().await?;
        let found = devices::of_stall(&mut transaction, target.market, target.stall, target.vendor).await?;
        transaction.rollback().await?;
        let view = target.note(Action::PhonesViewed, &target.stall_code);
        self.note_view(actor, target.market, view).await?;
        let shown = found.into_iter().map(|device| DeviceShown {
            own: actor.via == Via::Device(device.id),
            id: device.id,
            name: device.name,
            hides_totals: device.hides_totals,
            created_at: device.created_at,
            last_seen_at: device.last_seen_at,
        });
        Ok(shown.collect())
    }

    /// Ends a phone of a stall at once.
    ///
    /// # Errors
    /// `forbidden`, `not_found`.
    pub async fn end_device(
        &self,
        actor: &Actor,
        market: &MarketCode,
        stall: &str,
        id: DeviceId,
    ) -> Result<(), AppError> {
        let target = self.managed(actor, market, stall).await?;
        let mut transaction = self.store.begin_write().await?;
        let now = self.clock.now();
        if !devices::end(&mut transaction, target.market, target.stall, id, now, &actor.name).await? {
            return Err(no_device(id));
        }
        self.commit_noted(transaction, target.market, [target.note(Action::DeviceRevoked, id).by(actor)]).await?;
        // The phone may be listening: it is asked who it is again.
        self.rooms.hang_up(target.market, target.stall);
        Ok(())
    }

    /// Gives a phone of a stall another name.
    ///
    /// # Errors
    /// `forbidden`, `not_found`, `device_name_invalid`.
    pub async fn rename_device(
        &self,
        actor: &Actor,
        market: &MarketCode,
        stall: &str,
        id: DeviceId,
        name: &str,
    ) -> Result<(), AppError> {
        let target = self.managed(actor, market, stall).await?;
        let name = device_name(name)?;
        let mut transaction = self.store.begin_write().await?;
        if !devices::rename(&mut transaction, target.market, target.stall, id, &name).await? {
            return Err(no_device(id));
        }
        let note = target.note(Action::DeviceRenamed, id).by(actor).after(json!({ "name": name }));
        self.commit_noted(transaction, target.market, [note]).await?;
        Ok(())
    }

    /// Returns which phone is behind a token. Nobody when it is unknown, revoked, or its vendor does
    /// not have the stall any more.
    ///
    /// # Errors
    /// Whatever the store meets.
    pub async fn who_has_device(&self, token: &str) -> Result<Option<Known>, AppError> {
        let Ok(token) = token.parse::<DeviceToken>() else { return Ok(None) };
        let now = self.clock.now();
        let mut transaction = self.store.begin_read().await?;
        let today = BusinessDate::of_calendar(now);
        let found = devices::live(&mut transaction, token.market, token.device, today).await?;
        transaction.rollback().await?;
        let held = hash(&token.key);
        let Some(found) = found.filter(|found| bool::from(found.key_hash.ct_eq(&held))) else { return Ok(None) };
        let device = found.device;
        if now.duration_since(device.last_seen_at) >= TOUCHED_EVERY {
            let mut transaction = self.store.begin_write().await?;
            devices::touch(&mut transaction, device.market, device.id, now).await?;
            transaction.commit().await?;
        }
        let scope = StallScope {
            market_id: device.market,
            market: found.market,
            stall: device.stall,
            code: found.stall,
            vendor: device.vendor,
            hides_totals: device.hides_totals,
        };
        let actor = Actor {
            name: format!("phone:{}/{}/{}", scope.market, scope.code, device.name),
            role: Role::Vendor,
            scope: Scope::Stall(scope),
            via: Via::Device(device.id),
            limits: None,
        };
        Ok(Some(Known { actor, full_name: device.name, must_change: false }))
    }

    async fn managed(&self, actor: &Actor, market: &MarketCode, stall: &str) -> Result<Target, AppError> {
        let place = Place::Stall { market: market.clone(), stall: stall.to_owned() };
        Self::admit(actor, Right::ManageDevices, &place)?;
        not_a_helper(actor)?;
        self.target(market, stall).await
    }

    async fn target(&self, market: &MarketCode, stall: &str) -> Result<Target, AppError> {
        let id = self.market(market).await?.id;
        let stalls = self.stalls(market, None).await?;
        let found = find_stall(&stalls, stall)?;
        let vendor = found.vendor.as_ref().map(|(vendor, _)| *vendor).ok_or_else(|| {
            let message = Message::new(
                format!("Sạp {} hiện chưa có người bán nên chưa ghép máy được.", found.code),
                format!("Nobody sells at stall {} now, so no phone can be paired.", found.code),
            );
            AppError::new(ErrorKind::Conflict, "stall_without_vendor", message)
        })?;
        Ok(Target { market: id, code: market.clone(), stall: found.number, stall_code: found.code.clone(), vendor })
    }

    /// Finds a code that is good now.
    async fn code(&self, code: &PairingCode) -> Result<(crate::domain::registration::Market, CodeRow), AppError> {
        let market = self
            .market(&code.market)
            .await
            .map_err(|error| if error.kind == ErrorKind::NotFound { unknown() } else { error })?;
        let now = self.clock.now();
        let mut transaction = self.store.begin_read().await?;
        let today = BusinessDate::of_calendar(now);
        let found = pairing_codes::find(&mut transaction, market.id, &hash(code.bytes()), today).await?;
        transaction.rollback().await?;
        match found {
            None => Err(unknown()),
            Some(found) if found.is_used => Err(used()),
            Some(found) if found.is_ended || found.expires_at <= now => Err(over()),
            Some(found) => Ok((market, found)),
        }
    }
}

/// Refuses a helper's phone what is the vendor's alone.
fn not_a_helper(actor: &Actor) -> Result<(), AppError> {
    if actor.stall().is_none_or(|own| !own.hides_totals) {
        return Ok(());
    }
    let message = Message::new(
        "Máy phụ không quản lý được các máy khác; hãy dùng máy của chủ sạp.",
        "A helper's phone manages no other; use the vendor's own.",
    );
    Err(AppError::new(ErrorKind::Forbidden, "forbidden", message))
}

fn device_name(text: &str) -> Result<String, AppError> {
    let refuse = || {
        let message = Message::new(
            format!("Tên máy dài 1 đến {DEVICE_NAME_MAX} ký tự, ví dụ “Máy chị Hoa”."),
            format!("A phone's name has 1 to {DEVICE_NAME_MAX} characters, for example \"Hoa's phone\"."),
        );
        AppError::field("name", "device_name_invalid", message)
    };
    let name = Name::new(text).map_err(|_| refuse())?.to_string();
    // The name stands behind a slash in the journal.
    if name.chars().count() <= DEVICE_NAME_MAX && !name.contains('/') { Ok(name) } else { Err(refuse()) }
}

fn no_device(id: DeviceId) -> AppError {
    let (vi, en) = (format!("Sạp này không có máy {id}."), format!("This stall has no phone {id}."));
    AppError::not_found(Message::new(vi, en))
}

fn full() -> AppError {
    let message = Message::new(
        format!("Sạp đã có đủ {DEVICES_MAX} máy. Hãy gỡ một máy trong Cài đặt, hoặc nhờ ban quản lý."),
        format!("The stall has {DEVICES_MAX} phones already. Remove one in Settings, or ask the manager."),
    );
    AppError::new(ErrorKind::Conflict, "too_many_devices", message)
}

fn unknown() -> AppError {
    let message = Message::new(
        "Mã ghép máy này không đúng. Hãy quét lại mã trên thẻ, hoặc xin ban quản lý thẻ mới.",
        "This pairing code is not right. Scan the card's code again, or ask the manager for a new card.",
    );
    AppError::new(ErrorKind::NotFound, "pairing_code_unknown", message)
}

fn used() -> AppError {
    let message = Message::new(
        "Mã này đã được một máy khác dùng. Nếu không phải máy của bạn, hãy báo ban quản lý ngay.",
        "Another phone has used this code. If it is not yours, tell the manager at once.",
    );
    AppError::new(ErrorKind::Conflict, "pairing_code_used", message)
}

fn over() -> AppError {
    let message = Message::new(
        "Mã này đã hết hạn hoặc đã có mã mới thay. Hãy xin mã mới.",
        "This code is over, or another took its place. Ask for a new one.",
    );
    AppError::new(ErrorKind::Conflict, "pairing_code_over", message)
}
