//! The seal: closing dates, what comes late, proofs that anybody can check, keys that endorse their
//! successors, and balances at a point in time. Every story is told on both engines.

use std::sync::Arc;

use socho::app::balances::AsOf;
use socho::app::close_day::{CloseDay, ClosedDay};
use socho::app::error::AppError;
use socho::app::keyring::Keyring;
use socho::domain::ids::{MarketCode, Seq};
use socho::domain::settlement::Dialect;
use socho::ledger::seal::key::{PrivateKey, PublicKey};
use socho::ledger::seal::proof::{self, Proof};

use crate::world::{World, settlement, story};

const ACCOUNT: &str = "0071000888888";

fn tan() -> MarketCode {
    "TAN".parse().unwrap()
}

async fn a_market(world: &World) {
    world.market("TAN", "00:00").await;
    world.stall("TAN", "A1", "Chị Ba", ACCOUNT).await;
    world.source("one", Dialect::GenericHmac, &[ACCOUNT], Some("TAN")).await;
}

async fn sell(world: &World, id: &str, amount: i64, at: &str) {
    let reply = world.send("one", Dialect::GenericHmac, &settlement(ACCOUNT, id, amount, at)).await;
    assert!(format!("{reply:?}").contains("Recorded"), "{reply:?}");
}

async fn close(world: &World, date: &str) -> Result<Vec<ClosedDay>, AppError> {
    let asked = CloseDay { market: tan(), date: date.parse().unwrap(), early: false, actor: "chi-hai".to_owned() };
    world.app.close_day(asked).await
}

async fn differences(world: &World) -> Vec<String> {
    world.app.verify(None).await.unwrap().into_iter().flat_map(|market| market.differences).collect()
}

async fn public_key(world: &World, number: usize) -> PublicKey {
    world.app.published_keys(Some(&tan())).await.unwrap()[0].keys[number - 1].public
}

async fn days_of_sales(world: &World) {
    a_market(world).await;
    for (id, at) in [("a", "2026-11-20T08:00:00"), ("b", "2026-11-20T09:00:00"), ("c", "2026-11-22T08:00:00")] {
        sell(world, id, 10_000, &format!("{at}+07:00")).await;
    }
}

/// Makes a close what the program before signed: without a word of the bank.
async fn as_signed_before(world: &World, date: &str) {
    let signed = world.app.day_close(&tan(), date.parse().unwrap()).await.unwrap().unwrap();
    assert!(
        signed.statement.starts_with("{\"v\":2,") && signed.statement.contains("\"bank\":{"),
        "{}",
        signed.statement
    );
    let old = socho::ledger::seal::close::DayClose { bank: None, ..signed.close };
    let statement = socho::ledger::seal::close::statement(&old).unwrap();
    assert!(statement.starts_with("{\"v\":1,") && !statement.contains("bank"), "{statement}");
    let file = Keyring::in_folder(world.path("keys")).files().into_iter().next().expect("the market's key");
    let key: PrivateKey = std::fs::read_to_string(file).unwrap().parse().unwrap();
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat();
    let (hash, signature) =
        (socho::ledger::seal::close::hash(&statement).to_string(), hex(&key.sign(statement.as_bytes())));
    let change = |hash: &str, signature: &str| {
        format!(
            "UPDATE day_closes SET statement = '{statement}', hash = {hash}, signature = {signature} \
             WHERE business_date = '{date}'"
        )
    };
    let sql = if world.url.starts_with("sqlite:") {
        let change = change(&format!("x'{hash}'"), &format!("x'{signature}'"));
        let guard = "CREATE TRIGGER day_closes_no_update BEFORE UPDATE ON day_closes \
            BEGIN SELECT RAISE(ABORT, 'append-only: day_closes'); END";
        format!("DROP TRIGGER day_closes_no_update; {change}; {guard}")
    } else {
        let bytes = |hex: &str| format!("decode('{hex}', 'hex')");
        format!("SET session_replication_role = replica; {}", change(&bytes(&hash), &bytes(&signature)))
    };
    world.execute(&sql).await.unwrap();
}

