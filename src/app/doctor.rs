//! What an operator should see to: each finding with what to do about it. Looks, and changes nothing:
//! a book whose schema is older is told of, not migrated.

use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::bench::machine::{Machine, fsync_rate};
use super::error::{AppError, Message};
use super::keyring::Keyring;
use super::meters::days_open;
use super::{App, OpenOptions};
use crate::domain::calendar::{Clock, rfc3339};
use crate::domain::webhook::FAILING_AFTER;

/// Clocks that differ by more put money on the wrong day near midnight.
const CLOCK_MAX: SignedDuration = SignedDuration::from_secs(5);
/// A source that said nothing for so long is asked after: markets open every day.
const SILENCE_MAX: SignedDuration = SignedDuration::from_hours(24);
/// Days with money that may wait: today, and yesterday until somebody closes it in the morning.
const OPEN_DAYS_MAX: i64 = 2;
/// Bytes that a disk should have left: about a year of a city's journal.
const ROOM_MIN: u64 = 2 << 30;
/// How long single pages are written to see whether the disk confirms what it did not do.
const PROBE: Duration = Duration::from_millis(200);
/// Confirmed writes a second that no disk reaches: whoever does is not writing them.
const CONFIRMED_MAX: u64 = 100_000;

/// What `doctor` needs to know beside the book.
#[derive(Debug)]
pub struct Practice {
    /// Where the book is.
    pub options: OpenOptions,
    /// The folder of private keys.
    pub keyring: Keyring,
    /// Addresses that will be served, by the setting's name.
    pub binds: Vec<(&'static str, SocketAddr)>,
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What was looked at: `schema`, `clock_database`, … Stable.
    pub check: &'static str,
    /// Whether it is as it should be.
    pub good: bool,
    /// What was seen.
    pub seen: Message,
    /// What to do; `None` where nothing is to be done.
    pub advice: Option<Message>,
}

impl Finding {
    fn good(check: &'static str, vi: impl Into<String>, en: impl Into<String>) -> Self {
        Self { check, good: true, seen: Message::new(vi, en), advice: None }
    }

