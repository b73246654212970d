//! What can be set for a conversation, and how it is written.

use serde::{Deserialize, Serialize};

use crate::model::Timestamp;
use crate::timers::{EXAMPLES, Schedule};

/// Packs that a conversation may be limited to.
const MOST_PACKS: usize = 50;
/// Characters of a prefix.
const PREFIX: usize = 10;

/// How much is told of what runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verbosity {
    /// A card while it runs, and the output at the end.
    #[default]
    Full,
    /// Only the end, with a few lines of output.
    Short,
    /// Only the end, in a line when it went well.
    Quiet,
}

impl Verbosity {
    /// The word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Short => "short",
            Self::Quiet => "quiet",
        }
    }
}

/// How the bot behaves in a conversation; what is not set is as everywhere.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Manner {
    /// Mark before commands; empty: only mentions count.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prefix: Option<String>,
    /// Whether commands are answered in a thread.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub threads: Option<bool>,
    /// How much is told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verbosity: Option<Verbosity>,
    /// Packs whose commands may be given here. Those of the bot itself always may.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub packs: Option<Vec<String>>,
    /// When a summary of what was done here is posted: `every weekday 09:00`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
}

/// Names of everything that can be set, with how it is written.
pub const NAMES: [(&str, &str); 5] = [
    (
        "prefix",
        "a mark such as `!`, or `none`: then only mentions count",
    ),
    ("threads", "`on` or `off`"),
    ("verbosity", "`full`, `short` or `quiet`"),
    ("packs", "names of packs, or `all`"),
    ("digest", "a schedule such as `every weekday 09:00`, or `off`"),
];

impl Manner {
    /// Sets something as it is written; `default` takes it back. `zone` is the time zone of schedules that name none.
    ///
    /// # Errors
    /// One sentence: what is wrong and how it is written.
    pub fn set(&mut self, name: &str, value: &str, zone: &str, now: Timestamp) -> Result<(), String> {
        let value = value.trim();
        let back = value.eq_ignore_ascii_case("default");
        let lower = value.to_lowercase();
        let no = |what: &str| format!("`{value}` is no {name}: write {what}");
        match name {
            "prefix" if back => self.prefix = None,
            "prefix" => {
                let prefix = if lower == "none" { "" } else { value };
                if prefix.chars().count() > PREFIX || prefix.chars().any(char::is_whitespace) {
                    return Err(no("a mark of up to ten characters without spaces"));
                }
                self.prefix = Some(prefix.to_owned());
            }
            "threads" if back => self.threads = None,
            "threads" => {
                self.threads = Some(match lower.as_str() {
                    "on" | "yes" | "true" => true,
                    "off" | "no" | "false" => false,
                    _ => return Err(no("`on` or `off`")),
                });
            }
            "verbosity" if back => self.verbosity = None,
            "verbosity" => {
                self.verbosity = Some(match lower.as_str() {
                    "full" => Verbosity::Full,
                    "short" => Verbosity::Short,
                    "quiet" => Verbosity::Quiet,
                    _ => return Err(no("`full`, `short` or `quiet`")),
                });
            }
            "packs" if back || lower == "all" => self.packs = None,
            "packs" => self.packs = Some(packs(value).ok_or_else(|| no("names of packs"))?),
            "digest" if back || lower == "off" || lower == "none" => self.digest = None,
            "digest" => {
                let schedule = Schedule::parse(value, zone, now)
                    .map_err(|misread| format!("{}: {}", misread.message, misread.hint()))?;
                if schedule.is_relative {
                    return Err(format!(
                        "a digest comes again and again: write it like `{}`",
                        EXAMPLES[5]
                    ));
                }
                self.digest = Some(value.to_owned());
            }
            _ => {
                let names: Vec<&str> = NAMES.iter().map(|(name, _)| *name).collect();
                return Err(format!(
                    "there is no setting `{name}`; there are {}",
                    names.join(", ")
                ));
            }
        }
        Ok(())
    }

