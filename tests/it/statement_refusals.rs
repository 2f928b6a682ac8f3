//! Statements that lie, and files that attack: what is refused, where, and in which words.
#![expect(clippy::format_push_string, clippy::format_collect, reason = "files for tests are made of small pieces")]

use fastrand::Rng;
use proptest::prelude::*;
use socho::bank::statement::read;
use socho::bank::statement::refusal::{Limit, Refusal, Rule, SumKind, Suspicion, Wanted};
use socho::domain::language::Language;
use socho::domain::settlement::Direction;
use socho::domain::statement::{Note, Proof};

use crate::statement_files::{Column, Numbers, Table, csv, workbook, xlsx, zip};
use crate::statements::{SAMPLES, answers, lines_of, sample, shown, table};

fn refuse(bytes: &[u8]) -> Refusal {
    match read(bytes, None) {
        Err(refusal) => refusal,
        Ok(file) => panic!("was read: {file:?}"),
    }
}

fn line_of(refusal: &Refusal) -> usize {
    refusal.place.as_ref().unwrap_or_else(|| panic!("no place: {refusal}")).line
}

fn plain_table(rng: &mut Rng) -> Table {
    let mut table = table(rng, 12);
    (table.swapped, table.newest_first, table.state_balances) = (false, false, true);
    table
}

#[test]
fn a_changed_a_missing_and_a_repeated_line_are_named_with_the_difference() {
    let seed = fastrand::u64(..);
    eprintln!("seed {seed}");
    let mut rng = Rng::with_seed(seed);
    for _ in 0..60 {
        let mut table = plain_table(&mut rng);
        table.newest_first = rng.bool();
        table.numbers = Numbers::Comma;
        let (rows, first) = table.rows();
        let at = |index: usize| if table.newest_first { table.movements.len() - 1 - index } else { index };
        // Not the newest line: where it is missing, the closing balance tells.
        let index = rng.usize(0..table.movements.len() - 1);
        let row = first - 1 + at(index);
        let line = first + at(index);
        let net = if table.movements[index].credit { 1 } else { -1 } * table.movements[index].amount;
        let column = |wanted: Column| table.columns.iter().position(|(column, _)| *column == wanted).unwrap();

        let mut changed = rows.clone();
        let money = if table.movements[index].credit { Column::Credit } else { Column::Debit };
        changed[row][column(money)] = Numbers::Comma.write(table.movements[index].amount + 1_000);
        check(&changed, line, if net > 0 { -1_000 } else { 1_000 }, Suspicion::ChangedOrMissing);

        let mut lied = rows.clone();
        lied[row][column(Column::Balance)] = Numbers::Comma.write(-77_777_777);
        let refusal = refuse(csv(&lied, ';').as_bytes());
        assert_eq!(line_of(&refusal), line_with(&lied, row), "{refusal}");
        assert!(matches!(&refusal.rule, Rule::Sum(sum) if sum.what == SumKind::Running(Suspicion::BalanceChanged)));

        let mut twice = rows.clone();
        twice.insert(row + 1, rows[row].clone());
        let repeated = if table.newest_first { line } else { line + 1 };
        check(&twice, repeated, -net, Suspicion::Repeated);

        let mut missing = rows.clone();
        missing.remove(row);
        let after = if table.newest_first { line - 1 } else { line };
        check(&missing, after, net, Suspicion::ChangedOrMissing);
    }
}

/// Returns the line at which a row stands: memos may hold line feeds, blank rows count.
fn line_with(rows: &[Vec<String>], row: usize) -> usize {
    1 + csv(&rows[..row], ';').matches('\n').count()
}

fn check(rows: &[Vec<String>], line: usize, difference: i64, suspicion: Suspicion) {
    let refusal = refuse(csv(rows, ';').as_bytes());
    assert_eq!(line_of(&refusal), line_with(rows, line - 1), "{refusal}");
    let Rule::Sum(sum) = refusal.rule else { panic!("{refusal}") };
    assert_eq!(sum.found.checked_sub(sum.expected).unwrap().whole(), difference, "{rows:?}");
    assert_eq!(sum.what, SumKind::Running(suspicion), "{rows:?}");
}

