//! Calls that were recorded from the reference are made here; answers must have its statuses, fields, order
//! and types. Ids, times, names of hosts and the content of packs may differ.

use std::collections::HashMap;

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::support::{Server, TOKEN};
use crate::engine::Event;
use crate::model::Status;

const ROWS: &str = include_str!("../../../tests/data/api/rows.jsonl");

#[derive(Deserialize)]
struct Row {
    name: String,
    request: Request,
    status: u16,
    headers: HashMap<String, String>,
    example: Value,
    raw_text: Option<String>,
}

#[derive(Deserialize)]
struct Request {
    method: String,
    url: String,
    body: Value,
    params: Option<Map<String, Value>>,
}

/// Sentences that say more, or something truer, than the reference's.
const OTHER_WORDS: [&str; 9] = [
    // A value may be secret: it is not repeated.
    "keys_put_400_nonstring",
    // Where serde_json stumbles it says so in its own words.
    "executions_post_400_bad_json",
    // With the nearest known thing.
    "executions_post_404_action",
    "aliases_match_none",
    "aliasexecution_match_and_execute_nomatch",
    // With the candidates.
    "aliasexecution_match_and_execute_ambiguous",
    // Without the reference's inner class names.
    "aliasexecution_post_404",
    // Our hash is of another key.
    "err_401_bad_apikey",
    // Its work item and its execution have different ids.
    "executions_put_pause_400",
];

/// Rows whose difference is meant: the reference accepts or refuses what we do not.
const OTHERWISE: [&str; 3] = [
    // The recorded call was made when two aliases had the same format.
    "aliasexecution_match_and_execute_ambiguous",
    // Unknown trigger instances and rules.
    "executions_list_by_rule_ref",
    // Requires that a runner exists that this build may not have.
    "executions_post_201_orquesta",
];

/// Objects whose content belongs to packs and runners: only their kind is compared.
const CONTENT: [&str; 9] = [
    "formats",
    "parameters",
    "runner_parameters",
    "output_schema",
    "attributes",
    "trace_context",
    "notify",
    "ack",
    "extra",
];

/// Fields that an item may have or not, in lists whose items are others than the reference's.
const OPTIONAL: [&str; 2] = ["description", "output_key"];

/// Sentences about parameters: ours have the reference's in them, and say which parameter and what to do.
const SAYS_MORE: [&str; 4] = [
    "executions_post_400_jinja",
    "executions_post_400_missing_param",
    "executions_post_400_bad_type",
    "executions_post_400_immutable",
];

#[tokio::test]
async fn answers_have_the_recorded_shapes() {
    let server = Server::new().await;
    let mut ids: HashMap<String, String> = HashMap::new();
    let mut complaints = Vec::new();
    let mut rows = 0;
    for line in ROWS.lines() {
        let row: Row = serde_json::from_str(line).unwrap();
        let name = row.name.as_str();
        if OTHERWISE.contains(&name) {
            continue;
        }
        rows += 1;
        if name == "executions_get_inquiry_pending" {
            ids.insert("6b02e79abbd1dc4bab20f3f2".to_owned(), asked(&server).await);
        }
        if let Err(complaint) = replay(&server, &row, &mut ids).await {
            complaints.push(format!("{}: {complaint}", row.name));
        }
    }
    assert!(
        complaints.is_empty(),
        "{} of {rows} rows differ:\n{}",
        complaints.len(),
        complaints.join("\n")
    );
    assert!(rows > 80, "{rows} rows");
}

/// The inquiry that the recorded calls are about, asked before the first of them.
async fn asked(server: &Server) -> String {
    let schema = json!({"type": "object", "properties": {"ok": {"type": "boolean", "required": true}}});
    let body = json!({"action": "core.ask", "parameters": {"schema": schema, "route": "dev"}});
    let mut events = server.state.engine().subscribe();
    let accepted = server
        .client
        .post("/api/v1/executions", Some(&body))
        .await
        .unwrap();
    let id = accepted["id"].as_str().unwrap().to_owned();
    loop {
        if let Event::Execution { execution, .. } = events.recv().await.unwrap()
            && execution.status == Status::Pending
        {
            return id;
        }
    }
}

