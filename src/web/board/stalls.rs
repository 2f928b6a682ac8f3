//! M2 and M3: stalls found by what people type, registered in three steps or from Excel.

use askama::Template;
use axum::Form;
use axum::extract::{Multipart, Path, Query, State};
use axum::http::HeaderMap;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

use super::super::Shared;
use super::super::markets::field;
use super::super::pages::frame::Frame;
use super::super::pages::html;
use super::super::problem::{Answer, told};
use super::{Board, done, may, open};
use crate::app::access::{Actor, Right};
use crate::app::banks::find_bank;
use crate::app::error::{AppError, Message};
use crate::app::import_vendors::ImportReport;
use crate::app::qr_codes::{self, Correction};
use crate::app::register::static_payload;
use crate::app::stall_view::holder;
use crate::domain::account::{AccountKind, BankAccount};
use crate::domain::banks;
use crate::domain::calendar::BusinessDate;
use crate::domain::goods::GOODS;
use crate::domain::ids::MarketCode;
use crate::domain::language::Language;
use crate::domain::memo::MemoCode;
use crate::domain::registration::{RegisteredStall, Registration};

/// Rows of a preview that are shown; the rest is counted.
const PREVIEW_MAX: usize = 50;

struct Line {
    stall: String,
    vendor: String,
    category: String,
    bank: String,
    tail: String,
    memo: String,
    version: i64,
    printed: String,
}

#[derive(Template)]
#[template(path = "board_stalls.html")]
struct ListPage {
    frame: Frame,
    board: Board,
    q: String,
    told: Option<String>,
    may_write: bool,
    stalls: Vec<Line>,
}

#[derive(Deserialize)]
pub(in crate::web) struct ListQuery {
    q: Option<String>,
    imported: Option<usize>,
}

pub(in crate::web) async fn list(
    State(web): State<Shared>,
    actor: Actor,
    frame: Frame,
    headers: HeaderMap,
    Path(code): Path<String>,
    Query(query): Query<ListQuery>,
) -> Answer {
    let page = async {
        let (_, code, board) = open(&web, &code, "stalls").await?;
        let stalls = web.app.stalls(&code, query.q.as_deref()).await?;
        let printed = web.app.printed(&code).await?;
        let language = frame.language();
        let line = |stall: &RegisteredStall| {
            let account = stall.account.as_ref().map(|account| &account.account);
            let bin = account.map(|account| account.bin.as_str()).unwrap_or_default();
            let last = printed.get(&stall.number);
            Line {
                stall: stall.code.to_string(),
                vendor: stall.vendor.as_ref().map(|(_, name)| name.to_string()).unwrap_or_default(),
                category: stall.category.clone(),
                bank: banks::shown_name(bin),
                tail: account.map(|account| account.number.last_four().to_owned()).unwrap_or_default(),
                memo: MemoCode::of(stall.number).to_string(),
                version: stall.card_version,
                printed: last
                    .map(|(at, times)| {
                        format!("{} ({times}{})", BusinessDate::of_calendar(*at).vietnamese(), language.of(" lần", "×"))
                    })
                    .unwrap_or_default(),
            }
        };
        html(&ListPage {
            board,
            q: query.q.unwrap_or_default(),
            told: query.imported.map(|rows| match language {
                Language::Vietnamese => format!("Đã ghi {rows} dòng."),
                Language::English => format!("{rows} rows were written."),
            }),
            may_write: may(&actor, Right::WriteStalls),
            stalls: stalls.iter().map(line).collect(),
            frame,
        })
    };
    page.await.map_err(told(&headers, "/markets"))
}

/// What a person typed so far.
#[derive(Debug, Clone, Default, Deserialize)]
pub(in crate::web) struct NewForm {
    #[serde(default)]
    step: u8,
    #[serde(default)]
    stall: String,
    #[serde(default)]
    vendor: String,
    #[serde(default)]
    category: String,
    #[serde(default)]
    bank: String,
    #[serde(default)]
    account: String,
    #[serde(default)]
    holder: String,
    #[serde(default)]
    name_checked: String,
}

