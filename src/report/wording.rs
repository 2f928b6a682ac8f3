//! How papers and pages write names, dates and shares: papers in Vietnamese, pages in either language.

use jiff::Timestamp;
use jiff::civil::Weekday;

use crate::domain::calendar::{BusinessDate, vietnam_time};
use crate::domain::language::Language;
use crate::domain::money::Dong;
use crate::domain::reconciliation::SignState;
use crate::domain::sealed_bank::SealedBank;

/// What stands where nothing is known.
pub const NOTHING: &str = "–";

/// Names the board of a market, in capitals.
#[must_use]
pub fn authority(market: &str) -> String {
    format!("Ban quản lý {}", with_small_first(market)).to_uppercase()
}

/// Writes a name behind other words: `Chợ Tân An` → `chợ Tân An`.
fn with_small_first(name: &str) -> String {
    let mut characters = name.chars();
    characters.next().map(|first| first.to_lowercase().chain(characters).collect()).unwrap_or_default()
}

/// Names the place of the date line. A place is named without its kind, but one named by a number
/// in full (NĐ 30/2020/NĐ-CP, appendix I, II.4); dots to write on when it is not known.
#[must_use]
pub fn place(ward: Option<&str>) -> String {
    let Some(ward) = ward else { return "…………………".to_owned() };
    let kinds = ["Phường ", "phường ", "Xã ", "xã ", "Thị trấn ", "thị trấn "];
    let short = kinds.iter().find_map(|kind| ward.strip_prefix(kind));
    let plain = short.filter(|name| !name.starts_with(|c: char| c.is_ascii_digit()));
    plain.unwrap_or(ward).to_owned()
}

/// Writes a date as papers do: days below 10 and months below 3 take a leading zero.
#[must_use]
pub fn official_date(date: BusinessDate) -> String {
    let (day, month, year) = (date.date().day(), date.date().month(), date.date().year());
    let month = if month < 3 { format!("0{month}") } else { month.to_string() };
    format!("ngày {day:02} tháng {month} năm {year}")
}

/// Names the day of the week.
#[must_use]
pub fn weekday(date: BusinessDate) -> &'static str {
    match date.date().weekday() {
        Weekday::Monday => "Thứ Hai",
        Weekday::Tuesday => "Thứ Ba",
        Weekday::Wednesday => "Thứ Tư",
        Weekday::Thursday => "Thứ Năm",
        Weekday::Friday => "Thứ Sáu",
        Weekday::Saturday => "Thứ Bảy",
        Weekday::Sunday => "Chủ nhật",
    }
}

/// Names the day of the week in a page's language.
#[must_use]
pub fn weekday_in(date: BusinessDate, language: Language) -> &'static str {
    let english = match date.date().weekday() {
        Weekday::Monday => "Monday",
        Weekday::Tuesday => "Tuesday",
        Weekday::Wednesday => "Wednesday",
        Weekday::Thursday => "Thursday",
        Weekday::Friday => "Friday",
        Weekday::Saturday => "Saturday",
        Weekday::Sunday => "Sunday",
    };
    language.of(weekday(date), english)
}

/// Writes time and date: `19:02 ngày 24/11/2026`.
#[must_use]
pub fn moment(at: Timestamp) -> String {
    moment_in(at, Language::Vietnamese)
}

/// Writes time and date in a page's language.
#[must_use]
pub fn moment_in(at: Timestamp, language: Language) -> String {
    format!("{}{}{}", vietnam_time(at), language.of(" ngày ", ", "), BusinessDate::of_calendar(at).vietnamese())
}

