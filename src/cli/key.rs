//! `socho key`.

use clap::{Args, Subcommand};

use super::output::{Exit, Failure, Lang, line, table, to_stdout};
use super::{Context, machine_key};
use crate::app::access::Actor;
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
    /// Keys of programs that use the API: add, list, rights, revoke
    #[command(subcommand)]
    Api(machine_key::MachineKey),
    /// The key that seals secrets of sources and second factors: show, rotate
    #[command(subcommand)]
    Secrets(Secrets),
    /// Show the public keys, for whoever wants to check what they signed
    #[command(after_help = "Example: socho key list --market TAN --json")]
    List(List),
}

/// The key that seals secrets.
#[derive(Debug, Clone, Copy, Subcommand)]
pub(super) enum Secrets {
    /// Show which key the secrets need and where it is looked for, and open every secret with it
    #[command(after_help = "Example: socho key secrets show --json")]
    Show,
    /// Make a new key and seal every secret anew
    #[command(
        after_help = "Programs that serve the book read the new file by themselves; on other machines copy it first to
where they look. Older backups need the older key: keep a copy of it with them.\n\nExample: socho key secrets rotate"
    )]
    Rotate,
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

/// Which of a market's signing keys is made.
enum Making {
    First,
    Next,
}

pub(super) async fn run(context: &Context, command: Key) -> Result<Exit, Failure> {
    match command {
        Key::Api(command) => return machine_key::run(context, command).await,
        Key::Secrets(command) => secrets(context, command).await?,
        Key::Init(Market { market }) => make(context, &market, Making::First).await?,
        Key::Rotate(Market { market }) => make(context, &market, Making::Next).await?,
        Key::List(List { market }) => {
            let app = context.open().await?;
            let markets = app.published_keys(market.as_ref()).await;
            app.close().await;
            print_all(context, &markets?);
        }
    }
    Ok(Exit::Ok)
}

async fn secrets(context: &Context, command: Secrets) -> Result<(), Failure> {
    let app = context.open().await?;
    let file = context.keyring().secrets_file().display().to_string();
    let done = match command {
        Secrets::Show => app.check_secrets().await.map(|key| (None, key)),
        Secrets::Rotate => {
            app.rotate_secrets_key(&Actor::operator()).await.map(|done| (Some(done.rows), Some(done.now)))
        }
    };
    app.close().await;
    let (rows, key) = done?;
    if context.json {
        line(serde_json::json!({"file": file, "fingerprint": key, "sealed_anew": rows}).to_string());
        return Ok(());
    }
    let key = key.unwrap_or_else(|| "-".to_owned());
    line(match (context.lang, rows) {
        (Lang::Vi, None) => format!("khóa {key}, tệp {file}: mở được mọi khóa bí mật"),
        (Lang::En, None) => format!("key {key}, file {file}: every secret opens"),
        (Lang::Vi, Some(rows)) => format!("khóa mới {key}, tệp {file}: đã mã hóa lại {rows} dòng"),
        (Lang::En, Some(rows)) => format!("new key {key}, file {file}: {rows} rows sealed anew"),
    });
    Ok(())
}

async fn make(context: &Context, market: &MarketCode, making: Making) -> Result<(), Failure> {
    let app = context.open().await?;
    let made = match making {
        Making::First => app.init_key(market).await,
        Making::Next => app.rotate_key(market).await,
    };
    app.close().await;
    let key = made?;
    if context.json {
        line(key_json(market, &key).to_string());
        return Ok(());
    }
    let (number, fingerprint, public) = (key.number, key.public.fingerprint(), &key.public);
    line(match context.lang {
        Lang::Vi => format!("Khóa số {number} của chợ {market}: vân tay {fingerprint}, khóa công khai {public}"),
        Lang::En => format!("key {number} of market {market}: fingerprint {fingerprint}, public key {public}"),
    });
    Ok(())
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
