//! `socho vendor`.

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::Context;
use super::output::{Exit, Failure, line, read_input, table, to_stdout};
use crate::app::banks::find_bank;
use crate::app::change_stall::StallChange;
use crate::app::error::Message;
use crate::app::import_vendors::{FILE_MAX, ImportReport};
use crate::app::register::Registered;
use crate::app::stall_view::{StallOrder, stall_json};
use crate::domain::account::{AccountKind, AccountNumber, BankAccount};
use crate::domain::ids::MarketCode;
use crate::domain::registration::{RegisteredStall, Registration, StallCode};
use crate::domain::text::Name;

#[derive(Debug, Subcommand)]
pub(super) enum Vendor {
    /// Register a stall, its vendor and the account its QR pays into
    #[command(
        after_help = "Example: socho vendor add --market TAN --stall B12 --name \"Nguyễn Thị Hoa\" --bin 970436 --account 0071000888888"
    )]
    Add(Add),
    /// Register many from a CSV or XLSX file, all or none
    #[command(after_help = "Example: socho vendor import tieu-thuong.xlsx --market TAN --dry-run")]
    Import {
        /// The file, .csv or .xlsx
        file: String,
        /// The market
        #[arg(long)]
        market: MarketCode,
        /// Check and show, write nothing
        #[arg(long)]
        dry_run: bool,
    },
    /// Change what is sold at a stall, correct its vendor's name, or end her tenancy
    #[command(after_help = "Example: socho vendor change --market TAN --stall B12 --end-tenancy")]
    Change {
        /// The market
        #[arg(long)]
        market: MarketCode,
        /// The stall's code
        #[arg(long)]
        stall: StallCode,
        /// What is sold there
        #[arg(long)]
        category: Option<String>,
        /// The vendor's name, corrected
        #[arg(long)]
        vendor_name: Option<Name>,
        /// An account that is the stall's no more, by its number
        #[arg(long)]
        end_account: Option<String>,
        /// Her last day was yesterday; the stall is free for the next vendor
        #[arg(long)]
        end_tenancy: bool,
    },
    /// List stalls with their vendors
    #[command(after_help = "Example: socho vendor list --market TAN --search hoa")]
    List {
        /// The market
        #[arg(long)]
        market: MarketCode,
        /// A stall code, a name without marks or the end of an account number
        #[arg(long)]
        search: Option<String>,
        /// code, or name: by given name, as Vietnamese lists of people are
        #[arg(long, default_value = "code")]
        sort: StallOrder,
    },
}

#[derive(Debug, Args)]
pub(super) struct Add {
    /// The market
    #[arg(long)]
    market: MarketCode,
    /// The stall's code; a collecting account needs none
    #[arg(long)]
    stall: Option<StallCode>,
    /// The vendor's name
    #[arg(long)]
    name: Name,
    /// The bank: BIN, code or name
    #[arg(long)]
    bin: String,
    /// The account number
    #[arg(long)]
    account: AccountNumber,
    /// The holder's name as bank apps show it; the vendor's without marks when not given
    #[arg(long)]
    holder: Option<String>,
    /// direct, virtual or collecting
    #[arg(long, default_value = "direct")]
    kind: AccountKind,
    /// What is sold there
    #[arg(long, default_value = "")]
    category: String,
}

