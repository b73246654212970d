//! The permission matrix: tables of questions with their decisions, in `tests/data/access`.
//!
//! Each table `NAME.jsonl` is decided by `NAME.yaml` (an access file) and `NAME.toml` (settings), where they exist.

use std::path::PathBuf;

use proptest::prelude::*;
use serde_json::Value;

use crate::access::{AccessFile, AccessOptions, Ask, Authority as _, Policy};
use crate::model::{Action, Decision, Identity, JsonMap, Place, Timestamp};

/// A table with what it is decided by.
pub(crate) struct Suite {
    /// `people`.
    pub(crate) name: String,
    /// Text of the settings.
    pub(crate) settings: String,
    /// Text of the access file.
    pub(crate) file: Option<String>,
    /// Who is deactivated by command.
    deactivated: Vec<String>,
    /// The questions.
    pub(crate) rows: Vec<Value>,
}

/// All tables.
pub(crate) fn suites() -> Vec<Suite> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data/access");
    let mut names: Vec<String> = std::fs::read_dir(&folder)
        .unwrap()
        .filter_map(|entry| {
            let name = entry.unwrap().file_name().into_string().unwrap();
            Some(name.strip_suffix(".jsonl")?.to_owned())
        })
        .collect();
    names.sort();
    let read = |name: &str, kind: &str| std::fs::read_to_string(folder.join(format!("{name}.{kind}")));
    names
        .into_iter()
        .map(|name| {
            let mut suite = Suite {
                settings: read(&name, "toml").unwrap_or_default(),
                file: read(&name, "yaml").ok(),
                deactivated: Vec::new(),
                rows: Vec::new(),
                name,
            };
            for line in read(&suite.name, "jsonl").unwrap().lines() {
                let row: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
                if let Some(names) = row["deactivated"].as_array() {
                    suite.deactivated = names
                        .iter()
                        .filter_map(Value::as_str)
                        .map(str::to_owned)
                        .collect();
                } else {
                    suite.rows.push(row);
                }
            }
            suite
        })
        .collect()
}

impl Suite {
    fn bare(&self) -> Policy {
        let options: AccessOptions = toml::from_str(&self.settings).unwrap();
        let policy = Policy::new(options).unwrap();
        policy.set_deactivated(self.deactivated.iter().cloned().collect());
        policy
    }

    /// The policy with another text as its access file.
    fn policy_of(&self, file: Option<&str>) -> Policy {
        let policy = self.bare();
        let name = format!("{}.yaml", self.name);
        policy.set_file(file.map(|text| {
            AccessFile::read(&name, text, &policy.known()).unwrap_or_else(|problems| {
                let told: Vec<String> = problems.iter().map(ToString::to_string).collect();
                panic!("{name}: {}", told.join("\n"))
            })
        }));
        policy
    }

    /// Puts file and deactivated people into a policy that has the settings already.
    pub(crate) fn put_into(&self, policy: &Policy) {
        policy.set_deactivated(self.deactivated.iter().cloned().collect());
        let name = format!("{}.yaml", self.name);
        let file = self.file.as_deref();
        policy.set_file(file.map(|text| AccessFile::read(&name, text, &policy.known()).unwrap()));
    }

    fn policy(&self) -> Policy {
        self.policy_of(self.file.as_deref())
    }
}

/// Where a row says that it is asked: `slack:default/#ops` names a channel, `slack:default/D1` is one without a name.
pub(crate) fn place(text: &str) -> Place {
    let (gateway, rest) = text.split_once('/').unwrap();
    Place {
        gateway: gateway.to_owned(),
        conversation: if rest.starts_with('#') { "C9" } else { rest }.to_owned(),
        thread: None,
        name: rest.starts_with('#').then(|| rest.to_owned()),
    }
}

/// A question that a row asks.
struct Question<'a> {
    user: &'a str,
    roles: Option<Vec<String>>,
    action: Action,
    alias: Option<&'a str>,
    parameters: JsonMap,
    place: Option<Place>,
    now: Timestamp,
}

