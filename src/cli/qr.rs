//! `socho qr`.

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::Context;
use super::book::block_on;
use super::output::{Exit, Failure, Lang, line, read_input, write_output};
use super::progress::Bar;
use crate::app::error::Message;
use crate::app::print_sheet::{self, PrintOrder};
use crate::app::qr_codes::{self, Correction, QrError, Service, VietQr};
use crate::domain::ids::MarketCode;
use crate::domain::money::Dong;

/// Largest list of payloads, in bytes.
const LIST_MAX: u64 = 64 << 20;
/// Largest picture, in bytes.
const PICTURE_MAX: u64 = 64 << 20;

#[derive(Debug, Subcommand)]
pub(super) enum Qr {
    /// Print the payload of a code
    #[command(
        after_help = "Example: socho qr encode --bin 970436 --account 0071000888888 --amount 35000 --memo SC22EV9H"
    )]
    Encode(Encode),
    /// Read a payload; - reads one a line
    #[command(after_help = "Example: socho qr parse - < payloads.txt")]
    Parse {
        /// The payload, or - for standard input
        payload: Option<String>,
    },
    /// Write a payload as a picture, decoded again before it is released
    #[command(after_help = "Example: socho qr image 000201… -o card.svg")]
    Image {
        /// The payload
        payload: String,
        /// The file, .svg or .png
        #[arg(short, long)]
        output: String,
    },
    /// Print stalls' cards as PDF; every code is read back before the file is written
    #[command(after_help = "Example: socho qr sheet --market TAN --stall B12 --stall B13 --layout a6 -o cards.pdf")]
    Sheet(Sheet),
    /// Read the codes in PNG or JPEG pictures
    #[command(after_help = "Example: socho qr decode photo.jpg")]
    Decode {
        /// The pictures
        #[arg(required = true)]
        images: Vec<String>,
    },
}

#[derive(Debug, Args)]
pub(super) struct Encode {
    /// The bank: BIN, code or name
    #[arg(long)]
    bin: String,
    /// The account, 1 to 19 letters or digits
    #[arg(long)]
    account: String,
    /// The amount in whole đồng; none when the payer types it
    #[arg(long)]
    amount: Option<Dong>,
    /// The memo, at most 25 ASCII characters
    #[arg(long)]
    memo: Option<String>,
    /// QRIBFTTA, QRIBFTTC
    #[arg(long, default_value = "QRIBFTTA")]
    service: Service,
}

#[derive(Debug, Args)]
pub(super) struct Sheet {
    /// The market
    #[arg(long)]
    market: MarketCode,
    /// A stall; all that have an account when none is given
    #[arg(long = "stall", value_delimiter = ',')]
    stalls: Vec<String>,
    /// Cards to a sheet of A4: a4 one, a5 two, a6 four, a7 eight
    #[arg(long, default_value = "a6")]
    layout: String,
    /// The file to write
    #[arg(short, long)]
    output: String,
}

async fn sheet(context: &Context, command: Sheet) -> Result<Exit, Failure> {
    let layout = print_sheet::layout(&command.layout)?;
    let app = context.open().await?;
    let order = PrintOrder { market: command.market, stalls: command.stalls, layout, actor: "cli".to_owned() };
    let ready = app.ready_print(order).await?;
    let bar = Bar::new(context.lang);
    let drawn = ready.draw(&|progress| bar.show(progress));
    bar.clear();
    let drawn = drawn?;
    write_output(&command.output, &drawn.pdf)?;
    app.log_print(&ready).await?;
    app.close().await;
    let (path, cards, without) = (&command.output, drawn.cards, &ready.without_account);
    if context.json {
        line(json!({"file": path, "cards": cards, "without_account": without}).to_string());
        return Ok(Exit::Ok);
    }
    line(match context.lang {
        Lang::Vi => format!("Đã ghi {path}: {cards} thẻ, đọc lại được {cards}/{cards} mã."),
        Lang::En => format!("wrote {path}: {cards} cards, {cards} of {cards} codes read back"),
    });
    if !without.is_empty() {
        let list = without.join(", ");
        line(match context.lang {
            Lang::Vi => format!("Chưa có tài khoản nên không in: {list}."),
            Lang::En => format!("not printed, without an account: {list}"),
        });
    }
    Ok(Exit::Ok)
}