#[test]
fn the_last_line_and_a_statement_without_running_balances_are_held_to_the_closing_balance() {
    let mut table = plain_table(&mut Rng::with_seed(5));
    let (mut rows, first) = table.rows();
    rows.remove(first - 1 + 11);
    let refusal = refuse(&xlsx(&rows, &[]));
    assert!(matches!(&refusal.rule, Rule::Sum(sum) if sum.what == SumKind::Closing), "{refusal}");
    assert_eq!(line_of(&refusal), first + 11);
    table.columns.retain(|(column, _)| *column != Column::Balance);
    let (mut rows, first) = table.rows();
    assert_eq!(read(&xlsx(&rows, &[]), None).unwrap().statements[0].proof, Proof::Balances);
    rows.remove(first);
    assert!(matches!(refuse(&xlsx(&rows, &[])).rule, Rule::Sum(sum) if sum.what == SumKind::Closing));
}

#[test]
fn sums_of_the_file_prove_lines_that_have_no_balances() {
    let text = "Tài khoản: 0071000888888\nNgày;Số CT;Ghi nợ;Ghi có;Nội dung\n01/06/2026;A1;;1,200,000;x\n01/06/2026;A2;500;;y\nTổng cộng;;500;1,200,000;\n";
    assert_eq!(read(text.as_bytes(), None).unwrap().statements[0].proof, Proof::Totals);
    let refusal = refuse(text.replace(";500;;y", ";400;;y").as_bytes());
    assert!(matches!(&refusal.rule, Rule::Sum(sum) if sum.what == SumKind::Total(Direction::Debit)), "{refusal}");
    let bare = text.replace("Tổng cộng;;500;1,200,000;\n", "");
    assert_eq!(read(bare.as_bytes(), None).unwrap().notes, [Note::Unproven]);
}

#[test]
fn separators_are_proven_and_never_guessed() {
    let head = "Tài khoản: 0071000888888\nNgày;Số CT;Ghi nợ;Ghi có;Nội dung";
    let open = format!("{head}\n01/06/2026;A1;;144.000;x\n");
    assert!(matches!(refuse(open.as_bytes()).rule, Rule::Not(Wanted::ClearSeparator, _)));
    let told = format!("{open}01/06/2026;A2;;1.250.000;y\n");
    assert_eq!(read(told.as_bytes(), None).unwrap().statements[0].lines[0].amount.whole(), 144_000);
    let contradicted = format!("{open}01/06/2026;A2;;1,250,000;y\n");
    assert!(matches!(refuse(contradicted.as_bytes()).rule, Rule::Not(Wanted::ClearSeparator, _)));
    let proven = "Tài khoản: 0071000888888\nNgày;Số CT;Ghi nợ;Ghi có;Số dư\n01/06/2026;A1;;144.000;394.000\n01/06/2026;A2;44.000;;350.000\n";
    assert_eq!(read(proven.as_bytes(), None).unwrap().statements[0].opening.unwrap().whole(), 250_000);
    let fraction = format!("{head}\n01/06/2026;A1;;144.50;x\n");
    assert!(matches!(refuse(fraction.as_bytes()).rule, Rule::Not(Wanted::Amount, _)));
}

fn text(name: &str) -> String {
    String::from_utf8(sample(name).to_vec()).unwrap()
}

#[test]
fn camt_is_read_with_prefixes_and_in_older_versions() {
    for name in ["camt053.xml", "camt054.xml"] {
        let text = text(name);
        let mut prefixed = String::new();
        for piece in text.split_inclusive('<') {
            prefixed.push_str(piece);
        }
        let prefixed = prefixed.replace("</", "\u{0}").replace('<', "<c:").replace('\u{0}', "</c:");
        let prefixed = prefixed.replace("<c:?xml", "<?xml").replace("xmlns=", "xmlns:c=");
        let old = text.replace(".001.08", ".001.02").replace("<Sts><Cd>BOOK</Cd></Sts>", "<Sts>BOOK</Sts>");
        let old = old.replace("<Sts><Cd>PDNG</Cd></Sts>", "<Sts>PDNG</Sts>").replace("<Pty>", "").replace("</Pty>", "");
        let mut version_2 = String::new();
        for (number, piece) in old.split("</Refs><Amt Ccy=\"VND\">").enumerate() {
            if number == 0 {
                version_2.push_str(piece);
                continue;
            }
            let (amount, rest) = piece.split_once("</Amt>").unwrap();
            let rest = rest.split_once("</CdtDbtInd>").unwrap().1;
            version_2
                .push_str(&format!("</Refs><AmtDtls><TxAmt><Amt Ccy=\"VND\">{amount}</Amt></TxAmt></AmtDtls>{rest}"));
        }
        let foreign = text.replace("<NtryRef>", "<x:NtryRef xmlns:x=\"urn:x\"><x:Amt>1</x:Amt></x:NtryRef><NtryRef>");
        let entities = text.replace("QR - ", "&#81;R &#x2D; ").replace("<Ustrd>DO ", "<Ustrd><![CDATA[DO ]]>");
        let decimals = text.replace("0</Amt>", "0.00</Amt>");
        for changed in [prefixed, version_2, foreign, entities, decimals] {
            let file = read(changed.as_bytes(), None).unwrap_or_else(|refusal| panic!("{name}: {refusal}"));
            assert_eq!(lines_of(&shown(&file)), answers(name), "{name}");
            assert!(!file.notes.iter().any(|note| matches!(note, Note::UnknownVersion(_))));
        }
        let newer = read(text.replace(".001.08", ".001.77").as_bytes(), None).unwrap();
        assert!(newer.notes.iter().any(|note| matches!(note, Note::UnknownVersion(_))));
        let utf16: Vec<u8> = format!("\u{feff}{text}").encode_utf16().flat_map(u16::to_le_bytes).collect();
        assert_eq!(lines_of(&shown(&read(&utf16, None).unwrap())), answers(name));
    }
}

