//! Phones of a stall: pairing, losing, and a hostile neighbour with a valid phone of her own.

use socho::app::access::{Actor, Role};
use socho::app::pair_device::{CodeFor, IssuedCode};
use socho::domain::settlement::Dialect;

use crate::visitors::{PASSWORD, Seen, Site, Visitor, phone, user};
use crate::world::{World, settlement, story};

const PHONE: &str = "__Host-socho-phone";

async fn hall(world: &World) -> Site {
    world.market("TAN", "00:00").await;
    world.market("CKE", "00:00").await;
    world.stall("TAN", "B12", "Nguyễn Thị Hoa", "0071").await;
    world.stall("TAN", "B13", "Trần Văn Ba", "0072").await;
    world.stall("CKE", "B12", "Lê Tư", "0081").await;
    world.source("one", Dialect::GenericHmac, &["0071", "0072"], Some("TAN")).await;
    user(world, "lan", Role::Manager, Some("TAN")).await;
    Site::of(world)
}

async fn card(world: &World, ends_devices: bool) -> IssuedCode {
    let card = CodeFor::Card { ends_devices };
    world.app.issue_pairing_code(&Actor::operator(), &"TAN".parse().unwrap(), "B12", card).await.unwrap()
}

async fn pair(site: &Site, path: &str) -> (Visitor, Seen) {
    let mut visitor = site.visitor();
    let page = visitor.page(path).await;
    if page.status != 200 {
        return (visitor, page);
    }
    let csrf = page.csrf();
    let seen = visitor.form(path, &[("csrf", &csrf), ("name", "Máy mới")]).await;
    (visitor, seen)
}

story!(opening_a_code_uses_nothing_up_and_pairing_uses_it_once, |world| {
    let site = hall(&world).await;
    let issued = card(&world, false).await;
    for _ in 0..3 {
        let seen = site.visitor().page(&issued.path()).await;
        assert!(seen.body.contains("Nguyễn Thị Hoa") && seen.body.contains("B12"), "{}", seen.body);
    }
    let typed = format!("/pair/{}", issued.code.to_string().to_lowercase().replace('-', "%20"));
    assert_eq!(site.visitor().page(&typed).await.status, 200, "however it is typed");
    let (mut first, seen) = pair(&site, &issued.path()).await;
    assert_eq!((seen.status, seen.location.as_str()), (303, "/stall"));
    assert_eq!(first.get("/v1/markets/TAN/stalls/B12/devices").await.status, 200);
    let (second, seen) = pair(&site, &issued.path()).await;
    assert!(seen.status == 409 && !second.cookies.contains_key(PHONE), "{}", seen.body);
    for wrong in
        ["TAN-00000-00000-00000-00000", "CKE-00000-00000-00000-00000", "XXX-00000-00000-00000-00000", "rubbish"]
    {
        assert_eq!(site.visitor().page(&format!("/pair/{wrong}")).await.status, 404, "{wrong}");
    }
    assert_eq!(world.int("SELECT COUNT(*) FROM devices").await, 1);
});

story!(two_phones_that_take_one_code_at_once_get_one_stall_between_them, |world| {
    let site = hall(&world).await;
    let issued = card(&world, false).await;
    let (one, other) =
        tokio::join!(world.app.pair_device(&issued.code, "Máy một"), world.app.pair_device(&issued.code, "Máy hai"));
    assert_eq!(u8::from(one.is_ok()) + u8::from(other.is_ok()), 1);
    assert_eq!(world.int("SELECT COUNT(*) FROM devices").await, 1);
    let (_, seen) = pair(&site, &issued.path()).await;
    assert_eq!(seen.status, 409);
});

story!(a_new_card_ends_the_old_one_and_by_choice_the_phones, |world| {
    let site = hall(&world).await;
    let lost = card(&world, false).await;
    let again = card(&world, false).await;
    assert_eq!(pair(&site, &lost.path()).await.1.status, 409);
    let (mut paired, seen) = pair(&site, &again.path()).await;
    assert_eq!(seen.status, 303);
    let fresh = card(&world, true).await;
    assert_eq!(fresh.ended_devices, 1);
    assert_eq!(paired.get("/v1/markets").await.code(), "unauthenticated");
    assert_eq!(paired.page("/stall").await.location, "/pair");
    world.set_clock("2027-01-24T08:20:00+07:00");
    assert_eq!(pair(&site, &fresh.path()).await.1.status, 409, "a card lives sixty days");
});

