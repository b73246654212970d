//! What one evaluation carries: the caller's environment, the budget, and the scope of variables.

use std::any::Any;
use std::cell::Cell;
use std::sync::Arc;

use super::error::YaqlError;
use super::function::{Library, Overload};
use crate::expr::value::{DateTime, Dict, Value};

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
            depth: 100,
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
    /// The caller's own state for functions that it registered, see [`Cx::host`].
    pub host: Option<&'a dyn Any>,
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
}

impl<'a> Runtime<'a> {
    pub(crate) fn new(env: Env<'a>, library: &'a Library) -> Self {
        Self {
            env,
            library,
            steps: Cell::new(env.limits.steps),
            bytes: Cell::new(env.limits.bytes),
            depth: Cell::new(0),
        }
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

    /// The caller's state, if it is a `T`.
    pub fn host<T: 'static>(&self) -> Option<&'a T> {
        self.runtime.env.host?.downcast_ref()
    }

    /// The scope in which the function was called.
    pub fn scope(&self) -> &'a Scope {
        self.scope
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
    /// `$1`, `$2` …; `$` is `$1`.
    numbered: smallvec::SmallVec<[Value; 1]>,
    named: Vec<(Arc<str>, Value)>,
    function: Option<Arc<Overload>>,
    /// Whether this or an outer frame defines a function.
    has_functions: bool,
}

impl Scope {
    /// A scope inside this one with `$1`, `$2` … set.
    pub fn with_numbered(&self, values: impl IntoIterator<Item = Value>) -> Self {
        self.child(values.into_iter().collect(), Vec::new(), None)
    }

    /// A scope inside this one with `$name`s set; a name that is a number is `$1` …
    pub fn with_named(&self, values: Vec<(Arc<str>, Value)>) -> Self {
        self.child(smallvec::SmallVec::new(), values, None)
    }

    /// A scope inside this one with both.
    pub fn with_both(&self, numbered: Vec<Value>, named: Vec<(Arc<str>, Value)>) -> Self {
        self.child(numbered.into(), named, None)
    }

    /// A scope inside this one with one more function.
    pub(crate) fn with_function(&self, function: Overload) -> Self {
        self.child(smallvec::SmallVec::new(), Vec::new(), Some(Arc::new(function)))
    }

    fn child(
        &self,
        numbered: smallvec::SmallVec<[Value; 1]>,
        named: Vec<(Arc<str>, Value)>,
        function: Option<Arc<Overload>>,
    ) -> Self {
        let has_functions = function.is_some() || self.has_functions();
        Self(Some(Arc::new(Frame {
            outer: self.clone(),
            numbered,
            named,
            function,
            has_functions,
        })))
    }

    /// Whether any function was defined.
    pub(crate) fn has_functions(&self) -> bool {
        self.0.as_ref().is_some_and(|frame| frame.has_functions)
    }

    /// The functions of a name that were defined, innermost first.
    pub(crate) fn functions<'s>(&'s self, name: &'s str) -> impl Iterator<Item = &'s Arc<Overload>> + 's {
        self.frames()
            .take_while(|frame| frame.has_functions)
            .filter_map(|frame| frame.function.as_ref())
            .filter(move |function| function.name() == name)
    }

    fn frames(&self) -> impl Iterator<Item = &Frame> {
        std::iter::successors(self.0.as_deref(), |frame| frame.outer.0.as_deref())
    }

    /// `$1`, `$2` …
    pub(crate) fn numbered(&self, number: usize) -> Option<&Value> {
        self.frames().find_map(|frame| {
            frame.numbered.get(number.checked_sub(1)?).or_else(|| {
                if frame.named.is_empty() {
                    return None;
                }
                let name = number.to_string();
                frame
                    .named
                    .iter()
                    .rev()
                    .find(|(known, _)| **known == *name)
                    .map(|(_, value)| value)
            })
        })
    }

    /// `$name`.
    pub(crate) fn named(&self, name: &str) -> Option<&Value> {
        self.frames()
            .find_map(|frame| frame.named.iter().rev().find(|(known, _)| **known == *name))
            .map(|(_, value)| value)
    }
}

impl std::fmt::Debug for Scope {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Scope({} frames)", self.frames().count())
    }
}
