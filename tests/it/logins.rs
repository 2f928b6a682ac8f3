//! Logins under attack: guessing, planted sessions, forged forms, people who are shut out.

use socho::app::access::{Actor, Role};
use socho::app::machine_keys::NewKey;
use socho::app::manage_users::NewUser;
use socho::domain::rights::Right;
use socho::web::Door;

use crate::visitors::{PASSWORD, Site, user};
use crate::world::{World, story};

const SESSION: &str = "__Host-socho-session";

async fn board(world: &World) -> Site {
    world.market("TAN", "00:00").await;
    world.market("CKE", "00:00").await;
    world.stall("TAN", "B12", "Nguyễn Thị Hoa", "0071").await;
    user(world, "lan", Role::Manager, Some("TAN")).await;
    user(world, "sang", Role::Admin, None).await;
    Site::of(world)
}

story!(a_session_that_was_planted_before_the_login_is_worth_nothing_after_it, |world| {
    let site = board(&world).await;
    let planted = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA".to_owned();
    let mut victim = site.visitor();
    victim.cookies.insert(SESSION.to_owned(), planted.clone());
    assert_eq!(victim.log_in("lan", PASSWORD).await.status, 303);
    assert_ne!(victim.cookies[SESSION], planted);
    let mut attacker = site.visitor();
    attacker.cookies.insert(SESSION.to_owned(), planted);
    assert_eq!(attacker.get("/v1/markets").await.status, 401);
    // A second login makes another token, and the form's cookie goes.
    let first = victim.cookies[SESSION].clone();
    assert!(!victim.cookies.contains_key("__Host-socho-form"));
    let mut again = site.visitor();
    again.log_in("lan", PASSWORD).await;
    assert_ne!(again.cookies[SESSION], first);
    assert_eq!(world.int("SELECT COUNT(*) FROM sessions").await, 2);
});

story!(a_password_is_slow_to_guess_and_its_owner_is_not_locked_out, |world| {
    let site = board(&world).await;
    let mut owner = site.visitor();
    assert_eq!(owner.log_in("lan", PASSWORD).await.status, 303);
    let mut answers = Vec::new();
    for attempt in 0..8 {
        let mut stranger = site.visitor().at_address(&format!("198.51.100.{attempt}"));
        answers.push(stranger.log_in("lan", "sai mật khẩu").await.status);
    }
    assert_eq!(answers, [401, 401, 401, 401, 401, 401, 429, 429]);
    // Not even the right password helps a stranger now, nor is its being right told.
    let mut stranger = site.visitor().at_address("198.51.100.99");
    let blocked = stranger.log_in("lan", PASSWORD).await;
    assert_eq!(blocked.status, 429);
    assert!(blocked.headers["retry-after"].to_str().unwrap().parse::<u32>().unwrap() >= 1);
    // The owner's own browser is known by what it kept.
    let csrf = owner.page("/account").await.csrf();
    assert_eq!(owner.form("/logout", &[("csrf", &csrf)]).await.location, "/login");
    assert!(!owner.cookies.contains_key(SESSION));
    assert_eq!(owner.log_in("lan", PASSWORD).await.status, 303);
    // And an hour's quiet forgets it all.
    world.set_clock("2026-11-24T09:25:00+07:00");
    assert_eq!(stranger.log_in("lan", PASSWORD).await.status, 303);
});

story!(an_address_that_tries_many_names_is_slowed_and_another_is_not, |world| {
    let site = board(&world).await;
    let mut answers = Vec::new();
    for attempt in 0..24 {
        let mut guesser = site.visitor();
        answers.push(guesser.log_in(&format!("nguoi{attempt}"), "sai mật khẩu").await.status);
    }
    assert_eq!((answers[20], answers[23]), (401, 429), "{answers:?}");
    let mut neighbour = site.visitor().at_address("198.51.100.1");
    assert_eq!(neighbour.log_in("lan", PASSWORD).await.status, 303);
});

