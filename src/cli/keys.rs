//! `sayso key …`: the datastore.

use std::io::{IsTerminal as _, Read as _};
use std::path::Path;

use serde_json::{Map, Value, json};

use super::args::{KeyCommand, KeyScope, ListScope, Whose};
use super::connect::connect;
use super::execution::rows;
use super::key_files::read_keys;
use super::output::Format;
use super::table::Columns;
use super::unechoed::Unechoed;
use super::{CliError, CliResult, Context, query, segment};
use crate::api::client::{Client, ClientError};

/// Keys that are asked for at once.
const PAGE: usize = 100;
/// Bytes that are read as a value; the server takes less.
const MOST: u64 = 16 << 20;
const ATTRIBUTES: [&str; 7] = [
    "name",
    "value",
    "secret",
    "encrypted",
    "scope",
    "user",
    "expire_timestamp",
];

pub(super) async fn key(context: &mut Context<'_>, command: &KeyCommand) -> CliResult {
    // What is wrong with files and texts is told before anything is started.
    let input = match command {
        KeyCommand::Set {
            key: name,
            value,
            file,
            encrypt,
            ..
        } => Input::Text(text(context, name, value.as_deref(), file.as_deref(), *encrypt)?),
        KeyCommand::Load {
            file,
            convert,
            st2_key,
            ..
        } => Input::Keys(read_keys(file, *convert, st2_key.as_deref())?),
        _ => Input::Nothing,
    };
    let connection = connect(context).await?;
    let outcome = on_key(context, &connection.client, command, input).await;
    connection.close().await;
    outcome
}

/// What a command read before it asked the server.
enum Input {
    Nothing,
    Text(String),
    Keys(Vec<Map<String, Value>>),
}

async fn on_key(context: &mut Context<'_>, client: &Client, command: &KeyCommand, input: Input) -> CliResult {
    match command {
        KeyCommand::List {
            prefix,
            scope,
            user,
            decrypt,
            last,
            show,
            speaker,
        } => {
            let client = acting(client, speaker.name.as_deref())?;
            let scope = match scope {
                ListScope::All => "all",
                ListScope::System => "system",
                ListScope::User => "user",
            };
            let mut parts = vec![("scope", scope.to_owned()), ("limit", last.to_string())];
            parts.extend(prefix.clone().map(|prefix| ("prefix", prefix)));
            parts.extend(user.clone().map(|user| ("user", user)));
            if *decrypt {
                parts.push(("decrypt", "true".to_owned()));
            }
            let found = rows(client.get(&format!("/api/v1/keys?{}", query(&parts))).await?)?;
            let columns = Columns::new(&ATTRIBUTES, &show.attr);
            context.out.list(&found, &columns, context.format)?;
            Ok(0)
        }
        KeyCommand::Get {
            key: name,
            decrypt,
            raw,
            whose,
            show,
        } => {
            let client = acting(client, whose.speaker.name.as_deref())?;
            let mut parts = said(whose);
            if *decrypt {
                parts.push(("decrypt", "true".to_owned()));
            }
            let found = client
                .get(&path(name, &parts))
                .await
                .map_err(|error| unknown(name, whose, error))?;
            if *raw {
                context.out.line(found["value"].as_str().unwrap_or_default())?;
            } else {
                let chosen = Columns::new(&[], &show.attr);
                let shown = if show.attr.is_empty() {
                    found
                } else {
                    chosen.chosen(&found)
                };
                context.out.value(&shown, context.format)?;
            }
            Ok(0)
        }
        KeyCommand::Set {
            key: name,
            ttl,
            encrypt,
            encrypted,
            description,
            whose,
            ..
        } => {
            let Input::Text(value) = input else { return Ok(0) };
            let client = acting(client, whose.speaker.name.as_deref())?;
            let mut body = json!({"name": name, "value": value, "secret": encrypt, "encrypted": encrypted});
            if let Some(ttl) = ttl {
                body["ttl"] = json!(ttl);
            }
            if let Some(description) = description {
                body["description"] = json!(description);
            }
            let set = client.put(&path(name, &said(whose)), Some(&body)).await?;
            if context.format == Format::Table {
                context.out.note(&format!("{} is set", told(name, whose)));
            } else {
                context.out.value(&set, context.format)?;
            }
            Ok(0)
        }
        KeyCommand::Delete { key: name, whose } => {
            let client = acting(client, whose.speaker.name.as_deref())?;
            client
                .delete(&path(name, &said(whose)), None)
                .await
                .map_err(|error| unknown(name, whose, error))?;
            context.out.note(&format!("{} is deleted", told(name, whose)));
            Ok(0)
        }
        KeyCommand::Load { speaker, .. } => {
            let Input::Keys(keys) = input else { return Ok(0) };
            let client = acting(client, speaker.name.as_deref())?;
            let mut set = Vec::with_capacity(keys.len());
            for (at, key) in keys.into_iter().enumerate() {
                let name = key["name"].as_str().unwrap_or_default().to_owned();
                let done = client.put(&path(&name, &[]), Some(&Value::Object(key))).await;
                set.push(done.map_err(|error| {
                    let mut error = CliError::from(error);
                    error.message = format!("key {} of the file, \"{name}\": {}", at + 1, error.message);
                    error.hint(format!("{at} keys before it are set"))
                })?);
            }
            let columns = Columns::new(&ATTRIBUTES, &[]);
            context.out.list(&set, &columns, context.format)?;
            Ok(0)
        }
        KeyCommand::DeleteByPrefix { prefix, whose } => {
            if prefix.is_empty() {
                return Err(CliError::new("an empty prefix would delete everything")
                    .hint("delete keys one by one, or by the prefixes that their names have"));
            }
            let client = acting(client, whose.speaker.name.as_deref())?;
            let count = delete_all(context, &client, prefix, whose).await?;
            context.out.note(&match count {
                0 => format!("no key's name begins with \"{prefix}\""),
                1 => "1 key is deleted".to_owned(),
                count => format!("{count} keys are deleted"),
            });
            Ok(0)
        }
    }
}

