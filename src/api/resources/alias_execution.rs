//! `/aliasexecution`: from a command to executions, as the bots of the reference ask for it.

use std::sync::Arc;

use axum::extract::State;
use http::StatusCode;
use serde_json::{Value, json};

use super::actions::merged;
use super::aliases::{find as find_match, id_of, shown};
use super::blocking;
use super::executions::{ContextHeader, sees_secrets};
use crate::alias::{Definition, Entry, FormatEntry, Matcher, Outcome, Parameters, Representation, cast};
use crate::api::ApiState;
use crate::api::http::auth::Caller;
use crate::api::http::body::{Fields as _, Payload};
use crate::api::http::error::{ApiError, ApiResult};
use crate::api::http::json as answer;
use crate::api::http::query::Query;
use crate::api::view::{Look, Showing};
use crate::engine::{Reading, Submit, apart};
use crate::expr::jinja::{Context, Jinja, KeyLookup, Undefined};
use crate::expr::pyliteral;
use crate::model::{JsonMap, Origin};

/// What a bot says about a command.
struct Said {
    command: String,
    user: String,
    source_channel: String,
    source_context: Value,
    route: Option<String>,
    secrets: bool,
    header: JsonMap,
}

impl Said {
    fn read(body: &mut JsonMap, caller: &Caller, header: ContextHeader, secrets: bool) -> ApiResult<Self> {
        let command = body.need_text("command")?;
        let source_channel = body.need_text("source_channel")?;
        let channel = body.take_text("notification_channel")?;
        Ok(Self {
            command,
            source_channel,
            user: body
                .take_text("user")?
                .unwrap_or_else(|| caller.identity.user.clone()),
            source_context: body
                .get_mut("source_context")
                .map(Value::take)
                .unwrap_or_default(),
            route: body.take_text("notification_route")?.or(channel),
            secrets,
            header: header.0,
        })
    }

    fn notify(&self) -> Option<Value> {
        let route = self.route.as_ref()?;
        Some(json!({
            "on-complete": {
                "data": {
                    "user": self.user,
                    "source_channel": self.source_channel,
                    "source_context": self.source_context,
                },
                "routes": [route],
            },
        }))
    }

    fn context(&self, alias: &Definition, caller: &Caller) -> JsonMap {
        let mut context = JsonMap::new();
        context.insert(
            "action_alias_ref".into(),
            json!({"id": id_of(alias), "name": alias.name}),
        );
        context.insert("api_user".into(), self.user.clone().into());
        context.insert("user".into(), caller.identity.user.clone().into());
        context.insert("source_channel".into(), self.source_channel.clone().into());
        context.extend(self.header.clone());
        context
    }
}

/// `POST /aliasexecution`: the caller knows alias and format.
pub(crate) async fn execute(
    State(state): State<ApiState>,
    caller: Caller,
    query: Query,
    header: ContextHeader,
    Payload(mut body): Payload,
) -> ApiResult {
    let secrets = sees_secrets(&state, &caller, &query)?;
    let name = body.need_text("name")?;
    let format = body.need_text("format")?;
    let said = Said::read(&mut body, &caller, header, secrets)?;
    let alias = by_name(&state, &name, &format)?;
    let parameters = read(&state, &alias, &format, &said.command).await?;
    let result = run(&state, &caller, &said, &alias, &format, parameters).await?;
    answer(StatusCode::CREATED, &result)
}

/// `POST /aliasexecution/match_and_execute`: alias and format are found by the command.
pub(crate) async fn match_and_execute(
    State(state): State<ApiState>,
    caller: Caller,
    query: Query,
    header: ContextHeader,
    Payload(mut body): Payload,
) -> ApiResult {
    let secrets = sees_secrets(&state, &caller, &query)?;
    let mut said = Said::read(&mut body, &caller, header, secrets)?;
    // As in the reference: here a context of the source is not handed on.
    said.source_context = Value::Null;
    let found = find_match(&state, said.command.clone()).await?;
    let mut results = Vec::with_capacity(found.parameters.len());
    for parameters in found.parameters {
        results.push(
            run(
                &state,
                &caller,
                &said,
                &found.alias,
                &found.representation,
                parameters,
            )
            .await?,
        );
    }
    answer(StatusCode::CREATED, &json!({"results": results}))
}