/// A batch of both directions: what goes back is taken from the sum, and a part without a reference of its
/// own is not known by that of the whole, which all parts would share.
#[test]
fn the_parts_of_a_camt_batch_have_their_own_directions_and_references() {
    const BACK: &str = "<Amt Ccy=\"VND\">100000</Amt><CdtDbtInd>CRDT</CdtDbtInd>";
    let whole = text("camt054.xml");
    let mixed = whole.replace(BACK, &BACK.replace("CRDT", "DBIT"));
    let unequal = refuse(mixed.as_bytes());
    assert!(matches!(&unequal.rule, Rule::Sum(sum) if sum.what == SumKind::Batch), "{unequal}");
    let settled = mixed.replace(">343000</Amt>", ">143000</Amt>").replace(">343000</TtlAmt>", ">143000</TtlAmt>");
    let settled = settled.replace("<AcctSvcrRef>260601FX22N8GG04</AcctSvcrRef>", "");
    let file = read(settled.as_bytes(), None).unwrap_or_else(|refusal| panic!("{refusal}"));
    let lines = lines_of(&shown(&file));
    let found = |amount: i64| lines.as_array().unwrap().iter().find(|line| line["amount"] == amount).unwrap();
    assert_eq!((&found(51_000)["bank_ref"], &found(51_000)["direction"]), (&"SC2UXVMHDM".into(), &"credit".into()));
    assert_eq!(found(100_000)["direction"], "debit");
    assert_eq!(found(192_000)["direction"], "credit");
}

#[test]
fn a_camt_message_that_lies_is_refused() {
    let whole = text("camt053.xml");
    let entry = |from: usize| {
        let start = whole.match_indices("<Ntry>").nth(from).unwrap().0;
        &whole[start..start + whole[start..].find("</Ntry>").unwrap() + 7]
    };
    let missing = refuse(whole.replace(entry(0), "").as_bytes());
    assert!(matches!(&missing.rule, Rule::Sum(sum) if sum.found.checked_sub(sum.expected).unwrap().whole() == 127_000));
    let twice = refuse(whole.replace(entry(0), &entry(0).repeat(2)).as_bytes());
    assert!(matches!(&twice.rule, Rule::Sum(sum) if sum.found.checked_sub(sum.expected).unwrap().whole() == -127_000));
    let batch =
        refuse(text("camt054.xml").replace("<Amt Ccy=\"VND\">51000</Amt>", "<Amt Ccy=\"VND\">50000</Amt>").as_bytes());
    assert!(matches!(&batch.rule, Rule::Sum(sum) if sum.what == SumKind::Batch), "{batch}");
    let foreign = refuse(whole.replace("Ccy=\"VND\">127000", "Ccy=\"USD\">127000").as_bytes());
    assert!(matches!(&foreign.rule, Rule::Not(Wanted::Dong, code) if code == "USD"), "{foreign}");
    for (from, to) in [
        ("CRDT", "XXXX"),
        ("camt.053.", "camt.052."),
        ("camt.053.", "pain.001."),
        ("2026-06-01T05:13:35", "2026-13-01T05:13:35"),
        ("</Stmt>", ""),
    ] {
        assert!(read(whole.replacen(from, to, 3).as_bytes(), None).is_err(), "{from}");
    }
}

