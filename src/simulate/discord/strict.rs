//! What Discord refuses in a request's body, with the same limits written down a second time on purpose.

use serde_json::{Value, json};

fn length(value: &Value) -> usize {
    value.as_str().map_or(0, |text| text.encode_utf16().count())
}

/// `Invalid Form Body` with the fields that are wrong.
pub(super) fn form_body(problems: &[String]) -> Value {
    let errors: serde_json::Map<String, Value> = problems
        .iter()
        .map(|problem| {
            (
                problem.clone(),
                json!({"_errors": [{"code": "INVALID", "message": problem}]}),
            )
        })
        .collect();
    json!({"code": 50035, "message": "Invalid Form Body", "errors": errors})
}

/// Problems of a message's body.
pub(super) fn message(body: &Value, edit: bool) -> Result<(), (u16, Value)> {
    let mut wrong = Vec::new();
    let known = [
        "content",
        "embeds",
        "components",
        "allowed_mentions",
        "attachments",
        "nonce",
        "enforce_nonce",
        "flags",
        "message_reference",
        "tts",
    ];
    let Some(fields) = body.as_object() else {
        return Err((400, form_body(&["the body is no object".to_owned()])));
    };
    wrong.extend(
        fields
            .keys()
            .filter(|name| !known.contains(&name.as_str()))
            .map(|name| format!("unknown field {name}")),
    );
    if length(&body["content"]) > 2000 {
        wrong.push("content: must be 2000 or fewer in length".to_owned());
    }
    if body["allowed_mentions"]["parse"]
        .as_array()
        .is_none_or(|parse| !parse.is_empty())
    {
        wrong.push("allowed_mentions: this would ring".to_owned());
    }
    if length(&body["nonce"]) > 25 {
        wrong.push("nonce: must be 25 or fewer in length".to_owned());
    }
    let list = |name: &str| body[name].as_array().cloned().unwrap_or_default();
    let embeds = list("embeds");
    if embeds.len() > 10 {
        wrong.push("embeds: 10 at most".to_owned());
    }
    wrong.extend(self::embeds(&embeds));
    wrong.extend(components(&list("components")));
    if !wrong.is_empty() {
        return Err((400, form_body(&wrong)));
    }
    let empty = length(&body["content"]) == 0 && embeds.is_empty() && list("attachments").is_empty();
    if empty && !edit {
        return Err((
            400,
            json!({"code": 50006, "message": "Cannot send an empty message"}),
        ));
    }
    Ok(())
}

/// Problems of embeds (Resources / Message / Embed Limits).
fn embeds(embeds: &[Value]) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut total = 0;
    for embed in embeds {
        let mut part = |name: &str, value: &Value, most: usize| {
            let size = length(value);
            total += size;
            if size > most {
                wrong.push(format!("embed.{name}: must be {most} or fewer in length"));
            }
        };
        part("title", &embed["title"], 256);
        part("description", &embed["description"], 4096);
        part("footer.text", &embed["footer"]["text"], 2048);
        part("author.name", &embed["author"]["name"], 256);
        let fields = embed["fields"].as_array().map_or(&[][..], Vec::as_slice);
        for field in fields {
            part("field.name", &field["name"], 256);
            part("field.value", &field["value"], 1024);
        }
        if fields.len() > 25 {
            wrong.push("embed.fields: 25 at most".to_owned());
        }
        let blank = |field: &Value| length(&field["name"]) == 0 || length(&field["value"]) == 0;
        if fields.iter().any(blank) {
            wrong.push("embed.fields: name and value are required".to_owned());
        }
        if length(&embed["title"]) == 0 && length(&embed["description"]) == 0 && fields.is_empty() {
            wrong.push("embed: empty".to_owned());
        }
        if embed["color"].as_u64().is_some_and(|colour| colour > 0xff_ffff) {
            wrong.push("embed.color: 0 to 16777215".to_owned());
        }
    }
    if total > 6000 {
        wrong.push("embeds: 6000 characters at most".to_owned());
    }
    wrong
}

