//! People, their sessions, phones and keys: the names and the spellings.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;
use unicode_normalization::UnicodeNormalization as _;
use uuid::Uuid;

use super::ids::{IdError, MarketCode, MarketId};

/// Shortest password, in characters (NIST SP 800-63B §3.1.1.2 asks for 8 beside a second factor, 15 alone).
pub const PASSWORD_MIN: usize = 10;
/// Longest password, in characters: a whole sentence fits, a flood does not.
pub const PASSWORD_MAX: usize = 200;

/// A user's name at login: 2 to 40 of `a-z 0-9 . - _`, a letter first.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UserName(String);

/// Names that stand for no person in the journal.
const RESERVED: [&str; 6] = ["operator", "demo", "socho", "system", "root", "phone"];

impl UserName {
    /// Returns the name's text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for UserName {
    type Err = IdError;

    /// Reads a name; capitals are lowered and blanks around it dropped, as phones write them.
    fn from_str(text: &str) -> Result<Self, IdError> {
        let name = text.trim().to_ascii_lowercase();
        let rule = "2 to 40 of a-z, 0-9, '.', '-' and '_', a letter first, and not a name of the program's own";
        let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'.' | b'-' | b'_');
        let begins = name.bytes().next().is_some_and(|b| b.is_ascii_lowercase());
        if begins && (2..=40).contains(&name.len()) && name.bytes().all(allowed) && !RESERVED.contains(&name.as_str()) {
            Ok(Self(name))
        } else {
            Err(IdError { what: "user name", text: text.chars().take(60).collect(), rule })
        }
    }
}

impl fmt::Display for UserName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A password in one spelling: keyboards differ in how they write `ế`. Never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Password(String);

/// Why a text is no password that may be set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum PasswordError {
    /// Too short.
    #[error("a password needs at least {PASSWORD_MIN} characters")]
    TooShort,
    /// Too long.
    #[error("a password has at most {PASSWORD_MAX} characters")]
    TooLong,
    /// The user's own name, one character again and again, or a row of the keyboard.
    #[error("this password is guessed first")]
    Guessable,
}

/// Beginnings that everybody tries first.
const GUESSED: [&str; 12] = [
    "0123456789",
    "1234567890",
    "9876543210",
    "abcdefghij",
    "admin",
    "matkhau",
    "password",
    "qwertyuiop",
    "socho",
    "123456",
    "iloveyou",
    "chocantho",
];

impl Password {
    /// Takes what was typed, to compare it: NFC, nothing else changed (RFC 8265 §4.2).
    #[must_use]
    pub fn typed(text: &str) -> Self {
        Self(text.chars().take(PASSWORD_MAX.saturating_add(1)).nfc().collect())
    }

    /// Takes a password that shall be set.
    ///
    /// # Errors
    /// [`PasswordError`].
    pub fn chosen(text: &str, user: &UserName) -> Result<Self, PasswordError> {
        let password = Self::typed(text);
        let length = password.0.chars().count();
        if length < PASSWORD_MIN {
            return Err(PasswordError::TooShort);
        }
        if length > PASSWORD_MAX {
            return Err(PasswordError::TooLong);
        }
        let plain = password.0.to_lowercase();
        let mut different: Vec<char> = plain.chars().collect();
        different.sort_unstable();
        different.dedup();
        let rest = GUESSED.iter().chain([&user.as_str()]).find_map(|guessed| plain.strip_prefix(guessed));
        let guessed = rest.is_some_and(|rest| rest.chars().all(|c| c.is_ascii_digit() || c == '!' || c == '@'));
        if different.len() < 4 || guessed { Err(PasswordError::Guessable) } else { Ok(password) }
    }

    /// Returns the bytes that are hashed.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(…)")
    }
}

/// Declares an identifier that is shown as a prefix and a version-7 UUID.
macro_rules! uuid_name {
    ($($(#[$doc:meta])* $name:ident = $prefix:literal, $what:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub Uuid);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!($prefix, "{}"), self.0)
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                let uuid = text.strip_prefix($prefix).and_then(|uuid| Uuid::try_parse(uuid).ok());
                uuid.map(Self).ok_or_else(|| IdError {
                    what: $what,
                    text: text.chars().take(60).collect(),
                    rule: concat!($prefix, " and a UUID"),
                })
            }
        }
    )*};
}

uuid_name! {
    /// A user, shown as `usr_…`.
    UserId = "usr_", "user";
    /// A session, shown as `ses_…`.
    SessionId = "ses_", "session";
    /// A phone of a stall, shown as `dev_…`.
    DeviceId = "dev_", "device";
    /// A key of a machine, shown as `key_…`.
    KeyId = "key_", "key";
    /// An inbound request of a source, shown as `dlv_…`.
    HeardId = "dlv_", "delivery";
    /// A subscription of another program, shown as `whk_…`.
    WebhookId = "whk_", "webhook";
}

/// What stands in front of every key of a machine.
pub const KEY_PREFIX: &str = "sc_";

/// What a phone keeps: its market, its name there and its key.
#[derive(Clone, PartialEq, Eq)]
pub struct DeviceToken {
    /// The market.
    pub market: MarketId,
    /// The phone.
    pub device: DeviceId,
    /// The key, as text; the database holds its hash.
    pub key: String,
}

