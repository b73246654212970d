//! A policy, and reading it from its file.

use std::sync::Arc;

use serde_json::{Value as Json, json};

use crate::model::{Finding, Id, JsonMap, nearest};
use crate::yaml::reader::Reader;

const KEYS: [&str; 11] = [
    "name",
    "pack",
    "ref",
    "uid",
    "id",
    "description",
    "enabled",
    "resource_ref",
    "policy_type",
    "parameters",
    "metadata_file",
];

/// The types of policies with what each does.
pub const KINDS: [(&str, &str); 3] = [
    ("action.concurrency", "So many executions of an action at once."),
    (
        "action.concurrency.attr",
        "So many executions of an action with the same values of some parameters at once.",
    ),
    ("action.retry", "An execution that failed is run again."),
];

/// Bounds of `action.retry`, as in the reference.
const RETRIES: (i64, i64) = (1, 5);
const DELAY: (f64, f64) = (0.0, 120.0);
const DEFAULT_RETRIES: u32 = 2;
/// Most attributes that are compared.
const MAX_ATTRIBUTES: usize = 20;

/// A policy of one action.
#[derive(Clone, Debug)]
pub struct Policy {
    /// `pack.name`
    pub reference: String,
    /// Name within its pack.
    pub name: String,
    /// Pack.
    pub pack: String,
    /// For people; may be empty.
    pub description: String,
    /// Whether it counts.
    pub enabled: bool,
    /// Ref of the action.
    pub resource_ref: String,
    /// What it says.
    pub kind: PolicyKind,
    /// File below the pack; empty for policies made over the API.
    pub metadata_file: String,
    /// As it was written.
    pub source: Arc<Json>,
}

/// What a policy says.
#[derive(Clone, Debug, PartialEq)]
pub enum PolicyKind {
    /// `action.concurrency` and `action.concurrency.attr`
    Concurrency {
        /// So many at once.
        threshold: u32,
        /// What becomes of others.
        over: Over,
        /// Names of parameters whose values must be the same to count; empty: all executions count.
        attributes: Vec<String>,
    },
    /// `action.retry`
    Retry {
        /// After which end.
        on: RetryOn,
        /// How often at most.
        max: u32,
        /// Seconds in between.
        delay: f64,
    },
}

/// What becomes of an execution that is one too many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Over {
    /// It waits.
    Delay,
    /// It is canceled.
    Cancel,
}

/// After which end an execution is run again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RetryOn {
    /// It failed.
    Failure,
    /// It took too long.
    Timeout,
}

impl PartialEq for Policy {
    fn eq(&self, other: &Self) -> bool {
        self.reference == other.reference
            && self.enabled == other.enabled
            && self.metadata_file == other.metadata_file
            && self.source == other.source
    }
}

impl PolicyKind {
    /// Name of the type.
    #[must_use]
    pub const fn type_name(&self) -> &'static str {
        match self {
            Self::Concurrency { attributes, .. } if attributes.is_empty() => "action.concurrency",
            Self::Concurrency { .. } => "action.concurrency.attr",
            Self::Retry { .. } => "action.retry",
        }
    }
}

impl Policy {
    /// Reads a policy from the value of its file or of a request.
    ///
    /// `None` when it cannot be used; every finding is reported either way.
    #[must_use]
    pub fn from_value(value: &Json, pack: Option<&str>) -> (Option<Self>, Vec<Finding>) {
        let mut reader = Reader::new();
        let policy = read(value, pack, &mut reader);
        let broken = reader.is_broken();
        (policy.filter(|_| !broken), reader.findings)
    }
}

fn read(value: &Json, pack: Option<&str>, reader: &mut Reader) -> Option<Policy> {
    let map = reader.object(value, "", "a policy", "start with `name: …`")?;
    reader.known_keys(map, "", &KEYS);
    let name = reader.required_text(map, "", "name");
    let own = reader.text(map, "", "pack");
    if let (Some(own), Some(outer)) = (own.as_deref(), pack)
        && own != outer
    {
        let message = format!("the policy says pack `{own}`, but lies in pack `{outer}`");
        reader.error("/pack", message, "remove `pack`, it comes from the folder");
    }
    let pack = own.or_else(|| pack.map(str::to_owned)).unwrap_or_default();
    if pack.is_empty() {
        reader.error("", "`pack` is missing", "add `pack: …`");
    }
    let resource_ref = reader.required_text(map, "", "resource_ref");
    if !resource_ref.is_empty() && !resource_ref.contains('.') {
        let message = format!("`{resource_ref}` is no action");
        reader.error("/resource_ref", message, "write it as `pack.name`");
    }
    let kind = reader.required_text(map, "", "policy_type");
    let parameters = reader.map(map, "", "parameters");
    let kind = match kind.as_str() {
        "" => None,
        "action.concurrency" => concurrency(&parameters, false, reader),
        "action.concurrency.attr" => concurrency(&parameters, true, reader),
        "action.retry" => retry(&parameters, reader),
        other => {
            let names = KINDS.map(|(name, _)| name);
            let hint = match nearest(other, names) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("known: {}", names.join(", ")),
            };
            reader.error(
                "/policy_type",
                format!("there is no type of policies `{other}`"),
                hint,
            );
            None
        }
    };
    Some(Policy {
        reference: format!("{pack}.{name}"),
        name,
        pack,
        description: reader.text(map, "", "description").unwrap_or_default(),
        enabled: reader.flag(map, "", "enabled").unwrap_or(true),
        resource_ref,
        kind: kind?,
        metadata_file: String::new(),
        source: Arc::new(value.clone()),
    })
}