    /// How something is set, as it would be written; `None`: as everywhere.
    #[must_use]
    pub fn shown(&self, name: &str) -> Option<String> {
        match name {
            "prefix" => self.prefix.as_ref().map(|prefix| {
                if prefix.is_empty() {
                    "none".to_owned()
                } else {
                    prefix.clone()
                }
            }),
            "threads" => self.threads.map(|on| if on { "on" } else { "off" }.to_owned()),
            "verbosity" => self.verbosity.map(|verbosity| verbosity.as_str().to_owned()),
            "packs" => self.packs.as_ref().map(|packs| packs.join(", ")),
            "digest" => self.digest.clone(),
            _ => None,
        }
    }

    /// This, and where it sets nothing what `other` sets.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self {
            prefix: self.prefix.or(other.prefix),
            threads: self.threads.or(other.threads),
            verbosity: self.verbosity.or(other.verbosity),
            packs: self.packs.or(other.packs),
            digest: self.digest.or(other.digest),
        }
    }

    /// Whether commands of a pack may be given.
    #[must_use]
    pub fn offers(&self, pack: &str) -> bool {
        let listed = |packs: &Vec<String>| packs.iter().any(|known| known == pack);
        pack == super::OWN_PACK || self.packs.as_ref().is_none_or(listed)
    }
}

fn packs(value: &str) -> Option<Vec<String>> {
    let names: Vec<String> = value
        .split(|char: char| char == ',' || char.is_whitespace())
        .filter(|name| !name.is_empty() && *name != "and")
        .map(str::to_lowercase)
        .collect();
    let clean = |name: &String| {
        name.chars()
            .all(|char| char.is_alphanumeric() || "_-".contains(char))
    };
    (!names.is_empty() && names.len() <= MOST_PACKS && names.iter().all(clean)).then_some(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_read_as_people_write_them() {
        let now = Timestamp::now();
        for (name, value, expected) in [
            ("prefix", "?", Ok(Some("?"))),
            ("prefix", "none", Ok(Some("none"))),
            (
                "prefix",
                "a b",
                Err("`a b` is no prefix: write a mark of up to ten characters without spaces"),
            ),
            ("threads", "Off", Ok(Some("off"))),
            (
                "threads",
                "maybe",
                Err("`maybe` is no threads: write `on` or `off`"),
            ),
            ("verbosity", "quiet", Ok(Some("quiet"))),
            (
                "verbosity",
                "loud",
                Err("`loud` is no verbosity: write `full`, `short` or `quiet`"),
            ),
            ("packs", "core, ops and web", Ok(Some("core, ops, web"))),
            ("packs", "all", Ok(None)),
            (
                "packs",
                "../etc",
                Err("`../etc` is no packs: write names of packs"),
            ),
            ("digest", "every weekday 09:00", Ok(Some("every weekday 09:00"))),
            ("digest", "off", Ok(None)),
            (
                "digest",
                "in 5 minutes",
                Err("a digest comes again and again: write it like `every weekday 07:00`"),
            ),
            (
                "colour",
                "red",
                Err("there is no setting `colour`; there are prefix, threads, verbosity, packs, digest"),
            ),
        ] {
            let mut manner = Manner::default();
            let got = manner.set(name, value, "UTC", now).map(|()| manner.shown(name));
            let expected = expected
                .map(|shown| shown.map(str::to_owned))
                .map_err(str::to_owned);
            assert_eq!(got, expected, "{name} {value}");
            manner.set("threads", "default", "UTC", now).unwrap();
            assert_eq!(manner.threads, None);
        }
    }

    #[test]
    fn the_bots_own_commands_are_offered_everywhere() {
        let manner = Manner {
            packs: Some(vec!["ops".into()]),
            ..Manner::default()
        };
        assert!(manner.offers("ops") && manner.offers("chatops") && !manner.offers("core"));
        assert!(Manner::default().offers("core"));
    }
}