story!(whether_a_name_is_there_is_told_in_no_word, |world| {
    let site = board(&world).await;
    user(&world, "gone", Role::Auditor, None).await;
    world.app.set_user_disabled(&Actor::operator(), &"gone".parse().unwrap(), true).await.unwrap();
    let mut told = Vec::new();
    for (name, password) in [("lan", "sai mật khẩu"), ("nobody", PASSWORD), ("gone", PASSWORD), ("no such!", "x")] {
        let mut visitor = site.visitor();
        let seen = visitor.log_in(name, password).await;
        let said = seen.body.split("role=\"alert\">").nth(1).unwrap().split('<').next().unwrap().to_owned();
        told.push((seen.status, said));
    }
    assert!(told.iter().all(|one| *one == told[0]) && told[0].0 == 401, "{told:?}");
});

story!(a_form_that_our_own_page_did_not_send_changes_nothing, |world| {
    let site = board(&world).await;
    let (mut lan, mut sang) = (site.visitor(), site.visitor());
    lan.log_in("lan", PASSWORD).await;
    sang.log_in("sang", PASSWORD).await;
    let own = lan.page("/account").await.csrf();
    let others = sang.page("/account").await.csrf();
    assert_ne!(own, others);
    let form = "application/x-www-form-urlencoded";
    let before = world.int("SELECT COUNT(*) FROM sessions WHERE ended_at IS NULL").await;
    for path in ["/account/sessions/end", "/logout", "/users", "/account/password", "/users/sang/disable"] {
        for token in ["", "csrf=&", &format!("csrf={others}&"), "csrf=guess&"] {
            let seen = lan.send("POST", path, &[("content-type", form)], &format!("{token}session=all")).await;
            assert_eq!((seen.status, seen.code().as_str()), (403, "csrf"), "{path} {token}");
        }
        for (name, value) in [
            ("origin", "https://evil.example"),
            ("origin", "null"),
            ("sec-fetch-site", "cross-site"),
            ("sec-fetch-site", "same-site"),
        ] {
            let body = format!("csrf={own}&session=all");
            let seen = lan.send("POST", path, &[("content-type", form), (name, value)], &body).await;
            assert_eq!((seen.status, seen.code().as_str()), (403, "csrf"), "{path} {name}: {value}");
        }
        let plain = lan.send("POST", path, &[("content-type", "text/plain")], &format!("csrf={own}&session=all")).await;
        assert_eq!(plain.code(), "csrf", "{path}");
    }
    // Of the API, what a cookie alone asks for, without a word of where from.
    let json = [("content-type", "application/json")];
    let seen = lan.send("POST", "/v1/users", &json, "{}").await;
    assert_eq!((seen.status, seen.code().as_str()), (403, "csrf"));
    let with_token = [("content-type", "application/json"), ("x-csrf-token", own.as_str())];
    assert_eq!(lan.send("POST", "/v1/users", &with_token, "{}").await.status, 422);
    assert_eq!(world.int("SELECT COUNT(*) FROM sessions WHERE ended_at IS NULL").await, before);
    // The login itself too: nobody is logged in as somebody else unawares.
    let mut fresh = site.visitor();
    let seen = fresh.form("/login", &[("name", "lan"), ("password", PASSWORD)]).await;
    assert!(seen.status == 403 && !fresh.cookies.contains_key(SESSION), "{}", seen.body);
});

story!(who_is_shut_out_is_out_at_once_and_a_role_counts_at_once, |world| {
    let site = board(&world).await;
    let (mut lan, operator) = (site.visitor(), Actor::operator());
    lan.log_in("lan", PASSWORD).await;
    assert_eq!(lan.get("/v1/markets/TAN/stalls").await.status, 200);
    let name = "lan".parse().unwrap();
    world.app.set_user_role(&operator, &name, Role::Manager, Some(&"CKE".parse().unwrap())).await.unwrap();
    assert_eq!(lan.get("/v1/markets/TAN/stalls").await.code(), "forbidden");
    assert_eq!(lan.get("/v1/markets/CKE/stalls").await.status, 200);
    world.app.set_user_role(&operator, &name, Role::City, None).await.unwrap();
    assert_eq!(lan.get("/v1/markets/CKE/stalls").await.code(), "forbidden");
    world.app.set_user_disabled(&operator, &name, true).await.unwrap();
    assert_eq!(lan.get("/v1/markets").await.code(), "unauthenticated");
    world.app.set_user_disabled(&operator, &name, false).await.unwrap();
    assert_eq!(lan.get("/v1/markets").await.code(), "unauthenticated", "a session that ended does not come back");
});

