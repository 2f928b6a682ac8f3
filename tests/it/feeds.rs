//! Closed days as the city's platforms read them: sums alone, none of few stalls, the same for ever.

use serde_json::Value;
use socho::app::access::{Actor, Right, Role};
use socho::app::close_day::CloseDay;
use socho::app::feeds::{DaysWanted, Publisher};
use socho::app::machine_keys::NewKey;
use socho::domain::settlement::Dialect;
use socho::web::access::ROUTES;

use crate::visitors::Site;
use crate::world::{World, settlement, story};

/// Two markets with a closed day each: five stalls sold in one, four in the other.
async fn closed(world: &World) {
    for (code, prefix, stalls) in [("TAN", "0071", 5), ("CKE", "0081", 4)] {
        world.market(code, "00:00").await;
        world.source(&format!("bank-{}", code.to_lowercase()), Dialect::GenericHmac, &[], Some(code)).await;
        for stall in 1..=stalls {
            let account = format!("{prefix}00{stall}");
            world.stall(code, &format!("B{stall}"), &format!("Chị Ba {stall}"), &account).await;
            let paid = settlement(&account, &format!("{code}{stall}"), 10_000, "2026-11-23T09:00:00+07:00");
            world.send(&format!("bank-{}", code.to_lowercase()), Dialect::GenericHmac, &paid).await;
        }
        let (market, date) = (code.parse().unwrap(), "2026-11-23".parse().unwrap());
        world.app.close_day(CloseDay { market, date, early: false, actor: "op".to_owned() }).await.unwrap();
    }
}

fn span(after: Option<&str>, limit: i64) -> DaysWanted {
    DaysWanted {
        from: Some("2026-11-23".parse().unwrap()),
        to: Some("2026-11-24".parse().unwrap()),
        after: after.map(str::to_owned),
        limit: Some(limit),
    }
}