story!(a_close_of_the_program_before_still_verifies_and_the_next_one_follows_it, |world| {
    days_of_sales(&world).await;
    close(&world, "2026-11-20").await.unwrap();
    as_signed_before(&world, "2026-11-20").await;
    assert_eq!(differences(&world).await, Vec::<String>::new());
    let closed = close(&world, "2026-11-23").await.unwrap();
    assert!(closed.iter().all(|day| day.signed.statement.starts_with("{\"v\":2,")));
    assert_eq!(differences(&world).await, Vec::<String>::new());
    for posting in ["TAN-1", "TAN-3"] {
        let made = world.app.prove(&posting.parse().unwrap()).await.unwrap();
        let shown = proof::check(&made, &public_key(&world, 1).await).unwrap();
        assert_eq!(shown.close.bank.is_none(), posting == "TAN-1");
    }
    let report = world.app.daily_report(&tan(), "2026-11-20".parse().unwrap()).await.unwrap();
    assert_eq!(report.seal.unwrap().bank, None);
});

story!(closing_a_date_seals_it_and_every_open_date_before_it, |world| {
    days_of_sales(&world).await;
    let closed = close(&world, "2026-11-23").await.unwrap();
    let figures: Vec<_> = closed
        .iter()
        .map(|day| {
            let close = &day.signed.close;
            (close.business_date.to_string(), close.payments, close.amount.whole(), close.postings, close.early)
        })
        .collect();
    let day = |date: &str, count: i64| (date.to_owned(), count, count * 10_000, count, false);
    let expected = [day("2026-11-20", 2), day("2026-11-21", 0), day("2026-11-22", 1), day("2026-11-23", 0)];
    assert_eq!(figures, expected);
    assert!(closed.windows(2).all(|pair| pair[1].signed.close.previous == pair[0].signed.hash));
    assert_eq!(closed[0].signed.close.closed_by, "chi-hai");
    assert_eq!(differences(&world).await, Vec::<String>::new());

    let again = close(&world, "2026-11-22").await.unwrap_err();
    assert_eq!(again.code, "day_closed");
    assert!(again.message.en.contains("chi-hai"), "{}", again.message.en);
    assert_eq!(close(&world, "2026-11-25").await.unwrap_err().code, "day_not_begun");
    assert_eq!(close(&world, "2026-11-24").await.unwrap_err().code, "day_not_ended");
    let early = CloseDay { market: tan(), date: "2026-11-24".parse().unwrap(), early: true, actor: "x".to_owned() };
    assert!(world.app.close_day(early).await.unwrap()[0].signed.close.early);
    assert_eq!(differences(&world).await, Vec::<String>::new());
    let report = world.app.daily_report(&tan(), "2026-11-22".parse().unwrap()).await.unwrap();
    assert_eq!(report.status.as_str(), "closed");
});

story!(money_for_a_closed_date_goes_to_the_open_date_tagged_late, |world| {
    days_of_sales(&world).await;
    close(&world, "2026-11-22").await.unwrap();
    sell(&world, "late", 70_000, "2026-11-22T17:00:00+07:00").await;
    sell(&world, "own", 5_000, "2026-11-24T07:00:00+07:00").await;
    let report = |date: &'static str| {
        let app = Arc::clone(&world.app);
        async move { app.daily_report(&tan(), date.parse().unwrap()).await.unwrap() }
    };
    let open = report("2026-11-23").await;
    assert_eq!((open.late.count, open.late.amount.whole(), open.amount.whole()), (1, 70_000, 70_000));
    assert_eq!(report("2026-11-22").await.amount.whole(), 10_000);
    assert_eq!(report("2026-11-24").await.amount.whole(), 5_000);
    // A correction of a closed date's posting is a posting of the open date.
    world.app.reverse(&"TAN-1".parse().unwrap(), "op", "nhầm").await.unwrap();
    assert_eq!(
        report("2026-11-24").await.reversed.amount.whole() + report("2026-11-23").await.reversed.amount.whole(),
        -10_000
    );
    assert_eq!(report("2026-11-20").await.amount.whole(), 20_000);
    close(&world, "2026-11-23").await.unwrap();
    assert_eq!(differences(&world).await, Vec::<String>::new());
});