story!(a_first_password_opens_nothing_but_the_choice_of_another, |world| {
    let site = board(&world).await;
    let new = NewUser {
        name: "thu".parse().unwrap(),
        full_name: "Lê Thị Thu".parse().unwrap(),
        role: Role::Auditor,
        market: None,
        password: None,
        must_change: true,
    };
    let (_, made) = world.app.add_user(&Actor::operator(), new).await.unwrap();
    let made = made.unwrap();
    let mut thu = site.visitor();
    assert_eq!(thu.log_in("Thu ", &made).await.location, "/account/password");
    assert_eq!(thu.page("/").await.location, "/account/password");
    let seen = thu.get("/v1/markets").await;
    assert_eq!((seen.status, seen.code().as_str()), (403, "password_change_required"));
    let csrf = thu.page("/account/password").await.csrf();
    let change = |old: &str, new: &str, again: &str| {
        [("csrf", csrf.clone()), ("old", old.to_owned()), ("new", new.to_owned()), ("again", again.to_owned())]
    };
    for (old, new, again) in [
        (made.as_str(), "ngắn", "ngắn"),
        (made.as_str(), "1234567890", "1234567890"),
        (made.as_str(), made.as_str(), made.as_str()),
        (made.as_str(), PASSWORD, "khác hẳn nhau rồi"),
        ("sai mật khẩu", PASSWORD, PASSWORD),
    ] {
        let fields = change(old, new, again);
        let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
        assert_eq!(thu.form("/account/password", &fields).await.status, 422, "{old} {new}");
    }
    let mut other = site.visitor();
    other.log_in("thu", &made).await;
    let old_token = thu.cookies[SESSION].clone();
    let fields = change(&made, PASSWORD, PASSWORD);
    let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
    assert_eq!(thu.form("/account/password", &fields).await.status, 303);
    assert_eq!(thu.get("/v1/markets").await.status, 200);
    assert_ne!(thu.cookies[SESSION], old_token);
    assert_eq!(other.get("/v1/markets").await.status, 401, "every other session ends");
    other.cookies.insert(SESSION.to_owned(), old_token);
    assert_eq!(other.get("/v1/markets").await.status, 401);
});

story!(a_session_ends_unused_after_a_shift_and_in_any_case_after_a_week, |world| {
    let site = board(&world).await;
    let (mut idle, mut busy) = (site.visitor(), site.visitor());
    idle.log_in("lan", PASSWORD).await;
    busy.log_in("lan", PASSWORD).await;
    let begun = world.app.now();
    for hour in 1..=21 {
        // Every eight hours for a week.
        world.set_clock(&begun.checked_add(jiff::SignedDuration::from_hours(8 * hour)).unwrap().to_string());
        let expected = if hour < 21 { 200 } else { 401 };
        assert_eq!(busy.get("/v1/markets").await.status, expected, "after {} hours", 8 * hour);
        if hour == 2 {
            assert_eq!(idle.get("/v1/markets").await.status, 401);
        }
    }
});

story!(one_sees_and_ends_ones_own_sessions_and_nobody_elses, |world| {
    let site = board(&world).await;
    let (mut here, mut there, mut sang) = (site.visitor(), site.visitor(), site.visitor());
    here.log_in("lan", PASSWORD).await;
    there.log_in("lan", PASSWORD).await;
    sang.log_in("sang", PASSWORD).await;
    let page = here.page("/account").await;
    let ids: Vec<&str> = page.body.split("value=\"ses_").skip(1).map(|rest| rest.split('"').next().unwrap()).collect();
    assert_eq!(ids.len(), 1, "the other one alone has a button");
    let session = format!("ses_{}", ids[0]);
    let csrf = sang.page("/account").await.csrf();
    assert_eq!(sang.form("/account/sessions/end", &[("csrf", &csrf), ("session", &session)]).await.status, 404);
    assert_eq!(there.get("/v1/markets").await.status, 200);
    let csrf = page.csrf();
    assert_eq!(here.form("/account/sessions/end", &[("csrf", &csrf), ("session", &session)]).await.status, 303);
    assert_eq!((there.get("/v1/markets").await.status, here.get("/v1/markets").await.status), (401, 200));
    assert_eq!(here.form("/account/sessions/end", &[("csrf", &csrf), ("session", "all")]).await.status, 303);
    assert_eq!(here.get("/v1/markets").await.status, 401);
});

