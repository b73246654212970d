//! Commands and scripts as real processes.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use pretty_assertions::assert_eq;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::arguments::script_arguments;
use super::*;
use crate::model::{OutputStream, Status};
use crate::runners::tests::{Follower, PATIENCE, action, job, joined, lives, until};
use crate::runners::{Job, Outcome, Runner};

fn options() -> ShellOptions {
    ShellOptions {
        grace: Duration::from_millis(300),
        ..ShellOptions::default()
    }
}

async fn command(parameters: Value) -> Outcome {
    ShellCommandRunner::new(options()).run(job(parameters)).await
}

async fn shell(cmd: &str) -> Outcome {
    command(json!({ "cmd": cmd })).await
}

fn stdout(outcome: &Outcome) -> &str {
    outcome.result["stdout"]
        .as_str()
        .unwrap_or_else(|| panic!("stdout is no text: {}", outcome.result))
}

fn error(outcome: &Outcome) -> &str {
    outcome.result["error"]
        .as_str()
        .unwrap_or_else(|| panic!("no error: {}", outcome.result))
}

/// A pack with one script in `actions/run.sh`.
struct ScriptPack {
    folder: tempfile::TempDir,
}

impl ScriptPack {
    fn new(script: &str, mode: u32) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("actions")).unwrap();
        let pack = Self { folder };
        pack.write("actions/run.sh", script, mode);
        pack
    }

    fn write(&self, name: &str, text: &str, mode: u32) -> PathBuf {
        write(&self.folder.path().join(name), text, mode)
    }

    fn job(&self, entry_point: &str, schemas: Value, parameters: Value) -> Job {
        let mut job = job(parameters);
        let mut action = action(schemas);
        action.pack_dir = Some(self.folder.path().to_owned());
        action.entry_point = entry_point.to_owned();
        job.action = Arc::new(action);
        job
    }

    async fn run(&self, schemas: Value, parameters: Value) -> Outcome {
        ShellScriptRunner::new(options())
            .run(self.job("run.sh", schemas, parameters))
            .await
    }
}

fn write(path: &Path, text: &str, mode: u32) -> PathBuf {
    std::fs::write(path, text).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    path.to_owned()
}

/// Prints its arguments, each with a NUL behind it.
const PRINT_ARGUMENTS: &str = "#!/bin/sh\nfor a in \"$@\"; do printf '%s\\0' \"$a\"; done\n";

fn printed(outcome: &Outcome) -> Vec<String> {
    assert_eq!(outcome.status, Status::Succeeded, "{}", outcome.result);
    let mut parts: Vec<_> = stdout(outcome).split('\0').map(str::to_owned).collect();
    assert_eq!(parts.pop().as_deref(), Some(""), "the last argument ends too");
    parts
}

#[tokio::test]
async fn results_are_those_of_the_reference() {
    let rows = [
        (
            "echo out; echo err 1>&2",
            r#"{"failed":false,"succeeded":true,"return_code":0,"stdout":"out","stderr":"err"}"#,
        ),
        (
            "exit 3",
            r#"{"failed":true,"succeeded":false,"return_code":3,"stdout":"","stderr":""}"#,
        ),
        (
            "",
            r#"{"failed":false,"succeeded":true,"return_code":0,"stdout":"","stderr":""}"#,
        ),
    ];
    for (cmd, expected) in rows {
        assert_eq!(shell(cmd).await.result.to_string(), expected, "{cmd}");
    }
}

#[tokio::test]
async fn a_timeout_reads_as_in_the_reference_and_keeps_what_was_printed() {
    let outcome = command(json!({ "cmd": "sleep 20", "timeout": 1 })).await;
    assert_eq!(outcome.status, Status::Timeout);
    assert_eq!(
        outcome.result.to_string(),
        r#"{"failed":true,"succeeded":false,"return_code":-9,"stdout":"","stderr":"","error":"Action failed to complete in 1 seconds"}"#
    );
    let outcome = command(json!({ "cmd": "echo early; printf part; sleep 20", "timeout": 1 })).await;
    assert_eq!(outcome.status, Status::Timeout);
    assert_eq!(stdout(&outcome), "early\npart");
}

