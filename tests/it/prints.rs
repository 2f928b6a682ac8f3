//! Prints that are drawn while somebody watches, where several servers serve one book.

use socho::app::access::Role;
use socho::web::{self, Door, Web};

use crate::board::person;
use crate::visitors::Site;
use crate::world::story;

story!(a_print_that_another_server_draws_is_looked_at_again_or_drawn_anew, |world| {
    world.market("TAN", "00:00").await;
    for number in 1..=3 {
        world.stall("TAN", &format!("A {number}"), "Nguyễn Thị Hoa", &format!("007100000000{number}")).await;
    }
    let (site, second) = (Site::of(&world), world.second().await);
    let door = Door { loopback: false, public_url: Some("https://cho.example".to_owned()) };
    let other = Site::serving(web::everything(Web::new(second, None, door)));
    let mut lan = person(&world, &site, "lan", Role::Manager, Some("TAN")).await;
    let csrf = lan.page("/markets/TAN/print").await.csrf();
    let order = [("csrf", csrf.as_str()), ("layout", "a7"), ("stalls", "A 1,a 3")];
    let begun = lan.form("/markets/TAN/print", &order).await;
    assert_eq!(begun.status, 303, "{}", begun.body);

    // The same browser, answered by the other server of the same book.
    let mut there = other.visitor();
    there.cookies.clone_from(&lan.cookies);
    let gone = there.page(&begun.location).await;
    assert_eq!(gone.status, 404, "{}", gone.body);
    for said in ["máy chủ khác đang vẽ", "Xem lại", "name=\"layout\" value=\"a7\"", "name=\"stalls\" value=\"A 1,a 3\""]
    {
        assert!(gone.body.contains(said), "{said}\n{}", gone.body);
    }
    assert!(gone.body.contains(&format!("href=\"{}\"", begun.location)), "{}", gone.body);
    let file = there.get(&format!("{}/cards.pdf", begun.location)).await;
    assert_eq!((file.status, &file.location), (303, &begun.location));
    assert_eq!(lan.page(&begun.location).await.status, 200, "the one that draws it has it");

    let csrf = gone.csrf();
    let order = [("csrf", csrf.as_str()), ("layout", "a7"), ("stalls", "A 1,a 3")];
    let anew = there.form("/markets/TAN/print", &order).await;
    assert_eq!(anew.status, 303, "{}", anew.body);
    let mut page = there.page(&anew.location).await;
    while page.body.contains("http-equiv=\"refresh\"") {
        tokio::task::yield_now().await;
        page = there.page(&anew.location).await;
    }
    assert!(page.body.contains("Đã kiểm 2/2 mã đọc được"), "{}", page.body);
    // A list that an address has no room for is chosen again.
    let bare = begun.location.split('.').next().unwrap();
    let gone = there.page(bare).await;
    assert!(gone.status == 404 && gone.body.contains("Chọn lại và in"), "{}", gone.body);
    assert_eq!(lan.page(bare).await.status, 200);
});
