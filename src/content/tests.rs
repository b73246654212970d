//! Packs from good and bad folders: what loads, what is said about the rest, and what a reload does.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use pretty_assertions::assert_eq;
use proptest::prelude::*;
use serde_json::json;
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

use super::*;
use crate::alias::Outcome;
use crate::model::{Problem, Severity};

const RUNNERS: &[(&str, &[&str])] = &[
    ("noop", &[]),
    ("orquesta", &["notify"]),
    ("action-chain", &["display_published", "skip_notify"]),
    ("announcement", &["experimental", "route"]),
    ("builtin", &[]),
    (
        "http-request",
        &[
            "url",
            "headers",
            "cookies",
            "verify_ssl_cert",
            "username",
            "password",
        ],
    ),
    (
        "local-shell-cmd",
        &[
            "cmd",
            "cwd",
            "env",
            "kwarg_op",
            "sudo",
            "sudo_password",
            "timeout",
        ],
    ),
    ("inquirer", &["schema", "route", "roles", "users", "ttl"]),
    ("approval", &["title", "by"]),
    (
        "local-shell-script",
        &["cwd", "env", "kwarg_op", "sudo", "sudo_password", "timeout"],
    ),
];

pub(super) fn checks() -> Checks {
    let runners = RUNNERS.iter().map(|(name, parameters)| {
        (
            (*name).to_owned(),
            parameters
                .iter()
                .map(|parameter| (*parameter).to_owned())
                .collect(),
        )
    });
    Checks::new(runners.collect(), |action| {
        // Stands for the real rules: a type that does not exist.
        let bad = action
            .parameters
            .iter()
            .filter(|(_, schema)| schema.get("type") == Some(&json!("strng")));
        bad.map(|(name, _)| {
            Finding::error(
                format!("/parameters/{name}/type"),
                "there is no type `strng`",
                "did you mean `string`?",
            )
        })
        .collect()
    })
}

/// A folder with packs/, configs/, overrides/ and aliases/.
pub(super) struct Site {
    dir: TempDir,
}

impl Site {
    pub(super) fn new() -> Self {
        let site = Self {
            dir: tempfile::tempdir().unwrap(),
        };
        site.write("packs/web/pack.yaml", MANIFEST);
        site.write("packs/web/actions/good.yaml", GOOD);
        site
    }

    pub(super) fn path(&self, file: &str) -> PathBuf {
        self.dir.path().join(file)
    }

