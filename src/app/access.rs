//! Who asks, and whether they may: the one rule (DESIGN §7).
//!
//! An actor has a role, which gives rights, and a scope, which says where they hold. What lies
//! outside a scope is refused whether it is there or not, so that a refusal tells nothing; a thing
//! inside one's place that is somebody else's is not found, as if it were not there.

use super::App;
use super::error::{AppError, ErrorKind, Message};
use crate::domain::identity::{DeviceId, KeyId, SessionId, UserId};
use crate::domain::ids::{MarketCode, MarketId, StallNumber, VendorId};
use crate::domain::registration::StallCode;
use crate::domain::text::code_key;

pub use crate::domain::rights::{Right, Role};

/// Who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actor {
    pub(crate) name: String,
    pub(crate) role: Role,
    pub(crate) scope: Scope,
    pub(crate) via: Via,
    /// What a key was limited to; none for people and phones, who have all of their role's rights.
    pub(crate) limits: Option<Vec<Right>>,
}

/// Where an actor's rights hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// In the whole installation.
    Everywhere,
    /// In one market.
    Market {
        /// Its number.
        id: MarketId,
        /// Its code.
        code: MarketCode,
    },
    /// At one stall.
    Stall(StallScope),
}

/// The stall of a phone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StallScope {
    /// The market's number.
    pub market_id: MarketId,
    /// The market's code.
    pub market: MarketCode,
    /// The stall's number.
    pub stall: StallNumber,
    /// The stall's code.
    pub code: StallCode,
    /// The vendor whose phone it is.
    pub vendor: VendorId,
    /// Whether this phone is a helper's that shows no totals.
    pub hides_totals: bool,
}

/// How an actor is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Via {
    /// By holding the database file.
    Database,
    /// By a login.
    Session {
        /// The user.
        user: UserId,
        /// The session.
        session: SessionId,
    },
    /// By a paired phone.
    Device(DeviceId),
    /// By a machine's key.
    Key(KeyId),
}

/// What an action concerns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// The installation as a whole: nobody's part of it.
    Installation,
    /// What the use case itself narrows to the actor's scope: a list, one's own account.
    Own,
    /// A market as a whole.
    Market(MarketCode),
    /// A market as a whole, by number.
    MarketNumber(MarketId),
    /// A market, of which the use case shows a phone no more than its stall.
    Within(MarketCode),
    /// A stall, however its code is typed.
    Stall {
        /// The market.
        market: MarketCode,
        /// The stall's code.
        stall: String,
    },
    /// A place that cannot be read: whoever is bound to one is outside it.
    Unreadable,
}

impl Actor {
    /// Returns whoever holds the database file.
    #[must_use]
    pub fn operator() -> Self {
        let (name, scope) = (Role::Operator.as_str().to_owned(), Scope::Everywhere);
        Self { name, role: Role::Operator, scope, via: Via::Database, limits: None }
    }

    /// Returns the name under which the journal records what the actor does.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the actor's role.
    #[must_use]
    pub fn role(&self) -> Role {
        self.role
    }

    /// Returns where the actor's rights hold.
    #[must_use]
    pub fn scope(&self) -> &Scope {
        &self.scope
    }

    /// Returns how the actor is known.
    #[must_use]
    pub fn via(&self) -> Via {
        self.via
    }

    /// Returns the stall of a phone; none for everybody else.
    #[must_use]
    pub fn stall(&self) -> Option<&StallScope> {
        match &self.scope {
            Scope::Stall(stall) => Some(stall),
            Scope::Everywhere | Scope::Market { .. } => None,
        }
    }

    /// Returns the one market that the actor is bound to; none for whoever sees all.
    #[must_use]
    pub fn market(&self) -> Option<&MarketCode> {
        match &self.scope {
            Scope::Everywhere => None,
            Scope::Market { code, .. } => Some(code),
            Scope::Stall(stall) => Some(&stall.market),
        }
    }

    /// Returns the number of the one market that the actor is bound to.
    #[must_use]
    pub fn market_id(&self) -> Option<MarketId> {
        match &self.scope {
            Scope::Everywhere => None,
            Scope::Market { id, .. } => Some(*id),
            Scope::Stall(stall) => Some(stall.market_id),
        }
    }

    /// Tells whether the actor has a right somewhere: what a menu shows.
    #[must_use]
    pub fn has(&self, right: Right) -> bool {
        right.is_held_by(self.role) && self.limits.as_ref().is_none_or(|limits| limits.contains(&right))
    }

    /// Tells whether the actor may read who paid at a stall in full: the vendor concerned and the
    /// auditor alone (DESIGN §7).
    #[must_use]
    pub fn sees_payers_of(&self, stall: Option<StallNumber>) -> bool {
        self.role == Role::Auditor || self.stall().is_some_and(|own| Some(own.stall) == stall)
    }

    /// Returns a transfer's text as this actor may read it.
    #[must_use]
    pub fn shown_text(&self, stall: Option<StallNumber>, text: &str) -> String {
        if self.sees_payers_of(stall) { text.to_owned() } else { crate::domain::masking::memo(text) }
    }

    fn reaches(&self, place: &Place) -> bool {
        match &self.scope {
            Scope::Everywhere => true,
            Scope::Market { id, code } => match place {
                Place::Own => true,
                Place::Market(market) | Place::Within(market) | Place::Stall { market, .. } => market == code,
                Place::MarketNumber(market) => market == id,
                Place::Installation | Place::Unreadable => false,
            },
            Scope::Stall(own) => match place {
                Place::Own => true,
                Place::Within(market) => *market == own.market,
                Place::Stall { market, stall } => *market == own.market && code_key(stall) == own.code.key(),
                Place::Installation | Place::Market(_) | Place::MarketNumber(_) | Place::Unreadable => false,
            },
        }
    }
}

impl App {
    /// Lets an actor do something somewhere, or refuses it.
    ///
    /// # Errors
    /// `forbidden`.
    pub fn admit(actor: &Actor, right: Right, place: &Place) -> Result<(), AppError> {
        let message = if !actor.has(right) {
            let role = role_name(actor.role);
            Message::new(
                format!("{} ({}) không có quyền này: {right}.", actor.name, role.vi),
                format!("{} ({}) may not do this: {right}.", actor.name, role.en),
            )
        } else if actor.reaches(place) {
            return Ok(());
        } else {
            outside(actor)
        };
        Err(AppError::new(ErrorKind::Forbidden, "forbidden", message))
    }
}

fn outside(actor: &Actor) -> Message {
    match &actor.scope {
        Scope::Stall(own) => Message::new(
            format!("Máy này chỉ mở được sạp {} của chợ {}.", own.code, own.market),
            format!("This phone opens stall {} of market {} alone.", own.code, own.market),
        ),
        Scope::Market { code, .. } => Message::new(
            format!("{} chỉ làm việc được với chợ {code}.", actor.name),
            format!("{} works with market {code} alone.", actor.name),
        ),
        Scope::Everywhere => Message::new("Không được phép.", "Not allowed."),
    }
}

/// Returns a role as people call it.
#[must_use]
pub fn role_name(role: Role) -> Message {
    match role {
        Role::Vendor => Message::new("tiểu thương", "vendor"),
        Role::Manager => Message::new("ban quản lý chợ", "market manager"),
        Role::City => Message::new("cán bộ thành phố", "city officer"),
        Role::Auditor => Message::new("kiểm toán", "auditor"),
        Role::Admin => Message::new("quản trị hệ thống", "administrator"),
        Role::Operator => Message::new("người vận hành", "operator"),
    }
}
