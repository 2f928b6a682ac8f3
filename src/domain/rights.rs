//! Roles and what each may do: one table (DESIGN §7). Where a right holds — one market, one stall,
//! everywhere — is the actor's scope, not the role's.

use std::fmt;
use std::str::FromStr;

use super::ids::IdError;

/// What somebody is to the installation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// A phone of one stall, which acts for the vendor who sells there.
    Vendor,
    /// One of the management board of one market.
    Manager,
    /// The city's officer: sums by market, nothing of single stalls.
    City,
    /// Reads everything, chain and proofs included, and changes nothing.
    Auditor,
    /// Runs the installation: markets, sources, users, keys.
    Admin,
    /// Whoever holds the database file: the command line, and `serve` on this machine before the
    /// first user is made or in test mode.
    Operator,
}

/// The roles that a person or a key can be given.
pub const GIVEN: [Role; 4] = [Role::Manager, Role::City, Role::Auditor, Role::Admin];

impl Role {
    /// Returns the role as it is stored and written.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Vendor => "vendor",
            Self::Manager => "manager",
            Self::City => "city",
            Self::Auditor => "auditor",
            Self::Admin => "admin",
            Self::Operator => "operator",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Role {
    type Err = IdError;

    /// Reads a role that can be given.
    fn from_str(text: &str) -> Result<Self, IdError> {
        GIVEN.into_iter().find(|role| role.as_str() == text).ok_or_else(|| IdError {
            what: "role",
            text: text.chars().take(60).collect(),
            rule: "manager, city, auditor or admin",
        })
    }
}

/// Declares the rights: name, text, and the roles that have it. The operator has every one.
macro_rules! rights {
    ($($(#[$doc:meta])* $name:ident = $text:literal: [$($role:ident),*];)*) => {
        /// What one may do.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Right { $($(#[$doc])* $name,)* }

        /// Every right, in the order of the table.
        pub const RIGHTS: &[Right] = &[$(Right::$name),*];

        impl Right {
            /// Returns the right as it is written in a key's scope.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text),* }
            }

            fn holders(self) -> &'static [Role] {
                match self { $(Self::$name => &[$(Role::$role),*]),* }
            }
        }
    };
}

rights! {
    /// See the first page: the day of every market in one's scope.
    ReadHome = "home.read": [Vendor, Manager, City, Auditor, Admin];
    /// See a market's name, place and cut-off.
    ReadMarkets = "markets.read": [Vendor, Manager, City, Auditor, Admin];
    /// Add a market.
    AddMarkets = "markets.add": [Admin];
    /// Change a market's name, place or cut-off.
    ChangeMarkets = "markets.change": [Manager, Admin];
    /// See stalls, vendors and accounts.
    ReadStalls = "stalls.read": [Manager, Auditor, Admin];
    /// Register stalls, vendors and accounts, and change them.
    WriteStalls = "stalls.write": [Manager, Admin];
    /// See a stall's QR code.
    ReadCodes = "codes.read": [Vendor, Manager, Auditor, Admin];
    /// Print cards for stands and for pairing.
    PrintCards = "cards.print": [Manager, Admin];
    /// See postings; a phone those of its stall.
    ReadJournal = "journal.read": [Vendor, Manager, Auditor, Admin];
    /// Reverse, assign, exclude, hand back change.
    CorrectJournal = "journal.correct": [Manager, Admin];
    /// See a market's day with its stalls.
    ReadDays = "days.read": [Manager, Auditor, Admin];
    /// Close a market's day.
    CloseDays = "days.close": [Manager, Admin];
    /// See closes: totals and seals, no stalls.
    ReadCloses = "closes.read": [Manager, City, Auditor, Admin];
    /// See a posting's proof; a phone those of its stall.
    ReadProofs = "proofs.read": [Vendor, Manager, Auditor, Admin];
    /// See balances of a market's accounts.
    ReadBalances = "balances.read": [Manager, Auditor, Admin];
    /// See what is held for a person to decide.
    ReadInbox = "inbox.read": [Manager, Auditor, Admin];
    /// Decide what is held.
    ResolveInbox = "inbox.resolve": [Manager, Admin];
    /// See sources and their deliveries.
    ReadSources = "sources.read": [Manager, Auditor, Admin];
    /// See the bodies of deliveries: memos and payers in clear.
    ReadDeliveryBodies = "deliveries.read": [Auditor, Admin];
    /// Add sources and change their secrets and lists.
    WriteSources = "sources.write": [Admin];
    /// See statements and reconciliations.
    ReadStatements = "statements.read": [Manager, Auditor, Admin];
    /// Hand in statements, reconcile and sign off.
    WriteStatements = "statements.write": [Manager, Admin];
    /// Compare markets by sums.
    CompareMarkets = "compare.read": [City, Auditor, Admin];
    /// Hear of money as it arrives; a phone that of its stall.
    ListenStream = "stream.listen": [Vendor, Manager, Auditor, Admin];
    /// Read postings as events, for programs.
    ReadEvents = "events.read": [Manager, Auditor, Admin];
    /// Read closed days of all markets as a feed, for the city's platforms.
    ReadFeeds = "feeds.read": [City, Auditor, Admin];
    /// See who is told of a market's postings, and how that goes.
    ReadWebhooks = "webhooks.read": [Manager, Auditor, Admin];
    /// Let programs elsewhere be told of a market's postings.
    WriteWebhooks = "webhooks.write": [Admin];
    /// Use a stall's own pages: its code, its money, its book.
    UseStall = "stall.use": [Vendor];
    /// Pair, name and revoke phones of a stall.
    ManageDevices = "devices.manage": [Vendor, Manager, Admin];
    /// See and change users: a manager those of the own market.
    ManageUsers = "users.manage": [Manager, Admin];
    /// See and change keys of machines.
    ManageKeys = "keys.manage": [Admin];
    /// See and change one's own password, sessions and second factor.
    UseAccount = "account.use": [Manager, City, Auditor, Admin];
    /// Read the audit log: a manager that of the own market.
    ReadAudit = "audit.read": [Manager, Auditor, Admin];
    /// Move the clock of test mode.
    SetClock = "clock.set": [];
}

impl Right {
    /// Tells whether a role has it.
    #[must_use]
    pub fn is_held_by(self, role: Role) -> bool {
        role == Role::Operator || self.holders().contains(&role)
    }
}

impl fmt::Display for Right {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Right {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        RIGHTS.iter().copied().find(|right| right.as_str() == text).ok_or_else(|| IdError {
            what: "right",
            text: text.chars().take(60).collect(),
            rule: "a right such as journal.read; see socho key api rights",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_auditor_and_the_city_change_nothing() {
        for right in RIGHTS {
            let writes = [".add", ".change", ".write", ".correct", ".close", ".resolve", ".manage", ".set", ".print"];
            if writes.iter().any(|end| right.as_str().ends_with(end)) {
                assert!(!right.is_held_by(Role::Auditor) && !right.is_held_by(Role::City), "{right}");
            }
        }
    }

    #[test]
    fn every_right_has_a_text_of_its_own_and_reads_back() {
        for right in RIGHTS {
            assert_eq!(right.as_str().parse(), Ok(*right));
            assert!(right.is_held_by(Role::Operator));
        }
    }
}
