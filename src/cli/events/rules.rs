//! `sayso rule …` and `sayso rule-enforcement …`.

use serde_json::{Value, json};

use super::{delete, list, one, period, print, read_value, unknown};
use crate::cli::args::{EnforcementCommand, RuleCommand, Show, TestArgs};
use crate::cli::connect::Connection;
use crate::cli::execution::rows;
use crate::cli::output::Format;
use crate::cli::table::{cell, visible};
use crate::cli::{CliError, CliResult, Context, error, query, segment};

const PATH: &str = "/api/v1/rules";
const UNKNOWN: (&str, &str) = ("rule", "`sayso rule list` lists all rules");
const SHOWN: [&str; 11] = [
    "id",
    "uid",
    "ref",
    "pack",
    "name",
    "description",
    "enabled",
    "action",
    "criteria",
    "tags",
    "trigger",
];

pub(super) async fn rule(
    context: &mut Context<'_>,
    connection: &Connection,
    command: &RuleCommand,
) -> CliResult {
    match command {
        RuleCommand::List {
            pack,
            action,
            trigger,
            enabled,
            disabled,
            iftt,
            show,
        } => {
            let mut parts = vec![("limit", "-1".to_owned())];
            for (name, value) in [("pack", pack), ("action", action), ("trigger", trigger)] {
                parts.extend(value.as_ref().map(|value| (name, value.clone())));
            }
            if *enabled || *disabled {
                parts.push(("enabled", enabled.to_string()));
            }
            let found = rows(
                connection
                    .client
                    .get(&format!("{PATH}?{}", query(&parts)))
                    .await?,
            )?;
            let own: &[&str] = if *iftt {
                &[
                    "ref",
                    "trigger.type",
                    "trigger.parameters",
                    "action.ref",
                    "enabled",
                ]
            } else {
                &["ref", "pack", "description", "enabled"]
            };
            super::shown(context, &found, (own, show), "no rules")
        }
        RuleCommand::Get(named) => {
            let found = one(connection, PATH, &named.reference, UNKNOWN).await?;
            print(context, &found, &SHOWN, &named.show)
        }
        RuleCommand::Create { file } => {
            let rule = read_value(file)?;
            let made = connection.client.post(PATH, Some(&rule)).await?;
            if made["enabled"] == json!(false) && context.format == Format::Table {
                context.out.note(&format!(
                    "the rule is off: `sayso rule enable {}` switches it on",
                    cell(&made["ref"])
                ));
            }
            print(context, &made, &SHOWN, &Show::default())
        }
        RuleCommand::Update { reference, file } => {
            let rule = read_value(file)?;
            let path = format!("{PATH}/{}", segment(reference));
            let made = connection.client.put(&path, Some(&rule)).await;
            let made = made.map_err(|error| unknown(error, reference, UNKNOWN))?;
            print(context, &made, &SHOWN, &Show::default())
        }
        RuleCommand::Enable { references } => switch(context, connection, references, true).await,
        RuleCommand::Disable { references } => switch(context, connection, references, false).await,
        RuleCommand::Delete { references } => delete(context, connection, PATH, references, UNKNOWN).await,
        RuleCommand::Test(args) => test(context, connection, args).await,
    }
}

/// Switches rules on or off, one by one.
async fn switch(
    context: &mut Context<'_>,
    connection: &Connection,
    references: &[String],
    enabled: bool,
) -> CliResult {
    let mut status = 0;
    let mut switched = Vec::new();
    for reference in references {
        let path = format!("{PATH}/{}", segment(reference));
        let done = async {
            let mut rule = connection.client.get(&path).await?;
            rule["enabled"] = enabled.into();
            connection.client.put(&path, Some(&rule)).await
        };
        match done.await {
            Ok(rule) => {
                if context.format == Format::Table {
                    let word = if enabled { "on" } else { "off" };
                    context.out.note(&format!("{} is {word}", cell(&rule["ref"])));
                }
                switched.push(rule);
            }
            Err(error) => {
                context.out.error(&unknown(error, reference, UNKNOWN));
                status = error::REFUSED;
            }
        }
    }
    if context.format != Format::Table {
        // One rule is answered as the reference's client answers it.
        let value = match switched.len() {
            1 if references.len() == 1 => switched.remove(0),
            _ => Value::Array(switched),
        };
        context.out.value(&value, context.format)?;
    }
    Ok(status)
}

