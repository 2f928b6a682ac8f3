//! Markets and stalls: registration, lists, QR pictures.

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::IntoResponse as _;
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::Shared;
use super::problem::{Answer, told};
use crate::app::access::Actor;
use crate::app::add_market::AddMarket;
use crate::app::banks::find_bank;
use crate::app::change_market::{MarketChange, office_phone};
use crate::app::change_stall::StallChange;
use crate::app::error::{AppError, Message};
use crate::app::journal::Page;
use crate::app::qr_codes::{self, Correction};
use crate::app::stall_view::{StallOrder, holder, registered_json, stall_json};
use crate::domain::account::{AccountKind, BankAccount};
use crate::domain::ids::MarketCode;
use crate::domain::money::Dong;
use crate::domain::registration::{Market, Registration};

/// Reads a field by its own rule, or says which field breaks which.
pub(super) fn field<T: std::str::FromStr>(name: &str, text: &str) -> Result<T, AppError>
where
    T::Err: std::fmt::Display,
{
    text.parse().map_err(|error: T::Err| {
        AppError::field(
            name,
            "invalid",
            Message::new(format!("{name} không hợp lệ: cần {}.", wanted(name)), format!("{name}: {error}.")),
        )
    })
}

/// Says in Vietnamese what a field must be.
fn wanted(name: &str) -> &'static str {
    match name {
        "code" | "market" => "mã chợ 2 đến 8 chữ cái A-Z hoặc chữ số, chữ cái đứng đầu",
        "vendor" | "vendor_name" => "tên 1 đến 120 ký tự, không có ký tự ẩn",
        "cutoff" => "giờ viết HH:MM, ví dụ 04:00",
        "date" | "from" => "ngày viết YYYY-MM-DD",
        "account" | "accounts" => "số tài khoản 1 đến 19 chữ cái hoặc chữ số, không dấu cách",
        "stall" => "mã sạp 1 đến 24 ký tự, có chữ hoặc số, không có / \\ % ? # < > \" &",
        "amount" => "số đồng viết liền, không dấu ngăn, không đơn vị",
        "posting" => "tên bút toán, ví dụ TAN-123",
        "statement" => "tên sao kê bắt đầu bằng stm_",
        "item" => "tên mục chờ bắt đầu bằng evt_",
        "dialect" => {
            "một trong sepay-apikey, sepay-hmac, casso-v1, casso-v2, payos, vietqr-vn, pay2s, standard-webhooks, generic-hmac"
        }
        "user" => "tên 2 đến 40 chữ a-z, chữ số, dấu chấm, gạch; chữ cái đứng đầu",
        "role" => "manager, city, auditor hoặc admin",
        "kind" => "direct, virtual hoặc collecting",
        "sort" => "code hoặc name",
        "outcome" => "recorded, suspense, duplicate, ignored, quarantined, rejected, stale, dismissed hoặc received",
        _ => "tên hợp lệ: không trống, không quá dài, không có ký tự lạ",
    }
}

fn show(market: &Market) -> Value {
    json!({
        "code": market.code.as_str(), "name": market.name.as_str(), "ward": market.ward,
        "cutoff": market.cutoff.to_string(), "demo": market.demo,
        "office_phone": market.office_phone.as_ref().map(ToString::to_string),
    })
}

#[derive(Deserialize)]
pub(super) struct PageQuery {
    pub(super) after: Option<String>,
    pub(super) limit: Option<i64>,
}

