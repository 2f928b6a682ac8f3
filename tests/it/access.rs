//! Who may do what where: every route for every role, in the own place and in others'.

use socho::app::access::Role;
use socho::web::Door;
use socho::web::access::{At, Entry, ROUTES};

use crate::visitors::{PASSWORD, Site, Visitor, phone, user};
use crate::world::{World, story};

/// Reads the routes as `web/mod.rs` names them: method and path.
fn routes_of_the_source() -> Vec<(String, String)> {
    let source = include_str!("../../src/web/mod.rs");
    let mut found = Vec::new();
    for rest in source.split(".route(\"").skip(1) {
        let (path, rest) = rest.split_once('"').unwrap();
        // The handlers stand before the parenthesis that closes the call.
        let mut depth = 1;
        let end = rest.find(|c| {
            depth += match c {
                '(' => 1,
                ')' => -1,
                _ => 0,
            };
            depth == 0
        });
        let handlers = &rest[..end.unwrap()];
        for method in ["get", "post", "patch", "delete", "put", "any", "head", "options", "on"] {
            let call = format!("{method}(");
            let named = handlers
                .match_indices(&call)
                .any(|(at, _)| !handlers[..at].ends_with(|c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':'));
            if named {
                found.push((method.to_uppercase(), path.to_owned()));
            }
        }
    }
    found
}

#[test]
fn every_route_has_a_row_and_every_row_a_route() {
    let routes = routes_of_the_source();
    assert!(routes.len() > 40, "{routes:?}");
    for (method, path) in &routes {
        let row = ROUTES.iter().any(|(m, p, _)| m == method && p == path);
        assert!(row, "{method} {path} has no row in src/web/access.rs: say who may call it");
    }
    for (method, path, _) in ROUTES {
        assert!(routes.iter().any(|(m, p)| m == method && p == path), "{method} {path} is no route");
    }
}

#[test]
fn nothing_that_changes_the_book_is_open() {
    for (method, path, entry) in ROUTES {
        let signed = path.starts_with("/v1/ingest/");
        let entrance = ["/login", "/logout", "/language", "/pair"].iter().any(|p| path.starts_with(p));
        assert!(*method == "GET" || signed || entrance || matches!(entry, Entry::With(..)), "{method} {path}");
    }
}

/// Two markets with two stalls each, and somebody of every role.
struct City {
    site: Site,
    people: Vec<(&'static str, Visitor)>,
}

async fn city(world: &World) -> City {
    for (code, first, second) in [("TAN", "0071", "0072"), ("CKE", "0081", "0082")] {
        world.market(code, "00:00").await;
        world.stall(code, "B12", "Nguyễn Thị Hoa", first).await;
        world.stall(code, "B13", "Trần Văn Ba", second).await;
    }
    user(world, "lan", Role::Manager, Some("TAN")).await;
    user(world, "thu", Role::City, None).await;
    user(world, "kim", Role::Auditor, None).await;
    user(world, "sang", Role::Admin, None).await;
    let site = Site::of(world);
    let mut people = vec![("nobody", site.visitor()), ("vendor", phone(world, &site, "TAN", "B12", "Máy Hoa").await)];
    for (role, name) in [("manager", "lan"), ("city", "thu"), ("auditor", "kim"), ("admin", "sang")] {
        let mut visitor = site.visitor();
        assert_eq!(visitor.log_in(name, PASSWORD).await.status, 303);
        people.push((role, visitor));
    }
    City { site, people }
}

fn role(name: &str) -> Option<Role> {
    let all = [Role::Vendor, Role::Manager, Role::City, Role::Auditor, Role::Admin];
    all.into_iter().find(|role| role.as_str() == name)
}

/// The places that a route can be called for, each with the roles that reach it.
fn places(at: At) -> Vec<(&'static str, &'static str, &'static [&'static str])> {
    let all: &[&str] = &["vendor", "manager", "city", "auditor", "admin"];
    let staff: &[&str] = &["manager", "city", "auditor", "admin"];
    let whole: &[&str] = &["city", "auditor", "admin"];
    match at {
        At::Own => vec![("TAN", "B12", all)],
        At::Installation => vec![("TAN", "B12", whole)],
        At::Market | At::Posting | At::Item | At::Statement => {
            vec![("TAN", "B12", staff), ("CKE", "B12", whole), ("XX", "B12", whole)]
        }
        At::Within | At::PostingWithin => vec![("TAN", "B12", all), ("CKE", "B12", whole), ("no!", "B12", whole)],
        At::Stall => vec![
            ("TAN", "B12", all),
            ("TAN", "b-12", all),
            ("TAN", "B13", staff),
            ("TAN", "Z99", staff),
            ("CKE", "B12", whole),
        ],
    }
}

