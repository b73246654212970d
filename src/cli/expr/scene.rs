//! What expressions of people can see: variables and `$`, from files or from the command line; and which language an
//! expression without delimiters is in.

use std::path::Path;

use super::evaluate::Task;
use crate::cli::CliError;
use crate::cli::args::{Language, Mode, SceneArgs};
use crate::expr::pyyaml;
use crate::expr::value::{self, Value};

/// Largest file that is read, in bytes.
const MAX_FILE: u64 = 64 << 20;

/// What expressions can see.
#[derive(Clone, Debug, Default)]
pub(super) struct Scene {
    pub(super) context: Option<Value>,
    pub(super) data: Value,
    pub(super) legacy_reevaluate: bool,
}

impl Scene {
    /// Reads what the flags name.
    pub(super) fn read(args: &SceneArgs) -> Result<Self, CliError> {
        let context = args
            .context
            .as_deref()
            .map(|given| read("--context", given))
            .transpose()?;
        if let Some(context) = &context
            && context.as_dict().is_none()
        {
            return Err(CliError::new(format!("--context is {}", kind(context)))
                .hint("give an object with the variables, such as {\"name\": \"ana\"}"));
        }
        Ok(Self {
            context,
            data: args
                .data
                .as_deref()
                .map(|given| read("--data", given))
                .transpose()?
                .unwrap_or_default(),
            legacy_reevaluate: args.legacy_reevaluate,
        })
    }

    /// The task of evaluating what somebody typed.
    pub(super) fn task(&self, typed: &str, language: Language, mode: Option<Mode>) -> Task {
        let (language, natural, expr) = taken(typed, language);
        let mode = mode.unwrap_or(natural);
        // A mode that is asked for takes the text as it is.
        let expr = if mode == natural { expr } else { typed.to_owned() };
        Task {
            language,
            mode,
            expr: Value::text(expr),
            context: self.context.clone(),
            data: self.data.clone(),
            vars: None,
            kv: None,
            allow_undefined: false,
            legacy_reevaluate: self.legacy_reevaluate,
        }
    }
}

/// Language, mode and text of what somebody typed.
fn taken(typed: &str, language: Language) -> (Language, Mode, String) {
    let jinja = typed.contains("{{") || typed.contains("{%");
    let yaql = typed.contains("<%");
    match language {
        Language::Auto if jinja => (Language::Jinja, Mode::Text, typed.to_owned()),
        Language::Auto | Language::Yaql if yaql => (Language::Yaql, Mode::Text, typed.to_owned()),
        Language::Auto | Language::Yaql => (Language::Yaql, Mode::Bare, typed.trim().to_owned()),
        Language::Jinja if jinja => (Language::Jinja, Mode::Text, typed.to_owned()),
        Language::Jinja => (Language::Jinja, Mode::Text, format!("{{{{ {} }}}}", typed.trim())),
    }
}

/// JSON, or the name of a file with YAML or JSON.
fn read(flag: &str, given: &str) -> Result<Value, CliError> {
    let path = Path::new(given);
    let inline = given.trim_start().starts_with(['{', '[', '"']);
    if inline || !(path.exists() || given.contains(['/', '.'])) {
        return value::loads(given).map_err(|error| {
            CliError::new(format!("{flag} is neither JSON nor a file: {error}"))
                .hint("write it as JSON in single quotes, or name a YAML or JSON file")
        });
    }
    read_file(flag, path)
}

/// A file with YAML or JSON.
pub(super) fn read_file(flag: &str, path: &Path) -> Result<Value, CliError> {
    let shown = path.display();
    let size = std::fs::metadata(path)
        .map_err(|error| CliError::new(format!("{flag}: {shown} cannot be read: {error}")))?
        .len();
    if size > MAX_FILE {
        return Err(CliError::new(format!(
            "{flag}: {shown} has {size} bytes, {MAX_FILE} are allowed"
        )));
    }
    let text = std::fs::read_to_string(path)
        .map_err(|error| CliError::new(format!("{flag}: {shown} cannot be read: {error}")))?;
    // JSON first: it keeps integers of any size.
    if let Ok(value) = value::loads(&text) {
        return Ok(value);
    }
    let value =
        pyyaml::load(&text).map_err(|error| CliError::new(format!("{flag}: {shown} is no YAML: {error}")))?;
    // What executions keep is JSON: dates are texts there.
    value::to_json(&value)
        .map(|json| value::from_json(&json))
        .map_err(|error| CliError::new(format!("{flag}: {shown}: {error}")))
}

/// A value's type in words.
fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a Boolean",
        Value::Int(_) | Value::BigInt(_) | Value::Float(_) => "a number",
        Value::Str(_) => "a text",
        Value::List(_) | Value::Tuple(_) => "a list",
        _ => "no object",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_language_follows_from_the_delimiters() {
        let yaql = |mode, text: &str| (Language::Yaql, mode, text.to_owned());
        let jinja = |text: &str| (Language::Jinja, Mode::Text, text.to_owned());
        assert_eq!(taken(" 1 + 1 ", Language::Auto), yaql(Mode::Bare, "1 + 1"));
        assert_eq!(taken("<% 1 %>", Language::Auto), yaql(Mode::Text, "<% 1 %>"));
        assert_eq!(taken("a {{ 1 }}", Language::Auto), jinja("a {{ 1 }}"));
        assert_eq!(
            taken("{% if x %}<% 1 %>{% endif %}", Language::Auto).0,
            Language::Jinja
        );
        assert_eq!(taken("1 + 1", Language::Jinja), jinja("{{ 1 + 1 }}"));
        assert_eq!(
            taken("{a => {b => 1}}", Language::Yaql),
            yaql(Mode::Bare, "{a => {b => 1}}")
        );
    }

    #[test]
    fn contexts_are_json_or_files() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("c.yaml");
        std::fs::write(&file, "a: [1, yes]\n").unwrap();
        let given = |context: &str| {
            Scene::read(&SceneArgs {
                context: Some(context.to_owned()),
                ..SceneArgs::default()
            })
        };
        let of_file = given(file.to_str().unwrap()).unwrap().context.unwrap();
        assert_eq!(
            value::to_tagged(&of_file),
            r#"{"a": [1, true]}"#.replace(": ", ":").replace(", ", ",")
        );
        let inline = given(r#"{"n": 123456789012345678901234567890}"#)
            .unwrap()
            .context
            .unwrap();
        assert_eq!(
            value::to_tagged(&inline),
            r#"{"n":123456789012345678901234567890}"#
        );
        assert!(given("[1]").unwrap_err().message.contains("a list"));
        assert!(
            given("missing.yaml")
                .unwrap_err()
                .message
                .contains("cannot be read")
        );
        assert!(
            given("{nonsense")
                .unwrap_err()
                .message
                .contains("neither JSON nor a file")
        );
    }
}
