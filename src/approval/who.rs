//! Who may approve: persons, and everybody in a group or with a role.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Characters of a name.
const LONGEST: usize = 128;

/// One entry of a list of approvers.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Approver {
    /// A person by internal name.
    Person(String),
    /// Everybody in the group.
    Group(String),
    /// Everybody with the role.
    Role(String),
}

impl Approver {
    /// Whether the person is meant.
    #[must_use]
    pub fn names(&self, voter: &Voter<'_>) -> bool {
        match self {
            Self::Person(name) => same_person(name, voter.user),
            Self::Group(name) | Self::Role(name) => voter.is_in(name),
        }
    }
}

impl FromStr for Approver {
    type Err = String;

    /// `ana`, `group:oncall`, `role:admin`; a mark before a name (`@ana`) is taken off.
    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let (kind, name) = match text.split_once(':') {
            Some((kind @ ("group" | "role" | "user"), name)) => (kind, name.trim()),
            _ => ("user", text),
        };
        let name = name.trim_start_matches('@');
        if name.is_empty() || name.chars().count() > LONGEST || name.chars().any(char::is_control) {
            let shown: String = text.chars().take(40).collect();
            return Err(format!(
                "`{shown}` names no approver: write a user's name, group:NAME or role:NAME"
            ));
        }
        let name = name.to_owned();
        Ok(match kind {
            "group" => Self::Group(name),
            "role" => Self::Role(name),
            _ => Self::Person(name),
        })
    }
}

impl fmt::Display for Approver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Person(name) => f.write_str(name),
            Self::Group(name) => write!(f, "group:{name}"),
            Self::Role(name) => write!(f, "role:{name}"),
        }
    }
}

impl TryFrom<String> for Approver {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Approver> for String {
    fn from(approver: Approver) -> Self {
        approver.to_string()
    }
}

/// Somebody who wants to vote, as they are known at this moment.
#[derive(Clone, Copy, Debug)]
pub struct Voter<'a> {
    /// Internal name of the person.
    pub user: &'a str,
    /// Their groups and roles.
    pub groups: &'a [String],
}

impl Voter<'_> {
    /// Whether they are in the group or have the role.
    #[must_use]
    pub fn is_in(&self, group: &str) -> bool {
        self.groups.iter().any(|name| name == group)
    }
}

/// Whether two names are of one person. Upper and lower case are the same, so that nobody becomes two people by
/// spelling.
#[must_use]
pub fn same_person(one: &str, other: &str) -> bool {
    one == other || one.trim().to_lowercase() == other.trim().to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn approvers_read_and_write_the_same() {
        for (text, expected) in [
            ("ana", "ana"),
            ("@ana", "ana"),
            (" user:bo ", "bo"),
            ("group:oncall", "group:oncall"),
            ("role: admin", "role:admin"),
            ("slack:T1:U2", "slack:T1:U2"),
        ] {
            assert_eq!(text.parse::<Approver>().unwrap().to_string(), expected);
        }
        assert!(
            "group:"
                .parse::<Approver>()
                .unwrap_err()
                .contains("names no approver")
        );
        assert!(same_person("Ana ", "ana") && !same_person("ana", "anna"));
    }
}
