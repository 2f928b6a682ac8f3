//! What the audit log tells: who did, saw or took away what, when and why.
//!
//! An entry names things; it holds no secret, no transfer's text and no whole account number. What a
//! person typed as a reason is masked like a transfer's text before it comes here.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;

use super::hash::{Hash, from_hex};
use super::ids::{IdError, MarketCode, MarketId, StallNumber};

/// Declares an enum whose variants are words that are stored.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident, $what:literal: $($(#[$variant_doc:meta])* $variant:ident = $text:literal,)*) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum $name { $($(#[$variant_doc])* $variant,)* }

        impl $name {
            /// Every one of them.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// Returns the word as it is stored and written.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text),* }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                Self::ALL.iter().copied().find(|one| one.as_str() == text).ok_or_else(|| IdError {
                    what: $what,
                    text: text.chars().take(60).collect(),
                    rule: "one of the words that socho audit list --help names",
                })
            }
        }
    };
}

words! {
    /// As what somebody acted.
    ActorKind, "actor kind":
    /// A person who is logged in.
    User = "user",
    /// A vendor's phone.
    Phone = "phone",
    /// A program with a key.
    Key = "key",
    /// Whoever holds the database file.
    Operator = "operator",
    /// Somebody who is not known: a login that is tried, a phone that is paired.
    Nobody = "nobody",
}

words! {
    /// What an action was done to.
    ObjectKind, "object kind":
    /// A person who may log in.
    User = "user",
    /// A key of a program.
    Key = "key",
    /// A phone of a stall.
    Device = "device",
    /// A sender of settlements.
    Source = "source",
    /// A market.
    Market = "market",
    /// A stall.
    Stall = "stall",
    /// A posting.
    Posting = "posting",
    /// An item of the inbox.
    Item = "item",
    /// A market's day.
    Day = "day",
    /// A key that signs closes.
    SigningKey = "signing_key",
    /// A bank's statement.
    Statement = "statement",
    /// A file of figures that somebody took away.
    Report = "report",
    /// The whole book.
    Book = "book",
    /// The audit log itself.
    Audit = "audit",
    /// A subscription of another program.
    Webhook = "webhook",
}