    pub(super) fn write(&self, file: &str, text: impl AsRef<[u8]>) {
        let path = self.path(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    pub(super) fn remove(&self, file: &str) {
        fs::remove_file(self.path(file)).unwrap();
    }

    pub(super) fn options(&self) -> Options {
        Options {
            builtin: false,
            packs_dirs: vec![self.path("packs")],
            configs_dir: Some(self.path("configs")),
            overrides_dir: Some(self.path("overrides")),
            aliases_dir: Some(self.path("aliases")),
        }
    }

    fn load(&self) -> Content {
        Content::load(self.options(), checks())
    }
}

const MANIFEST: &str = "name: web\ndescription: d\nversion: 1.2.3\nauthor: ana\n";
const GOOD: &str = "name: good\nrunner_type: noop\ndescription: d\n";

pub(super) fn shown(problems: &[Problem]) -> String {
    problems.iter().map(|problem| format!("{problem}\n")).collect()
}

/// The only problem, as `line:column message | hint`.
fn only(problems: &[Problem]) -> String {
    assert_eq!(problems.len(), 1, "{}", shown(problems));
    let problem = &problems[0];
    format!(
        "{} {}:{} {} | {}",
        problem.file, problem.line, problem.column, problem.message, problem.hint
    )
}

#[test]
fn built_in_packs_have_no_problems() {
    let content = Content::load(Options::default(), checks());
    let snapshot = content.snapshot();
    assert_eq!(shown(&snapshot.problems), "");
    assert_eq!(snapshot.generation, 1);
    assert_eq!(
        snapshot.packs.keys().collect::<Vec<_>>(),
        ["chatops", "core", "examples"]
    );
    assert!(snapshot.packs["core"].system);
    let pause = snapshot.action("core.pause").unwrap();
    assert!(
        pause
            .entry_point_text
            .as_ref()
            .unwrap()
            .starts_with("#!/usr/bin/env bash")
    );
    assert_eq!(pause.pack_version, snapshot.packs["core"].version);
    assert_eq!(pause.digest.len(), 64);
    for command in [
        "help", "explain", "ps", "show", "log", "cancel", "rerun", "history", "whoami", "status",
    ] {
        let action = snapshot.action(&format!("chatops.{command}")).unwrap();
        assert_eq!(
            (action.runner_type.as_str(), action.entry_point.as_str()),
            ("builtin", command)
        );
        assert!(snapshot.aliases.contains_key(&format!("chatops.{command}")));
    }
    assert_eq!(snapshot.packs["examples"].counts["workflows"], 2);
    assert!(snapshot.aliases.contains_key("site.disk_space"));
    assert_eq!(
        snapshot.packs["examples"].config["limits"],
        json!({"restarts_per_hour": 10})
    );
}

/// What clients of the reference see for these two (the `example` of the recorded answers).
#[test]
fn core_actions_have_the_parameters_of_the_reference() {
    let snapshot = Content::load(Options::default(), checks()).snapshot();
    let parameters = |name: &str| {
        let mut parameters = snapshot.action(name).unwrap().to_api()["parameters"].clone();
        for (_, schema) in parameters.as_object_mut().unwrap() {
            schema.as_object_mut().unwrap().remove("description");
        }
        parameters
    };
    let string = json!({"type": "string", "required": true});
    assert_eq!(parameters("core.noop"), json!({}));
    assert_eq!(
        parameters("core.local"),
        json!({"cmd": string, "sudo": {"immutable": true}})
    );
    assert_eq!(
        parameters("core.local_sudo"),
        json!({"cmd": string, "sudo": {"default": true, "immutable": true}})
    );
    let quoted = r#"printf '%s\n' '{{ message | replace("'", "'\"'\"'") }}'"#;
    assert_eq!(
        parameters("core.echo"),
        json!({
            "message": string,
            "cmd": {"type": "string", "required": true, "default": quoted, "immutable": true},
            "kwarg_op": {"immutable": true},
            "sudo": {"default": false, "immutable": true},
            "sudo_password": {"immutable": true},
        })
    );
    assert_eq!(
        parameters("core.announcement"),
        json!({"experimental": {"default": true, "immutable": true}, "message": {"type": "object"}})
    );
    assert_eq!(
        parameters("core.http")["timeout"],
        json!({"type": "number", "default": 60})
    );
    assert_eq!(
        parameters("core.pause")["max_pause"],
        json!({"type": "integer", "required": true, "position": 0})
    );
    let keys: Vec<String> = snapshot
        .action("core.noop")
        .unwrap()
        .to_api()
        .as_object()
        .unwrap()
        .keys()
        .cloned()
        .collect();
    assert_eq!(
        keys,
        [
            "tags",
            "uid",
            "metadata_file",
            "name",
            "ref",
            "description",
            "enabled",
            "entry_point",
            "pack",
            "runner_type",
            "parameters",
            "output_schema",
            "notify",
            "id"
        ]
    );
}

#[test]
fn an_action_has_all_its_fields() {
    let site = Site::new();
    site.write("packs/web/actions/sub/run.sh", "echo hi\n");
    site.write(
        "packs/web/actions/full.yml",
        "pack: web\nname: full\nref: other.ref\nuid: x\nrunner_type: local-shell-script\nentry_point: sub/run.sh\n\
         description: All of it.\nenabled: no\nparameters:\n  zeta: {type: string, position: 0}\n  alpha:\n\
         output_schema: {type: object}\ntags: [{name: a, value: b}]\nnotify:\n  on-complete: {message: done}\n\
         idempotent: yes\ndeadline_seconds: 90\n",
    );
    let snapshot = site.load().snapshot();
    assert_eq!(shown(&snapshot.problems), "");
    let action = snapshot.action("web.full").unwrap();
    assert_eq!(
        action.parameters.keys().collect::<Vec<_>>(),
        ["zeta", "alpha"],
        "in the order of writing"
    );
    assert_eq!(action.parameters["alpha"], json!({}));
    assert!(!action.enabled && action.idempotent);
    assert_eq!(action.deadline_seconds, Some(90));
    assert_eq!(action.metadata_file, "actions/full.yml");
    assert_eq!(
        action.pack_dir,
        Some(site.path("packs/web").canonicalize().unwrap())
    );
    assert_eq!(action.pack_version, "1.2.3");
    assert_eq!(action.tags, json!([{"name": "a", "value": "b"}]));
    assert_eq!(action.notify, json!({"on-complete": {"message": "done"}}));
    assert_eq!(action.output_schema["type"], "object");
}

#[test]
fn the_digest_is_of_metadata_and_entry_point() {
    let site = Site::new();
    site.write("packs/web/actions/run.sh", "echo 1\n");
    let yaml = "name: run\nrunner_type: local-shell-script\nentry_point: run.sh\n";
    site.write("packs/web/actions/run.yaml", yaml);
    let content = site.load();
    let digest = || content.snapshot().action("web.run").unwrap().digest.clone();
    let (first, pack) = (digest(), content.snapshot().packs["web"].digest.clone());
    site.write("packs/web/README.md", "words");
    content.reload();
    assert_eq!(digest(), first);
    assert_ne!(
        content.snapshot().packs["web"].digest,
        pack,
        "the pack's digest is of all files"
    );
    site.write("packs/web/actions/run.sh", "echo 2\n");
    let report = content.reload();
    assert_eq!(report.changed, ["action web.run"]);
    let second = digest();
    assert_ne!(second, first);
    site.write("packs/web/actions/run.yaml", format!("{yaml}enabled: false\n"));
    content.reload();
    assert_ne!(digest(), second);
}

#[rstest::rstest]
#[case::malformed("name: a\n  b: c\n", "2:4 a `:` is not possible here")]
#[case::duplicate(
    "name: a\nrunner_type: noop\nname: b\n",
    "3:1 this key is given twice: `name`"
)]
#[case::no_map("- a\n", "1:1 the file should be a map that describes an action, not a list")]
#[case::empty("", "1:1 the file is empty")]
#[case::unknown_key(
    "name: a\nrunner_type: noop\nentrypoint: x\n",
    "3:1 unknown key `entrypoint` | did you mean `entry_point`?"
)]
#[case::no_name("runner_type: noop\n", "1:1 `name` is missing")]
#[case::no_runner("name: a\n", "1:1 `runner_type` is missing")]
#[case::unknown_runner(
    "name: a\nrunner_type: local-shel-cmd\n",
    "2:14 there is no runner `local-shel-cmd` | did you mean `local-shell-cmd`?"
)]
#[case::wrong_flag(
    "name: a\nrunner_type: noop\nenabled: \"true\"\n",
    "3:10 `enabled` should be true or false, not text"
)]
#[case::wrong_text(
    "name: 5\nrunner_type: noop\n",
    "1:7 `name` should be text, not a number | put it in quotes"
)]
#[case::wrong_parameters(
    "name: a\nrunner_type: noop\nparameters:\n  - x\n",
    "3:1 `parameters` should be a map, not a list"
)]
#[case::wrong_parameter(
    "name: a\nrunner_type: noop\nparameters:\n  x: string\n",
    "4:6 parameter `x` should be a map, not text"
)]
#[case::parameter_name(
    "name: a\nrunner_type: noop\nparameters:\n  x-y: {}\n",
    "4:3 `x-y` cannot be the name of a parameter"
)]
#[case::parameter_rule(
    "name: a\nrunner_type: noop\nparameters:\n  x:\n    type: strng\n",
    "5:11 there is no type `strng` | did you mean `string`?"
)]
#[case::no_entry("name: a\nrunner_type: local-shell-script\n", "1:1 `entry_point` is missing")]
#[case::lost_entry(
    "name: a\nrunner_type: local-shell-script\nentry_point: scirpt.sh\n",
    "3:14 entry point `actions/scirpt.sh`: the file does not exist | did you mean `script.sh`?"
)]
#[case::dots(
    "name: a\nrunner_type: local-shell-script\nentry_point: ../../../etc/passwd\n",
    "3:14 entry point `actions/../../../etc/passwd`: the path leaves the pack's folder"
)]
#[case::absolute(
    "name: a\nrunner_type: local-shell-script\nentry_point: /etc/passwd\n",
    "3:14 entry point `actions//etc/passwd`: "
)]
#[case::link(
    "name: a\nrunner_type: local-shell-script\nentry_point: link.sh\n",
    "3:14 entry point `actions/link.sh`: the path leaves the pack's folder"
)]
#[case::folder(
    "name: a\nrunner_type: local-shell-script\nentry_point: folder\n",
    "3:14 entry point `actions/folder`: this is no regular file"
)]
#[case::other_pack(
    "name: a\npack: b\nrunner_type: noop\n",
    "2:7 the action says pack `b`, but lies in pack `web`"
)]
#[case::tags("name: a\nrunner_type: noop\ntags: [x]\n", "3:8 a tag has a name and a value")]
#[case::deadline(
    "name: a\nrunner_type: noop\ndeadline_seconds: soon\n",
    "3:19 `deadline_seconds` should be"
)]
#[case::twice(
    "name: good\nrunner_type: noop\n",
    "1:7 the pack has an action `good` already | it is in actions/good.yaml"
)]
#[case::template(
    "name: a\nrunner_type: noop\ndescription: {{ x }}\n",
    "3:14 text that starts with `{{` must be in quotes"
)]
fn a_broken_action_is_one_clear_problem_and_the_rest_loads(#[case] text: &str, #[case] expected: &str) {
    let site = Site::new();
    site.write("packs/web/actions/script.sh", "");
    site.write("packs/web/actions/folder/x", "");
    std::os::unix::fs::symlink("/etc/passwd", site.path("packs/web/actions/link.sh")).unwrap();
    site.write("packs/web/actions/x.yaml", text);
    let snapshot = site.load().snapshot();
    let found = only(&snapshot.problems);
    let (place, hint) = expected.split_once(" | ").unwrap_or((expected, ""));
    assert!(
        found.starts_with(&format!("web/actions/x.yaml {place}")),
        "{found}"
    );
    assert!(found.split_once(" | ").unwrap().1.contains(hint), "{found}");
    assert_eq!(snapshot.problems[0].severity, Severity::Error);
    assert_eq!(snapshot.actions.keys().collect::<Vec<_>>(), ["web.good"]);
    let line = text
        .lines()
        .nth(snapshot.problems[0].line - 1)
        .unwrap_or_default();
    assert_eq!(snapshot.problems[0].text, line);
}

