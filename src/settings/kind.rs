//! Kinds of values: reading them from texts (variables, flags) and checking them in files.

use std::path::{Path, PathBuf};

use toml::Value;

/// What a key takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Any text that is not empty.
    Text,
    /// A file or folder; relative ones count from the file that names them, else from the current folder.
    Path,
    /// Several of them; in a variable separated as in `PATH`.
    Paths,
    /// Several texts; in a variable separated by commas.
    Texts,
    /// Yes or no.
    Bool,
    /// A whole number.
    Integer {
        /// Smallest.
        min: i64,
        /// Largest.
        max: i64,
    },
    /// A number of bytes, also written `64MiB`.
    Bytes {
        /// Smallest.
        min: i64,
        /// Largest.
        max: i64,
    },
    /// One of these words.
    Choice(&'static [&'static str]),
    /// `address:port`.
    Address,
    /// `http://…` or `https://…`.
    Url,
    /// The same, or empty.
    OptionalUrl,
    /// A list of sections whose keys their owner checks.
    Tables,
}

impl Kind {
    /// What is expected, to follow "must be".
    #[must_use]
    pub fn expected(self) -> String {
        match self {
            Self::Text => "text".to_owned(),
            Self::Path => "a path".to_owned(),
            Self::Paths => "a list of paths".to_owned(),
            Self::Texts => "a list of texts".to_owned(),
            Self::Bool => "true or false".to_owned(),
            Self::Integer { min, max } => format!("a whole number from {min} to {max}"),
            Self::Bytes { min, max } => {
                format!(
                    "a number of bytes from {} to {}, such as 65536 or \"64MiB\"",
                    bytes_text(min),
                    bytes_text(max)
                )
            }
            Self::Choice(words) => {
                format!(
                    "one of {}",
                    words
                        .iter()
                        .map(|word| format!("`{word}`"))
                        .collect::<Vec<_>>()
                        .join(", ")
                )
            }
            Self::Address => "an address with a port, such as 127.0.0.1:9101".to_owned(),
            Self::Url => "an address that starts with http:// or https://".to_owned(),
            Self::OptionalUrl => "empty or an address that starts with http:// or https://".to_owned(),
            Self::Tables => "a list of sections".to_owned(),
        }
    }

    /// A value from the text of a variable or flag; `base` is what relative paths count from.
    ///
    /// # Errors
    /// What the text is instead, to go before "must be".
    pub fn read(self, text: &str, base: &Path) -> Result<Value, String> {
        let value = match self {
            Self::Bool => match text.trim().to_ascii_lowercase().as_str() {
                "true" | "yes" | "on" | "1" => Value::Boolean(true),
                "false" | "no" | "off" | "0" => Value::Boolean(false),
                _ => return Err(format!("`{text}`")),
            },
            Self::Integer { .. } => Value::Integer(text.trim().parse().map_err(|_| format!("`{text}`"))?),
            Self::Bytes { .. } => text
                .trim()
                .parse()
                .map_or_else(|_| Value::String(text.trim().to_owned()), Value::Integer),
            Self::Paths => Value::Array(
                std::env::split_paths(text)
                    .filter(|path| !path.as_os_str().is_empty())
                    .map(|path| Value::String(path.to_string_lossy().into_owned()))
                    .collect(),
            ),
            Self::Texts if !text.trim_start().starts_with('[') => Value::Array(
                text.split(',')
                    .map(str::trim)
                    .filter(|part| !part.is_empty())
                    .map(|part| Value::String(part.to_owned()))
                    .collect(),
            ),
            Self::Texts | Self::Tables => toml_value(text).unwrap_or_else(|| Value::String(text.to_owned())),
            Self::Text | Self::Path | Self::Choice(_) | Self::Address | Self::Url | Self::OptionalUrl => {
                Value::String(text.to_owned())
            }
        };
        self.check(value, base)
    }

