//! The figures as JSON, whose keys are fixed, and as tables for people.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Map, Value, json};

use super::settle::Level;
use super::{EngineFigures, Figures};
use crate::app::bench::bulk::Bulk;
use crate::app::bench::figures::{Latencies, Measured, decimal, per_mille, per_second};
use crate::app::bench::load::Spread;
use crate::app::error::AppError;
use crate::cli::output::{Lang, table};

/// Sizes whose report is always named, measured or not.
const REPORT_SIZES: [u64; 2] = [10_000, 1_000_000];

pub(super) fn json(figures: &Figures) -> Result<String, AppError> {
    let text = serde_json::to_string(&value(figures)).map_err(AppError::internal)?;
    Ok(format!("{text}\n"))
}

fn value(figures: &Figures) -> Value {
    let Figures { machine, fsync, sqlite, postgres, growth, listened, acked, booked } = figures;
    let Latencies { p50, p99, max } = listened.latencies;
    let ceiling: Map<String, Value> =
        sqlite.levels.iter().map(|(level, found)| (level.to_string(), measured(&found.ceiling, false))).collect();
    let mut reports: Map<String, Value> = REPORT_SIZES.iter().map(|size| (size.to_string(), Value::Null)).collect();
    reports.extend(growth.iter().map(|at| (at.postings.to_string(), number(&decimal(at.report_micros)))));
    let growing = growth.iter().map(|at| {
        let (count, elapsed) = at.next;
        let figures =
            json!({"bulk_per_s": per_second(count, elapsed), "verify_per_s": per_second(at.postings, at.verify)});
        (at.postings.to_string(), figures)
    });
    json!({
        "machine": {
            "cpu": machine.cpu, "cores": machine.cores, "memory_mib": machine.memory_mib, "kernel": machine.kernel,
            "file_system": machine.file_system, "version": env!("CARGO_PKG_VERSION"),
        },
        "ceiling": ceiling,
        "settle": {"sqlite": settled(sqlite), "postgres": postgres.as_ref().map(settled)},
        "ratios": {"sqlite": ratios(sqlite), "postgres": postgres.as_ref().map(ratios)},
        "bulk": {"sqlite": bulk(&sqlite.bulk), "postgres": postgres.as_ref().map(|found| bulk(&found.bulk))},
        "fsync_per_s": fsync.per_s, "fsync_p50_ms": number(&decimal(fsync.p50_micros)),
        "bytes_per_posting": {
            "journal": sqlite.bytes.journal / sqlite.bulk.count.max(1), "inbox": sqlite.bytes.inbox / sqlite.bulk.count.max(1),
            "postgres": postgres.as_ref().map(|found| json!({
                "journal": found.bytes.journal / found.bulk.count.max(1), "inbox": found.bytes.inbox / found.bulk.count.max(1),
            })),
        },
        "listening": {
            "phones": listened.phones, "payments": listened.payments, "reads": listened.reads,
            "p50_ms": number(&decimal(p50)), "p99_ms": number(&decimal(p99)), "max_ms": number(&decimal(max)),
        },
        "report_ms": reports, "growth": growing.collect::<Map<_, _>>(), "compared": super::compare::json(figures), "acked": acked, "booked": booked,
    })
}

fn measured(found: &Measured, with_batches: bool) -> Value {
    let Latencies { p50, p99, max } = found.latencies();
    let mut shown = json!({
        "per_s": found.per_s(), "p50_ms": number(&decimal(p50)), "p99_ms": number(&decimal(p99)),
        "max_ms": number(&decimal(max)), "requests": found.acked, "refused": found.refused,
        "cpu_us": number(&decimal(found.cpu_nanos())),
    });
    if let (true, Some(object)) = (with_batches, shown.as_object_mut()) {
        object.insert("batch_mean".to_owned(), number(&decimal(found.batch_mean())));
        let histogram = found.batch_histogram();
        let sizes = histogram.iter().map(|(up_to, batches)| json!({"up_to": up_to, "batches": batches}));
        object.insert("batches".to_owned(), sizes.collect());
    }
    shown
}