#[test]
fn files_that_are_no_text_or_too_large_are_told_apart() {
    let site = Site::new();
    site.write("packs/web/actions/latin.yaml", b"name: a\ndescription: caf\xe9\n");
    site.write("packs/web/actions/zbig.yaml", vec![b'#'; 10 * 1024 * 1024]);
    let snapshot = site.load().snapshot();
    assert_eq!(snapshot.problems.len(), 2, "{}", shown(&snapshot.problems));
    assert_eq!(
        only(&snapshot.problems[..1]),
        "web/actions/latin.yaml 2:17 the file is not UTF-8 text | save it as UTF-8"
    );
    assert!(
        snapshot.problems[1]
            .message
            .contains("10.0 MiB; the limit is 4 MiB")
    );
    assert!(snapshot.action("web.good").is_some());
}

#[test]
fn a_pipe_in_a_pack_does_not_hang_loading() {
    let site = Site::new();
    let path = site.path("packs/web/actions/pipe.yaml");
    nix::unistd::mkfifo(&path, nix::sys::stat::Mode::S_IRWXU).unwrap();
    assert!(only(&site.load().snapshot().problems).contains("no regular file"));
}

#[rstest::rstest]
#[case("description: d\nversion: 1.0.0\nauthor: a\n", "1:1 `name` is missing")]
#[case("name: web\ndescription: d\nauthor: a\n", "1:1 `version` is missing")]
#[case(
    "name: web\ndescription: d\nversion: one\nauthor: a\n",
    "3:10 `one` is no version"
)]
#[case(
    "name: Web Site\ndescription: d\nversion: 1.0.0\nauthor: a\n",
    "1:7 `Web Site` cannot be the pack's ref"
)]
#[case(
    "name: _global\ndescription: d\nversion: 1.0.0\nauthor: a\n",
    "1:7 `_global` is reserved"
)]
#[case(
    "name: web\ndescription: d\nversion: 1.0.0\nauthor: a\nkeywords: [1]\n",
    "5:12 this should be text, not a number"
)]
#[case("name: web\n\tdescription: d\n", "2:1 a tab cannot be used here")]
fn a_broken_pack_yaml_leaves_the_pack_out(#[case] text: &str, #[case] expected: &str) {
    let site = Site::new();
    site.write("packs/web/pack.yaml", text);
    site.write("packs/other/pack.yaml", MANIFEST.replace("web", "other"));
    let snapshot = site.load().snapshot();
    assert!(
        only(&snapshot.problems).starts_with(&format!("web/pack.yaml {expected}")),
        "{}",
        shown(&snapshot.problems)
    );
    assert_eq!(snapshot.packs.keys().collect::<Vec<_>>(), ["other"]);
    assert!(snapshot.actions.is_empty());
}

#[rstest::rstest]
#[case("", false)]
#[case("legacy_reevaluate: true\n", true)]
#[case("legacy_reevaluate: false\n", false)]
fn a_pack_may_ask_for_its_values_to_be_evaluated_again(#[case] line: &str, #[case] expected: bool) {
    let site = Site::new();
    site.write("packs/web/pack.yaml", format!("{MANIFEST}{line}"));
    let snapshot = site.load().snapshot();
    assert_eq!(shown(&snapshot.problems), "");
    assert_eq!(snapshot.packs["web"].legacy_reevaluate, expected);
}