#[test]
fn mt940_is_read_in_blocks_pages_and_across_the_year() {
    let whole = text("mt940.sta");
    let lines = answers("mt940.sta");
    let body = whole.trim_end().trim_end_matches('-').trim_end();
    let blocks = format!(
        "{{1:F01BANKVNVXAXXX0000000000}}{{2:O9400000260605BANKVNVXAXXX00000000002606050000N}}{{4:\r\n{body}\r\n-}}{{5:}}"
    );
    let pages = whole.replacen(":61:2606030603C282000,", ":62M:C260602VND11758000,\r\n-\r\n:20:SK2\r\n:25:BANKVNVX/100266876273\r\n:28C:152/2\r\n:60M:C260602VND11758000,\r\n:61:2606030603C282000,", 1);
    for (changed, told) in [
        (whole.replace("\r\n", "\n"), "LF"),
        (blocks, "blocks"),
        (pages, "pages"),
        (whole.replace(",NTRF", ",00NTRF"), "decimals"),
        (whole.replace("C50000,", "CD50000,"), "third letter"),
    ] {
        let file = read(changed.as_bytes(), None).unwrap_or_else(|refusal| panic!("{told}: {refusal}"));
        assert_eq!(lines_of(&shown(&file)), lines, "{told}");
        assert_eq!(file.statements.len(), 1, "{told}");
    }
    let years = ":20:X\n:25:100266876273\n:28C:1/1\n:60F:D251231VND500,\n:61:2512310101RD700,NMSCABC//B1\nmore\n:61:2601021231D100,NTRFNONREF\n:86:a\n:62F:C260102VND100,\n:20:Y\n:25:555566667777\n:60F:C260102VND5,\n:62F:C260102VND5,\n-\n";
    let file = read(years.as_bytes(), None).unwrap();
    let shown = shown(&file);
    assert_eq!(shown["lines"][0]["booked_at"], "2026-01-01");
    assert_eq!((&shown["lines"][0]["direction"], &shown["lines"][0]["memo"]), (&"credit".into(), &"more".into()));
    assert_eq!(
        (&shown["lines"][1]["booked_at"], &shown["lines"][1]["bank_ref"]),
        (&"2025-12-31".into(), &serde_json::Value::Null)
    );
    assert_eq!(file.statements.len(), 2);
    for (from, to) in [
        ("C282000,", "C282001,"),
        ("C282000,", "C2.82000,"),
        (":62F:", ":65:"),
        ("VND8", "USD8"),
        (":61:2606010601C50000", ":61:2613010601C50000"),
    ] {
        assert!(read(whole.replacen(from, to, 1).as_bytes(), None).is_err(), "{from} {to}");
    }
}

#[test]
fn a_message_that_would_add_up_the_other_way_round_is_refused() {
    let text = ":20:X\n:25:100266876273\n:60F:C260101VND500,\n:61:2601010101C100,NTRFNONREF\n:62F:C260101VND400,\n-\n";
    assert!(matches!(refuse(text.as_bytes()).rule, Rule::Sum(sum) if sum.what == SumKind::Closing));
}

fn cells(rows: &[&str]) -> String {
    let head = "<row><c t=\"inlineStr\"><is><t>Tài khoản: 0071000888888</t></is></c></row><row>";
    let words = ["Ngày", "Số CT", "Ghi nợ", "Ghi có", "Số dư"];
    let header: String = words.iter().map(|word| format!("<c t=\"inlineStr\"><is><t>{word}</t></is></c>")).collect();
    format!("{head}{header}</row>{}", rows.iter().map(|row| format!("<row>{row}</row>")).collect::<String>())
}

fn book(rows: &[&str]) -> Vec<u8> {
    workbook(&[("A", cells(rows))], "<sst/>")
}

/// 01/06/2026 08:15 by its day number, a reference, no debit, credit and balance as given.
fn row(credit: &str) -> String {
    format!("<c s=\"1\"><v>46174.34375</v></c><c t=\"str\"><v>A1</v></c><c r=\"D3\">{credit}</c><c><v>150000</v></c>")
}

