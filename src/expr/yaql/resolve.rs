//! Choosing the overload of a call, as the reference does: by the form of the arguments first, then by their values.

use std::sync::Arc;

use super::error::YaqlError;
use super::function::{Answer, Overload, Parameter};
use super::lambda::{Code, Lambda, LazyRule, Shape};
use super::params::{Arg, Args, Kind, Rule};
use super::runtime::Cx;
use crate::expr::value::Value;

/// An argument before the overload is known.
#[derive(Clone)]
pub(crate) enum Actual {
    /// A value that is known already: a receiver, an argument of a delegate.
    Value(Value),
    /// A piece of the expression.
    Code(Arc<dyn Code>),
    /// Left out between two commas.
    Skipped,
}

/// Overloads by layer, innermost first.
pub(crate) type Layers = Vec<Vec<Arc<Overload>>>;

impl Actual {
    /// Whether a parameter can take it, as far as that shows before evaluation.
    fn may_be(&self, parameter: &Parameter) -> bool {
        match self {
            Self::Value(value) => !matches!(parameter.kind, Kind::Keyword) && parameter.accepts(value),
            Self::Skipped => true,
            Self::Code(code) => match (code.shape(), parameter.kind) {
                (Shape::Keyword(_), Kind::Keyword) => true,
                (_, Kind::Keyword) => false,
                (Shape::Rule(..), Kind::LazyRule) => true,
                (_, Kind::LazyRule) => false,
                (_, Kind::Lambda) => true,
                (Shape::Constant(value) | Shape::Keyword(value), _) => parameter.accepts(value),
                _ => true,
            },
        }
    }

    /// The value of it for parameters that are not lazy.
    fn evaluate(&self, cx: &Cx<'_>) -> Answer {
        match self {
            Self::Value(value) => Ok(value.clone()),
            Self::Skipped => Ok(Value::Null),
            Self::Code(code) => match code.shape() {
                Shape::Constant(value) | Shape::Keyword(value) => Ok(value.clone()),
                Shape::Rule(source, destination) => Ok(Rule {
                    source: source.run(None, cx)?,
                    destination: destination.run(None, cx)?,
                }
                .into()),
                _ => code.run(None, cx),
            },
        }
    }

    /// It as a lazy argument.
    fn defer(&self, kind: Kind, cx: &Cx<'_>) -> Arg {
        let lambda = |code: &Arc<dyn Code>| Lambda::code(Arc::clone(code), cx.scope.clone());
        match self {
            Self::Value(value) => Arg::Value(value.clone()),
            Self::Skipped => Arg::Missing,
            Self::Code(code) => match (code.shape(), kind) {
                (Shape::Rule(source, destination), Kind::LazyRule) => Arg::Rule(LazyRule {
                    source: lambda(source),
                    destination: lambda(destination),
                }),
                _ => Arg::Lambda(lambda(code)),
            },
        }
    }
}

/// A call before the overload is known.
pub(crate) struct Call<'a> {
    pub(crate) name: &'a str,
    pub(crate) receiver: Option<&'a Value>,
    pub(crate) args: Vec<Actual>,
    pub(crate) named: Vec<(Arc<str>, Actual)>,
}

/// An overload that may take the arguments: which parameter each of them goes to.
struct Candidate<'o> {
    overload: &'o Overload,
    positional: Vec<&'o Parameter>,
    named: Vec<&'o Parameter>,
}

