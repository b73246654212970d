//! Making rules: what is refused, what survives, what the file overrules, what counts at once.

use std::sync::Arc;

use serde_json::{Value, json};

use super::*;
use crate::access::people::People;
use crate::access::{AccessOptions, Ask, Authority as _, Policy, RuleError};
use crate::model::{Decision, Identity};
use crate::store::sqlite::{SqliteOptions, SqliteStore};
use crate::store::{AuditFilter, Store};

const FILE: &str = "\
people:
  ana: {roles: [oncall]}
  bo: {}
  cy: {}
  own: {roles: [lead]}
  dee: {roles: [admin]}
roles:
  oncall: {}
  lead: {}
owners: [own]
grants:
  - name: ships
    to: [role:oncall, role:lead]
    run: \"ship.*\"
    when: count <= 3
  - name: plain
    to: role:lead
    run: \"plain.*\"
  - name: checked
    to: role:lead
    run: big.thing
    approval: {by: [dee]}
";

async fn people(dir: &std::path::Path, file: Option<&str>) -> Arc<People> {
    let store: Arc<dyn Store> = Arc::new(
        SqliteStore::open(SqliteOptions::new(dir.join("t.db")))
            .await
            .unwrap(),
    );
    let policy = Policy::new(AccessOptions::default()).unwrap();
    policy.set_file(file.map(|text| AccessFile::read("access.yaml", text, &policy.known()).unwrap()));
    People::load(Arc::new(policy), store).await.unwrap()
}

fn who(people: &People, user: &str) -> Identity {
    people.policy().identity(user, "test")
}

fn object(value: Value) -> JsonMap {
    match value {
        Value::Object(map) => map,
        other => panic!("{other}"),
    }
}

fn ask(people: &People, user: &str, run: &str) -> Decision {
    people.policy().decide(&Ask {
        identity: &who(people, user),
        action: &crate::access::policy::tests::action(run),
        alias: None,
        parameters: &JsonMap::new(),
        place: None,
        now: Timestamp::from_micros(0),
    })
}

#[tokio::test]
async fn a_grant_counts_at_once_and_after_a_restart_and_names_who_made_it() {
    let dir = tempfile::tempdir().unwrap();
    let these = people(dir.path(), Some(FILE)).await;
    let admin = who(&these, "dee");
    assert!(!ask(&these, "bo", "web.restart").allowed);
    let body = object(json!({"to": "bo", "run": ["web.*"], "name": "web"}));
    let id = these.make_grant(body.clone(), &admin).await.unwrap();
    assert_eq!(id, "g-1");
    let today = Timestamp::now().to_string();
    let today = today.split('T').next().unwrap();
    let yes = ask(&these, "bo", "web.restart");
    assert_eq!(yes.line.as_deref(), Some("g-1"));
    assert_eq!(
        yes.reason,
        format!("grant g-1 `web` made by dee on {today} allows web.restart to bo")
    );
    assert!(!ask(&these, "cy", "web.restart").allowed);
    let denial = object(json!({"deny": "web.restart", "to": ["bo"], "reason": "no"}));
    assert_eq!(these.make_grant(denial, &admin).await.unwrap(), "g-2");
    assert_eq!(ask(&these, "bo", "web.restart").line.as_deref(), Some("g-2"));
    these.store().close().await;
    drop(these);

    let these = people(dir.path(), Some(FILE)).await;
    let no = ask(&these, "bo", "web.restart");
    assert!(
        no.reason.contains("denial g-2 made by dee on") && no.reason.ends_with(": no"),
        "{no:?}"
    );
    these.delete_grant("g-2", &admin).await.unwrap();
    assert!(ask(&these, "bo", "web.restart").allowed);
    let other = object(json!({"to": ["cy"], "run": "web.*"}));
    these.change_grant("g-1", other, &admin).await.unwrap();
    assert!(!ask(&these, "bo", "web.restart").allowed && ask(&these, "cy", "web.restart").allowed);
    // Numbers are not given twice: what the audit log says of one stays true.
    let next = these.make_grant(body, &admin).await.unwrap();
    assert_eq!(next, "g-3");
    let kept = these.store().audit(AuditFilter::default()).await.unwrap();
    let kinds: Vec<&str> = kept.iter().map(|entry| entry.draft.kind.as_str()).collect();
    for kind in [
        "access.grant_made",
        "access.grant_changed",
        "access.grant_deleted",
    ] {
        assert!(kinds.contains(&kind), "{kinds:?}");
    }
    let changed = kept
        .iter()
        .find(|entry| entry.draft.kind == "access.grant_changed")
        .unwrap();
    assert_eq!(
        (
            &changed.draft.detail["before"]["to"],
            &changed.draft.detail["after"]["to"],
            changed.draft.actor.as_str()
        ),
        (&json!("bo"), &json!(["cy"]), "dee")
    );
}