const AT: &str = "/parameters";

fn concurrency(parameters: &JsonMap, by_attributes: bool, reader: &mut Reader) -> Option<PolicyKind> {
    let known: &[&str] = if by_attributes {
        &["threshold", "action", "attributes"]
    } else {
        &["threshold", "action"]
    };
    reader.known_keys(parameters, AT, known);
    let threshold = match reader.integer(parameters, AT, "threshold") {
        Some(threshold) => u32::try_from(threshold)
            .ok()
            .filter(|threshold| *threshold >= 1)
            .or_else(|| {
                let message = format!("{threshold} executions at once are not possible");
                reader.error("/parameters/threshold", message, "write 1 or more");
                None
            }),
        None => {
            if !parameters.contains_key("threshold") {
                reader.error(AT, "`threshold` is missing", "add `threshold: 1`");
            }
            None
        }
    };
    let over = match reader.text(parameters, AT, "action").as_deref() {
        None | Some("delay") => Over::Delay,
        Some("cancel") => Over::Cancel,
        Some(other) => {
            let message =
                format!("`{other}` is nothing that can become of an execution that is one too many");
            reader.error("/parameters/action", message, "write delay or cancel");
            Over::Delay
        }
    };
    let attributes = reader.texts(parameters, AT, "attributes");
    if by_attributes && attributes.is_empty() {
        let message = "`attributes` names no parameter whose values are compared";
        let hint = "add `attributes: [name]`, or use `action.concurrency`";
        reader.error(AT, message, hint);
    }
    if attributes.len() > MAX_ATTRIBUTES {
        let message = format!("at most {MAX_ATTRIBUTES} attributes can be compared");
        reader.error("/parameters/attributes", message, "");
    }
    Some(PolicyKind::Concurrency {
        threshold: threshold?,
        over,
        attributes,
    })
}

fn retry(parameters: &JsonMap, reader: &mut Reader) -> Option<PolicyKind> {
    reader.known_keys(parameters, AT, &["retry_on", "max_retry_count", "delay"]);
    let on = reader.required_text(parameters, AT, "retry_on");
    let on = match on.as_str() {
        "failure" => Some(RetryOn::Failure),
        "timeout" => Some(RetryOn::Timeout),
        "" => None,
        other => {
            let message = format!("an execution cannot be run again on `{other}`");
            reader.error("/parameters/retry_on", message, "write failure or timeout");
            None
        }
    };
    let max = match reader.integer(parameters, AT, "max_retry_count") {
        None => DEFAULT_RETRIES,
        Some(max) if (RETRIES.0..=RETRIES.1).contains(&max) => u32::try_from(max).unwrap_or(DEFAULT_RETRIES),
        Some(max) => {
            let message = format!("{max} retries are not possible");
            let hint = format!("write {} to {}", RETRIES.0, RETRIES.1);
            reader.error("/parameters/max_retry_count", message, hint);
            DEFAULT_RETRIES
        }
    };
    let delay = match parameters.get("delay") {
        None | Some(Json::Null) => 0.0,
        Some(value) => match value.as_f64() {
            Some(delay) if (DELAY.0..=DELAY.1).contains(&delay) => delay,
            _ => {
                let message = format!("`delay` is a number of seconds from {} to {}", DELAY.0, DELAY.1);
                reader.error("/parameters/delay", message, "write `delay: 30`");
                0.0
            }
        },
    };
    Some(PolicyKind::Retry { on: on?, max, delay })
}

/// The types of policies as API clients see them, in the reference's words.
#[must_use]
pub fn types() -> Vec<Json> {
    let threshold = json!({"description": "Concurrency threshold.", "type": "integer", "required": true});
    let action = json!({
        "description": "Which action to perform on the execution once the concurrency threshold has been reached.",
        "type": "string",
        "default": "delay",
        "enum": ["delay", "cancel"],
    });
    let attributes = json!({
        "description": "List of attributes by which to limit the concurrency.",
        "type": "array",
        "uniqueItems": true,
        "items": {"type": "string", "minLength": 1},
    });
    let retry = json!({
        "retry_on": {
            "type": "string",
            "description": "Condition to retry on.",
            "required": true,
            "enum": ["failure", "timeout"],
        },
        "max_retry_count": {
            "type": "integer",
            "description": "Maximum number of times to retry before giving up.",
            "required": true,
            "minimum": RETRIES.0,
            "maximum": RETRIES.1,
            "default": DEFAULT_RETRIES,
        },
        "delay": {
            "type": "number",
            "description": "Number of seconds to wait before retrying the execution.",
            "required": false,
            "minimum": 0,
            "maximum": 120,
        },
    });
    let rows = [
        (
            "concurrency",
            "Limits the concurrent executions for the action.",
            "concurrency",
            json!({"threshold": threshold, "action": action}),
        ),
        (
            "concurrency.attr",
            "Limits the concurrent executions for the action by attribute(s).",
            "concurrency_by_attr",
            json!({"threshold": threshold, "action": action, "attributes": attributes}),
        ),
        (
            "retry",
            "Retry (re-run) failed or timed out action.",
            "retry",
            retry,
        ),
    ];
    let shown = |(name, description, module, parameters): (&str, &str, &str, Json)| {
        let uid = format!("policy_type:action:{name}");
        json!({
            "name": name,
            "description": description,
            "uid": uid,
            "ref": format!("action.{name}"),
            "resource_type": "action",
            "enabled": true,
            "module": format!("st2actions.policies.{module}"),
            "parameters": parameters,
            "id": Id::of_name(&uid),
        })
    };
    rows.map(shown).into()
}
