//! Every template with data, broken ones, hostile texts.

use serde_json::json;

use super::*;
use crate::chat::card::{Block, Style};

/// Data that every kind of message gets by; each key that any template uses.
fn sample() -> Value {
    let execution = json!({
        "id": "6921b2c0aabbccddeeff0011", "action": "core.local", "alias": "core.run_local", "text": "run date",
        "status": "failed", "user": "ana", "start": "2026-11-22T13:00:27.617648Z", "elapsed": 75.0,
        "place": "slack #ops", "decision": "ana is an administrator", "version": "1.0.0", "parent": null,
    });
    let row = json!({
        "id": "6921b2c0aabbccddeeff0011", "status": "running", "age": 3.0, "start": "2026-11-22T13:00:27Z",
        "elapsed": null, "user": "ana", "action": "core.local", "text": "run date", "number": 1, "kind": "k",
        "when": "2026-11-22T13:00:27Z", "who": "ana", "what": "run date", "why": "because", "name": "x",
        "value": "1", "source": "the sentence", "type": "string", "description": "d", "display": "say it",
        "reason": "r", "alias": "core.x", "ran": 1, "succeeded": 1, "failed": 0, "denied": 0, "health": "fine", "needs": "n",
    });
    let mut data = json!({
        "execution": execution, "waits": "approvals i", "parts": [{"code": true, "text": "x"}, {"code": false, "text": "y"}],
        "url": "https://sayso.example.org/x", "show_id": true, "running": true, "elapsed": 75.0, "output": "o",
        "sections": [{"title": "stdout", "head": "a", "tail": "z", "omitted": 3, "lines": 9}], "hint": "h",
        "more": "log x more", "good": false, "pretext": "p", "cut": true, "text": "t", "nearest": [row],
        "notes": ["n"], "candidates": [row], "more_candidates": 2, "reason": "r", "action": "core.local", "display": "say it",
        "user": "ana", "grant": "g", "message": "m", "description": "d", "parameters": [row], "error_id": "e",
        "line": "l", "caret": "^", "headline": "hl", "commands": 30, "words": "w", "page": 1, "pages": 2,
        "packs": [{"pack": "core", "commands": [row]}], "next": "help 2", "understood": true, "command": "c",
    });
    data["corrected"] = json!(["deploy api"]);
    let asked = json!({
        "form": "run:ops.deploy?app=web", "refused": null, "running": [row],
        "recent": [row], "approvals": [row], "questions": [row],
        "tasks": {
            "rows": [{"level": 1, "status": "failed", "name": "t", "about": "2 of 3 items", "reason": "no"}],
            "more": 2, "cut": true, "reasons": ["r"],
        },
    });
    let more = json!({
        "normalised": "n", "alias": "core.x", "format": "f", "problem": "p", "allowed": true, "ambiguous": true,
        "executions": [row], "waiting": 1, "omitted": 2, "filtered": true, "children": [row], "id": "i",
        "shown": "lines 1 to 2 of 3", "grep": null, "asked": true, "status": "running", "original": "o",
        "changes": [row], "roles": "admin", "via": "console", "account": "a", "place": "p", "healthy": false,
        "complaints": ["c"], "version": "1", "uptime": 75.0,
        "engine": {"running": 1, "concurrency": 2, "waiting": 3, "delayed": 4, "accepted": 5, "completed": 6},
        "store": {"kind": "sqlite", "executions": 1, "size": "1 MB"},
        "content": {"packs": 1, "actions": 2, "aliases": 3}, "outbox": "0 waiting", "gateways": [row],
    });
    let rest = json!({
        "problems": ["p"], "since": "s", "people": [row], "actions": [row], "denied": [row], "entries": [row],
        "intact": false, "broken": 3, "aliases": 3, "error": "e",
    });
    let rights = json!({
        "accounts": ["a"], "linked": "fake:U1", "needs": ["n"], "where": "access.yaml:3", "review": true, "owners": "ana",
        "reviews": [row], "consent": "approved by bo",
    });
    for part in [more, rest, asked, rights] {
        if let (Some(all), Value::Object(part)) = (data.as_object_mut(), part) {
            all.extend(part);
        }
    }
    data
}