#[test]
fn formulas_give_their_cached_value_or_are_refused() {
    let cached = row("<f>SUM(A1:A9)</f><v>5.0E4</v>");
    let file = read(&book(&[&cached]), None).unwrap();
    assert_eq!(shown(&file)["lines"][0]["amount"], 50_000);
    assert_eq!(shown(&file)["lines"][0]["booked_at"], "2026-06-01T08:15:00+07:00");
    let refusal = refuse(&book(&[&row("<f>SUM(A1:A9)</f>")]));
    assert_eq!(refusal.rule, Rule::FormulaWithoutValue);
    assert_eq!(refusal.place.unwrap().in_words(Language::English), "sheet \"A\", row 3, column D");
    assert!(matches!(refuse(&book(&[&row("<v>0.5</v>")])).rule, Rule::Not(Wanted::Amount, _)));
    let lost = row("<v>50000</v>").replace("t=\"str\"><v>A1", "><v>5249.583");
    assert!(matches!(refuse(&book(&[&lost])).rule, Rule::Not(Wanted::Reference, _)));
}

#[test]
fn hostile_files_are_refused_by_name() {
    let limit = |bytes: &[u8], wanted: Limit| {
        let refusal = refuse(bytes);
        assert!(matches!(&refusal.rule, Rule::Limit(limit, _) if *limit == wanted), "{wanted:?}: {refusal}");
        refusal
    };
    let bomb = format!("{}{}", cells(&[]), " ".repeat(12 << 20));
    limit(&workbook(&[("A", bomb)], "<sst/>"), Limit::UnpackRatio);
    let wide = limit(&book(&["<c r=\"XFD3\"><v>1</v></c>"]), Limit::Columns);
    assert_eq!(wide.place.unwrap().in_words(Language::English), "sheet \"A\", row 3, column XFD");
    let flood = format!("{}1\n", ",".repeat(1_000_000));
    limit(flood.as_bytes(), Limit::Columns);
    limit(&book(&["</row><row r=\"4000000000\"><c><v>1</v></c>"]), Limit::Rows);
    limit(&book(&[&format!("<c t=\"str\"><v>{}</v></c>", "đ".repeat(70_000))]), Limit::CellChars);
    limit(format!("Số tài khoản;{}", "x".repeat(40_000)).as_bytes(), Limit::CellChars);
    let many: Vec<(String, Vec<u8>)> = (0..1_001).map(|number| (format!("f{number}"), Vec::new())).collect();
    let many: Vec<(&str, &[u8])> = many.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice())).collect();
    let many = zip(&many);
    limit(&many, Limit::Parts);
    // A directory of so many is not read at all, or it would be found damaged.
    let mut damaged = many.clone();
    let second = many.windows(4).enumerate().filter(|(_, window)| *window == b"PK\x01\x02").nth(1).unwrap().0;
    damaged[second + 28..second + 34].fill(0xff);
    limit(&damaged, Limit::Parts);
    let deep = text("camt053.xml").replacen("<Ntry>", &format!("<Ntry>{}", "<a>".repeat(100)), 1);
    limit(deep.as_bytes(), Limit::Depth);
    limit(&vec![b' '; (64 << 20) + 1], Limit::FileBytes);
    // What a workbook says of its own sizes takes no memory.
    let claims = "<sst uniqueCount=\"18446744073709551615\"><si><t>a</t></si></sst>";
    assert!(read(&workbook(&[("A", cells(&[&row("<v>50000</v>")]))], claims), None).is_ok());
    for bad in [
        "<c r=\"ZZZZZZZZZZZZZZZZ1\"><v>1</v></c>",
        "<c r=\"1\"><v>1</v></c>",
        "<c t=\"s\"><v>99</v></c>",
        "<c><v>1e999</v></c>",
        "<c><v>&x;</v></c>",
    ] {
        assert!(matches!(refuse(&book(&[bad])).rule, Rule::Not(Wanted::Intact, _) | Rule::Limit(..)), "{bad}");
    }
}

#[test]
fn entities_are_refused_before_they_mean_anything() {
    let attack = "<!DOCTYPE d [<!ENTITY a SYSTEM \"file:///etc/passwd\"><!ENTITY b \"&a;&a;\"><!ENTITY c \"&b;&b;\">]>";
    let camt = text("camt053.xml").replacen("<Document", &format!("{attack}<Document"), 1);
    assert_eq!(refuse(camt.as_bytes()).rule, Rule::Doctype);
    let undeclared = text("camt053.xml").replacen("QR - ", "&c;", 1);
    assert!(matches!(refuse(undeclared.as_bytes()).rule, Rule::Not(Wanted::Intact, _)));
    let strings = format!("{attack}<sst><si><t>&c;</t></si></sst>");
    assert_eq!(refuse(&workbook(&[("A", cells(&[]))], &strings)).rule, Rule::Doctype);
}

