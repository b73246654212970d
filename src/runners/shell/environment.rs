//! The environment of a shell action: the server's without its secrets, what the action gives, and who it is.

use std::ffi::OsString;

use serde_json::Value;

use super::Job;

/// The server's own environment as far as actions may see it: nothing named `SAYSO_…`, and of `ST2_…` nothing
/// that holds a secret.
pub(super) fn inherited() -> Vec<(OsString, OsString)> {
    std::env::vars_os()
        .filter(|(name, _)| !is_private(&name.to_string_lossy()))
        .collect()
}

fn is_private(name: &str) -> bool {
    const SECRETS: [&str; 4] = ["TOKEN", "KEY", "PASSWORD", "SECRET"];
    name.starts_with("SAYSO_") || (name.starts_with("ST2_") && SECRETS.iter().any(|word| name.contains(word)))
}

/// The parameter `env` as names and values: numbers and booleans as JSON writes them, null not at all.
pub(super) fn given(parameter: Option<&Value>) -> Result<Vec<(String, String)>, String> {
    let variables = match parameter {
        None | Some(Value::Null) => return Ok(Vec::new()),
        Some(Value::Object(variables)) => variables,
        Some(_) => return Err("Parameter \"env\" must be an object of names and values".to_owned()),
    };
    let mut given = Vec::with_capacity(variables.len());
    for (name, value) in variables {
        if name.is_empty() || name.contains(['=', '\0']) {
            return Err(format!(
                "Parameter \"env\": {name:?} cannot be the name of an environment variable"
            ));
        }
        let value = match value {
            Value::Null => continue,
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        if value.contains('\0') {
            return Err(format!(
                "Parameter \"env\": the value of {name} contains a NUL byte"
            ));
        }
        given.push((name.clone(), value));
    }
    Ok(given)
}

/// Everything together; later ones win: inherited, given, who it is.
pub(super) fn complete(
    inherited: &[(OsString, OsString)],
    given: &[(String, String)],
    job: &Job,
) -> Vec<(OsString, OsString)> {
    let execution = job.execution.to_string();
    let identity = [
        ("ST2_ACTION_PACK_NAME", job.action.pack.as_str()),
        ("ST2_ACTION_EXECUTION_ID", &execution),
        ("SAYSO_EXECUTION_ID", &execution),
    ];
    let added = given
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .chain(identity)
        .map(|(name, value)| (OsString::from(name), OsString::from(value)));
    inherited.iter().cloned().chain(added).collect()
}

#[cfg(test)]
mod tests {
    use super::is_private;

    #[test]
    fn secrets_of_the_server_are_private() {
        for name in [
            "SAYSO_DATABASE",
            "SAYSO_X",
            "ST2_AUTH_TOKEN",
            "ST2_API_KEY",
            "ST2_PASSWORD",
        ] {
            assert!(is_private(name), "{name}");
        }
        for name in ["PATH", "HOME", "ST2_API_URL", "AWS_REGION", "MY_SAYSO_X"] {
            assert!(!is_private(name), "{name}");
        }
    }
}
