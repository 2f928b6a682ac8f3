//! `socho key`.

use clap::{Args, Subcommand};

use super::Context;
use super::output::{Exit, Failure, Lang, line, table, to_stdout};
use crate::app::seal_view::{key_json, keys_json};
use crate::app::signing_keys::MarketKeys;
use crate::domain::calendar::rfc3339;
use crate::domain::ids::MarketCode;

#[derive(Debug, Subcommand)]
pub(super) enum Key {
    /// Make a market's first signing key; the first close does it too
    #[command(
        after_help = "The private key goes into the folder of --keys, mode 0600, never into the database. To bring\nyour own, set SOCHO_KEY_<MARKET> to a PEM (PKCS#8) or 32 bytes in base64.\n\nExample: socho key init --market TAN"
    )]
    Init(Market),
    /// Replace a market's signing key: the old one endorses the new one, and its file is removed
    #[command(
        after_help = "Closes signed before stay valid under the old key; whoever trusts the old key trusts the new\none through its endorsement. A key whose private file is lost cannot endorse: restore the file\nfrom your own copy first.\n\nExample: socho key rotate --market TAN"
    )]
    Rotate(Market),
    /// Show the public keys, for whoever wants to check what they signed
    #[command(after_help = "Example: socho key list --market TAN --json")]
    List(List),
}

#[derive(Debug, Args)]
pub(super) struct Market {
    /// The market
    #[arg(long)]
    market: MarketCode,
}

#[derive(Debug, Args)]
pub(super) struct List {
    /// One market alone; all of them when not given
    #[arg(long)]
    market: Option<MarketCode>,
}

pub(super) async fn run(context: &Context, command: Key) -> Result<Exit, Failure> {
    let app = context.open().await?;
    let (market, key) = match command {
        Key::Init(Market { market }) => (market.clone(), app.init_key(&market).await?),
        Key::Rotate(Market { market }) => (market.clone(), app.rotate_key(&market).await?),
        Key::List(List { market }) => {
            let markets = app.published_keys(market.as_ref()).await?;
            app.close().await;
            print_all(context, &markets);
            return Ok(Exit::Ok);
        }
    };
    app.close().await;
    if context.json {
        line(key_json(&market, &key).to_string());
        return Ok(Exit::Ok);
    }
    let (number, fingerprint, public) = (key.number, key.public.fingerprint(), &key.public);
    line(match context.lang {
        Lang::Vi => format!("Khóa số {number} của chợ {market}: vân tay {fingerprint}, khóa công khai {public}"),
        Lang::En => format!("key {number} of market {market}: fingerprint {fingerprint}, public key {public}"),
    });
    Ok(Exit::Ok)
}

fn print_all(context: &Context, markets: &[MarketKeys]) {
    if context.json {
        line(keys_json(markets).to_string());
        return;
    }
    let head = match context.lang {
        Lang::Vi => ["Chợ", "Số", "Vân tay", "Tạo lúc", "Khóa công khai"],
        Lang::En => ["Market", "No.", "Fingerprint", "Made", "Public key"],
    };
    let mut rows = Vec::new();
    for market in markets {
        rows.extend(market.keys.iter().map(|key| {
            let (code, number) = (market.market.to_string(), key.number.to_string());
            vec![code, number, key.public.fingerprint(), rfc3339(key.created_at), key.public.to_string()]
        }));
    }
    to_stdout(&table(&head, rows));
}