#[tokio::test]
async fn exits_become_statuses() {
    for (cmd, status, code) in [
        ("true", Status::Succeeded, 0),
        ("exit 1", Status::Failed, 1),
        ("exit 255", Status::Failed, 255),
        ("no-such-program-anywhere", Status::Failed, 127),
        ("kill -KILL $$", Status::Failed, -9),
        ("kill -TERM $$", Status::Abandoned, -15),
        ("kill -SEGV $$", Status::Failed, -11),
        ("exit 143", Status::Failed, 143),
    ] {
        let outcome = shell(cmd).await;
        assert_eq!(
            (outcome.status, &outcome.result["return_code"]),
            (status, &json!(code)),
            "{cmd}"
        );
        assert_eq!(outcome.result.get("error").is_some(), code < 0, "{cmd}");
    }
}

#[tokio::test]
async fn output_that_is_json_is_parsed() {
    for (cmd, expected) in [
        (r#"echo '{"a": [1, null]}'"#, json!({ "a": [1, null] })),
        ("echo '[1, 2]'", json!([1, 2])),
        ("echo 3", json!(3)),
        ("echo true", json!(true)),
        ("echo null", Value::Null),
        ("echo '\"text\"'", json!("text")),
        ("echo '{\"a\": 1} x'", json!("{\"a\": 1} x")),
        (
            "echo 123456789012345678901234567890",
            json!("123456789012345678901234567890"),
        ),
        ("printf ' '", json!(" ")),
        ("printf 'a\\n\\n'", json!("a\n")),
        ("printf 'a\\r\\n'", json!("a")),
        ("printf 'a\\n\\r'", json!("a\n")),
        ("printf 'a\\377b'", json!("a\u{fffd}b")),
    ] {
        assert_eq!(shell(cmd).await.result["stdout"], expected, "{cmd}");
    }
    assert_eq!(
        shell("echo '{\"a\":1}' >&2").await.result["stderr"],
        json!({ "a": 1 })
    );
}

#[tokio::test]
async fn the_environment_says_who_it_is() {
    let mut job = job(json!({
        "cmd": "env",
        "env": { "GREETING": "hi; $HOME `id`", "COUNT": 3, "FLAG": true, "GONE": null, "ST2_ACTION_PACK_NAME": "other" },
    }));
    let execution = job.execution.to_string();
    let mut follower = Follower::of(&mut job);
    let outcome = ShellCommandRunner::new(options()).run(job).await;
    let lines: Vec<_> = stdout(&outcome).lines().collect();
    for expected in [
        "GREETING=hi; $HOME `id`",
        "COUNT=3",
        "FLAG=true",
        "ST2_ACTION_PACK_NAME=examples",
        &format!("ST2_ACTION_EXECUTION_ID={execution}"),
        &format!("SAYSO_EXECUTION_ID={execution}"),
    ] {
        assert!(lines.contains(&expected), "{expected} is not in {lines:?}");
    }
    assert!(lines.iter().any(|line| line.starts_with("PATH=")));
    assert!(!lines.iter().any(|line| line.starts_with("GONE=")));
    assert_eq!(
        joined(&follower.rest().await, OutputStream::Stdout).trim_end(),
        stdout(&outcome)
    );
}

#[tokio::test]
async fn it_starts_in_the_wanted_folder() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().canonicalize().unwrap();
    let outcome = command(json!({ "cmd": "pwd -P", "cwd": folder })).await;
    assert_eq!(stdout(&outcome), folder.to_str().unwrap());
    let outcome = command(json!({ "cmd": "pwd -P", "cwd": null })).await;
    assert_eq!(
        stdout(&outcome),
        std::env::current_dir()
            .unwrap()
            .canonicalize()
            .unwrap()
            .to_str()
            .unwrap()
    );
}

