//! Where the audit log ended, kept outside the book: whoever rewrites the whole log, hashes and all, is
//! found by it.

use std::io::Read as _;

use socho::app::access::{Actor, Role};
use socho::app::audit_log::AuditQuery;
use socho::app::export_month::Month;
use socho::app::progress::unheard;
use socho::domain::audit::AuditPoint;
use socho::domain::hash::Hash;
use socho::domain::settlement::Dialect;
use socho::ledger::audit_chain::AuditFields;

use crate::visitors::{PASSWORD, Site, user};
use crate::world::{World, settlement, story};

const ACCOUNT: &str = "0071000888888";

async fn hall(world: &World) {
    world.market("TAN", "00:00").await;
    world.stall("TAN", "B12", "Nguyễn Thị Hoa", ACCOUNT).await;
    world.source("one", Dialect::GenericHmac, &[], Some("TAN")).await;
    for name in ["lan", "loc"] {
        user(world, name, Role::Manager, Some("TAN")).await;
    }
    user(world, "kim", Role::Auditor, None).await;
}

async fn head(world: &World, market: &str) -> AuditPoint {
    world.app.audit_heads(&Actor::operator(), Some(market)).await.unwrap().remove(0)
}

/// What `verify` finds against what was kept of the log.
async fn differences(world: &World, known: &[AuditPoint]) -> Vec<String> {
    let found = world.app.verify_heard(None, known, &unheard).await.unwrap();
    found.into_iter().flat_map(|market| market.differences).collect()
}

async fn unlock(world: &World) {
    let locks: &[&str] = if world.url.starts_with("sqlite:") {
        &["DROP TRIGGER audit_log_no_delete", "DROP TRIGGER audit_log_no_update"]
    } else {
        &["DROP TRIGGER audit_log_append_only ON audit_log"]
    };
    for lock in locks {
        world.execute(lock).await.unwrap();
    }
}

/// A hash as both engines take it in a statement.
fn literal(world: &World, hash: &[u8]) -> String {
    let hash = Hash::from_slice(hash).unwrap();
    if world.url.starts_with("sqlite:") { format!("X'{hash}'") } else { format!("decode('{hash}', 'hex')") }
}

story!(a_log_that_was_cut_back_with_its_head_is_found_by_the_head_that_was_kept, |world| {
    hall(&world).await;
    let kept = [head(&world, "TAN").await, head(&world, "-").await];
    assert_eq!(differences(&world, &kept).await, Vec::<String>::new());
    world.app.change_source_accounts(&"one".parse().unwrap(), &["0999".parse().unwrap()], &[]).await.unwrap();
    assert_eq!(differences(&world, &kept).await, Vec::<String>::new(), "a log goes on");
    unlock(&world).await;
    let to = kept[0].seq - 1;
    world.execute(&format!("DELETE FROM audit_log WHERE market_id = 1 AND seq > {to}")).await.unwrap();
    let back = format!(
        "UPDATE audit_head SET last_seq = {to}, last_hash = (SELECT hash FROM audit_log WHERE market_id = 1 AND seq = {to}) \
         WHERE market_id = 1"
    );
    world.execute(&back).await.unwrap();
    assert_eq!(differences(&world, &[]).await, Vec::<String>::new(), "the log alone cannot tell");
    let told = differences(&world, &kept).await;
    assert_eq!(told, [format!("audit_log: row {}, which was known, is not there any more", kept[0].seq)]);
    let elsewhere: AuditPoint = format!("CKE:1:{}", "0".repeat(64)).parse().unwrap();
    let refused = world.app.verify_heard(None, &[elsewhere], &unheard).await.unwrap_err();
    assert_eq!(refused.fields[0].code, "audit_head_elsewhere");
});

