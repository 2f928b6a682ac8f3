//! CSV that spreadsheets open without surprises.

/// Writes rows under a head, with a byte order mark. A cell that a spreadsheet would take for a
/// formula gets an apostrophe in front.
///
/// # Errors
/// [`csv::Error`] when a row has another number of cells than the head.
pub fn write(head: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> Result<Vec<u8>, csv::Error> {
    let mut writer = csv::WriterBuilder::new().from_writer(b"\xef\xbb\xbf".to_vec());
    writer.write_record(head)?;
    for row in rows {
        writer.write_record(row.iter().map(|cell| defused(cell)))?;
    }
    writer.into_inner().map_err(|error| csv::Error::from(error.into_error()))
}

/// Returns a cell that no spreadsheet computes. Plain numbers keep their minus sign.
fn defused(cell: &str) -> String {
    let risky = cell.starts_with(['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠']);
    let number =
        cell.strip_prefix('-').is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|b| b.is_ascii_digit()));
    if risky && !number { format!("'{cell}") } else { cell.to_owned() }
}

#[cfg(test)]
mod tests {
    #[test]
    fn formulas_are_defused_and_numbers_are_not() {
        let rows = [["=1+1", "-5", "-x", "Chị Hoa, \"B12\""].map(str::to_owned).to_vec()];
        let bytes = super::write(&["a", "b", "c", "d"], rows).expect("CSV");
        let text = String::from_utf8(bytes).expect("UTF-8");
        assert_eq!(text, "\u{feff}a,b,c,d\n'=1+1,-5,'-x,\"Chị Hoa, \"\"B12\"\"\"\n");
    }
}
