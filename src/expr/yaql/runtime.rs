//! What one evaluation carries: the caller's environment, the budget, and the scope of variables.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;

use super::error::YaqlError;
use super::function::{Library, Overload, overload};
use super::lambda::Lambda;
use super::params::{Named, Rest, is_no_value};
use super::plan::Plan;
use crate::expr::scene::Scene;
use crate::expr::value::{DateTime, Dict, Value};

/// Deepest nesting of lists and dictionaries that an expression may build.
pub(crate) const MAX_NESTING: u32 = 500;
/// Most scopes and values within each other.
const MAX_FRAMES: u32 = 1000;

/// Bounds of one evaluation. Nothing an expression does can go beyond them.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Steps: evaluated parts of expressions and items drawn from sequences.
    pub steps: u64,
    /// Bytes that the evaluation may make, freed ones included.
    pub bytes: u64,
    /// Calls within calls.
    pub depth: u32,
}

impl Default for Limits {
    /// About a second, 64 MiB, and the depth at which Python gives up too.
    fn default() -> Self {
        Self {
            steps: 5_000_000,
            bytes: 64 * 1024 * 1024,
            depth: 150,
        }
    }
}

/// What the caller gives to an evaluation.
#[derive(Clone, Copy)]
pub struct Env<'a> {
    /// `$` at the top.
    pub data: &'a Value,
    /// `$name` at the top.
    pub vars: Option<&'a Dict>,
    /// What the functions of workflows answer from, see [`Cx::scene`].
    pub scene: Option<&'a dyn Scene>,
    /// The time that `now()` gives, in UTC.
    pub now: &'a dyn Fn() -> DateTime,
    /// A random number generator: 64 new bits at each call.
    pub random: &'a dyn Fn() -> u64,
    /// Bounds.
    pub limits: Limits,
}

/// The state of one evaluation, shared by everything that runs in it.
pub(crate) struct Runtime<'a> {
    pub(crate) env: Env<'a>,
    pub(crate) library: &'a Library,
    steps: Cell<u64>,
    bytes: Cell<u64>,
    depth: Cell<u32>,
    /// Plans of calls by name with values: name, whether a method, number of values.
    plans: RefCell<Vec<(Rc<Plan>, usize)>>,
}

impl<'a> Runtime<'a> {
    pub(crate) fn new(env: Env<'a>, library: &'a Library) -> Self {
        Self {
            env,
            library,
            steps: Cell::new(env.limits.steps),
            bytes: Cell::new(env.limits.bytes),
            depth: Cell::new(0),
            plans: RefCell::default(),
        }
    }

    /// The plan of calling a name with so many values, made once.
    pub(crate) fn plan(
        &self,
        name: &str,
        is_method: bool,
        values: usize,
        make: impl FnOnce() -> Plan,
    ) -> Rc<Plan> {
        let known = self.plans.borrow().iter().find_map(|(plan, count)| {
            let same = *count == values && plan.is_method() == is_method && **plan.name() == *name;
            same.then(|| Rc::clone(plan))
        });
        known.unwrap_or_else(|| {
            let plan = Rc::new(make());
            self.plans.borrow_mut().push((Rc::clone(&plan), values));
            plan
        })
    }

    /// Counts one step.
    pub(crate) fn tick(&self) -> Result<(), YaqlError> {
        self.spend(1)
    }

    /// Counts steps: one for about every 50 ns of work.
    pub(crate) fn spend(&self, steps: u64) -> Result<(), YaqlError> {
        match self.steps.get().checked_sub(steps) {
            Some(left) => {
                self.steps.set(left);
                Ok(())
            }
            None => {
                self.steps.set(0);
                Err(YaqlError::limit(format!(
                    "The expression takes more than {} steps",
                    self.env.limits.steps
                )))
            }
        }
    }

    /// Counts bytes about to be made. Call it before making them.
    pub(crate) fn charge(&self, bytes: usize) -> Result<(), YaqlError> {
        match self.bytes.get().checked_sub(bytes as u64) {
            Some(left) => {
                self.bytes.set(left);
                Ok(())
            }
            None => Err(YaqlError::limit(format!(
                "The expression makes more than {} bytes",
                self.env.limits.bytes
            ))),
        }
    }

