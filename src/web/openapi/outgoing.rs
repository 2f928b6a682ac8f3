//! The forms of what goes out to other programs: events, webhooks and feeds; as [`super::answers`].
#![expect(
    dead_code,
    reason = "these types are shown and never made: the answers are written elsewhere, under these names"
)]

use utoipa::ToSchema;

/// A page of events.
#[derive(ToSchema)]
pub(super) struct Events {
    data: Vec<Event>,
    has_more: bool,
    /// What `after` of the next page is.
    next: String,
    /// The number of the market's last posting at that moment.
    last_seq: i64,
}

/// A posting as a CloudEvent 1.0.
#[derive(ToSchema)]
pub(super) struct Event {
    #[schema(example = "1.0")]
    specversion: String,
    /// The posting's name: the same whenever the event is seen again.
    #[schema(example = "TAN-123")]
    id: String,
    #[schema(example = "/v1/markets/TAN")]
    source: String,
    #[schema(example = "vn.socho.posting.settled")]
    r#type: String,
    /// When it was recorded.
    time: String,
    /// The stall; left out while it is not known.
    #[schema(required = false, example = "stalls/B12")]
    subject: Option<String>,
    /// The posting's number in its market, of 19 digits: no number is left out.
    sequence: String,
    datacontenttype: String,
    data: EventContent,
}

/// What an event tells.
#[derive(ToSchema)]
pub(super) struct EventContent {
    posting: String,
    seq: i64,
    market: String,
    stall: Option<String>,
    /// `settle`, `assign`, `reversal`, `cash_change`, `exclusion` or `refund`.
    kind: String,
    /// Always above zero.
    amount: i64,
    /// What it did to the stall, or to money whose stall is not known: below zero when it took some away.
    effect: i64,
    currency: String,
    business_date: String,
    event_date: String,
    event_at: Option<String>,
    recorded_at: String,
    late: bool,
    /// The posting that it reverses, assigns or corrects.
    concerns: Option<String>,
}

/// A page of closed days.
#[derive(ToSchema)]
pub(super) struct FeedDays {
    schema_version: String,
    data: Vec<FeedDay>,
    has_more: bool,
    next: Option<String>,
    /// Dates before this one are closed by every market: read again from here on.
    whole_before: Option<String>,
}

/// A closed day of a market; each field is explained by `/v1/feeds/dictionary`.
#[derive(ToSchema)]
pub(super) struct FeedDay {
    schema_version: String,
    #[schema(example = "TAN/2026-11-24")]
    key: String,
    market: String,
    market_name: String,
    ward: Option<String>,
    demo: bool,
    business_date: String,
    status: String,
    /// Whether figures are left out because fewer than five stalls are behind them.
    suppressed: bool,
    payments: Option<i64>,
    amount: Option<i64>,
    currency: String,
    active_stalls: Option<i64>,
    closed_at: String,
    close_hash: String,
    merkle_root: String,
    key_id: String,
}

/// What the feed's fields mean.
#[derive(ToSchema)]
pub(super) struct FeedDictionary {
    schema_version: String,
    primary_key: Vec<String>,
    order: Vec<String>,
    fields: Vec<FeedField>,
    deep_links: Vec<DeepLink>,
}

/// One field.
#[derive(ToSchema)]
pub(super) struct FeedField {
    name: String,
    r#type: String,
    unit: String,
    meaning: Meaning,
    source: String,
}

/// An address that another program may open for a person.
#[derive(ToSchema)]
pub(super) struct DeepLink {
    path: String,
    meaning: Meaning,
}

/// A sentence in both languages.
#[derive(ToSchema)]
pub(super) struct Meaning {
    vi: String,
    en: String,
}

/// A webhook with its secret, which is told once.
#[derive(ToSchema)]
pub(super) struct SubscriptionSecret {
    webhook: Subscription,
    #[schema(example = "whsec_…")]
    secret: String,
}

/// A webhook: who is told of a market's postings.
#[derive(ToSchema)]
pub(super) struct Subscription {
    id: String,
    market: String,
    url: String,
    /// `active`, `retrying`, `failing` (for a day and more) or `disabled`.
    state: String,
    /// The posting up to which everything was delivered.
    delivered_seq: i64,
    last_seq: i64,
    lag: i64,
    /// Tries in a row that failed.
    failures: i64,
    failing_since: Option<String>,
    retry_at: Option<String>,
    delivered_at: Option<String>,
    disabled_at: Option<String>,
    /// `gone` (answered with 410) or `restored` (the book was made of a backup).
    disabled_reason: Option<String>,
    previous_secret_until: Option<String>,
    created_at: String,
    created_by: String,
    attempts: Vec<DeliveryAttempt>,
}

/// One try, or several in a row that were taken.
#[derive(ToSchema)]
pub(super) struct DeliveryAttempt {
    first: String,
    last: String,
    at: String,
    took_ms: i64,
    /// `delivered`, `gone`, `redirected`, `refused`, `timed_out`, `name_unknown`, `address_refused`,
    /// `unreachable`, `tls_failed` or `broken`.
    outcome: String,
    status: Option<i64>,
    detail: String,
}

/// What trying a webhook out came to.
#[derive(ToSchema)]
pub(super) struct SubscriptionTest {
    event: String,
    delivered: bool,
    outcome: String,
    status: Option<i64>,
    detail: String,
    took_ms: i64,
}
