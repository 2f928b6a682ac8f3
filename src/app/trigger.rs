//! Deliveries that this program signs itself: one to try a source with, and a list of checks that a new
//! provider's dialect passes or not.
//!
//! Whoever holds a source's secret can book money that nobody paid. So these are sent only to a book of
//! test data: a server in test mode, or a market that is marked as demonstration. Anywhere else they are
//! checked by the same authentication and reading, and book nothing.

use jiff::{SignedDuration, Timestamp};

use super::App;
use super::error::{AppError, ErrorKind, Message};
use super::receive_settlement::{Inbound, Reply, ReplyStatus};
use crate::bank::{self, SignedRequest};
use crate::domain::account::AccountNumber;
use crate::domain::ids::SourceName;
use crate::domain::money::Dong;
use crate::domain::settlement::{BankRef, Dialect, Direction, EventId, EventTime, Settlement};
use crate::domain::source_network::Network;
use crate::store::routing::Sender;

/// Most deliveries that one call makes.
pub const COUNT_MAX: u16 = 100;
/// Bytes of a body that is too large: one more KiB than a server takes.
const OVERSIZE: usize = 257 << 10;
/// How far behind a stale time is: beyond any tolerance but a day's.
const STALE: SignedDuration = SignedDuration::from_mins(15);

/// How a delivery is answered, as both ways of sending it can tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answered {
    /// Taken.
    Taken,
    /// Not authenticated, or its time is not right.
    Unauthenticated,
    /// Cannot be read.
    Unreadable,
    /// Larger than what is taken.
    TooLarge,
    /// Anything else.
    Otherwise,
}

impl Answered {
    /// Returns the word that programs read.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Taken => "taken",
            Self::Unauthenticated => "unauthenticated",
            Self::Unreadable => "unreadable",
            Self::TooLarge => "too_large",
            Self::Otherwise => "otherwise",
        }
    }
}

impl From<ReplyStatus> for Answered {
    fn from(status: ReplyStatus) -> Self {
        match status {
            ReplyStatus::Accepted => Self::Taken,
            ReplyStatus::Unauthenticated | ReplyStatus::Stale => Self::Unauthenticated,
            ReplyStatus::Unreadable => Self::Unreadable,
            ReplyStatus::Elsewhere | ReplyStatus::NoSuchSource => Self::Otherwise,
        }
    }
}

/// A delivery that is ready to be sent.
#[derive(Debug, Clone)]
pub struct Attempt {
    /// A stable word.
    pub name: &'static str,
    /// What it tries.
    pub says: Message,
    /// The request.
    pub request: Inbound,
    /// How it has to be answered.
    pub expected: Answered,
}

/// What to try a source with.
#[derive(Debug, Clone)]
pub struct Trigger {
    /// The source.
    pub source: SourceName,
    /// The account that money arrives on.
    pub account: AccountNumber,
    /// How much.
    pub amount: Dong,
    /// What the payer wrote.
    pub memo: String,
    /// How many, each another payment.
    pub count: u16,
    /// Whether each is sent twice.
    pub duplicate: bool,
    /// Whether it is signed with another secret.
    pub bad_signature: bool,
    /// By how much the signed time is behind ours.
    pub skew: SignedDuration,
}

impl App {
    /// Signs what is to be tried, at `now` by the clock of whoever receives it.
    ///
    /// # Errors
    /// `not_found` for the source, `cannot_sign` for a public key, `amount_out_of_range`.
    pub async fn prepare_trigger(&self, trigger: &Trigger, now: Timestamp) -> Result<Vec<Attempt>, AppError> {
        let sender = self.sender(&trigger.source).await?;
        let amount = trigger.amount.settlement();
        let amount = amount
            .map_err(|error| AppError::field("amount", "amount_out_of_range", super::words::no_amount(&error)))?;
        let signed_at = now.checked_sub(trigger.skew).unwrap_or(now);
        let late = signs_time(sender.dialect) && trigger.skew.abs().as_secs() > sender.tolerance_s;
        let refused = trigger.bad_signature || late;
        let expected = if refused { Answered::Unauthenticated } else { Answered::Taken };
        let secret = if trigger.bad_signature { another_secret(sender.dialect) } else { self.present_secret(&sender)? };
        let mut attempts = Vec::new();
        for _ in 0..trigger.count.clamp(1, COUNT_MAX) {
            let mut settlement = self.sample(&trigger.account, amount, now)?;
            settlement.memo.clone_from(&trigger.memo);
            let signed = signed(sender.dialect, &secret, &settlement, signed_at)?;
            let first = attempt("payment", "một khoản tiền", "a payment", &sender, signed, expected);
            let again = trigger.duplicate.then(|| Attempt {
                name: "duplicate",
                says: Message::new("gửi lại y nguyên", "the same again"),
                ..first.clone()
            });
            attempts.push(first);
            attempts.extend(again);
        }
        Ok(attempts)
    }