#[tokio::test]
async fn wrong_parameters_are_explained() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let long = "x".repeat(300_000);
    for (parameters, expected) in [
        (json!({ "cmd": null }), "\"cmd\" is missing"),
        (json!({ "cmd": 5 }), "\"cmd\" must be a text"),
        (
            json!({ "cmd": "true", "cwd": "/no/such/folder" }),
            "\"/no/such/folder\" (parameter \"cwd\") does not exist",
        ),
        (json!({ "cmd": "true", "cwd": file.path() }), "is not a directory"),
        (
            json!({ "cmd": "true", "timeout": 0 }),
            "\"timeout\" must be a whole number of seconds above 0. Got 0",
        ),
        (json!({ "cmd": "true", "timeout": "soon" }), "\"timeout\""),
        (
            json!({ "cmd": "true", "env": ["A=1"] }),
            "\"env\" must be an object",
        ),
        (
            json!({ "cmd": "true", "env": { "A=B": "1" } }),
            "\"A=B\" cannot be the name",
        ),
        (json!({ "cmd": "true", "env": { "A": "\u{0}" } }), "NUL byte"),
        (json!({ "cmd": "echo \u{0}" }), "NUL byte"),
        (json!({ "cmd": long }), "too long"),
        (
            json!({ "cmd": "true", "sudo": "yes" }),
            "\"sudo\" must be true or false",
        ),
        (
            json!({ "cmd": "true", "sudo": true, "sudo_password": "a\nb" }),
            "\"sudo_password\" must be one line",
        ),
    ] {
        let outcome = command(parameters).await;
        assert_eq!(outcome.status, Status::Failed);
        assert!(
            error(&outcome).contains(expected),
            "{expected} is not in {}",
            error(&outcome)
        );
        let keys: Vec<_> = outcome.result.as_object().unwrap().keys().collect();
        assert_eq!(
            keys,
            ["failed", "succeeded", "return_code", "stdout", "stderr", "error"]
        );
    }
}

#[tokio::test]
async fn output_comes_while_it_is_produced_and_in_order() {
    let folder = tempfile::tempdir().unwrap();
    let go = folder.path().join("go");
    let mut job = job(json!({
        "cmd": "echo one; while [ ! -e go ]; do sleep 0.01; done; printf 'prompt> '; while [ -e go ]; do sleep 0.01; done
                for i in $(seq 1 5000); do echo line $i; done; echo last >&2",
        "cwd": folder.path(),
    }));
    let mut follower = Follower::of(&mut job);
    let task = tokio::spawn(async move { ShellCommandRunner::new(options()).run(job).await });
    assert_eq!(follower.next().await.text, "one\n");
    std::fs::write(&go, "").unwrap();
    assert_eq!(follower.next().await.text, "prompt> ");
    std::fs::remove_file(&go).unwrap();
    let pieces = follower.rest().await;
    let outcome = task.await.unwrap();
    let lines: String = (1..=5000).map(|number| format!("line {number}\n")).collect();
    assert_eq!(joined(&pieces, OutputStream::Stdout), lines);
    assert_eq!(joined(&pieces, OutputStream::Stderr), "last\n");
    assert!(
        pieces.iter().all(|piece| piece.text.ends_with('\n')),
        "whole lines only"
    );
    assert!(pieces.len() < 500, "in batches, not in {} writes", pieces.len());
    assert_eq!(stdout(&outcome), format!("one\nprompt> {}", lines.trim_end()));
}

/// Starts the command, waits for the line that it prints first and gives it with the rest.
async fn started(parameters: Value) -> (tokio::task::JoinHandle<Outcome>, CancelOnce, String) {
    let mut job = job(parameters);
    let mut follower = Follower::of(&mut job);
    let cancel = CancelOnce(job.cancel.clone());
    let task = tokio::spawn(async move { ShellCommandRunner::new(options()).run(job).await });
    let first = follower.next().await.text.lines().next().unwrap().to_owned();
    tokio::spawn(async move { follower.rest().await });
    (task, cancel, first)
}

struct CancelOnce(tokio_util::sync::CancellationToken);

#[tokio::test]
async fn a_timeout_ends_the_whole_group() {
    let (task, _, grandchild) = started(json!({ "cmd": "sleep 1000 & echo $!; wait", "timeout": 1 })).await;
    assert!(lives(&grandchild));
    assert_eq!(task.await.unwrap().status, Status::Timeout);
    until("the grandchild is gone", || !lives(&grandchild)).await;
}

#[tokio::test]
async fn a_group_that_ignores_sigterm_is_killed() {
    let cmd = "trap '' TERM; sleep 1000 & echo $!; wait; wait";
    let (task, cancel, grandchild) = started(json!({ "cmd": cmd })).await;
    cancel.0.cancel();
    let outcome = tokio::time::timeout(PATIENCE, task).await.unwrap().unwrap();
    assert_eq!(outcome.status, Status::Canceled);
    assert_eq!(outcome.result["return_code"], json!(-15));
    until("the grandchild is gone", || !lives(&grandchild)).await;
}