story!(of_two_closers_at_once_one_wins_and_the_other_is_told, |world| {
    days_of_sales(&world).await;
    let other = world.second().await;
    let asked = || CloseDay { market: tan(), date: "2026-11-22".parse().unwrap(), early: false, actor: "x".to_owned() };
    let (one, two) = tokio::join!(world.app.close_day(asked()), other.close_day(asked()));
    let told: Vec<_> = [one, two].into_iter().filter_map(Result::err).map(|error| error.code).collect();
    assert_eq!(told, ["day_closed"]);
    assert_eq!(world.int("SELECT COUNT(*) FROM day_closes").await, 3);
    assert_eq!(differences(&world).await, Vec::<String>::new());
    other.close().await;
});

story!(a_batch_judged_before_a_close_and_written_after_it_is_judged_again, |world| {
    a_market(&world).await;
    world.set_clock("2026-11-24T23:59:58+07:00");
    let other = world.second().await;
    let mut late = 0;
    for round in 0..20 {
        let date = format!("2026-11-{:02}", round + 1);
        let sales: Vec<_> = (0..8)
            .map(|n| settlement(ACCOUNT, &format!("r{round}n{n}"), 1_000, &format!("{date}T12:00:00+07:00")))
            .collect();
        let mut tasks = Vec::new();
        for sale in sales {
            let app = Arc::clone(&world.app);
            tasks.push(tokio::spawn(async move { crate::world::send(&app, "one", Dialect::GenericHmac, &sale).await }));
        }
        let asked = CloseDay { market: tan(), date: date.parse().unwrap(), early: false, actor: "x".to_owned() };
        other.close_day(asked).await.unwrap();
        for task in tasks {
            task.await.unwrap();
        }
        late = world.int("SELECT COUNT(*) FROM postings WHERE late = 1").await;
    }
    assert_eq!(world.int("SELECT COUNT(*) FROM postings").await, 160);
    assert_eq!(
        world
            .int(
                "SELECT COUNT(*) FROM postings p JOIN day_closes c ON c.market_id = p.market_id \
            AND c.business_date = p.business_date WHERE p.seq > c.journal_seq"
            )
            .await,
        0
    );
    // Both sides of the race were met: some rounds' sales came before their close, some after.
    assert!((1..160).contains(&late), "{late} of 160 were late");
    assert_eq!(differences(&world).await, Vec::<String>::new());
    other.close().await;
});

story!(a_proof_is_checked_without_the_book, |world| {
    days_of_sales(&world).await;
    let name = "TAN-2".parse().unwrap();
    assert_eq!(world.app.prove(&name).await.unwrap_err().code, "day_open");
    close(&world, "2026-11-22").await.unwrap();
    let text = serde_json::to_string(&world.app.prove(&name).await.unwrap()).unwrap();
    let key = public_key(&world, 1).await;
    let read = |text: &str| serde_json::from_str::<Proof>(text).unwrap();
    let shown = proof::check(&read(&text), &key).unwrap();
    assert_eq!((shown.posting.seq, shown.posting.transfer.amount.whole()), (Seq::new(2), 10_000));
    assert_eq!(shown.close.business_date.to_string(), "2026-11-20");
    for (from, to) in [
        ("\\\"amount\\\":10000", "\\\"amount\\\":90000"),
        ("\"index\":1", "\"index\":0"),
        ("\\\"payments\\\":2", "\\\"payments\\\":3"),
        ("TAN-2", "TAN-1"),
    ] {
        let forged = text.replacen(from, to, 1);
        assert_ne!(forged, text, "{from}");
        assert!(proof::check(&read(&forged), &key).is_err(), "{to}");
    }
    let stranger = socho::ledger::seal::key::PrivateKey::from_seed(&[9; 32]).public();
    assert!(proof::check(&read(&text), &stranger).is_err());
});

story!(a_rotated_key_is_endorsed_by_the_one_before, |world| {
    days_of_sales(&world).await;
    assert_eq!(world.app.rotate_key(&tan()).await.unwrap_err().code, "key_missing");
    let first = world.app.init_key(&tan()).await.unwrap();
    assert_eq!(world.app.init_key(&tan()).await.unwrap_err().code, "key_exists");
    close(&world, "2026-11-20").await.unwrap();
    let second = world.app.rotate_key(&tan()).await.unwrap();
    assert_eq!((first.number, second.number), (1, 2));
    close(&world, "2026-11-22").await.unwrap();
    let proof = world.app.prove(&"TAN-3".parse().unwrap()).await.unwrap();
    assert_eq!(proof::check(&proof, &first.public).unwrap().fingerprint, second.public.fingerprint());
    assert!(proof::check(&proof, &second.public).is_ok());
    let old = world.app.prove(&"TAN-1".parse().unwrap()).await.unwrap();
    assert!(proof::check(&old, &first.public).is_ok());
    let refused = proof::check(&old, &second.public).unwrap_err();
    assert!(refused.to_string().contains("does not vouch"), "{refused}");
    assert_eq!(differences(&world).await, Vec::<String>::new());
});