    /// The value in its normal form: paths absolute, bytes as a number.
    ///
    /// # Errors
    /// What the value is instead, to go before "must be".
    pub fn check(self, value: Value, base: &Path) -> Result<Value, String> {
        match (self, value) {
            (Self::Tables, Value::Array(items)) if items.iter().all(Value::is_table) => {
                Ok(Value::Array(items))
            }
            (Self::OptionalUrl, Value::String(text)) if text.is_empty() => Ok(Value::String(text)),
            (Self::Text, Value::String(text)) if text.trim().is_empty() => Err("empty".to_owned()),
            (Self::Text, Value::String(text)) => Ok(Value::String(text)),
            (Self::Path, Value::String(text)) if text.is_empty() => Err("empty".to_owned()),
            (Self::Path, Value::String(text)) => Ok(absolute(&text, base)),
            (Self::Paths, Value::String(text)) => Ok(Value::Array(vec![absolute(&text, base)])),
            (Self::Paths, Value::Array(items)) => each_text(items, |text| absolute(&text, base)),
            (Self::Texts, Value::Array(items)) => each_text(items, Value::String),
            (Self::Bool, Value::Boolean(value)) => Ok(Value::Boolean(value)),
            (Self::Integer { min, max } | Self::Bytes { min, max }, Value::Integer(value)) => {
                if (min..=max).contains(&value) {
                    Ok(Value::Integer(value))
                } else {
                    Err(format!("{value}"))
                }
            }
            (Self::Bytes { min, max }, Value::String(text)) => bytes(&text)
                .filter(|value| (min..=max).contains(value))
                .map(Value::Integer)
                .ok_or_else(|| format!("`{text}`")),
            (Self::Choice(words), Value::String(text)) => {
                if words.contains(&text.as_str()) {
                    Ok(Value::String(text))
                } else {
                    Err(format!("`{text}`"))
                }
            }
            (Self::Address, Value::String(text)) => {
                let fits = text.rsplit_once(':').is_some_and(|(host, port)| {
                    !host.is_empty() && !host.contains("//") && port.parse::<u16>().is_ok()
                });
                if fits {
                    Ok(Value::String(text))
                } else {
                    Err(format!("`{text}`"))
                }
            }
            (Self::Url | Self::OptionalUrl, Value::String(text)) => {
                let fits = url::Url::parse(&text)
                    .is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
                if fits {
                    Ok(Value::String(text))
                } else {
                    Err(format!("`{text}`"))
                }
            }
            (_, other) => Err(type_name(&other).to_owned()),
        }
    }
}

/// The type of a value in words.
fn type_name(value: &Value) -> &'static str {
    match value {
        Value::String(_) => "text",
        Value::Integer(_) => "a whole number",
        Value::Float(_) => "a number with a fraction",
        Value::Boolean(_) => "true or false",
        Value::Datetime(_) => "a time",
        Value::Array(_) => "a list",
        Value::Table(_) => "a section",
    }
}

fn each_text(items: Vec<Value>, convert: impl Fn(String) -> Value) -> Result<Value, String> {
    let mut texts = Vec::with_capacity(items.len());
    for item in items {
        match item {
            Value::String(text) if !text.is_empty() => texts.push(convert(text)),
            other => return Err(format!("a list with {} in it", type_name(&other))),
        }
    }
    Ok(Value::Array(texts))
}

/// `~/` is the home folder; what is relative counts from `base`.
fn absolute(text: &str, base: &Path) -> Value {
    let home = text.strip_prefix("~/").and_then(|rest| {
        let home = std::env::var_os("HOME").filter(|home| !home.is_empty())?;
        Some(PathBuf::from(home).join(rest))
    });
    let path = home.unwrap_or_else(|| base.join(text));
    // `./packs` and `packs/.` are the same folder; components() drops the dots.
    Value::String(
        path.components()
            .collect::<PathBuf>()
            .to_string_lossy()
            .into_owned(),
    )
}

fn toml_value(text: &str) -> Option<Value> {
    let mut table: toml::Table = format!("value = {text}").parse().ok()?;
    (table.len() == 1).then(|| table.remove("value")).flatten()
}

const UNITS: [(&str, i64); 4] = [
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
    ("TiB", 1 << 40),
];

/// `65536`, `64KiB`, `1 MiB`, `512k`: units are powers of 1024.
fn bytes(text: &str) -> Option<i64> {
    let text = text.trim();
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let number: i64 = text[..digits].parse().ok()?;
    let unit = text[digits..].trim();
    if unit.is_empty() || unit.eq_ignore_ascii_case("b") {
        return Some(number);
    }
    let (_, factor) = UNITS.iter().find(|(name, _)| {
        [*name, &name[..1], &format!("{}B", &name[..1])]
            .iter()
            .any(|form| unit.eq_ignore_ascii_case(form))
    })?;
    number.checked_mul(*factor)
}

/// A number of bytes with the largest unit that divides it.
pub(crate) fn bytes_text(value: i64) -> String {
    UNITS
        .iter()
        .rev()
        .find(|(_, factor)| value >= *factor && value % factor == 0)
        .map_or_else(
            || value.to_string(),
            |(name, factor)| format!("{}{name}", value / factor),
        )
}
