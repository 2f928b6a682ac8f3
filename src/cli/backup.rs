//! `socho backup` and `socho restore`.

use std::path::PathBuf;

use clap::Args;
use serde_json::{Value, json};

use super::Context;
use super::output::{Exit, Failure, Lang, line};
use super::progress::Bar;
use super::verify::print_findings;
use crate::app::OpenOptions;
use crate::app::backup::{BackedUpMarket, Depth, Overwrite};
use crate::app::restore::{note_restored, restore};

/// Copies the book, while it is served, into one SQLite file, whichever engine holds it.
///
/// The file holds everything: journal, inbox, texts, registrations and the sources' secrets; it is
/// readable by its owner alone and appears only when it is whole. Secrets are sealed in it. Private signing
/// keys and the key that seals secrets are not in the book and so not in the backup: keep them apart.
#[derive(Debug, Args)]
#[command(
    after_help = "The file holds everything, the sources' secrets too, sealed, and only its owner can read it. Private\nkeys are not in it, nor is the one that seals secrets: keep the folder of --keys apart.\n\nExample: socho backup --to /backup/socho-2026-11-24.db"
)]
pub(super) struct Backup {
    /// The file to write
    #[arg(long, value_name = "FILE")]
    to: PathBuf,
    /// Replace the file when it is there already
    #[arg(long)]
    force: bool,
    /// Derive everything again from the copied journal, not only look at heads and counts
    #[arg(long)]
    verify: bool,
}

/// Makes a book of a backup and verifies it: in a SQLite file that is missing or a PostgreSQL database
/// that holds no book.
///
/// A backup of either engine goes into either. Private signing keys are not in a backup: bring them
/// back from where they are kept before the next day close.
#[derive(Debug, Args)]
#[command(
    after_help = "The book to make is a SQLite file that is missing or a PostgreSQL database without a book; --db\nis not used. Private signing keys are not in a backup: bring them back before the next close.\n\nExample: socho restore /backup/socho-2026-11-24.db --into postgres://localhost/socho"
)]
pub(super) struct Restore {
    /// The backup
    file: PathBuf,
    /// The book to make: sqlite:PATH or postgres://…
    #[arg(long, value_name = "URL")]
    into: String,
}

pub(super) async fn run_backup(context: &Context, command: Backup) -> Result<Exit, Failure> {
    let app = context.open().await?;
    let overwrite = if command.force { Overwrite::Replace } else { Overwrite::Refuse };
    let depth = if command.verify { Depth::Whole } else { Depth::Heads };
    let bar = Bar::new(context.lang);
    let written = app.backup(&command.to, overwrite, depth, &|progress| bar.show(progress)).await;
    bar.clear();
    app.close().await;
    let written = written?;
    let postings: i64 = written.markets.iter().map(|market| market.postings).sum();
    let file = written.file.display().to_string();
    if context.json {
        line(
            json!({"file": file, "bytes": written.bytes, "sha256": written.sha256, "checked": depth.as_str(),
                "postings": postings, "markets": markets_json(&written.markets), "secrets_key": written.secrets_key})
            .to_string(),
        );
    } else {
        print_markets(&written.markets, context.lang);
        let bytes = written.bytes;
        line(match (context.lang, depth) {
            (Lang::Vi, Depth::Heads) => {
                format!("{file}: {postings} bút toán, {bytes} byte, đã kiểm: đầu chuỗi và số lượng")
            }
            (Lang::Vi, Depth::Whole) => format!("{file}: {postings} bút toán, {bytes} byte, đã kiểm: toàn bộ"),
            (Lang::En, Depth::Heads) => {
                format!("{file}: {postings} postings, {bytes} bytes, checked: heads and counts")
            }
            (Lang::En, Depth::Whole) => format!("{file}: {postings} postings, {bytes} bytes, checked: everything"),
        });
        line(format!("sha256 {}", written.sha256));
        print_key(written.secrets_key.as_deref(), context.lang);
    }
    Ok(Exit::Ok)
}

pub(super) async fn run_restore(context: &Context, command: Restore) -> Result<Exit, Failure> {
    let into = OpenOptions { url: command.into, migrate_url: context.migrate_url() };
    let bar = Bar::new(context.lang);
    let restored = restore(&command.file, into.clone(), &|progress| bar.show(progress)).await;
    bar.clear();
    let restored = restored?;
    note_restored(&command.file, into, &restored).await?;
    let clean = restored.findings.iter().all(|market| market.differences.is_empty());
    let postings: i64 = restored.markets.iter().map(|market| market.postings).sum();
    if context.json {
        let differing = restored.findings.iter().filter(|market| !market.differences.is_empty());
        let differences: Vec<Value> =
            differing.map(|m| json!({"market": m.market, "differences": m.differences})).collect();
        line(
            json!({"into": restored.into, "postings": postings, "markets": markets_json(&restored.markets),
                "ok": clean, "differences": differences, "secrets_key": restored.secrets_key})
            .to_string(),
        );
    } else {
        print_markets(&restored.markets, context.lang);
        let into = &restored.into;
        line(match (context.lang, clean) {
            (Lang::Vi, true) => format!("{into}: {postings} bút toán, đã kiểm tra, khớp"),
            (Lang::Vi, false) => {
                format!("{into}: {postings} bút toán, KHÔNG KHỚP: giống hệt bản sao lưu, xem bên dưới")
            }
            (Lang::En, true) => format!("{into}: {postings} postings, verified"),
            (Lang::En, false) => format!("{into}: {postings} postings, DIFFERS: it is as the backup was, see below"),
        });
        print_key(restored.secrets_key.as_deref(), context.lang);
        if !clean {
            print_findings(&restored.findings, context.lang);
        }
    }
    Ok(if clean { Exit::Ok } else { Exit::Integrity })
}

/// Says which key the secrets of a book need.
fn print_key(fingerprint: Option<&str>, lang: Lang) {
    let Some(key) = fingerprint else { return };
    line(match lang {
        Lang::Vi => format!("các khóa bí mật cần khóa {key} (tệp secrets.key), không nằm trong bản này"),
        Lang::En => format!("the secrets need the key {key} (the file secrets.key), which is not in it"),
    });
}

fn markets_json(markets: &[BackedUpMarket]) -> Vec<Value> {
    let one = |m: &BackedUpMarket| json!({"market": m.market, "postings": m.postings, "last_seq": m.last_seq, "hash": m.hash});
    markets.iter().map(one).collect()
}

fn print_markets(markets: &[BackedUpMarket], lang: Lang) {
    for market in markets.iter().filter(|market| market.postings > 0) {
        let BackedUpMarket { market, postings, last_seq, hash } = market;
        line(match lang {
            Lang::Vi => format!("{market}: {postings} bút toán, cuối cùng {market}-{last_seq}, mã băm {hash}"),
            Lang::En => format!("{market}: {postings} postings, last {market}-{last_seq}, hash {hash}"),
        });
    }
}