story!(a_log_that_was_written_anew_hashes_and_all_is_found_by_the_head_that_was_kept, |world| {
    hall(&world).await;
    let kept = head(&world, "TAN").await;
    let mut rows = Vec::new();
    let query = AuditQuery { market: Some("TAN".to_owned()), ..AuditQuery::default() };
    let take = |shown: &socho::app::audit_log::AuditShown| {
        rows.push(shown.row.clone());
        Ok(())
    };
    world.app.export_audit(&Actor::operator(), &query, take).await.unwrap();
    rows.retain(|row| row.seq <= kept.seq);
    unlock(&world).await;
    // Somebody else did it from the second entry on, and every hash says so.
    let mut previous = vec![0; 32];
    for row in &mut rows {
        if row.seq == 2 {
            row.entry.actor = "loc".to_owned();
        }
        let hash = AuditFields::of(1, row.seq, &row.entry).hash(&previous);
        previous = hash.to_vec();
        let (actor, hash) = (&row.entry.actor, literal(&world, &hash));
        let sql =
            format!("UPDATE audit_log SET actor = '{actor}', hash = {hash} WHERE market_id = 1 AND seq = {}", row.seq);
        world.execute(&sql).await.unwrap();
    }
    world.execute(&format!("DELETE FROM audit_log WHERE market_id = 1 AND seq > {}", kept.seq)).await.unwrap();
    let (seq, last) = (kept.seq, literal(&world, &previous));
    let sql = format!("UPDATE audit_head SET last_seq = {seq}, last_hash = {last} WHERE market_id = 1");
    world.execute(&sql).await.unwrap();
    assert_eq!(differences(&world, &[]).await, Vec::<String>::new(), "the log alone cannot tell");
    let told = differences(&world, std::slice::from_ref(&kept)).await;
    assert_eq!(told, [format!("audit_log: row {seq} is not the one that was known, with the hash {}", kept.hash)]);
});

story!(two_entries_that_changed_places_do_not_give_their_hashes, |world| {
    hall(&world).await;
    unlock(&world).await;
    for swap in ["seq = -seq WHERE market_id = 1 AND seq IN (1, 2)", "seq = 3 + seq WHERE market_id = 1 AND seq < 0"] {
        world.execute(&format!("UPDATE audit_log SET {swap}")).await.unwrap();
    }
    let told = differences(&world, &[]).await;
    assert_eq!(told.first().map(String::as_str), Some("audit_log: row 1 does not give its hash"), "{told:?}");
});

story!(what_leaves_the_machine_says_where_the_log_ended, |world| {
    hall(&world).await;
    world.send("one", Dialect::GenericHmac, &settlement(ACCOUNT, "a", 35_000, "2026-11-24T08:00:00+07:00")).await;
    let mut kim = Site::of(&world).visitor();
    kim.log_in("kim", PASSWORD).await;
    let said = |answer: &crate::visitors::Seen| -> Vec<AuditPoint> {
        let header = answer.headers["socho-audit-heads"].to_str().unwrap();
        header.split(", ").map(|one| one.parse().unwrap()).collect()
    };
    let tan = head(&world, "TAN").await;
    let one = kim.get("/v1/audit?market=TAN").await;
    assert_eq!(said(&one), std::slice::from_ref(&tan));
    let all = said(&kim.get("/v1/audit").await);
    assert!(all.len() == 2 && all[0].market.is_none() && all[1] == tan, "{all:?}");
    assert_eq!(differences(&world, &all).await, Vec::<String>::new());

    let tan = head(&world, "TAN").await;
    let file = world.path("month.zip");
    let month: Month = "2026-11".parse().unwrap();
    let to = std::fs::File::create(&file).unwrap();
    world.app.export_month(&"TAN".parse().unwrap(), month, to, &unheard).await.unwrap();
    let mut archive = zip::ZipArchive::new(std::fs::File::open(&file).unwrap()).unwrap();
    let mut text = String::new();
    archive.by_name("README.txt").unwrap().read_to_string(&mut text).unwrap();
    assert!(text.contains(&format!("socho verify --audit-head {tan}\n")), "{text}");
});
