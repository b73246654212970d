//! Choosing the overload of a call, as the reference does: by the form of the arguments first, then by their values.
//!
//! The first half depends on the text only, so it is done once, when an expression is compiled: a [`Plan`] keeps the
//! overloads that can take arguments of these forms. Values known only later (receivers, arguments of delegates)
//! are let through by the first half and looked at when the call runs.

use std::sync::Arc;

use smallvec::SmallVec;

use super::code::Piece;
use super::error::YaqlError;
use super::function::{Answer, Overload, Parameter};
use super::lambda::{Lambda, LazyRule};
use super::params::{Arg, Args, Kind, Rule, no_value};
use super::runtime::Cx;
use crate::expr::value::Value;

/// An argument as the text has it.
#[derive(Clone)]
pub(crate) enum Slot {
    /// A literal.
    Constant(Value),
    /// A bare word.
    Keyword(Value),
    /// An expression.
    Code(Arc<Piece>),
    /// `source => destination`.
    Rule(Arc<Piece>, Arc<Piece>),
    /// Nothing between two commas.
    Skipped,
    /// A value that the call brings along.
    Given,
}

/// The values of the slots; those of lazy and skipped ones are not looked at.
pub(crate) type Values = SmallVec<[Value; 3]>;

/// The call of a name with arguments of known forms.
pub(crate) struct Plan {
    name: Arc<str>,
    is_method: bool,
    /// The arguments as they stand.
    written: Vec<Slot>,
    /// The arguments with the named ones last.
    slots: Vec<Slot>,
    /// The names of the last slots.
    named: Vec<Arc<str>>,
    /// The overloads by layer, innermost first; or the failure that the forms lead to already.
    candidates: Result<Vec<Vec<Candidate>>, Refusal>,
    /// Whether all candidates evaluate the same arguments themselves.
    uniform: bool,
    /// Whether a candidate can still drop out by a [`Slot::Given`].
    has_given: bool,
}

/// Why no candidate can be.
#[derive(Clone)]
enum Refusal {
    Unknown,
    NoMatch,
    Ambiguous,
    Other(YaqlError),
}

/// An overload that takes arguments of these forms.
struct Candidate {
    form: Arc<Overload>,
    /// What each slot must be.
    wanted: Vec<Wanted>,
    /// Where each parameter's argument comes from, then the further ones.
    sources: Vec<Source>,
    /// Slots that go to further named parameters.
    named: Vec<usize>,
}

struct Wanted {
    kind: Kind,
    nullable: bool,
    lazy: bool,
}

enum Source {
    Slot(usize),
    Default(Arg),
}

impl Slot {
    /// Whether a parameter can take it, as far as its form shows.
    fn may_be(&self, parameter: &Parameter) -> bool {
        match (self, parameter.kind) {
            (Self::Keyword(_), Kind::Keyword) => true,
            (_, Kind::Keyword) => false,
            (Self::Rule(..), Kind::LazyRule) => true,
            (_, Kind::LazyRule) => false,
            (Self::Constant(value) | Self::Keyword(value), kind) => {
                kind.is_lazy() || parameter.accepts(value)
            }
            _ => true,
        }
    }

    fn evaluate(&self, cx: &Cx<'_>) -> Answer {
        match self {
            Self::Constant(value) | Self::Keyword(value) => Ok(value.clone()),
            Self::Code(code) => code.run(cx),
            Self::Rule(source, destination) => Ok(Rule {
                source: source.run(cx)?,
                destination: destination.run(cx)?,
            }
            .into()),
            Self::Skipped | Self::Given => Ok(Value::Null),
        }
    }

    /// The argument of a parameter, `value` being what the slot was evaluated to.
    fn arg(&self, wanted: &Wanted, value: &mut Value, cx: &Cx<'_>) -> Arg {
        let lambda = |code: &Arc<Piece>| Lambda::code(Arc::clone(code), cx.scope.clone());
        match self {
            Self::Skipped => Arg::Value(no_value()),
            Self::Code(code) if wanted.lazy => Arg::Lambda(lambda(code)),
            Self::Rule(source, destination) if matches!(wanted.kind, Kind::LazyRule) => {
                Arg::Rule(Box::new(LazyRule {
                    source: lambda(source),
                    destination: lambda(destination),
                }))
            }
            Self::Constant(constant) | Self::Keyword(constant) if wanted.lazy => {
                Arg::Lambda(Lambda::value(constant.clone()))
            }
            _ => Arg::Value(std::mem::take(value)),
        }
    }
}

