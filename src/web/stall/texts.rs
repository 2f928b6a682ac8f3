//! Every word of the vendor's pages, in both languages side by side: one that is missing in a
//! language does not compile.

macro_rules! texts {
    ($($key:ident: $vi:literal, $en:literal;)*) => {
        /// The words of one language.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
        pub(super) struct Texts {
            $(pub(super) $key: &'static str,)*
        }

        /// Vietnamese.
        pub(super) const VI: Texts = Texts { $($key: $vi,)* };
        /// English.
        pub(super) const EN: Texts = Texts { $($key: $en,)* };
    };
}

texts! {
    lang: "vi", "en";
    selling: "Bán hàng", "Selling";
    book: "Sổ của tôi", "My book";
    settings: "Cài đặt", "Settings";
    stall: "Sạp", "Stall";
    demo: "Dữ liệu minh họa", "Demonstration data";
    test_mode: "CHẾ ĐỘ THỬ", "TEST MODE";
    // The loudspeaker and the connection.
    sound_off: "Loa đang TẮT. Chạm để bật", "Sound is OFF. Touch to switch on";
    sound_on: "Loa đang BẬT", "Sound is ON";
    sound_none: "Máy này không phát được tiếng", "This phone cannot play the voice";
    sound_needs_page: "Giữ màn hình mở để nghe.", "Keep the screen open to hear.";
    listening: "Đang nghe tiền về", "Listening for money";
    connecting: "Đang nối…", "Connecting…";
    lost: "MẤT MẠNG. Chưa nghe được tiền về. Xem app ngân hàng.", "NO CONNECTION. Money is not heard now. Look into your bank app.";
    no_script: "Trang này không tự nghe tiền về. Chạm “Xem lại” sau khi khách chuyển.", "This page does not listen by itself. Touch “Look again” after the customer paid.";
    look_again: "Xem lại", "Look again";
    removed: "Máy này đã bị gỡ khỏi sạp. Quét lại thẻ sạp để dùng tiếp.", "This phone was taken off the stall. Scan the stall card to use it again.";
    // The code.
    scan_to_pay: "Quét mã để trả tiền", "Scan to pay";
    any_amount: "Khách tự nhập số tiền", "The customer types the amount";
    no_account: "Sạp chưa có tài khoản nhận tiền. Hãy gọi ban quản lý.", "The stall has no receiving account. Call the market's office.";
    check_name: "Khách xem đúng tên rồi mới chuyển", "The customer checks the name before paying";
    enter_amount: "Nhập số tiền", "Type an amount";
    amount: "Số tiền (đồng)", "Amount (đồng)";
    show_code: "Hiện mã QR", "Show the code";
    clear_amount: "Bỏ số tiền", "Without amount";
    erase: "Xóa", "Erase";
    close: "Đóng", "Close";
    amount_too_large: "Số tiền quá lớn", "The amount is too large";
    offline_page: "Không có mạng. Mã QR vẫn dùng được.", "No connection. The code still works.";
    offline_never: "Không có mạng, và máy này chưa mở trang sạp lần nào.", "No connection, and this phone never opened the stall's page.";
    // Money.
    just_received: "Vừa nhận", "Just received";
    nothing_yet: "Chưa nghe khoản nào hôm nay", "No payment heard today";
    received: "ĐÃ NHẬN", "RECEIVED";
    old_payment: "KHOẢN CŨ", "OLD PAYMENT";
    only_received: "CHÚ Ý: CHỈ NHẬN", "CAREFUL: ONLY";
    thousandth: "CHỈ BẰNG MỘT PHẦN NGHÌN GIÁ", "ONLY A THOUSANDTH OF THE PRICE";
    exact: "ĐỦ TIỀN", "PAID IN FULL";
    short: "THIẾU", "SHORT BY";
    over: "DƯ", "TOO MUCH BY";
    price: "Giá", "Price";
    waiting_for: "Đang chờ", "Waiting for";
    made_up: "Bù", "Caught up";
    payments: "khoản", "payments";
    total: "tổng", "total";
    sum: "Tổng cộng", "Total";
    money: "Tiền", "Money";
    replay: "Nghe lại", "Hear again";
    wrong: "Chưa đúng?", "Not right?";
    just_now: "vừa xong", "just now";
    seconds_ago: "giây trước", "seconds ago";
    minutes_ago: "phút trước", "minutes ago";
    hours_ago: "giờ trước", "hours ago";
    at: "lúc", "at";
    correction: "Ban quản lý vừa sửa sổ", "The office corrected the book";
    today: "Hôm nay", "Today";
    touch_to_see: "chạm để xem", "touch to see";
    hear_total: "Nghe tổng", "Hear the total";
    times: "lượt", "payments";
    // The book.
    yesterday: "Hôm qua", "Yesterday";
    seven_days: "7 ngày", "7 days";
    month: "Tháng", "Month";
    day: "Ngày", "Day";
    show: "Xem", "Show";
    time: "Giờ", "Time";
    no_time: "không rõ giờ", "time not known";
    what: "Nội dung", "What";
    money_in: "Tiền vào", "Money in";
    closed: "Đã khóa sổ", "Closed";
    open: "Chưa khóa sổ, còn thay đổi", "Open, may still change";
    proof: "Bằng chứng", "Proof";
    received_by_bank: "Ngân hàng báo", "Reported by the bank";
    adjusted: "Trừ ra (không phải tiền bán)", "Taken out (not sales)";
    remaining: "Còn lại", "Remaining";
    cash: "Tiền mặt tự ghi", "Cash you wrote down";
    nothing_in_book: "Chưa có khoản nào.", "Nothing yet.";
    late_of: "phát sinh trễ của", "late, of";
    disputed: "Đã báo chưa đúng", "Reported as not right";
    answered: "Ban quản lý trả lời", "The office answers";
    only_transfers: "Sổ này chỉ gồm khoản thu qua QR và chuyển khoản. Tiền mặt do chị tự ghi được để riêng.", "This book holds transfers only. Cash that you wrote down is kept apart.";
    more_in_file: "Danh sách dài; xem đủ trong tệp Excel.", "A long list; the Excel file has it all.";
    tax_book: "Sổ doanh thu (S1a-HKD)", "Revenue book (S1a-HKD)";
    download_excel: "Tải Excel", "Excel file";
    download_pdf: "Tải PDF", "PDF file";
    who_sees: "Ai thấy gì?", "Who sees what?";
    // Cash.
    add_cash: "Ghi tiền mặt", "Write down cash";
    note: "Ghi chú", "Note";
    write: "Ghi", "Write";
    withdraw: "Bỏ dòng này", "Withdraw";
    withdrawn: "đã bỏ", "withdrawn";
    // Disputes.
    dispute_title: "Khoản này chưa đúng?", "Is this payment not right?";
    dispute_explained: "Ban quản lý sẽ xem và trả lời. Không có gì bị xóa khỏi sổ.", "The office will look at it and answer. Nothing is deleted from the book.";
    dispute_not_mine: "Không phải tiền của sạp tôi", "Not my stall's money";
    dispute_not_sales: "Không phải tiền bán (nợ, người nhà, chuyển nhầm)", "Not sales (a debt, family, sent by mistake)";
    dispute_cash_change: "Khách chuyển dư, tôi đã thối tiền mặt", "Overpaid; I gave cash back";
    dispute_amount: "Số tiền khác với app ngân hàng", "Another amount than in my bank app";
    dispute_other: "Chuyện khác", "Something else";
    send: "Gửi ban quản lý", "Send to the office";
    sent: "Đã gửi ban quản lý.", "Sent to the office.";
    // Settings.
    voice: "Giọng", "Voice";
    south: "Nam", "Southern";
    north: "Bắc", "Northern";
    volume: "Âm lượng", "Volume";
    big_type: "Chữ to", "Big type";
    try_voice: "Nghe thử", "Try";
    save: "Lưu", "Save";
    saved: "Đã lưu.", "Saved.";
    phones: "Máy đang nghe sạp này", "Phones of this stall";
    this_phone: "máy này", "this phone";
    last_seen: "lần cuối", "last seen";
    without_totals: "không hiện tổng tiền", "without totals";
    remove_phone: "Gỡ máy", "Remove";
    add_phone: "Thêm máy người nhà", "Add a phone of the family";
    add_phone_how: "Máy kia mở máy ảnh và quét mã này. Mỗi mã chỉ ghép được một máy.", "Scan this with the other phone's camera. Each code pairs one phone.";
    good_until: "Dùng được đến", "Good until";
    pair_link: "Hoặc mở đường dẫn này trên máy kia", "Or open this link on the other phone";
    // Who sees what.
    sees_you: "Chị thấy mọi khoản của sạp mình, từ ngày chị thuê sạp.", "You see every payment of your own stall, from the day you rent it.";
    sees_helpers: "Máy người nhà đã quét thẻ sạp thấy và nghe như máy của chị. Chị gỡ được bất cứ lúc nào.", "Phones of your family that scanned the card see and hear what you do. You can remove them at any time.";
    sees_office: "Ban quản lý chợ thấy tổng tiền theo từng sạp để khóa sổ và xử lý khoản chưa đúng. Tên người trả được che bớt.", "The market's office sees sums by stall, to close the book and settle what is not right. Payers' names are masked.";
    sees_city: "Thành phố chỉ thấy số gộp của cả chợ; nhóm dưới 5 sạp không hiện.", "The city sees sums of the whole market only; groups of fewer than 5 stalls are not shown.";
    sees_auditor: "Kiểm toán xem được tất cả và có ghi lại ai đã xem.", "An auditor can see everything, and who looked is recorded.";
    sees_tax: "Không tự gửi cho cơ quan thuế. Sổ doanh thu là của chị, chị tự tải và tự nộp.", "Nothing is sent to the tax office. The revenue book is yours: you load it, you hand it in.";
    who_opened: "Ai đã mở sổ của tôi?", "Who opened my book?";
    nobody_opened: "Từ ngày chị thuê sạp, chưa ai ngoài máy của sạp mở sổ.", "Since you rent the stall, nobody but the stall's phones has opened the book.";
    how_often: "lần", "times";
    opened_explained: "Ghi lại từng lần người khác xem hoặc sửa riêng sạp này. Máy của sạp không ghi ở đây. Bảng tổng cả chợ mà ban quản lý dùng để khóa sổ cũng không ghi từng lần.", "Each time somebody else looked at this stall or changed it. The stall's own phones are not listed, nor is the whole market's table by which the office closes the book.";
    sees_money: "Sổ Chợ không giữ tiền, không chuyển tiền, không rút tiền.", "Sổ Chợ never holds, moves or draws money.";
    zone: "Múi giờ Asia/Ho_Chi_Minh · Sổ Chợ chỉ ghi sổ, không giữ và không chuyển tiền.", "Time zone Asia/Ho_Chi_Minh · Sổ Chợ keeps the book; it never holds or moves money.";
    kind_settle: "Tiền vào", "Money in";
    kind_assign: "Tiền được xác định là của sạp", "Found to be the stall's";
    kind_reversal: "Bút toán đảo", "Reversal";
    kind_cash_change: "Thối tiền mặt", "Cash handed back";
    kind_exclusion: "Không phải tiền bán", "Not sales";
    kind_refund: "Hoàn tiền", "Refund";
}