story!(a_stall_has_five_phones_and_its_vendor_removes_one, |world| {
    let site = hall(&world).await;
    let mut phones = Vec::new();
    for number in 1..=5 {
        phones.push(phone(&world, &site, "TAN", "B12", &format!("Máy {number}")).await);
    }
    let sixth = card(&world, false).await;
    let (_, seen) = pair(&site, &sixth.path()).await;
    assert!(seen.status == 409 && seen.body.contains('5'), "{}", seen.body);
    let devices = phones[0].get("/v1/markets/TAN/stalls/B12/devices").await.json();
    let devices = devices["data"].as_array().unwrap();
    assert_eq!(devices.len(), 5);
    assert_eq!(devices.iter().filter(|device| device["this"] == true).count(), 1);
    let last = devices.iter().find(|device| device["name"] == "Máy 5").unwrap()["id"].as_str().unwrap().to_owned();
    let path = format!("/v1/markets/TAN/stalls/B12/devices/{last}");
    assert_eq!(phones[0].json("DELETE", &path, "").await.status, 204);
    assert_eq!(phones[4].get("/v1/markets").await.status, 401);
    assert_eq!(phones[0].json("DELETE", &path, "").await.status, 404, "it is gone");
    assert_eq!(pair(&site, &sixth.path()).await.1.status, 303, "the code was not used up by being refused");
});

story!(a_phone_makes_a_helpers_code_and_a_helper_manages_nothing, |world| {
    let site = hall(&world).await;
    let mut hers = phone(&world, &site, "TAN", "B12", "Máy Hoa").await;
    let codes = "/v1/markets/TAN/stalls/B12/pairing-codes";
    assert_eq!(hers.json("POST", codes, "{\"purpose\":\"card\"}").await.code(), "forbidden");
    let made = hers.json("POST", codes, "{\"hides_totals\":true}").await.json();
    let path = made["path"].as_str().unwrap();
    let (mut helper, seen) = pair(&site, path).await;
    assert_eq!(seen.status, 303);
    assert_eq!(helper.json("POST", codes, "{}").await.code(), "forbidden");
    let own = hers.get("/v1/markets/TAN/stalls/B12/devices").await.json();
    let own = own["data"][0]["id"].as_str().unwrap().to_owned();
    let device = format!("/v1/markets/TAN/stalls/B12/devices/{own}");
    assert_eq!(helper.json("DELETE", &device, "").await.code(), "forbidden");
    assert_eq!(helper.json("PATCH", &device, "{\"name\":\"x\"}").await.code(), "forbidden");
    assert_eq!(hers.json("PATCH", &device, "{\"name\":\"Máy chị Hoa\"}").await.status, 204);
    for bad in ["", "a/b", "\\u0000", "x\\ny", &"dài ".repeat(20)] {
        let seen = hers.json("PATCH", &device, &format!("{{\"name\":\"{bad}\"}}")).await;
        assert!([400, 422].contains(&seen.status) || bad == "x\\ny", "{bad:?}: {}", seen.body);
    }
    let late = hers.json("POST", codes, "{}").await.json();
    world.set_clock("2026-11-24T08:31:00+07:00");
    assert_eq!(pair(&site, late["path"].as_str().unwrap()).await.1.status, 409, "ten minutes are over");
});

story!(a_neighbour_with_a_valid_phone_sees_nothing_of_another_stall, |world| {
    let site = hall(&world).await;
    let mut neighbour = phone(&world, &site, "TAN", "B13", "Máy Ba").await;
    let mut hers = phone(&world, &site, "TAN", "B12", "Máy Hoa").await;
    for (account, id) in [("0071", "h1"), ("0072", "b1"), ("0071", "h2")] {
        let sale = settlement(account, id, 50_000, "2026-11-24T08:10:00+07:00");
        world.send("one", Dialect::GenericHmac, &sale).await;
    }
    // What she asks for of another stall is her own all the same.
    let listed = neighbour.get("/v1/markets/TAN/postings?stall=B12").await.json();
    let stalls: Vec<&str> =
        listed["data"].as_array().unwrap().iter().map(|row| row["stall"].as_str().unwrap()).collect();
    assert_eq!(stalls, ["B13"]);
    assert_eq!(neighbour.get("/v1/postings/TAN-2").await.status, 200);
    let (theirs, nothing) = (neighbour.get("/v1/postings/TAN-1").await, neighbour.get("/v1/postings/TAN-99").await);
    assert_eq!((theirs.status, nothing.status, theirs.code()), (404, 404, nothing.code()));
    assert_eq!(neighbour.get("/v1/postings/TAN-1/proof").await.status, 404);
    assert_eq!(neighbour.get("/v1/postings/CKE-1").await.code(), "forbidden");
    for path in [
        "/v1/markets/TAN/stalls/B12/devices",
        "/v1/markets/CKE/stalls/B13/devices",
        "/v1/markets/TAN/balances",
        "/v1/markets/TAN/days/2026-11-24",
        "/v1/inbox",
        "/markets/TAN",
        "/users",
        "/account",
    ] {
        let seen = neighbour.get(path).await;
        assert_eq!((seen.status, seen.code().as_str()), (403, "forbidden"), "{path}");
    }
    // A phone's own name under another stall's path, and another's name under her own.
    let devices = hers.get("/v1/markets/TAN/stalls/B12/devices").await.json();
    let id = devices["data"][0]["id"].as_str().unwrap().to_owned();
    let forged = neighbour.json("DELETE", &format!("/v1/markets/TAN/stalls/B13/devices/{id}"), "").await;
    assert_eq!((forged.status, forged.code().as_str()), (404, "not_found"));
    assert_eq!(hers.get("/v1/markets/TAN/stalls/B12/devices").await.status, 200);
});

