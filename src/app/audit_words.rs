//! An entry of the audit log as people read it.

use serde_json::Value;

use super::audit_log::AuditShown;
use super::error::Message;
use crate::domain::audit::ActorKind;
use crate::domain::money::Dong;
use crate::domain::rights::Role;

/// One thing that changed: what it is called, what it was and what it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// What it is called.
    pub name: Message,
    /// What it was; empty when it was not there.
    pub before: String,
    /// What it is; empty when it is not there any more.
    pub after: String,
}

/// Returns as what somebody acted, as people say it.
#[must_use]
pub fn actor_words(shown: &AuditShown) -> Message {
    let entry = &shown.row.entry;
    let role = entry.role.parse::<Role>().ok().map(super::access::role_name);
    match (entry.actor_kind, role) {
        (ActorKind::Key, _) => Message::new("khóa máy", "program"),
        (ActorKind::Phone, _) => Message::new("máy của sạp", "the stall's phone"),
        (ActorKind::Operator, _) => Message::new("người vận hành", "operator"),
        (ActorKind::Nobody, _) => Message::new("chưa rõ ai", "nobody known"),
        (ActorKind::User, Some(role)) => role,
        (ActorKind::User, None) => Message::new("người dùng", "user"),
    }
}

/// Returns what changed, thing by thing.
#[must_use]
pub fn changes(shown: &AuditShown) -> Vec<Change> {
    let read = |text: &Option<String>| match text.as_deref().map(serde_json::from_str::<Value>) {
        Some(Ok(Value::Object(fields))) => fields,
        _ => serde_json::Map::new(),
    };
    let (before, after) = (read(&shown.row.entry.before), read(&shown.row.entry.after));
    let mut names: Vec<&String> = before.keys().chain(after.keys()).collect();
    names.sort();
    names.dedup();
    let change = |name: &String| {
        let (before, after) = (figure(name, before.get(name)), figure(name, after.get(name)));
        Change { name: name_words(name), before, after }
    };
    names.into_iter().map(change).filter(|change| change.before != change.after).collect()
}

/// Hexadecimal digits from which a text is a hash, of which people compare the beginning.
const HASH_MIN: usize = 40;
/// Digits of a hash that are shown.
const HASH_SHOWN: usize = 12;

/// Returns a field's value: numbers grouped as people read them, but for years, versions and the like.
fn figure(name: &str, value: Option<&Value>) -> String {
    let Some(value) = value else { return String::new() };
    let counted = matches!(name, "amount" | "bytes" | "payments" | "entries" | "texts" | "kept" | "postings");
    match value.as_i64().filter(|_| counted) {
        Some(number) => Dong::new(number).grouped(),
        None => plain(value),
    }
}

/// Returns a value without the marks of JSON.
fn plain(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) if text.len() >= HASH_MIN && text.bytes().all(|b| b.is_ascii_hexdigit()) => {
            format!("{}…", text.chars().take(HASH_SHOWN).collect::<String>())
        }
        Value::String(text) => text.clone(),
        Value::Array(values) => values.iter().map(plain).collect::<Vec<_>>().join(", "),
        Value::Object(fields) => counted_list(fields).unwrap_or_else(|| {
            let of = |(name, value): (&String, &Value)| format!("{name}: {}", figure(name, Some(value)));
            fields.iter().filter(|(_, value)| !plain(value).is_empty()).map(of).collect::<Vec<_>>().join("; ")
        }),
        Value::Bool(true) => "✓".to_owned(),
        Value::Bool(false) => "✗".to_owned(),
        Value::Number(number) => number.to_string(),
    }
}

/// Returns a list of which only the first are written down, with how many there are: `…8888, …6789, … (12)`.
fn counted_list(fields: &serde_json::Map<String, Value>) -> Option<String> {
    let count = fields.get("count").and_then(Value::as_u64)?;
    let mut lists = fields.values().filter_map(Value::as_array);
    let listed = lists.next().filter(|_| fields.len() == 2)?;
    let more = u64::try_from(listed.len()).is_ok_and(|length| length < count);
    let shown = listed.iter().map(plain).chain(more.then(|| format!("… ({count})")));
    Some(shown.collect::<Vec<_>>().join(", "))
}