/// An approval as its templates see it.
fn approval() -> Value {
    json!({
        "id": "i", "state": "waiting", "status": "pending", "title": "t", "reason": "r", "requesters": "ana",
        "action": "t.x", "version": "1.0.0", "parameters": [{"name": "env", "value": "prod"}], "asked": "bo, group:oncall",
        "given": 1, "needed": 2, "missing": "1 from oncall", "left": 60.0, "may": true, "waiting": true, "error": "e", "seen": "",
        "votes": [{"user": "bo", "word": "approved", "at": "2026-11-22T13:00:27Z", "reason": "fine"}],
        "diff": [{"path": "digest", "before": "a", "after": "b"}],
    })
}

/// The sample with what some templates want differently.
fn data_for(name: &str) -> Value {
    let mut data = sample();
    match name {
        "home" => data["approvals"] = json!([approval()]),
        "command/settings" | "command/set" => {
            data["settings"] = json!([{"name": "prefix", "value": "!", "how": "a mark"}]);
            data["next"] = json!("2026-11-22T13:00:27Z");
        }
        "command/audit_summary" | "digest" => {
            data["approved"] = json!(1);
            data["denied_approvals"] = json!(1);
            data["expired"] = json!(2);
            data["break_glass"] = json!(1);
            data["executions"] = json!(2);
            data["entries"] = json!(9);
            data["persons"] = json!(1);
            data["people"][0]["canceled"] = json!(0);
            data["actions"][0]["longest"] = json!(1.5);
            data["more_people"] = json!(0);
            data["more_actions"] = json!(3);
            data["failures"] = json!([{
                "timestamp": "2026-11-22T13:00:27Z", "actor": "bo", "action": "t.x", "text": null, "outcome": "failed", "why": "w",
            }]);
            data["more_failures"] = json!(1);
            data["reviews"] = json!(1);
            data["waiting"] = json!(3);
            data["not_understood"] = json!(2);
            data["oldest"] = json!("2026-11-22 13:00:27");
        }
        "command/answer" => data["response"] = data["changes"].clone(),
        "command/inquiries" => {
            data["inquiry"] = json!({
                "id": "i", "user": "ana", "age": 3.0, "over": "2026-11-22T13:00:27Z", "may": true, "form": "ok=…", "whole": "w",
                "fields": [{"name": "ok", "kind": "boolean", "description": "d"}],
            });
        }
        "command/approvals" => {
            let approval = approval();
            data["approval"] = approval;
        }
        "command/approve" | "command/deny" => data = approval(),
        "reminder" | "escalated" | "expired" => {
            data = approval();
            data["to"] = json!("group:leads");
        }
        "question" => {
            data["waits"] = json!(false);
            data["question"] = json!("Where to?");
            data["answer"] = json!([{"name": "env", "value": "prod"}]);
            data["fields"] = json!([]);
            data["form"] = json!("env=…");
            data["over"] = Value::Null;
        }
        "command/delegate" => {
            data["to"] = json!("bo");
            data["back"] = json!(false);
        }
        "command/schedule" | "command/schedules" | "command/schedule_change" => {
            let schedule = json!({
                "number": 1, "when": "every weekday 07:00", "timezone": "UTC", "what": "run date", "user": "ana",
                "paused": false, "next": ["2026-11-23T07:00:00Z"], "error": "not allowed", "removed": false,
            });
            data = schedule.clone();
            data["schedules"] = json!([schedule]);
        }
        "command/key_get" | "command/key_list" | "command/key_set" => {
            data = json!({
                "name": "k", "mine": true, "whose": "you", "secret": false, "value": "v", "expires": "2026-11-22T13:00:27Z",
                "new": true, "prefix": "p", "count": 1, "more": 2,
            });
            data["keys"] = json!([data.clone()]);
        }
        "command/audit_verify" => data["entries"] = json!(9),
        "command/reload" | "command/status" => {
            data["packs"] = json!(1);
            data["actions"] = json!(2);
            data["changes"] = json!(["new: alias t.x"]);
        }
        _ => {}
    }
    data
}

