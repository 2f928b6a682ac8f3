//! The settings: flag > environment > file > default. A key that is not known is an error that names
//! the nearest right one: a typing mistake must not pass for a setting.

mod checks;

use clap::Subcommand;
use serde::Deserialize;
use serde_json::json;

use checks::{
    are_headers, is_address, is_collector, is_database, is_file, is_folder, is_format, is_level, is_months, is_name,
    is_public_url, is_reach, is_share, is_soc_form, is_traces_endpoint, is_web_address,
};

use super::Context;
use super::output::{Exit, Failure, line, table, to_stdout};
use crate::app::OpenOptions;
use crate::app::error::Message;

/// Largest settings file, in bytes.
const LIMIT: u64 = 1 << 20;
/// Letters that may differ for a key to be taken for another, mistyped.
const TYPING_MISTAKES: usize = 3;

/// What the file may say; the same names as the flags.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(clippy::struct_field_names, reason = "fields are called as the settings are")]
pub(super) struct File {
    pub(super) db: Option<String>,
    pub(super) migrate_db: Option<String>,
    pub(super) keys: Option<String>,
    pub(super) secrets_key_file: Option<String>,
    pub(super) bind: Option<String>,
    pub(super) public_url: Option<String>,
    pub(super) ingest_bind: Option<String>,
    pub(super) metrics_bind: Option<String>,
    pub(super) tls_cert: Option<String>,
    pub(super) tls_key: Option<String>,
    pub(super) webhook_networks: Option<String>,
    pub(super) feed_publisher: Option<String>,
    pub(super) feed_licence: Option<String>,
    pub(super) retention_months: Option<String>,
    pub(super) log: Option<String>,
    pub(super) log_format: Option<String>,
    pub(super) soc_address: Option<String>,
    pub(super) soc_format: Option<String>,
    pub(super) soc_ca_file: Option<String>,
    pub(super) otlp_endpoint: Option<String>,
    pub(super) otlp_headers: Option<String>,
    pub(super) otlp_per_mille: Option<String>,
}

/// One setting, as it is shown and explained.
struct Setting {
    key: &'static str,
    /// What holds when nothing is said.
    default: &'static str,
    vi: &'static str,
    en: &'static str,
    of: fn(&File) -> Option<&String>,
    check: fn(&str) -> Result<(), Failure>,
}

impl Setting {
    /// The variable of the environment that sets it.
    fn variable(&self) -> String {
        format!("SOCHO_{}", self.key.to_uppercase())
    }
}

