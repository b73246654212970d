//! What is wrong with files, and what they mean for help and roles.

use super::*;
use crate::access::{AccessOptions, Ask, Authority as _, Policy};
use crate::model::{JsonMap, Timestamp};

const FILE: &str = include_str!("../../../tests/data/access/commands.yaml");

fn policy(text: &str) -> Policy {
    let policy = Policy::new(AccessOptions::default()).unwrap();
    let file = AccessFile::read("access.yaml", text, &policy.known());
    policy.set_file(Some(file.unwrap_or_else(|problems| {
        panic!(
            "{}",
            problems
                .iter()
                .map(ToString::to_string)
                .collect::<Vec<_>>()
                .join("\n")
        )
    })));
    policy
}

fn place(text: &str) -> Place {
    let (gateway, name) = text.split_once('/').unwrap();
    Place {
        gateway: gateway.to_owned(),
        conversation: "C1".to_owned(),
        thread: None,
        name: Some(name.to_owned()),
    }
}

#[test]
fn read_only_actions_are_open_while_there_is_no_file() {
    let policy = Policy::new(AccessOptions::default()).unwrap();
    let mut action = crate::access::policy::tests::action("info.show");
    let decide = |action: &Action| {
        policy.decide(&Ask {
            identity: &policy.identity("bo", "test"),
            action,
            alias: None,
            parameters: &JsonMap::new(),
            place: None,
            now: Timestamp::from_micros(0),
        })
    };
    assert!(!decide(&action).allowed);
    action.read_only = true;
    assert!(decide(&action).allowed);
    action.approval = Some(JsonMap::new());
    assert_eq!(decide(&action).needs.len(), 1);
}

#[test]
fn help_shows_what_may_be_run_here() {
    let policy = policy(FILE);
    let action = crate::access::policy::tests::action;
    let could = |user: &str, run: &str, place: Option<&str>| {
        policy.could(
            &policy.identity(user, "test"),
            &action(run),
            place.map(self::place).as_ref(),
        )
    };
    assert!(could("bo", "deploy.web", Some("console/x")));
    assert!(!could("bo", "deploy.web", Some("slack:other/#dev")));
    assert!(!could("bo", "deploy.web", Some("slack:default/#frozen")));
    assert!(!could("cy", "deploy.web", None));
    assert!(!could("eve", "db.vacuum", None));
    assert!(could("dee", "db.drop", None));
    assert!(policy.could_say(
        &policy.identity("x", "test"),
        "fun.joke",
        &action("core.local"),
        None
    ));
}

#[test]
fn roles_include_roles_and_groups_of_the_settings() {
    let policy = policy(FILE);
    assert_eq!(policy.identity("ana", "test").roles, ["oncall", "dev"]);
    assert_eq!(policy.members("dev"), ["ana", "bo"]);
    assert_eq!(policy.members("admin"), ["admin", "dee"]);
    // Somebody who is deactivated is nobody.
    assert!(policy.identity("eve", "test").roles.is_empty());
    policy.set_deactivated(["Dee".to_owned()].into());
    assert!(!policy.is_admin("dee") || policy.identity("dee", "test").roles.is_empty());
    assert_eq!(policy.members("admin"), ["admin"]);
}

#[rstest::rstest]
#[case("grant: []", 1, 1, "unknown key `grant`", "did you mean `grants`?")]
#[case("people: [ana]", 1, 9, "people should be a map by name, not a list", "")]
#[case("people:\n  ana: {mail: x@y}", 2, 9, "unknown key `mail`", "email")]
#[case("people:\n  ana: {}\n  Ana: {}", 3, 3, "are one person", "")]
#[case("people:\n  ana: {accounts: [x]}", 2, 20, "is no account", "whoami")]
#[case(
    "people:\n  ana: {accounts: [\"s:1\"]}\n  bo: {accounts: [\"s:1\"]}",
    3,
    19,
    "belongs to ana already",
    ""
)]
#[case(
    "people:\n  ana: {roles: [onclal]}\nroles:\n  oncall: {}",
    2,
    17,
    "there is no role `onclal`",
    "did you mean `oncall`?"
)]
#[case(
    "roles:\n  a: {includes: [b]}\n  b: {includes: [a]}",
    2,
    18,
    "includes itself",
    ""
)]
#[case("roles:\n  a: {members: [bo]}", 2, 17, "there is no person `bo`", "")]
#[case("grants:\n  - run: core.*", 2, 5, "`to` is missing", "")]
#[case("grants:\n  - to: \"*\"", 2, 5, "`run` is missing", "")]
#[case(
    "grants:\n  - {to: \"*\", run: deploy}",
    2,
    20,
    "`deploy` is no action",
    "pack:deploy"
)]
#[case(
    "grants:\n  - {to: \"*\", run: \"alais:x.y\"}",
    2,
    20,
    "`alais:` is not known",
    "did you mean `alias:`?"
)]
#[case(
    "grants:\n  - {to: \"*\", run: a.b, when: 'env = 1'}",
    2,
    36,
    "`=` compares nothing",
    "write `==`"
)]
#[case(
    "grants:\n  - {to: \"*\", run: a.b, at: {hours: 9-5}}",
    2,
    37,
    "are no hours",
    ""
)]
#[case(
    "grants:\n  - {to: \"*\", run: a.b, approval: {count: 1}}",
    2,
    35,
    "nobody could approve",
    ""
)]
#[case(
    "grants:\n  - {to: \"*\", run: a.b, approval: {by: [x], conut: 1}}",
    2,
    45,
    "unknown key `conut`",
    "did you mean `count`?"
)]
#[case(
    "grants:\n  - {to: anna, run: a.b}\npeople:\n  ana: {}",
    2,
    10,
    "there is no person `anna`",
    "did you mean `ana`?"
)]
#[case(
    "grants:\n  - {deny: a.b, approval: {by: [admin]}}",
    2,
    17,
    "cannot be approved",
    ""
)]
#[case("grants: [\n", 1, 9, "never closed", "")]
fn mistakes_are_told_with_their_place(
    #[case] text: &str,
    #[case] line: usize,
    #[case] column: usize,
    #[case] message: &str,
    #[case] hint: &str,
) {
    let known = Known {
        people: vec!["admin".to_owned()],
        roles: Vec::new(),
    };
    let problems = AccessFile::read("access.yaml", text, &known).unwrap_err();
    let first = problems
        .iter()
        .find(|problem| problem.message.contains(message))
        .unwrap_or_else(|| panic!("{problems:?}"));
    assert_eq!((first.line, first.column), (line, column), "{first}");
    assert!(first.hint.contains(hint), "{first}");
    if column > 0 && !first.text.trim().is_empty() {
        assert!(first.to_string().contains("^"), "{first}");
    }
}