#[test]
fn old_forms_are_taken_with_a_warning() {
    let site = Site::new();
    site.write(
        "packs/web/pack.yaml",
        "name: Web Site\nref: web\ndescription: d\nversion: 0.3\nauthor: a\nextra: kept\n",
    );
    site.write(
        "packs/web/actions/good.yaml",
        "name: good\nrunner_type: run-local\n",
    );
    let snapshot = site.load().snapshot();
    assert_eq!(snapshot.packs["web"].version, "0.3.0");
    assert_eq!(snapshot.packs["web"].metadata["extra"], "kept");
    assert_eq!(
        snapshot.action("web.good").unwrap().runner_type,
        "local-shell-cmd"
    );
    assert_eq!(snapshot.errors().count(), 0);
    let messages: Vec<&str> = snapshot
        .problems
        .iter()
        .map(|problem| problem.message.as_str())
        .collect();
    assert_eq!(
        messages,
        [
            "`run-local` is the old name of runner `local-shell-cmd`",
            "a version has three numbers"
        ]
    );
}

#[test]
fn items_are_counted_and_their_files_checked() {
    let site = Site::new();
    let rule = "enabled: false\ntrigger: {type: web.t}\naction: {ref: web.good}\n";
    site.write("packs/web/rules/a.yaml", format!("name: a\n{rule}"));
    site.write("packs/web/rules/b.yml", format!("name: b\n{rule}"));
    site.write("packs/web/sensors/s.yaml", "class_name: S\nentry_point: s.py\n");
    site.write("packs/web/sensors/s.py", "");
    site.write("packs/web/triggers/t.yaml", "name: t\n");
    site.write(
        "packs/web/policies/p.yaml",
        "name: p\nresource_ref: web.good\npolicy_type: action.retry\nparameters: {retry_on: failure}\n",
    );
    site.write(
        "packs/web/actions/workflows/w.yaml",
        "version: 1.0\ntasks: {{ x }}\n",
    );
    site.write("packs/web/templates/card.hbs", "{{text}}");
    site.write("packs/web/rules/notes.txt", "no item");
    let snapshot = site.load().snapshot();
    assert!(only(&snapshot.problems).starts_with("web/actions/workflows/w.yaml 2:8"));
    let counts = &snapshot.packs["web"].counts;
    let counted: Vec<(&str, usize)> = counts
        .iter()
        .map(|(kind, count)| (kind.as_str(), *count))
        .collect();
    assert_eq!(
        counted,
        [
            ("actions", 1),
            ("aliases", 0),
            ("policies", 1),
            ("rules", 2),
            ("sensors", 1),
            ("triggers", 1),
            ("workflows", 1)
        ]
    );
    assert_eq!(&*snapshot.templates["web.card"], "{{text}}");
    assert!(
        snapshot.packs["web"]
            .files
            .contains(&"rules/notes.txt".to_owned())
    );
}

#[test]
fn the_first_of_two_packs_wins_and_a_pack_on_disk_replaces_a_built_in_one() {
    let site = Site::new();
    site.write("packs/core/pack.yaml", MANIFEST.replace("web", "core"));
    site.write("packs/core/actions/mine.yaml", "name: mine\nrunner_type: noop\n");
    site.write("more/web/pack.yaml", MANIFEST.replace("1.2.3", "9.9.9"));
    let options = Options {
        builtin: true,
        packs_dirs: vec![site.path("packs"), site.path("more"), site.path("missing")],
        ..Options::default()
    };
    let snapshot = Content::load(options, checks()).snapshot();
    assert_eq!(snapshot.packs["web"].version, "1.2.3");
    assert!(!snapshot.packs["core"].system);
    assert!(snapshot.action("core.mine").is_some() && snapshot.action("core.local").is_none());
    assert!(
        snapshot
            .notes
            .iter()
            .any(|note| note.starts_with("pack core in ")),
        "{:?}",
        snapshot.notes
    );
    let left_out = snapshot
        .problems
        .iter()
        .find(|problem| problem.message.contains("left out"))
        .unwrap();
    assert_eq!(
        (left_out.file.as_str(), left_out.severity),
        ("web/pack.yaml", Severity::Warning)
    );
}

#[test]
fn a_folder_that_is_a_pack_itself_is_one() {
    let site = Site::new();
    let options = Options {
        builtin: false,
        packs_dirs: vec![site.path("packs/web")],
        ..Options::default()
    };
    assert!(
        Content::load(options, checks())
            .snapshot()
            .action("web.good")
            .is_some()
    );
}

const SCHEMA: &str = "host: {type: string, required: true, default: localhost}\nport: {type: integer, default: 80}\n\
    token: {type: string, secret: true, required: true}\n\
    nested: {type: object, properties: {retries: {type: integer, default: 3}, name: {type: string}}}\n\
    list: {type: array, items: {type: object, properties: {weight: {type: integer, default: 1}}}}\n";

#[test]
fn configuration_is_checked_and_completed() {
    let site = Site::new();
    site.write("packs/web/config.schema.yaml", SCHEMA);
    site.write(
        "configs/web.yaml",
        "token: hunter2\nport: '{{st2kv.system.port}}'\nnested: {name: x}\nlist: [{}, {weight: 5}]\n",
    );
    let snapshot = site.load().snapshot();
    assert_eq!(shown(&snapshot.problems), "");
    assert_eq!(
        json!(snapshot.packs["web"].config),
        json!({
            "token": "hunter2",
            "port": "{{st2kv.system.port}}",
            "nested": {"name": "x", "retries": 3},
            "list": [{"weight": 1}, {"weight": 5}],
            "host": "localhost",
        })
    );
}