#[test]
fn other_kinds_of_files_are_told_what_to_do() {
    let told = |bytes: &[u8]| refuse(bytes).code();
    assert_eq!(told(b""), "statement_empty");
    assert_eq!(told(b" \r\n"), "statement_empty");
    assert_eq!(told(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"), "statement_old_workbook");
    assert_eq!(told(b"%PDF-1.7 abc"), "statement_format");
    assert_eq!(told(b"<html><table><tr><td>Debit</td></tr></table></html>"), "statement_format");
    assert_eq!(told(&zip(&[("word/document.xml", b"<w/>")])), "statement_format");
    assert_eq!(told("Ng\u{b5}y;S\u{e8} CT;N\u{ee};C\u{e3};Ng\u{b5}y;T\u{b5}i".as_bytes()), "statement_encoding");
    assert_eq!(told(b"hello\nworld\n"), "statement_header_missing");
    let whole = sample("bidv.xlsx");
    assert_eq!(told(&whole[..whole.len() / 2]), "statement_broken");
    let dollars = "Tài khoản: 0071000888888\nLoại tiền: USD\nNgày;Ghi nợ;Ghi có\n";
    assert_eq!(told(dollars.as_bytes()), "statement_currency");
    assert_eq!(told("Ngày;Ghi nợ;Ghi có\n01/06/2026;;5\n".as_bytes()), "statement_account");
    assert_eq!(told("Tài khoản: 0071000888888\nNgày;Ghi nợ;Ghi có\n01/06/26;;5\n".as_bytes()), "statement_date");
    assert_eq!(told("Tài khoản: 0071000888888\nNgày;Ghi nợ;Ghi có\n;;5\n".as_bytes()), "statement_date");
    assert_eq!(
        told("Tài khoản: 0071000888888\nNgày;Số CT;Ghi nợ;Ghi có\n01/06/2026;A;;\n".as_bytes()),
        "statement_amount"
    );
}

#[test]
fn refusals_say_where_why_and_what_to_do_in_both_languages() {
    let mut rows = plain_table(&mut Rng::with_seed(5)).rows().0;
    rows.remove(6);
    let refusals = [
        refuse(&xlsx(&rows, &[])),
        refuse(&book(&[&row("<f>A1</f>")])),
        refuse(&book(&["<c r=\"XFD3\"><v>1</v></c>"])),
        refuse(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"),
        refuse("Tài khoản: 0071000888888\nNgày;Ghi nợ;Ghi có\n01/06/2026;;144.000\n".as_bytes()),
    ];
    let words: Vec<String> = refusals
        .iter()
        .map(|r| format!("{}\n  {}\n  {}", r.code(), r.in_words(Language::Vietnamese), r.in_words(Language::English)))
        .collect();
    insta::assert_snapshot!(words.join("\n"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn any_bytes_are_read_or_refused_the_same_way_twice(bytes in proptest::collection::vec(any::<u8>(), 0..600), head in 0_usize..6) {
        let heads: [&[u8]; 6] = [b"", b"PK\x03\x04", b"<Document xmlns=\"urn:iso:std:iso:20022:tech:xsd:camt.053.001.08\">", b":20:X\n:25:1\n:60F:", b"\xff\xfe", b"Ngay;Debit;Credit\n"];
        let bytes = [heads[head], &bytes].concat();
        prop_assert_eq!(read(&bytes, None), read(&bytes, None));
    }

    #[test]
    fn a_damaged_sample_is_refused_or_still_adds_up(
        which in 0_usize..9, places in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        cut in proptest::option::of(any::<prop::sample::Index>()),
    ) {
        let mut bytes = SAMPLES[which].1.to_vec();
        for (place, with) in places {
            let place = place.index(bytes.len());
            bytes[place] = with;
        }
        if let Some(cut) = cut {
            bytes.truncate(cut.index(bytes.len()));
        }
        if let Ok(file) = read(&bytes, None) {
            for statement in &file.statements {
                if let (Some(opening), Some(closing)) = (statement.opening, statement.closing) {
                    let moved: i64 = statement.lines.iter().map(|line| line.signed().whole()).sum();
                    prop_assert_eq!(opening.whole() + moved, closing.whole());
                }
            }
        }
    }
}