impl Cx<'_> {
    /// Calls a function by name with values, as an expression at this place would.
    pub fn call(&self, name: &str, args: impl IntoIterator<Item = Value>) -> Answer {
        self.resolve(Call {
            name,
            receiver: None,
            args: args.into_iter().map(Actual::Value).collect(),
            named: Vec::new(),
        })
    }

    /// Calls a method by name with values, as an expression at this place would.
    pub fn call_method(&self, name: &str, receiver: &Value, args: impl IntoIterator<Item = Value>) -> Answer {
        self.resolve(Call {
            name,
            receiver: Some(receiver),
            args: args.into_iter().map(Actual::Value).collect(),
            named: Vec::new(),
        })
    }

    /// Whether the expression defined a function of this name (`def`), so that a shortcut would pass it over.
    pub fn is_overridden(&self, name: &str) -> bool {
        self.scope.has_functions() && self.scope.functions(name).next().is_some()
    }

    /// Chooses the overload and runs it.
    pub(crate) fn resolve(&self, mut call: Call<'_>) -> Answer {
        let mut layers: Layers = Vec::new();
        let short = call.name.trim_end_matches('_');
        if self.scope.has_functions() && call.receiver.is_none() {
            layers.extend(self.scope.functions(short).map(|form| vec![Arc::clone(form)]));
        }
        let found = self.runtime.library.find(call.name, call.receiver.is_some());
        layers.extend(found.map(|level| level.into_iter().cloned().collect()));
        if layers.is_empty() {
            return Err(match call.receiver {
                None => YaqlError::unknown_function(call.name),
                Some(receiver) => YaqlError::unknown_method(call.name, receiver),
            });
        }
        if let Some(receiver) = call.receiver {
            call.args.insert(0, Actual::Value(receiver.clone()));
        }
        let no_kwargs = layers[0][0].no_kwargs;
        if layers.iter().flatten().any(|form| form.no_kwargs != no_kwargs) {
            return Err(YaqlError::ambiguous(call.name, call.receiver));
        }
        translate(&mut call, no_kwargs)?;
        let candidates: Vec<Vec<Candidate<'_>>> = layers
            .iter()
            .map(|level| {
                level
                    .iter()
                    .filter_map(|form| candidate(form, &call))
                    .collect::<Vec<_>>()
            })
            .filter(|level| !level.is_empty())
            .collect();
        let Some(first) = candidates.first().and_then(|level| level.first()) else {
            return Err(YaqlError::no_match(call.name, call.receiver));
        };
        let lazy = first.lazy();
        if candidates
            .iter()
            .flatten()
            .any(|candidate| candidate.lazy() != lazy)
        {
            return Err(YaqlError::ambiguous(call.name, call.receiver));
        }
        self.choose(&call, &candidates, &lazy)
    }

    fn choose(&self, call: &Call<'_>, candidates: &[Vec<Candidate<'_>>], lazy: &[bool]) -> Answer {
        let mut given: Vec<Given> = Vec::with_capacity(lazy.len());
        let actuals = call
            .args
            .iter()
            .chain(call.named.iter().map(|(_, actual)| actual));
        for (actual, lazy) in actuals.zip(lazy) {
            given.push(match (actual, lazy) {
                (Actual::Skipped, _) => Given::Skipped,
                (actual, true) => Given::Lazy(actual.clone()),
                (actual, false) => Given::Value(actual.evaluate(self)?, is_keyword(actual)),
            });
        }
        let (args, named) = given.split_at(call.args.len());
        for level in candidates {
            let mut winner: Option<&Candidate<'_>> = None;
            for candidate in level.iter().filter(|candidate| candidate.fits(call, args, named)) {
                winner = match winner {
                    Some(winner) if winner.is_special_of(candidate) => Some(winner),
                    Some(winner) if !candidate.is_special_of(winner) => {
                        return Err(YaqlError::ambiguous(call.name, call.receiver));
                    }
                    _ => Some(candidate),
                };
            }
            if let Some(winner) = winner {
                let args = winner.overload.arrange(self, call, args, named);
                return winner.overload.run(self, args);
            }
        }
        Err(YaqlError::no_match(call.name, call.receiver))
    }
}

/// An argument after evaluation.
enum Given {
    Value(Value, bool),
    Lazy(Actual),
    Skipped,
}

impl Given {
    fn fits(&self, parameter: &Parameter) -> bool {
        match self {
            Self::Value(_, is_keyword) if matches!(parameter.kind, Kind::Keyword) => *is_keyword,
            Self::Value(value, _) => parameter.accepts(value),
            Self::Lazy(actual) => actual.may_be(parameter),
            Self::Skipped => parameter.default.is_some(),
        }
    }

    fn arg(&self, parameter: &Parameter, cx: &Cx<'_>) -> Arg {
        match self {
            Self::Value(value, _) => Arg::Value(value.clone()),
            Self::Lazy(actual) => actual.defer(parameter.kind, cx),
            Self::Skipped => parameter.default.clone().unwrap_or(Arg::Missing),
        }
    }
}

fn is_keyword(actual: &Actual) -> bool {
    matches!(actual, Actual::Code(code) if matches!(code.shape(), Shape::Keyword(_)))
}