/// Every setting. `config show`, `init` and `check` speak from this list alone.
const SETTINGS: [Setting; 22] = [
    Setting {
        key: "db",
        default: "sqlite:socho.db",
        vi: "Nơi giữ sổ: sqlite:ĐƯỜNG-DẪN hoặc postgres://…",
        en: "Where the book is: sqlite:PATH or postgres://…",
        of: |file| file.db.as_ref(),
        check: is_database,
    },
    Setting {
        key: "migrate_db",
        default: "",
        vi: "Tài khoản PostgreSQL được tạo vai và bảng, khi tài khoản phục vụ không được",
        en: "A PostgreSQL login that may make roles and tables, when the serving one may not",
        of: |file| file.migrate_db.as_ref(),
        check: is_database,
    },
    Setting {
        key: "keys",
        default: "",
        vi: "Thư mục khóa ký riêng (mặc định: cạnh tệp SQLite, hoặc ./socho-keys)",
        en: "The folder of private signing keys (default: beside the SQLite file, or ./socho-keys)",
        of: |file| file.keys.as_ref(),
        check: is_folder,
    },
    Setting {
        key: "secrets_key_file",
        default: "",
        vi: "Tệp khóa mã hóa các khóa bí mật trong sổ (mặc định: secrets.key trong thư mục khóa ký)",
        en: "The file of the key that seals the book's secrets (default: secrets.key in the folder of signing keys)",
        of: |file| file.secrets_key_file.as_ref(),
        check: |_| Ok(()),
    },
    Setting {
        key: "bind",
        default: super::serve::BIND_DEFAULT,
        vi: "Địa chỉ phục vụ trang, API và webhook",
        en: "Where pages, API and webhooks are served",
        of: |file| file.bind.as_ref(),
        check: is_address,
    },
    Setting {
        key: "public_url",
        default: "",
        vi: "Địa chỉ mà mọi người mở trang, sau proxy có TLS: https://…",
        en: "The address under which people reach the pages, behind a proxy with TLS: https://…",
        of: |file| file.public_url.as_ref(),
        check: is_public_url,
    },
    Setting {
        key: "ingest_bind",
        default: "",
        vi: "Địa chỉ chỉ nhận webhook và báo sống",
        en: "Where webhooks and health alone are served",
        of: |file| file.ingest_bind.as_ref(),
        check: is_address,
    },
    Setting {
        key: "metrics_bind",
        default: "",
        vi: "Địa chỉ chỉ cho số đo (Prometheus), trong mạng nội bộ",
        en: "Where figures (Prometheus) alone are served, in a private network",
        of: |file| file.metrics_bind.as_ref(),
        check: is_address,
    },
    Setting {
        key: "tls_cert",
        default: "",
        vi: "Tệp chứng thư TLS (PEM); cần cả tls_key và public_url https://…",
        en: "The file of a TLS certificate (PEM); tls_key and public_url https://… belong to it",
        of: |file| file.tls_cert.as_ref(),
        check: is_file,
    },
    Setting {
        key: "tls_key",
        default: "",
        vi: "Tệp khóa riêng của chứng thư TLS (PEM)",
        en: "The file of the TLS certificate's private key (PEM)",
        of: |file| file.tls_key.as_ref(),
        check: is_file,
    },
    Setting {
        key: "webhook_networks",
        default: "",
        vi: "Mạng nội bộ mà webhook được gửi tới, cách nhau bằng dấu phẩy: 10.20.0.0/16,…",
        en: "Private networks that webhooks may be sent to, with commas between them: 10.20.0.0/16,…",
        of: |file| file.webhook_networks.as_ref(),
        check: is_reach,
    },
    Setting {
        key: "feed_publisher",
        default: "",
        vi: "Cơ quan công bố dữ liệu, ghi trong /v1/feeds/catalog",
        en: "Who publishes the feeds, named in /v1/feeds/catalog",
        of: |file| file.feed_publisher.as_ref(),
        check: is_name,
    },
    Setting {
        key: "feed_licence",
        default: "",
        vi: "Địa chỉ giấy phép của dữ liệu: https://…; để trống là chỉ dùng nội bộ",
        en: "The address of the data's licence: https://…; none means for the holder of the key alone",
        of: |file| file.feed_licence.as_ref(),
        check: is_web_address,
    },
    Setting {
        key: "retention_months",
        default: "24",
        vi: "Số tháng giữ nội dung chuyển khoản; socho privacy purge xóa phần cũ hơn",
        en: "Months for which texts of transfers are kept; socho privacy purge removes older ones",
        of: |file| file.retention_months.as_ref(),
        check: is_months,
    },
    Setting {
        key: "log",
        default: "info",
        vi: "Mức nhật ký: error, warn, info, debug, trace",
        en: "The log's level: error, warn, info, debug, trace",
        of: |file| file.log.as_ref(),
        check: is_level,
    },
    Setting {
        key: "log_format",
        default: "text",
        vi: "Dạng nhật ký: text hoặc json",
        en: "The log's form: text or json",
        of: |file| file.log_format.as_ref(),
        check: is_format,
    },
    Setting {
        key: "soc_address",
        default: "",
        vi: "Nơi nhận sự kiện an ninh (SOC): udp://máy:514, tcp://máy:601 hoặc tls://máy:6514",
        en: "Where security events go (a SOC): udp://host:514, tcp://host:601 or tls://host:6514",
        of: |file| file.soc_address.as_ref(),
        check: is_collector,
    },
    Setting {
        key: "soc_format",
        default: "rfc5424",
        vi: "Dạng sự kiện an ninh: rfc5424 hoặc cef",
        en: "The form of security events: rfc5424 or cef",
        of: |file| file.soc_format.as_ref(),
        check: is_soc_form,
    },
    Setting {
        key: "soc_ca_file",
        default: "",
        vi: "Tệp chứng thư (PEM) để tin máy SOC; mặc định là của hệ thống",
        en: "A file of certificates (PEM) by which the SOC is trusted; the system's by default",
        of: |file| file.soc_ca_file.as_ref(),
        check: |_| Ok(()),
    },
    Setting {
        key: "otlp_endpoint",
        default: "",
        vi: "Nơi nhận vết xử lý (OTLP/HTTP): http://máy:4318; cần bản dựng có --features otlp",
        en: "Where traces go (OTLP over HTTP): http://host:4318; needs a build with --features otlp",
        of: |file| file.otlp_endpoint.as_ref(),
        check: is_traces_endpoint,
    },
    Setting {
        key: "otlp_headers",
        default: "",
        vi: "Đầu yêu cầu mà nơi nhận vết cần: tên=giá trị, cách nhau bằng dấu phẩy",
        en: "Headers that the collector of traces wants: name=value, with commas between them",
        of: |file| file.otlp_headers.as_ref(),
        check: are_headers,
    },
    Setting {
        key: "otlp_per_mille",
        default: "1000",
        vi: "Số vết giữ lại trong một nghìn; bên gọi đã quyết (traceparent) thì theo bên gọi",
        en: "How many traces of a thousand are kept; where the caller decided (traceparent), as it did",
        of: |file| file.otlp_per_mille.as_ref(),
        check: is_share,
    },
];

