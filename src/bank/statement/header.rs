//! Finding the header by its words: Vietnamese with or without marks, English, both in one cell, in
//! any order, with line feeds inside.

use super::grid::Row;
use super::layout::{Columns, Layout, Phrase};

/// Which column of the table holds what, by index from 0.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Header {
    /// The booking date.
    pub(super) date: usize,
    /// Other dates, which may know the time of day.
    pub(super) other_dates: Vec<usize>,
    pub(super) time: Option<usize>,
    pub(super) reference: Option<usize>,
    pub(super) money: Money,
    pub(super) fee: Option<usize>,
    pub(super) tax: Option<usize>,
    pub(super) balance: Option<usize>,
    pub(super) memo: Option<usize>,
    pub(super) counterparty: Vec<usize>,
    pub(super) serial: Option<usize>,
    /// How many columns were understood.
    pub(super) known: usize,
}

/// Where the amounts are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Money {
    /// A column for each direction.
    Apart {
        /// Money out.
        debit: usize,
        /// Money in.
        credit: usize,
    },
    /// One column, by its sign or by a word beside it.
    Together {
        /// The amount.
        amount: usize,
        /// The direction in words.
        direction: Option<usize>,
    },
}

/// What a header's cell can be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    Date,
    Time,
    Reference,
    Debit,
    Credit,
    Amount,
    Direction,
    Fee,
    Tax,
    Balance,
    Memo,
    Counterparty,
    Serial,
}

const ROLES: [Role; 13] = [
    Role::Date,
    Role::Time,
    Role::Reference,
    Role::Debit,
    Role::Credit,
    Role::Amount,
    Role::Direction,
    Role::Fee,
    Role::Tax,
    Role::Balance,
    Role::Memo,
    Role::Counterparty,
    Role::Serial,
];

impl Role {
    fn words(self, columns: &Columns) -> &[String] {
        match self {
            Self::Date => &columns.date,
            Self::Time => &columns.time,
            Self::Reference => &columns.reference,
            Self::Debit => &columns.debit,
            Self::Credit => &columns.credit,
            Self::Amount => &columns.amount,
            Self::Direction => &columns.direction,
            Self::Fee => &columns.fee,
            Self::Tax => &columns.tax,
            Self::Balance => &columns.balance,
            Self::Memo => &columns.memo,
            Self::Counterparty => &columns.counterparty,
            Self::Serial => &columns.serial,
        }
    }
}

/// A cell that was understood.
struct Found {
    index: usize,
    role: Role,
    /// The word's place in the list; earlier is better.
    rank: usize,
    /// Whether it holds date and reference, one under the other.
    with_reference: bool,
}

/// Reads a row as a header in the words of one layout; `None` when it has no date or no amounts.
pub(super) fn read(row: &Row, layout: &Layout) -> Option<Header> {
    let columns = &layout.columns;
    let cells: Vec<Found> =
        row.cells.iter().enumerate().filter_map(|(index, cell)| found(index, cell.as_text(), columns)).collect();
    let best = |role: Role| cells.iter().filter(|cell| cell.role == role).min_by_key(|cell| (cell.rank, cell.index));
    let index = |role: Role| best(role).map(|cell| cell.index);
    let date = best(Role::Date)?;
    let money = match (index(Role::Debit), index(Role::Credit), index(Role::Amount)) {
        (Some(debit), Some(credit), _) => Money::Apart { debit, credit },
        (None, None, Some(amount)) => Money::Together { amount, direction: index(Role::Direction) },
        _ => return None,
    };
    let all = |role: Role| cells.iter().filter(move |cell| cell.role == role).map(|cell| cell.index);
    Some(Header {
        date: date.index,
        other_dates: all(Role::Date).filter(|other| *other != date.index).collect(),
        time: index(Role::Time),
        reference: index(Role::Reference).or(date.with_reference.then_some(date.index)),
        money,
        fee: index(Role::Fee),
        tax: index(Role::Tax),
        balance: index(Role::Balance),
        memo: index(Role::Memo),
        counterparty: all(Role::Counterparty).collect(),
        serial: index(Role::Serial),
        known: cells.len(),
    })
}

/// Counts the header's cells that are in a layout's own words.
pub(super) fn own_words(row: &Row, layout: &Layout) -> usize {
    let known = row.cells.iter().enumerate().filter_map(|(index, cell)| found(index, cell.as_text(), &layout.own));
    known.count()
}