#[tokio::test]
async fn a_canceled_group_has_time_to_clean_up() {
    let cmd = "trap 'echo cleaned; exit 0' TERM; echo ready; while :; do sleep 0.01; done";
    let (task, cancel, _) = started(json!({ "cmd": cmd })).await;
    cancel.0.cancel();
    let outcome = task.await.unwrap();
    assert_eq!(outcome.status, Status::Canceled, "however it ended");
    assert_eq!(stdout(&outcome), "ready\ncleaned");
}

#[tokio::test]
async fn a_job_that_was_canceled_before_it_started_ends() {
    let job = job(json!({ "cmd": "sleep 1000" }));
    job.cancel.cancel();
    let outcome = tokio::time::timeout(PATIENCE, ShellCommandRunner::new(options()).run(job))
        .await
        .unwrap();
    assert_eq!(outcome.status, Status::Canceled);
}

#[tokio::test]
async fn a_dropped_job_leaves_nothing_behind() {
    let (task, _, pids) = started(json!({ "cmd": "sleep 1000 & echo $$ $!; wait" })).await;
    let (leader, grandchild) = pids.split_once(' ').unwrap();
    assert!(lives(leader) && lives(grandchild));
    task.abort();
    assert!(task.await.unwrap_err().is_cancelled());
    until("no process and no zombie is left", || {
        !lives(leader) && !lives(grandchild)
    })
    .await;
}

#[tokio::test]
async fn a_finished_job_leaves_no_zombie() {
    let outcome = shell("printf 'pid '; echo $$").await;
    let pid = stdout(&outcome).strip_prefix("pid ").unwrap();
    assert!(!lives(pid), "the leader is reaped when the runner returns");
}

/// Ends a process that a test left on purpose.
struct Leftover(String);

impl Drop for Leftover {
    fn drop(&mut self) {
        let pid = nix::unistd::Pid::from_raw(self.0.parse().unwrap());
        let _ = nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGKILL);
    }
}

#[tokio::test]
async fn a_daemon_that_holds_the_pipe_holds_nobody_up() {
    let start = Instant::now();
    let (task, _, pid) = started(json!({ "cmd": "sleep 1000 & echo $!; echo done" })).await;
    let daemon = Leftover(pid);
    let outcome = task.await.unwrap();
    assert_eq!(outcome.status, Status::Succeeded);
    assert!(stdout(&outcome).ends_with("\ndone"));
    assert!(start.elapsed() < Duration::from_secs(10));
    assert!(lives(&daemon.0), "it was started to go on");
}

#[tokio::test]
async fn a_daemon_that_writes_for_ever_holds_nobody_up() {
    let (task, _, pid) = started(json!({ "cmd": "sh -c 'echo $$; exec yes' &" })).await;
    let pid = Leftover(pid);
    let outcome = tokio::time::timeout(PATIENCE, task).await.unwrap().unwrap();
    assert_eq!(outcome.status, Status::Succeeded);
    until("its pipe is closed, which ends it", || {
        std::fs::read_to_string(format!("/proc/{}/stat", pid.0)).map_or(true, |stat| stat.contains(") Z "))
    })
    .await;
}

#[tokio::test]
async fn a_process_that_left_the_group_holds_nobody_up() {
    let (task, cancel, pid) =
        started(json!({ "cmd": "setsid sh -c 'echo $$; exec sleep 1000' & wait" })).await;
    let _escaped = Leftover(pid);
    cancel.0.cancel();
    let outcome = tokio::time::timeout(PATIENCE, task).await.unwrap().unwrap();
    assert_eq!(outcome.status, Status::Canceled);
}

#[tokio::test]
async fn closed_output_is_not_the_end() {
    let outcome = shell("echo out; exec >&- 2>&-; sleep 0.3; exit 7").await;
    assert_eq!(outcome.result["return_code"], json!(7));
    assert_eq!(stdout(&outcome), "out");
}

#[tokio::test]
async fn standard_input_is_empty() {
    assert_eq!(stdout(&shell("cat; echo end").await), "end");
}