/// Fills a route's parameters; the postings and items that are named are not there.
fn filled(route: &str, market: &str, stall: &str) -> String {
    let number = match market {
        "TAN" => 1,
        "CKE" => 2,
        _ => 900,
    };
    let item = socho::domain::ids::ItemName {
        market: socho::domain::ids::MarketId::new(number).unwrap(),
        item: 999,
        recorded_at_ms: 1_795_483_200_000,
    };
    let random = "01890000-0000-7000-8000-000000000000".parse().unwrap();
    let statement = socho::domain::reconciliation::StatementId::new(item.market, random);
    let id = match route {
        _ if route.contains("/inbox/") => item.to_string(),
        _ if route.contains("/statements/") => statement.to_string(),
        _ => format!("{market}-999"),
    };
    [
        ("{code}", market),
        ("{stall}", stall),
        ("{id}", &id),
        ("{date}", "2026-11-20"),
        ("{file}", "report.json"),
        ("{action}", "reverse"),
        ("{line}", "999"),
        ("{name}", "no-such-source"),
        ("{delivery}", "dlv_01890000-0000-7000-8000-000000000000"),
        ("{device}", "dev_01890000-0000-7000-8000-000000000000"),
        ("{session}", "ses_01890000-0000-7000-8000-000000000000"),
        ("{key}", "key_01890000-0000-7000-8000-000000000000"),
        ("{user}", "no-such-user"),
        ("{webhook}", "whk_01890000-0000-7000-8000-000000000000"),
        ("{job}", "01890000-0000-7000-8000-000000000000"),
        ("{pairing}", "TAN-11111-11111-11111-11111"),
    ]
    .iter()
    .fold(route.to_owned(), |path, (name, value)| path.replace(name, value))
}

story!(every_route_answers_every_role_as_designed_in_every_place, |world| {
    let mut city = city(&world).await;
    let (mut refused, mut admitted) = (0, 0);
    for (method, route, entry) in ROUTES {
        let Entry::With(right, at) = entry else { continue };
        for (market, stall, reach) in places(*at) {
            let path = filled(route, market, stall);
            assert!(!path.contains('{'), "{path}: say what its parameter is filled with");
            for (name, visitor) in &mut city.people {
                // A copy each time: a login that ends itself must not end the walk.
                let seen = visitor.clone().json(method, &path, "{}").await;
                let told = format!("{name}: {method} {path}: {} {}", seen.status, seen.body);
                let Some(role) = role(name) else {
                    assert_eq!((seen.status, seen.code().as_str()), (401, "unauthenticated"), "{told}");
                    assert!(seen.headers.contains_key("www-authenticate") == route.starts_with("/v1/"), "{told}");
                    continue;
                };
                if right.is_held_by(role) && reach.contains(name) {
                    // Whatever the handler makes of an empty body or a thing that is not there.
                    assert!(![401, 403, 405, 500].contains(&seen.status), "{told}");
                    admitted += 1;
                } else {
                    assert_eq!((seen.status, seen.code().as_str()), (403, "forbidden"), "{told}");
                    refused += 1;
                }
            }
        }
    }
    assert!(refused > 100 && admitted > 100, "{refused} refused, {admitted} admitted");
});