story!(a_closed_day_is_told_by_its_seal_and_few_stalls_are_hidden, |world| {
    closed(&world).await;
    let page = world.app.feed_days(span(None, 50)).await.unwrap().to_json();
    let rows = page["data"].as_array().unwrap();
    assert_eq!(
        rows.iter().map(|row| row["key"].as_str().unwrap()).collect::<Vec<_>>(),
        ["CKE/2026-11-23", "TAN/2026-11-23"]
    );
    assert_eq!((&page["has_more"], &page["whole_before"]), (&false.into(), &"2026-11-24".into()));
    let (few, many) = (&rows[0], &rows[1]);
    assert_eq!(
        (&few["suppressed"], &few["payments"], &few["amount"], &few["active_stalls"]),
        (&true.into(), &Value::Null, &Value::Null, &Value::Null)
    );
    assert_eq!(
        (&many["suppressed"], &many["payments"], &many["amount"], &many["active_stalls"]),
        (&false.into(), &5.into(), &50_000.into(), &5.into())
    );
    let close = world.app.day_close(&"TAN".parse().unwrap(), "2026-11-23".parse().unwrap()).await.unwrap().unwrap();
    assert_eq!(many["close_hash"], close.hash.to_string());
    assert_eq!(many["merkle_root"], close.close.merkle_root.to_string());
    let keys = world.app.published_keys(Some(&"TAN".parse().unwrap())).await.unwrap();
    assert_eq!(many["key_id"], keys[0].keys[0].public.fingerprint());
    // No person, no stall, no account; and page by page the same rows.
    assert!(!page.to_string().contains("Chị Ba") && !page.to_string().contains("0071"), "{page}");
    let first = world.app.feed_days(span(None, 1)).await.unwrap().to_json();
    assert_eq!((&first["data"][0], &first["next"]), (few, &"CKE/2026-11-23".into()));
    let second = world.app.feed_days(span(Some("CKE/2026-11-23"), 1)).await.unwrap().to_json();
    assert_eq!((&second["data"][0], &second["has_more"]), (many, &false.into()));
    assert!(world.app.feed_days(span(Some("CKE"), 1)).await.is_err());
});

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_with_the_right_alone_reads_the_feed_and_every_field_is_in_the_dictionary() {
    let world = World::sqlite().await;
    closed(&world).await;
    let site = Site::of(&world);
    let key = async |rights: &[Right]| {
        let new = NewKey {
            name: "LGSP".parse().unwrap(),
            role: Role::City,
            rights: rights.to_vec(),
            market: None,
            expires_at: None,
        };
        let (_, secret) = world.app.add_machine_key(&Actor::operator(), new).await.unwrap();
        site.visitor().with_header("authorization", &format!("Bearer {secret}"))
    };
    let mut other = key(&[Right::ReadCloses]).await;
    assert_eq!(other.get("/v1/feeds/days").await.code(), "forbidden");
    let mut platform = key(&[Right::ReadFeeds]).await;
    let days = platform.get("/v1/feeds/days?from=2026-11-20&to=2026-11-24").await.json();
    let csv = platform.get("/v1/feeds/days?from=2026-11-20&to=2026-11-24&format=csv").await;
    assert!(csv.headers["content-type"].to_str().unwrap().starts_with("text/csv"));
    let dictionary = site.visitor().get("/v1/feeds/dictionary").await.json();
    let named: Vec<&str> =
        dictionary["fields"].as_array().unwrap().iter().map(|field| field["name"].as_str().unwrap()).collect();
    let mut sorted = named.clone();
    sorted.sort_unstable();
    let mut told: Vec<&str> = days["data"][1].as_object().unwrap().keys().map(String::as_str).collect();
    told.sort_unstable();
    assert_eq!(sorted, told);
    let mut lines = csv.body.lines();
    assert_eq!(lines.next().unwrap().split(',').collect::<Vec<_>>(), named);
    assert!(lines.next().unwrap().contains(",true,,,VND,,"), "nothing told is empty: {}", csv.body);
    assert!(lines.next().unwrap().contains(",false,5,50000,VND,5,"), "{}", csv.body);
    for field in dictionary["fields"].as_array().unwrap() {
        let meaning = |tongue: &str| field["meaning"][tongue].as_str().unwrap().len();
        assert!(meaning("vi") > 5 && meaning("en") > 5 && !field["type"].as_str().unwrap().is_empty(), "{field}");
    }
    for link in dictionary["deep_links"].as_array().unwrap() {
        let path = link["path"].as_str().unwrap();
        assert!(ROUTES.iter().any(|(method, route, _)| *method == "GET" && *route == path), "{path} leads nowhere");
    }
    for query in ["from=2026-11-24&to=2026-11-23", "format=xml", "after=x", "limit=201", "from=yesterday"] {
        assert_eq!(platform.get(&format!("/v1/feeds/days?{query}")).await.status, 422, "{query}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_catalogue_says_what_there_is_since_when_and_by_whose_leave() {
    let world = World::sqlite().await;
    let site = Site::of(&world);
    let empty = site.visitor().get("/v1/feeds/catalog").await;
    assert_eq!(empty.headers["content-type"], "application/ld+json");
    assert!(empty.json()["dcat:dataset"][0].get("dct:issued").is_none());
    closed(&world).await;
    let catalogue = site.visitor().get("/v1/feeds/catalog").await.json();
    let dataset = &catalogue["dcat:dataset"][0];
    assert_eq!(dataset["dct:temporal"]["dcat:endDate"], "2026-11-23");
    assert_eq!(dataset["dct:modified"]["@value"], "2026-11-24T08:20:00+07:00");
    assert_eq!(
        dataset["dcat:distribution"][1]["dcat:accessURL"]["@id"],
        "https://cho.example/v1/feeds/days?format=csv"
    );
    assert!(dataset.get("dct:license").is_none() && dataset["dct:rights"].is_array());
    let named = Publisher {
        name: Some("Sở Công Thương".to_owned()),
        licence: Some("https://example.vn/l".to_owned()),
        base: None,
    };
    let told = world.app.feed_catalogue(&named).await.unwrap();
    assert_eq!(told["dcat:dataset"][0]["dct:publisher"]["foaf:name"], "Sở Công Thương");
    assert_eq!(told["dcat:dataset"][0]["dct:license"]["@id"], "https://example.vn/l");
}