/// Declares the actions: name, word, what they are done to, and how people say it in both languages.
macro_rules! actions {
    ($($variant:ident = $text:literal on $object:ident: $vi:literal, $en:literal;)*) => {
        words! {
            /// What was done. A closed list: words are added, never changed.
            Action, "action":
            $(#[doc = $en] $variant = $text,)*
        }

        impl Action {
            /// Returns what the action is done to.
            #[must_use]
            pub fn object(self) -> ObjectKind {
                match self { $(Self::$variant => ObjectKind::$object),* }
            }

            /// Returns how people say it, in Vietnamese and in English.
            #[must_use]
            pub fn in_words(self) -> (&'static str, &'static str) {
                match self { $(Self::$variant => ($vi, $en)),* }
            }
        }
    };
}

actions! {
    LoginOk = "login.ok" on User: "đăng nhập", "logged in";
    LoginFailed = "login.failed" on User: "đăng nhập không được", "failed to log in";
    LoginLocked = "login.locked" on User: "bị chặn đăng nhập một lúc vì sai nhiều lần", "was kept from logging in for a while after failures";
    Logout = "logout" on User: "đăng xuất", "logged out";
    PasswordChanged = "password.changed" on User: "đổi mật khẩu của mình", "changed the own password";
    PasswordReset = "password.reset" on User: "cấp mật khẩu mới", "set a new first password";
    SecondFactorOn = "second_factor.on" on User: "bật xác thực hai bước", "turned the second factor on";
    SecondFactorOff = "second_factor.off" on User: "tắt xác thực hai bước", "turned the second factor off";
    SessionsEnded = "sessions.ended" on User: "kết thúc phiên đăng nhập", "ended sessions";
    UserAdded = "user.added" on User: "thêm người dùng", "added a user";
    UserDisabled = "user.disabled" on User: "khóa người dùng", "shut a user out";
    UserEnabled = "user.enabled" on User: "mở lại người dùng", "let a user in again";
    UserRoleChanged = "user.role_changed" on User: "đổi vai trò", "changed a role";
    KeyMade = "key.made" on Key: "tạo khóa máy", "made a program's key";
    KeyEnded = "key.ended" on Key: "thu hồi khóa máy", "ended a program's key";
    DevicePaired = "device.paired" on Device: "ghép điện thoại với sạp", "paired a phone with the stall";
    DeviceRevoked = "device.revoked" on Device: "gỡ điện thoại khỏi sạp", "took a phone off the stall";
    DeviceRenamed = "device.renamed" on Device: "đổi tên điện thoại", "renamed a phone";
    PairingCodeIssued = "pairing_code.issued" on Stall: "phát mã ghép điện thoại", "issued a code that pairs a phone";
    SourceAdded = "source.added" on Source: "thêm nguồn báo tiền", "added a source";
    SourceRotated = "source.rotated" on Source: "đổi khóa bí mật của nguồn", "put a source's new secret in force";
    SourceAccountsChanged = "source.accounts_changed" on Source: "đổi danh sách tài khoản của nguồn", "changed a source's accounts";
    SourceAddressesChanged = "source.addresses_changed" on Source: "đổi danh sách địa chỉ gửi của nguồn", "changed from where a source may send";
    DeliveryRead = "delivery.read" on Source: "xem nội dung một yêu cầu của nguồn", "read the body of a source's request";
    DeliveryJudgedAgain = "delivery.judged_again" on Source: "xét lại một yêu cầu của nguồn", "had a source's request judged again";
    MarketAdded = "market.added" on Market: "thêm chợ", "added a market";
    MarketChanged = "market.changed" on Market: "đổi thông tin chợ", "changed a market";
    StallRegistered = "stall.registered" on Stall: "đăng ký sạp hoặc tài khoản nhận tiền", "registered a stall or its receiving account";
    StallChanged = "stall.changed" on Stall: "đổi thông tin sạp", "changed a stall";
    AccountEnded = "account.ended" on Stall: "thôi dùng một tài khoản của sạp", "ended an account of a stall";
    TenancyEnded = "tenancy.ended" on Stall: "kết thúc việc thuê sạp", "ended a tenancy";
    CodeIssued = "code.issued" on Stall: "phát hành mã QR mới", "issued a new QR code";
    CardPrinted = "card.printed" on Stall: "in thẻ QR", "printed a QR card";
    PostingReversed = "posting.reversed" on Posting: "đảo bút toán", "reversed a posting";
    PostingAssigned = "posting.assigned" on Posting: "xác định sạp cho khoản tiền", "gave money to a stall";
    AssignmentProposed = "posting.proposed" on Posting: "đề nghị sạp cho khoản tiền", "proposed a stall for money";
    ProposalWithdrawn = "posting.withdrawn" on Posting: "rút đề nghị", "withdrew a proposal";
    CashChangeRecorded = "posting.cash_change" on Posting: "ghi thối tiền mặt", "recorded cash handed back";
    PostingExcluded = "posting.excluded" on Posting: "ghi khoản không phải tiền bán", "recorded that money was no sale";
    PostingRefunded = "posting.refunded" on Posting: "ghi hoàn tiền", "recorded a refund";
    ItemBooked = "item.booked" on Item: "ghi sổ khoản đang giữ", "booked a held item";
    ItemJudgedAgain = "item.judged_again" on Item: "xét lại khoản đang giữ", "had a held item judged again";
    ItemDismissed = "item.dismissed" on Item: "bỏ qua khoản đang giữ", "dismissed a held item";
    DayClosed = "day.closed" on Day: "khóa sổ ngày", "closed a day";
    SigningKeyMade = "signing_key.made" on SigningKey: "tạo khóa ký", "made a signing key";
    SigningKeyRotated = "signing_key.rotated" on SigningKey: "thay khóa ký", "replaced a signing key";
    StatementTaken = "statement.taken" on Statement: "nộp sao kê", "handed a statement in";
    StatementBooked = "statement.booked" on Day: "ghi sổ khoản chỉ có trong sao kê", "booked what the statement alone told of";
    LineAccepted = "statement.line_accepted" on Statement: "nhận dòng sao kê", "accepted a line of a statement";
    LineRepeated = "statement.line_repeated" on Statement: "coi dòng sao kê là lặp lại", "took a line of a statement for a repeated one";
    ReconciliationSigned = "reconciliation.signed" on Day: "ký đối chiếu", "signed a reconciliation";
    DisputeRaised = "dispute.raised" on Posting: "báo khoản chưa đúng", "said that a payment is not right";
    DisputeAnswered = "dispute.answered" on Posting: "trả lời khoản báo chưa đúng", "answered a dispute";
    CashWritten = "cash.written" on Stall: "ghi tiền mặt vào sổ riêng", "wrote cash into the own book";
    CashWithdrawn = "cash.withdrawn" on Stall: "bỏ một dòng tiền mặt", "withdrew a line of cash";
    ReportDownloaded = "report.downloaded" on Report: "tải báo cáo", "downloaded a report";
    BookExported = "book.exported" on Report: "xuất sổ tháng", "exported a month of the book";
    BackupMade = "backup.made" on Book: "sao lưu sổ", "made a backup";
    PostingsViewed = "postings.viewed" on Stall: "xem các khoản tiền của sạp", "looked at the stall's payments";
    PostingViewed = "posting.viewed" on Posting: "xem một khoản tiền của sạp", "looked at one payment of the stall";
    JournalViewed = "journal.viewed" on Market: "xem sổ nhật ký của cả chợ", "looked at the whole market's journal";
    PhonesViewed = "phones.viewed" on Stall: "xem danh sách điện thoại của sạp", "looked at the stall's phones";
    StreamHeard = "stream.heard" on Stall: "theo dõi tiền về của sạp", "listened to the stall's payments";
    SecretsKeyRotated = "secrets_key.rotated" on Book: "thay khóa mã hóa các khóa bí mật", "replaced the key that seals secrets";
    WebhookAdded = "webhook.added" on Webhook: "thêm nơi nhận sự kiện của chợ", "subscribed another program to the market's events";
    WebhookRotated = "webhook.rotated" on Webhook: "đổi khóa bí mật của nơi nhận", "put a webhook's new secret in force";
    WebhookReplayed = "webhook.replayed" on Webhook: "cho gửi lại sự kiện tới nơi nhận", "had events delivered to a webhook again";
    WebhookRemoved = "webhook.removed" on Webhook: "bỏ nơi nhận sự kiện", "ended a webhook";
    TextsPurged = "texts.purged" on Market: "xóa nội dung chuyển khoản hết thời hạn", "removed texts about payers whose time was over";
    SubjectTold = "subject.told" on Stall: "xuất toàn bộ dữ liệu của sạp và người bán", "wrote out all that is held about the stall and its vendors";
    BookRestored = "book.restored" on Book: "phục hồi sổ từ bản sao lưu", "restored the book from a backup";
    AuditRead = "audit.read" on Audit: "xem nhật ký kiểm toán", "read the audit log";
    AuditExported = "audit.exported" on Audit: "xuất nhật ký kiểm toán", "exported the audit log";
}

/// What happened, before it has its place in a market's log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditEntry {
    /// When.
    pub recorded_at: Timestamp,
    /// As what they acted.
    pub actor_kind: ActorKind,
    /// Who: a user's name, a key's, a phone's.
    pub actor: String,
    /// Their role's word; `-` for somebody who has none.
    pub role: String,
    /// What they did.
    pub action: Action,
    /// To what: its name.
    pub object: String,
    /// The stall whose people it concerns.
    pub stall: Option<StallNumber>,
    /// What stood there before, as JSON.
    pub before: Option<String>,
    /// What stands there now, as JSON.
    pub after: Option<String>,
    /// Why, in their own words.
    pub reason: Option<String>,
    /// The request by which they did it.
    pub request_id: Option<String>,
}