    /// Runs `work` one call deeper.
    pub(crate) fn deeper<T>(&self, work: impl FnOnce() -> Result<T, YaqlError>) -> Result<T, YaqlError> {
        let depth = self.depth.get();
        if depth >= self.env.limits.depth {
            return Err(YaqlError::recursion());
        }
        self.depth.set(depth + 1);
        let result = work();
        self.depth.set(depth);
        result
    }
}

/// What a function sees: the evaluation and the scope in which it was called.
#[derive(Clone, Copy)]
pub struct Cx<'a> {
    pub(crate) runtime: &'a Runtime<'a>,
    pub(crate) scope: &'a Scope,
}

impl<'a> Cx<'a> {
    /// Counts one step; call it once for every item of a loop that calls nothing else.
    pub fn tick(&self) -> Result<(), YaqlError> {
        self.runtime.tick()
    }

    /// Counts steps: one for about every 50 ns of work.
    pub fn spend(&self, steps: usize) -> Result<(), YaqlError> {
        self.runtime.spend(steps as u64)
    }

    /// Counts bytes about to be made; call it *before* making anything whose size the expression decides.
    pub fn charge(&self, bytes: usize) -> Result<(), YaqlError> {
        self.runtime.charge(bytes)
    }

    /// The time that the caller calls now, in UTC.
    pub fn now(&self) -> DateTime {
        (self.runtime.env.now)()
    }

    /// 64 random bits.
    pub fn random(&self) -> u64 {
        (self.runtime.env.random)()
    }

    /// The scene of the workflow that the expression belongs to, if any.
    pub fn scene(&self) -> Option<&'a dyn Scene> {
        self.runtime.env.scene
    }

    /// The scope in which the function was called.
    pub fn scope(&self) -> &'a Scope {
        self.scope
    }

    /// `$1`, `$2` …; `$` is `$1`. Null where nothing is set.
    pub(crate) fn numbered(&self, number: usize) -> Value {
        let outermost = || (number == 1).then_some(self.runtime.env.data);
        self.scope
            .numbered(number)
            .or_else(outermost)
            .cloned()
            .unwrap_or_default()
    }

    /// `$name`. Null where nothing is set.
    pub(crate) fn named(&self, name: &str) -> Value {
        let outermost = || self.runtime.env.vars.and_then(|vars| vars.get_str(name));
        self.scope
            .named(name)
            .or_else(outermost)
            .cloned()
            .unwrap_or_default()
    }

    /// The same evaluation in another scope.
    pub(crate) fn within<'b>(&self, scope: &'b Scope) -> Cx<'b>
    where
        'a: 'b,
    {
        Cx {
            runtime: self.runtime,
            scope,
        }
    }
}

/// Variables and functions that an expression defined, innermost first. A clone shares them; they never change.
#[derive(Clone, Default)]
pub struct Scope(Option<Arc<Frame>>);

struct Frame {
    outer: Scope,
    /// Frames and values within each other, at most.
    depth: u32,
    /// `$1`, `$2` …; `$` is `$1`.
    numbered: smallvec::SmallVec<[Value; 1]>,
    named: Vec<(Arc<str>, Value)>,
    /// A function's name and what it evaluates.
    function: Option<Box<(Arc<str>, Lambda)>>,
    /// Whether this or an outer frame defines a function.
    has_functions: bool,
}

impl Scope {
    /// A scope inside this one with `$1`, `$2` … set (`$` is the first).
    pub(crate) fn with_numbered(&self, values: impl IntoIterator<Item = Value>) -> Result<Self, YaqlError> {
        self.child(values.into_iter().collect(), Vec::new(), None)
    }

    /// A scope inside this one with `$1`, `$2` … and `$name`s set. A name may have its `$` or be a number; the empty
    /// one is `$`.
    pub fn with_both(
        &self,
        numbered: Vec<Value>,
        mut named: Vec<(Arc<str>, Value)>,
    ) -> Result<Self, YaqlError> {
        for (name, _) in &mut named {
            if let Some(short) = name.strip_prefix('$') {
                *name = short.into();
            }
            if name.is_empty() {
                *name = "1".into();
            }
        }
        self.child(numbered.into(), named, None)
    }