fn settled(engine: &EngineFigures) -> Value {
    let level = |found: &Level| {
        let mut kinds: Map<String, Value> =
            found.settled.iter().map(|(kind, found)| (kind.as_str().to_owned(), measured(found, true))).collect();
        // Measured in turns with this very engine; the first one's is also the run's own.
        kinds.insert("ceiling".to_owned(), measured(&found.ceiling, false));
        Value::Object(kinds)
    };
    engine.levels.iter().map(|(connections, found)| (connections.to_string(), level(found))).collect()
}

/// The ratios that the issue sets targets for, each from one run.
fn ratios(engine: &EngineFigures) -> Value {
    let level = |found: &Level| {
        let Compared { to_ceiling, hot_to_spread, p99_to_ceiling, cpu_ceiling_to_spread } = compare(found);
        json!({
            "spread_to_ceiling": number(&decimal(to_ceiling)), "hot_to_spread": number(&decimal(hot_to_spread)),
            "p99_to_ceiling": number(&decimal(p99_to_ceiling)),
            "cpu_ceiling_to_spread": number(&decimal(cpu_ceiling_to_spread)),
        })
    };
    let mut shown: Map<String, Value> =
        engine.levels.iter().map(|(connections, found)| (connections.to_string(), level(found))).collect();
    shown.insert("bulk_to_raw".to_owned(), number(&decimal(bulk_ratio(&engine.bulk))));
    Value::Object(shown)
}

struct Compared {
    to_ceiling: u64,
    hot_to_spread: u64,
    p99_to_ceiling: u64,
    cpu_ceiling_to_spread: u64,
}

fn compare(level: &Level) -> Compared {
    let nothing = Measured::default();
    let of = |spread| level.settled.get(&spread).unwrap_or(&nothing);
    let spread = of(Spread::Spread);
    Compared {
        to_ceiling: per_mille(spread.per_s(), level.ceiling.per_s()),
        hot_to_spread: per_mille(of(Spread::Hot).per_s(), spread.per_s()),
        p99_to_ceiling: per_mille(spread.latencies().p99, level.ceiling.latencies().p99),
        cpu_ceiling_to_spread: per_mille(level.ceiling.cpu_nanos(), spread.cpu_nanos()),
    }
}

fn bulk(found: &Bulk) -> Value {
    let cpu = |used: Duration| number(&decimal(nanos_each(used, found.count)));
    json!({
        "per_s": per_second(found.count, found.ingest), "raw_per_s": per_second(found.count, found.raw),
        "copied_per_s": per_second(found.count, found.copied),
        "cpu_us": cpu(found.cpu.0), "copied_cpu_us": cpu(found.cpu.1),
    })
}

/// Returns the nanoseconds that each of so many took.
fn nanos_each(all: Duration, count: u64) -> u64 {
    u64::try_from(all.as_nanos() / u128::from(count.max(1))).unwrap_or(u64::MAX)
}

fn bulk_ratio(found: &Bulk) -> u64 {
    per_mille(per_second(found.count, found.ingest), per_second(found.count, found.raw))
}

/// A decimal as a JSON number, digit by digit: no float comes between.
pub(super) fn number(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or(Value::Null)
}

pub(super) fn tables(figures: &Figures, lang: Lang) -> String {
    let vi = lang == Lang::Vi;
    let head = if vi {
        ["Số kết nối", "Tải", "Mỗi giây", "So với trần", "p50 ms", "p99 ms", "lâu nhất", "CPU µs", "Lô trung bình"]
    } else {
        ["Connections", "Load", "Per second", "To ceiling", "p50 ms", "p99 ms", "max ms", "CPU µs", "Mean batch"]
    };
    let mut rows = engine_rows("sqlite", &figures.sqlite.levels);
    if let Some(postgres) = &figures.postgres {
        rows.extend(engine_rows("postgres", &postgres.levels));
    }
    let head_rest = if vi { ["Số đo", "Giá trị"] } else { ["Figure", "Value"] };
    let compared = super::compare::text(figures, lang);
    format!("{}{}{compared}", table(&head, rows), table(&head_rest, other_rows(figures, vi)))
}

