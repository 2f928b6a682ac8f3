//! Closed days for other platforms, and what each field of them means. A row, its head in CSV and its
//! line in the dictionary come from one list, so that none is without the other.

use csv::{Terminator, WriterBuilder};
use serde_json::{Map, Value, json};

use super::csv::defused;
use crate::domain::calendar::rfc3339;
use crate::domain::feed::{FeedDay, SCHEMA_VERSION};

/// One field: its name, what it is, and how it is read off a day.
struct Field {
    name: &'static str,
    kind: &'static str,
    unit: &'static str,
    vi: &'static str,
    en: &'static str,
    source: &'static str,
    value: fn(&FeedDay) -> Value,
}

macro_rules! field {
    ($name:literal, $kind:literal, $unit:literal, $vi:literal, $en:literal, $source:literal, $value:expr) => {
        Field { name: $name, kind: $kind, unit: $unit, vi: $vi, en: $en, source: $source, value: $value }
    };
}

const FIELDS: [Field; 17] = [
    field!(
        "schema_version",
        "string",
        "",
        "Phiên bản cấu trúc của dòng",
        "Version of the row's form",
        "this program",
        |_| { json!(SCHEMA_VERSION) }
    ),
    field!(
        "key",
        "string",
        "",
        "Khóa ổn định: mã chợ và ngày sổ",
        "Stable key: market code and business date",
        "market register, day close",
        |day| json!(day.key())
    ),
    field!(
        "market",
        "string",
        "",
        "Mã chợ, không bao giờ đổi",
        "Market code, never changed",
        "market register",
        |day| { json!(day.market.as_str()) }
    ),
    field!("market_name", "string", "", "Tên chợ", "Market name", "market register", |day| json!(day.name)),
    field!(
        "ward",
        "string or null",
        "",
        "Phường, xã tại ngày đó",
        "Ward or commune on that date",
        "market register",
        |day| json!(day.ward)
    ),
    field!(
        "demo",
        "boolean",
        "",
        "Dữ liệu minh họa, không phải tiền thật",
        "Demonstration data, no real money",
        "market register",
        |day| { json!(day.demo) }
    ),
    field!(
        "business_date",
        "date",
        "",
        "Ngày sổ của chợ (giờ Việt Nam, theo giờ chốt sổ của chợ)",
        "The market's book day (Vietnam time, by the market's cut-off)",
        "day close",
        |day| json!(day.date.to_string())
    ),
    field!(
        "status",
        "string",
        "",
        "Luôn là closed: ngày đã khóa sổ, số liệu không đổi nữa",
        "Always closed: figures change no more",
        "day close",
        |_| { json!("closed") }
    ),
    field!(
        "suppressed",
        "boolean",
        "",
        "true khi có ít hơn 5 sạp có giao dịch: các con số để trống để không lộ doanh thu của từng người",
        "true when fewer than 5 stalls had a payment: figures are left out, so that no person's sales show",
        "this program",
        |day| json!(day.shown().is_none())
    ),
    field!(
        "payments",
        "integer or null",
        "payments",
        "Số lần ngân hàng báo tiền đến trong ngày",
        "Payments that banks reported for the day",
        "bank webhooks and statements, by the close",
        |day| json!(day.shown().map(|(figure, _)| figure.count))
    ),
    field!(
        "amount",
        "integer or null",
        "VND",
        "Tổng số tiền, đã trừ các bút toán đảo; đồng, không có số lẻ",
        "Their sum, less reversals; whole đồng",
        "bank webhooks and statements, by the close",
        |day| json!(day.shown().map(|(figure, _)| figure.amount.whole()))
    ),
    field!("currency", "string", "", "Luôn là VND (ISO 4217)", "Always VND (ISO 4217)", "this program", |_| json!(
        "VND"
    )),
    field!(
        "active_stalls",
        "integer or null",
        "stalls",
        "Số sạp có ít nhất một giao dịch trong ngày",
        "Stalls with at least one payment on the day",
        "journal",
        |day| json!(day.shown().map(|(_, stalls)| stalls))
    ),
    field!("closed_at", "date-time", "", "Thời điểm khóa sổ", "When the day was closed", "day close", |day| {
        json!(rfc3339(day.closed_at))
    }),
    field!(
        "close_hash",
        "string",
        "SHA-256, hex",
        "Mã băm của bản khóa sổ đã ký, dùng để đối chiếu",
        "Hash of the signed close, to compare with",
        "day close",
        |day| json!(day.close_hash.to_string())
    ),
    field!(
        "merkle_root",
        "string",
        "SHA-256, hex",
        "Gốc cây Merkle của mọi bút toán trong ngày",
        "Root of the Merkle tree of the day's postings",
        "day close",
        |day| json!(day.merkle_root.to_string())
    ),
    field!(
        "key_id",
        "string",
        "",
        "Khóa đã ký, tra ở /.well-known/socho-keys.json",
        "The key that signed, found in /.well-known/socho-keys.json",
        "day close",
        |day| json!(day.key_id)
    ),
];