story!(a_page_sends_whoever_is_not_known_to_the_login_and_back, |world| {
    let city = city(&world).await;
    let mut somebody = city.site.visitor();
    let sent = somebody.page("/markets/TAN?q=hoa%20b").await;
    assert_eq!((sent.status, sent.location.as_str()), (303, "/login?next=%2Fmarkets%2FTAN%3Fq%3Dhoa%2520b"));
    let page = somebody.page(&sent.location).await;
    assert!(page.body.contains("value=\"/markets/TAN?q=hoa%20b\""), "{}", page.body);
    let csrf = page.csrf();
    let fields = [("csrf", csrf.as_str()), ("name", "lan"), ("password", PASSWORD), ("next", "/markets/TAN?q=hoa%20b")];
    let seen = somebody.form("/login", &fields).await;
    assert_eq!((seen.status, seen.location.as_str()), (303, "/markets/TAN?q=hoa%20b"));
    assert_eq!(somebody.page("/markets/TAN").await.status, 200);
    for evil in ["//evil.example", "https://evil.example", "/\\evil.example", "javascript:alert(1)"] {
        let mut fresh = city.site.visitor();
        let csrf = fresh.page("/login").await.csrf();
        let fields = [("csrf", csrf.as_str()), ("name", "lan"), ("password", PASSWORD), ("next", evil)];
        assert_eq!(fresh.form("/login", &fields).await.location, "/", "{evil}");
    }
});

story!(lists_show_no_more_than_the_own_place, |world| {
    let mut city = city(&world).await;
    for (name, visitor) in &mut city.people {
        let seen = visitor.get("/v1/markets").await;
        let codes: Vec<String> = seen.json()["data"]
            .as_array()
            .map(|rows| rows.iter().map(|row| row["code"].as_str().unwrap().to_owned()).collect())
            .unwrap_or_default();
        let expected: &[&str] = match *name {
            "nobody" => &[],
            "vendor" | "manager" => &["TAN"],
            _ => &["CKE", "TAN"],
        };
        assert_eq!(codes, expected, "{name}");
        if *name == "manager" {
            let home = visitor.page("/").await;
            assert!(home.body.contains("/markets/TAN") && !home.body.contains("/markets/CKE"));
            assert_eq!(visitor.get("/v1/inbox?market=CKE").await.code(), "forbidden");
        }
    }
});

story!(before_the_first_user_this_machine_is_the_operators_and_nobody_elses, |world| {
    let site = Site::with(&world, Door { loopback: true, public_url: None });
    let mut here = site.visitor().at_address("127.0.0.1");
    here.headers = vec![("host".to_owned(), "127.0.0.1:8080".to_owned())];
    assert_eq!(here.get("/v1/markets").await.status, 200);
    assert!(here.page("/").await.body.contains("socho user add"));
    let closed = [("host", "cho.example"), ("via", "1.1 proxy"), ("origin", "https://evil.example")];
    for (name, value) in closed {
        let mut from_elsewhere = here.clone();
        from_elsewhere.headers.retain(|(header, _)| header != name);
        let seen = from_elsewhere.with_header(name, value).get("/v1/markets").await;
        assert_eq!((seen.status, seen.code().as_str()), (403, "closed_by_default"), "{name}");
    }
    let other_machine = here.clone().at_address("192.0.2.9").get("/v1/markets").await;
    assert_eq!(other_machine.code(), "closed_by_default");
    // On another address nobody is let in unasked.
    let open_to_all = Site::with(&world, Door::default());
    let mut anybody = open_to_all.visitor().at_address("127.0.0.1");
    assert_eq!(anybody.get("/v1/markets").await.code(), "unauthenticated");
    user(&world, "sang", Role::Admin, None).await;
    assert_eq!(here.get("/v1/markets").await.code(), "unauthenticated");
});