fn engine_rows(engine: &str, levels: &BTreeMap<usize, Level>) -> Vec<Vec<String>> {
    let mut rows = Vec::new();
    for (connections, level) in levels {
        let ceiling = level.ceiling.per_s();
        let kinds = level.settled.iter().map(|(spread, found)| (format!("{engine} {}", spread.as_str()), found, true));
        for (name, found, booked) in [("ceiling".to_owned(), &level.ceiling, false)].into_iter().chain(kinds) {
            let Latencies { p50, p99, max } = found.latencies();
            rows.push(vec![
                connections.to_string(),
                name,
                found.per_s().to_string(),
                decimal(per_mille(found.per_s(), ceiling)),
                decimal(p50),
                decimal(p99),
                decimal(max),
                decimal(found.cpu_nanos()),
                if booked { decimal(found.batch_mean()) } else { String::new() },
            ]);
        }
    }
    rows
}

fn other_rows(figures: &Figures, vi: bool) -> Vec<Vec<String>> {
    let name = |vi_name: &str, en: &str| if vi { vi_name.to_owned() } else { en.to_owned() };
    let machine = &figures.machine;
    let described = format!(
        "{} × {}, {} MiB, {}, {}",
        machine.cores, machine.cpu, machine.memory_mib, machine.kernel, machine.file_system
    );
    let mut rows = vec![
        vec![name("Máy", "Machine"), described],
        vec![name("Ghi chắc mỗi giây (fsync)", "fsync per second"), figures.fsync.per_s.to_string()],
    ];
    let engines = [Some(("sqlite", &figures.sqlite)), figures.postgres.as_ref().map(|found| ("postgres", found))];
    for (engine, found) in engines.into_iter().flatten() {
        let count = found.bulk.count.max(1);
        let ingest = per_second(count, found.bulk.ingest);
        let yardsticks = [
            (name("nạp tệp mỗi giây / chèn thô", "bulk per second / raw insert"), found.bulk.raw),
            (
                name("nạp tệp mỗi giây / chép trong cơ sở dữ liệu", "bulk per second / copy within the engine"),
                found.bulk.copied,
            ),
        ];
        for (named, taken) in yardsticks {
            let other = per_second(count, taken);
            let ratio = decimal(per_mille(ingest, other));
            rows.push(vec![format!("{engine}: {named}"), format!("{ingest} / {other} = {ratio}")]);
        }
        rows.push(vec![
            format!("{engine}: {}", name("byte mỗi bút toán, sổ + hộp nhận", "bytes per posting, journal + inbox")),
            format!("{} + {}", found.bytes.journal / count, found.bytes.inbox / count),
        ]);
    }
    let listened = figures.listened;
    rows.push(vec![
        format!(
            "{} {}",
            listened.phones,
            name("máy nghe: báo tiền tới máy p50, p99 ms", "phones: webhook to phone p50, p99 ms")
        ),
        format!("{}, {}", decimal(listened.latencies.p50), decimal(listened.latencies.p99)),
    ]);
    for at in &figures.growth {
        let (count, elapsed) = at.next;
        rows.push(vec![
            format!(
                "{} {}",
                at.postings,
                name(
                    "bút toán: báo cáo ngày ms, nạp mỗi giây, đối soát mỗi giây",
                    "postings: day report ms, bulk per second, verify per second"
                )
            ),
            format!(
                "{}, {}, {}",
                decimal(at.report_micros),
                per_second(count, elapsed),
                per_second(at.postings, at.verify)
            ),
        ]);
    }
    rows.push(vec![
        name("Đã xác nhận = đã ghi sổ", "Acknowledged = booked"),
        format!("{} = {}", figures.acked, figures.booked),
    ]);
    rows
}