#[derive(Template)]
#[template(path = "board_new.html")]
struct NewPage {
    frame: Frame,
    board: Board,
    step: u8,
    form: NewForm,
    errors: Vec<String>,
    categories: &'static [&'static str],
    banks: Vec<&'static str>,
    qr: Option<String>,
    holder_shown: String,
    memo: String,
}

impl NewPage {
    fn at(frame: Frame, board: Board, step: u8, form: NewForm) -> Self {
        let banks = banks::all().iter().map(|bank| bank.short_name).collect();
        let (qr, holder_shown, memo) = (None, String::new(), String::new());
        Self { frame, board, step, form, errors: Vec::new(), categories: &GOODS, banks, qr, holder_shown, memo }
    }
}

pub(in crate::web) async fn new(
    State(web): State<Shared>,
    frame: Frame,
    headers: HeaderMap,
    Path(code): Path<String>,
    Query(begun): Query<NewForm>,
) -> Answer {
    let page = async {
        let (_, _, board) = open(&web, &code, "stalls").await?;
        // A stall's own page names the stall, and its vendor when another account is to be added.
        let form = NewForm { stall: begun.stall, vendor: begun.vendor, ..NewForm::default() };
        html(&NewPage::at(frame, board, 1, form))
    };
    page.await.map_err(told(&headers, "/markets"))
}

pub(in crate::web) async fn add(
    State(web): State<Shared>,
    frame: Frame,
    headers: HeaderMap,
    Path(code): Path<String>,
    Form(form): Form<NewForm>,
) -> Answer {
    let page = async {
        let (_, code, board) = open(&web, &code, "stalls").await?;
        let mut page = NewPage::at(frame, board, form.step.clamp(1, 2), form);
        match next(&web, &code, &mut page).await {
            Ok(()) => {}
            // What a person can mend stands beside the form; everything else is a page of its own.
            Err(error) if error.kind.is_the_askers() => page.errors = told_in(&error, page.frame.language()),
            Err(error) => return Err(error),
        }
        html(&page)
    };
    page.await.map_err(told(&headers, "/markets"))
}

fn told_in(error: &AppError, language: Language) -> Vec<String> {
    let told = |message: &Message| language.of(&message.vi, &message.en).to_owned();
    match error.fields.as_slice() {
        [] => vec![told(&error.message)],
        fields => fields.iter().map(|field| told(&field.message)).collect(),
    }
}

/// Goes one step on, as far as what was typed allows.
async fn next(web: &Shared, code: &MarketCode, page: &mut NewPage) -> Result<(), AppError> {
    let form = page.form.clone();
    let stall = field("stall", &form.stall)?;
    let vendor: crate::domain::text::Name = field("vendor", &form.vendor)?;
    if page.step == 1 {
        page.step = 2;
        return Ok(());
    }
    let account = BankAccount { bin: find_bank(&form.bank)?.0, number: field("account", form.account.trim())? };
    let holder = holder(Some(form.holder.as_str()), &vendor);
    let registration = Registration {
        stall: Some(stall),
        vendor,
        category: form.category.clone(),
        account: account.clone(),
        kind: AccountKind::Direct,
        holder: holder.clone(),
    };
    if form.name_checked != "yes" {
        web.app.check_registrations(code, std::slice::from_ref(&registration)).await?;
        // Without a memo: the stall has no number yet, and a trial scan shows the name all the same.
        let payload = static_payload(&account, None)?;
        page.qr = Some(qr_codes::svg(&payload, Correction::Screen, page.frame.say("Mã quét thử", "Trial code"))?);
        page.holder_shown = holder;
        return Ok(());
    }
    let registered = web.app.register(code, registration).await?;
    page.memo = registered.memo_code.map(|memo| memo.to_string()).unwrap_or_default();
    page.step = 3;
    Ok(())
}