    /// Returns the checks that a provider of a source's dialect has to pass, in their order.
    ///
    /// # Errors
    /// `not_found` for the source, `cannot_sign` for a public key.
    pub async fn conformance(
        &self,
        source: &SourceName,
        account: &AccountNumber,
        now: Timestamp,
    ) -> Result<Vec<Attempt>, AppError> {
        let sender = self.sender(source).await?;
        let (dialect, amount) = (sender.dialect, Dong::new(1_000));
        let secret = self.present_secret(&sender)?;
        let sign = |settlement: &Settlement, at| signed(dialect, &secret, settlement, at);
        let good = self.sample(account, amount, now)?;
        let first = sign(&good, now)?;
        let mut earlier = self.sample(account, amount, now)?;
        earlier.event_time = EventTime::At(now.checked_sub(SignedDuration::from_hours(1)).unwrap_or(now));
        let forged = signed(dialect, &another_secret(dialect), &self.sample(account, amount, now)?, now)?;
        let mut stranger = self.sample(account, amount, now)?;
        stranger.settled = "999999999999".parse().map_err(AppError::internal)?;
        let (taken, refused) = (Answered::Taken, Answered::Unauthenticated);
        let check = |name, vi, en, request, expected| attempt(name, vi, en, &sender, request, expected);
        let mut checks = vec![
            check("good", "khoản tiền đúng", "a good payment", first.clone(), taken),
            check(
                "duplicate",
                "gửi lại y nguyên: không ghi hai lần",
                "the same again: booked once",
                first.clone(),
                taken,
            ),
            check(
                "reordered",
                "khoản cũ hơn đến sau",
                "an earlier payment that comes later",
                sign(&earlier, now)?,
                taken,
            ),
            check("wrong_signature", "ký bằng khóa khác", "signed with another secret", forged, refused),
            check(
                "unknown_account",
                "tài khoản chưa khai: giữ lại chờ người xem",
                "an account that is not listed: held",
                sign(&stranger, now)?,
                taken,
            ),
            check(
                "oversize",
                "nội dung lớn hơn 256 KiB",
                "a body over 256 KiB",
                SignedRequest { body: " ".repeat(OVERSIZE), ..first.clone() },
                Answered::TooLarge,
            ),
        ];
        checks.extend(self.dialect_checks(&sender, account, first, now)?);
        Ok(checks)
    }

    /// Returns the checks that only some dialects can have: what a dialect does not sign cannot be wrong.
    fn dialect_checks(
        &self,
        sender: &Sender,
        account: &AccountNumber,
        first: SignedRequest,
        now: Timestamp,
    ) -> Result<Vec<Attempt>, AppError> {
        let (dialect, amount) = (sender.dialect, Dong::new(1_000));
        let (taken, refused) = (Answered::Taken, Answered::Unauthenticated);
        let secret = self.present_secret(sender)?;
        let sign = |settlement: &Settlement, at| signed(dialect, &secret, settlement, at);
        let check = |name, vi, en, request, expected| attempt(name, vi, en, sender, request, expected);
        let mut checks = Vec::new();
        if dialect != Dialect::Payos {
            let mut debit = self.sample(account, amount, now)?;
            debit.direction = Direction::Debit;
            checks.push(check("debit", "tiền ra: bỏ qua", "money going out: ignored", sign(&debit, now)?, taken));
            let bare = SignedRequest { headers: Vec::new(), ..first.clone() };
            checks.push(check("no_signature", "không có xác thực", "nothing that authenticates", bare, refused));
        }
        if signs_time(dialect) {
            let past = now.checked_sub(STALE).unwrap_or(now);
            let late = sign(&self.sample(account, amount, now)?, past)?;
            let expected = if STALE.as_secs() > sender.tolerance_s { refused } else { taken };
            checks.push(check("stale", "giờ ký trễ 15 phút", "signed fifteen minutes ago", late, expected));
        }
        if signs_body(dialect) {
            let altered = SignedRequest { body: first.body.replacen("1000", "9000", 1), ..first };
            checks.push(check(
                "altered",
                "số tiền bị sửa sau khi ký",
                "an amount changed after it was signed",
                altered,
                refused,
            ));
        } else {
            let broken = SignedRequest { body: "{".to_owned(), ..first };
            checks.push(check("unreadable", "nội dung hỏng", "a body that is no JSON", broken, Answered::Unreadable));
        }
        Ok(checks)
    }