pub(super) async fn list(
    State(web): State<Shared>,
    actor: Actor,
    headers: HeaderMap,
    Query(query): Query<PageQuery>,
) -> Answer {
    let listed = async {
        let markets = web.app.markets_for(&actor).await?;
        Page::of_list(&markets, |market| market.code.as_str(), show, query.after.as_deref(), query.limit)
    };
    Ok(Json(listed.await.map_err(told(&headers, "/v1/markets"))?.to_json()).into_response())
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewMarket {
    code: String,
    name: String,
    ward: Option<String>,
    cutoff: Option<String>,
}

pub(super) async fn add(State(web): State<Shared>, headers: HeaderMap, Json(new): Json<NewMarket>) -> Answer {
    let added = async {
        let new = AddMarket {
            code: field("code", &new.code)?,
            name: field("name", &new.name)?,
            ward: new.ward,
            cutoff: field("cutoff", new.cutoff.as_deref().unwrap_or("00:00"))?,
            demo: false,
        };
        web.app.add_market(new).await
    };
    let market = added.await.map_err(told(&headers, "/v1/markets"))?;
    Ok((StatusCode::CREATED, Json(show(&market))).into_response())
}

pub(super) async fn one(State(web): State<Shared>, headers: HeaderMap, Path(code): Path<String>) -> Answer {
    let found = async { web.app.market(&field("code", &code)?).await };
    let market = found.await.map_err(told(&headers, &format!("/v1/markets/{code}")))?;
    Ok(Json(show(&market)).into_response())
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ChangedMarket {
    name: Option<String>,
    ward: Option<String>,
    cutoff: Option<String>,
    /// What a vendor's phone calls; empty takes the number away.
    office_phone: Option<String>,
    from: Option<String>,
}

pub(super) async fn change(
    State(web): State<Shared>,
    headers: HeaderMap,
    Path(code): Path<String>,
    Json(change): Json<ChangedMarket>,
) -> Answer {
    let changed = async {
        let change = MarketChange {
            name: change.name.as_deref().map(|name| field("name", name)).transpose()?,
            ward: change.ward,
            cutoff: change.cutoff.as_deref().map(|cutoff| field("cutoff", cutoff)).transpose()?,
            office_phone: change.office_phone.as_deref().map(office_phone).transpose()?,
            from: change.from.as_deref().map(|from| field("from", from)).transpose()?,
        };
        web.app.change_market(&field("code", &code)?, change).await
    };
    let market = changed.await.map_err(told(&headers, &format!("/v1/markets/{code}")))?;
    Ok(Json(show(&market)).into_response())
}

#[derive(Deserialize)]
pub(super) struct StallQuery {
    search: Option<String>,
    sort: Option<String>,
    after: Option<String>,
    limit: Option<i64>,
}

pub(super) async fn stalls(
    State(web): State<Shared>,
    headers: HeaderMap,
    Path(code): Path<String>,
    Query(query): Query<StallQuery>,
) -> Answer {
    let listed = async {
        let order: StallOrder = field("sort", query.sort.as_deref().unwrap_or("code"))?;
        let stalls = web.app.stalls_in(&field("code", &code)?, query.search.as_deref(), order).await?;
        Page::of_list(&stalls, |stall| stall.code.as_str(), stall_json, query.after.as_deref(), query.limit)
    };
    let page = listed.await.map_err(told(&headers, &format!("/v1/markets/{code}/stalls")))?;
    Ok(Json(page.to_json()).into_response())
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewStall {
    stall: Option<String>,
    vendor: String,
    #[serde(default)]
    category: String,
    bin: String,
    account: String,
    holder: Option<String>,
    kind: Option<String>,
}

pub(super) async fn register(
    State(web): State<Shared>,
    headers: HeaderMap,
    Path(code): Path<String>,
    Json(new): Json<NewStall>,
) -> Answer {
    let registered = async {
        let market: MarketCode = field("code", &code)?;
        let vendor = field("vendor", &new.vendor)?;
        let kind: AccountKind = field("kind", new.kind.as_deref().unwrap_or("direct"))?;
        if new.stall.is_none() && kind != AccountKind::Collecting {
            let message = Message::new("Thiếu mã sạp.", "stall is missing.");
            return Err(AppError::field("stall", "missing", message));
        }
        let registration = Registration {
            stall: new.stall.as_deref().map(|stall| field("stall", stall)).transpose()?,
            holder: holder(new.holder.as_deref(), &vendor),
            vendor,
            category: new.category,
            account: BankAccount { bin: find_bank(&new.bin)?.0, number: field("account", &new.account)? },
            kind,
        };
        let registered = web.app.register(&market, registration).await?;
        Ok((registered.already, registered_json(&market, &registered)))
    };
    let (already, body) = registered.await.map_err(told(&headers, &format!("/v1/markets/{code}/stalls")))?;
    Ok((if already { StatusCode::OK } else { StatusCode::CREATED }, Json(body)).into_response())
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ChangedStall {
    category: Option<String>,
    vendor_name: Option<String>,
    #[serde(default)]
    end_tenancy: bool,
    end_account: Option<String>,
}

pub(super) async fn change_stall(
    State(web): State<Shared>,
    headers: HeaderMap,
    Path((code, stall)): Path<(String, String)>,
    Json(change): Json<ChangedStall>,
) -> Answer {
    let changed = async {
        let change = StallChange {
            category: change.category,
            vendor_name: change.vendor_name.as_deref().map(|name| field("vendor_name", name)).transpose()?,
            end_tenancy: change.end_tenancy,
            end_account: change.end_account,
        };
        web.app.change_stall(&field("code", &code)?, &stall, change).await
    };
    let stall = changed.await.map_err(told(&headers, &format!("/v1/markets/{code}/stalls/{stall}")))?;
    Ok(Json(stall_json(&stall)).into_response())
}

#[derive(Deserialize)]
pub(super) struct ImportQuery {
    #[serde(default)]
    dry_run: bool,
}

pub(super) async fn import(
    State(web): State<Shared>,
    headers: HeaderMap,
    Path(code): Path<String>,
    Query(query): Query<ImportQuery>,
    body: Bytes,
) -> Answer {
    let imported = async { web.app.import_vendors(&field("code", &code)?, &body, "body", query.dry_run).await };
    let report = imported.await.map_err(told(&headers, &format!("/v1/markets/{code}/stalls/import")))?;
    let status = if report.errors.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    Ok((status, Json(report.to_json(query.dry_run))).into_response())
}

#[derive(Deserialize)]
pub(super) struct QrQuery {
    amount: Option<String>,
}

pub(super) async fn qr(
    State(web): State<Shared>,
    headers: HeaderMap,
    Path((code, stall, file)): Path<(String, String, String)>,
    Query(query): Query<QrQuery>,
) -> Answer {
    let made = async {
        let market = field("code", &code)?;
        let amount: Option<Dong> = query.amount.as_deref().map(|amount| field("amount", amount)).transpose()?;
        let payload = web.app.stall_payload(&market, &stall, amount).await?;
        match file.as_str() {
            "qr.svg" => {
                let svg = qr_codes::svg(&payload, Correction::Print, &format!("VietQR {code} {stall}"))?;
                Ok(([(header::CONTENT_TYPE, "image/svg+xml")], svg).into_response())
            }
            "qr.png" => {
                let png = qr_codes::png(&payload, Correction::Print)?;
                Ok(([(header::CONTENT_TYPE, "image/png")], png).into_response())
            }
            _ => Err(AppError::not_found(Message::new("Chỉ có qr.svg và qr.png.", "There are qr.svg and qr.png."))),
        }
    };
    made.await.map_err(told(&headers, &format!("/v1/markets/{code}/stalls/{stall}/{file}")))
}