pub(super) async fn run(context: &Context, command: Vendor) -> Result<Exit, Failure> {
    let app = context.open().await?;
    let exit = match command {
        Vendor::Add(add) => {
            let (bin, _) = find_bank(&add.bin)?;
            if add.stall.is_none() && add.kind != AccountKind::Collecting {
                return Err(Failure::new(Exit::Usage, "Thiếu --stall.", "--stall is missing."));
            }
            let holder = crate::app::stall_view::holder(add.holder.as_deref(), &add.name);
            let account = BankAccount { bin, number: add.account };
            let Add { stall, name: vendor, category, kind, .. } = add;
            let new = Registration { stall, vendor, category, account, kind, holder };
            let registered = app.register(&add.market, new).await?;
            if context.json {
                line(show_registered(&add.market, &registered).to_string());
            } else {
                let stall = registered.stall.as_ref().map(|stall| stall.code.to_string()).unwrap_or_default();
                let code = registered.memo_code.map(|code| code.to_string()).unwrap_or_default();
                line(format!("{} {stall} {code}\n{}", add.market, registered.qr_payload));
            }
            Exit::Ok
        }
        Vendor::Change { market, stall, category, vendor_name, end_account, end_tenancy } => {
            let change = StallChange { category, vendor_name, end_account, end_tenancy };
            let stall = app.change_stall(&market, stall.as_str(), change).await?;
            let vendor = stall.vendor.as_ref().map_or("–", |(_, name)| name.as_str());
            if context.json {
                line(stall_json(&stall).to_string());
            } else {
                line(format!("{} {vendor} ({})", stall.code, stall.category));
            }
            Exit::Ok
        }
        Vendor::Import { file, market, dry_run } => {
            let bytes = read_input(&file, FILE_MAX)?;
            let report = app.import_vendors(&market, &bytes, &file, dry_run).await?;
            show_import(context, &report, dry_run);
            if report.errors.is_empty() { Exit::Ok } else { Exit::Refused }
        }
        Vendor::List { market, search, sort } => {
            let stalls = app.stalls_in(&market, search.as_deref(), sort).await?;
            if context.json {
                line(json!({"data": stalls.iter().map(stall_json).collect::<Vec<_>>(), "has_more": false}).to_string());
            } else {
                to_stdout(&table(
                    &context.lang.heads(
                        ["Sạp", "Người bán", "Ngành hàng", "Tài khoản"],
                        ["Stall", "Vendor", "Category", "Account"],
                    ),
                    stalls.iter().map(row).collect(),
                ));
            }
            Exit::Ok
        }
    };
    app.close().await;
    Ok(exit)
}

fn row(stall: &RegisteredStall) -> Vec<String> {
    let vendor = stall.vendor.as_ref().map(|(_, name)| name.to_string()).unwrap_or_default();
    let account = stall.account.as_ref().map(|a| format!("{} …{}", a.account.bin, a.account.number.last_four()));
    vec![stall.code.to_string(), vendor, stall.category.clone(), account.unwrap_or_default()]
}

fn show_registered(market: &MarketCode, registered: &Registered) -> Value {
    crate::app::stall_view::registered_json(market, registered)
}

fn show_import(context: &Context, report: &ImportReport, dry_run: bool) {
    if context.json {
        line(report.to_json(dry_run).to_string());
        return;
    }
    let rows = report.preview.iter().map(|row| {
        vec![row.line.to_string(), row.stall.clone(), row.vendor.clone(), row.bank.clone(), row.account_tail.clone()]
    });
    to_stdout(&table(
        &context.lang.heads(
            ["Dòng", "Sạp", "Người bán", "Ngân hàng", "Tài khoản"],
            ["Line", "Stall", "Vendor", "Bank", "Account"],
        ),
        rows.collect(),
    ));
    for error in &report.errors {
        line(format!(
            "{} {}: {}",
            error.line_label(context.lang == super::output::Lang::Vi),
            error.column,
            context.lang.choose(&error.message)
        ));
    }
    line(context.lang.choose(&outcome(report.rows, report.errors.len(), dry_run)));
}

/// Says in one sentence what became of a file.
fn outcome(rows: usize, errors: usize, dry_run: bool) -> Message {
    let one_or = |count: usize, one: &str, many: &str| format!("{count} {}", if count == 1 { one } else { many });
    let (vi, en) = match (errors, dry_run) {
        (0, false) => (format!("Đã ghi {rows} dòng."), format!("{} registered.", one_or(rows, "row", "rows"))),
        (0, true) => (
            format!("{rows} dòng hợp lệ; chưa ghi gì."),
            format!("{} good; nothing was written.", one_or(rows, "row is", "rows are")),
        ),
        (bad, _) => (
            format!("{bad} lỗi; chưa ghi dòng nào."),
            format!("{}; no row was written.", one_or(bad, "error", "errors")),
        ),
    };
    Message::new(vi, en)
}

#[cfg(test)]
mod tests {
    use super::outcome;

    #[test]
    fn one_of_a_thing_is_not_many() {
        let en = |rows, errors, dry_run| outcome(rows, errors, dry_run).en;
        assert_eq!(en(1, 1, false), "1 error; no row was written.");
        assert_eq!(en(1, 2, true), "2 errors; no row was written.");
        assert_eq!((en(1, 0, false), en(2, 0, false)), ("1 row registered.".into(), "2 rows registered.".into()));
        assert_eq!(en(1, 0, true), "1 row is good; nothing was written.");
    }
}