    /// Tells whether money that this program makes up may be booked on an account: where it is a market's
    /// that is marked as demonstration, or, for an account that no market has, the source's own is.
    ///
    /// # Errors
    /// `not_found` for the source.
    pub async fn is_test_data(&self, source: &SourceName, account: &AccountNumber) -> Result<bool, AppError> {
        let sender = self.sender(source).await?;
        let directory = self.directory.get();
        let routes = directory.routes.get(account);
        let mut markets: Vec<_> = routes.into_iter().flatten().map(|route| route.market).collect();
        if markets.is_empty() {
            markets.push(sender.allowance.market);
        }
        let known = self.markets().await?;
        let is_demo = |id| known.iter().any(|market| market.id == id && market.demo);
        Ok(markets.into_iter().all(is_demo))
    }

    /// Checks a delivery as a server would, and books nothing.
    ///
    /// # Errors
    /// When the system has no randomness for a name.
    pub fn check_attempt(&self, attempt: &Attempt) -> Result<Reply, AppError> {
        self.answer_without_booking(&attempt.request)
    }

    /// Returns a payment of now, under a name that no other has.
    fn sample(&self, account: &AccountNumber, amount: Dong, now: Timestamp) -> Result<Settlement, AppError> {
        let name = self.ids.uuid()?.simple().to_string();
        // Senders' own numbers are shorter than a UUID, and the last digits differ most.
        let short: String = name.chars().skip(16).collect();
        Ok(Settlement {
            event_id: EventId::Given(format!("trigger-{short}").into()),
            direction: Direction::Credit,
            amount,
            settled: account.clone(),
            addressed: None,
            bank_hint: None,
            reference: BankRef::normalise(&format!("TRG{}", short.to_ascii_uppercase())),
            event_time: EventTime::At(Timestamp::from_second(now.as_second()).unwrap_or(now)),
            memo: "SOCHO TEST".to_owned(),
            payer: String::new(),
        })
    }
}

fn attempt(
    name: &'static str,
    vi: &str,
    en: &str,
    sender: &Sender,
    request: SignedRequest,
    expected: Answered,
) -> Attempt {
    let headers = request.headers.into_iter().map(|(name, value)| (name, value.into_bytes())).collect();
    let request = Inbound {
        source: sender.name.as_str().to_owned(),
        sub_path: request.sub_path.to_owned(),
        // As if it came from the first place that the source lists: what is made here comes from nowhere.
        address: sender.networks.first().map(Network::first),
        headers,
        body: request.body.into_bytes(),
    };
    Attempt { name, says: Message::new(vi, en), request, expected }
}

fn signed(dialect: Dialect, secret: &str, settlement: &Settlement, at: Timestamp) -> Result<SignedRequest, AppError> {
    bank::sign(dialect, secret, settlement, at).ok_or_else(|| {
        let message = Message::new(
            "Nguồn này dùng khóa công khai: chỉ bên gửi mới ký được.",
            "This source has a public key: only the sender can sign.",
        );
        AppError::new(ErrorKind::Invalid, "cannot_sign", message)
    })
}

/// Tells whether a dialect signs the time at which it sends.
pub(super) fn signs_time(dialect: Dialect) -> bool {
    matches!(dialect, Dialect::SepayHmac | Dialect::CassoV2 | Dialect::StandardWebhooks)
}

/// Tells whether a dialect signs the body; the others show a secret beside it.
pub(super) fn signs_body(dialect: Dialect) -> bool {
    signs_time(dialect) || matches!(dialect, Dialect::Payos | Dialect::GenericHmac)
}

/// Returns a secret of a dialect's form that is nobody's.
fn another_secret(dialect: Dialect) -> String {
    match dialect {
        Dialect::VietqrVn => "nobody:not-the-secret",
        Dialect::StandardWebhooks => "whsec_bm90LXRoZS1zZWNyZXQtbm90LXRoZS1zZWNyZXQ=",
        Dialect::SepayApikey
        | Dialect::SepayHmac
        | Dialect::CassoV1
        | Dialect::CassoV2
        | Dialect::Payos
        | Dialect::Pay2s
        | Dialect::GenericHmac => "not-the-secret-of-anybody",
    }
    .to_owned()
}
