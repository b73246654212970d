//! What an expression of a workflow can see besides its own text: variables, the current task, other tasks' states.
//!
//! The caller of an evaluation (the conductor, a command) describes the scene by implementing [`Scene`] over what it
//! has at hand. Nothing is converted or copied for an evaluation: values are shared, and the methods are asked only for
//! what an expression uses.

mod context;

pub use context::ContextScene;

use std::sync::{Arc, OnceLock};

use super::jinja::KeyLookup;
use super::value::{Dict, Value};

/// What the functions of workflows (`ctx`, `result`, `task_status`, `st2kv`, …) answer from.
pub trait Scene {
    /// What `ctx()` shows. `None`: the text is evaluated without any context.
    fn variables(&self) -> Option<&Variables>;

    /// The task that has just ended (`result()`, `succeeded()`), if there is one.
    fn current_task(&self) -> Option<CurrentTask<'_>> {
        None
    }

    /// The item of a task with items.
    fn current_item(&self) -> Option<&Value> {
        None
    }

    /// The status of the latest execution of a task in exactly this route; `None` if it has none there.
    fn task_status(&self, task: &str, route: i64) -> Option<&str> {
        let _ = (task, route);
        None
    }

    /// The transitions that led to a route; `None` if there is no such route.
    fn route(&self, route: i64) -> Option<&[Arc<str>]> {
        let _ = route;
        None
    }

    /// What `task()` shows of the latest execution of a task in exactly this route: a dictionary with
    /// `task_execution_id`, `workflow_execution_id`, `task_name`, `task_id`, `route`, `result`, `status`,
    /// `start_timestamp` and `end_timestamp`. `None` if it was never executed.
    fn task_execution(&self, task: &str, route: i64) -> Option<Value> {
        let _ = (task, route);
        None
    }

    /// The keys that `st2kv()` reads, with the user already known.
    fn datastore(&self) -> Option<&dyn KeyLookup> {
        None
    }
}

/// The task that `result()` and `succeeded()` speak of.
#[derive(Debug, Clone, Copy)]
pub struct CurrentTask<'a> {
    /// Its name in the workflow.
    pub id: &'a str,
    /// Its route.
    pub route: i64,
    /// Its result so far.
    pub result: &'a Value,
}

/// The variables of a workflow: one dictionary for all evaluations of a step. A clone shares it.
#[derive(Debug, Clone, Default)]
pub struct Variables(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    all: Dict,
    /// Without private names; the same dictionary where there are none.
    public: OnceLock<Dict>,
    /// The same as YAQL sees what a function has just made: no key of a dictionary.
    fresh: OnceLock<Dict>,
}

impl Variables {
    /// Variables by name. Names that start with two underscores exist but cannot be read.
    pub fn new(all: Dict) -> Self {
        Self(Arc::new(Shared {
            all,
            ..Shared::default()
        }))
    }

    /// The value of a variable, private or not.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.0.all.get_str(name)
    }

    /// All variables, private ones too.
    pub fn all(&self) -> &Dict {
        &self.0.all
    }

    /// All variables that are not private. Made once.
    pub fn public(&self) -> &Dict {
        self.0.public.get_or_init(|| {
            let all = &self.0.all;
            if !all.keys().any(is_private) {
                return all.clone();
            }
            let shown = all.iter().filter(|(name, _)| !is_private(name));
            shown.map(|(name, value)| (name.clone(), value.clone())).collect()
        })
    }

    /// [`Variables::public`] as a fresh dictionary of YAQL. Made once.
    pub(crate) fn public_fresh(&self) -> &Dict {
        self.0
            .fresh
            .get_or_init(|| Dict::mutable(self.public().clone().into_map()))
    }
}

impl From<Dict> for Variables {
    fn from(all: Dict) -> Self {
        Self::new(all)
    }
}

fn is_private(name: &Value) -> bool {
    name.as_str().is_some_and(|name| name.starts_with("__"))
}

/// The scene of an evaluation without any context.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoScene;

impl Scene for NoScene {
    fn variables(&self) -> Option<&Variables> {
        None
    }
}

/// Variables alone are a scene without tasks.
impl Scene for Variables {
    fn variables(&self) -> Option<&Variables> {
        Some(self)
    }
}
