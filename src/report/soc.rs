//! Security events as collectors read them: RFC 5424 syslog with structured data, or CEF behind the same
//! header. Whatever a person or a sender may have chosen is cut, freed of control characters and escaped by
//! the rules of the place where it stands: no name can begin a second record, end an element or add a field.

use std::fmt::Write as _;

use crate::domain::security_event::{Ending, SecurityEvent, Severity, Subject};

/// Name of the structured data: the number is the one that RFC 5612 keeps for whoever has none.
const ELEMENT: &str = "socho@32473";
/// Characters of one value.
const VALUE_MAX: usize = 200;
/// Characters of a host's name (RFC 5424 §6).
const HOST_MAX: usize = 255;

/// Which form a collector reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// RFC 5424 with structured data.
    Rfc5424,
    /// The Common Event Format (CEF).
    Cef,
}

impl std::str::FromStr for Form {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "rfc5424" => Ok(Self::Rfc5424),
            "cef" => Ok(Self::Cef),
            _ => Err(format!("{text:?} is neither rfc5424 nor cef")),
        }
    }
}

/// Where events come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// The machine's name.
    pub host: String,
    /// The process's number.
    pub process: u32,
    /// The program's version.
    pub version: &'static str,
}

/// Returns an event as one record.
#[must_use]
pub fn record(event: &SecurityEvent, form: Form, origin: &Origin) -> String {
    let mut text = header(event, origin);
    match form {
        Form::Rfc5424 => {
            let _ = write!(text, " [{ELEMENT}");
            for (name, value) in fields(event) {
                if !value.is_empty() {
                    // Writing to a String cannot fail.
                    let _ = write!(text, " {name}=\"{}\"", in_element(&value));
                }
            }
            let _ = write!(text, "] \u{feff}{}", event.says);
        }
        Form::Cef => {
            let _ = write!(text, " - {}", cef(event, origin));
        }
    }
    text
}

fn header(event: &SecurityEvent, origin: &Origin) -> String {
    let facility = match event.subject {
        Subject::Entry => 10,
        Subject::Deed => 13,
    };
    let severity = match event.severity {
        Severity::Warning => 4,
        Severity::Notice => 5,
        Severity::Informational => 6,
    };
    let host: String = origin.host.chars().filter(char::is_ascii_graphic).take(HOST_MAX).collect();
    let host = if host.is_empty() { "-".to_owned() } else { host };
    let at = event.at.strftime("%Y-%m-%dT%H:%M:%S%.6fZ");
    format!("<{}>1 {at} {host} socho {} {}", facility * 8 + severity, origin.process, event.id)
}

fn fields(event: &SecurityEvent) -> [(&'static str, String); 10] {
    [
        ("event", event.id.to_owned()),
        ("outcome", ending(event).to_owned()),
        ("actorKind", event.actor_kind.map(|kind| kind.as_str().to_owned()).unwrap_or_default()),
        ("actor", plain(&event.actor)),
        ("role", plain(&event.role)),
        ("object", plain(&event.object)),
        ("market", plain(&event.market)),
        ("audit", plain(&event.audit)),
        ("src", plain(&event.address)),
        ("requestId", plain(&event.request_id)),
    ]
}

fn ending(event: &SecurityEvent) -> &'static str {
    match event.ending {
        Ending::Success => "success",
        Ending::Failure => "failure",
    }
}

/// Cuts a value and puts a blank in the place of whatever is no printable character: control characters,
/// separators of lines and paragraphs, and what turns the direction of writing.
fn plain(value: &str) -> String {
    let harmless = |c: char| {
        let turns =
            matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}');
        if c.is_control() || turns { ' ' } else { c }
    };
    value.chars().map(harmless).take(VALUE_MAX).collect()
}

/// Escapes a value of structured data (RFC 5424 §6.3.3).
fn in_element(value: &str) -> String {
    escaped(value, &['"', '\\', ']'])
}

fn escaped(value: &str, special: &[char]) -> String {
    let mut text = String::with_capacity(value.len());
    for character in value.chars() {
        if special.contains(&character) {
            text.push('\\');
        }
        text.push(character);
    }
    text
}

fn cef(event: &SecurityEvent, origin: &Origin) -> String {
    let head = |value: &str| escaped(value, &['|', '\\']);
    let tail = |value: &str| escaped(value, &['=', '\\']);
    let severity = match event.severity {
        Severity::Warning => 7,
        Severity::Notice => 5,
        Severity::Informational => 2,
    };
    let mut text = format!(
        "CEF:0|So Cho|socho|{}|{}|{}|{severity}|rt={} outcome={}",
        head(origin.version),
        head(event.id),
        head(event.says),
        event.at.as_millisecond(),
        ending(event)
    );
    let kind = event.actor_kind.map(|kind| kind.as_str().to_owned()).unwrap_or_default();
    for (name, value) in [("suser", &event.actor), ("src", &event.address), ("externalId", &event.request_id)] {
        if !value.is_empty() {
            let _ = write!(text, " {name}={}", tail(&plain(value)));
        }
    }
    let labelled = [
        ("object", &event.object),
        ("market", &event.market),
        ("role", &event.role),
        ("actorKind", &kind),
        ("audit", &event.audit),
    ];
    for (number, (label, value)) in (1..).zip(labelled) {
        if !value.is_empty() {
            let _ = write!(text, " cs{number}Label={label} cs{number}={}", tail(&plain(value)));
        }
    }
    text
}
