//! The bank's statement of one account's day, as banks write them.

use std::fmt::Write as _;
use std::str::FromStr;

use super::Payment;
use crate::domain::account::AccountNumber;
use crate::domain::calendar::{BusinessDate, VIETNAM};
use crate::domain::ids::IdError;
use crate::domain::settlement::Direction;

/// What every account has in the morning.
const OPENING: i64 = 5_000_000;

/// How a statement is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// Separated values with times and running balances, as most banks' portals give them.
    Csv,
    /// MT940: dates alone, opening and closing balance.
    Mt940,
    /// camt.053.001.08 with times, opening and closing balance.
    Camt053,
}

impl FromStr for Layout {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        match text {
            "csv" => Ok(Self::Csv),
            "mt940" => Ok(Self::Mt940),
            "camt053" => Ok(Self::Camt053),
            _ => Err(IdError { what: "layout", text: text.chars().take(60).collect(), rule: "csv, mt940 or camt053" }),
        }
    }
}

impl Layout {
    /// Returns what the name of such a file ends in.
    #[must_use]
    pub fn extension(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Mt940 => "sta",
            Self::Camt053 => "xml",
        }
    }
}

/// Writes the statement of an account's day.
#[must_use]
pub fn statement(layout: Layout, account: &AccountNumber, date: BusinessDate, payments: &[Payment]) -> String {
    let mine: Vec<&Payment> = payments.iter().filter(|payment| payment.settlement.settled == *account).collect();
    match layout {
        Layout::Csv => csv(account, date, &mine),
        Layout::Mt940 => mt940(account, date, &mine),
        Layout::Camt053 => camt053(account, date, &mine),
    }
}

fn signed(payment: &Payment) -> i64 {
    let amount = payment.settlement.amount.whole();
    if payment.settlement.direction == Direction::Credit { amount } else { amount.saturating_neg() }
}

fn closing(payments: &[&Payment]) -> i64 {
    payments.iter().map(|payment| signed(payment)).fold(OPENING, i64::saturating_add)
}

// Writing to a String cannot fail, so what `write!` returns is dropped below.

fn csv(account: &AccountNumber, date: BusinessDate, payments: &[&Payment]) -> String {
    let day = date.vietnamese();
    let mut text = format!("\u{feff}SAO KÊ TÀI KHOẢN\r\nSố tài khoản: {account}\r\nTừ ngày {day} đến ngày {day}\r\n");
    let _ = write!(text, "Số dư đầu kỳ: {OPENING}\r\nNgày giao dịch,Số tham chiếu,Ghi nợ,Ghi có,Số dư,Nội dung\r\n");
    let mut balance = OPENING;
    for payment in payments {
        let amount = payment.settlement.amount.whole();
        balance = balance.saturating_add(signed(payment));
        let (debit, credit) = match payment.settlement.direction {
            Direction::Credit => (String::new(), amount.to_string()),
            Direction::Debit => (amount.to_string(), String::new()),
        };
        let (at, reference) = (VIETNAM.to_datetime(payment.at).strftime("%d/%m/%Y %H:%M:%S"), &payment.bank_ref);
        let _ = write!(text, "{at},{reference},{debit},{credit},{balance},{}\r\n", payment.settlement.memo);
    }
    let _ = write!(text, "Số dư cuối kỳ: {balance}\r\n");
    text
}

fn mt940(account: &AccountNumber, date: BusinessDate, payments: &[&Payment]) -> String {
    let day = date.date().strftime("%y%m%d").to_string();
    let mut text = format!(":20:SIM{day}\r\n:25:{account}\r\n:28C:1/1\r\n:60F:C{day}VND{OPENING},\r\n");
    for payment in payments {
        let amount = payment.settlement.amount.whole();
        let mark = if payment.settlement.direction == Direction::Credit { 'C' } else { 'D' };
        let reference = if payment.bank_ref.is_empty() { "NONREF" } else { &payment.bank_ref };
        let month = day.get(2..).unwrap_or_default();
        let _ = write!(text, ":61:{day}{month}{mark}{amount},NTRFNONREF//{reference}\r\n");
        let _ = write!(text, ":86:{}\r\n", payment.settlement.memo.replace(':', " "));
    }
    let _ = write!(text, ":62F:C{day}VND{},\r\n-", closing(payments));
    text
}

fn camt053(account: &AccountNumber, date: BusinessDate, payments: &[&Payment]) -> String {
    let mut text = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <Document xmlns=\"urn:iso:std:iso:20022:tech:xsd:camt.053.001.08\"><BkToCstmrStmt><GrpHdr>\
         <MsgId>SIM</MsgId><CreDtTm>{date}T23:59:59+07:00</CreDtTm></GrpHdr><Stmt><Id>SIM{account}</Id>\
         <CreDtTm>{date}T23:59:59+07:00</CreDtTm><FrToDt><FrDtTm>{date}T00:00:00+07:00</FrDtTm>\
         <ToDtTm>{date}T23:59:59+07:00</ToDtTm></FrToDt><Acct><Id><Othr><Id>{account}</Id></Othr></Id>\
         <Ccy>VND</Ccy></Acct>"
    );
    for (code, amount) in [("OPBD", OPENING), ("CLBD", closing(payments))] {
        let _ = write!(
            text,
            "<Bal><Tp><CdOrPrtry><Cd>{code}</Cd></CdOrPrtry></Tp><Amt Ccy=\"VND\">{amount}</Amt>\
             <CdtDbtInd>CRDT</CdtDbtInd><Dt><Dt>{date}</Dt></Dt></Bal>"
        );
    }
    for payment in payments {
        let (amount, memo) = (payment.settlement.amount.whole(), &payment.settlement.memo);
        let mark = if payment.settlement.direction == Direction::Credit { "CRDT" } else { "DBIT" };
        let at = VIETNAM.to_datetime(payment.at).strftime("%Y-%m-%dT%H:%M:%S+07:00");
        let reference = if payment.bank_ref.is_empty() { "NOTPROVIDED" } else { &payment.bank_ref };
        let _ = write!(
            text,
            "<Ntry><Amt Ccy=\"VND\">{amount}</Amt><CdtDbtInd>{mark}</CdtDbtInd><Sts><Cd>BOOK</Cd></Sts>\
             <BookgDt><DtTm>{at}</DtTm></BookgDt><ValDt><Dt>{date}</Dt></ValDt>\
             <AcctSvcrRef>{reference}</AcctSvcrRef><NtryDtls><TxDtls><Refs><AcctSvcrRef>{reference}</AcctSvcrRef>\
             </Refs><Amt Ccy=\"VND\">{amount}</Amt><CdtDbtInd>{mark}</CdtDbtInd><RmtInf><Ustrd>{memo}</Ustrd></RmtInf>\
             </TxDtls></NtryDtls></Ntry>"
        );
    }
    text.push_str("</Stmt></BkToCstmrStmt></Document>\n");
    text
}
