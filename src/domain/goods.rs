//! What market halls sell: the goods that a form offers and that demonstration stalls have.

/// Kinds of goods, as boards of markets name them; others can be typed.
pub const GOODS: [&str; 16] = [
    "Rau củ",
    "Trái cây",
    "Thịt gia súc",
    "Gia cầm",
    "Thủy hải sản tươi",
    "Thực phẩm khô – mắm",
    "Gạo – lương thực",
    "Bách hóa – tạp hóa",
    "Ăn uống – giải khát",
    "Bánh kẹo",
    "Vải – quần áo",
    "Giày dép – túi xách",
    "Hóa mỹ phẩm",
    "Đồ gia dụng",
    "Hoa tươi – nhang đèn",
    "Thuốc nam",
];