#[tokio::test]
async fn mistakes_are_those_of_the_file() {
    let dir = tempfile::tempdir().unwrap();
    let these = people(dir.path(), Some(FILE)).await;
    let admin = who(&these, "dee");
    for (body, message, hint) in [
        (
            json!({"to": "bo", "run": "web"}),
            "`web` is no action",
            "pack:web",
        ),
        (
            json!({"to": "role:onclal", "run": "a.b"}),
            "there is no role `onclal`",
            "did you mean `oncall`?",
        ),
        (
            json!({"to": "bob", "run": "a.b"}),
            "there is no person `bob`",
            "did you mean `bo`?",
        ),
        (json!({"run": "a.b"}), "`to` is missing", "role:dev"),
        (json!({"to": "*"}), "`run` is missing", "pack.action"),
        (
            json!({"to": "*", "run": "a.b", "when": "env = 1"}),
            "`=` compares nothing",
            "write `==`",
        ),
        (
            json!({"to": "*", "run": "a.b", "wehn": "x"}),
            "unknown key `wehn`",
            "did you mean `when`?",
        ),
        (
            json!({"to": "*", "run": "a.b", "at": {"hours": "9-5"}}),
            "are no hours",
            "",
        ),
        (
            json!({"to": "*", "run": "a.b", "at": {"zone": "Mars/Base"}}),
            "no time zone `Mars/Base`",
            "",
        ),
        (
            json!({"deny": "a.b", "approval": {"by": ["dee"]}}),
            "a denial cannot be approved",
            "",
        ),
        (
            json!({"to": "*", "run": "a.b", "approval": {"by": []}}),
            "`approval`",
            "",
        ),
        (json!({}), "`run` is missing", ""),
        (
            json!({"to": "quentin", "run": "a.b"}),
            "there is no person `quentin`",
            "sayso user create",
        ),
    ] {
        let error = these.make_grant(object(body.clone()), &admin).await.unwrap_err();
        let RuleError::Invalid(problems) = &error else {
            panic!("{error}")
        };
        let told = error.to_string();
        assert!(told.contains(message) && told.contains(hint), "{body}: {told}");
        // The line that is shown holds what is complained about, with a mark below it.
        assert!(problems[0].line == 1 && told.contains('^'), "{told}");
    }
    assert!(these.written().is_empty());
}

#[tokio::test]
async fn roles_are_made_used_and_kept_while_they_are_used() {
    let dir = tempfile::tempdir().unwrap();
    let these = people(dir.path(), Some(FILE)).await;
    let admin = who(&these, "dee");
    let role = |members: Value, includes: Value| object(json!({"members": members, "includes": includes}));
    these
        .put_role("web", role(json!(["bo"]), json!([])), false, &admin)
        .await
        .unwrap();
    let grant = object(json!({"to": "role:web", "run": "web.*"}));
    these.make_grant(grant, &admin).await.unwrap();
    assert!(ask(&these, "bo", "web.x").allowed && !ask(&these, "cy", "web.x").allowed);
    these
        .put_role("all", role(json!(["cy"]), json!(["web"])), false, &admin)
        .await
        .unwrap();
    assert!(ask(&these, "cy", "web.x").allowed);
    assert_eq!(these.policy().members("web"), ["bo", "cy"]);
    // Once more under the same name, round in circles, with nobody's name, over one of the file.
    for (name, body, replace, told) in [
        (
            "web",
            role(json!([]), json!([])),
            false,
            "there is a role `web` already",
        ),
        (
            "web",
            role(json!([]), json!(["all"])),
            true,
            "`web` includes itself by way of `all`",
        ),
        (
            "web",
            role(json!(["bob"]), json!([])),
            true,
            "there is no person `bob`",
        ),
        (
            "x",
            role(json!([]), json!(["wbe"])),
            false,
            "there is no role `wbe`",
        ),
        (
            "oncall",
            role(json!(["bo"]), json!([])),
            true,
            "stands in access.yaml:8: change it there",
        ),
        ("a:b", role(json!([]), json!([])), false, "cannot be the name"),
    ] {
        let error = these.put_role(name, body, replace, &admin).await.expect_err(told);
        assert!(error.to_string().contains(told), "{name}: {error}");
    }
    let used = these.delete_role("web", &admin).await.unwrap_err();
    assert!(used.to_string().contains("is used by the role `all`"), "{used}");
    these.delete_role("all", &admin).await.unwrap();
    let used = these.delete_role("web", &admin).await.unwrap_err();
    assert!(used.to_string().contains("is used by grant g-1"), "{used}");
    these.delete_grant("g-1", &admin).await.unwrap();
    these.delete_role("web", &admin).await.unwrap();
    assert!(!ask(&these, "bo", "web.x").allowed);
}

