//! Events that a security operations centre wants to know of, without a person's name beyond a user's at
//! login, without an account's number and without a transfer's text.

use jiff::Timestamp;

use super::audit::{Action, ActorKind};

/// How much it matters, as syslog counts (RFC 5424 §6.2.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    /// Somebody should look at it.
    Warning,
    /// Out of the ordinary, and meant.
    Notice,
    /// Ordinary.
    Informational,
}

/// How it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// It was done.
    Success,
    /// It was refused.
    Failure,
}

/// Whether it is about somebody's entry or about what was done (RFC 5424's facilities 10 and 13).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subject {
    /// A login, a signature: facility 10.
    Entry,
    /// A deed: facility 13.
    Deed,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecurityEvent {
    /// When.
    pub at: Timestamp,
    /// A stable word of at most 32 characters: an action's, or `delivery.…`.
    pub id: &'static str,
    /// The same in English words.
    pub says: &'static str,
    /// How much it matters.
    pub severity: Severity,
    /// How it ended.
    pub ending: Ending,
    /// What it is about.
    pub subject: Subject,
    /// As what somebody acted.
    pub actor_kind: Option<ActorKind>,
    /// Who: a user's, a key's or a source's name.
    pub actor: String,
    /// Their role's word.
    pub role: String,
    /// To what.
    pub object: String,
    /// The market's code; empty for none.
    pub market: String,
    /// The entry's place in the audit log and its hash, as [`super::audit::AuditPoint`] is written; empty
    /// when there is none yet.
    pub audit: String,
    /// The client's address; empty when it is not known.
    pub address: String,
    /// The request's id; empty when there was none.
    pub request_id: String,
}

/// Returns how much an action matters to whoever watches, and how it ended; none for what is told to the
/// audit log alone.
#[must_use]
#[expect(clippy::too_many_lines, reason = "a table with a line for each action, which the compiler keeps whole")]
pub fn watched(action: Action) -> Option<(Severity, Ending, Subject)> {
    use Ending::{Failure, Success};
    use Severity::{Informational, Notice, Warning};
    use Subject::{Deed, Entry};
    Some(match action {
        Action::LoginOk | Action::Logout => (Informational, Success, Entry),
        Action::LoginFailed => (Notice, Failure, Entry),
        Action::LoginLocked => (Warning, Failure, Entry),
        Action::PasswordChanged
        | Action::PasswordReset
        | Action::SecondFactorOn
        | Action::SecondFactorOff
        | Action::SessionsEnded
        | Action::UserAdded
        | Action::UserDisabled
        | Action::UserEnabled
        | Action::DevicePaired
        | Action::DeviceRevoked
        | Action::PairingCodeIssued => (Notice, Success, Entry),
        // What opens the way to fraud: who may do what, and where money is told to go.
        Action::UserRoleChanged
        | Action::KeyMade
        | Action::KeyEnded
        | Action::SourceAdded
        | Action::SourceRotated
        | Action::SourceAccountsChanged
        | Action::SourceAddressesChanged
        | Action::SigningKeyMade
        | Action::SigningKeyRotated
        | Action::SecretsKeyRotated
        | Action::WebhookAdded
        | Action::WebhookRotated
        | Action::BookRestored
        | Action::CodeIssued
        | Action::PostingReversed => (Warning, Success, Deed),
        Action::StallRegistered
        | Action::StallChanged
        | Action::AccountEnded
        | Action::TenancyEnded
        | Action::CardPrinted
        | Action::StatementTaken
        | Action::StatementBooked
        | Action::ReportDownloaded
        | Action::BookExported
        | Action::BackupMade
        | Action::WebhookReplayed
        | Action::WebhookRemoved
        | Action::TextsPurged
        | Action::SubjectTold
        | Action::DeliveryRead
        | Action::DeliveryJudgedAgain
        | Action::AuditExported => (Notice, Success, Deed),
        Action::MarketAdded
        | Action::MarketChanged
        | Action::DeviceRenamed
        | Action::PostingAssigned
        | Action::AssignmentProposed
        | Action::ProposalWithdrawn
        | Action::CashChangeRecorded
        | Action::PostingExcluded
        | Action::PostingRefunded
        | Action::ItemBooked
        | Action::ItemJudgedAgain
        | Action::ItemDismissed
        | Action::DayClosed
        | Action::LineAccepted
        | Action::LineRepeated
        | Action::ReconciliationSigned
        | Action::DisputeRaised
        | Action::DisputeAnswered
        | Action::CashWritten
        | Action::CashWithdrawn
        | Action::PostingsViewed
        | Action::PostingViewed
        | Action::JournalViewed
        | Action::PhonesViewed
        | Action::StreamHeard
        | Action::AuditRead => return None,
    })
}
