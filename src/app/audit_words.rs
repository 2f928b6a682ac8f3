//! An entry of the audit log as people read it.

use serde_json::Value;

use super::audit_log::AuditShown;
use super::error::Message;
use crate::domain::audit::ActorKind;
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
    let said = |value: Option<&Value>| value.map(plain).unwrap_or_default();
    let change =
        |name: &String| Change { name: name_words(name), before: said(before.get(name)), after: said(after.get(name)) };
    names.into_iter().map(change).filter(|change| change.before != change.after).collect()
}

/// Returns a value without the marks of JSON.
fn plain(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Array(values) => values.iter().map(plain).collect::<Vec<_>>().join(", "),
        Value::Object(fields) => {
            let of = |(name, value): (&String, &Value)| format!("{name}: {}", plain(value));
            fields.iter().map(of).collect::<Vec<_>>().join("; ")
        }
        Value::Bool(true) => "✓".to_owned(),
        Value::Bool(false) => "✗".to_owned(),
        Value::Number(number) => number.to_string(),
    }
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
        own => (own, own),
    };
    Message::new(vi, en)
}