story!(one_changed_byte_of_a_seal_is_found, |world| {
    days_of_sales(&world).await;
    close(&world, "2026-11-23").await.unwrap();
    for table in ["day_closes", "market_keys", "day_balances"] {
        if world.url.starts_with("sqlite") {
            world.execute(&format!("DROP TRIGGER {table}_no_update")).await.unwrap();
        } else {
            world.execute(&format!("ALTER TABLE {table} DISABLE TRIGGER USER")).await.unwrap();
        }
    }
    for (table, column, change, key) in [
        ("day_closes", "amount", "amount + 1", "business_date = '2026-11-20'"),
        ("day_closes", "closed_by", "'x'", "business_date = '2026-11-20'"),
        ("day_closes", "journal_seq", "journal_seq + 1", "business_date = '2026-11-22'"),
        (
            "day_closes",
            "statement",
            "replace(statement, '\"payments\":2', '\"payments\":3')",
            "business_date = '2026-11-20'",
        ),
        ("day_closes", "signature", "hash", "business_date = '2026-11-22'"),
        ("day_closes", "hash", "previous_hash", "business_date = '2026-11-22'"),
        ("market_keys", "statement", "replace(statement, 'TAN', 'TEN')", "key_no = 1"),
        ("market_keys", "created_at", "created_at + 1000000", "key_no = 1"),
        ("day_balances", "credits", "credits + 1", "account = 'stall:1' AND business_date = '2026-11-22'"),
        ("market_head", "open_date", "'2026-11-23'", "market_id = 1"),
    ] {
        let spare = if column == "signature" { "signature" } else { column };
        world
            .execute(&format!("CREATE TABLE kept AS SELECT {spare} AS was FROM {table} WHERE market_id = 1 AND {key}"))
            .await
            .unwrap();
        let changed = world
            .execute(&format!("UPDATE {table} SET {column} = {change} WHERE market_id = 1 AND {key}"))
            .await
            .unwrap();
        assert_eq!(changed, 1, "{table}.{column}");
        assert!(!differences(&world).await.is_empty(), "{table}.{column}");
        world
            .execute(&format!("UPDATE {table} SET {column} = (SELECT was FROM kept) WHERE market_id = 1 AND {key}"))
            .await
            .unwrap();
        world.execute("DROP TABLE kept").await.unwrap();
        assert_eq!(differences(&world).await, Vec::<String>::new(), "{table}.{column}");
    }
});

story!(balances_are_known_after_any_posting_and_up_to_any_date, |world| {
    days_of_sales(&world).await;
    let credits = |as_of: AsOf| {
        let app = Arc::clone(&world.app);
        async move {
            let found = app.balances(&tan(), as_of).await.unwrap();
            assert_eq!(found.totals.debits, found.totals.credits);
            found.accounts.iter().find(|(name, _)| name == "stall:1").map_or(0, |(_, sides)| sides.credits.whole())
        }
    };
    let date = |text: &str| AsOf::Date(text.parse().unwrap());
    for round in 0..2 {
        for (as_of, expected) in [
            (AsOf::Now, 30_000),
            (AsOf::Posting(Seq::new(0)), 0),
            (AsOf::Posting(Seq::new(2)), 20_000),
            (date("2026-11-19"), 0),
            (date("2026-11-20"), 20_000),
            (date("2026-11-21"), 20_000),
            (date("2026-11-22"), 30_000),
        ] {
            assert_eq!(credits(as_of).await, expected, "{as_of:?} in round {round}");
        }
        if round == 0 {
            close(&world, "2026-11-21").await.unwrap();
        }
    }
    let beyond = world.app.balances(&tan(), AsOf::Posting(Seq::new(4))).await.unwrap_err();
    assert_eq!(beyond.fields[0].code, "seq_out_of_range");
});