#[tokio::test]
async fn the_file_wins_and_what_it_took_away_gives_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let these = people(dir.path(), Some(FILE)).await;
    let admin = who(&these, "dee");
    these
        .put_role("web", object(json!({"members": ["bo"]})), false, &admin)
        .await
        .unwrap();
    for body in [
        json!({"to": "role:web", "run": "web.*"}),
        json!({"to": "*", "except": ["cy"], "run": "wide.*"}),
        json!({"deny": "bad.*", "except": ["cy"]}),
    ] {
        these.make_grant(object(body), &admin).await.unwrap();
    }
    assert!(ask(&these, "bo", "wide.x").allowed && !ask(&these, "cy", "wide.x").allowed);
    let set = |text: &str| {
        let file = AccessFile::read("access.yaml", text, &these.policy().known()).unwrap();
        these.policy().set_file(Some(file));
    };
    // The file names a role of that name, with others in it.
    set(&FILE.replace("  lead: {}\n", "  lead: {}\n  web: {members: [cy]}\n"));
    assert!(ask(&these, "cy", "web.x").allowed && !ask(&these, "bo", "web.x").allowed);
    let told = these.policy().ineffective();
    assert!(
        told[0].message.contains("`web` stands in access.yaml:10, too"),
        "{told:?}"
    );
    assert!(
        these
            .policy()
            .warnings()
            .iter()
            .any(|warning| warning.contains("role web"))
    );
    // Cy is gone: nobody is left out any more of what was for everybody but her, so that nobody has it.
    set(&FILE.replace("  cy: {}\n", ""));
    assert!(!ask(&these, "bo", "wide.x").allowed);
    assert!(
        ask(&these, "dee", "bad.x").line.as_deref() == Some("g-3"),
        "a denial stays"
    );
    let told = these.policy().ineffective();
    assert!(
        told[0].message.contains("there is no person `cy` any more"),
        "{told:?}"
    );
    set(FILE);
    assert!(ask(&these, "bo", "wide.x").allowed && ask(&these, "bo", "web.x").allowed);
    assert!(these.policy().ineffective().is_empty());
}

#[tokio::test]
async fn only_owners_and_administrators_write_and_owners_give_themselves_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let these = people(dir.path(), Some(FILE)).await;
    let (own, bo, dee) = (who(&these, "own"), who(&these, "bo"), who(&these, "dee"));
    let forbidden = |error: RuleError| match error {
        RuleError::Forbidden(why) => why,
        other => panic!("{other}"),
    };
    let some = object(json!({"to": "bo", "run": "web.*"}));
    let why = forbidden(these.make_grant(some.clone(), &bo).await.unwrap_err());
    assert!(why.contains("only owners"), "{why}");
    forbidden(these.put_role("x", JsonMap::new(), false, &bo).await.unwrap_err());
    // What they have already, or less; and anything for others.
    for body in [
        json!({"to": "bo", "run": "vault.*"}),
        json!({"to": "*", "except": "own", "run": "vault.*"}),
        json!({"to": "role:lead", "run": "plain.one"}),
        json!({"to": "own", "run": ["plain.o*"], "in": "#ops"}),
        json!({"to": "own", "run": "ship.web", "when": "count <= 3"}),
        json!({"to": "own", "run": "big.thing", "approval": {"by": ["dee"]}}),
        json!({"deny": "vault.*"}),
    ] {
        these
            .make_grant(object(body.clone()), &own)
            .await
            .unwrap_or_else(|error| panic!("{body}: {error}"));
    }
    for body in [
        json!({"to": "own", "run": "vault.x"}),
        json!({"to": "OWN", "run": "vault.x"}),
        json!({"to": "*", "run": "vault.x"}),
        json!({"to": "role:lead", "run": "vault.x"}),
        json!({"to": "own", "run": "ship.web"}),
        json!({"to": "own", "run": "ship.web", "when": "count <= 4"}),
        json!({"to": "own", "run": "*.thing"}),
        json!({"to": "own", "run": "plain*"}),
        json!({"to": "own", "run": "big.thing"}),
        json!({"to": "own", "run": "big.thing", "approval": {"by": ["bo"]}}),
    ] {
        match these.make_grant(object(body.clone()), &own).await {
            Err(RuleError::Forbidden(_)) => {}
            // A name that is spelled otherwise is nobody's.
            Err(RuleError::Invalid(_)) if body["to"] == "OWN" => {}
            other => panic!("{body}: {other:?}"),
        }
    }
    // A denial about themselves, the approval that they need, roles that they have: for administrators.
    let denial = these
        .make_grant(object(json!({"deny": "plain.*", "to": "own"})), &dee)
        .await
        .unwrap();
    forbidden(these.delete_grant(&denial, &own).await.unwrap_err());
    let wider = object(json!({"deny": "plain.one", "to": "bo"}));
    forbidden(these.change_grant(&denial, wider, &own).await.unwrap_err());
    let checked = object(json!({"to": "own", "run": "plain.*", "approval": {"by": ["dee"]}}));
    let checked = these.make_grant(checked, &dee).await.unwrap();
    forbidden(these.delete_grant(&checked, &own).await.unwrap_err());
    let with = |name: &str| object(json!({"members": [name]}));
    these.put_role("crew", with("bo"), false, &own).await.unwrap();
    forbidden(these.put_role("crew", with("own"), true, &own).await.unwrap_err());
    let chief = object(json!({"includes": ["admin"], "members": ["bo"]}));
    forbidden(
        these
            .put_role("chief", chief.clone(), false, &own)
            .await
            .unwrap_err(),
    );
    forbidden(these.make_person("zoe", JsonMap::new(), &own).await.unwrap_err());
    these.put_role("chief", chief, false, &dee).await.unwrap();
    forbidden(these.put_role("chief", with("bo"), true, &own).await.unwrap_err());
    // Administrators may do all of it.
    these.delete_grant(&denial, &dee).await.unwrap();
    these
        .make_grant(object(json!({"to": "own", "run": "vault.x"})), &dee)
        .await
        .unwrap();
}