/// Problems of the rows of a message (Components / Component Reference).
fn components(rows: &[Value]) -> Vec<String> {
    let mut wrong = Vec::new();
    if rows.len() > 5 {
        wrong.push("components: 5 rows at most".to_owned());
    }
    let mut ids: Vec<String> = Vec::new();
    for row in rows {
        let inside = row["components"].as_array().cloned().unwrap_or_default();
        if row["type"] != 1 || inside.is_empty() || inside.len() > 5 {
            wrong.push("components: a row has 1 to 5 components".to_owned());
        }
        for component in &inside {
            let kind = component["type"].as_u64().unwrap_or(0);
            let style = component["style"].as_u64().unwrap_or(0);
            let links = kind == 2 && style == 5;
            let custom = &component["custom_id"];
            if links {
                if !component["url"].is_string() || custom.is_string() || length(&component["url"]) > 512 {
                    wrong.push("a link button has a url and no custom_id".to_owned());
                }
            } else {
                let id = custom.as_str().unwrap_or_default().to_owned();
                if !(1..=100).contains(&length(custom)) {
                    wrong.push("custom_id: 1 to 100 in length".to_owned());
                }
                if ids.contains(&id) {
                    wrong.push("custom_id: not unique".to_owned());
                }
                ids.push(id);
            }
            match kind {
                2 => {
                    let size = length(&component["label"]);
                    if size > 80 || (size == 0 && component["emoji"].is_null()) {
                        wrong.push("label: 1 to 80 in length".to_owned());
                    }
                    if !(1..=5).contains(&style) {
                        wrong.push("style: 1 to 5".to_owned());
                    }
                }
                3 => {
                    if inside.len() != 1 {
                        wrong.push("a select stands alone in its row".to_owned());
                    }
                    if length(&component["placeholder"]) > 150 {
                        wrong.push("placeholder: must be 150 or fewer in length".to_owned());
                    }
                    let options = component["options"].as_array().cloned().unwrap_or_default();
                    let fits = |option: &Value| {
                        (1..=100).contains(&length(&option["label"]))
                            && (1..=100).contains(&length(&option["value"]))
                            && length(&option["description"]) <= 100
                    };
                    if !(1..=25).contains(&options.len()) || !options.iter().all(fits) {
                        wrong.push("options: 1 to 25, each 1 to 100 in length".to_owned());
                    }
                }
                _ => wrong.push(format!("type: {kind} cannot be in a row of a message")),
            }
        }
    }
    wrong
}