/// Addresses that another program may open for a person: what they show and for whom.
const LINKS: [(&str, &str, &str); 5] = [
    ("/city", "Mọi chợ của thành phố, cho cán bộ thành phố", "All markets of the city, for its officers"),
    (
        "/city/compare",
        "So sánh các chợ: ?month=2026-11&markets=TAN,CKE",
        "Markets side by side: ?month=2026-11&markets=TAN,CKE",
    ),
    ("/city/closes", "Chợ nào đã khóa sổ ngày nào", "Which market has closed which day"),
    ("/markets/{code}", "Trang của một chợ, cho ban quản lý", "A market's own page, for its board"),
    ("/markets/{code}/days/{date}", "Báo cáo một ngày của một chợ, in được", "A day's report of a market, to print"),
];

/// Returns a day as the feed's JSON shows it.
#[must_use]
pub fn row(day: &FeedDay) -> Value {
    let fields = FIELDS.iter().map(|field| (field.name.to_owned(), (field.value)(day)));
    Value::Object(fields.collect::<Map<_, _>>())
}

/// Returns days as CSV (RFC 4180): UTF-8 without a mark, one head, plain digits, empty where nothing is told.
///
/// # Errors
/// Whatever the writer meets; nothing in a day makes it fail.
pub fn csv(days: &[FeedDay]) -> Result<String, csv::Error> {
    let mut writer = WriterBuilder::new().terminator(Terminator::CRLF).from_writer(Vec::new());
    writer.write_record(FIELDS.iter().map(|field| field.name))?;
    for day in days {
        writer.write_record(FIELDS.iter().map(|field| match (field.value)(day) {
            Value::Null => String::new(),
            Value::String(text) => defused(&text),
            other @ (Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_)) => other.to_string(),
        }))?;
    }
    let bytes = writer.into_inner().map_err(|error| csv::Error::from(error.into_error()))?;
    // Everything written was text.
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// Returns the dictionary: every field of a row, and the addresses that may be opened for a person.
#[must_use]
pub fn dictionary() -> Value {
    let fields: Vec<Value> = FIELDS
        .iter()
        .map(|field| {
            json!({
                "name": field.name, "type": field.kind, "unit": field.unit, "meaning": {"vi": field.vi, "en": field.en},
                "source": field.source,
            })
        })
        .collect();
    let link = |(path, vi, en): &(&str, &str, &str)| json!({"path": path, "meaning": {"vi": vi, "en": en}});
    json!({
        "schema_version": SCHEMA_VERSION, "primary_key": ["key"], "order": ["business_date", "market"],
        "fields": fields, "deep_links": LINKS.iter().map(link).collect::<Vec<_>>(),
    })
}