#[test]
fn every_built_in_template_renders_its_data() {
    let templates = Templates::load(&TemplateOptions::default(), &[]);
    assert!(templates.problems().is_empty(), "{:?}", templates.problems());
    let names = Templates::built_in();
    assert!(names.len() > 20);
    for name in names.keys() {
        // Strict mode: a template that names something unknown fails here.
        let text = templates
            .registry
            .render(&format!("builtin:{name}"), &data_for(name));
        let text = text.unwrap_or_else(|error| panic!("{name}: {error}"));
        let card = Card::parse(Tone::Neutral, &text);
        assert!(!card.text(Style::Plain).trim().is_empty(), "{name} says nothing");
        assert!(
            !card.text(Style::Plain).contains("```"),
            "{name} has a stray fence:\n{text}"
        );
    }
}

#[test]
fn broken_overrides_are_reported_and_the_built_in_template_is_used() {
    let site = tempfile::tempdir().unwrap();
    std::fs::write(site.path().join("internal.hbs"), "{{#if}").unwrap();
    std::fs::write(site.path().join("denied.hbs"), "No: {{no_such_thing}}").unwrap();
    std::fs::write(site.path().join("unusable.hbs"), "Nope, {{reason}}!").unwrap();
    let options = TemplateOptions {
        site: Some(site.path().to_owned()),
    };
    let templates = Templates::load(&options, &[]);
    assert_eq!(templates.problems().len(), 1, "{:?}", templates.problems());
    assert!(templates.problems()[0].file.ends_with("internal.hbs"));
    let say = |kind: &str| {
        let card = templates.render(
            Choice {
                kind,
                ..Choice::default()
            },
            Tone::Bad,
            &sample(),
        );
        card.text(Style::Plain)
    };
    assert!(say("internal").contains("under the id e"));
    assert!(say("denied").starts_with("Not allowed: r"));
    assert_eq!(say("unusable"), "Nope, r!");
    assert!(
        say("nowhere").contains("core.local"),
        "data are shown when no template is left"
    );
}

#[test]
fn packs_and_aliases_bring_their_own() {
    let pack = |name: &str, text: &str| PackTemplate {
        pack: "web".to_owned(),
        name: name.to_owned(),
        file: format!("packs/web/templates/{name}.hbs"),
        text: text.to_owned(),
    };
    let templates = Templates::load(
        &TemplateOptions::default(),
        &[
            pack("result", "web result"),
            pack("fancy", "# fancy {{execution.status}}"),
        ],
    );
    let say = |choice: Choice<'_>| templates.render(choice, Tone::Good, &sample()).text(Style::Plain);
    let web = Choice {
        kind: "result",
        alias: None,
        pack: Some("web"),
    };
    assert_eq!(say(web), "web result");
    assert_eq!(
        say(Choice {
            alias: Some("fancy"),
            ..web
        }),
        "fancy failed"
    );
    assert_eq!(
        say(Choice {
            alias: Some("missing"),
            ..web
        }),
        "web result"
    );
    assert!(
        say(Choice {
            pack: Some("core"),
            ..web
        })
        .starts_with("✘ core.local failed in 1 min 15 s")
    );
}

#[test]
fn hostile_text_stays_text() {
    let templates = Templates::load(&TemplateOptions::default(), &[]);
    let hostile = "# x\n```\n<!channel> [a](say:rm) **b** {{text}}\t\u{1b}[31m";
    let mut data = sample();
    data["text"] = hostile.into();
    data["nearest"] = json!([{"display": hostile, "description": hostile}]);
    let card = templates.render(
        Choice {
            kind: "not_understood",
            ..Choice::default()
        },
        Tone::Neutral,
        &data,
    );
    let says = card
        .blocks
        .iter()
        .filter(|block| matches!(block, Block::Heading { .. } | Block::Code { .. }))
        .count();
    assert_eq!(says, 1, "{card:?}");
    let slack = card.text(Style::Slack);
    assert!(
        !slack.contains("<!channel>") && !slack.contains('\u{1b}'),
        "{slack}"
    );
    let Block::Table { rows, .. } = &card.blocks[2] else {
        panic!("{card:?}")
    };
    assert_eq!((rows.len(), rows[0].len()), (1, 2));
}

#[test]
fn durations_fit_their_size() {
    let times = [
        (0.004, "4 ms"),
        (1.24, "1.2 s"),
        (59.0, "59 s"),
        (185.0, "3 min 5 s"),
        (7800.0, "2 h 10 min"),
        (273_600.0, "3 d 4 h"),
    ];
    for (seconds, text) in times {
        assert_eq!(duration(seconds), text);
    }
}