pub(super) fn run(context: &Context, command: Qr) -> Result<Exit, Failure> {
    match command {
        Qr::Sheet(command) => block_on(sheet(context, command)),
        Qr::Encode(encode) => {
            let bin = match encode.bin.parse() {
                Ok(bin) => bin,
                Err(_) => crate::app::banks::find_bank(&encode.bin)?.0,
            };
            let code = VietQr::new(bin, &encode.account, encode.service, encode.amount, encode.memo.as_deref());
            let payload = code.map_err(|error| failure(qr_codes::unmade(&error)))?.to_string();
            line(if context.json { json!({"payload": payload}).to_string() } else { payload });
            Ok(Exit::Ok)
        }
        Qr::Parse { payload } => match payload.as_deref() {
            None | Some("-") => parse_lines(),
            Some(payload) => {
                line(show(&payload.parse().map_err(|error| refuse(&error))?).to_string());
                Ok(Exit::Ok)
            }
        },
        Qr::Image { payload, output } => image(&payload, &output),
        Qr::Decode { images } => Ok(decode(context, &images)),
    }
}

fn refuse(error: &QrError) -> Failure {
    failure(qr_codes::unread(error))
}

fn failure(message: Message) -> Failure {
    Failure::new(Exit::Refused, message.vi, message.en)
}

fn show(code: &VietQr) -> Value {
    json!({
        "bin": code.bin().as_str(), "account": code.account(), "amount": code.amount().map(Dong::whole),
        "currency": "VND", "memo": code.memo(), "service": code.service().as_str(), "dynamic": code.is_dynamic(),
        "merchant_name": code.merchant_name(),
    })
}

fn parse_lines() -> Result<Exit, Failure> {
    let mut exit = Exit::Ok;
    for payload in lines(&read_input("-", LIST_MAX)?) {
        let answer = match payload.parse::<VietQr>() {
            Ok(code) => {
                let mut shown = show(&code);
                if let Some(fields) = shown.as_object_mut() {
                    fields.insert("ok".to_owned(), Value::Bool(true));
                }
                shown
            }
            Err(error) => {
                exit = Exit::Refused;
                json!({"ok": false, "error": error.to_string(), "offset": error.offset})
            }
        };
        line(answer.to_string());
    }
    Ok(exit)
}

/// Splits input into lines; bytes that are no UTF-8 are shown as such and refused by the reader.
pub(super) fn lines(bytes: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(bytes);
    let text = text.strip_suffix('\n').unwrap_or(&text);
    text.split('\n').map(|line| line.trim_end_matches('\r').to_owned()).collect()
}

fn image(payload: &str, output: &str) -> Result<Exit, Failure> {
    let _: VietQr = payload.parse().map_err(|error| refuse(&error))?;
    let bytes = match output.rsplit_once('.').map(|(_, extension)| extension.to_ascii_lowercase()).as_deref() {
        Some("svg") => qr_codes::svg(payload, Correction::Print, "VietQR")?.into_bytes(),
        Some("png") => qr_codes::png(payload, Correction::Print)?,
        _ => {
            let (vi, en) = ("Tệp phải có đuôi .svg hoặc .png.", "The file must end in .svg or .png.");
            return Err(Failure::new(Exit::Usage, vi, en));
        }
    };
    std::fs::write(output, bytes).map_err(|error| {
        let vi = format!("Không ghi được {output}: {error}.");
        Failure::new(Exit::Refused, vi, format!("Cannot write {output}: {error}."))
    })?;
    Ok(Exit::Ok)
}

fn decode(context: &Context, images: &[String]) -> Exit {
    let mut exit = Exit::Ok;
    for path in images {
        let found = read_input(path, PICTURE_MAX).map(|bytes| qr_codes::decode(&bytes));
        let answer = match found {
            Ok(Ok(text)) => json!({"image": path, "ok": true, "payload": text}),
            Ok(Err(error)) => json!({"image": path, "ok": false, "error": error.to_string()}),
            Err(failure) => json!({"image": path, "ok": false, "error": failure.message.en}),
        };
        let good = answer.get("ok") == Some(&Value::Bool(true));
        if !good {
            exit = Exit::Refused;
        }
        if context.json {
            line(answer.to_string());
        } else {
            let shown = answer.get(if good { "payload" } else { "error" }).and_then(Value::as_str).unwrap_or_default();
            line(if images.len() == 1 { shown.to_owned() } else { format!("{path}: {shown}") });
        }
    }
    exit
}