fn found(index: usize, text: &str, columns: &Columns) -> Option<Found> {
    // A header is short; a sentence that mentions its words is a notice.
    if text.is_empty() || text.chars().count() > 120 {
        return None;
    }
    if matches!(text, "+/-" | "+-" | "±" | "-/+") {
        return Some(Found { index, role: Role::Direction, rank: columns.direction.len(), with_reference: false });
    }
    let phrase = Phrase::new(text);
    // Of words of one length the earlier role's counts: the last of the reversed list.
    let roles = ROLES.iter().rev();
    let matches = roles.filter_map(|role| phrase.find(role.words(columns)).map(|found| (*role, found)));
    let (role, (mut rank, _)) = matches.max_by_key(|(_, (_, length))| *length)?;
    // Without its mark "Nợ" looks like the number sign "No."; it is a debit only where nothing else is.
    if role == Role::Debit && text.trim_matches(|c: char| !c.is_alphabetic()).eq_ignore_ascii_case("no") {
        rank = rank.saturating_add(columns.debit.len());
    }
    let parts = || phrase.parts();
    let dated = parts().any(|part| part.any(&columns.date) && !part.any(&columns.reference));
    let referred = parts().any(|part| part.any(&columns.reference) && !part.any(&columns.date));
    if matches!(role, Role::Date | Role::Reference) && dated && referred {
        let rank = phrase.find(&columns.date).map_or(rank, |(rank, _)| rank);
        return Some(Found { index, role: Role::Date, rank, with_reference: true });
    }
    Some(Found { index, role, rank, with_reference: false })
}

#[cfg(test)]
mod tests {
    use super::super::grid::Cell;
    use super::super::layout::known;
    use super::*;
    use crate::domain::statement::Place;

    fn header(bank: &str, cells: &[&str]) -> Option<Header> {
        let layouts = known().unwrap();
        let layout = layouts.iter().find(|layout| layout.name == bank).unwrap();
        let cells = cells.iter().map(|cell| Cell::text(cell)).collect();
        read(&Row { place: Place::line(1), cells, bare_days: true }, layout)
    }

    #[test]
    fn a_date_and_a_number_in_one_cell_are_two_columns_in_one() {
        let cells = [
            "STT\nNo.",
            "Ngày/\nTNX Date/ Số CT/ Doc No",
            "Số tiền ghi nợ/\nDebit",
            "Số tiền ghi có/\nCredit",
            "Số dư/\nBalance",
            "Nội dung chi tiết",
        ];
        let header = header("Vietcombank", &cells).unwrap();
        assert_eq!((header.date, header.reference, header.serial, header.memo), (1, Some(1), Some(0), Some(5)));
        assert_eq!(header.money, Money::Apart { debit: 2, credit: 3 });
    }

    #[test]
    fn the_better_word_is_the_column_and_the_other_a_second_date() {
        let cells = [
            "Ngày KH thực hiện/Requesting date",
            "Ngày giao dịch/Transaction date",
            "Số bút toán/Reference number",
            "Ngân hàng đối tác/ Remitter's bank",
            "Tài khoản đích/Remitter's account number",
            "Tên tài khoản đối ứng/Remitter's account name",
            "Diễn giải/Description",
            "Nợ/Debit",
            "Có/Credit",
            "Phí/Lãi/ Fee/Interest",
            "Thuế/Transaction VAT",
            "Số dư/Running balance",
        ];
        let header = header("Techcombank", &cells).unwrap();
        assert_eq!((header.date, header.other_dates, header.reference), (1, vec![0], Some(2)));
        assert_eq!((header.fee, header.tax, header.balance, header.memo), (Some(9), Some(10), Some(11), Some(6)));
        assert_eq!(header.counterparty, [3, 4, 5]);
    }

    #[test]
    fn a_row_without_amounts_is_no_header() {
        assert_eq!(header("any bank", &["Ngày giao dịch", "Nội dung", "Số dư"]), None);
    }

    #[test]
    fn words_are_found_without_marks_in_english_and_in_any_order() {
        let cells = ["Credit", "so du", "NOI DUNG", "Debit", "Ref No", "Transaction date"];
        let header = header("any bank", &cells).unwrap();
        assert_eq!((header.date, header.balance, header.memo, header.reference), (5, Some(1), Some(2), Some(4)));
        assert_eq!(header.money, Money::Apart { debit: 3, credit: 0 });
    }
}