impl Plan {
    /// The plan of a call. `slots` are the arguments as they stand, for methods the receiver ([`Slot::Given`]) first;
    /// `named` are arguments that are named from the start. `layers` are the overloads of the name.
    pub(crate) fn new(
        name: Arc<str>,
        is_method: bool,
        slots: Vec<Slot>,
        named: Vec<(Arc<str>, Slot)>,
        layers: &[Vec<Arc<Overload>>],
    ) -> Self {
        let mut plan = Self {
            name,
            is_method,
            written: slots.clone(),
            slots: Vec::new(),
            named: Vec::new(),
            candidates: Err(Refusal::Unknown),
            uniform: true,
            has_given: false,
        };
        let Some(first) = layers.first().and_then(|level| level.first()) else {
            return plan;
        };
        let no_kwargs = first.no_kwargs;
        if layers.iter().flatten().any(|form| form.no_kwargs != no_kwargs) {
            plan.candidates = Err(Refusal::Ambiguous);
            return plan;
        }
        match translate(no_kwargs, slots, named) {
            Ok((slots, named)) => (plan.slots, plan.named) = (slots, named),
            Err(error) => {
                plan.candidates = Err(Refusal::Other(error));
                return plan;
            }
        }
        let positional = plan.slots.len() - plan.named.len();
        let candidates: Vec<Vec<Candidate>> = layers
            .iter()
            .map(|level| {
                let forms = level.iter();
                forms
                    .filter_map(|form| Candidate::new(form, &plan.slots, positional, &plan.named))
                    .collect::<Vec<_>>()
            })
            .filter(|level| !level.is_empty())
            .collect();
        plan.has_given = plan.slots.iter().any(|slot| matches!(slot, Slot::Given));
        let mut all = candidates.iter().flatten();
        let Some(first) = all.next() else {
            plan.candidates = Err(Refusal::NoMatch);
            return plan;
        };
        plan.uniform = all.all(|candidate| candidate.same_lazy(first));
        if !plan.uniform && !plan.has_given {
            plan.candidates = Err(Refusal::Ambiguous);
            return plan;
        }
        plan.candidates = Ok(candidates);
        plan
    }

    /// The name that is called.
    pub(crate) fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// Whether it is called on a receiver.
    pub(crate) fn is_method(&self) -> bool {
        self.is_method
    }

    /// Whether the forms alone lead to a failure.
    pub(crate) fn is_refused(&self) -> bool {
        self.candidates.is_err()
    }

    /// The same call with other overloads.
    pub(crate) fn again(&self, layers: &[Vec<Arc<Overload>>]) -> Self {
        Self::new(
            Arc::clone(&self.name),
            self.is_method,
            self.written.clone(),
            Vec::new(),
            layers,
        )
    }

    /// Runs the call with the values of all its arguments, none of which is lazy.
    pub(crate) fn run_with<const N: usize>(&self, cx: &Cx<'_>, values: [Value; N]) -> Answer {
        match &self.candidates {
            Ok(candidates) => self.choose(cx, candidates, values.into_iter().collect()),
            Err(refusal) => Err(self.refuse(refusal, values.first())),
        }
    }

    /// Runs the call. `given` are the values of the [`Slot::Given`]s.
    pub(crate) fn run(&self, cx: &Cx<'_>, given: impl IntoIterator<Item = Value>) -> Answer {
        let mut given = given.into_iter();
        let candidates = match &self.candidates {
            Ok(candidates) => candidates,
            Err(refusal) => return Err(self.refuse(refusal, given.next().as_ref())),
        };
        // Null stands for what is not known yet.
        let mut values: Values = self
            .slots
            .iter()
            .map(|slot| match slot {
                Slot::Given => given.next().unwrap_or_default(),
                _ => Value::Null,
            })
            .collect();
        let mut alive = candidates
            .iter()
            .flatten()
            .filter(|candidate| !self.has_given || candidate.takes_given(&self.slots, &values));
        let Some(first) = alive.next() else {
            return Err(self.refuse(&Refusal::NoMatch, values.first()));
        };
        if !self.uniform && !alive.all(|candidate| candidate.same_lazy(first)) {
            return Err(self.refuse(&Refusal::Ambiguous, values.first()));
        }
        for (index, slot) in self.slots.iter().enumerate() {
            if !first.wanted[index].lazy && !matches!(slot, Slot::Given) {
                values[index] = slot.evaluate(cx)?;
            }
        }
        self.choose(cx, candidates, values)
    }

