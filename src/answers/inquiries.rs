//! Inquiries: a question with a schema, and one answer that fits it (INQ-4 … INQ-10).

use serde_json::{Value, json};

use super::{AnswerError, Answerer};
use crate::approval::same_person;
use crate::engine::{Engine, apart};
use crate::model::{Execution, Id, Identity, Status};
use crate::params::ResponseSchema;
use crate::runners::{Amendment, Change, INQUIRER, Note};

/// An inquiry as API clients see it: field names and order as the reference's.
#[must_use]
pub fn view(execution: &Execution) -> Value {
    let of = |name: &str, otherwise: Value| {
        let result = execution.result.as_deref();
        result
            .and_then(|result| result.get(name))
            .cloned()
            .unwrap_or(otherwise)
    };
    json!({
        "id": execution.id,
        "route": of("route", json!("")),
        "ttl": of("ttl", json!(0)),
        "users": of("users", json!([])),
        "roles": of("roles", json!([])),
        "schema": of("schema", json!({})),
    })
}

/// Fails, in the reference's words, unless the execution is an inquiry that waits for an answer.
///
/// # Errors
/// [`AnswerError::Invalid`].
pub fn check(execution: &Execution) -> Result<(), AnswerError> {
    let id = execution.id;
    let told = match execution.status {
        _ if execution.request.runner != INQUIRER => format!("Action execution \"{id}\" is not an inquiry."),
        Status::Pending => return Ok(()),
        Status::Timeout => format!("Inquiry \"{id}\" timed out and cannot be responded to."),
        Status::Succeeded => format!("Inquiry \"{id}\" has already been responded to."),
        Status::Canceled => format!("Inquiry \"{id}\" was canceled and cannot be responded to."),
        status => format!("Inquiry \"{id}\" is {status} and cannot be responded to."),
    };
    Err(AnswerError::Invalid(told))
}

/// The schema of the answer.
///
/// # Errors
/// [`AnswerError::Invalid`] when the stored schema is none, which the runner does not let happen.
pub fn schema(execution: &Execution) -> Result<ResponseSchema, AnswerError> {
    ResponseSchema::new(&view(execution)["schema"]).map_err(AnswerError::Invalid)
}

/// Whether the identity may answer.
///
/// Who is named in `users` and in `roles` may (both lists count when both are given); where nobody is named whoever
/// asked may, and everybody who may ask the same.
#[must_use]
pub fn may_answer(engine: &Engine, execution: &Execution, identity: &Identity) -> bool {
    let view = view(execution);
    let list = |name: &str| -> Vec<String> {
        let items = view[name].as_array().into_iter().flatten();
        items.filter_map(Value::as_str).map(str::to_owned).collect()
    };
    let (users, roles) = (list("users"), list("roles"));
    if users.is_empty() && roles.is_empty() {
        let request = &execution.request;
        return identity.is_admin()
            || same_person(&identity.user, &request.user)
            || engine.action(&request.action).is_some_and(|action| {
                engine
                    .authority()
                    .could(identity, &action, request.origin.place.as_ref())
            });
    }
    let named = users.is_empty() || users.iter().any(|user| same_person(user, &identity.user));
    named && (roles.is_empty() || roles.iter().any(|role| identity.roles.contains(role)))
}

/// Who is asked by name or by role; nobody: whoever asked.
#[must_use]
pub fn asked(execution: &Execution) -> Vec<String> {
    let view = view(execution);
    let list = |name: &str| -> Vec<String> {
        let items = view[name].as_array().into_iter().flatten();
        items.filter_map(Value::as_str).map(str::to_owned).collect()
    };
    let roles = list("roles");
    let roles = roles.iter().map(|role| format!("role:{role}"));
    list("users").into_iter().chain(roles).collect()
}

/// Answers an inquiry; gives the answer as it may be shown.
///
/// # Errors
/// See [`AnswerError`]; the inquiry goes on waiting then.
pub async fn respond(
    engine: &Engine,
    id: Id,
    response: Value,
    answerer: Answerer<'_>,
) -> Result<Value, AnswerError> {
    let execution = engine.execution(id).await?.ok_or(AnswerError::Unknown(id))?;
    check(&execution)?;
    let by = answerer.by();
    if !may_answer(engine, &execution, answerer.identity) {
        let user = &answerer.identity.user;
        let told = format!("User \"{user}\" does not have permission to respond to inquiry \"{id}\".");
        let note = Note {
            kind: "inquiry.refused",
            detail: json!({"reason": told, "via": answerer.identity.via}),
        };
        engine.note(&execution, note, &by).await?;
        return Err(AnswerError::Forbidden(told));
    }
    let schema = schema(&execution)?;
    let response = schema.with_defaults(response);
    // Patterns may take a while on a long answer.
    if let Some(problem) = apart(|| schema.problem(&response)) {
        return Err(AnswerError::Invalid(format!(
            "Response for inquiry \"{id}\" did not pass schema validation. {problem}"
        )));
    }
    let shown = schema.masked(response.clone());
    let sealed = engine.seal_by(&view(&execution)["schema"], response, id);
    let decide = |execution: &Execution| {
        let mut result = execution.result.as_deref().cloned().unwrap_or_else(|| json!({}));
        result["response"] = sealed.clone();
        Ok::<_, std::convert::Infallible>(Amendment {
            change: Change::Settle {
                status: Status::Succeeded,
                result,
            },
            notes: vec![Note {
                kind: "inquiry.answered",
                detail: json!({"response": shown, "via": answerer.identity.via, "account": answerer.identity.account}),
            }],
        })
    };
    engine.amend(id, &by, decide).await.map_err(|error| {
        AnswerError::of_amend(
            error,
            |execution| match check(execution) {
                Err(over) => over,
                Ok(()) => AnswerError::Conflict(format!("Inquiry \"{id}\" changed while it was answered.")),
            },
            |never| match never {},
        )
    })?;
    Ok(shown)
}