#[rstest::rstest]
#[case("token: [hunter2]\n", "1:8 `token`: ")]
#[case("token: hunter2\nport: hunter2\n", "2:7 `port`: ")]
#[case("token: hunter2\nnested: {retries: hunter2}\n", "2:19 `nested.retries`: ")]
#[case("port: 1\n", "1:1 ")]
#[case("token: !hunter2 x\n", "1:17 unknown tag")]
#[case("token: *hunter2\n", "1:8 this alias has no anchor")]
#[case("token: 'hunter2\n", "1:8 a quoted text is not closed")]
fn a_broken_configuration_gives_no_secret_away(#[case] text: &str, #[case] expected: &str) {
    let site = Site::new();
    site.write("packs/web/config.schema.yaml", SCHEMA);
    site.write("configs/web.yaml", text);
    let snapshot = site.load().snapshot();
    let found = only(&snapshot.problems);
    assert!(
        found.starts_with(&format!("configs/web.yaml {expected}")),
        "{found}"
    );
    assert!(
        !format!("{found}{:?}", snapshot.problems).contains("hunter2"),
        "{found}"
    );
    assert_eq!(
        snapshot.packs["web"].config["host"], "localhost",
        "the pack has its defaults"
    );
}

#[test]
fn a_configuration_key_that_the_schema_lacks_is_a_warning() {
    let site = Site::new();
    site.write("packs/web/config.schema.yaml", SCHEMA);
    site.write("configs/web.yaml", "token: x\nprot: 8080\n");
    let snapshot = site.load().snapshot();
    assert!(only(&snapshot.problems).ends_with("| did you mean `port`?"));
    assert_eq!(snapshot.problems[0].severity, Severity::Warning);
}

#[test]
fn a_broken_configuration_schema_is_told() {
    let site = Site::new();
    site.write("packs/web/config.schema.yaml", "a: {type: strng}\n");
    assert!(only(&site.load().snapshot().problems).starts_with("web/config.schema.yaml 1:"));
    site.write("packs/web/config.schema.yaml", "a: string\n");
    assert!(only(&site.load().snapshot().problems).contains("1:4 `a` should be a map, not text"));
}

#[test]
fn overrides_switch_items_on_and_off() {
    let site = Site::new();
    for name in ["one", "two"] {
        let text = format!("name: {name}\nrunner_type: noop\n");
        site.write(&format!("packs/web/actions/{name}.yaml"), &text);
        site.write(&format!("packs/app/actions/{name}.yaml"), &text);
    }
    site.write("packs/app/pack.yaml", MANIFEST.replace("web", "app"));
    site.write(
        "overrides/_global.yaml",
        "actions: {defaults: {enabled: false}, exceptions: {one: {enabled: true}}}\n",
    );
    site.write(
        "overrides/web.yaml",
        "actions:\n  defaults: {enabled: true}\n  exceptions:\n    two: {enabled: false}\n",
    );
    let content = site.load();
    let snapshot = content.snapshot();
    let enabled = |name: &str| snapshot.action(name).unwrap().enabled;
    assert!(enabled("web.one") && enabled("web.good") && !enabled("web.two"));
    assert!(!enabled("app.one") && !enabled("app.two"));
    assert!(
        only(&snapshot.problems).starts_with("overrides/_global.yaml 1:"),
        "{}",
        shown(&snapshot.problems)
    );
    site.write("overrides/web.yaml", "actions: {default: {enabled: true}}\n");
    let report = content.reload();
    assert!(
        report
            .problems
            .iter()
            .any(|problem| problem.hint == "did you mean `defaults`?")
    );
    assert!(
        content.snapshot().action("web.one").unwrap().enabled,
        "the file before stays in force"
    );
}

#[test]
fn a_reload_keeps_what_is_broken_now_and_takes_what_is_mended() {
    let site = Site::new();
    site.write("packs/web/actions/bad.yaml", "name: bad\n");
    let content = site.load();
    let first = content.snapshot();
    assert!(first.action("web.bad").is_none(), "broken from the start: absent");

    site.write("packs/web/actions/good.yaml", "name: good\nrunner_type: [\n");
    site.write("packs/web/actions/bad.yaml", "name: bad\nrunner_type: noop\n");
    site.write("packs/web/actions/new.yaml", "name: new\nrunner_type: noop\n");
    let report = content.reload();
    assert_eq!(report.generation, 2);
    assert_eq!(report.added, ["action web.bad", "action web.new"]);
    assert_eq!(report.kept, ["action web.good"]);
    assert_eq!(report.changed, Vec::<String>::new());
    assert!(
        only(&report.problems).starts_with("web/actions/good.yaml 2:"),
        "{}",
        shown(&report.problems)
    );
    assert!(Arc::ptr_eq(
        &content.snapshot().actions["web.good"],
        &first.actions["web.good"]
    ));
    assert!(
        first.action("web.new").is_none(),
        "whoever holds the old snapshot sees no change"
    );

    site.write(
        "packs/web/actions/good.yaml",
        "name: good\nrunner_type: noop\ndescription: mended\n",
    );
    site.remove("packs/web/actions/new.yaml");
    let report = content.reload();
    assert_eq!(
        (report.changed, report.removed),
        (vec!["action web.good".into()], vec!["action web.new".into()])
    );
    assert!(report.kept.is_empty() && report.problems.is_empty());

    let report = content.reload();
    assert!(report.is_empty());
    assert_eq!(report.generation, 4);
}

#[rstest::rstest]
#[case("name: a\nformats: [x]\n", "1:1 `action_ref` is missing")]
#[case(
    "name: a\naction_ref: web.good\nformats: [x]\nacks: {}\n",
    "4:1 unknown key `acks` | did you mean `ack`?"
)]
#[case("name: a\naction_ref: web.good\nformats:\n  - \"a (\"\n", "4:5 ")]
#[case(
    "name: a\naction_ref: web.good\nformats: [{{x}}]\n",
    "3:11 text that starts with `{{`"
)]
#[case(
    "name: a\naction_ref: web.good\nformats: [x]\nack: {enabled: maybe}\n",
    "4:16 `enabled` must be true or false"
)]
fn a_broken_alias_is_one_clear_problem(#[case] text: &str, #[case] expected: &str) {
    let site = Site::new();
    site.write("packs/web/aliases/b.yaml", text);
    site.write(
        "packs/web/aliases/c.yaml",
        "name: c\naction_ref: web.good\nformats: [say c]\n",
    );
    let snapshot = site.load().snapshot();
    let found = only(&snapshot.problems);
    let (place, hint) = expected.split_once(" | ").unwrap_or((expected, ""));
    assert!(
        found.starts_with(&format!("web/aliases/b.yaml {place}")),
        "{found}"
    );
    assert!(found.split_once(" | ").unwrap().1.contains(hint), "{found}");
    assert!(matches!(snapshot.matcher.find("say c"), Outcome::Matched(_)));
}

