//! `socho migrate`: what would change is told before anything does, and `serve --no-migrate` waits for it.

use serde_json::Value;

use crate::serve::socho;
use crate::upgrade::sqlite_before;
use crate::world::{World, folder};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_older_book_is_planned_for_refused_and_brought_up_to_date() {
    let world = World::sqlite().await;
    world.market("TAN", "00:00").await;
    world.app.close().await;
    let folder = folder();
    let path = folder.0.join("old.db");
    let db = sqlite_before(&world.url, &path).await;
    let lies = std::fs::read(&path).unwrap();
    let (code, out, told) = socho(&["migrate", "plan", "--db", &db, "--json"]);
    let plan: Value = serde_json::from_str(&out).unwrap_or_else(|error| panic!("{error}: {out}{told}"));
    assert_eq!((code, &plan["found"], &plan["applied"]), (1, &3.into(), &false.into()));
    let steps = plan["data"].as_array().unwrap();
    assert_eq!((&steps[0]["number"], steps.last().unwrap()["number"].as_i64()), (&4.into(), plan["known"].as_i64()));
    assert!(steps.iter().all(|step| step["does"].as_str().is_some_and(|does| does.len() > 20)), "{out}");
    let (code, out, _) = socho(&["migrate", "plan", "--db", &db]);
    assert!(code == 1 && out.contains("0004 inbox cost: ") && out.contains("socho migrate apply"), "{out}");
    let (code, out, told) = socho(&["serve", "--db", &db, "--bind", "127.0.0.1:0", "--no-migrate"]);
    assert!(code == 3 && told.contains("schema is 3"), "{out}{told}");
    assert!(std::fs::read(&path).unwrap() == lies, "looking changed the book");
    let (code, out, told) = socho(&["migrate", "apply", "--db", &db]);
    assert!(code == 0 && out.contains("brought from 3"), "{out}{told}");
    let (code, out, _) = socho(&["migrate", "plan", "--db", &db]);
    assert!(code == 0 && out.contains("up to date"), "{out}");
    assert_eq!(socho(&["verify", "--db", &db]).0, 0);
}