/// The alias with this name (with or without its pack); of several with one name those that have the format.
fn by_name(state: &ApiState, name: &str, format: &str) -> ApiResult<Arc<Definition>> {
    let snapshot = state.content().snapshot();
    let mut found: Vec<&Arc<Definition>> = match snapshot.aliases.get(name) {
        Some(alias) => vec![alias],
        None => snapshot
            .aliases
            .values()
            .filter(|alias| alias.name == name)
            .collect(),
    };
    if found.len() > 1 {
        found.retain(|alias| has_format(alias, format));
    }
    let alias = match found.as_slice() {
        [] => {
            return Err(ApiError::not_found(format!(
                "Unable to identify action alias with name \"{name}\"."
            )));
        }
        [alias] => *alias,
        several => {
            let list = several
                .iter()
                .map(|alias| alias.reference())
                .collect::<Vec<_>>()
                .join(", ");
            return Err(ApiError::bad_request(format!(
                "Several action aliases are named \"{name}\": {list}"
            )));
        }
    };
    if !alias.enabled {
        return Err(ApiError::bad_request(format!(
            "Action alias with name \"{name}\" is disabled."
        )));
    }
    if !has_format(alias, format) {
        return Err(ApiError::bad_request(format!(
            "Format string \"{format}\" is not available on the alias \"{}\"",
            alias.name
        )));
    }
    Ok(Arc::clone(alias))
}

fn has_format(alias: &Definition, format: &str) -> bool {
    alias
        .formats
        .iter()
        .any(|entry| entry.normal().representations.iter().any(|one| one == format))
}

/// The parameters that a command gives to a format: by the one matcher, with this format alone in it.
async fn read(
    state: &ApiState,
    alias: &Arc<Definition>,
    format: &str,
    command: &str,
) -> ApiResult<Parameters> {
    let snapshot = state.content().snapshot();
    let declared = snapshot
        .action(&alias.action_ref)
        .map(|action| merged(state, action).keys().cloned().collect::<Vec<_>>());
    let mut alone = (**alias).clone();
    alone.formats = vec![FormatEntry::Detailed(crate::alias::DetailedFormat {
        display: Some(format.to_owned()),
        representation: Some(Representation::One(format.to_owned())),
        match_multiple: None,
    })];
    let text = command.to_owned();
    let outcome = blocking(move || {
        let (matcher, _) = Matcher::new([Entry {
            definition: Arc::new(alone),
            declared,
        }]);
        matcher.find(&text)
    })
    .await?;
    match outcome {
        Outcome::Matched(found) => Ok(found.parameters.into_iter().next().unwrap_or_default()),
        Outcome::Limit(limit) => Err(ApiError::bad_request(limit.to_string())),
        Outcome::None { .. } | Outcome::Ambiguous { .. } => Err(ApiError::bad_request(format!(
            "Command \"{command}\" doesn't match format string \"{format}\""
        ))),
    }
}

/// Starts one execution; gives it with the alias and the rendered acknowledgement.
async fn run(
    state: &ApiState,
    caller: &Caller,
    said: &Said,
    alias: &Arc<Definition>,
    format: &str,
    parameters: Parameters,
) -> ApiResult<Value> {
    let overridden = alias.overridden(&parameters);
    if !overridden.is_empty() {
        return Err(ApiError::bad_request(format!(
            "Immutable arguments cannot be overriden: {}",
            overridden.join(",")
        )));
    }
    let snapshot = state.content().snapshot();
    let action = snapshot
        .action(&alias.action_ref)
        .cloned()
        .ok_or_else(|| ApiError::not_found(format!("Action with ref \"{}\" not found", alias.action_ref)))?;
    let schemas = merged(state, &action);
    let type_of = |name: &str| cast::Type::from_name(schemas.get(name)?.get("type")?.as_str()?);
    let literal = |text: &str| pyliteral::parse(text).ok();
    // Cast values are data: what people type is never taken for a template.
    let mut data = cast::parameters(parameters, &type_of, &literal)
        .map_err(|error| ApiError::bad_request(error.to_string()))?;
    let context = said.context(alias, caller);
    let keys = state.engine().keys(&caller.identity.user);
    data.extend(apart(|| immutable(alias, &context, &keys))?);
    let submit = Submit {
        action: alias.action_ref.clone(),
        data,
        secrets: keys.taken(),
        identity: (*caller.identity).clone(),
        origin: Origin {
            kind: "api".to_owned(),
            text: Some(said.command.clone()),
            alias: Some(alias.reference()),
            format: Some(format.to_owned()),
            ..Origin::default()
        },
        context,
        notify: said.notify(),
        ..Submit::default()
    };
    let accepted = state.engine().submit(submit).await?;
    let look = Look {
        secrets: said.secrets,
        max_result_size: None,
    };
    let execution = Showing::of(state, &accepted.execution, look).await?.value()?;
    let mut result = json!({"execution": execution, "actionalias": shown(alias)});
    apart(|| acknowledge(alias, &mut result));
    Ok(result)
}