#[tokio::test]
async fn huge_output_is_cut_with_a_note() {
    let mut job = job(json!({ "cmd": "head -c 3000000 /dev/zero | tr '\\0' x; echo small >&2" }));
    let mut follower = Follower::of(&mut job);
    let runner = ShellCommandRunner::new(ShellOptions {
        keep_output: 100_000,
        ..options()
    });
    let (outcome, pieces) = tokio::join!(runner.run(job), follower.rest());
    assert_eq!(outcome.status, Status::Succeeded);
    let expected = format!(
        "{}\n[output cut: the first 100000 of 3000000 bytes were kept]",
        "x".repeat(100_000)
    );
    assert!(stdout(&outcome) == expected);
    assert_eq!(outcome.result["stdout_bytes"], json!(3_000_000));
    assert_eq!(outcome.result["stderr"], json!("small"));
    assert_eq!(outcome.result.get("stderr_bytes"), None);
    assert!(
        joined(&pieces, OutputStream::Stdout) == "x".repeat(3_000_000),
        "the output has all of it"
    );
}

#[tokio::test]
async fn many_at_once_do_not_mix() {
    let runner = Arc::new(ShellCommandRunner::new(options()));
    let tasks: Vec<_> = (0..40)
        .map(|number| {
            let runner = Arc::clone(&runner);
            tokio::spawn(async move {
                runner
                    .run(job(json!({ "cmd": format!("echo job {number}") })))
                    .await
            })
        })
        .collect();
    for (number, task) in tasks.into_iter().enumerate() {
        assert_eq!(stdout(&task.await.unwrap()), format!("job {number}"));
    }
}

// Scripts

#[test]
fn arguments_follow_the_reference() {
    let runner = ShellScriptRunner::new(options());
    let schemas = json!({
        "last": { "type": "string", "position": 9 },
        "first": { "type": "string", "position": 0 },
        "number": { "type": "number", "position": 2 },
        "whole": { "type": "integer", "position": 3 },
        "flag": { "type": "boolean", "position": 4 },
        "list": { "type": "array", "position": 5 },
        "object": { "type": "object", "position": 6 },
        "untyped": { "position": 7 },
        "named": { "type": "string" },
    });
    let arguments = |parameters: Value| {
        script_arguments(
            schemas.as_object().unwrap(),
            &runner.spec().parameters,
            parameters.as_object().unwrap(),
            "--",
        )
    };
    let positional = |parameters: Value| arguments(parameters).join("|");
    for (parameters, expected) in [
        (json!({}), "|||||||"),
        (
            json!({
                "last": "z", "first": "a b", "number": 1.5, "whole": 7, "flag": true, "list": ["x", 1, true, null],
                "object": { "k": [1] }, "untyped": "u",
            }),
            "a b|1.5|7|1|x,1,True,None|{\"k\":[1]}|u|z",
        ),
        (
            json!({ "whole": 0, "number": 0, "flag": false, "list": [], "object": {}, "first": "0" }),
            "0|0||0||||",
        ),
        (
            json!({ "number": 2.0, "list": [[1, "a"], { "b": 2 }] }),
            "|2.0|||[1, 'a'],{'b': 2}|||",
        ),
    ] {
        assert_eq!(positional(parameters.clone()), expected, "{parameters}");
    }

    let named = json!({
        "zeta": "text with spaces", "flag_on": true, "flag_off": false, "none": null, "empty": "", "zero": 0,
        "list": ["a", "b"], "object": { "k": null }, "float": 1e20, "cwd": "/tmp", "timeout": 5, "sudo": true, "alpha": 1,
    });
    let made = script_arguments(
        &JsonMap::new(),
        &runner.spec().parameters,
        named.as_object().unwrap(),
        "-",
    );
    assert_eq!(
        made,
        [
            "-zeta=text with spaces",
            "-flag_on",
            "-zero=0",
            "-list=['a', 'b']",
            "-object={'k': None}",
            "-float=1e+20",
            "-alpha=1"
        ]
    );
    assert_eq!(
        arguments(json!({ "first": "p", "named": "n" }))[..2],
        ["--named=n", "p"]
    );
}

#[test]
fn of_two_parameters_with_one_position_the_last_has_it() {
    let schemas =
        json!({ "a": { "type": "string", "position": 1 }, "b": { "type": "string", "position": 1 } });
    let parameters = json!({ "a": "x", "b": "y" });
    let made = script_arguments(
        schemas.as_object().unwrap(),
        &JsonMap::new(),
        parameters.as_object().unwrap(),
        "--",
    );
    assert_eq!(made, ["--a=x", "y"]);
}