    fn bad(check: &'static str, seen: Message, advice: Message) -> Self {
        Self { check, good: false, seen, advice: Some(advice) }
    }
}

/// Looks at everything and returns what was seen, bad findings among the good.
///
/// # Errors
/// When the book cannot be reached at all: nothing else can be said then.
pub async fn examine(practice: Practice, clock: Arc<dyn Clock>) -> Result<Vec<Finding>, AppError> {
    let mut findings = files(&practice)?;
    findings.extend(practice.binds.iter().map(|(name, address)| bind(name, *address)));
    let schema = practice.options.schema().await?;
    let (schema_finding, current) = schema_finding(schema.found, schema.known);
    findings.push(schema_finding);
    if current {
        let app = App::open(practice.options, clock).await?;
        let seen = app.examine_book().await;
        app.close().await;
        findings.extend(seen?);
    }
    Ok(findings)
}

fn schema_finding(found: Option<i64>, known: i64) -> (Finding, bool) {
    const CHECK: &str = "schema";
    match found {
        Some(found) if found == known => {
            (Finding::good(CHECK, format!("Lược đồ {found}"), format!("Schema {found}")), true)
        }
        Some(found) if found > known => {
            let seen = Message::new(
                format!("Lược đồ {found} mới hơn phần mềm này ({known})"),
                format!("Schema {found} is newer than this program ({known})"),
            );
            let advice = Message::new("Dùng bản phần mềm mới hơn.", "Use the newer program.");
            (Finding::bad(CHECK, seen, advice), false)
        }
        Some(found) => {
            let seen = Message::new(
                format!("Lược đồ {found}, phần mềm này cần {known}"),
                format!("Schema {found}, this program needs {known}"),
            );
            let advice = Message::new(
                "Sao lưu bằng bản phần mềm cũ (socho backup), rồi khởi động bản này: socho serve tự nâng cấp.",
                "Back up with the older program (socho backup), then start this one: socho serve migrates.",
            );
            (Finding::bad(CHECK, seen, advice), false)
        }
        None => {
            let seen = Message::new("Chưa có sổ", "There is no book yet");
            let advice = Message::new(
                "Tạo sổ: socho market add, hoặc sửa --db.",
                "Make one: socho market add; or correct --db.",
            );
            (Finding::bad(CHECK, seen, advice), false)
        }
    }
}

/// Looks at the files that only their owner may read, and at the disk below the book.
fn files(practice: &Practice) -> Result<Vec<Finding>, AppError> {
    let mut findings = Vec::new();
    let mut private: Vec<PathBuf> = practice.keyring.files();
    if let Some(book) = practice.options.file()?.filter(|book| book.exists()) {
        findings.extend(disk(&book));
        private.push(book);
    }
    let exposed: Vec<&PathBuf> = private.iter().filter(|path| is_exposed(path)).collect();
    if let Some(first) = exposed.first() {
        let (count, first) = (exposed.len(), first.display());
        let seen = Message::new(
            format!("Người khác đọc được {count} tệp bí mật, ví dụ {first}"),
            format!("Others may read {count} private files, for example {first}"),
        );
        let advice = Message::new(format!("Chạy: chmod 600 {first}"), format!("Run: chmod 600 {first}"));
        findings.push(Finding::bad("private_files", seen, advice));
    } else {
        let count = private.len();
        let vi = format!("{count} tệp bí mật chỉ chủ đọc được");
        findings.push(Finding::good("private_files", vi, format!("{count} private files, their owner's alone")));
    }
    Ok(findings)
}

fn is_exposed(path: &Path) -> bool {
    std::fs::metadata(path).is_ok_and(|file| file.permissions().mode() & 0o077 != 0)
}

fn disk(book: &Path) -> Vec<Finding> {
    let folder = book.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut findings = Vec::new();
    if let Ok(room) = rustix::fs::statvfs(folder) {
        let left = room.f_bavail.saturating_mul(room.f_frsize);
        let mib = left >> 20;
        findings.push(if left < ROOM_MIN {
            let seen = Message::new(format!("Đĩa chỉ còn {mib} MiB"), format!("The disk has {mib} MiB left"));
            let advice = Message::new(
                "Dọn đĩa hoặc chuyển sổ sang đĩa lớn hơn trước khi đầy: đĩa đầy thì không nhận được tiền mới.",
                "Make room or move the book to a larger disk: on a full one no payment can be recorded.",
            );
            Finding::bad("disk_room", seen, advice)
        } else {
            Finding::good("disk_room", format!("Đĩa còn {mib} MiB"), format!("The disk has {mib} MiB left"))
        });
    }
    let system = Machine::describe(folder).file_system;
    let confirmed = fsync_rate(folder, PROBE).map(|fsync| fsync.per_s);
    findings.push(match confirmed {
        Ok(per_s) if system == "tmpfs" || per_s > CONFIRMED_MAX => {
            let seen = Message::new(
                format!("Đĩa ({system}) xác nhận {per_s} lần ghi mỗi giây: không đĩa nào ghi thật nhanh vậy"),
                format!("The disk ({system}) confirms {per_s} writes a second: none writes that fast"),
            );
            let advice = Message::new(
                "Đặt sổ trên đĩa thật, tắt bộ đệm ghi không có pin: mất điện sẽ mất tiền đã báo nhận.",
                "Put the book on a real disk without an unguarded write cache: a power cut would lose what was acknowledged.",
            );
            Finding::bad("disk_confirms", seen, advice)
        }
        Ok(per_s) => Finding::good(
            "disk_confirms",
            format!("Đĩa ({system}) xác nhận {per_s} lần ghi mỗi giây"),
            format!("The disk ({system}) confirms {per_s} writes a second"),
        ),
        Err(error) => {
            let why = error.cause.map(|cause| cause.to_string()).unwrap_or_default();
            let folder = folder.display();
            let seen =
                Message::new(format!("Không ghi được vào {folder}: {why}"), format!("Cannot write in {folder}: {why}"));
            let advice = Message::new("Sửa quyền của thư mục.", "Correct the folder's rights.");
            Finding::bad("disk_confirms", seen, advice)
        }
    });
    findings
}

fn bind(name: &'static str, address: SocketAddr) -> Finding {
    let check = "listening";
    if name == "ingest_bind" || address.ip().is_loopback() {
        return Finding::good(check, format!("{name} {address}"), format!("{name} {address}"));
    }
    let seen = Message::new(
        format!("{name} mở ra ngoài máy này: {address}"),
        format!("{name} is open beyond this machine: {address}"),
    );
    let advice = Message::new(
        "Chỉ mở trong mạng nội bộ, sau proxy có TLS; webhook dùng ingest_bind.",
        "Keep it in a private network, behind a proxy with TLS; webhooks use ingest_bind.",
    );
    Finding::bad(check, seen, advice)
}

impl App {
    async fn examine_book(&self) -> Result<Vec<Finding>, AppError> {
        let mut findings = vec![self.roles_finding()];
        let (now, durability) = (self.now(), self.store.durability().await?);
        for (name, value, wanted) in &durability.settings {
            findings.push(setting(name, value, wanted));
        }
        if let Some(database) = durability.clock.and_then(|micros| Timestamp::from_microsecond(micros).ok()) {
            findings.push(clocks(now, database));
        }
        findings.push(newest(now, self.store.newest_batch().await?));
        findings.extend(self.silent_sources(now).await?);
        findings.push(self.unclosed_days().await?);
        findings.push(self.webhooks_delivered(now).await?);
        Ok(findings)
    }

