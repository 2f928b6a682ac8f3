//! Layouts that nobody knows, described by a person: read, or refused with the line and the rule.

use socho::app::read_statement::read_statement;

const ONE_COLUMN: &str = "name = \"Bank Ten\"\naccount = \"12345678\"\n[columns]\ndate = [\"Posted\"]\n\
    reference = [\"Ref\"]\nmemo = [\"Narrative\"]\namount = [\"Movement\"]\ndirection = [\"D/C\"]\nbalance = [\"Ledger\"]\n";
const TWO_COLUMNS: &str = "name = \"Bank Ten\"\naccount = \"12345678\"\n[columns]\ndate = [\"Posted\"]\n\
    reference = [\"Ref\"]\nmemo = [\"Narrative\"]\ndebit = [\"Out\"]\ncredit = [\"In\"]\nbalance = [\"Ledger\"]\n";
const HEAD: &str = "Posted;Ref;Narrative;Movement;D/C;Ledger\n";

fn amounts(text: &str, map: &str) -> Vec<i64> {
    let file = read_statement(text.as_bytes(), Some(map)).unwrap_or_else(|refusal| panic!("{refusal}\n{text}"));
    file.statements[0].lines.iter().map(|line| line.signed().whole()).collect()
}

fn refused(text: &str, map: &str) -> String {
    read_statement(text.as_bytes(), Some(map)).unwrap_err().message.en
}

#[test]
fn a_header_of_two_rows_with_units_under_it_and_totals_behind_is_read() {
    let text = format!(
        "Account statement\n;Transaction;;Movement;;\n{HEAD};;;(VND);;(VND)\n24/11/2026;R1;a;50.000;C;150.000\n\
         24/11/2026;R2;b;20.000;D;130.000\nTotals;;;70.000;;\nGrand total;;;70.000;;\n"
    );
    assert_eq!(amounts(&text, ONE_COLUMN), [50_000, -20_000]);
}

#[test]
fn columns_in_another_order_and_amounts_in_parentheses_are_read() {
    let text = "Ledger;Narrative;In;Out;Ref;Posted\n151.000;a;51.000;;R1;24/11/2026\n150.000;b;;(1.000);R2;24/11/2026\n\
        Total;;51.000;(1.000);;\n";
    assert_eq!(amounts(text, TWO_COLUMNS), [51_000, -1_000]);
}

#[test]
fn a_word_beside_the_amount_says_its_way_and_one_that_does_not_is_refused_by_name() {
    let row = |word: &str, balance| format!("24/11/2026;R;b;20.500;{word};{balance}\n");
    let text = format!("{HEAD}{}{}{}", row("Debit", "130.000"), row("CR", "150.500"), row("dr", "130.000"));
    assert_eq!(amounts(&text, ONE_COLUMN), [-20_500, 20_500, -20_500]);
    let told = refused(&format!("{HEAD}{}", row("X", "130.000")), ONE_COLUMN);
    assert!(told.starts_with("Line 2, column E: \"X\" does not say whether money came in"), "{told}");
}

#[test]
fn both_kinds_of_separators_are_read_where_the_balance_proves_them_and_refused_where_nothing_does() {
    let rows = [("50.500", "C", "150.500"), ("1,050,500", "C", "1.201.000")];
    let row = |(amount, word, balance): (&str, &str, &str)| format!("24/11/2026;R;a;{amount};{word};{balance}\n");
    let text = rows.map(row).concat();
    assert_eq!(amounts(&format!("{HEAD}{text}"), ONE_COLUMN), [50_500, 1_050_500]);
    let head = "Posted;Ref;Narrative;Movement;D/C\n";
    let told = refused(&format!("{head}24/11/2026;R1;a;50.500;C\n24/11/2026;R2;a;1,000;C\n"), ONE_COLUMN);
    assert!(told.starts_with("Line 3, column D:") && told.contains("thousands"), "{told}");
}

#[test]
fn months_by_name_are_read_and_years_of_two_digits_where_the_layout_says_so() {
    let row = |date: &str| format!("{HEAD}{date};R1;a;50000;C;150000\n");
    assert_eq!(amounts(&row("24-Nov-2026"), ONE_COLUMN), [50_000]);
    let told = refused(&row("24-Nov-26"), ONE_COLUMN);
    assert!(told.starts_with("Line 2, column A: \"24-Nov-26\" is not a date"), "{told}");
    assert!(told.contains("date_order"), "{told}");
    let short = format!("date_order = \"day-first-short-year\"\n{ONE_COLUMN}");
    for date in ["24-Nov-26", "24/11/26", "24/11/2026"] {
        let file = read_statement(row(date).as_bytes(), Some(&short)).unwrap();
        assert_eq!(file.statements[0].lines[0].booked_at.date().to_string(), "2026-11-24", "{date}");
    }
}