#[tokio::test]
async fn a_script_gets_its_arguments() {
    let pack = ScriptPack::new(PRINT_ARGUMENTS, 0o755);
    let schemas = json!({ "what": { "type": "string", "position": 0 }, "name": { "type": "string" } });
    let outcome = pack
        .run(
            schemas,
            json!({ "what": "", "name": "$(id); 'x'", "kwarg_op": "-" }),
        )
        .await;
    assert_eq!(printed(&outcome), ["-name=$(id); 'x'", ""]);
}

#[tokio::test]
async fn scripts_run_however_they_are_stored() {
    let plain = "echo ran \"$0\" \"$1\"\n";
    for (script, mode) in [
        (format!("#!/bin/sh\n{plain}"), 0o755),
        (format!("#!/bin/sh\n{plain}"), 0o644),
        (format!("#! /usr/bin/env  bash \n{plain}"), 0o755),
        (plain.to_owned(), 0o755),
        (plain.to_owned(), 0o600),
    ] {
        let pack = ScriptPack::new(&script, mode);
        let outcome = pack
            .run(json!({ "x": { "position": 0 } }), json!({ "x": "a  b" }))
            .await;
        let path = pack.folder.path().join("actions/run.sh").canonicalize().unwrap();
        assert_eq!(
            stdout(&outcome),
            format!("ran {} a  b", path.display()),
            "{script} {mode:o}"
        );
    }
}

#[test]
fn the_first_line_names_the_interpreter() {
    let folder = tempfile::tempdir().unwrap();
    for (text, expected) in [
        ("#!/bin/sh\necho", Some(vec!["/bin/sh"])),
        (
            "#!/usr/bin/env python3 -u\n",
            Some(vec!["/usr/bin/env", "python3 -u"]),
        ),
        ("#!  /bin/bash  \n", Some(vec!["/bin/bash"])),
        ("#!\n", None),
        ("echo #!/bin/sh", None),
        ("", None),
    ] {
        let script = write(&folder.path().join("script"), text, 0o600);
        let words = script::interpreter(&script);
        assert_eq!(
            words,
            expected.map(|words| words.into_iter().map(OsString::from).collect()),
            "{text:?}"
        );
    }
}

#[tokio::test]
async fn a_script_with_an_unknown_interpreter_says_so() {
    let pack = ScriptPack::new("#!/no/such/interpreter -x\n", 0o755);
    let outcome = pack.run(json!({}), json!({})).await;
    assert_eq!(outcome.status, Status::Failed);
    assert!(
        error(&outcome).contains("asks for /no/such/interpreter"),
        "{}",
        error(&outcome)
    );
}

#[tokio::test]
async fn an_entry_point_stays_in_its_folder() {
    let pack = ScriptPack::new(PRINT_ARGUMENTS, 0o755);
    pack.write("outside.sh", "#!/bin/sh\necho outside\n", 0o755);
    std::os::unix::fs::symlink("../outside.sh", pack.folder.path().join("actions/link.sh")).unwrap();
    std::os::unix::fs::symlink("run.sh", pack.folder.path().join("actions/inner.sh")).unwrap();
    std::fs::create_dir(pack.folder.path().join("actions/folder")).unwrap();
    let absolute = pack.folder.path().join("outside.sh");
    let runner = ShellScriptRunner::new(options());
    for (entry_point, expected) in [
        ("", "Missing entry_point"),
        ("../outside.sh", "leads out of"),
        ("folder/../../outside.sh", "leads out of"),
        ("link.sh", "leads out of"),
        (absolute.to_str().unwrap(), "leads out of"),
        ("folder", "is not a file"),
        ("absent.sh", "Cannot find the script"),
    ] {
        let outcome = runner.run(pack.job(entry_point, json!({}), json!({}))).await;
        assert_eq!(outcome.status, Status::Failed);
        assert!(
            error(&outcome).contains(expected),
            "{entry_point}: {}",
            error(&outcome)
        );
    }
    for entry_point in ["run.sh", "./run.sh", "inner.sh", "folder/../run.sh"] {
        let outcome = runner.run(pack.job(entry_point, json!({}), json!({}))).await;
        assert_eq!(
            outcome.status,
            Status::Succeeded,
            "{entry_point}: {}",
            outcome.result
        );
    }
    let mut unplaced = pack.job("run.sh", json!({}), json!({}));
    Arc::make_mut(&mut unplaced.action).pack_dir = None;
    assert!(error(&runner.run(unplaced).await).contains("no folder on this machine"));
}