#[test]
fn an_alias_that_does_not_fit_its_action_is_a_warning() {
    let site = Site::new();
    site.write("packs/web/actions/good.yaml", "name: good\nrunner_type: local-shell-cmd\nparameters:\n  host: {type: string}\n  cmd: {immutable: true}\n");
    site.write(
        "packs/web/aliases/a.yaml",
        "name: a\naction_ref: web.good\nformats:\n  - go {{hots}}\n  - run {{cmd}} {{timeout}}\n",
    );
    site.write("aliases/s.yaml", "name: s\naction_ref: web.god\nformats: [s]\n");
    let snapshot = site.load().snapshot();
    assert_eq!(snapshot.errors().count(), 0);
    let told: Vec<String> = snapshot
        .problems
        .iter()
        .map(|p| format!("{}:{}:{} {} | {}", p.file, p.line, p.column, p.message, p.hint))
        .collect();
    assert_eq!(
        told,
        [
            "aliases/s.yaml:2:13 the alias runs `web.god`, but there is no such action | did you mean `web.good`?",
            "web/aliases/a.yaml:4:5 `hots` is no parameter of web.good that can be set | did you mean `host`?",
            "web/aliases/a.yaml:5:5 `cmd` is no parameter of web.good that can be set | did you mean `cwd`?",
        ]
    );
}

#[test]
fn site_aliases_belong_to_site_or_to_the_pack_that_they_name() {
    let site = Site::new();
    site.write(
        "packs/web/aliases/c.yaml",
        "name: c\naction_ref: web.good\nformats: [old words]\n",
    );
    site.write(
        "aliases/one.yaml",
        "name: one\naction_ref: web.good\nformats: [one]\n",
    );
    site.write(
        "aliases/c.yaml",
        "name: c\npack: web\naction_ref: web.good\nformats: [new words]\n",
    );
    site.write("aliases/README.md", "words");
    let content = site.load();
    let snapshot = content.snapshot();
    assert_eq!(shown(&snapshot.problems), "");
    assert_eq!(snapshot.aliases.keys().collect::<Vec<_>>(), ["site.one", "web.c"]);
    assert_eq!(snapshot.aliases["web.c"].metadata_file, "aliases/c.yaml");
    assert_eq!(snapshot.notes, ["aliases/c.yaml replaces alias web.c"]);
    assert!(matches!(snapshot.matcher.find("new words"), Outcome::Matched(_)));
    assert!(!matches!(snapshot.matcher.find("old words"), Outcome::Matched(_)));

    site.write(
        "aliases/one.yaml",
        "name: one\naction_ref: web.good\nformats: [one, \"two (\"]\n",
    );
    let report = content.reload();
    assert_eq!(report.kept, ["alias site.one"]);
    assert!(
        report.changed.is_empty(),
        "all of it stays, not only the part that works"
    );
}

/// Sentences that the documentation promises, with the alias and parameters that they mean.
#[rstest::rstest]
#[case("run uptime on localhost", "core.run_local", json!({"cmd": "uptime"}))]
#[case("run df -h / on localhost", "core.run_local", json!({"cmd": "df -h /"}))]
#[case("http get http://127.0.0.1:9101/healthz", "core.http_get", json!({"url": "http://127.0.0.1:9101/healthz"}))]
#[case("http get http://h/x?a=1&b=2", "core.http_get", json!({"url": "http://h/x?a=1&b=2"}))]
#[case("http get http://h timeout=5", "core.http_get", json!({"url": "http://h", "timeout": "5"}))]
#[case("echo hello there", "core.echo", json!({"message": "hello there"}))]
#[case("pause 5", "core.pause", json!({"max_pause": "5"}))]
#[case("pause 5 seconds", "core.pause", json!({"max_pause": "5"}))]
#[case("help", "chatops.help", json!({}))]
#[case("help restart", "chatops.help", json!({"words": "restart"}))]
#[case("explain run uptime on localhost", "chatops.explain", json!({"command": "run uptime on localhost"}))]
#[case("ps", "chatops.ps", json!({}))]
#[case("ps status=running limit=5", "chatops.ps", json!({"status": "running", "limit": "5"}))]
#[case("show 6b02e6fe", "chatops.show", json!({"id": "6b02e6fe"}))]
#[case("log 6b02e6fe", "chatops.log", json!({"id": "6b02e6fe"}))]
#[case("log 6b02e6fe tail", "chatops.log_tail", json!({"id": "6b02e6fe", "part": "tail"}))]
#[case("log 6b02e6fe tail 50", "chatops.log_tail", json!({"id": "6b02e6fe", "part": "tail", "lines": "50"}))]
#[case("log 6b02e6fe more", "chatops.log_more", json!({"id": "6b02e6fe", "part": "more"}))]
#[case("log 6b02e6fe page 2", "chatops.log_page", json!({"id": "6b02e6fe", "page": "2"}))]
#[case("log 6b02e6fe grep no such file", "chatops.log_grep", json!({"id": "6b02e6fe", "grep": "no such file"}))]
#[case("cancel 6b02e6fe", "chatops.cancel", json!({"id": "6b02e6fe"}))]
#[case("rerun 6b02e6fe", "chatops.rerun", json!({"id": "6b02e6fe"}))]
#[case("rerun 6b02e6fe host=web1 n=2", "chatops.rerun", json!({"id": "6b02e6fe", "changes": "host=web1 n=2"}))]
#[case("history", "chatops.history", json!({}))]
#[case("history deploy", "chatops.history", json!({"words": "deploy"}))]
#[case("whoami", "chatops.whoami", json!({}))]
#[case("status", "chatops.status", json!({}))]
#[case("audit summary", "chatops.audit_summary", json!({}))]
#[case("audit summary since monday", "chatops.audit_summary", json!({"since": "monday"}))]
#[case("audit summary 24h", "chatops.audit_summary", json!({"since": "24h"}))]
#[case("audit search restart web", "chatops.audit_search", json!({"words": "restart web"}))]
#[case("audit who ran deploy", "chatops.who_ran", json!({"words": "deploy"}))]
#[case("who ran deploy web since monday", "chatops.who_ran", json!({"words": "deploy web", "since": "monday"}))]
#[case("audit tail", "chatops.audit_tail", json!({}))]
#[case("audit tail 5", "chatops.audit_tail", json!({"lines": "5"}))]
#[case("audit verify", "chatops.audit_verify", json!({}))]
#[case("key list", "chatops.key_list", json!({}))]
#[case("key list deploy.", "chatops.key_list", json!({"prefix": "deploy."}))]
#[case("key get region", "chatops.key_get", json!({"name": "region"}))]
#[case("key get my editor", "chatops.key_get", json!({"mine": "my", "name": "editor"}))]
#[case("key set region to eu 1", "chatops.key_set", json!({"name": "region", "value": "eu 1"}))]
#[case("key set my editor to vi", "chatops.key_set", json!({"mine": "my", "name": "editor", "value": "vi"}))]
#[case("reload", "chatops.reload", json!({}))]
#[case("disk space", "site.disk_space", json!({}))]
#[case("restart web on staging", "examples.restart", json!({"service": "web", "environment": "staging"}))]
#[case("restart web mode=all", "examples.restart", json!({"service": "web", "mode": "all"}))]
#[case("check site 127.0.0.1:9101", "examples.check_site", json!({"site": "127.0.0.1:9101"}))]
#[case("disk report", "examples.disk_report", json!({"path": "/"}))]
#[case("disk report /tmp warn_percent=90", "examples.disk_report", json!({"path": "/tmp", "warn_percent": "90"}))]
#[case("inventory production roles=web,api", "examples.inventory", json!({"environment": "production", "roles": "web,api"}))]
fn sentences_of_the_built_in_packs_are_understood(
    #[case] sentence: &str,
    #[case] alias: &str,
    #[case] parameters: serde_json::Value,
) {
    static SNAPSHOT: std::sync::LazyLock<Arc<Snapshot>> =
        std::sync::LazyLock::new(|| Content::load(Options::default(), checks()).snapshot());
    match SNAPSHOT.matcher.find(sentence) {
        Outcome::Matched(found) => {
            assert_eq!(found.alias.reference(), alias);
            let mut given = json!(found.parameters[0]);
            given.as_object_mut().unwrap().retain(|_, value| !value.is_null());
            assert_eq!(given, parameters);
        }
        other => panic!("{other:#?}"),
    }
}