/// Parameters that the alias sets itself, rendered with what is known of the request.
fn immutable(alias: &Definition, context: &JsonMap, keys: &Arc<Reading>) -> ApiResult<JsonMap> {
    if alias.immutable_parameters.is_empty() {
        return Ok(JsonMap::new());
    }
    let mut scope = Context::from_json(Arc::new(Value::Object(context.clone())));
    scope.set_datastore(Arc::clone(keys) as Arc<dyn KeyLookup>);
    let jinja = Jinja::default();
    alias
        .immutable_parameters
        .iter()
        .map(|(name, value)| {
            let rendered = jinja
                .render_value(value, &scope, Undefined::Strict)
                .map_err(|error| {
                    ApiError::bad_request(format!(
                        "Cannot render immutable parameter \"{name}\" of alias \"{}\": {error}",
                        alias.reference()
                    ))
                })?;
            Ok((name.clone(), rendered))
        })
        .collect()
}

/// What a sentence means: the alias, and the parameters that it gives to the action.
pub(super) async fn meaning(
    state: &ApiState,
    caller: &Caller,
    command: String,
) -> ApiResult<(Arc<Definition>, JsonMap)> {
    let found = find_match(state, command).await?;
    let snapshot = state.content().snapshot();
    let action = snapshot.action(&found.alias.action_ref).cloned().ok_or_else(|| {
        ApiError::not_found(format!(
            "Action with ref \"{}\" not found",
            found.alias.action_ref
        ))
    })?;
    let schemas = merged(state, &action);
    let type_of = |name: &str| cast::Type::from_name(schemas.get(name)?.get("type")?.as_str()?);
    let literal = |text: &str| pyliteral::parse(text).ok();
    let first = found.parameters.into_iter().next().unwrap_or_default();
    let mut data = cast::parameters(first, &type_of, &literal)
        .map_err(|error| ApiError::bad_request(error.to_string()))?;
    let user = Value::from(caller.identity.user.clone());
    let context: JsonMap = ["api_user", "user", "source_channel"]
        .map(|name| (name.to_owned(), user.clone()))
        .into_iter()
        .collect();
    let keys = state.engine().keys(&caller.identity.user);
    data.extend(apart(|| immutable(&found.alias, &context, &keys))?);
    Ok((found.alias, data))
}

/// Adds `message` and `extra` where the alias has them. A failure is told in their place.
fn acknowledge(alias: &Definition, result: &mut Value) {
    let Some(ack) = &alias.ack else { return };
    let scope = Context::from_json(Arc::new(result.clone()));
    let jinja = Jinja::default();
    let failed = |field: &str, error: &dyn std::fmt::Display| {
        Value::from(format!(
            "Cannot render \"{field}\" in field \"ack\" for alias. {error}"
        ))
    };
    if let Some(format) = &ack.format {
        result["message"] = match jinja.render(format, &scope, Undefined::Strict) {
            Ok(text) => text.into(),
            Err(error) => failed("format", &error),
        };
    }
    if !ack.extra.is_empty() {
        let extra = Value::Object(ack.extra.clone());
        result["extra"] = match jinja.render_value(&extra, &scope, Undefined::Strict) {
            Ok(value) => value,
            Err(error) => failed("extra", &error),
        };
    }
}