    fn roles_finding(&self) -> Finding {
        let check = "journal_guard";
        if self.journal_guarded_by_roles() {
            return Finding::good(
                check,
                "Cơ sở dữ liệu chặn sửa nhật ký",
                "The database refuses changes to the journal",
            );
        }
        let seen = Message::new("Chỉ có trigger bảo vệ nhật ký", "Only triggers guard the journal");
        let advice = Message::new(
            "Cho tài khoản này dùng vai socho_serve: chạy một lần với --migrate-db của quản trị.",
            "Let this login use the role socho_serve: run once with --migrate-db of an administrator.",
        );
        Finding::bad(check, seen, advice)
    }

    async fn silent_sources(&self, now: Timestamp) -> Result<Vec<Finding>, AppError> {
        let check = "source_heard";
        let seen = self.store.last_seen().await?;
        if seen.is_empty() {
            let seen = Message::new("Chưa có nguồn nào", "There is no source");
            let advice = Message::new("Thêm nguồn: socho source add.", "Add one: socho source add.");
            return Ok(vec![Finding::bad(check, seen, advice)]);
        }
        let finding = |source: &crate::store::health::LastSeen| {
            let name = &source.source;
            match source.at {
                Some(at) if now.duration_since(at) <= SILENCE_MAX => {
                    Finding::good(check, format!("{name} {}", rfc3339(at)), format!("{name} {}", rfc3339(at)))
                }
                last => {
                    let last = last.map_or_else(|| "-".to_owned(), rfc3339);
                    let seen = Message::new(
                        format!("Nguồn {name} im hơn 24 giờ (lần cuối: {last})"),
                        format!("Source {name} has been silent for over 24 hours (last: {last})"),
                    );
                    let advice = Message::new(
                        format!(
                            "Xem trang quản trị bên gửi, rồi thử: socho source test {name}. Sau đó đối soát sao kê."
                        ),
                        format!(
                            "Look at the sender's own log, then try: socho source test {name}. Reconcile afterwards."
                        ),
                    );
                    Finding::bad(check, seen, advice)
                }
            }
        };
        Ok(seen.iter().map(finding).collect())
    }