#[test]
fn commands_for_other_hosts_are_not_run_here() {
    let snapshot = Content::load(Options::default(), checks()).snapshot();
    assert!(!matches!(
        snapshot.matcher.find("run uptime on web1"),
        Outcome::Matched(_)
    ));
}

#[test]
fn a_reload_keeps_packs_and_configurations_as_well() {
    let site = Site::new();
    site.write("packs/web/config.schema.yaml", SCHEMA);
    site.write("configs/web.yaml", "token: one\nhost: example\n");
    let content = site.load();
    site.write("configs/web.yaml", "token: {\n");
    let report = content.reload();
    assert_eq!(report.kept, ["config web"]);
    assert_eq!(content.snapshot().packs["web"].config["host"], "example");
    site.write("packs/web/pack.yaml", "name: [\n");
    let report = content.reload();
    assert_eq!(report.kept, ["pack web"]);
    assert!(content.snapshot().action("web.good").is_some());
    fs::remove_dir_all(site.path("packs/web")).unwrap();
    let report = content.reload();
    assert_eq!(report.removed, ["pack web", "action web.good"]);
}

#[test]
fn snapshots_are_swapped_whole() {
    let site = Site::new();
    let write = |n: usize| {
        for name in ["a", "b", "c"] {
            let text = format!("name: {name}\nrunner_type: noop\ndescription: \"{n}\"\n");
            site.write(&format!("packs/web/actions/{name}.yaml"), text);
        }
    };
    write(0);
    let content = Arc::new(site.load());
    let stop = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let reader = {
        let (content, stop) = (Arc::clone(&content), Arc::clone(&stop));
        std::thread::spawn(move || {
            let mut seen = 0;
            while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                let snapshot = content.snapshot();
                let words: Vec<&str> = ["a", "b", "c"]
                    .iter()
                    .map(|n| snapshot.actions[&format!("web.{n}")].description.as_str())
                    .collect();
                assert!(words.iter().all(|word| *word == words[0]), "{words:?}");
                assert!(snapshot.generation >= seen);
                seen = snapshot.generation;
            }
        })
    };
    for n in 1..20 {
        write(n);
        content.reload();
    }
    stop.store(true, std::sync::atomic::Ordering::Relaxed);
    reader.join().unwrap();
    assert_eq!(content.snapshot().generation, 20);
}

#[test]
fn unknown_actions_have_a_nearest_name() {
    let snapshot = Content::load(Options::default(), checks()).snapshot();
    assert_eq!(snapshot.nearest_action("core.lcal"), Some("core.local"));
    assert_eq!(snapshot.nearest_action("echo"), Some("core.echo"));
    assert_eq!(snapshot.nearest_action("nothing.like_it"), None);
    assert_eq!(snapshot.nearest_pack("chatop"), Some("chatops"));
}

