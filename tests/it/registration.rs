//! Who sells where, told through time.

use socho::app::add_market::AddMarket;
use socho::app::change_market::MarketChange;
use socho::app::change_stall::StallChange;
use socho::app::receive_settlement::Reply;
use socho::domain::registration::Registration;
use socho::domain::settlement::Dialect;

use crate::world::{World, registration, settlement, story};

async fn code_of(refusal: impl Future<Output = Result<impl Sized, socho::app::error::AppError>>) -> &'static str {
    refusal.await.err().map_or("done", |error| error.fields.first().map_or(error.code, |field| field.code))
}

fn ended() -> StallChange {
    StallChange { end_tenancy: true, ..StallChange::default() }
}

async fn pay(world: &World, account: &str, id: &str, amount: i64, at: &str) -> Reply {
    world.send("g1", Dialect::GenericHmac, &settlement(account, id, amount, at)).await
}

async fn stall_money(world: &World) -> i64 {
    world.int("SELECT CAST(COALESCE(SUM(amount), 0) AS BIGINT) FROM daily_totals WHERE stall_number > 0").await
}

story!(a_stall_passes_from_one_vendor_to_the_next_with_its_money, |world| {
    world.market("TAN", "00:00").await;
    let tan = "TAN".parse().unwrap();
    world.source("g1", Dialect::GenericHmac, &[], Some("TAN")).await;
    let first = world.stall("TAN", "B12", "Nguyễn Thị Hoa", "111").await;
    assert_eq!(code_of(world.app.register(&tan, registration("B12", "Lê Văn Tám", "222"))).await, "stall_taken");

    world.set_clock("2026-11-25T09:00:00+07:00");
    pay(&world, "111", "before", 30_000, "2026-11-25T08:59:00+07:00").await;
    let empty = world.app.change_stall(&tan, "b12", ended()).await.unwrap();
    assert!(empty.vendor.is_none() && empty.account.is_none());
    assert_eq!(code_of(world.app.change_stall(&tan, "B12", ended())).await, "no_tenancy");

    // Her account is still hers: another vendor cannot take it along with the stall.
    let hers = registration("B12", "Lê Văn Tám", "111");
    assert_eq!(code_of(world.app.register(&tan, hers)).await, "account_bound_elsewhere");
    let next = world.stall("TAN", "B12", "Lê Văn Tám", "222").await;
    assert_eq!(next.memo_code, first.memo_code, "the stall keeps its number");
    let let_anew = next.stall.unwrap();
    assert_eq!(let_anew.vendor.unwrap().1.as_str(), "Lê Văn Tám");
    assert_eq!(world.int("SELECT MAX(version) FROM qr_codes").await, 2);

    world.set_clock("2026-11-25T09:30:00+07:00");
    pay(&world, "222", "after", 50_000, "2026-11-25T09:20:00+07:00").await;
    // Paid to the first vendor's old card after she left: nobody's stall, so a person decides.
    pay(&world, "111", "old-card", 7_000, "2026-11-25T09:21:00+07:00").await;
    assert_eq!(stall_money(&world).await, 80_000);
    let report = world.app.daily_report(&tan, "2026-11-25".parse().unwrap()).await.unwrap();
    assert_eq!((report.amount.whole(), report.suspense.amount.whole()), (87_000, 7_000));
    assert_eq!(code_of(world.app.change_stall(&tan, "B12", ended())).await, "tenancy_began_today");
    assert!(world.app.verify(None).await.unwrap().iter().all(|market| market.differences.is_empty()));
});

story!(a_stalls_goods_and_its_vendors_name_are_corrected, |world| {
    world.market("TAN", "00:00").await;
    let tan = "TAN".parse().unwrap();
    world.stall("TAN", "B12", "Nguyễn Thị Hoa", "111").await;
    let change = StallChange {
        category: Some(" Cá tươi ".to_owned()),
        vendor_name: Some("Nguyễn Thị Hòa".parse().unwrap()),
        ..StallChange::default()
    };
    let changed = world.app.change_stall(&tan, "B12", change).await.unwrap();
    assert_eq!((changed.category.as_str(), changed.vendor.unwrap().1.as_str()), ("Cá tươi", "Nguyễn Thị Hòa"));
    assert_eq!(world.app.stalls(&tan, Some("hoa")).await.unwrap().len(), 1);
    assert_eq!(code_of(world.app.change_stall(&tan, "B12", StallChange::default())).await, "nothing_to_change");
    assert_eq!(code_of(world.app.change_stall(&tan, "Z9", ended())).await, "not_found");
});

