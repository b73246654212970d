//! Running tasks of a workflow again: a new execution takes over the old one's journal and definition.

use std::sync::Arc;

use super::load::{self, Unfit};
use super::results::TaskExecutions;
use super::{journal, plans};
use crate::engine::SubmitError;
use crate::engine::state::State;
use crate::expr::template::Options;
use crate::model::{Continues, Execution, Id};
use crate::runners::FlowLanguage;
use crate::store::{StoreError, Write};
use crate::workflow::conductor::{Parts, RerunTask};
use crate::workflow::definition::Command;
use crate::workflow::flow::{BadJournal, Flow, FlowParts};

/// What a new execution is given to go on where another one ended.
pub(in crate::engine) struct TakenOver {
    pub(in crate::engine) continues: Continues,
    /// The journal, to be committed with the new execution.
    pub(in crate::engine) rows: Vec<Write>,
}

/// Prepares `new` to run `tasks` of a workflow that has ended again, in all of their routes, and what follows them. Of
/// those in `reset` all items run again, else only the failed ones.
///
/// # Errors
/// The execution is no workflow, has not ended, or a task has not run.
pub(in crate::engine) async fn take_over(
    state: &Arc<State>,
    original: &Execution,
    new: Id,
    tasks: &[String],
    reset: &[String],
) -> Result<TakenOver, SubmitError> {
    let refused = |message: String| SubmitError::NotRerunnable(message);
    let text = match load::text(state, original).await {
        Ok(text) => text,
        Err(Unfit::Store(error)) => return Err(error.into()),
        Err(Unfit::Flawed(_)) => {
            return Err(refused(format!(
                "the definition of {} is gone",
                original.request.action
            )));
        }
    };
    let evaluator = Arc::clone(&state.parts.evaluator);
    let digest = load::digest(original).to_owned();
    let plans: &plans::Plans = &state.plans;
    let runner = state.parts.runners.get(&original.request.runner);
    if runner.and_then(|runner| runner.conducts()) != Some(FlowLanguage::Orquesta) {
        return Err(refused(
            "only tasks of orquesta workflows run again alone: run the chain anew".to_owned(),
        ));
    }
    let plan = plans.get(&digest, &text, &evaluator).map_err(|_| {
        refused("the workflow could not be run at all: correct it and run it anew".to_owned())
    })?;
    let journal = load::journal(state, original.id).await?;
    let parts = Parts {
        plan,
        evaluator,
        options: Options::default(),
        outside: Arc::new(TaskExecutions::default()),
    };
    let corrupt = |error: BadJournal| {
        SubmitError::Store(StoreError::Corrupt {
            what: format!("execution {}: {error}", original.id),
        })
    };
    let mut flow = Flow::restore(
        FlowParts::Workflow(parts),
        journal.snapshot.as_deref(),
        &journal.texts,
    )
    .map_err(corrupt)?;
    let Flow::Workflow(conductor) = &mut flow else {
        return Err(refused("it is no workflow".to_owned()));
    };
    let mut wanted = Vec::new();
    for task in tasks {
        if Command::named(task).is_some() {
            return Err(refused(format!(
                "{task} is a command to the workflow, not a task: name the task before it"
            )));
        }
        let routes: Vec<u32> = (0..u32::try_from(conductor.routes().len()).unwrap_or(u32::MAX))
            .filter(|route| conductor.latest(task, *route).is_some())
            .collect();
        if routes.is_empty() {
            return Err(refused(format!(
                "Unable to rerun task|route(s) because it doesn't exist or isn't rerunnable: {task}|0"
            )));
        }
        wanted.extend(routes.into_iter().map(|route| RerunTask {
            task: task.clone(),
            route,
            reset_items: reset.contains(task),
        }));
    }
    conductor
        .rerun(Some(&wanted))
        .map_err(|error| refused(error.to_string()))?;
    let key = &state.parts.key;
    let whole = journal.snapshot.into_iter().map(|text| (text, true));
    let since = journal.texts.into_iter().chain(flow.take_journal());
    let texts = whole.chain(since.map(|text| (text, false)));
    let rows = (0..)
        .zip(texts)
        .map(|(number, (text, whole))| Write::Journal(journal::write(new, number, text, whole, key)))
        .collect();
    Ok(TakenOver {
        continues: Continues {
            execution: original.id,
            digest,
        },
        rows,
    })
}
