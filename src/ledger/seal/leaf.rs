//! One posting as one line of JSON: what the date's tree hashes, and what exports and proofs show.
//!
//! The line has a fixed order of fields, no blanks, instants in Vietnam's time to the microsecond,
//! and money in whole đồng:
//!
//! ```json
//! {"v":1,"market":"TAN","seq":12,"kind":"settle","debit":"bank:0071000888888","credit":"stall:3",
//!  "amount":50000,"business_date":"2026-11-24","event_date":"2026-11-24",
//!  "event_at":"2026-11-24T08:18:11+07:00","recorded_at":"2026-11-24T08:18:12.4+07:00","late":false,
//!  "stall":3,"item":12,"concerns":null,"reason":null,"actor":null}
//! ```
//! (shown on several lines here). Any other spelling of the same posting is refused when it is read.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::domain::calendar::rfc3339;
use crate::domain::ids::{MarketCode, Seq, StallNumber};
use crate::domain::ledger_account::LedgerAccount;
use crate::domain::money::Dong;
use crate::domain::posting::Transfer;
use crate::ledger::batch::Posting;

/// The version of the line; a new form gets a new number.
const VERSION: u8 = 1;

/// Why a line is not a posting's.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("not a posting's line: {0}")]
pub struct LeafError(String);

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    v: u8,
    market: String,
    seq: i64,
    kind: String,
    debit: String,
    credit: String,
    amount: i64,
    business_date: String,
    event_date: String,
    event_at: Option<String>,
    recorded_at: String,
    late: bool,
    stall: Option<i64>,
    item: Option<i64>,
    concerns: Option<i64>,
    reason: Option<String>,
    actor: Option<String>,
}

/// Writes a posting of a market as its line, without a line end.
///
/// # Errors
/// [`LeafError`] when it cannot be written as JSON, which no posting causes.
pub fn line(market: &MarketCode, posting: &Posting) -> Result<String, LeafError> {
    serde_json::to_string(&Line {
        v: VERSION,
        market: market.to_string(),
        seq: posting.seq.get(),
        kind: posting.kind.as_str().to_owned(),
        debit: posting.transfer.debit.to_string(),
        credit: posting.transfer.credit.to_string(),
        amount: posting.transfer.amount.whole(),
        business_date: posting.business_date.to_string(),
        event_date: posting.event_date.to_string(),
        event_at: posting.event_at.map(rfc3339),
        recorded_at: rfc3339(posting.recorded_at),
        late: posting.late,
        stall: posting.stall.map(StallNumber::get),
        item: posting.item,
        concerns: posting.concerns.map(Seq::get),
        reason: posting.reason.clone(),
        actor: posting.actor.clone(),
    })
    .map_err(|error| LeafError(error.to_string()))
}

/// Reads a posting's line, given without its line end.
///
/// # Errors
/// [`LeafError`] when it is not exactly the line that [`line`] writes for some posting.
pub fn read(text: &str) -> Result<(MarketCode, Posting), LeafError> {
    let read: Line = serde_json::from_str(text).map_err(|error| LeafError(error.to_string()))?;
    if read.v != VERSION {
        return Err(LeafError(format!("version {} is not known", read.v)));
    }
    let market = read.market.parse().map_err(wrong)?;
    let amount = Dong::new(read.amount);
    if amount <= Dong::ZERO {
        return Err(LeafError(format!("an amount of {amount}")));
    }
    let account = |text: &str| text.parse::<LedgerAccount>().map_err(wrong);
    let posting = Posting {
        seq: Seq::new(read.seq),
        kind: read.kind.parse().map_err(wrong)?,
        transfer: Transfer { debit: account(&read.debit)?, credit: account(&read.credit)?, amount },
        business_date: read.business_date.parse().map_err(wrong)?,
        event_date: read.event_date.parse().map_err(wrong)?,
        event_at: read.event_at.as_deref().map(instant).transpose()?,
        recorded_at: instant(&read.recorded_at)?,
        late: read.late,
        stall: read.stall.map(|number| StallNumber::new(number).map_err(wrong)).transpose()?,
        item: read.item,
        concerns: read.concerns.map(Seq::new),
        reason: read.reason,
        actor: read.actor,
    };
    if line(&market, &posting)? == text {
        Ok((market, posting))
    } else {
        Err(LeafError("it is spelled otherwise than the line that was hashed".to_owned()))
    }
}

fn instant(text: &str) -> Result<Timestamp, LeafError> {
    text.parse().map_err(wrong)
}

#[expect(clippy::needless_pass_by_value, reason = "`map_err` hands it over")]
fn wrong(error: impl ToString) -> LeafError {
    LeafError(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::posting::PostingKind;

    fn posting() -> Posting {
        Posting {
            seq: Seq::new(12),
            kind: PostingKind::Settle,
            transfer: Transfer {
                debit: "bank:0071000888888".parse().unwrap(),
                credit: "stall:3".parse().unwrap(),
                amount: Dong::new(50_000),
            },
            business_date: "2026-11-24".parse().unwrap(),
            event_date: "2026-11-24".parse().unwrap(),
            event_at: Some("2026-11-24T08:18:11+07:00".parse().unwrap()),
            recorded_at: "2026-11-24T08:18:12.000004+07:00".parse().unwrap(),
            late: false,
            stall: Some(StallNumber::new(3).unwrap()),
            item: Some(12),
            concerns: None,
            reason: Some("nhầm \"sạp\"\n".to_owned()),
            actor: None,
        }
    }

    #[test]
    fn a_line_has_one_spelling_and_reads_back() {
        let market: MarketCode = "TAN".parse().unwrap();
        let text = line(&market, &posting()).unwrap();
        assert_eq!(
            text,
            "{\"v\":1,\"market\":\"TAN\",\"seq\":12,\"kind\":\"settle\",\"debit\":\"bank:0071000888888\",\
             \"credit\":\"stall:3\",\"amount\":50000,\"business_date\":\"2026-11-24\",\"event_date\":\"2026-11-24\",\
             \"event_at\":\"2026-11-24T08:18:11+07:00\",\"recorded_at\":\"2026-11-24T08:18:12.000004+07:00\",\
             \"late\":false,\"stall\":3,\"item\":12,\"concerns\":null,\"reason\":\"nhầm \\\"sạp\\\"\\n\",\"actor\":null}"
        );
        assert_eq!(read(&text), Ok((market, posting())));
        for (from, to) in [
            ("\"v\":1", "\"v\":2"),
            ("\"v\":1,", "\"v\":1, "),
            ("50000", "5e4"),
            ("50000", "-50000"),
            ("nhầm", "nh\\u1ea7m"),
            ("+07:00\",\"recorded", "+07:00\",\"x\":1,\"recorded"),
            ("08:18:11+07:00", "01:18:11Z"),
        ] {
            assert!(read(&text.replacen(from, to, 1)).is_err(), "{to}");
        }
    }
}