impl fmt::Display for DeviceToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.market.get(), self.device.0.simple(), self.key)
    }
}

impl fmt::Debug for DeviceToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DeviceToken({}, …)", self.device)
    }
}

impl FromStr for DeviceToken {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        // The text is a secret: it does not go into the message.
        let wrong = || IdError { what: "device token", text: String::new(), rule: "market, device and key" };
        let mut parts = text.splitn(3, '.');
        let (Some(market), Some(device), Some(key)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(wrong());
        };
        Ok(Self {
            market: MarketId::new(market.parse().map_err(|_| wrong())?)?,
            device: DeviceId(Uuid::try_parse(device).map_err(|_| wrong())?),
            key: key.to_owned(),
        })
    }
}

/// The alphabet of pairing codes, Crockford's: no I, L, O, U.
const SYMBOLS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
/// Symbols of a pairing code: 100 bits.
const CODE_SYMBOLS: usize = 20;

/// A one-time pairing code, `TAN-7K3M9-QXPW2-…`: the market and twenty symbols.
#[derive(Clone, PartialEq, Eq)]
pub struct PairingCode {
    /// The market.
    pub market: MarketCode,
    symbols: String,
}

impl PairingCode {
    /// Makes a code of a market from random bytes.
    #[must_use]
    pub fn from_random(market: MarketCode, random: &[u8; 32]) -> Self {
        let symbol = |byte: &u8| char::from(SYMBOLS.get(usize::from(byte & 31)).copied().unwrap_or(b'0'));
        Self { market, symbols: random.iter().take(CODE_SYMBOLS).map(symbol).collect() }
    }

    /// Returns the bytes that are hashed: without the dashes.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        format!("{}-{}", self.market, self.symbols).into_bytes()
    }
}

impl fmt::Display for PairingCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.market.as_str())?;
        for (place, symbol) in self.symbols.chars().enumerate() {
            if place % 5 == 0 {
                f.write_str("-")?;
            }
            write!(f, "{symbol}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for PairingCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PairingCode({}-…)", self.market)
    }
}

impl FromStr for PairingCode {
    type Err = IdError;

    /// Reads a code however a person types it: small letters, blanks, and O, I, L for 0, 1, 1.
    fn from_str(text: &str) -> Result<Self, IdError> {
        let wrong =
            || IdError { what: "pairing code", text: String::new(), rule: "the letters and digits of the card" };
        let (market, rest) = text.trim().split_once(['-', ' ']).ok_or_else(wrong)?;
        let mended = rest.chars().filter(|c| !matches!(c, '-' | ' ')).map(|c| match c.to_ascii_uppercase() {
            'O' => '0',
            'I' | 'L' => '1',
            other => other,
        });
        let symbols: String = mended.take(CODE_SYMBOLS.saturating_add(1)).collect();
        if symbols.len() == CODE_SYMBOLS && symbols.bytes().all(|b| SYMBOLS.contains(&b)) {
            Ok(Self { market: market.parse().map_err(|_| wrong())?, symbols })
        } else {
            Err(wrong())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_one_however_the_keyboard_writes_it() {
        assert_eq!(Password::typed("tiếng Việt"), Password::typed("tie\u{302}\u{301}ng Vie\u{323}\u{302}t"));
        assert_ne!(Password::typed("a "), Password::typed("a"));
        assert_eq!(format!("{:?}", Password::typed("bí mật")), "Password(…)");
    }

    #[test]
    fn what_is_guessed_first_is_no_password() {
        let lan: UserName = "Lan.TAN ".parse().unwrap();
        for (text, why) in [
            ("ngắn quá", PasswordError::TooShort),
            ("aaaaaaaaaaaa", PasswordError::Guessable),
            ("1234567890", PasswordError::Guessable),
            ("matkhau2026", PasswordError::Guessable),
            ("lan.tan1234", PasswordError::Guessable),
        ] {
            assert_eq!(Password::chosen(text, &lan), Err(why), "{text}");
        }
        assert_eq!(Password::chosen(&"a b c d".repeat(40), &lan), Err(PasswordError::TooLong));
        assert!(Password::chosen("cá lóc nướng trui", &lan).is_ok());
    }

    #[test]
    fn a_pairing_code_is_read_as_people_type_it() {
        let code = PairingCode::from_random("TAN".parse().unwrap(), &[1; 32]);
        assert_eq!(code.to_string(), "TAN-11111-11111-11111-11111");
        assert_eq!("tan Ilil1 11111-11111 11111 ".parse(), Ok(code));
        for bad in ["TAN", "TAN-1111", "TAN-11111-11111-11111-111111", "TAN-U1111-11111-11111-11111", ""] {
            assert!(bad.parse::<PairingCode>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_device_token_reads_back_and_tells_nothing() {
        let token = DeviceToken {
            market: MarketId::new(7).unwrap(),
            device: DeviceId(Uuid::from_u128(5)),
            key: "secret".to_owned(),
        };
        assert_eq!(token.to_string().parse(), Ok(token.clone()));
        assert!(!format!("{token:?}").contains("secret"));
        assert!("7.x.y".parse::<DeviceToken>().is_err());
    }
}
