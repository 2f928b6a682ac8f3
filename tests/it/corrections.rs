//! Corrections by people: what refuses them, in words that name the posting.

use socho::domain::money::Dong;
use socho::domain::settlement::Dialect;

use crate::world::{settlement, story};

const ACCOUNT: &str = "0071000888888";

story!(a_refused_correction_names_its_posting_as_people_do, |world| {
    world.market("TAN", "00:00").await;
    world.stall("TAN", "A1", "Chị Ba", ACCOUNT).await;
    world.source("generic", Dialect::GenericHmac, &[ACCOUNT], None).await;
    let paid = settlement(ACCOUNT, "1", 20_000, "2026-11-24T08:00:00+07:00");
    world.send("generic", Dialect::GenericHmac, &paid).await;
    let posting = "TAN-1".parse().unwrap();
    let refused = world.app.assign(&posting, "op", "nhầm", "A1").await.unwrap_err();
    assert!(refused.message.vi.contains("TAN-1") && refused.message.en.contains("TAN-1"), "{refused}");
    world.app.cash_change(&posting, "op", "thối", Dong::new(5_000)).await.unwrap();
    let refused = world.app.reverse(&posting, "op", "nhầm").await.unwrap_err();
    assert_eq!(refused.message.en, "Posting TAN-2 rests on TAN-1: reverse TAN-2 first.");
    let missing = world.app.reverse(&"TAN-99".parse().unwrap(), "op", "x").await.unwrap_err();
    assert_eq!(missing.message.en, "There is no posting TAN-99.");
    for amount in [0, -5, 1_000_000_000_001] {
        let refused = world.app.exclude(&posting, "op", "nợ", Dong::new(amount)).await.unwrap_err();
        assert_eq!((refused.fields[0].code, refused.fields[0].field.as_str()), ("amount_out_of_range", "amount"));
    }
});