    /// A scope inside this one with one more function.
    pub(crate) fn with_function(&self, name: Arc<str>, body: Lambda) -> Result<Self, YaqlError> {
        self.child(
            smallvec::SmallVec::new(),
            Vec::new(),
            Some(Box::new((name, body))),
        )
    }

    fn child(
        &self,
        numbered: smallvec::SmallVec<[Value; 1]>,
        named: Vec<(Arc<str>, Value)>,
        function: Option<Box<(Arc<str>, Lambda)>>,
    ) -> Result<Self, YaqlError> {
        let values = numbered.iter().chain(named.iter().map(|(_, value)| value));
        let inner = values.map(Value::depth).max().unwrap_or(0);
        let function_depth = function.as_ref().map_or(0, |function| function.1.depth());
        let depth = self.depth().max(inner).max(function_depth) + 1;
        if depth > MAX_FRAMES {
            return Err(YaqlError::recursion());
        }
        let has_functions = function.is_some() || self.has_functions();
        Ok(Self(Some(Arc::new(Frame {
            outer: self.clone(),
            depth,
            numbered,
            named,
            function,
            has_functions,
        }))))
    }

    /// Frames and values within each other, at most.
    pub(crate) fn depth(&self) -> u32 {
        self.0.as_ref().map_or(0, |frame| frame.depth)
    }

    /// Whether any function was defined.
    pub(crate) fn has_functions(&self) -> bool {
        self.0.as_ref().is_some_and(|frame| frame.has_functions)
    }

    /// Whether a function of this name was defined.
    pub(crate) fn defines(&self, name: &str) -> bool {
        let name = name.trim_end_matches('_');
        self.frames()
            .take_while(|frame| frame.has_functions)
            .any(|frame| {
                frame
                    .function
                    .as_ref()
                    .is_some_and(|function| *function.0 == *name)
            })
    }

    /// The functions of a name that were defined, innermost first. A function sees the scope that defines it, itself
    /// included.
    pub(crate) fn functions(&self, name: &str) -> Vec<Overload> {
        let scopes = std::iter::successors(Some(self), |scope| scope.0.as_ref().map(|frame| &frame.outer));
        scopes
            .filter_map(|scope| {
                let (known, body) = &**scope.0.as_ref()?.function.as_ref()?;
                (**known == *name).then(|| defined(known, body.in_scope(scope.clone())))
            })
            .collect()
    }

    fn frames(&self) -> impl Iterator<Item = &Frame> {
        std::iter::successors(self.0.as_deref(), |frame| frame.outer.0.as_deref())
    }

    /// `$1`, `$2` …
    pub(crate) fn numbered(&self, number: usize) -> Option<&Value> {
        let index = number.checked_sub(1)?;
        self.frames().find_map(|frame| {
            let by_number = frame.numbered.get(index).filter(|value| !is_no_value(value));
            by_number.or_else(|| frame.named_number(number))
        })
    }

    /// `$name`.
    pub(crate) fn named(&self, name: &str) -> Option<&Value> {
        self.frames().find_map(|frame| frame.named(name))
    }
}

impl Frame {
    /// What was set under a name; what was left out between two commas was not.
    fn named(&self, name: &str) -> Option<&Value> {
        let mut latest = self.named.iter().rev();
        latest
            .find(|(known, value)| **known == *name && !is_no_value(value))
            .map(|(_, value)| value)
    }

    /// What was set under a name that is a number.
    fn named_number(&self, number: usize) -> Option<&Value> {
        if self.named.is_empty() {
            return None;
        }
        self.named(&number.to_string())
    }
}

fn defined(name: &str, body: Lambda) -> Overload {
    let call = move |cx: &Cx<'_>, args: Rest<Value>, named: Named| body.call_named(cx, args.0, named.0);
    overload(name, "*args, **kwargs", call, true, false)
}

impl std::fmt::Debug for Scope {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Scope({} frames)", self.frames().count())
    }
}