#[tokio::test]
async fn an_embedded_script_runs_from_a_private_folder_that_goes_away() {
    let folder = tempfile::tempdir().unwrap();
    let scratch = folder.path().join("executions/1");
    let mut job = job(json!({ "x": "1" }));
    let script = "#!/bin/sh\nstat -c %a . \"$0\" \"$(dirname \"$0\")\"; echo \"$0\" \"$1\"\n";
    let mut embedded = action(json!({}));
    embedded.entry_point = "lib/../run.sh".to_owned();
    embedded.entry_point_text = Some(Arc::from(script));
    job.action = Arc::new(embedded);
    job.scratch = scratch.clone();
    let outcome = ShellScriptRunner::new(options()).run(job).await;
    let lines: Vec<_> = stdout(&outcome).lines().collect();
    assert_eq!(
        lines[1..],
        [
            "700",
            "700",
            &format!("{} --x=1", scratch.join("run.sh").display())
        ]
    );
    assert!(!scratch.exists());
}

#[tokio::test]
async fn a_revision_of_the_pack_is_refused_not_ignored() {
    let pack = ScriptPack::new(PRINT_ARGUMENTS, 0o755);
    let outcome = pack.run(json!({}), json!({ "content_version": "v1" })).await;
    assert!(error(&outcome).contains("content_version"), "{}", error(&outcome));
}

// sudo, played by a script: it notes its flags, takes a password with -S, and runs what follows `--`.

struct Sudo {
    folder: tempfile::TempDir,
}

impl Sudo {
    /// `password`: the one that it asks for; `None`: it asks for none.
    fn new(password: Option<&str>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let notes = folder.path().join("notes");
        let ask = password.map_or_else(String::new, |password| {
            format!(
                "case \" $flags \" in *' -S '*) ;; *) echo 'sudo: a password is required' >&2; exit 1;; esac
                 read -r given
                 if [ \"$given\" != '{password}' ]; then
                   echo '[sudo] password for bo: Sorry, try again.' >&2
                   echo 'sudo: 1 incorrect password attempt' >&2; exit 1
                 fi"
            )
        });
        let script = format!(
            "#!/bin/bash\nflags=\nwhile [ \"$1\" != -- ]; do flags=\"$flags $1\"; shift; done; shift
             echo \"$flags -- $1 $2\" >> {}\n{ask}\nexec \"$@\"\n",
            notes.display()
        );
        write(&folder.path().join("sudo"), &script, 0o755);
        Self { folder }
    }

    fn options(&self, user: Option<&str>) -> ShellOptions {
        ShellOptions {
            sudo: Some(self.folder.path().join("sudo")),
            system_user: user.map(str::to_owned),
            ..options()
        }
    }

    fn notes(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("notes")).unwrap_or_default()
    }
}

#[tokio::test]
async fn sudo_is_used_only_where_needed_and_as_the_reference_does() {
    let bash = find("bash").unwrap().display().to_string();
    let own = own_name().unwrap();
    for (user, parameters, expected) in [
        (None, json!({}), String::new()),
        (Some(own.as_str()), json!({}), String::new()),
        (None, json!({ "sudo": true }), format!(" -E -- {bash} -c\n")),
        (
            Some("stanley"),
            json!({}),
            format!(" -E -H -u stanley -- {bash} -c\n"),
        ),
        (
            Some("stanley"),
            json!({ "sudo": true }),
            format!(" -E -- {bash} -c\n"),
        ),
        (
            None,
            json!({ "sudo": true, "sudo_password": "geheim" }),
            format!(" -S -E -- {bash} -c\n"),
        ),
    ] {
        let sudo = Sudo::new(None);
        let mut parameters = parameters;
        parameters["cmd"] = json!("echo \"hi; $SAYSO_EXECUTION_ID\" | wc -w; cat");
        let outcome = ShellCommandRunner::new(sudo.options(user))
            .run(job(parameters))
            .await;
        assert_eq!(
            outcome.result["stdout"],
            json!(2),
            "nothing of a password on standard input: {}",
            outcome.result
        );
        assert_eq!(sudo.notes(), expected);
    }
}

