//! The command line: clap's tree, one file a command, text or JSON out. No rule lives here: every
//! command calls the `app` function that the page and the API call too.

mod amount;
mod audit;
mod backup;
mod balances;
mod bench;
mod book;
mod close;
mod config;
mod demo;
mod device;
mod doctor;
mod export;
mod ingest;
mod key;
mod logs;
mod machine_key;
mod manual;
mod market;
mod memo;
mod migrate;
mod output;
mod posting;
mod privacy;
mod progress;
mod prove;
mod qr;
mod reconcile;
mod report;
mod serve;
mod simulate;
mod source;
mod statement;
mod traces;
mod trigger;
mod user;
mod vendor;
mod verify;
mod webhook;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use output::{Exit, Failure, Lang};

/// Sổ Chợ: the ledger behind cashless markets.
#[derive(Debug, Parser)]
#[command(name = "socho", version, about, propagate_version = true, disable_help_subcommand = true)]
struct Cli {
    /// Where the book is: sqlite:PATH or postgres://… (default sqlite:socho.db)
    #[arg(long, global = true, env = "SOCHO_DB", hide_env_values = true)]
    db: Option<String>,
    /// A PostgreSQL login that may make roles and tables, when the serving one may not
    #[arg(long, global = true, env = "SOCHO_MIGRATE_DB", hide_env_values = true)]
    migrate_db: Option<String>,
    /// The folder of private signing keys (default: beside the SQLite file, or ./socho-keys)
    #[arg(long, global = true, env = "SOCHO_KEYS")]
    keys: Option<String>,
    /// A settings file (TOML); flags and SOCHO_… variables win over it
    #[arg(long, global = true, env = "SOCHO_CONFIG")]
    config: Option<String>,
    /// Print JSON instead of text
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Migrate the book and serve pages, the API and webhooks
    Serve(serve::Serve),
    /// The book's schema: plan what would change, apply it
    #[command(subcommand)]
    Migrate(migrate::Migrate),
    /// Make a living city of demonstration data and serve it
    Demo(demo::Demo),
    /// Markets: add, list
    #[command(subcommand)]
    Market(market::Market),
    /// Stalls, vendors and accounts: add, import, list
    #[command(subcommand)]
    Vendor(vendor::Vendor),
    /// Senders of settlements: add, accounts, rotate, list, test
    #[command(subcommand)]
    Source(source::Source),
    /// Sign payments as a source's sender does and send them to a book of test data
    Trigger(trigger::Deliver),
    /// Tell other programs of postings: add, list, show, remove, rotate, replay, test
    #[command(subcommand)]
    Webhook(webhook::Webhook),
    /// VietQR codes: encode, parse, image, sheet, decode
    #[command(subcommand)]
    Qr(qr::Qr),
    /// Memo codes: make one, find them in delivered text
    #[command(subcommand)]
    Memo(memo::Memo),
    /// Amounts in Vietnamese words
    #[command(subcommand)]
    Amount(amount::Amount),
    /// Take bodies of a source from a file, on the webhook's own path
    Ingest(ingest::Ingest),
    /// Bank statements: parse
    #[command(subcommand)]
    Statement(statement::Statement),
    /// Compare a bank's statement with the book, and book what nobody reported
    Reconcile(reconcile::Reconcile),
    /// One posting: show, reverse, assign, cash-change, exclude, refund
    #[command(subcommand)]
    Posting(posting::Posting),
    /// Reports: day, month, compare
    #[command(subcommand)]
    Report(report::Report),
    /// Seal a market's day: figures, journal and postings, signed by the market's key
    Close(close::Close),
    /// Prove that a posting lies in a closed day
    Prove(prove::Prove),
    /// Signing keys: init, rotate, list; keys of programs: api
    #[command(subcommand)]
    Key(key::Key),
    /// Write a month of a market's book as a zip file that anybody can check
    Export(export::Export),
    /// A market's balances, now or at a point in time
    Balances(balances::Balances),
    /// Play a provider with an outage against a server, and compare its report with the truth
    Simulate(simulate::Simulate),
    /// Measure this program on this machine: rates, latencies, bytes
    Bench(bench::Bench),
    /// Phones of a stall: list, pair, revoke
    #[command(subcommand)]
    Device(device::Device),
    /// People who may log in: add, list, disable, enable, password, role, sessions, revoke
    #[command(subcommand)]
    User(user::User),
    /// The audit log, who did or saw what: list, export
    #[command(subcommand)]
    Audit(audit::Audit),
    /// Re-derive chain, balances, totals and identities from the journal
    Verify(verify::Verify),
    /// Personal data: purge texts whose time is over, write what is held about a stall
    #[command(subcommand)]
    Privacy(privacy::Privacy),
    /// Copy the whole book into one file, while it is served
    Backup(backup::Backup),
    /// Make a book of a backup, on either engine, and verify it
    Restore(backup::Restore),
    /// Look at clock, disk, schema, files, sources and unclosed days
    Doctor(doctor::Doctor),
    /// Settings: show, init, check
    #[command(subcommand)]
    Config(config::Config),
    /// Print the API's document, as `/openapi.json` serves it
    Openapi(manual::OpenApi),
    /// Print what a shell completes
    Completions(manual::Completions),
    /// Write the manual: a page for every command
    Man(manual::Man),
}