/// Variables of the environment that are no settings of the file.
const OTHER_VARIABLES: [&str; 4] = ["SOCHO_CONFIG", "SOCHO_LANG", "SOCHO_SECRETS_KEY", "SOCHO_TEST_POSTGRES"];
/// What the names of variables that hold a market's private key begin with.
const KEY_VARIABLE: &str = "SOCHO_KEY_";

#[derive(Debug, Subcommand)]
pub(super) enum Config {
    /// Show every setting, its value and where that came from; passwords are hidden
    #[command(after_help = "Example: socho config show --config /etc/socho.toml")]
    Show,
    /// Write a settings file with every key explained
    #[command(after_help = "Example: socho config init /etc/socho.toml")]
    Init {
        /// The file to make; it must not be there yet. Without it the text is printed
        path: Option<String>,
    },
    /// Check the settings file and the environment; exit 3 and every fault otherwise
    #[command(after_help = "Example: socho config check --config /etc/socho.toml")]
    Check,
}

pub(super) fn run(context: &Context, command: Config) -> Result<Exit, Failure> {
    match command {
        Config::Show => show(context),
        Config::Init { path } => return init(context, path.as_deref()),
        Config::Check => return check(context),
    }
    Ok(Exit::Ok)
}

/// One setting with the layer that decided it.
struct Resolved {
    key: &'static str,
    value: String,
    layer: Message,
}

fn resolve(context: &Context, setting: &Setting) -> Resolved {
    let given = match setting.key {
        "db" => context.db.clone(),
        "migrate_db" => context.migrate_db.clone(),
        "keys" => context.keys.clone(),
        _ => None,
    };
    let environment = std::env::var(setting.variable()).ok();
    let filed = (setting.of)(&context.config).cloned();
    let (value, layer) = match (given.filter(|given| Some(given) != environment.as_ref()), environment, filed) {
        (Some(value), ..) => (value, Message::new("tham số", "flag")),
        (None, Some(value), _) => (value, Message::new(setting.variable(), setting.variable())),
        (None, None, Some(value)) => (value, Message::new("tệp", "file")),
        (None, None, None) => (setting.default.to_owned(), Message::new("mặc định", "default")),
    };
    let value = if setting.key == "otlp_headers" {
        // Their names alone: a value may open something.
        let names = value.split(',').filter_map(|part| Some(format!("{}=…", part.split_once('=')?.0.trim())));
        names.collect::<Vec<_>>().join(", ")
    } else {
        OpenOptions { url: value, migrate_url: None }.shown()
    };
    Resolved { key: setting.key, value, layer }
}

fn show(context: &Context) {
    let settings: Vec<Resolved> = SETTINGS.iter().map(|setting| resolve(context, setting)).collect();
    if context.json {
        let shown = |one: &Resolved| json!({"key": one.key, "value": one.value, "from": one.layer.en});
        line(json!({"data": settings.iter().map(shown).collect::<Vec<_>>(), "has_more": false}).to_string());
        return;
    }
    let row = |one: Resolved| vec![one.key.to_owned(), one.value, context.lang.choose(&one.layer).to_owned()];
    let heads = context.lang.heads(["Khóa", "Giá trị", "Từ"], ["Key", "Value", "From"]);
    to_stdout(&table(&heads, settings.into_iter().map(row).collect()));
}

/// The text of a settings file in which everything is explained and nothing is set.
fn template(context: &Context) -> String {
    use std::fmt::Write as _;
    let mut text = String::new();
    for setting in &SETTINGS {
        let about = context.lang.choose(&Message::new(setting.vi, setting.en)).to_owned();
        let example = if setting.default.is_empty() { "" } else { setting.default };
        // Writing to a String cannot fail.
        let _ = write!(text, "# {about} ({})\n# {} = {example:?}\n\n", setting.variable(), setting.key);
    }
    text
}

fn init(context: &Context, path: Option<&str>) -> Result<Exit, Failure> {
    use std::io::Write as _;
    use std::os::unix::fs::OpenOptionsExt as _;
    let text = template(context);
    let Some(path) = path else {
        to_stdout(&text);
        return Ok(Exit::Ok);
    };
    // It may come to hold a password.
    let made = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    made.and_then(|mut file| file.write_all(text.as_bytes())).map_err(|error| {
        let vi = format!("Không tạo được {path}: {error}.");
        Failure::new(Exit::Refused, vi, format!("Cannot make {path}: {error}."))
    })?;
    line(path);
    Ok(Exit::Ok)
}