async fn delete_all(
    context: &mut Context<'_>,
    client: &Client,
    prefix: &str,
    whose: &Whose,
) -> Result<usize, CliError> {
    let mut parts = said(whose);
    parts.push(("prefix", prefix.to_owned()));
    parts.push(("limit", PAGE.to_string()));
    let list = format!("/api/v1/keys?{}", query(&parts));
    let mut count = 0;
    loop {
        let found = rows(client.get(&list).await?)?;
        if found.is_empty() {
            return Ok(count);
        }
        for pair in &found {
            let name = pair["name"].as_str().unwrap_or_default();
            match client.delete(&path(name, &said(whose)), None).await {
                Ok(_) => {
                    count += 1;
                    context.out.note(name);
                }
                // It has expired, or somebody else was faster.
                Err(error) if error.status() == Some(404) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
}

fn acting(client: &Client, name: Option<&str>) -> Result<Client, ClientError> {
    match name {
        Some(name) => client.acting_as(name),
        None => Ok(client.clone()),
    }
}

/// Whose key is meant, as the API hears it.
fn said(whose: &Whose) -> Vec<(&'static str, String)> {
    let scope = match whose.scope {
        KeyScope::System => "system",
        KeyScope::User => "user",
    };
    let mut parts = vec![("scope", scope.to_owned())];
    parts.extend(whose.user.clone().map(|user| ("user", user)));
    parts
}

fn path(name: &str, parts: &[(&'static str, String)]) -> String {
    let path = format!("/api/v1/keys/{}", segment(name));
    if parts.is_empty() {
        return path;
    }
    format!("{path}?{}", query(parts))
}

fn told(name: &str, whose: &Whose) -> String {
    match (whose.scope, &whose.user) {
        (KeyScope::System, _) => format!("the key {name}"),
        (KeyScope::User, None) => format!("your key {name}"),
        (KeyScope::User, Some(user)) => format!("{user}'s key {name}"),
    }
}

fn unknown(name: &str, whose: &Whose, error: ClientError) -> CliError {
    if error.status() != Some(404) {
        return error.into();
    }
    let other = match whose.scope {
        KeyScope::System => "your own keys are found with --scope user",
        KeyScope::User => "those of everybody are found without --scope user",
    };
    CliError::new(format!("there is no key \"{name}\"")).hint(format!("`sayso key list` lists them; {other}"))
}

/// The text of a key: from the command line, a file, the terminal or standard input.
fn text(
    context: &mut Context<'_>,
    name: &str,
    value: Option<&str>,
    file: Option<&Path>,
    secret: bool,
) -> Result<String, CliError> {
    if let Some(file) = file.filter(|file| *file != Path::new("-")) {
        return read_file(file);
    }
    match value {
        Some(value) if value != "-" => return Ok(value.to_owned()),
        _ => {}
    }
    let input = std::io::stdin();
    if !input.is_terminal() {
        let text = read_stdin()?;
        // The line break that `echo` adds is no part of the value.
        return Ok(text.strip_suffix('\n').unwrap_or(&text).to_owned());
    }
    context.out.note(&format!("value of {name}:"));
    let hidden = if secret { Unechoed::begin(&input) } else { None };
    let mut line = String::new();
    let read = input.read_line(&mut line);
    if let Some(hidden) = hidden {
        drop(hidden);
        // The line break was not shown either.
        context.out.note("");
    }
    match read {
        Ok(0) => Err(CliError::new("no value was given: the input ended")),
        Ok(_) => Ok(line.trim_end_matches(['\n', '\r']).to_owned()),
        Err(error) => Err(CliError::new(format!("cannot read the value: {error}"))),
    }
}

pub(super) fn read_stdin() -> Result<String, CliError> {
    let mut text = String::new();
    std::io::stdin()
        .lock()
        .take(MOST)
        .read_to_string(&mut text)
        .map_err(|error| CliError::new(format!("cannot read standard input: {error}")))?;
    Ok(text)
}

pub(super) fn read_file(file: &Path) -> Result<String, CliError> {
    std::fs::read_to_string(file)
        .map_err(|error| CliError::new(format!("cannot read {}: {error}", file.display())))
}