    /// Picks the overload that takes the values and runs it.
    fn choose(&self, cx: &Cx<'_>, candidates: &[Vec<Candidate>], values: Values) -> Answer {
        for level in candidates {
            let mut winner: Option<&Candidate> = None;
            for candidate in level
                .iter()
                .filter(|candidate| candidate.takes(&self.slots, &values))
            {
                winner = match winner {
                    Some(winner) if winner.is_special_of(candidate) => Some(winner),
                    Some(winner) if !candidate.is_special_of(winner) => {
                        return Err(self.refuse(&Refusal::Ambiguous, values.first()));
                    }
                    _ => Some(candidate),
                };
            }
            if let Some(winner) = winner {
                let args = winner.arrange(self, values, cx);
                return winner.form.run(cx, args);
            }
        }
        Err(self.refuse(&Refusal::NoMatch, values.first()))
    }

    fn refuse(&self, refusal: &Refusal, receiver: Option<&Value>) -> YaqlError {
        let receiver = receiver.filter(|_| self.is_method);
        match (refusal, receiver) {
            (Refusal::Unknown, None) => YaqlError::unknown_function(&self.name),
            (Refusal::Unknown, Some(receiver)) => YaqlError::unknown_method(&self.name, receiver),
            (Refusal::NoMatch, receiver) => YaqlError::no_match(&self.name, receiver),
            (Refusal::Ambiguous, receiver) => YaqlError::ambiguous(&self.name, receiver),
            (Refusal::Other(error), _) => error.clone(),
        }
    }
}

type Translated = (Vec<Slot>, Vec<Arc<str>>);

/// Moves `name => value` arguments behind the others, unless the functions take them as they are.
fn translate(
    no_kwargs: bool,
    slots: Vec<Slot>,
    given: Vec<(Arc<str>, Slot)>,
) -> Result<Translated, YaqlError> {
    if no_kwargs {
        return match given.first() {
            Some((name, _)) => Err(YaqlError::argument(name)),
            None => Ok((slots, Vec::new())),
        };
    }
    let (mut positional, mut named): (_, Vec<(Arc<str>, Slot)>) =
        (Vec::with_capacity(slots.len()), Vec::new());
    for slot in slots {
        let Slot::Rule(source, destination) = slot else {
            positional.push(slot);
            continue;
        };
        let Some(name) = source.as_keyword() else {
            return Err(YaqlError::mapping_translation());
        };
        let slot = destination.as_slot();
        // Of equal names the last one counts, at the place of the first.
        match named.iter_mut().find(|(known, _)| known == name) {
            Some(entry) => entry.1 = slot,
            None => named.push((Arc::clone(name), slot)),
        }
    }
    for (name, slot) in given {
        if named.iter().any(|(known, _)| *known == name) {
            return Err(YaqlError::mapping_translation());
        }
        named.push((name, slot));
    }
    let mut names = Vec::with_capacity(named.len());
    for (name, slot) in named {
        names.push(name);
        positional.push(slot);
    }
    Ok((positional, names))
}

impl Candidate {
    /// The overload as a candidate, if it may take these arguments.
    fn new(form: &Arc<Overload>, slots: &[Slot], positional: usize, names: &[Arc<str>]) -> Option<Self> {
        let mut wanted = Vec::with_capacity(slots.len());
        let mut want = |parameter: &Parameter| {
            wanted.push(Wanted {
                kind: parameter.kind,
                nullable: parameter.nullable,
                lazy: parameter.kind.is_lazy(),
            });
        };
        let by_name = |name: &Arc<str>| names.iter().position(|known| known == name);
        for (index, slot) in slots[..positional].iter().enumerate() {
            let parameter = form.params.get(index).or(form.rest.as_ref())?;
            let fits = match slot {
                Slot::Skipped if index >= form.params.len() => parameter.accepts(&no_value()),
                Slot::Skipped => parameter.default.is_some() && by_name(&parameter.name).is_none(),
                slot => slot.may_be(parameter),
            };
            if !fits {
                return None;
            }
            want(parameter);
        }
        let mut further = Vec::new();
        for (index, name) in names.iter().enumerate() {
            let slot = positional + index;
            let known = form.params.iter().position(|parameter| parameter.name == *name);
            match known {
                Some(known) if known < positional => return None,
                Some(known) => want(&form.params[known]),
                None => {
                    let parameter = form.named_rest.as_ref().filter(|rest| slots[slot].may_be(rest))?;
                    want(parameter);
                    further.push(slot);
                }
            }
        }
        let mut sources = Vec::with_capacity(form.params.len().max(positional));
        for (index, parameter) in form.params.iter().enumerate() {
            let slot = if index < positional && !matches!(slots[index], Slot::Skipped) {
                Some(index)
            } else {
                by_name(&parameter.name).map(|at| positional + at)
            };
            sources.push(match slot {
                Some(slot) => Source::Slot(slot),
                None => Source::Default(parameter.default.clone()?),
            });
        }
        sources.extend((form.params.len()..positional).map(Source::Slot));
        Some(Self {
            form: Arc::clone(form),
            wanted,
            sources,
            named: further,
        })
    }