fn check(context: &Context) -> Result<Exit, Failure> {
    let mut faults: Vec<(String, Message)> = Vec::new();
    for setting in &SETTINGS {
        let environment = std::env::var(setting.variable()).ok();
        for (place, value) in [("", (setting.of)(&context.config).cloned()), ("SOCHO_", environment)] {
            let Some(Err(failure)) = value.as_deref().map(setting.check) else { continue };
            let name = if place.is_empty() { setting.key.to_owned() } else { setting.variable() };
            faults.push((name, failure.message));
        }
    }
    for (name, _) in std::env::vars() {
        let known = !name.starts_with("SOCHO_")
            || name.starts_with(KEY_VARIABLE)
            || OTHER_VARIABLES.contains(&name.as_str())
            || SETTINGS.iter().any(|setting| setting.variable() == name);
        if !known {
            let variables: Vec<String> = SETTINGS.iter().map(Setting::variable).collect();
            faults.push((name.clone(), unknown(&name, variables.iter().map(String::as_str))));
        }
    }
    if faults.is_empty() {
        let good = Message::new("Cấu hình đúng.", "The configuration is right.");
        if context.json {
            line(json!({"ok": true}).to_string());
        } else {
            line(context.lang.choose(&good));
        }
        return Ok(Exit::Ok);
    }
    let vi = format!("Cấu hình có {} lỗi.", faults.len());
    let en = format!("The configuration has {} faults.", faults.len());
    Err(Failure::new(Exit::Configuration, vi, en).with_details(faults))
}

/// Says that a key is not known, and which one it was meant for.
fn unknown<'a>(key: &str, known: impl Iterator<Item = &'a str>) -> Message {
    let nearest = known.map(|one| (strsim::damerau_levenshtein(one, key), one)).min();
    match nearest.filter(|(distance, _)| *distance <= TYPING_MISTAKES) {
        Some((_, meant)) => Message::new(
            format!("không có khóa {key}; có phải là {meant}? Xem mọi khóa: socho config init."),
            format!("there is no key {key}; is {meant} meant? See all keys: socho config init."),
        ),
        None => Message::new(
            format!("không có khóa {key}. Xem mọi khóa: socho config init."),
            format!("there is no key {key}. See all keys: socho config init."),
        ),
    }
}

impl File {
    /// Reads the file; no file, no settings.
    pub(super) fn load(path: Option<&str>) -> Result<Self, Failure> {
        let Some(path) = path else { return Ok(Self::default()) };
        let refuse = |why: &Message| {
            let vi = format!("Tệp cấu hình {path} không dùng được: {}", why.vi);
            Failure::new(Exit::Configuration, vi, format!("The settings file {path} cannot be used: {}", why.en))
        };
        let bytes = super::output::read_input(path, LIMIT).map_err(|failure| refuse(&failure.message))?;
        let text =
            String::from_utf8(bytes).map_err(|_| refuse(&Message::new("không phải UTF-8", "it is not UTF-8")))?;
        Self::read(&text).map_err(|why| refuse(&why))
    }

    /// Reads the text of a settings file.
    pub(super) fn read(text: &str) -> Result<Self, Message> {
        let same = |error: toml::de::Error| Message::new(error.to_string(), error.to_string());
        let keys: toml::Table = toml::from_str(text).map_err(same)?;
        let known = |key: &str| SETTINGS.iter().any(|setting| setting.key == key);
        match keys.keys().find(|key| !known(key)) {
            Some(key) => Err(unknown(key, SETTINGS.iter().map(|setting| setting.key))),
            None => toml::from_str(text).map_err(same),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{File, SETTINGS};

    #[test]
    fn every_setting_of_the_list_is_one_of_the_file_and_the_other_way_round() {
        for setting in &SETTINGS {
            let file = File::read(&format!("{} = 'x'", setting.key)).unwrap();
            assert_eq!((setting.of)(&file).map(String::as_str), Some("x"), "{}", setting.key);
            assert_eq!(SETTINGS.iter().filter(|other| (other.of)(&file).is_some()).count(), 1, "{}", setting.key);
        }
        let fields = toml::from_str::<File>("no_such_key = 1").unwrap_err().to_string();
        let expected = fields.rsplit_once("expected one of").unwrap().1;
        assert_eq!(expected.matches('`').count(), SETTINGS.len() * 2, "{expected}");
    }

    #[test]
    fn a_mistyped_key_is_told_with_the_one_that_was_meant() {
        for (typed, meant) in
            [("bnid", "bind"), ("inget_bind", "ingest_bind"), ("DB", "db"), ("log-format", "log_format")]
        {
            let told = File::read(&format!("{typed} = 'x'")).unwrap_err();
            assert!(told.en.contains(typed) && told.en.contains(&format!("is {meant} meant")), "{}", told.en);
        }
        let told = File::read("quite_another_thing = 1").unwrap_err();
        assert!(told.en.contains("no key quite_another_thing.") && !told.en.contains("meant"), "{}", told.en);
        assert!(File::read("bind = 8080").is_err() && File::read("bind = '").is_err());
    }
}
