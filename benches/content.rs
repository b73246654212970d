//! How long loading packs takes, as a ratio to reading and parsing the same files.
//!
//! `cargo bench --bench content`: 100 packs of 10 actions with scripts, 10 aliases and 2 workflows, made in a
//! temporary folder. Inspecting the workflows is part of loading.

#![allow(clippy::unwrap_used, clippy::print_stdout)]

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use sayso::alias::{Entry, Matcher};
use sayso::content::{Checks, Content, Options};
use sayso::yaml;

const PACKS: usize = 100;
const ACTIONS: usize = 10;
const WORKFLOWS: usize = 2;
const TASKS: usize = 8;
const ROUNDS: usize = 15;

fn main() {
    let dir = tempfile::tempdir().unwrap();
    let files = make(dir.path());
    let bytes: u64 = files.iter().map(|file| fs::metadata(file).unwrap().len()).sum();
    println!(
        "{PACKS} packs of {ACTIONS} actions: {} metadata files, {} kB",
        files.len(),
        bytes / 1024
    );

    let baseline = best(|| {
        for file in &files {
            let text = fs::read_to_string(file).unwrap();
            yaml::parse(&text).unwrap();
        }
    });
    let runners = [
        (
            "local-shell-script".to_owned(),
            vec!["timeout".to_owned(), "cwd".to_owned()],
        ),
        ("orquesta".to_owned(), vec!["notify".to_owned()]),
    ];
    let checks = Checks::new(runners.into(), |_| Vec::new());
    let options = Options {
        builtin: false,
        packs_dirs: vec![dir.path().to_owned()],
        ..Options::default()
    };
    let load = best(|| {
        let content = Content::load(options.clone(), checks.clone());
        assert_eq!(content.snapshot().actions.len(), PACKS * (ACTIONS + WORKFLOWS));
    });
    let before = resident_kib();
    let content = Content::load(options, checks);
    let after = resident_kib();
    assert!(
        content.snapshot().problems.is_empty(),
        "{:?}",
        content.snapshot().problems.first()
    );
    let reload = best(|| {
        assert!(content.reload().is_empty());
    });
    let snapshot = content.snapshot();
    let matcher = best(|| {
        let entries = snapshot.aliases.values().map(|definition| Entry {
            definition: Arc::clone(definition),
            declared: None,
        });
        assert_eq!(Matcher::new(entries).0.len(), PACKS * ACTIONS);
    });
    println!("read and parse (one thread)  {:>8.1} ms", millis(baseline));
    println!(
        "load                         {:>8.1} ms  {:.2} of the baseline",
        millis(load),
        ratio(load, baseline)
    );
    println!(
        "reload without a change      {:>8.1} ms  {:.2} of the baseline",
        millis(reload),
        ratio(reload, baseline)
    );
    println!("matcher of all aliases alone {:>8.1} ms", millis(matcher));
    println!(
        "memory of one more snapshot  {:>8} kB",
        after.saturating_sub(before)
    );
}

fn make(dir: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut write = |path: PathBuf, text: String| {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        if path.extension().is_some_and(|extension| extension == "yaml") {
            files.push(path);
        }
    };
    for pack in 0..PACKS {
        let folder = dir.join(format!("pack{pack:03}"));
        let manifest = format!(
            "name: pack{pack:03}\ndescription: Pack number {pack}.\nversion: 1.0.{pack}\nauthor: ana\nkeywords: [a, b]\n"
        );
        write(folder.join("pack.yaml"), manifest);
        for action in 0..ACTIONS {
            let text = format!(
                "---\nname: action{action}\nrunner_type: local-shell-script\nentry_point: run{action}.sh\n\
                 description: Does what action {action} of pack {pack} does, and says so in one sentence.\n\
                 enabled: true\nparameters:\n  host:\n    type: string\n    description: Where to do it.\n    \
                 required: true\n    position: 0\n  count:\n    type: integer\n    description: How often.\n    \
                 default: 1\n    minimum: 1\n  mode:\n    type: string\n    description: How.\n    \
                 enum: [fast, safe]\n    default: safe\n  password:\n    type: string\n    secret: true\n    \
                 description: Only when asked for.\ntags:\n  - name: team\n    value: t{pack}\n"
            );
            write(folder.join(format!("actions/action{action}.yaml")), text);
            let script = format!("#!/bin/sh\necho \"$1 {action}\"\n");
            write(folder.join(format!("actions/run{action}.sh")), script);
            let alias = format!(
                "name: alias{action}\naction_ref: pack{pack:03}.action{action}\n\
                 description: Say it.\nformats:\n  - \"p{pack} do{action} on {{{{host}}}} {{{{count=1}}}}\"\n"
            );
            write(folder.join(format!("aliases/alias{action}.yaml")), alias);
        }
        for workflow in 0..WORKFLOWS {
            let text = format!(
                "name: flow{workflow}\nrunner_type: orquesta\nentry_point: workflows/flow{workflow}.yaml\n\
                 description: Does one thing after the other.\nparameters:\n  host:\n    type: string\n    \
                 required: true\n"
            );
            write(folder.join(format!("actions/flow{workflow}.yaml")), text);
            let tasks: String = (0..TASKS)
                .map(|task| {
                    let next = if task + 1 < TASKS {
                        format!("\n        do: task{}", task + 1)
                    } else {
                        String::new()
                    };
                    format!(
                        "  task{task}:\n    action: pack{:03}.action{task}\n    input:\n      \
                         host: <% ctx(host) %>\n      count: <% ctx().count + 1 %>\n    next:\n      \
                         - when: <% succeeded() %>\n        publish:\n          - count: <% result().n %>{next}\n",
                        (pack + 1) % PACKS
                    )
                })
                .collect();
            let text = format!(
                "version: 1.0\ninput:\n  - host\nvars:\n  - count: 0\ntasks:\n{tasks}output:\n  - count: <% ctx(count) %>\n"
            );
            write(
                folder.join(format!("actions/workflows/flow{workflow}.yaml")),
                text,
            );
        }
    }
    files
}

fn best(mut work: impl FnMut()) -> Duration {
    (0..ROUNDS)
        .map(|_| {
            let start = Instant::now();
            work();
            start.elapsed()
        })
        .min()
        .unwrap()
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

fn ratio(time: Duration, baseline: Duration) -> f64 {
    time.as_secs_f64() / baseline.as_secs_f64()
}

/// Memory in use, from /proc; 0 where there is none.
fn resident_kib() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok())
        .unwrap_or(0)
}
