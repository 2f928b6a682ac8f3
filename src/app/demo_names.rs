//! Words that demonstration data are made of: names, banks, hours. Nobody real.

pub(super) const FAMILY: [&str; 14] =
    ["Nguyễn", "Trần", "Lê", "Phạm", "Huỳnh", "Võ", "Đặng", "Bùi", "Đỗ", "Hồ", "Ngô", "Dương", "Lý", "Phan"];
pub(super) const MIDDLE: [&str; 12] =
    ["Thị", "Văn", "Thị Ngọc", "Thị Kim", "Hữu", "Thị Mỹ", "Minh", "Thị Thu", "Hoàng", "Thanh", "Quốc", "Thị Bích"];
pub(super) const GIVEN: [&str; 30] = [
    "Hoa",
    "Lan",
    "Mai",
    "Cúc",
    "Đào",
    "Hường",
    "Nga",
    "Phượng",
    "Thủy",
    "Tuyết",
    "Ánh",
    "Bé Ba",
    "Út",
    "Năm",
    "Sáu",
    "Bảy",
    "Tư",
    "Hùng",
    "Dũng",
    "Phước",
    "Lộc",
    "Thọ",
    "Tài",
    "Đức",
    "Ẩn",
    "Khởi",
    "Mười",
    "Trinh",
    "Vân",
    "Xuân",
];
/// Banks that vendors in the demonstration use, by BIN.
pub(super) const BANKS: [&str; 8] = ["970436", "970418", "970415", "970405", "970422", "970407", "970416", "970403"];

/// Payments by hour of the day, from 0: a morning market with an afternoon round.
pub(super) const HOURS: [u32; 24] =
    [0, 0, 0, 1, 14, 60, 120, 150, 130, 90, 60, 35, 16, 12, 20, 45, 70, 65, 35, 14, 5, 2, 0, 0];