story!(the_second_factor_is_asked_for_and_no_code_counts_twice, |world| {
    let site = board(&world).await;
    let mut lan = site.visitor();
    lan.log_in("lan", PASSWORD).await;
    let csrf = lan.page("/account").await.csrf();
    let offered = lan.form("/account/second-factor", &[("csrf", &csrf)]).await;
    let typed = offered.body.split("<code>").nth(1).unwrap().split('<').next().unwrap().replace(' ', "");
    let totp = totp_rs::Builder::new().with_secret(totp_rs::Secret::try_from_base32(&typed).unwrap()).build().unwrap();
    let code_at = |world: &World| totp.generate(world.app.now().as_second().cast_unsigned()).to_string();
    let code = code_at(&world);
    let on = lan.form("/account/second-factor/confirm", &[("csrf", &csrf), ("code", &code)]).await;
    let recovery: Vec<String> =
        on.body.split("<li><code>").skip(1).map(|rest| rest.split('<').next().unwrap().to_owned()).collect();
    assert_eq!(recovery.len(), 8, "{}", on.body);

    let mut browser = site.visitor();
    assert_eq!(browser.log_in("lan", PASSWORD).await.location, "/login/code");
    assert_eq!(browser.get("/v1/markets").await.status, 401, "a password alone opens nothing");
    let waiting = browser.cookies[SESSION].clone();
    let csrf = browser.page("/login/code").await.csrf();
    // The code that turned it on was used up by that.
    for wrong in [code.as_str(), "000000", "", "abcd-efgh-jkmn"] {
        let seen = browser.form("/login/code", &[("csrf", &csrf), ("code", wrong)]).await;
        assert_eq!(seen.status, 422, "{wrong}");
    }
    world.set_clock("2026-11-24T08:21:00+07:00");
    let code = code_at(&world);
    assert_eq!(browser.form("/login/code", &[("csrf", &csrf), ("code", &code)]).await.status, 303);
    assert_eq!(browser.get("/v1/markets").await.status, 200);
    assert_ne!(browser.cookies[SESSION], waiting, "another token once it is whole");

    let mut replayed = site.visitor();
    replayed.log_in("lan", PASSWORD).await;
    let csrf = replayed.page("/login/code").await.csrf();
    assert_eq!(replayed.form("/login/code", &[("csrf", &csrf), ("code", &code)]).await.status, 422);
    let spoken = recovery[0].to_uppercase().replace('-', " ");
    assert_eq!(replayed.form("/login/code", &[("csrf", &csrf), ("code", &spoken)]).await.status, 303);
    let mut twice = site.visitor();
    twice.log_in("lan", PASSWORD).await;
    let csrf = twice.page("/login/code").await.csrf();
    assert_eq!(twice.form("/login/code", &[("csrf", &csrf), ("code", &recovery[0])]).await.status, 422);
    // Five minutes later the password has to be given again.
    world.set_clock("2026-11-24T08:27:00+07:00");
    let late = twice.form("/login/code", &[("csrf", &csrf), ("code", &recovery[1])]).await;
    assert_eq!(late.location, "/login");
});