story!(a_cut_off_changes_from_a_day_ahead_and_leaves_the_days_before_alone, |world| {
    world.market("TAN", "00:00").await;
    let tan = "TAN".parse().unwrap();
    world.source("g1", Dialect::GenericHmac, &[], Some("TAN")).await;
    world.stall("TAN", "B12", "Nguyễn Thị Hoa", "111").await;
    let four = |from: &str| MarketChange {
        cutoff: Some("04:00".parse().unwrap()),
        from: Some(from.parse().unwrap()),
        ..MarketChange::default()
    };
    assert_eq!(code_of(world.app.change_market(&tan, four("2026-11-24"))).await, "cutoff_not_ahead");
    let changed = world.app.change_market(&tan, four("2026-12-01")).await.unwrap();
    assert_eq!(changed.cutoff.to_string(), "04:00");
    assert_eq!(world.app.market(&tan).await.unwrap().cutoff.to_string(), "00:00", "until then nothing changes");

    world.set_clock("2026-11-30T03:10:00+07:00");
    pay(&world, "111", "early", 1_000, "2026-11-30T03:00:00+07:00").await;
    world.set_clock("2026-12-02T03:10:00+07:00");
    pay(&world, "111", "late", 2_000, "2026-12-02T03:00:00+07:00").await;
    let on = |date: &str| format!("SELECT CAST(SUM(amount) AS BIGINT) FROM postings WHERE business_date = '{date}'");
    assert_eq!(world.int(&on("2026-11-30")).await, 1_000);
    assert_eq!(world.int(&on("2026-12-01")).await, 2_000, "three in the morning belongs to the night before");
});

story!(a_market_gets_a_new_name_and_a_dated_ward, |world| {
    world.market("TAN", "00:00").await;
    let tan = "TAN".parse().unwrap();
    let change = MarketChange {
        name: Some("Chợ Tân An mới".parse().unwrap()),
        ward: Some("Ninh Kiều".to_owned()),
        from: Some("2026-12-01".parse().unwrap()),
        ..MarketChange::default()
    };
    world.app.change_market(&tan, change).await.unwrap();
    let now = world.app.market(&tan).await.unwrap();
    assert_eq!((now.name.as_str(), now.ward), ("Chợ Tân An mới", None));
    world.set_clock("2026-12-01T08:00:00+07:00");
    assert_eq!(world.app.market(&tan).await.unwrap().ward.as_deref(), Some("Ninh Kiều"));
    assert_eq!(code_of(world.app.change_market(&tan, MarketChange::default())).await, "nothing_to_change");
});

story!(wards_categories_and_holders_are_cleaned_or_refused, |world| {
    let market = |code: &str, ward: &str| AddMarket {
        code: code.parse().unwrap(),
        name: "Chợ".parse().unwrap(),
        ward: Some(ward.to_owned()),
        cutoff: "00:00".parse().unwrap(),
        demo: false,
    };
    let added = world.app.add_market(market("TAN", "  Ninh   Kie\u{302}\u{300}u ")).await.unwrap();
    assert_eq!(added.ward.as_deref(), Some("Ninh Kiều"));
    let code = "TAN".parse().unwrap();
    let stall = |category: &str, holder: &str| Registration {
        category: category.to_owned(),
        holder: holder.to_owned(),
        ..registration("A1", "Chị Ba", "0071000888888")
    };
    for bad in ["a\0b", "a\u{202e}b", &"x".repeat(81)] {
        assert_eq!(world.app.add_market(market("BAD", bad)).await.unwrap_err().fields[0].code, "label_invalid");
        let refused = world.app.register(&code, stall(bad, "CHI BA")).await.unwrap_err();
        assert_eq!((refused.fields[0].code, refused.fields[0].field.as_str()), ("label_invalid", "rows/0/category"));
    }
    let refused = world.app.register(&code, stall("Rau", &"X".repeat(121))).await.unwrap_err();
    assert_eq!(refused.fields[0].field, "rows/0/holder");
    world.app.register(&code, stall(" Rau   cu\u{309} ", "CHI BA")).await.unwrap();
    assert_eq!(world.app.stalls(&code, None).await.unwrap()[0].category, "Rau củ");
    let long = StallChange { category: Some("x".repeat(81)), ..StallChange::default() };
    assert_eq!(world.app.change_stall(&code, "A1", long).await.unwrap_err().fields[0].code, "label_invalid");
    let file = format!("sạp,tên,ngân hàng,tài khoản,ngành hàng\nB1,Chị Tư,VCB,0072,{}\n", "x".repeat(81));
    let report = world.app.import_vendors(&code, file.as_bytes(), "list.csv", true).await.unwrap();
    assert_eq!((report.errors[0].line, report.errors[0].code), (2, "category_invalid"));
});
