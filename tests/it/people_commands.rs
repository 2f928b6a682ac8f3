//! `socho user`, `socho device` and `socho key api`, as whoever holds the book's file uses them.

use serde_json::Value;

use crate::serve::{Folder, socho};

/// A book with a market and a stall.
fn book(name: &str) -> (Folder, String) {
    let folder = Folder::new(name);
    let db = folder.db();
    assert_eq!(socho(&["market", "add", "--db", &db, "--code", "TAN", "--name", "Chợ Tân An"]).0, 0);
    let vendor = ["vendor", "add", "--db", &db, "--market", "TAN", "--stall", "B12", "--name", "Nguyễn Thị Hoa"];
    assert_eq!(socho(&[&vendor[..], &["--bin", "970436", "--account", "0071000888888"]].concat()).0, 0);
    (folder, db)
}

/// Runs a command that must succeed and answers in JSON.
fn told(db: &str, arguments: &[&str]) -> Value {
    let (code, out, error) = socho(&[arguments, &["--db", db, "--json"]].concat());
    assert_eq!(code, 0, "{arguments:?}: {out}{error}");
    serde_json::from_str(&out).unwrap_or(Value::Null)
}

/// Runs a command that is refused; its exit code and what it says.
fn refused(db: &str, arguments: &[&str]) -> (i32, String) {
    let (code, _, error) = socho(&[arguments, &["--db", db]].concat());
    (code, error)
}

#[test]
fn people_are_added_changed_shut_out_and_let_in_by_command() {
    let (_folder, db) = book("people");
    let add = ["user", "add", "--name", "hoa", "--full-name", "Trần Thị Hòa", "--role", "manager"];
    let (code, told_why) = refused(&db, &add);
    assert!(code == 1 && told_why.contains("market"), "a manager has a market: {told_why}");
    let made = told(&db, &[&add[..], &["--market", "TAN"]].concat());
    assert!(made["password"].as_str().unwrap().len() >= 10 && made["role"] == "manager", "{made}");
    assert_eq!(refused(&db, &[&add[..], &["--market", "TAN"]].concat()).0, 1, "a name is one person's");
    assert_eq!(refused(&db, &["user", "role", "hoa", "--role", "mayor"]).0, 2, "no such role");
    told(&db, &["user", "role", "hoa", "--role", "auditor"]);
    told(&db, &["user", "disable", "hoa"]);
    let listed = told(&db, &["user", "list"]);
    let hoa = &listed["data"][0];
    assert_eq!((hoa["name"].as_str(), hoa["role"].as_str()), (Some("hoa"), Some("auditor")), "{hoa}");
    assert!(!hoa["disabled_at"].is_null(), "{hoa}");
    told(&db, &["user", "enable", "hoa"]);
    assert!(told(&db, &["user", "list"])["data"][0]["disabled_at"].is_null());
    let again = told(&db, &["user", "password", "hoa"]);
    assert_ne!(again["password"], made["password"]);
    assert_eq!(told(&db, &["user", "sessions", "hoa"])["data"], Value::Array(Vec::new()));
    let (code, out, _) = socho(&["user", "revoke", "hoa", "--all", "--db", &db]);
    assert_eq!((code, out.as_str()), (0, "0 sessions ended\n"));
    assert_eq!(refused(&db, &["user", "disable", "nobody"]).0, 1);
    let (code, out, _) = socho(&["user", "list", "--db", &db]);
    assert!(code == 0 && out.contains("Trần Thị Hòa") && out.contains("first password"), "{out}");
}

#[test]
fn phones_are_paired_listed_and_taken_off_by_command() {
    let (_folder, db) = book("phones");
    let stall = ["--market", "TAN", "--stall", "b12"];
    let pair = told(&db, &[&["device", "pair"][..], &stall].concat());
    assert!(pair["path"].as_str().unwrap().starts_with("/pair/TAN-") && pair["revoked_devices"] == 0, "{pair}");
    let second = told(&db, &[&["device", "pair", "--revoke-devices"][..], &stall].concat());
    assert_ne!(second["code"], pair["code"], "each code is used once");
    assert_eq!(told(&db, &[&["device", "list"][..], &stall].concat())["data"], Value::Array(Vec::new()));
    let unknown = "dev_0192f0c1d2e37a4bb5c6d7e8f9a0b1c2";
    assert_eq!(refused(&db, &[&["device", "revoke"][..], &stall, &[unknown]].concat()).0, 1);
    assert_eq!(refused(&db, &[&["device", "revoke"][..], &stall, &["hers"]].concat()).0, 2, "not a phone's name");
    assert_eq!(refused(&db, &["device", "list", "--market", "TAN", "--stall", "X9"]).0, 1);
}

#[test]
fn keys_of_machines_are_shown_once_and_ended_by_command() {
    let (_folder, db) = book("keys");
    let add = ["key", "api", "add", "--name", "accounting", "--role", "auditor", "--right", "days.read"];
    let made = told(&db, &add);
    let secret = made["secret"].as_str().unwrap();
    assert!(secret.starts_with("sc_"), "{made}");
    let listed = told(&db, &["key", "api", "list"]);
    assert!(!listed.to_string().contains(secret), "shown once: {listed}");
    assert_eq!(listed["data"][0]["rights"], serde_json::json!(["days.read"]));
    let foreign = ["key", "api", "add", "--name", "x", "--role", "city", "--right", "inbox.resolve"];
    assert_eq!(refused(&db, &foreign).0, 1, "no right beyond the role's");
    assert!(told(&db, &["key", "api", "rights", "--role", "city"])["rights"].as_array().unwrap().len() > 1);
    let id = made["key"]["id"].as_str().unwrap();
    told(&db, &["key", "api", "revoke", id]);
    assert!(!told(&db, &["key", "api", "list"])["data"][0]["revoked_at"].is_null());
    assert_eq!(refused(&db, &["key", "api", "revoke", id]).0, 1, "it has ended");
}
