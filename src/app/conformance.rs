//! What a source's last deliveries fulfil of what its provider has to, and what they miss: read off the
//! delivery log, for the engineer at the other end who wants to know what is left to do.
//! `socho source conform` sends the same on purpose.

use std::sync::Arc;

use super::App;
use super::access::Actor;
use super::delivery_log::Heard;
use super::error::{AppError, Message};
use super::receive_settlement::{ItemAnswer, ReplyStatus};
use super::trigger::{signs_body, signs_time};
use crate::domain::ids::SourceName;
use crate::domain::inbox::{Outcome, reason};
use crate::domain::settlement::Dialect;

/// How a requirement stands: by the last request that tells anything about it.
#[derive(Debug, Clone)]
pub enum Standing {
    /// That one fulfils it.
    Fulfilled(Arc<Heard>),
    /// That one misses it.
    Missed(Arc<Heard>),
    /// None has told anything yet.
    NotSeen,
}

/// One thing that a provider has to do.
#[derive(Debug, Clone)]
pub struct Requirement {
    /// A stable word.
    pub name: &'static str,
    /// What has to be.
    pub says: Message,
    /// What to do about it.
    pub advice: Message,
    /// How it stands.
    pub standing: Standing,
}

/// What a request tells about a requirement: that it is fulfilled, that it is missed, or nothing.
type Tells = fn(&Heard) -> Option<bool>;

/// A requirement as it is written down here.
struct Rule {
    name: &'static str,
    says: (&'static str, &'static str),
    advice: (&'static str, &'static str),
    /// The dialects that can keep it or break it.
    of: fn(Dialect) -> bool,
    tells: Tells,
}

const RULES: [Rule; 8] = [
    Rule {
        name: "address",
        says: ("Gửi từ địa chỉ đã khai", "Sends from an address that is listed"),
        advice: (
            "Báo dải địa chỉ gửi cho người vận hành: socho source addresses TÊN add DẢI.",
            "Tell the operator your networks: socho source addresses NAME add NETWORK.",
        ),
        of: |_| true,
        tells: |heard| heard.status.map(|status| status != ReplyStatus::Elsewhere),
    },
    Rule {
        name: "signature",
        says: ("Ký hoặc xác thực đúng khóa", "Authenticates with the live secret"),
        advice: (
            "Ký trên đúng từng byte sẽ gửi, bằng khóa đang có hiệu lực.",
            "Sign the very bytes that are sent, with the secret in force.",
        ),
        of: |_| true,
        tells: |heard| match heard.status? {
            ReplyStatus::Unauthenticated => Some(false),
            ReplyStatus::Accepted | ReplyStatus::Stale | ReplyStatus::Unreadable => Some(true),
            ReplyStatus::Elsewhere | ReplyStatus::NoSuchSource => None,
        },
    },
    Rule {
        name: "body_untouched",
        says: ("Nội dung không bị viết lại sau khi ký", "The body is not written anew after it was signed"),
        advice: (
            "Đừng để thư viện hay cổng trung gian viết lại JSON giữa lúc ký và lúc gửi.",
            "Let no library or gateway write the JSON anew between signing and sending.",
        ),
        of: signs_body,
        tells: |heard| match cause(heard) {
            Some("body_changed") => Some(false),
            _ => heard.is_taken().then_some(true),
        },
    },
    Rule {
        name: "clock",
        says: ("Giờ ký khớp giờ máy này", "The signed time agrees with our clock"),
        advice: (
            "Đồng bộ giờ (NTP) và ký lại mỗi lần gửi, đừng gửi lại yêu cầu ký từ trước.",
            "Keep the clock by NTP and sign anew for each try.",
        ),
        of: signs_time,
        tells: |heard| match heard.status? {
            ReplyStatus::Stale => Some(false),
            ReplyStatus::Accepted => Some(true),
            ReplyStatus::Unauthenticated
            | ReplyStatus::Unreadable
            | ReplyStatus::Elsewhere
            | ReplyStatus::NoSuchSource => None,
        },
    },
    Rule {
        name: "readable",
        says: ("Nội dung đọc được", "The body can be read"),
        advice: (
            "So trường nào sai ở trang của yêu cầu đó với mẫu trong /docs/integrate.",
            "Compare the field that the request's page names with the sample in /docs/integrate.",
        ),
        of: |_| true,
        tells: |heard| match heard.status? {
            ReplyStatus::Unreadable => Some(false),
            ReplyStatus::Accepted if heard.item_count > 0 => Some(true),
            ReplyStatus::Accepted
            | ReplyStatus::Unauthenticated
            | ReplyStatus::Stale
            | ReplyStatus::Elsewhere
            | ReplyStatus::NoSuchSource => None,
        },
    },
    Rule {
        name: "account_listed",
        says: ("Chỉ báo tài khoản đã khai", "Reports listed accounts alone"),
        advice: (
            "Khai tài khoản cho nguồn: socho source accounts TÊN add SỐ.",
            "List the account: socho source accounts NAME add NUMBER.",
        ),
        of: |_| true,
        tells: |heard| told(heard, &[reason::UNLISTED_ACCOUNT, reason::AMBIGUOUS_BANK], |item| booked(item.outcome)),
    },
    Rule {
        name: "repeated",
        says: ("Gửi lại thì giữ nguyên mã, không ghi hai lần", "A repeated delivery keeps its id and is booked once"),
        advice: (
            "Gửi lại y nguyên một yêu cầu đã nhận: phải thấy “trùng”. Mỗi khoản tiền một mã riêng.",
            "Send one that was taken again as it is: it has to be a duplicate. Each payment has an id of its own.",
        ),
        of: |_| true,
        tells: |heard| {
            told(heard, &[reason::CONFLICT, reason::REUSED_REFERENCE], |item| item.outcome == Outcome::Duplicate)
        },
    },
    Rule {
        name: "stall_known",
        says: ("Tiền tìm được sạp", "Money finds its stall"),
        advice: (
            "Gửi đủ tài khoản ảo hoặc nguyên nội dung chuyển khoản; ban quản lý gắn tài khoản với sạp.",
            "Send the virtual account or the whole memo; the board binds the account to its stall.",
        ),
        of: |_| true,
        tells: |heard| told(heard, &[reason::NO_STALL, reason::NO_CODE], |item| item.outcome == Outcome::Recorded),
    },
];