/// Turns `name => value` arguments into named ones.
fn translate(call: &mut Call<'_>, no_kwargs: bool) -> Result<(), YaqlError> {
    if no_kwargs {
        return match call.named.first() {
            Some((name, _)) => Err(YaqlError::argument(name)),
            None => Ok(()),
        };
    }
    let (mut args, mut named) = (Vec::with_capacity(call.args.len()), Vec::new());
    for actual in call.args.drain(..) {
        let rule = match &actual {
            Actual::Code(code) => match code.shape() {
                Shape::Rule(source, destination) => Some((Arc::clone(source), Arc::clone(destination))),
                _ => None,
            },
            _ => None,
        };
        let Some((source, destination)) = rule else {
            args.push(actual);
            continue;
        };
        let Shape::Keyword(Value::Str(name)) = source.shape() else {
            return Err(YaqlError::mapping_translation());
        };
        // Of equal names the last one counts, at the place of the first.
        set_named(&mut named, Arc::clone(name), Actual::Code(destination));
    }
    for (name, actual) in call.named.drain(..) {
        if named.iter().any(|(known, _)| *known == name) {
            return Err(YaqlError::mapping_translation());
        }
        named.push((name, actual));
    }
    call.args = args;
    call.named = named;
    Ok(())
}

fn set_named(named: &mut Vec<(Arc<str>, Actual)>, name: Arc<str>, actual: Actual) {
    match named.iter_mut().find(|(known, _)| *known == name) {
        Some(entry) => entry.1 = actual,
        None => named.push((name, actual)),
    }
}

/// Whether an overload may take the arguments, and which parameter each goes to.
fn candidate<'o>(form: &'o Overload, call: &Call<'_>) -> Option<Candidate<'o>> {
    let mut positional = Vec::with_capacity(call.args.len());
    for (index, actual) in call.args.iter().enumerate() {
        let parameter = form.params.get(index).or(form.rest.as_ref())?;
        if matches!(actual, Actual::Skipped) {
            let is_named = call.named.iter().any(|(name, _)| *name == parameter.name);
            if parameter.default.is_none() || is_named {
                return None;
            }
        } else if !actual.may_be(parameter) {
            return None;
        }
        positional.push(parameter);
    }
    let mut named = Vec::with_capacity(call.named.len());
    for (name, actual) in &call.named {
        let known = form.params.iter().position(|parameter| parameter.name == *name);
        match known {
            Some(index) if index < call.args.len() => return None,
            Some(index) => named.push(&form.params[index]),
            None => {
                let parameter = form.named_rest.as_ref()?;
                if !actual.may_be(parameter) {
                    return None;
                }
                named.push(parameter);
            }
        }
    }
    let missing = form.params.iter().skip(call.args.len()).any(|parameter| {
        parameter.default.is_none() && !call.named.iter().any(|(name, _)| *name == parameter.name)
    });
    (!missing).then_some(Candidate {
        overload: form,
        positional,
        named,
    })
}

impl Candidate<'_> {
    /// Which arguments it evaluates itself: the positional ones, then the named ones.
    fn lazy(&self) -> Vec<bool> {
        let parameters = self.positional.iter().chain(&self.named);
        parameters.map(|parameter| parameter.kind.is_lazy()).collect()
    }

    fn fits(&self, _call: &Call<'_>, args: &[Given], named: &[Given]) -> bool {
        let positional = self.positional.iter().zip(args);
        positional
            .chain(self.named.iter().zip(named))
            .all(|(parameter, given)| given.fits(parameter))
    }

    fn is_special_of(&self, other: &Candidate<'_>) -> bool {
        let mine = self.positional.iter().chain(&self.named);
        let mut special = false;
        for (mine, other) in mine.zip(other.positional.iter().chain(&other.named)) {
            if other.kind.is_special_of(mine.kind) {
                return false;
            }
            special |= mine.kind.is_special_of(other.kind);
        }
        special
    }
}

impl Overload {
    /// The arguments in the order of the parameters.
    fn arrange(&self, cx: &Cx<'_>, call: &Call<'_>, args: &[Given], named: &[Given]) -> Args {
        let mut out = Args::default();
        let is_param = |name: &str| self.params.iter().any(|parameter| *parameter.name == *name);
        for (index, parameter) in self.params.iter().enumerate() {
            let by_name = || {
                call.named
                    .iter()
                    .position(|(name, _)| *name == parameter.name)
                    .map(|at| &named[at])
            };
            out.items.push(match args.get(index).or_else(by_name) {
                Some(given) => given.arg(parameter, cx),
                None => parameter.default.clone().unwrap_or(Arg::Missing),
            });
        }
        if let Some(rest) = &self.rest {
            out.items.extend(
                args.iter()
                    .skip(self.params.len())
                    .map(|given| given.arg(rest, cx)),
            );
        }
        if let Some(rest) = &self.named_rest {
            for ((name, _), given) in call.named.iter().zip(named) {
                if !is_param(name) {
                    out.named.push((Arc::clone(name), given.arg(rest, cx)));
                }
            }
        }
        out
    }
}
