//! Notify sections: what executions tell when they end, to conversations and to rules (NOT).
//!
//! What is told is committed with the end: a row of the outbox for a route that is a conversation, an instance of
//! `core.st2.generic.notifytrigger` for rules that listen.

use std::sync::Arc;

use serde_json::{Value as Json, json};

use super::book::RuleBook;
use crate::engine::{Observer, masked};
use crate::expr::jinja::{Context, Jinja, KeyLookup, Undefined};
use crate::model::{
    Execution, Id, InstanceDetail, InstanceStatus, JsonMap, OutboxMessage, Place, Status, Timestamp,
    TriggerInstance,
};
use crate::store::Write;
use crate::triggers::TriggerKey;

/// What rules listen on.
const TRIGGER: &str = "core.st2.generic.notifytrigger";
/// Routes of one section.
const MOST_ROUTES: usize = 20;
/// Characters of a message that are told.
const LONGEST: usize = 4000;

/// Something to be told on one route.
#[derive(Clone, Debug)]
pub struct Notice<'n> {
    /// The execution that ended.
    pub execution: &'n Execution,
    /// Which route.
    pub route: &'n str,
    /// The text.
    pub message: &'n str,
}

/// Routes that are conversations.
pub trait Conversations: Send + Sync + 'static {
    /// The rows that tell a conversation; `None` when the route is none.
    fn rows(&self, notice: &Notice<'_>) -> Option<Vec<Write>>;

    /// A message for a conversation, in a row to commit; the tone is `good`, `bad` or `neutral`.
    fn message(&self, place: &Place, tone: &str, message: &str) -> OutboxMessage;

    /// Messages that are committed now.
    fn committed(&self, rows: Vec<OutboxMessage>);
}

/// Adds what executions tell to the commits of their ends.
pub struct Notifications {
    /// The rules, and the content with the actions' own sections.
    pub book: Arc<RuleBook>,
    /// Renders messages and data.
    pub jinja: Arc<Jinja>,
    /// The datastore, for what is rendered.
    pub keys: Option<Arc<dyn KeyLookup>>,
    /// Conversations.
    pub conversations: Arc<dyn Conversations>,
}

impl Observer for Notifications {
    fn rows(&self, before: Option<Status>, after: &Execution) -> Vec<Write> {
        if !after.status.is_completed() || before == Some(after.status) {
            return Vec::new();
        }
        let Some(notify) = self.section(after) else {
            return Vec::new();
        };
        let mut rows = Vec::new();
        for (moment, outcome) in moments(after.status) {
            let section = notify
                .get(moment)
                .or_else(|| notify.get(&moment.replace('-', "_")));
            if let Some(Json::Object(section)) = section {
                self.tell(section, outcome, after, &mut rows);
            }
        }
        rows
    }
}

/// Which sections speak after an end, and how it is called there.
fn moments(status: Status) -> Vec<(&'static str, &'static str)> {
    let mut moments = vec![("on-complete", "completed")];
    if status == Status::Succeeded {
        moments.push(("on-success", "succeeded"));
    } else if status.is_failure() {
        moments.push(("on-failure", "failed"));
    }
    moments
}

impl Notifications {
    /// The section of the request; else that of the action. Tasks of workflows have only what they were given.
    fn section(&self, execution: &Execution) -> Option<JsonMap> {
        let request = &execution.request;
        let own = request.notify.as_ref().and_then(Json::as_object);
        if let Some(own) = own.filter(|own| !own.is_empty()) {
            return Some(own.clone());
        }
        if request.origin.kind == "workflow" {
            return None;
        }
        self.book.notify_of(&request.action)
    }

    fn tell(&self, section: &JsonMap, outcome: &str, execution: &Execution, rows: &mut Vec<Write>) {
        let routes = section.get("routes").or_else(|| section.get("channels"));
        let routes: Vec<&str> = match routes {
            Some(Json::Array(routes)) => routes.iter().filter_map(Json::as_str).take(MOST_ROUTES).collect(),
            Some(Json::String(route)) => vec![route],
            _ => Vec::new(),
        };
        if routes.is_empty() {
            return;
        }
        let result = masked(execution.result.as_deref().unwrap_or(&Json::Null));
        let context = self.context(execution, &result);
        let default = || format!("Action {} {outcome}.", execution.request.action);
        let message = match section.get("message").and_then(Json::as_str) {
            Some(message) if !message.is_empty() => self.render(message, &context, execution.id),
            _ => default(),
        };
        let message: String = message.chars().take(LONGEST).collect();
        let mut data = None;
        for route in routes {
            let notice = Notice {
                execution,
                route,
                message: &message,
            };
            if let Some(told) = self.conversations.rows(&notice) {
                rows.extend(told);
            }
            let key = TriggerKey::of_type(TRIGGER);
            if self.book.index().rules(&key).is_empty() {
                continue;
            }
            let data = data.get_or_insert_with(|| self.data(section, &context, &result, execution.id));
            rows.push(instance(&notice, data));
            self.book.hint();
        }
    }

    /// What templates see. Secrets are masked.
    fn context(&self, execution: &Execution, result: &Json) -> Context {
        let parameters = masked(&Json::Object(execution.request.parameters.clone()));
        let mut context = Context::new();
        context.set("action_parameters", &Arc::new(parameters));
        context.set("action_context", &Arc::new(Json::Object(execution.context())));
        context.set("action_results", &Arc::new(result.clone()));
        if let Some(keys) = &self.keys {
            context.set_datastore(Arc::clone(keys));
        }
        context
    }

    fn data(&self, section: &JsonMap, context: &Context, result: &Json, execution: Id) -> Json {
        let mut data = JsonMap::new();
        if let Some(Json::Object(written)) = section.get("data") {
            for (name, value) in written {
                let value = match value {
                    Json::String(text) => self.render(text, context, execution).into(),
                    Json::Array(_) | Json::Object(_) => self
                        .jinja
                        .render_value(value, context, Undefined::Permissive)
                        .unwrap_or_else(|_| value.clone()),
                    other => other.clone(),
                };
                data.insert(name.clone(), value);
            }
        }
        data.insert("result".to_owned(), result.to_string().into());
        Json::Object(data)
    }

    /// A text that cannot be rendered is told as it is written.
    fn render(&self, text: &str, context: &Context, execution: Id) -> String {
        self.jinja
            .render(text, context, Undefined::Permissive)
            .unwrap_or_else(|error| {
                tracing::warn!(execution.id = %execution, %error, "a notification cannot be rendered and is told as it is written");
                text.to_owned()
            })
    }
}

fn instance(notice: &Notice<'_>, data: &Json) -> Write {
    let execution = notice.execution;
    let request = &execution.request;
    let payload = json!({
        "execution_id": execution.id,
        "status": execution.status,
        "start_timestamp": execution.start,
        "end_timestamp": execution.end,
        "action_ref": request.action,
        "runner_ref": request.runner,
        "channel": notice.route,
        "route": notice.route,
        "message": notice.message,
        "data": data,
    });
    Write::Instance(Arc::new(TriggerInstance {
        id: Id::new(),
        trigger: TRIGGER.to_owned(),
        payload: Arc::new(payload),
        occurrence_time: execution.end.unwrap_or_else(Timestamp::now),
        status: InstanceStatus::Pending,
        detail: InstanceDetail {
            type_ref: TRIGGER.to_owned(),
            depth: super::own::depth(execution),
            ..InstanceDetail::default()
        },
    }))
}