story!(a_token_that_was_changed_anywhere_is_nobodys, |world| {
    let site = hall(&world).await;
    let hers = phone(&world, &site, "TAN", "B12", "Máy Hoa").await;
    let other = phone(&world, &site, "TAN", "B13", "Máy Ba").await;
    let parts = |visitor: &Visitor| {
        let token = visitor.cookies[PHONE].clone();
        let mut parts = token.splitn(3, '.').map(str::to_owned);
        (parts.next().unwrap(), parts.next().unwrap(), parts.next().unwrap())
    };
    let ((market, device, key), (_, other_device, other_key)) = (parts(&hers), parts(&other));
    for forged in [
        format!("{market}.{other_device}.{key}"),
        format!("{market}.{device}.{other_key}"),
        format!("2.{device}.{key}"),
        format!("{market}.{device}."),
        format!("{market}.{device}"),
        format!("{market}.{device}.{key}x"),
        format!("-1.{device}.{key}"),
        String::from("x"),
    ] {
        let mut forger = site.visitor();
        forger.cookies.insert(PHONE.to_owned(), forged.clone());
        assert_eq!(forger.get("/v1/markets").await.status, 401, "{forged}");
    }
});

story!(a_phone_ends_with_its_vendors_tenancy, |world| {
    let site = hall(&world).await;
    let mut hers = phone(&world, &site, "TAN", "B12", "Máy Hoa").await;
    let unused = card(&world, false).await;
    assert_eq!(hers.get("/v1/markets").await.status, 200);
    let mut lan = site.visitor();
    lan.log_in("lan", PASSWORD).await;
    let ended = lan.json("PATCH", "/v1/markets/TAN/stalls/B12", "{\"end_tenancy\":true}").await;
    assert_eq!(ended.status, 200, "{}", ended.body);
    assert_eq!(hers.get("/v1/markets").await.status, 401, "the next vendor's money is not hers to hear");
    assert_eq!(pair(&site, &unused.path()).await.1.status, 404, "nor is her card good any more");
    let card = CodeFor::Card { ends_devices: false };
    let refused = world.app.issue_pairing_code(&Actor::operator(), &"TAN".parse().unwrap(), "B12", card).await;
    assert_eq!(refused.unwrap_err().code, "stall_without_vendor");
});

story!(the_manager_prints_a_card_and_removes_a_phone, |world| {
    let site = hall(&world).await;
    let mut lan = site.visitor();
    lan.log_in("lan", PASSWORD).await;
    let mut hers = phone(&world, &site, "TAN", "B12", "Máy Hoa").await;
    let page = lan.page("/markets/TAN/stalls/B12/phones").await;
    assert!(page.body.contains("Máy Hoa"), "{}", page.body);
    let csrf = page.csrf();
    let card = lan.form("/markets/TAN/stalls/B12/phones", &[("csrf", &csrf)]).await;
    assert!(card.body.contains("https://cho.example/pair/TAN-") && card.body.contains("<svg"), "{}", card.body);
    assert_eq!(card.headers["cache-control"], "no-store");
    let device = page.body.split("value=\"dev_").nth(1).unwrap().split('"').next().unwrap();
    let fields = [("csrf", csrf.as_str()), ("device", &format!("dev_{device}"))];
    let removed = lan.form("/markets/TAN/stalls/B12/phones/remove", &fields).await;
    assert_eq!(removed.location, "/markets/TAN/stalls/B12/phones");
    assert_eq!(hers.get("/v1/markets").await.status, 401);
    // Whatever a browser calls the host, it is shown and never becomes part of the page.
    let plain = Site::with(&world, socho::web::Door { loopback: false, public_url: None });
    let mut evil = plain.visitor().with_header("x-forwarded-proto", "https");
    evil.headers[0].1 = "\"><script>alert(1)</script>".to_owned();
    evil.log_in("lan", PASSWORD).await;
    let csrf = evil.page("/markets/TAN/stalls/B12/phones").await.csrf();
    let card = evil.form("/markets/TAN/stalls/B12/phones", &[("csrf", &csrf)]).await;
    assert!(!card.body.contains("<script"), "{}", card.body);
});