story!(balances_of_a_long_journal_start_from_a_kept_step, |world| {
    world.market("TAN", "00:00").await;
    world.stall("TAN", "A1", "Chị Ba", ACCOUNT).await;
    world.source("many", Dialect::CassoV1, &[ACCOUNT], Some("TAN")).await;
    for delivery in 0..17 {
        let item = |n: i32| {
            let id = delivery * 500 + n + 1;
            format!(
                "{{\"id\":{id},\"tid\":\"T{id}\",\"description\":\"x\",\"amount\":1000,\"when\":\"2026-11-20 08:00:00\",\
                 \"bank_sub_acc_id\":\"{ACCOUNT}\"}}"
            )
        };
        let items: Vec<String> = (0..500).map(item).collect();
        let inbound = socho::app::receive_settlement::Inbound {
            source: "many".to_owned(),
            sub_path: String::new(),
            address: None,
            headers: vec![("secure-token".to_owned(), crate::world::secret_of(Dialect::CassoV1).as_bytes().to_vec())],
            body: format!("{{\"error\":0,\"data\":[{}]}}", items.join(",")).into_bytes(),
        };
        world.app.receive_settlement(inbound).await.unwrap();
    }
    assert_eq!(world.int("SELECT COUNT(DISTINCT seq) FROM balance_steps").await, 1);
    assert_eq!(world.int("SELECT MAX(seq) FROM balance_steps").await, 8_500);
    for (seq, expected) in [(8_499, 8_499_000), (8_500, 8_500_000)] {
        let found = world.app.balances(&tan(), AsOf::Posting(Seq::new(seq))).await.unwrap();
        assert_eq!(found.totals.credits.whole(), expected);
    }
    assert_eq!(differences(&world).await, Vec::<String>::new());
    if world.url.starts_with("sqlite") {
        world.execute("DROP TRIGGER balance_steps_no_update").await.unwrap();
    } else {
        world.execute("ALTER TABLE balance_steps DISABLE TRIGGER USER").await.unwrap();
    }
    world.execute("UPDATE balance_steps SET debits = debits + 1 WHERE account LIKE 'bank:%'").await.unwrap();
    let found = differences(&world).await;
    assert!(found.len() == 1 && found[0].contains("balance_steps 8500"), "{found:?}");
});

story!(a_market_is_closed_and_a_stall_registered_while_payments_keep_coming, |world| {
    a_market(&world).await;
    let (stop, stopped) = tokio::sync::watch::channel(false);
    let mut senders = Vec::new();
    for sender in 0..8 {
        let (app, stopped) = (Arc::clone(&world.app), stopped.clone());
        senders.push(tokio::spawn(async move {
            let mut sent = 0_i64;
            while !*stopped.borrow() {
                let sale = settlement(ACCOUNT, &format!("s{sender}n{sent}"), 1_000, "2026-11-23T12:00:00+07:00");
                crate::world::send(&app, "one", Dialect::GenericHmac, &sale).await;
                sent += 1;
            }
            sent
        }));
    }
    let postings = "SELECT COUNT(*) FROM postings";
    while world.int(postings).await < 20 {
        tokio::task::yield_now().await;
    }
    // Another process than the one whose lane is busy.
    let other = world.second().await;
    for (date, stall) in [("2026-11-21", "B1"), ("2026-11-22", "B2"), ("2026-11-23", "B3")] {
        let before = world.int(postings).await;
        let asked = CloseDay { market: tan(), date: date.parse().unwrap(), early: false, actor: "x".to_owned() };
        other.close_day(asked).await.unwrap();
        let new = crate::world::registration(stall, "Chị Năm", &format!("9{}", &stall[1..].repeat(9)));
        other.register(&tan(), new).await.unwrap();
        while world.int(postings).await == before {
            tokio::task::yield_now().await;
        }
    }
    stop.send_replace(true);
    let mut sent = 0;
    for sender in senders {
        sent += sender.await.unwrap();
    }
    assert_eq!(world.int(postings).await, sent);
    assert_eq!(differences(&world).await, Vec::<String>::new());
    other.close().await;
});
