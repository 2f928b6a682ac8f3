//! What commands print, read as their user.

use std::process::Command;

use socho::app::export_month::Month;

use crate::serve::{BINARY, Folder, socho};

#[test]
fn a_month_is_written_as_it_was_read() {
    for month in ["2026-01", "2026-02", "2026-11", "2101-12"] {
        assert_eq!(month.parse::<Month>().unwrap().to_string(), month);
    }
}

#[test]
fn backups_and_mistyped_commands_speak_the_users_language() {
    let folder = Folder::new("words");
    let (db, copy, again) = (folder.db(), folder.path("copy.db"), folder.path("again.db"));
    assert_eq!(socho(&["demo", "--no-serve", "--db", &db, "--markets", "1", "--stalls", "5", "--days", "2"]).0, 0);
    let vietnamese = |arguments: &[&str]| {
        let told = Command::new(BINARY).args(arguments).env("SOCHO_LANG", "vi").env("SOCHO_DB", &db).output().unwrap();
        (told.status.code().unwrap(), String::from_utf8([told.stdout, told.stderr].concat()).unwrap())
    };
    let into = format!("sqlite:{again}");
    for (arguments, exit, words) in [
        (&["backup", "--to", &copy][..], 0, " bút toán, "),
        (&["backup", "--to", &copy], 1, "--force"),
        (&["restore", &copy, "--into", &into], 0, "đã kiểm tra, khớp"),
        (&["verify"], 0, ": khớp, "),
        (&["key"], 2, "Thiếu lệnh con."),
        (&["balances", "--market", "TAN", "--seq", "3", "--date", "2026-11-23"], 2, "Không dùng --seq"),
    ] {
        let (code, told) = vietnamese(arguments);
        assert!(code == exit && told.contains(words), "{arguments:?}: {code} {told}");
        for english in ["postings", "bytes", "verified", "hash", "error:"] {
            assert!(!told.contains(english), "{arguments:?}: {told}");
        }
    }
}