/// An entry in its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditRow {
    /// The market's number; 0 for what concerns none.
    pub market: MarketId,
    /// Its place in the market's log, from 1.
    pub seq: i64,
    /// What happened.
    pub entry: AuditEntry,
    /// The hash that chains it to the row before.
    pub hash: Hash,
}

/// What a market's place in a name says for what concerns no market.
pub const NO_MARKET: &str = "-";

/// Where a market's log ended at some moment: written down outside the book, it shows later that nothing
/// up to there was changed, removed or cut off. Written `TAN:123:<64 hex digits>`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditPoint {
    /// The market's code; none for what concerns no market.
    pub market: Option<MarketCode>,
    /// The last entry's place.
    pub seq: i64,
    /// Its hash.
    pub hash: Hash,
}

impl AuditPoint {
    /// Returns the market's code, or what stands for none.
    #[must_use]
    pub fn place(&self) -> &str {
        self.market.as_ref().map_or(NO_MARKET, MarketCode::as_str)
    }
}

impl fmt::Display for AuditPoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.place(), self.seq, self.hash)
    }
}

impl FromStr for AuditPoint {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        let wrong = || IdError {
            what: "head of an audit log",
            text: text.chars().take(100).collect(),
            rule: "MARKET:SEQ:HASH as socho audit head prints it",
        };
        let mut parts = text.trim().split(':');
        let (Some(market), Some(seq), Some(hash), None) = (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(wrong());
        };
        let market = if market == NO_MARKET { None } else { Some(market.parse()?) };
        let seq = seq.parse().ok().filter(|seq| *seq > 0).ok_or_else(wrong)?;
        let hash = from_hex(hash).and_then(|bytes| Hash::from_slice(&bytes).ok()).ok_or_else(wrong)?;
        Ok(Self { market, seq, hash })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_logs_head_reads_back_as_it_is_written_and_nothing_else_does() {
        let hash = "ab".repeat(32);
        for text in [format!("TAN:12:{hash}"), format!("-:1:{hash}")] {
            assert_eq!(text.parse::<AuditPoint>().unwrap().to_string(), text);
        }
        for text in [format!("12:{hash}"), format!("TAN:0:{hash}"), format!("TAN:-1:{hash}"), "TAN:12:ab".to_owned()] {
            assert!(text.parse::<AuditPoint>().is_err(), "{text}");
        }
    }

    #[test]
    fn every_action_has_a_word_of_its_own_that_reads_back_and_is_said_in_both_languages() {
        for (place, action) in Action::ALL.iter().enumerate() {
            assert_eq!(action.as_str().parse(), Ok(*action));
            assert!(Action::ALL.iter().skip(place + 1).all(|other| other.as_str() != action.as_str()), "{action}");
            let (vi, en) = action.in_words();
            assert!(!vi.is_empty() && !en.is_empty() && vi != en, "{action}");
        }
    }
}