/// Problems of a command of an application.
pub(super) fn command(body: &Value) -> Result<(), (u16, Value)> {
    let mut wrong = Vec::new();
    let name_fits = |value: &Value| {
        let name = value.as_str().unwrap_or_default();
        (1..=32).contains(&name.chars().count())
            && name
                .chars()
                .all(|char| (char.is_alphanumeric() && !char.is_uppercase()) || "-_'".contains(char))
    };
    let described = |value: &Value| (1..=100).contains(&length(value));
    let only = |name: &str, allowed: &[u64]| {
        let list = body[name].as_array().map_or(&[][..], Vec::as_slice);
        list.iter()
            .all(|one| one.as_u64().is_some_and(|one| allowed.contains(&one)))
    };
    if !only("contexts", &[0, 1, 2]) || !only("integration_types", &[0, 1]) {
        wrong.push("contexts or integration_types".to_owned());
    }
    let permissions = &body["default_member_permissions"];
    if !permissions.is_null()
        && permissions
            .as_str()
            .is_none_or(|text| text.parse::<u64>().is_err())
    {
        wrong.push("default_member_permissions: a number as text".to_owned());
    }
    if matches!(body["type"].as_u64(), Some(2 | 3)) {
        // In the menus of people and messages: names may have spaces and capitals, and there is nothing else.
        let fits = (1..=32).contains(&length(&body["name"]))
            && length(&body["description"]) == 0
            && body["options"].as_array().is_none_or(Vec::is_empty);
        if !fits {
            wrong.push("a command of a menu has a name of 1 to 32 and no description or options".to_owned());
        }
        return if wrong.is_empty() {
            Ok(())
        } else {
            Err((400, form_body(&wrong)))
        };
    }
    if !name_fits(&body["name"]) || !described(&body["description"]) {
        wrong.push("name or description".to_owned());
    }
    let options = body["options"].as_array().cloned().unwrap_or_default();
    if options.len() > 25 {
        wrong.push("options: 25 at most".to_owned());
    }
    let mut names = Vec::new();
    let mut optional = false;
    for option in &options {
        if !name_fits(&option["name"])
            || !described(&option["description"])
            || names.contains(&option["name"])
        {
            wrong.push(format!("option {}", option["name"]));
        }
        names.push(option["name"].clone());
        let required = option["required"] == true;
        if required && optional {
            wrong.push("required options first".to_owned());
        }
        optional |= !required;
        let choices = option["choices"].as_array().cloned().unwrap_or_default();
        if choices.len() > 25 || (!choices.is_empty() && option["autocomplete"] == true) {
            wrong.push("choices".to_owned());
        }
        if choices
            .iter()
            .any(|choice| !(1..=100).contains(&length(&choice["name"])) || length(&choice["value"]) > 100)
        {
            wrong.push("choice: 1 to 100 in length".to_owned());
        }
    }
    let mut characters = length(&body["name"]) + length(&body["description"]);
    for option in &options {
        characters += length(&option["name"]) + length(&option["description"]);
        for choice in option["choices"].as_array().map_or(&[][..], Vec::as_slice) {
            characters += length(&choice["name"]) + length(&choice["value"]);
        }
    }
    if characters > 8000 {
        wrong.push("8000 characters at most".to_owned());
    }
    if wrong.is_empty() {
        Ok(())
    } else {
        Err((400, form_body(&wrong)))
    }
}

/// Problems of a first answer to an interaction of this kind.
pub(super) fn callback(kind: u64, body: &Value) -> Result<(), (u16, Value)> {
    let data = &body["data"];
    let fits = match body["type"].as_u64() {
        Some(4) => {
            kind != 4 && {
                message(data, false)?;
                true
            }
        }
        Some(5) => kind != 4,
        Some(6 | 7) => kind == 3 || kind == 5,
        Some(8) => {
            let choices = data["choices"].as_array().cloned().unwrap_or_default();
            kind == 4
                && choices.len() <= 25
                && choices.iter().all(|choice| {
                    (1..=100).contains(&length(&choice["name"])) && length(&choice["value"]) <= 100
                })
        }
        Some(9) => kind != 5 && kind != 4 && modal(data),
        _ => false,
    };
    if fits {
        Ok(())
    } else {
        Err((
            400,
            form_body(&["the callback does not fit the interaction".to_owned()]),
        ))
    }
}

fn modal(data: &Value) -> bool {
    let rows = data["components"].as_array().cloned().unwrap_or_default();
    (1..=45).contains(&length(&data["title"]))
        && (1..=100).contains(&length(&data["custom_id"]))
        && (1..=5).contains(&rows.len())
        && rows.iter().all(|row| {
            let input = &row["components"][0];
            row["type"] == 1
                && row["components"]
                    .as_array()
                    .is_some_and(|inputs| inputs.len() == 1)
                && input["type"] == 4
                && matches!(input["style"].as_u64(), Some(1 | 2))
                && input["max_length"]
                    .as_u64()
                    .is_none_or(|most| (1..=4000).contains(&most))
                && (1..=45).contains(&length(&input["label"]))
                && (1..=100).contains(&length(&input["custom_id"]))
                && length(&input["placeholder"]) <= 100
                && length(&input["value"]) <= 4000
        })
}