/// Says how bank and book stood when a date was closed, and who had signed for it.
#[must_use]
pub fn bank_at_close(sealed: &SealedBank, language: Language) -> String {
    let say = |vietnamese: &'static str, english: &'static str| language.of(vietnamese, english);
    let (bank, book) = (sealed.bank.amount.with_unit(), sealed.book.amount.with_unit());
    let compared = sealed.state != SignState::NoStatement;
    let mut told = vec![if !compared {
        say("chưa có sao kê ngân hàng", "no bank statement yet").to_owned()
    } else if sealed.agrees() {
        let (same, none) = (say("ngân hàng = sổ", "bank = book"), say("lệch", "difference"));
        format!("{same} = {bank}, {none} 0 ₫")
    } else {
        let difference = sealed.difference.with_unit();
        let why = match (sealed.open, language) {
            (0, _) => say(
                "hai bên ghi khác ngày, hoặc sao kê chưa đủ ngày",
                "the two have other dates, or a statement does not cover the day",
            )
            .to_owned(),
            (open, Language::Vietnamese) => format!("{} khoản chưa khớp", count(open)),
            (open, Language::English) => format!("{} not matched", count(open)),
        };
        match language {
            Language::Vietnamese => format!("ngân hàng {bank}, sổ {book}, lệch {difference} ({why})"),
            Language::English => format!("bank {bank}, book {book}, difference {difference} ({why})"),
        }
    }];
    if compared && sealed.uncovered > 0 {
        let without = say("tài khoản có tiền chưa có sao kê", "accounts with money have no statement");
        told.push(format!("{} {without}", count(sealed.uncovered)));
    }
    if sealed.doubtful > 0 {
        let waiting = say("dòng sao kê chờ người xem", "lines of statements wait for a person");
        told.push(format!("{} {waiting}", count(sealed.doubtful)));
    }
    let signer = sealed.signed_by.as_deref().unwrap_or(NOTHING);
    let at = sealed.signed_at.map(|at| moment_in(at, language)).unwrap_or_default();
    let deed = say("đã ký đối soát lúc", "signed the reconciliation at");
    match sealed.state {
        SignState::NoStatement => {}
        SignState::Unsigned => {
            told.push(say("chưa ai ký đối soát", "nobody has signed the reconciliation").to_owned());
        }
        SignState::Signed => told.push(format!("{signer} {deed} {at}")),
        SignState::Changed => {
            let changed = say("số liệu có thay đổi sau đó", "figures changed since");
            told.push(format!("{signer} {deed} {at}, {changed}"));
        }
    }
    told.join("; ")
}

/// Writes a count with its thousands apart.
#[must_use]
pub fn count(count: i64) -> String {
    Dong::new(count).grouped()
}

/// Writes a part of a positive whole in per cent with one decimal, half away from zero: `+12,5 %`.
#[must_use]
pub fn share(part: i64, of: i64) -> String {
    if of <= 0 {
        return NOTHING.to_owned();
    }
    let (part, of) = (i128::from(part), i128::from(of));
    let tenths = (part.abs() * 1_000 + of / 2) / of;
    let sign = match part.signum() {
        1 => "+",
        -1 => "-",
        _ => "",
    };
    format!("{sign}{},{}\u{a0}%", tenths / 10, tenths % 10)
}

/// Writes a length of time in its largest whole unit: `45 giây`.
#[must_use]
pub fn span(seconds: i64, language: Language) -> String {
    let (count, unit) = match seconds {
        ..120 => (seconds, language.of("giây", "s")),
        120..7_200 => (seconds / 60, language.of("phút", "min")),
        7_200..172_800 => (seconds / 3_600, language.of("giờ", "h")),
        _ => (seconds / 86_400, language.of("ngày", "days")),
    };
    format!("{count}\u{a0}{unit}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_date_line_is_written_as_official_papers_write_it() {
        let written = |text: &str| official_date(text.parse().expect("a date"));
        assert_eq!(written("2026-06-03"), "ngày 03 tháng 6 năm 2026");
        assert_eq!(written("2026-02-24"), "ngày 24 tháng 02 năm 2026");
        assert_eq!(written("2026-11-24"), "ngày 24 tháng 11 năm 2026");
        assert_eq!(place(Some("Phường Ninh Kiều")), "Ninh Kiều");
        assert_eq!(place(Some("xã Cờ Đỏ")), "Cờ Đỏ");
        assert_eq!(place(Some("Phường 1")), "Phường 1");
        assert_eq!(place(Some("Cái Răng")), "Cái Răng");
    }

    #[test]
    fn shares_are_rounded_to_a_tenth_of_a_per_cent() {
        let shown = [(125, 1_000), (-1, 3), (0, 5), (1, 0), (i64::MAX, 1)].map(|(part, of)| share(part, of));
        let expected = ["+12,5\u{a0}%", "-33,3\u{a0}%", "0,0\u{a0}%", "–", "+922337203685477580700,0\u{a0}%"];
        assert_eq!(shown, expected);
    }
}