/// What every command may need: the book's address, the form of its output, the language.
#[derive(Debug, Clone)]
struct Context {
    db: Option<String>,
    migrate_db: Option<String>,
    keys: Option<String>,
    config: config::File,
    json: bool,
    lang: Lang,
}

/// Runs the command line and returns the exit code of API.md §1.
#[must_use]
pub fn run() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            let code = if error.use_stderr() { Exit::Usage } else { Exit::Ok };
            match called_wrongly(&error).filter(|_| Lang::from_environment() == Lang::Vi) {
                Some(told) => output::to_stderr(&format!("socho: {told} Xem cách dùng: thêm --help.\n")),
                // Nothing can be told when the terminal is gone.
                None => drop(error.print()),
            }
            return code.into();
        }
    };
    let lang = Lang::from_environment();
    let outcome = config::File::load(cli.config.as_deref()).and_then(|config| {
        let context = Context { db: cli.db, migrate_db: cli.migrate_db, keys: cli.keys, config, json: cli.json, lang };
        dispatch(&context, cli.command)
    });
    match outcome {
        Ok(exit) => exit.into(),
        Err(failure) => {
            failure.print(lang);
            failure.exit.into()
        }
    }
}

/// Says what is wrong with the text of a settings file; nothing when it can be used.
#[must_use]
pub fn settings_fault(text: &str) -> Option<crate::app::error::Message> {
    config::File::read(text).err()
}

/// Says in Vietnamese how the command was called wrongly; nothing when help was asked for.
fn called_wrongly(error: &clap::Error) -> Option<String> {
    use clap::error::{ContextKind, ErrorKind};
    let told = |kind| error.get(kind).map(ToString::to_string).unwrap_or_default();
    let argument = told(ContextKind::InvalidArg);
    if error.kind() == ErrorKind::InvalidSubcommand {
        return Some(format!("Không có lệnh {}.", told(ContextKind::InvalidSubcommand)));
    }
    if matches!(error.kind(), ErrorKind::ValueValidation | ErrorKind::InvalidValue) {
        let cause = std::error::Error::source(error).map(|cause| format!(" ({cause})")).unwrap_or_default();
        return Some(format!("Giá trị {:?} không dùng được cho {argument}{cause}.", told(ContextKind::InvalidValue)));
    }
    if error.kind() == ErrorKind::MissingRequiredArgument {
        return Some(format!("Thiếu {argument}."));
    }
    if matches!(error.kind(), ErrorKind::MissingSubcommand) {
        return Some("Thiếu lệnh con.".to_owned());
    }
    if error.kind() == ErrorKind::ArgumentConflict {
        return Some(format!("Không dùng {argument} cùng với {}.", told(ContextKind::PriorArg)));
    }
    if error.kind() == ErrorKind::UnknownArgument {
        return Some(format!("Không có tham số {argument}."));
    }
    None
}

fn dispatch(context: &Context, command: Command) -> Result<Exit, Failure> {
    match command {
        Command::Qr(command) => qr::run(context, command),
        Command::Memo(command) => memo::run(context, command),
        Command::Amount(command) => amount::run(context, command),
        Command::Statement(command) => statement::run(context, command),
        Command::Serve(command) => book::block_on(serve::run(context, command)),
        Command::Demo(command) => book::block_on(demo::run(context, command)),
        Command::Market(command) => book::block_on(market::run(context, command)),
        Command::Vendor(command) => book::block_on(vendor::run(context, command)),
        Command::Source(command) => book::block_on(source::run(context, command)),
        Command::Trigger(command) => book::block_on(trigger::run(context, command)),
        Command::Webhook(command) => book::block_on(webhook::run(context, command)),
        Command::Ingest(command) => book::block_on(ingest::run(context, command)),
        Command::Reconcile(command) => book::block_on(reconcile::run(context, command)),
        Command::Posting(command) => book::block_on(posting::run(context, command)),
        Command::Report(command) => book::block_on(report::run(context, command)),
        Command::Close(command) => book::block_on(close::run(context, command)),
        Command::Prove(command) => book::block_on(prove::run(context, command)),
        Command::Key(command) => book::block_on(key::run(context, command)),
        Command::Export(command) => book::block_on(export::run(context, command)),
        Command::Balances(command) => book::block_on(balances::run(context, command)),
        Command::Simulate(command) => book::block_on(simulate::run(context, command)),
        Command::Bench(command) => book::block_on(bench::run(context, command)),
        Command::Device(command) => book::block_on(device::run(context, command)),
        Command::User(command) => book::block_on(user::run(context, command)),
        Command::Audit(command) => book::block_on(audit::run(context, command)),
        Command::Verify(command) => book::block_on(verify::run(context, command)),
        Command::Privacy(command) => book::block_on(privacy::run(context, command)),
        Command::Migrate(command) => book::block_on(migrate::run(context, command)),
        Command::Backup(command) => book::block_on(backup::run_backup(context, command)),
        Command::Restore(command) => book::block_on(backup::run_restore(context, command)),
        Command::Doctor(command) => book::block_on(doctor::run(context, command)),
        Command::Config(command) => config::run(context, command),
        Command::Openapi(_) => Ok(manual::openapi()),
        Command::Completions(command) => Ok(manual::completions(&command)),
        Command::Man(command) => manual::man(&command),
    }
}