story!(a_manager_manages_the_own_board_and_sees_nobody_else, |world| {
    let site = board(&world).await;
    user(&world, "ba", Role::Manager, Some("CKE")).await;
    let mut lan = site.visitor();
    lan.log_in("lan", PASSWORD).await;
    let page = lan.page("/users").await;
    assert!(page.body.contains("Người lan") && !page.body.contains("sang") && !page.body.contains("Người ba"));
    let csrf = page.csrf();
    // The role and market that a forged form names count for nothing.
    let fields =
        [("csrf", csrf.as_str()), ("name", "phu"), ("full_name", "Võ Phụ"), ("role", "admin"), ("market", "CKE")];
    assert!(lan.form("/users", &fields).await.body.contains("<code>phu</code>"));
    let phu = lan.get("/v1/users").await.json();
    let phu = phu["data"].as_array().unwrap().iter().find(|user| user["name"] == "phu").unwrap().clone();
    assert_eq!((phu["role"].as_str(), phu["market"].as_str()), (Some("manager"), Some("TAN")));
    for (name, role, market) in [("x1", "manager", "\"CKE\""), ("x2", "admin", "null"), ("x3", "city", "null")] {
        let body = format!("{{\"name\":\"{name}\",\"full_name\":\"X\",\"role\":\"{role}\",\"market\":{market}}}");
        assert_eq!(lan.json("POST", "/v1/users", &body).await.code(), "forbidden", "{name}");
    }
    for other in ["sang", "ba", "nobody"] {
        for action in ["disable", "password", "sessions", "second-factor"] {
            let seen = lan.json("POST", &format!("/v1/users/{other}/{action}"), "").await;
            assert_eq!((seen.status, seen.code().as_str()), (404, "not_found"), "{other} {action}");
        }
    }
    assert_eq!(lan.json("POST", "/v1/users/lan/disable", "").await.code(), "own_account");
    assert_eq!(lan.json("POST", "/v1/users/phu/disable", "").await.status, 200);
});

story!(a_key_does_what_it_was_made_for_and_no_more, |world| {
    let site = board(&world).await;
    let new = NewKey {
        name: "Kế toán".parse().unwrap(),
        role: Role::Manager,
        rights: vec![Right::ReadJournal, Right::ReadStalls],
        market: Some("TAN".parse().unwrap()),
        expires_at: Some("2026-11-25T00:00:00+07:00".parse().unwrap()),
    };
    let (key, secret) = world.app.add_machine_key(&Actor::operator(), new).await.unwrap();
    assert!(secret.starts_with(&key.prefix) && secret.len() > 40 && key.prefix.len() < 10);
    let mut program = site.visitor().with_header("authorization", &format!("Bearer {secret}"));
    assert_eq!(program.get("/v1/markets/TAN/postings").await.status, 200);
    assert_eq!(program.get("/v1/markets/CKE/postings").await.code(), "forbidden");
    assert_eq!(program.get("/v1/markets/TAN/days/2026-11-24").await.code(), "forbidden");
    assert_eq!(program.json("POST", "/v1/markets/TAN/stalls", "{}").await.code(), "forbidden");
    let listed = world.app.machine_keys(&Actor::operator()).await.unwrap();
    assert_eq!(listed[0].last_used_at, Some(world.app.now()));
    // A wrong key is nobody, whatever cookie lies beside it.
    let mut mixed = site.visitor();
    mixed.log_in("sang", PASSWORD).await;
    let mut mixed = mixed.with_header("authorization", "Bearer sc_wrong");
    assert_eq!(mixed.get("/v1/markets").await.code(), "unauthenticated");
    let kept = world.int("SELECT COUNT(*) FROM api_keys WHERE prefix = 'sc_'").await;
    assert_eq!(kept, 0);
    world.app.end_machine_key(&Actor::operator(), key.id).await.unwrap();
    assert_eq!(program.get("/v1/markets/TAN/postings").await.code(), "unauthenticated");
});

story!(without_tls_no_password_is_asked_for_and_the_page_says_why, |world| {
    board(&world).await;
    let site = Site::with(&world, Door::default());
    let mut visitor = site.visitor();
    let page = visitor.page("/login").await;
    assert!(page.body.contains("https://") && !page.body.contains("type=\"password\""), "{}", page.body);
    let behind = visitor.clone().with_header("x-forwarded-proto", "https").page("/login").await;
    assert!(behind.body.contains("type=\"password\""));
    let mut here = site.visitor();
    here.headers = vec![("host".to_owned(), "127.0.0.1:8080".to_owned())];
    assert!(here.page("/login").await.body.contains("type=\"password\""), "browsers keep such cookies on this machine");
    let form = visitor.cookies["__Host-socho-form"].clone();
    let token = socho::app::login::form_token(&form);
    let seen = visitor.form("/login", &[("csrf", &token), ("name", "lan"), ("password", PASSWORD)]).await;
    assert!(seen.status == 403 && seen.body.contains("needs_tls"), "{}", seen.body);
});
