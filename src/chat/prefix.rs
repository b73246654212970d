//! Which messages are meant for the bot: everything where people talk to it alone, prefixed or addressed
//! messages elsewhere.

use serde::{Deserialize, Serialize};

/// How commands begin in places where others talk too.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PrefixOptions {
    /// Texts that make a message a command.
    pub prefixes: Vec<String>,
}

impl Default for PrefixOptions {
    fn default() -> Self {
        Self {
            prefixes: vec!["!".to_owned()],
        }
    }
}

impl PrefixOptions {
    /// The sentences to try, in this order; empty when the message is not meant for the bot.
    ///
    /// Where no prefix is needed one is tolerated, but the text as typed comes first, because aliases may
    /// begin with such a character themselves.
    #[must_use]
    pub fn sentences<'a>(&self, text: &'a str, meant: bool) -> Vec<&'a str> {
        let bare = self
            .prefixes
            .iter()
            .filter(|prefix| !prefix.is_empty())
            .find_map(|prefix| text.strip_prefix(prefix.as_str()))
            .map(str::trim_start)
            // `!!!` and `!?` are exclamations.
            .filter(|rest| {
                rest.starts_with(|first: char| first.is_alphanumeric() || "/.\"'".contains(first))
            });
        match (meant, bare) {
            (true, Some(bare)) => vec![text, bare],
            (true, None) => vec![text],
            (false, Some(bare)) => vec![bare, text],
            (false, None) => Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("deploy api", true, &["deploy api"])]
    #[case("!deploy api", true, &["!deploy api", "deploy api"])]
    #[case("!deploy api", false, &["deploy api", "!deploy api"])]
    #[case("! deploy api", false, &["deploy api", "! deploy api"])]
    #[case("deploy api", false, &[])]
    #[case("!!! wow", false, &[])]
    #[case("!", false, &[])]
    fn who_is_meant(#[case] text: &str, #[case] meant: bool, #[case] sentences: &[&str]) {
        assert_eq!(PrefixOptions::default().sentences(text, meant), sentences);
    }
}