    fn same_lazy(&self, other: &Self) -> bool {
        self.wanted
            .iter()
            .zip(&other.wanted)
            .all(|(a, b)| a.lazy == b.lazy)
    }

    fn takes_given(&self, slots: &[Slot], values: &[Value]) -> bool {
        let mut all = slots.iter().zip(values).zip(&self.wanted);
        all.all(|((slot, value), wanted)| !matches!(slot, Slot::Given) || wanted.accepts(value))
    }

    fn takes(&self, slots: &[Slot], values: &[Value]) -> bool {
        let mut all = slots.iter().zip(values).zip(&self.wanted);
        all.all(|((slot, value), wanted)| match slot {
            Slot::Skipped => true,
            // A rule or a lambda was looked at by its form.
            _ if wanted.lazy => true,
            Slot::Keyword(_) if matches!(wanted.kind, Kind::Keyword) => true,
            _ => wanted.accepts(value),
        })
    }

    fn is_special_of(&self, other: &Self) -> bool {
        let mut special = false;
        for (mine, other) in self.wanted.iter().zip(&other.wanted) {
            if other.kind.is_special_of(mine.kind) {
                return false;
            }
            special |= mine.kind.is_special_of(other.kind);
        }
        special
    }

    /// The arguments in the order of the parameters.
    fn arrange(&self, plan: &Plan, mut values: Values, cx: &Cx<'_>) -> Args {
        let mut args = Args::default();
        for source in &self.sources {
            args.items.push(match source {
                Source::Slot(slot) => plan.slots[*slot].arg(&self.wanted[*slot], &mut values[*slot], cx),
                Source::Default(arg) => arg.clone(),
            });
        }
        let first = plan.slots.len() - plan.named.len();
        for &slot in &self.named {
            let arg = plan.slots[slot].arg(&self.wanted[slot], &mut values[slot], cx);
            args.named.push((Arc::clone(&plan.named[slot - first]), arg));
        }
        args
    }
}

impl Wanted {
    fn accepts(&self, value: &Value) -> bool {
        match value {
            Value::Null => self.nullable || matches!(self.kind, Kind::Null),
            value => self.lazy || self.kind.accepts(value),
        }
    }
}

impl Cx<'_> {
    /// Calls a function by name with values, as an expression at this place would.
    pub fn call<const N: usize>(&self, name: &str, args: [Value; N]) -> Answer {
        self.call_values(name, false, N, args)
    }

    /// Calls a method by name with values, as an expression at this place would.
    pub fn call_method<const N: usize>(&self, name: &str, receiver: Value, args: [Value; N]) -> Answer {
        self.call_values(name, true, N + 1, std::iter::once(receiver).chain(args))
    }

    fn call_values(
        &self,
        name: &str,
        is_method: bool,
        count: usize,
        values: impl IntoIterator<Item = Value>,
    ) -> Answer {
        let make = || {
            let layers = self.layers(name, is_method);
            Plan::new(
                name.into(),
                is_method,
                vec![Slot::Given; count],
                Vec::new(),
                &layers,
            )
        };
        if !is_method && self.is_overridden(name) {
            return make().run(self, values);
        }
        self.runtime.plan(name, is_method, count, make).run(self, values)
    }

    /// Calls a function, or with a receiver a method, by name with positional and named values.
    pub fn call_with(
        &self,
        name: &str,
        receiver: Option<Value>,
        args: Vec<Value>,
        named: Vec<(Arc<str>, Value)>,
    ) -> Answer {
        let is_method = receiver.is_some();
        let slots = vec![Slot::Given; args.len() + usize::from(is_method)];
        let layers = self.layers(name, is_method);
        let (names, values): (Vec<_>, Vec<_>) = named.into_iter().unzip();
        let names = names.into_iter().map(|name| (name, Slot::Given)).collect();
        let given = receiver.into_iter().chain(args).chain(values);
        Plan::new(name.into(), is_method, slots, names, &layers).run(self, given)
    }

    /// Whether the expression defined a function of this name (`def`), so that a shortcut would pass it over.
    pub fn is_overridden(&self, name: &str) -> bool {
        self.scope.has_functions() && self.scope.defines(name)
    }

    /// The overloads of a name by layer, innermost first.
    pub(crate) fn layers(&self, name: &str, is_method: bool) -> Vec<Vec<Arc<Overload>>> {
        let mut layers = Vec::new();
        if self.scope.has_functions() && !is_method {
            let defined = self.scope.functions(name.trim_end_matches('_'));
            layers.extend(defined.into_iter().map(|form| vec![Arc::new(form)]));
        }
        layers.extend(self.runtime.library.find(name, is_method));
        layers
    }
}