impl<'a> Question<'a> {
    fn of(row: &'a Value) -> Self {
        let mut action = super::tests::action(row["run"].as_str().unwrap());
        action.read_only = row["read_only"] == true;
        action.approval = row["asks"].as_object().cloned();
        let at = row["at"].as_str().unwrap_or("2026-11-25T03:00:00Z");
        Self {
            user: row["user"].as_str().unwrap(),
            roles: row["roles"].as_array().map(|roles| {
                let roles = roles.iter().filter_map(Value::as_str);
                roles.map(str::to_owned).collect()
            }),
            action,
            alias: row["alias"].as_str(),
            parameters: row["with"].as_object().cloned().unwrap_or_default(),
            place: row["in"].as_str().map(place),
            now: at.parse().unwrap(),
        }
    }

    fn judge(&self, policy: &Policy) -> Decision {
        let mut identity: Identity = policy.identity(self.user, "test");
        if let Some(roles) = &self.roles {
            identity.roles.clone_from(roles);
        }
        policy.decide(&Ask {
            identity: &identity,
            action: &self.action,
            alias: self.alias,
            parameters: &self.parameters,
            place: self.place.as_ref(),
            now: self.now,
        })
    }
}

#[test]
fn every_row_is_decided_as_it_says() {
    let (mut wrong, mut count) = (Vec::new(), 0);
    for suite in suites() {
        let policy = suite.policy();
        for (number, row) in suite.rows.iter().enumerate() {
            count += 1;
            let decision = Question::of(row).judge(&policy);
            let line = row["line"]
                .as_u64()
                .map(|line| format!("{}.yaml:{line}", suite.name));
            let needs = row["needs"].as_u64().unwrap_or(0);
            let right = decision.allowed == row["allowed"]
                && decision.reason.contains(row["reason"].as_str().unwrap())
                && decision.line == line
                && decision.needs.len() as u64 == needs
                && row["untold"]
                    .as_str()
                    .is_none_or(|secret| !format!("{decision:?}").contains(secret));
            if !right {
                wrong.push(format!(
                    "{}, question {}: {row}\n  -> {decision:?}",
                    suite.name,
                    number + 1
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(count >= 280, "{count} questions");
}

#[test]
fn what_may_be_run_here_is_shown_by_help() {
    // Whatever some parameters and times allow, `could` must show; what nothing allows here, it must not.
    for suite in suites() {
        let policy = suite.policy();
        for row in &suite.rows {
            let question = Question::of(row);
            let mut identity = policy.identity(question.user, "test");
            if let Some(roles) = &question.roles {
                identity.roles.clone_from(roles);
            }
            let place = question.place.clone();
            if place.is_none() && row["allowed"] == true {
                continue; // `None` is "wherever" for help, and "over the API" for decisions.
            }
            let shown = match question.alias {
                Some(alias) => policy.could_say(&identity, alias, &question.action, place.as_ref()),
                None => policy.could(&identity, &question.action, place.as_ref()),
            };
            if row["allowed"] == true {
                assert!(shown, "{}: {row}", suite.name);
            }
            let reason = row["reason"].as_str().unwrap();
            if reason.starts_with("no rule") || reason.contains("deactivated") {
                assert!(!shown, "{}: {row}", suite.name);
            }
        }
    }
}

/// The items below `grants` of a file, as text, and everything else.
fn taken_apart(text: &str) -> (String, Vec<String>, String) {
    let (head, rest) = text.split_once("grants:\n").unwrap();
    let (mut items, mut tail): (Vec<String>, String) = (Vec::new(), String::new());
    for line in rest.lines() {
        if line.starts_with("  - ") {
            items.push(String::new());
        }
        if line.starts_with("  ") && tail.is_empty() {
            let item = items.last_mut().unwrap();
            item.push_str(line);
            item.push('\n');
        } else {
            tail.push_str(line);
            tail.push('\n');
        }
    }
    (head.to_owned(), items, tail)
}

fn put_together(head: &str, items: &[String], tail: &str) -> String {
    let list = if items.is_empty() {
        String::new()
    } else {
        format!("grants:\n{}", items.concat())
    };
    format!("{head}{list}{tail}")
}

#[test]
fn removing_a_grant_never_widens_and_adding_a_denial_neither() {
    for suite in suites() {
        let Some(file) = &suite.file else { continue };
        let before = suite.policy();
        let (head, items, tail) = taken_apart(file);
        for (index, item) in items.iter().enumerate() {
            let mut changed = items.clone();
            let denies = item.contains("deny:");
            if denies {
                // Without the denial it may be wider; with it twice it is the same.
                changed.push(item.clone());
            } else {
                changed.remove(index);
            }
            let after = suite.policy_of(Some(&put_together(&head, &changed, &tail)));
            for row in &suite.rows {
                let question = Question::of(row);
                let (was, is) = (question.judge(&before), question.judge(&after));
                assert!(was.allowed || !is.allowed, "{}: without {item} {row}", suite.name);
                assert!(
                    !denies || was.allowed == is.allowed,
                    "{}: {item} twice: {row}",
                    suite.name
                );
            }
        }
        for denial in [
            "  - deny: \"*\"\n",
            "  - {deny: [\"a.*\", \"w.*\", \"build.*\"], in: \"#ops\"}\n",
            "  - {deny: \"*\", to: bo, when: count > 1}\n",
            "  - {deny: \"*\", at: {days: fri}}\n",
        ] {
            if !head.contains("bo:") && denial.contains("bo") {
                continue;
            }
            let mut changed = items.clone();
            changed.push(denial.to_owned());
            let after = suite.policy_of(Some(&put_together(&head, &changed, &tail)));
            for row in &suite.rows {
                let question = Question::of(row);
                let (was, is) = (question.judge(&before), question.judge(&after));
                assert!(was.allowed || !is.allowed, "{}: with {denial} {row}", suite.name);
            }
        }
    }
}

#[test]
fn decisions_are_the_same_each_time() {
    for suite in suites() {
        let (one, other) = (suite.policy(), suite.policy());
        for row in &suite.rows {
            let question = Question::of(row);
            let first = question.judge(&one);
            assert_eq!(first, question.judge(&one), "{row}");
            assert_eq!(first, question.judge(&other), "{row}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// Files with typing errors are read or refused with a place, never a panic; what is told has its line.
    #[test]
    fn no_change_of_a_file_makes_it_panic(
        which in 0usize..6,
        edits in proptest::collection::vec((0usize..4000, 0usize..24, 0usize..3), 1..6),
    ) {
        const PIECES: [&str; 24] = [
            ":", "- ", "\n", "  ", "\"", "'", "[", "]", "{", "}", "*", "&a ", "#", "|", "\t", "role:", "deny: ", "when: ",
            "\u{0}", "é", "~", "1", "<<: ", "? ",
        ];
        let files: Vec<(String, String)> = suites().into_iter().filter_map(|suite| Some((suite.settings, suite.file?))).collect();
        let (settings, file) = &files[which % files.len()];
        let mut text: Vec<char> = file.chars().collect();
        for (at, piece, how) in edits {
            let at = at % (text.len() + 1);
            match how {
                0 => {
                    text.splice(at..at, PIECES[piece].chars());
                }
                1 => {
                    text.drain(at..(at + piece).min(text.len()));
                }
                _ => {
                    let copied: Vec<char> = text.iter().skip(at).take(piece * 4).copied().collect();
                    text.splice(0..0, copied);
                }
            }
        }
        let text: String = text.into_iter().collect();
        let policy = Policy::new(toml::from_str(settings).unwrap()).unwrap();
        match AccessFile::read("access.yaml", &text, &policy.known()) {
            Ok(file) => policy.set_file(Some(file)),
            Err(problems) => {
                prop_assert!(!problems.is_empty());
                for problem in problems {
                    prop_assert!(problem.line <= text.lines().count() + 1, "{}", problem);
                    let _ = problem.to_string();
                }
            }
        }
    }
}