/// Exit status: 0 when the rule matches and its action could run, else 1.
async fn test(context: &mut Context<'_>, connection: &Connection, args: &TestArgs) -> CliResult {
    let rule = match (&args.rule, &args.rule_file, &args.rule_ref) {
        (Some(rule), ..) => {
            let path = std::path::Path::new(rule);
            if path.is_file() {
                read_value(path)?
            } else {
                rule.clone().into()
            }
        }
        (None, Some(file), _) => read_value(file)?,
        (None, None, Some(reference)) => reference.clone().into(),
        (None, None, None) => return Err(CliError::new("there is no rule to test")),
    };
    let mut body = json!({ "rule": rule });
    match (&args.payload, &args.trigger_instance, &args.trigger_instance_id) {
        (_, _, Some(id)) => body["trigger_instance"] = id.clone().into(),
        (_, Some(file), _) => {
            let instance = read_value(file)?;
            let payload = instance.get("payload").cloned();
            body["payload"] = payload.ok_or_else(|| {
                CliError::new(format!("{} has no `payload`", file.display()))
                    .hint("write `trigger: …` and `payload: {…}`")
            })?;
        }
        (Some(text), ..) => {
            body["payload"] = match text.strip_prefix('@') {
                Some(file) => read_value(std::path::Path::new(file))?,
                None => serde_json::from_str(text).map_err(|error| {
                    CliError::new(format!("the payload is no JSON: {error}"))
                        .hint("write it as '{\"body\": {}}', or name a file as @event.json")
                })?,
            };
        }
        (None, None, None) => return Err(CliError::new("there is no event to test the rule with")),
    }
    let told = connection.client.post("/api/v1/rules/test", Some(&body)).await;
    let told = told.map_err(|error| match (&body["rule"], &args.trigger_instance_id) {
        (Value::String(reference), None) => unknown(error, reference, UNKNOWN),
        (_, Some(id)) if error.to_string().contains("could not be found") => {
            CliError::new(format!("there is no event {id}"))
                .hint("`sayso trigger-instance list` lists the newest")
        }
        _ => error.into(),
    })?;
    if context.format == Format::Table {
        for line in explanation(&told) {
            context.out.line(&visible(&line))?;
        }
        if let Some(action) = told.get("action") {
            context.out.value(&action["parameters"], Format::Yaml)?;
        }
    } else {
        context.out.value(&told, context.format)?;
    }
    let runs = told["matched"] == json!(true) && told.get("failure").is_none();
    Ok(u8::from(!runs))
}

/// Why a rule matches or not, for people.
fn explanation(told: &Value) -> Vec<String> {
    let matched = told["matched"] == json!(true);
    let verb = if matched { "matches" } else { "does not match" };
    let mut lines = vec![format!("{} {verb}", cell(&told["rule"]))];
    lines.extend(told["reason"].as_str().map(|reason| format!("  {reason}")));
    for criterion in told["criteria"].as_array().into_iter().flatten() {
        let mark = if criterion["matched"] == json!(true) {
            "yes"
        } else {
            "no "
        };
        let operator = cell(&criterion["type"]);
        let pattern = match &criterion["pattern"] {
            Value::Null => String::new(),
            pattern => format!(" {pattern}"),
        };
        let mut line = format!("  {mark} {} {operator}{pattern}", cell(&criterion["key"]));
        if criterion["found"] == json!(true) {
            line.push_str(&format!("   it is {}", short(&criterion["value"])));
        }
        lines.push(line);
        let reason = criterion["reason"].as_str().filter(|reason| !reason.is_empty());
        lines.extend(reason.map(|reason| format!("      {reason}")));
    }
    if let Some(failure) = told["failure"].as_str() {
        lines.push(format!("but its action cannot run: {failure}"));
    }
    if let Some(action) = told.get("action") {
        let with = match action["parameters"].as_object() {
            Some(parameters) if !parameters.is_empty() => "with",
            _ => "without parameters",
        };
        lines.push(format!("then {} runs {with}", cell(&action["ref"])));
    }
    lines
}

/// The beginning of a value.
fn short(value: &Value) -> String {
    const LONGEST: usize = 120;
    let text = value.to_string();
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

pub(super) async fn enforcement(
    context: &mut Context<'_>,
    connection: &Connection,
    command: &EnforcementCommand,
) -> CliResult {
    match command {
        EnforcementCommand::List {
            rule,
            trigger_instance,
            execution,
            period: which,
        } => {
            let more = [
                ("rule_ref", rule),
                ("trigger_instance", trigger_instance),
                ("execution", execution),
            ];
            let parts = period(which, ("enforced_at_gt", "enforced_at_lt"), &more);
            let own = [
                "id",
                "rule.ref",
                "trigger_instance_id",
                "execution_id",
                "status",
                "enforced_at",
                "failure_reason",
            ];
            let path = ("/api/v1/ruleenforcements", parts.as_slice());
            let none = "no rule has acted yet";
            list(context, connection, path, (&own, &which.show), none).await
        }
        EnforcementCommand::Get(named) => {
            let what = ("enforcement", "`sayso rule-enforcement list` lists the newest");
            let path = "/api/v1/ruleenforcements/views";
            let found = one(connection, path, &named.reference, what).await?;
            let own = [
                "id",
                "rule",
                "status",
                "failure_reason",
                "enforced_at",
                "trigger_instance",
                "execution",
            ];
            print(context, &found, &own, &named.show)
        }
    }
}