#[test]
fn lint_tells_everything_at_once_in_the_shape_of_the_contract() {
    let site = Site::new();
    site.write(
        "packs/web/actions/one.yaml",
        "name: one\nrunner_type: nop\nparameters:\n  password: {type: string}\n",
    );
    site.write(
        "packs/web/actions/two.yaml",
        "name: two\nrunner_type: noop\nparameters:\n  x: {required: true}\n",
    );
    site.write("packs/web/config.schema.yaml", "unused_key: {type: string}\n");
    site.write(
        "packs/web/aliases/a.yaml",
        "name: a\naction_ref: web.three\nformats: [a]\n",
    );
    let report = lint(&site.path("packs/web"), &checks());
    let value = serde_json::to_value(&report).unwrap();
    let keys: Vec<&String> = value.as_object().unwrap().keys().collect();
    assert_eq!(keys, ["pack", "ok", "errors", "warnings", "counts"]);
    assert_eq!(value["ok"], false);
    assert_eq!(
        value["errors"],
        json!([{
            "file": "web/actions/one.yaml", "line": 2, "column": 14,
            "message": "there is no runner `nop`", "hint": "did you mean `noop`?"
        }])
    );
    assert_eq!(
        value["counts"],
        json!({"actions": 3, "aliases": 1, "rules": 0, "workflows": 0, "sensors": 0, "triggers": 0, "policies": 0})
    );
    let warnings: Vec<String> = report
        .warnings
        .iter()
        .map(|problem| format!("{}:{} {}", problem.file, problem.line, problem.message))
        .collect();
    assert_eq!(
        warnings,
        [
            "web/actions/two.yaml:1 the action has no description",
            "web/actions/two.yaml:4 parameter `x` has no description",
            "web/actions/two.yaml:4 parameter `x` has no type, so any value is taken as it comes",
            "web/aliases/a.yaml:2 the alias runs `web.three`, but there is no such action",
            "web/config.schema.yaml:1 no file of the pack uses the configuration key `unused_key`",
        ]
    );
}

#[test]
fn lint_finds_nothing_wrong_in_the_built_in_packs() {
    for pack in ["core", "chatops", "examples"] {
        let report = lint(
            &Path::new(env!("CARGO_MANIFEST_DIR")).join("packs").join(pack),
            &checks(),
        );
        let told: Vec<String> = report
            .errors
            .iter()
            .chain(&report.warnings)
            .map(|p| p.problem(Severity::Warning).to_string())
            .collect();
        assert_eq!(told, Vec::<String>::new());
        assert!(report.ok);
        assert_eq!(report.pack, pack);
    }
}

#[test]
fn lint_of_what_is_no_pack_says_so() {
    let site = Site::new();
    for (path, message) in [
        ("nowhere", "the folder cannot be read"),
        ("packs", "the file does not exist"),
    ] {
        let report = lint(&site.path(path), &checks());
        assert!(!report.ok && report.errors.len() == 1);
        assert!(report.errors[0].message.contains(message), "{report:?}");
    }
    assert!(lint(&site.path("packs/web/pack.yaml"), &checks()).ok);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_on_disk_is_reloaded_and_reading_is_no_change() {
    let site = Site::new();
    fs::create_dir(site.path("configs")).unwrap();
    let content = Arc::new(site.load());
    let cancel = CancellationToken::new();
    let (ready_sender, ready) = tokio::sync::oneshot::channel();
    let (sender, mut reports) = tokio::sync::mpsc::unbounded_channel();
    let watching = tokio::spawn(Arc::clone(&content).watch(
        cancel.clone(),
        move || ready_sender.send(()).unwrap(),
        move |report| sender.send(report).unwrap(),
    ));
    let within = Duration::from_secs(20);
    ready.await.unwrap();
    site.write("packs/web/actions/new.yaml", "name: new\nrunner_type: noop\n");
    let report = tokio::time::timeout(within, reports.recv())
        .await
        .unwrap()
        .unwrap();
    assert_eq!(report.added, ["action web.new"]);

    site.write("packs/web/actions/new.yaml", "name: new\nrunner_type: [\n");
    let report = tokio::time::timeout(within, reports.recv())
        .await
        .unwrap()
        .unwrap();
    assert_eq!(report.kept, ["action web.new"]);

    // A folder that was not there at the start is noticed when it appears.
    site.write("overrides/web.yaml", "actions: {defaults: {enabled: false}}\n");
    let report = tokio::time::timeout(within, reports.recv())
        .await
        .unwrap()
        .unwrap();
    assert_eq!(report.changed, ["action web.good"]);
    // One that was replaced is noticed, too, and watched from then on.
    fs::rename(site.path("overrides"), site.path("before")).unwrap();
    fs::create_dir(site.path("overrides")).unwrap();
    let report = tokio::time::timeout(within, reports.recv())
        .await
        .unwrap()
        .unwrap();
    assert_eq!(report.changed, ["action web.good"]);
    site.write("overrides/web.yaml", "actions: {defaults: {enabled: false}}\n");
    let report = tokio::time::timeout(within, reports.recv())
        .await
        .unwrap()
        .unwrap();
    assert_eq!(report.changed, ["action web.good"]);
    let generation = content.snapshot().generation;
    assert!(generation <= 12, "reloads do not cause reloads: {generation}");

    cancel.cancel();
    tokio::time::timeout(within, watching).await.unwrap().unwrap();
}

proptest! {
    #![proptest_config(crate::testing::cases(60))]

    #[test]
    fn no_bytes_in_a_pack_make_loading_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200), which in 0_usize..6) {
        let site = Site::new();
        let files = ["packs/web/pack.yaml", "packs/web/actions/x.yaml", "packs/web/aliases/x.yaml",
            "packs/web/config.schema.yaml", "configs/web.yaml", "overrides/web.yaml"];
        site.write(files[which], &bytes);
        let _ = site.load().reload();
    }

    #[test]
    fn no_mutation_of_a_good_file_makes_loading_panic(at in 0_usize..2000, with in "[-:{}\\[\\]&*!|'\"a-z0-9 \n]{0,4}", cut in 0_usize..6, which in 0_usize..4) {
        let site = Site::new();
        let (file, text) = [
            ("packs/web/actions/x.yaml", include_str!("../../packs/examples/actions/restart_service.yaml")),
            ("packs/web/aliases/x.yaml", include_str!("../../packs/examples/aliases/restart.yaml")),
            ("packs/web/config.schema.yaml", include_str!("../../packs/examples/config.schema.yaml")),
            ("packs/web/pack.yaml", include_str!("../../packs/examples/pack.yaml")),
        ][which];
        let mut text = text.to_owned();
        let at = at % text.len();
        if text.is_char_boundary(at) && text.is_char_boundary((at + cut).min(text.len())) {
            text.replace_range(at..(at + cut).min(text.len()), &with);
        }
        site.write(file, &text);
        site.write("configs/web.yaml", "environment: staging\n");
        let _ = site.load().reload();
    }
}