async fn replay(server: &Server, row: &Row, ids: &mut HashMap<String, String>) -> Result<(), String> {
    let mut url = row.request.url.trim_start_matches(":9101").to_owned();
    for (theirs, ours) in ids.iter() {
        url = url.replace(theirs, ours);
    }
    if let Some(params) = &row.request.params {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        for (key, value) in params {
            query.append_pair(
                key,
                &value.as_str().map_or_else(|| value.to_string(), str::to_owned),
            );
        }
        url = format!("{url}?{}", query.finish());
    }
    let body = match &row.request.body {
        Value::Null => Vec::new(),
        Value::String(text) => text.clone().into_bytes(),
        body => serde_json::to_vec(body).unwrap(),
    };
    let client = if row.name.starts_with("err_401") || row.name.ends_with("noauth") {
        server.stranger()
    } else {
        server.client.clone()
    };
    let headers: Vec<(&'static str, &str)> = match row.name.as_str() {
        "err_401_bad_token" => vec![("x-auth-token", "nonsense")],
        "err_401_bad_apikey" => vec![("st2-api-key", "nonsense")],
        "executions_post_wrong_ct" => vec![("content-type", "text/xml")],
        // The recorded token was of a user's own; X-Auth-Token is how it was sent.
        "user" => vec![("x-auth-token", TOKEN)],
        _ if row.request.method == "POST" => vec![("content-type", "application/json")],
        _ => Vec::new(),
    };
    let (status, answered, value) = server
        .send(&client, &row.request.method, &url, &headers, body)
        .await;
    if status.as_u16() != row.status {
        return Err(format!("status {status} instead of {}: {value}", row.status));
    }
    for (name, expected) in &row.headers {
        let ours = answered
            .get(name.to_lowercase())
            .and_then(|value| value.to_str().ok());
        let same = match name.as_str() {
            "X-Total-Count" => ours.is_some(),
            "Content-Type" if expected.starts_with("application/x-yaml") => true,
            _ => ours == Some(expected),
        };
        if !same {
            return Err(format!("header {name}: {ours:?} instead of {expected}"));
        }
    }
    if row.raw_text.is_some() || row.name == "executions_get_result_compressed" {
        return Ok(());
    }
    compare("", &row.example, &value, row, ids)?;
    // What is asked about later must have ended, as it had when the calls were recorded.
    if row.request.method == "POST" && row.status == 201 {
        for id in ids_in(&value) {
            server
                .state
                .engine()
                .wait(id)
                .await
                .map_err(|error| error.to_string())?;
        }
    }
    Ok(())
}

fn ids_in(value: &Value) -> Vec<crate::model::Id> {
    let direct = value["id"].as_str();
    let results = value["results"].as_array().into_iter().flatten();
    let nested = results
        .chain([value])
        .filter_map(|result| result["execution"]["id"].as_str());
    direct
        .into_iter()
        .chain(nested)
        .filter_map(|id| id.parse().ok())
        .collect()
}

fn compare(
    path: &str,
    theirs: &Value,
    ours: &Value,
    row: &Row,
    ids: &mut HashMap<String, String>,
) -> Result<(), String> {
    match (theirs, ours) {
        (Value::Object(theirs), Value::Object(ours)) => {
            let keys = |map: &Map<String, Value>| map.keys().cloned().collect::<Vec<_>>().join(", ");
            let required = |key: &&String| !OPTIONAL.contains(&key.as_str());
            if theirs.keys().filter(required).ne(ours.keys().filter(required)) {
                return Err(format!(
                    "{path}: fields {} instead of {}",
                    keys(ours),
                    keys(theirs)
                ));
            }
            for (key, value) in theirs.iter().filter(|(key, _)| ours.contains_key(*key)) {
                let inner = format!("{path}/{key}");
                let at_execution = path
                    .rsplit('/')
                    .next()
                    .is_some_and(|last| last != "action" && last != "runner");
                let of_alias = row.name.starts_with("aliases") && key == "result";
                let content = (of_alias || CONTENT.contains(&key.as_str()))
                    && !(key == "parameters" && at_execution && row.name.starts_with("executions"));
                if content {
                    if value.is_object() != ours[key].is_object() {
                        return Err(format!("{inner}: {} instead of {value}", ours[key]));
                    }
                } else {
                    compare(&inner, value, &ours[key], row, ids)?;
                }
            }
            Ok(())
        }
        (Value::Array(theirs), Value::Array(ours)) => {
            if path.ends_with("/log") {
                let statuses = |log: &[Value]| {
                    log.iter()
                        .map(|entry| entry["status"].clone())
                        .collect::<Vec<_>>()
                };
                if statuses(theirs) != statuses(ours) {
                    return Err(format!("{path}: {ours:?} instead of {theirs:?}"));
                }
            }
            match (theirs.first(), ours.first()) {
                (Some(theirs), Some(ours)) => compare(&format!("{path}/0"), theirs, ours, row, ids),
                (Some(_), None)
                    if ![
                        "tags",
                        "keywords",
                        "contributors",
                        "python_versions",
                        "dependencies",
                    ]
                    .iter()
                    .any(|key| path.ends_with(key)) =>
                {
                    Err(format!("{path}: empty"))
                }
                _ => Ok(()),
            }
        }
        (Value::String(theirs), Value::String(ours)) => {
            let is_id = |text: &str| text.len() == 24 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
            if is_id(theirs) {
                if !is_id(ours) {
                    return Err(format!("{path}: `{ours}` is no id"));
                }
                // A work item has no id of its own here.
                if !path.contains("liveaction") {
                    ids.insert(theirs.clone(), ours.clone());
                }
            }
            let exact = match path.rsplit('/').next().unwrap_or_default() {
                "faultstring" => !OTHER_WORDS.contains(&row.name.as_str()),
                "status" | "user" | "stdout" | "stderr" | "action" | "cmd" | "api_user" | "location"
                | "method" | "message" => true,
                _ => false,
            };
            let mut theirs = theirs.clone();
            for (from, to) in ids.iter() {
                theirs = theirs.replace(from, to);
            }
            if SAYS_MORE.contains(&row.name.as_str()) && ours.contains(theirs.trim_end_matches('.')) {
                return Ok(());
            }
            if exact && theirs != *ours {
                return Err(format!("{path}: `{ours}` instead of `{theirs}`"));
            }
            Ok(())
        }
        (theirs, ours) if std::mem::discriminant(theirs) == std::mem::discriminant(ours) => Ok(()),
        _ => Err(format!("{path}: {ours} instead of {theirs}")),
    }
}