/// Says in words what a field is; one that has no words keeps its own.
fn name_words(name: &str) -> Message {
    let (vi, en) = match name {
        "account" => ("tài khoản", "account"),
        "added" => ("thêm", "added"),
        "address" => ("địa chỉ mạng", "network address"),
        "amount" => ("số tiền (đồng)", "amount (đồng)"),
        "bytes" => ("số byte", "bytes"),
        "category" => ("ngành hàng", "goods"),
        "cutoff" => ("giờ chốt", "cut-off"),
        "date" => ("ngày", "date"),
        "early" => ("khóa sớm", "early"),
        "ended_phones" => ("số máy bị gỡ", "phones ended"),
        "entries" => ("số dòng", "entries"),
        "from" => ("từ ngày", "from"),
        "hides_totals" => ("ẩn tổng tiền", "hides totals"),
        "layout" => ("khổ thẻ", "card size"),
        "market" => ("chợ", "market"),
        "name" => ("tên", "name"),
        "payments" => ("số khoản", "payments"),
        "posting" => ("bút toán mới", "new posting"),
        "purpose" => ("để làm gì", "purpose"),
        "reason" => ("lý do", "reason"),
        "removed" => ("bỏ", "removed"),
        "role" => ("vai trò", "role"),
        "until" => ("đến lúc", "until"),
        "vendor" => ("người bán", "vendor"),
        "version" => ("bản thứ", "version"),
        "ward" => ("phường", "ward"),
        "accounts" => ("tài khoản", "accounts"),
        "before" => ("trước ngày", "before"),
        "delivered_seq" => ("đã gửi đến bút toán số", "delivered up to posting"),
        "dialect" => ("kiểu báo tiền", "dialect"),
        "every_account" => ("mọi tài khoản của chợ", "every account of the market"),
        "fingerprint" => ("dấu vân khóa", "fingerprint"),
        "hash" => ("mã băm", "hash"),
        "host" => ("máy nhận", "host"),
        "key" => ("khóa số", "key"),
        "kept" => ("giữ lại", "kept"),
        "markets" => ("số chợ", "markets"),
        "merkle_root" => ("gốc Merkle", "Merkle root"),
        "number" => ("số", "number"),
        "outcomes" => ("kết quả", "outcomes"),
        "postings" => ("số bút toán", "postings"),
        "previous_secret_until" => ("khóa cũ còn nhận đến", "secret before taken until"),
        "sessions" => ("số phiên", "sessions"),
        "sha256" => ("mã SHA-256", "SHA-256"),
        "stalls" => ("sạp", "stalls"),
        "texts" => ("số nội dung", "texts"),
        "tolerance_s" => ("lệch giờ cho phép (giây)", "tolerance (s)"),
        own => (own, own),
    };
    Message::new(vi, en)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_grouped_and_of_a_hash_its_beginning_is_shown() {
        let shown = |name: &str, value: serde_json::Value| figure(name, Some(&value));
        assert_eq!(shown("amount", 42_350_000.into()), "42.350.000");
        assert_eq!(shown("version", 2_026.into()), "2026");
        assert_eq!(shown("sha256", "0123456789abcdef".repeat(4).into()), "0123456789ab…");
        assert_eq!(shown("name", "0071000888888".into()), "0071000888888");
        assert_eq!(figure("amount", None), "");
    }

    #[test]
    fn a_list_without_anything_in_it_says_nothing_and_a_long_one_how_long_it_is() {
        let shown = |count: u64, accounts: &[&str]| {
            figure("removed", Some(&serde_json::json!({"count": count, "accounts": accounts})))
        };
        assert_eq!(shown(0, &[]), "");
        assert_eq!(shown(2, &["…8888", "…6789"]), "…8888, …6789");
        assert_eq!(shown(12, &["…8888", "…6789"]), "…8888, …6789, … (12)");
        let other = serde_json::json!({"from": "", "until": null, "name": "TAN", "list": []});
        assert_eq!(figure("market", Some(&other)), "name: TAN");
    }
}