impl App {
    /// Returns what a source's last deliveries fulfil and miss.
    ///
    /// # Errors
    /// `not_found`.
    pub async fn fulfilled(&self, actor: &Actor, name: &SourceName) -> Result<Vec<Requirement>, AppError> {
        let heard = self.deliveries(actor, name, None).await?;
        let dialect = self.sender(name).await?.dialect;
        let rules = RULES.iter().filter(|rule| (rule.of)(dialect));
        Ok(rules.map(|rule| requirement(rule, &heard)).collect())
    }
}

fn requirement(rule: &Rule, heard: &[Arc<Heard>]) -> Requirement {
    let last = heard.iter().find_map(|one| Some((one, (rule.tells)(one)?)));
    let standing = match last {
        Some((one, true)) => Standing::Fulfilled(Arc::clone(one)),
        Some((one, false)) => Standing::Missed(Arc::clone(one)),
        None => Standing::NotSeen,
    };
    let words = |(vi, en): (&str, &str)| Message::new(vi, en);
    Requirement { name: rule.name, says: words(rule.says), advice: words(rule.advice), standing }
}

fn cause(heard: &Heard) -> Option<&str> {
    Some(&heard.evidence.as_ref()?.cause.as_ref()?.cause)
}

fn booked(outcome: Outcome) -> bool {
    matches!(outcome, Outcome::Recorded | Outcome::Suspense | Outcome::Duplicate)
}

/// One item that misses it decides, whatever the others are.
fn told(heard: &Heard, bad: &[&str], good: impl Fn(&ItemAnswer) -> bool) -> Option<bool> {
    let is_bad = |item: &ItemAnswer| item.reason.as_deref().is_some_and(|why| bad.contains(&why));
    if heard.items.iter().any(is_bad) {
        return Some(false);
    }
    heard.items.iter().any(good).then_some(true)
}