/// What the catalogue says of whoever publishes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Publisher {
    /// Who; nobody is named when it was not set.
    pub name: Option<String>,
    /// The licence's address; without one the data may be used by whoever was given a key, for their office.
    pub licence: Option<String>,
    /// The address under which this program is reached.
    pub base: Option<String>,
}

/// What the data say of themselves: the first and last closed day, and when the last one was closed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Extent {
    /// The first closed date, the last one, and when a date was closed for the last time.
    pub closed: Option<(String, String, String)>,
}

/// Returns the catalogue as JSON-LD, after the vocabulary DCAT 3.
#[must_use]
pub fn catalogue(publisher: &Publisher, extent: &Extent) -> Value {
    let base = publisher.base.as_deref().unwrap_or_default();
    let both = |vi: &str, en: &str| json!([{"@language": "vi", "@value": vi}, {"@language": "en", "@value": en}]);
    let distribution = |media: &str, query: &str| {
        json!({
            "@type": "dcat:Distribution", "dcat:accessURL": {"@id": format!("{base}/v1/feeds/days{query}")},
            "dcat:mediaType": media, "dct:conformsTo": {"@id": format!("{base}/v1/feeds/dictionary")},
        })
    };
    let mut dataset = json!({
        "@type": "dcat:Dataset", "@id": format!("{base}/v1/feeds/days"), "dct:identifier": "socho-days",
        "dct:title": both("Doanh thu không tiền mặt theo chợ và ngày đã khóa sổ", "Cashless turnover by market and closed day"),
        "dct:description": both(
            "Mỗi dòng là một chợ trong một ngày đã khóa sổ: số giao dịch, số tiền, số sạp có giao dịch. Không có dữ liệu cá nhân; ngày có ít hơn 5 sạp giao dịch thì ẩn số.",
            "Each row is a market on a closed day: payments, amount, active stalls. No personal data; figures of days with fewer than 5 active stalls are left out.",
        ),
        "dcat:version": SCHEMA_VERSION, "dcat:keyword": ["chợ", "VietQR", "không tiền mặt", "market", "cashless"],
        "dct:accrualPeriodicity": {"@id": "http://publications.europa.eu/resource/authority/frequency/DAILY"},
        "dct:language": ["vi", "en"],
        "dct:accessRights": both("Chỉ dùng với khóa được cấp quyền feeds.read", "For keys that have the right feeds.read"),
        "dcat:distribution": [distribution("application/json", ""), distribution("text/csv", "?format=csv")],
    });
    if let Some(fields) = dataset.as_object_mut() {
        let mut put = |name: &str, value: Value| drop(fields.insert(name.to_owned(), value));
        if let Some(name) = &publisher.name {
            put("dct:publisher", json!({"@type": "foaf:Agent", "foaf:name": name}));
        }
        match &publisher.licence {
            Some(licence) => put("dct:license", json!({"@id": licence})),
            None => put(
                "dct:rights",
                both(
                    "Dùng trong nội bộ cơ quan được cấp khóa, chưa cấp phép lại",
                    "For the office that holds the key; not licensed further",
                ),
            ),
        }
        if let Some((first, last, modified)) = &extent.closed {
            put("dct:issued", json!({"@type": "xsd:date", "@value": first}));
            put("dct:modified", json!({"@type": "xsd:dateTime", "@value": modified}));
            put("dct:temporal", json!({"@type": "dct:PeriodOfTime", "dcat:startDate": first, "dcat:endDate": last}));
        }
    }
    json!({
        "@context": {
            "dcat": "http://www.w3.org/ns/dcat#", "dct": "http://purl.org/dc/terms/", "foaf": "http://xmlns.com/foaf/0.1/",
            "xsd": "http://www.w3.org/2001/XMLSchema#",
        },
        "@type": "dcat:Catalog", "@id": format!("{base}/v1/feeds/catalog"),
        "dct:title": both("Dữ liệu chợ không tiền mặt (Sổ Chợ)", "Cashless markets' data (Sổ Chợ)"),
        "dcat:dataset": [dataset],
    })
}
