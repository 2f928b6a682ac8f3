//! `socho verify`.

use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::json;

use super::Context;
use super::output::{Exit, Failure, Lang, line, read_input};
use super::progress::Bar;
use crate::app::seal_view::public_key;
use crate::app::verify_books::{MarketFindings, is_backup, verify_backup};
use crate::app::verify_evidence::{Verified, verify_evidence};
use crate::domain::audit::AuditPoint;
use crate::domain::ids::MarketCode;

/// Reads the whole journal and compares everything that was derived from it.
#[derive(Debug, Args)]
#[command(
    after_help = "With a file it needs no book: the file and a public key that you trust are enough.\n\nExample: socho verify --market TAN\nExample: socho verify --audit-head TAN:1204:9c1f…\nExample: socho verify TAN-2026-11.zip --key market.pem"
)]
pub(super) struct Verify {
    /// A proof or an export to check instead of the book
    #[arg(requires = "key")]
    file: Option<PathBuf>,
    /// The market's public key: 32 bytes in base64 or hex, or a PEM file
    #[arg(long, requires = "file")]
    key: Option<String>,
    /// One market alone; all of them when not given
    #[arg(long, conflicts_with = "file")]
    market: Option<MarketCode>,
    /// Where an audit log ended once, as `socho audit head`, an export or the collector kept it:
    /// `MARKET:SEQ:HASH`, or `SEQ:HASH` with --market. May be given several times
    #[arg(long, value_name = "HEAD", conflicts_with = "file", allow_hyphen_values = true)]
    audit_head: Vec<String>,
}

pub(super) async fn run(context: &Context, command: Verify) -> Result<Exit, Failure> {
    if let (Some(file), Some(key)) = (&command.file, &command.key) {
        return evidence(context, file, key);
    }
    let point = |text: &String| audit_point(text, command.market.as_ref());
    let known = command.audit_head.iter().map(point).collect::<Result<Vec<_>, _>>()?;
    let bar = Bar::new(context.lang);
    let heard = |progress| bar.show(progress);
    let findings = if let Some(backup) = context.file()?.filter(|path| is_backup(path)) {
        verify_backup(&backup, command.market.as_ref(), &known, &heard).await
    } else {
        let app = context.open().await?;
        let findings = app.verify_heard(command.market.as_ref(), &known, &heard).await;
        app.close().await;
        findings
    };
    bar.clear();
    let findings = findings?;
    let clean = findings.iter().all(|market| market.differences.is_empty());
    if context.json {
        let markets: Vec<_> = findings
            .iter()
            .map(|market| {
                json!({"market": market.market, "postings": market.postings, "items": market.items,
                    "batches": market.batches, "redacted": market.redacted, "ok": market.differences.is_empty(), "differences": market.differences})
            })
            .collect();
        line(json!({"ok": clean, "markets": markets}).to_string());
    } else {
        print_findings(&findings, context.lang);
    }
    Ok(if clean { Exit::Ok } else { Exit::Integrity })
}

/// Reads where an audit log ended once.
fn audit_point(text: &str, market: Option<&MarketCode>) -> Result<AuditPoint, Failure> {
    let whole = match market {
        Some(market) if text.matches(':').count() == 1 => format!("{market}:{text}"),
        Some(_) | None => text.to_owned(),
    };
    whole.parse().map_err(|error: crate::domain::ids::IdError| {
        let vi = format!("--audit-head {text} không đúng: cần CHỢ:SỐ:MÃ_BĂM như socho audit head in ra.");
        Failure::new(Exit::Usage, vi, format!("--audit-head is not valid: {error}."))
    })
}

/// Prints one line a market, and what differs below it.
pub(super) fn print_findings(findings: &[MarketFindings], lang: Lang) {
    for market in findings {
        let MarketFindings { market: name, postings, items, batches, .. } = market;
        line(match (lang, market.differences.is_empty()) {
            (Lang::Vi, true) => format!("{name}: khớp, {postings} bút toán, {items} mục đã nhận, {batches} lô"),
            (Lang::Vi, false) => format!("{name}: KHÔNG KHỚP, {postings} bút toán, {items} mục đã nhận, {batches} lô"),
            (Lang::En, true) => format!("{name}: ok, {postings} postings, {items} items, {batches} batches"),
            (Lang::En, false) => format!("{name}: DIFFERS, {postings} postings, {items} items, {batches} batches"),
        });
        if market.redacted > 0 {
            let redacted = market.redacted;
            line(match lang {
                Lang::Vi => format!("  {redacted} nội dung chuyển khoản đã xóa theo thời hạn, có ghi nhận"),
                Lang::En => format!("  {redacted} texts of transfers were removed when their time was over, on record"),
            });
        }
        if let Some(lowest) = &market.lowest {
            line(match lang {
                Lang::Vi => format!("  bút toán nhỏ nhất liên quan là {lowest}"),
                Lang::En => format!("  the lowest posting concerned is {lowest}"),
            });
        }
        for difference in &market.differences {
            line(format!("  {difference}"));
        }
    }
}

/// Largest key file, in bytes.
const KEY_MAX: u64 = 64 * 1024;

fn evidence(context: &Context, file: &Path, key: &str) -> Result<Exit, Failure> {
    // What is no key itself is the name of a file with one.
    let key = match public_key(key) {
        Ok(key) => key,
        Err(_) => public_key(&String::from_utf8_lossy(&read_input(key, KEY_MAX)?))?,
    };
    show(context, &verify_evidence(file, &key)?);
    Ok(Exit::Ok)
}

fn show(context: &Context, verified: &Verified) {
    match verified {
        Verified::Proof(shown) => {
            let (posting, close) = (&shown.posting, &shown.close);
            let name = format!("{}-{}", close.market, posting.seq.get());
            let (amount, date) = (posting.transfer.amount, close.business_date);
            if context.json {
                line(
                    json!({"ok": true, "posting": name, "amount": amount.whole(), "currency": "VND",
                        "credit": posting.transfer.credit.to_string(), "business_date": date.to_string(),
                        "merkle_root": close.merkle_root.to_string(), "key": shown.fingerprint})
                    .to_string(),
                );
                return;
            }
            let (amount, credit) = (amount.with_unit(), &posting.transfer.credit);
            let key = &shown.fingerprint;
            line(match context.lang {
                Lang::Vi => format!(
                    "khớp: {name}, {amount}, ghi có {credit}, nằm trong sổ đã khóa ngày {} (khóa {key})",
                    date.vietnamese()
                ),
                Lang::En => format!("ok: {name}, {amount} to {credit}, lies in the sealed book of {date} (key {key})"),
            });
        }
        Verified::Export { market, month, postings, batches, closes, reports, fingerprint } => {
            let closed = closes.len();
            let key = fingerprint.as_deref().unwrap_or("-");
            if context.json {
                line(
                    json!({"ok": true, "market": market, "month": month, "postings": postings, "batches": batches,
                        "closed_days": closed, "reports": reports, "key": fingerprint})
                    .to_string(),
                );
                return;
            }
            line(match context.lang {
                Lang::Vi => format!(
                    "khớp: {market} {month}, {postings} bút toán, {closed} ngày đã khóa sổ, {reports} báo cáo tính lại đúng (khóa {key})"
                ),
                Lang::En => format!(
                    "ok: {market} {month}, {postings} postings, {closed} sealed days, {reports} reports drawn up again (key {key})"
                ),
            });
        }
    }
}