    async fn unclosed_days(&self) -> Result<Finding, AppError> {
        let check = "days_closed";
        let today = self.today();
        let mut waiting = self.store.open_days().await?;
        waiting.retain(|market| days_open(market.since, today) > OPEN_DAYS_MAX);
        waiting.sort_by(|one, other| (one.since, &one.market).cmp(&(other.since, &other.market)));
        let Some(first) = waiting.first() else {
            return Ok(Finding::good(
                check,
                "Không có ngày nào chờ khóa sổ quá lâu",
                "No day waits too long to be closed",
            ));
        };
        let (count, market, since) = (waiting.len(), &first.market, first.since);
        let seen = Message::new(
            format!("{count} chợ có ngày chưa khóa sổ; lâu nhất: {market} từ {since}"),
            format!("{count} markets have days that are not closed; the longest: {market} since {since}"),
        );
        let yesterday = today.previous();
        let close = format!("socho close --market {market} --date {yesterday}");
        Ok(Finding::bad(check, seen, Message::new(format!("Chạy: {close}"), format!("Run: {close}"))))
    }
}

impl App {
    async fn webhooks_delivered(&self, now: Timestamp) -> Result<Finding, AppError> {
        let check = "webhooks_delivered";
        let standing = self.store.webhooks_standing().await?;
        let Some(since) = standing.since.filter(|since| now.duration_since(*since) >= FAILING_AFTER) else {
            let lag = standing.lag;
            let vi = format!("Nơi nhận chậm nhất còn {lag} bút toán chưa nhận");
            return Ok(Finding::good(check, vi, format!("The slowest webhook has {lag} postings to hear of")));
        };
        let (count, since) = (standing.failing, rfc3339(since));
        let seen = Message::new(
            format!("{count} nơi nhận không gửi được; lâu nhất từ {since}"),
            format!("{count} webhooks cannot be delivered to; the longest since {since}"),
        );
        let advice = Message::new(
            "Xem nguyên nhân: socho webhook list --market MÃ. Không có gì bị mất: khi nơi nhận sống lại, mọi bút toán được gửi tiếp theo thứ tự.",
            "See why: socho webhook list --market CODE. Nothing is lost: once it answers again, every posting is delivered in order.",
        );
        Ok(Finding::bad(check, seen, advice))
    }
}

fn setting(name: &str, value: &str, wanted: &str) -> Finding {
    let shown = format!("{name} = {value}");
    if value.eq_ignore_ascii_case(wanted) {
        return Finding::good("durability", shown.clone(), shown);
    }
    let advice = Message::new(
        format!("Đặt {name} = {wanted}: nếu không, mất điện sẽ mất tiền đã báo nhận."),
        format!("Set {name} = {wanted}: without it a power cut loses what was acknowledged."),
    );
    Finding::bad("durability", Message::new(shown.clone(), shown), advice)
}

fn clocks(ours: Timestamp, database: Timestamp) -> Finding {
    let skew = ours.duration_since(database);
    let check = "clock_database";
    let seconds = skew.as_secs();
    if skew.abs() <= CLOCK_MAX {
        return Finding::good(check, format!("Lệch {seconds} giây"), format!("{seconds} seconds apart"));
    }
    let seen = Message::new(
        format!("Đồng hồ máy này và của PostgreSQL lệch {seconds} giây"),
        format!("This machine's clock and PostgreSQL's are {seconds} seconds apart"),
    );
    let advice = Message::new("Bật đồng bộ giờ (chrony) trên cả hai máy.", "Keep both by NTP (chrony).");
    Finding::bad(check, seen, advice)
}

fn newest(now: Timestamp, newest: Option<Timestamp>) -> Finding {
    let check = "clock_book";
    let Some(at) = newest else { return Finding::good(check, "Sổ chưa có dòng nào", "The book is empty") };
    let shown = rfc3339(at);
    if at.duration_since(now) <= CLOCK_MAX {
        return Finding::good(check, format!("Lần ghi cuối {shown}"), format!("Newest record {shown}"));
    }
    let seen = Message::new(
        format!("Lần ghi cuối ({shown}) ở tương lai: đồng hồ máy này đang chậm"),
        format!("The newest record ({shown}) lies in the future: this machine's clock is behind"),
    );
    let advice = Message::new(
        "Chỉnh giờ máy (chrony) trước khi phục vụ tiếp.",
        "Set the machine's clock (chrony) before serving on.",
    );
    Finding::bad(check, seen, advice)
}