#[tokio::test]
async fn people_are_made_and_forgotten() {
    let dir = tempfile::tempdir().unwrap();
    let these = people(dir.path(), Some(FILE)).await;
    let admin = who(&these, "dee");
    let body = object(json!({"email": "Zoe@example.org", "roles": ["oncall"]}));
    these.make_person("zoe", body, &admin).await.unwrap();
    let known = these.get("zoe").unwrap();
    assert_eq!(
        (known.roles, known.emails),
        (vec!["oncall".to_owned()], vec!["zoe@example.org".to_owned()])
    );
    these
        .link("slack:T1:U9", "zoe", "administrator", "dee")
        .await
        .unwrap();
    for (name, body, told) in [
        ("zoe", json!({}), "there is zoe already"),
        ("Bo", json!({}), "there is bo already"),
        ("admin", json!({}), "there is admin already"),
        (
            "yan",
            json!({"email": "zoe@example.org"}),
            "belongs to zoe already",
        ),
        ("yan", json!({"roles": ["oncal"]}), "did you mean `oncall`?"),
        (
            "yan",
            json!({"accounts": ["slack:T1:U1"]}),
            "unknown key `accounts`",
        ),
        ("a:b", json!({}), "cannot be the name"),
        ("yan", json!({"email": "nothing"}), "is no mail address"),
    ] {
        let error = these.make_person(name, object(body), &admin).await.unwrap_err();
        assert!(error.to_string().contains(told), "{name}: {error}");
    }
    let linked = these.delete_person("zoe", &admin).await.unwrap_err();
    assert!(linked.to_string().contains("unlink it first"), "{linked}");
    these.unlink("slack:T1:U9", None, "dee").await.unwrap();
    these.delete_person("zoe", &admin).await.unwrap();
    assert!(these.get("zoe").is_none());
    let file = these.delete_person("bo", &admin).await.unwrap_err();
    assert!(file.to_string().contains("was not made by command"), "{file}");
}

#[tokio::test]
async fn without_a_file_rules_can_be_made_and_reading_stays_open() {
    let dir = tempfile::tempdir().unwrap();
    let these = people(dir.path(), None).await;
    let admin = who(&these, "admin");
    these
        .link("slack:T1:U1", "bo", "administrator", "admin")
        .await
        .unwrap();
    let body = object(json!({"to": "bo", "run": "web.*"}));
    these.make_grant(body, &admin).await.unwrap();
    assert!(ask(&these, "bo", "web.x").allowed);
    let mut action = crate::access::policy::tests::action("info.show");
    action.read_only = true;
    let decision = these.policy().decide(&Ask {
        identity: &who(&these, "zoe"),
        action: &action,
        alias: None,
        parameters: &JsonMap::new(),
        place: None,
        now: Timestamp::from_micros(0),
    });
    assert!(decision.allowed, "{decision:?}");
    // Somebody new is known from their first account on, as before.
    these
        .link("slack:T1:U2", "ana", "administrator", "admin")
        .await
        .unwrap();
}

#[tokio::test]
async fn two_changes_at_once_both_count() {
    let dir = tempfile::tempdir().unwrap();
    let these = people(dir.path(), Some(FILE)).await;
    let admin = who(&these, "dee");
    let make = |run: &str| these.make_grant(object(json!({"to": "bo", "run": run})), &admin);
    let (one, other) = tokio::join!(make("a.b"), make("c.d"));
    assert_ne!(one.unwrap(), other.unwrap());
    assert!(ask(&these, "bo", "a.b").allowed && ask(&these, "bo", "c.d").allowed);
}