struct Preview {
    rows: usize,
    bad_rows: usize,
    errors: Vec<[String; 3]>,
    lines: Vec<[String; 5]>,
    more: usize,
    kept: String,
    name: String,
}

#[derive(Template)]
#[template(path = "board_import.html")]
struct ImportPage {
    frame: Frame,
    board: Board,
    problem: Option<String>,
    preview: Option<Preview>,
}

pub(in crate::web) async fn import(
    State(web): State<Shared>,
    frame: Frame,
    headers: HeaderMap,
    Path(code): Path<String>,
) -> Answer {
    let page = async {
        let (_, _, board) = open(&web, &code, "stalls").await?;
        html(&ImportPage { frame, board, problem: None, preview: None })
    };
    page.await.map_err(told(&headers, "/markets"))
}

/// A file as it was chosen, or the one whose preview was agreed to.
struct Uploaded {
    bytes: Vec<u8>,
    name: String,
    agreed: bool,
}

async fn uploaded(mut parts: Multipart) -> Result<Uploaded, AppError> {
    let unread = |error: &dyn std::fmt::Display| {
        let (vi, en) = (format!("Không đọc được tệp gửi lên: {error}."), format!("The file cannot be read: {error}."));
        AppError::field("file", "upload_unread", Message::new(vi, en))
    };
    let mut file = Uploaded { bytes: Vec::new(), name: "tep".to_owned(), agreed: false };
    while let Some(part) = parts.next_field().await.map_err(|error| unread(&error))? {
        match part.name().unwrap_or_default() {
            "file" => {
                file.name = part.file_name().unwrap_or("tep").to_owned();
                file.bytes = part.bytes().await.map_err(|error| unread(&error))?.to_vec();
            }
            "kept" => {
                let kept = part.text().await.map_err(|error| unread(&error))?;
                file.bytes = STANDARD.decode(kept).map_err(|error| unread(&error))?;
                file.agreed = true;
            }
            "name" => file.name = part.text().await.map_err(|error| unread(&error))?,
            _ => {}
        }
    }
    Ok(file)
}

pub(in crate::web) async fn upload(
    State(web): State<Shared>,
    frame: Frame,
    headers: HeaderMap,
    Path(code): Path<String>,
    parts: Multipart,
) -> Answer {
    let page = async {
        let (_, code, board) = open(&web, &code, "stalls").await?;
        let mut page = ImportPage { frame, board, problem: None, preview: None };
        let file = uploaded(parts).await?;
        match web.app.import_vendors(&code, &file.bytes, &file.name, !file.agreed).await {
            Ok(report) if file.agreed && report.errors.is_empty() => {
                return Ok(done(&format!("/markets/{code}/stalls?imported={}", report.rows)));
            }
            Ok(report) => page.preview = Some(preview(&report, &file, page.frame.language())),
            Err(error) if error.kind.is_the_askers() => {
                page.problem = Some(told_in(&error, page.frame.language()).join(" "));
            }
            Err(error) => return Err(error),
        }
        html(&page)
    };
    page.await.map_err(told(&headers, "/markets"))
}

fn preview(report: &ImportReport, file: &Uploaded, language: Language) -> Preview {
    let vi = language == Language::Vietnamese;
    let errors: Vec<[String; 3]> = report
        .errors
        .iter()
        .map(|e| [e.line_label(vi), e.column.clone(), language.of(&e.message.vi, &e.message.en).to_owned()])
        .collect();
    let bad: std::collections::BTreeSet<usize> = report.errors.iter().map(|error| error.line).collect();
    let row = |row: &crate::app::import_vendors::PreviewRow| {
        [row.line.to_string(), row.stall.clone(), row.vendor.clone(), row.bank.clone(), row.account_tail.clone()]
    };
    Preview {
        rows: report.rows,
        bad_rows: bad.len(),
        errors,
        lines: report.preview.iter().take(PREVIEW_MAX).map(row).collect(),
        more: report.preview.len().saturating_sub(PREVIEW_MAX),
        kept: STANDARD.encode(&file.bytes),
        name: file.name.clone(),
    }
}
