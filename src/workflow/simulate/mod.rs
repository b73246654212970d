//! Workflows without actions: a script says what each action would give, a virtual clock when.
//!
//! What a run leads to is one value, the picture: status, output, errors, tasks, contexts, what was handed out when, and
//! a trace. The same rules drive the reference's conductor, so pictures of both can be compared.

mod driver;
mod picture;
mod records;
mod replay;
mod script;
#[cfg(test)]
mod tests;

use std::sync::Arc;

pub use picture::picture;
pub use replay::replay;
pub use script::{BadScript, Script};

use self::driver::Driver;
use self::records::Records;
use super::conductor::{Conductor, Parts, Plan};
use super::definition::{Document, Workflow};
use super::inspect::{Inspector, Report};
use crate::expr::template::{Evaluator, Options};
use crate::expr::value::{Dict, Value};

/// A workflow to simulate, and what it starts with.
#[derive(Clone, Debug)]
pub struct Case<'a> {
    /// The definition.
    pub definition: &'a str,
    /// Values of its inputs.
    pub inputs: Dict,
    /// The caller's context.
    pub context: Dict,
    /// Whether a definition that inspection refuses is refused.
    pub inspect: bool,
}

/// Why there is nothing to show.
#[derive(Debug)]
pub enum Refusal {
    /// The definition is no workflow at all.
    Load(String),
    /// Inspection refuses it.
    Invalid(Report),
    /// The script makes no sense.
    Script(BadScript),
}

impl From<BadScript> for Refusal {
    fn from(error: BadScript) -> Self {
        Self::Script(error)
    }
}

impl Case<'_> {
    /// The workflow, ready to be conducted.
    fn parts(
        &self,
        evaluator: &Arc<Evaluator>,
        options: Options,
        records: &Arc<Records>,
    ) -> Result<Parts, Refusal> {
        let document = Document::parse(self.definition).map_err(|error| Refusal::Load(error.to_string()))?;
        if self.inspect {
            let names = self.context.keys().filter_map(Value::as_str);
            let report = Inspector::new(evaluator)
                .with_context(names)
                .inspect_text(self.definition);
            if !report.is_valid() {
                return Err(Refusal::Invalid(report));
            }
        }
        let workflow = Arc::new(Workflow::read(&document));
        Ok(Parts {
            plan: Arc::new(Plan::new(workflow, evaluator)),
            evaluator: Arc::clone(evaluator),
            options,
            outside: Arc::<Records>::clone(records),
        })
    }
}

/// Runs a workflow by a script and shows where it went.
///
/// # Errors
///
/// The definition is no workflow, or may not run.
pub fn simulate(
    case: &Case<'_>,
    script: &Script,
    evaluator: &Arc<Evaluator>,
    options: Options,
) -> Result<Value, Refusal> {
    run(case, script, evaluator, options, None).map(|(_, picture)| picture)
}

/// The conductor of a workflow that has not been asked to run yet.
///
/// # Errors
///
/// The definition is no workflow, or may not run.
pub fn conductor(
    case: &Case<'_>,
    evaluator: &Arc<Evaluator>,
    options: Options,
) -> Result<Conductor, Refusal> {
    let context = Value::Dict(case.context.clone());
    let records = Arc::new(Records::new(&context, &Value::Null));
    let parts = case.parts(evaluator, options, &records)?;
    Ok(Conductor::new(parts, &case.inputs, &case.context))
}

fn run(
    case: &Case<'_>,
    script: &Script,
    evaluator: &Arc<Evaluator>,
    options: Options,
    between: Option<&dyn Fn(Conductor) -> Conductor>,
) -> Result<(Conductor, Value), Refusal> {
    let context = Value::Dict(case.context.clone());
    let records = Arc::new(Records::new(&context, &script.kv));
    let parts = case.parts(evaluator, options, &records)?;
    Ok(Driver::new(parts, records, script, &case.inputs, &case.context).run(between))
}
