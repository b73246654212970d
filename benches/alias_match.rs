//! How long it takes to find the alias of a message among 5,000, and how that compares with trying
//! every format in turn and with a regex set over all formats, measured in the same run.

use std::hint::black_box;
use std::sync::Arc;

use criterion::{Criterion, criterion_group, criterion_main};
use sayso::alias::{Definition, Entry, FormatEntry, MAX_MESSAGE_BYTES, Matcher};
use sayso::expr::pyregex::{Flags, Regex};
use serde_json::Map;

const ALIASES: usize = 5_000;
const VERBS: [&str; 20] = [
    "deploy", "restart", "scale", "drain", "promote", "rollback", "list", "show", "describe", "create",
    "delete", "pause", "resume", "assign", "close", "page", "silence", "rotate", "sync", "backup",
];
const NOUNS: [&str; 25] = [
    "service",
    "cluster",
    "node",
    "database",
    "queue",
    "ticket",
    "incident",
    "release",
    "build",
    "pipeline",
    "host",
    "user",
    "group",
    "key",
    "certificate",
    "volume",
    "snapshot",
    "job",
    "alert",
    "dashboard",
    "policy",
    "network",
    "firewall",
    "bucket",
    "topic",
];
const TEAMS: [&str; 10] = [
    "payments", "search", "mobile", "ops", "data", "infra", "edge", "growth", "billing", "identity",
];

/// Formats as packs have them: every verb, noun and team once.
fn formats() -> Vec<String> {
    (0..ALIASES)
        .map(|number| {
            let verb = VERBS[number % 20];
            let noun = NOUNS[number / 20 % 25];
            let team = TEAMS[number / 500];
            match number % 5 {
                0 => format!("{team} {verb} {noun} {{{{name}}}} to {{{{place=staging}}}}"),
                1 => format!("{team} {verb} {noun} {{{{name}}}}"),
                2 => format!("({verb}|please {verb}) {team} {noun} {{{{name}}}} with {{{{option}}}}"),
                3 => format!("{verb} {noun} (?P<id>[A-Z]+-\\d+) for {team}"),
                _ => format!("{verb} {noun} of {team} {{{{name=all}}}}[!.]?"),
            }
        })
        .collect()
}

fn entries(formats: &[String]) -> Vec<Entry> {
    let entry = |(number, format): (usize, &String)| Entry {
        definition: Arc::new(Definition {
            name: format!("alias{number}"),
            pack: "bench".into(),
            description: None,
            enabled: true,
            action_ref: "bench.run".into(),
            formats: vec![FormatEntry::Text(format.clone())],
            ack: None,
            result: None,
            extra: Map::new(),
            immutable_parameters: Map::new(),
            metadata_file: String::new(),
            approval: None,
        }),
        declared: Some(vec!["name".into(), "place".into(), "option".into()]),
    };
    formats.iter().enumerate().map(entry).collect()
}

fn messages() -> Vec<(&'static str, String)> {
    vec![
        ("hit", "payments deploy service web-frontend to production".into()),
        (
            "hit, other case",
            "Payments Deploy  Service web-frontend to production".into(),
        ),
        (
            "hit with pairs",
            "search restart service api-7 place=prod option=\"a b\"".into(),
        ),
        (
            "near miss",
            "payments delpoy service web-frontend to production".into(),
        ),
        ("miss", "good morning everybody, who is on call today?".into()),
        (
            "hostile words",
            VERBS
                .iter()
                .chain(&NOUNS)
                .chain(&TEAMS)
                .copied()
                .collect::<Vec<_>>()
                .join(" ")
                .repeat(20),
        ),
        (
            "hostile letters",
            format!("payments deploy service {}", "a ' \" { } = ".repeat(1000)),
        ),
        (
            "hostile length",
            "deploy service a=b ".repeat(MAX_MESSAGE_BYTES / 19),
        ),
    ]
}

fn benches(criterion: &mut Criterion) {
    let formats = formats();
    let (matcher, problems) = Matcher::new(entries(&formats));
    assert!(problems.is_empty() && matcher.len() == ALIASES);

    let mut group = criterion.benchmark_group("5000 aliases");
    group.sample_size(10);
    group.bench_function("build", |bencher| {
        bencher.iter(|| Matcher::new(entries(&formats)))
    });
    for (name, message) in messages() {
        group.bench_function(format!("find: {name}"), |bencher| {
            bencher.iter(|| matcher.find(black_box(&message)))
        });
    }
    for (name, message) in messages().into_iter().take(5) {
        group.bench_function(format!("strict: {name}"), |bencher| {
            bencher.iter(|| matcher.find_strict(black_box(&message)));
        });
    }

    // Baselines. The formats' own patterns look around, which a regex set cannot; plain ones stand in.
    let hit = &messages()[0].1;
    let plain: Vec<String> = formats
        .iter()
        .map(|format| {
            let text = format.replace("{{name}}", "(.+?)").replace("{{option}}", "(.+?)");
            let text = text
                .replace(" {{place=staging}}", "(?: (.+?))?")
                .replace(" {{name=all}}", "(?: (.+?))?");
            format!("^\\s*{text}\\s*$")
        })
        .collect();
    let one_by_one: Vec<Regex> = plain
        .iter()
        .filter_map(|format| Regex::new(format, Flags::DOT_ALL).ok())
        .collect();
    group.bench_function("baseline: every pattern in turn", |bencher| {
        bencher.iter(|| {
            one_by_one
                .iter()
                .filter(|regex| regex.search(black_box(hit)).is_ok_and(|f| f.is_some()))
                .count()
        });
    });
    let set = regex::RegexSetBuilder::new(&plain)
        .size_limit(1 << 30)
        .dfa_size_limit(1 << 28)
        .build();
    if let Ok(set) = set {
        group.bench_function("baseline: regex set", |bencher| {
            bencher.iter(|| set.matches(black_box(hit)).into_iter().count())
        });
    }
    group.finish();
}

criterion_group!(alias_match, benches);
criterion_main!(alias_match);
