//! Words of the figures' tables in English: the tables themselves speak Vietnamese, as papers and files do.

use crate::domain::language::Language;

/// What stands in a table, and its English.
const WORDS: &[(&str, &str)] = &[
    ("Theo ngày", "By day"),
    ("Theo sạp", "By stall"),
    ("Theo ngành hàng", "By goods"),
    ("So sánh chợ", "Markets side by side"),
    ("Ngày", "Day"),
    ("Thứ", "Weekday"),
    ("Sổ", "Book"),
    ("Sạp", "Stall"),
    ("Tiểu thương", "Vendor"),
    ("Ngành hàng", "Goods"),
    ("Số ngày", "Days"),
    ("Lượt", "Payments"),
    ("Số tiền", "Amount"),
    ("Điều chỉnh", "Adjusted"),
    ("Còn lại", "Net"),
    ("Mã", "Code"),
    ("Chợ", "Market"),
    ("Phường/xã", "Ward"),
    ("Sạp đăng ký", "Stalls registered"),
    ("Sạp có tiền vào", "Stalls with money"),
    ("Tỷ lệ", "Share"),
    ("Lượt/sạp", "Payments/stall"),
    ("So kỳ trước", "To the period before"),
    ("Trung vị, giờ, độ trễ, thẻ", "Median, hour, delay, cards"),
    ("Trung vị một lượt", "Median payment"),
    ("Giờ cao điểm", "Peak hour"),
    ("Trễ báo p95", "Delay p95"),
    ("Sạp có thẻ đã kiểm", "Stalls with a checked card"),
    ("Tỷ lệ thẻ đã kiểm", "Share of checked cards"),
    ("đã khóa", "closed"),
    ("tạm tính", "provisional"),
    ("Chưa phân loại", "Not said"),
    ("< 5 sạp", "< 5 stalls"),
    ("Tổng cộng", "Total"),
    ("Cộng", "Sum"),
    ("Thứ Hai", "Monday"),
    ("Thứ Ba", "Tuesday"),
    ("Thứ Tư", "Wednesday"),
    ("Thứ Năm", "Thursday"),
    ("Thứ Sáu", "Friday"),
    ("Thứ Bảy", "Saturday"),
    ("Chủ nhật", "Sunday"),
];

/// Returns a table's word in the page's language; what is no word of a table stays as it is.
pub(in crate::web) fn word(text: String, language: Language) -> String {
    match (language, WORDS.iter().find(|(vietnamese, _)| *vietnamese == text)) {
        (Language::English, Some((_, english))) => (*english).to_owned(),
        (Language::English, None) => span_in_english(&text).unwrap_or(text),
        (Language::Vietnamese, _) => text,
    }
}

/// Returns a length of time in English: `9 ngày` is `9 days`.
fn span_in_english(text: &str) -> Option<String> {
    let (count, unit) = text.split_once('\u{a0}')?;
    let (_, english) = [("giây", "s"), ("phút", "min"), ("giờ", "h"), ("ngày", "days")]
        .into_iter()
        .find(|(vietnamese, _)| *vietnamese == unit)?;
    Some(format!("{count}\u{a0}{english}"))
}

/// Writes how long ago something was: `20 giây trước`.
pub(in crate::web) fn ago(seconds: i64, language: Language) -> String {
    let (count, vietnamese, english) = match seconds {
        ..60 => (seconds.max(0), "giây trước", "s ago"),
        60..3_600 => (seconds / 60, "phút trước", "min ago"),
        3_600..86_400 => (seconds / 3_600, "giờ trước", "h ago"),
        _ => (seconds / 86_400, "ngày trước", "days ago"),
    };
    format!("{count} {}", language.of(vietnamese, english))
}