#[tokio::test]
async fn a_sudo_password_goes_through_standard_input() {
    let sudo = Sudo::new(Some("ge heim $x"));
    let runner = ShellCommandRunner::new(sudo.options(None));
    let run = |password: Option<&str>| {
        runner.run(job(
            json!({ "cmd": "echo in; cat", "sudo": true, "sudo_password": password }),
        ))
    };
    assert_eq!(stdout(&run(Some("ge heim $x")).await), "in");
    assert!(!sudo.notes().contains("heim"), "never among the arguments");
    let outcome = run(Some("wrong")).await;
    assert_eq!(
        (outcome.status, &outcome.result["return_code"]),
        (Status::Failed, &json!(-1))
    );
    assert_eq!(
        error(&outcome),
        "Invalid sudo password provided or sudo is not configured for this user (bo)"
    );
    let outcome = run(None).await;
    assert_eq!(outcome.result["return_code"], json!(1));
}

#[tokio::test]
async fn a_missing_sudo_is_named() {
    let options = ShellOptions {
        sudo: Some("/no/such/sudo".into()),
        ..options()
    };
    let outcome = ShellCommandRunner::new(options)
        .run(job(json!({ "cmd": "true", "sudo": true })))
        .await;
    assert!(
        error(&outcome).contains("Cannot start /no/such/sudo"),
        "{}",
        error(&outcome)
    );
}

#[tokio::test]
async fn what_runs_through_sudo_is_stopped_through_sudo_too() {
    let sudo = Sudo::new(None);
    let mut job = job(json!({ "cmd": "trap '' TERM; sleep 1000 & echo $!; wait; wait", "sudo": true }));
    let cancel = job.cancel.clone();
    let mut follower = Follower::of(&mut job);
    let runner = ShellCommandRunner::new(sudo.options(None));
    let task = tokio::spawn(async move { runner.run(job).await });
    let grandchild = follower.next().await.text.trim().to_owned();
    cancel.cancel();
    assert_eq!(task.await.unwrap().status, Status::Canceled);
    until("the grandchild is gone", || !lives(&grandchild)).await;
    until("sudo was asked to signal as well", || {
        sudo.notes().contains(" -n -E -- ")
    })
    .await;
}

fn hostile() -> impl Strategy<Value = String> {
    let known = proptest::sample::select(vec![
        "'",
        "\"",
        "\\",
        "$HOME",
        "`id`",
        "$(id)",
        "; id",
        "&& id",
        "| id",
        "> /tmp/x",
        "*",
        "?",
        "~",
        "!",
        "#",
        "\n",
        "\r\n",
        "\t",
        " ",
        "--",
        "-n",
        "-e",
        "{a,b}",
        "%s",
        "\u{7f}",
        "\u{1b}[0m",
        "é\u{301}",
        "\u{1F600}",
        "''",
        "\\'",
    ]);
    let part = prop_oneof![3 => known.prop_map(str::to_owned), 1 => "[^\u{0}]{0,6}"];
    proptest::collection::vec(part, 1..5).prop_map(|parts| parts.concat())
}

proptest! {
    #![proptest_config(crate::testing::cases(24))]

    #[test]
    fn no_argument_is_ever_code(
        values in proptest::collection::vec(hostile(), 1..4),
        named in hostile(),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let pack = ScriptPack::new(PRINT_ARGUMENTS, 0o755);
            let sudo = Sudo::new(Some("geheim"));
            let free = Sudo::new(None);
            let mut schemas = json!({});
            let mut parameters = json!({ "named": named });
            for (index, value) in values.iter().enumerate() {
                schemas[format!("p{index}")] = json!({ "type": "string", "position": index });
                parameters[format!("p{index}")] = json!(value);
            }
            // An empty named argument is dropped, a positional one is not.
            let mut expected = if named.is_empty() { vec![] } else { vec![format!("--named={named}")] };
            expected.extend(values.iter().cloned());

            let direct = ShellScriptRunner::new(options());
            let as_root = ShellScriptRunner::new(sudo.options(None));
            let as_other = ShellScriptRunner::new(free.options(Some("stanley")));
            let outcome = direct.run(pack.job("run.sh", schemas.clone(), parameters.clone())).await;
            assert_eq!(printed(&outcome), expected);
            let outcome = as_other.run(pack.job("run.sh", schemas.clone(), parameters.clone())).await;
            assert_eq!(printed(&outcome), expected);
            parameters["sudo"] = json!(true);
            parameters["sudo_password"] = json!("geheim");
            let outcome = as_root.run(pack.job("run.sh", schemas, parameters)).await;
            assert_eq!(printed(&outcome), expected);
        });
    }
}
