//! What actions are checked against when packs are loaded: the rules that requests would meet later.

use std::collections::BTreeMap;

use crate::content::{Checks, Finding};
use crate::model::Action;
use crate::params::{CompiledParameters, OutputSchema, Severity};
use crate::runners::RunnerSpec;

/// Checks against these runners.
pub(super) fn checks(specs: impl Iterator<Item = RunnerSpec>) -> Checks {
    let specs: BTreeMap<&'static str, RunnerSpec> = specs.map(|spec| (spec.name, spec)).collect();
    let names = specs
        .values()
        .map(|spec| (spec.name.to_owned(), spec.parameters.keys().cloned().collect()))
        .collect();
    let required = specs
        .values()
        .map(|spec| (spec.name.to_owned(), required(spec)))
        .collect();
    let checks = Checks::new(names, move |action| {
        specs
            .get(&*action.runner_type)
            .map_or_else(Vec::new, |spec| findings(action, spec))
    });
    checks.with_required(required)
}

/// Parameters of a runner that must be given.
fn required(spec: &RunnerSpec) -> Vec<String> {
    let parameters = spec.parameters.iter().filter(|(_, schema)| {
        schema.get("required") == Some(&true.into()) && schema.get("default").is_none()
    });
    parameters.map(|(name, _)| name.clone()).collect()
}

fn findings(action: &Action, runner: &RunnerSpec) -> Vec<Finding> {
    let mut findings = Vec::new();
    let problems = match CompiledParameters::compile(&runner.parameters, &action.parameters) {
        Ok(compiled) => compiled.warnings().to_vec(),
        Err(problems) => problems,
    };
    for problem in problems {
        let path = pointer(&problem.path);
        let hint = problem.hint.unwrap_or_default();
        findings.push(match problem.severity {
            Severity::Error => Finding::error(path, problem.message, hint),
            Severity::Warning => Finding::warning(path, problem.message, hint),
        });
    }
    if let Err(why) = OutputSchema::new(&action.output_schema, runner.output_key) {
        findings.push(Finding::error("/output_schema", why, "write it as a JSON schema"));
    }
    findings
}

/// `parameters.hosts.items[0]` as a JSON pointer.
fn pointer(path: &str) -> String {
    path.split(['.', '[', ']'])
        .filter(|part| !part.is_empty())
        .fold(String::new(), |pointer, part| {
            pointer + "/" + &part.replace('~', "~0").replace('/', "~1")
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_become_pointers() {
        assert_eq!(
            pointer("parameters.hosts.anyOf[1].type"),
            "/parameters/hosts/anyOf/1/type"
        );
    }
}
