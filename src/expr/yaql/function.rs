//! Library functions: how they are declared, and the table in which they are found by name.
//!
//! A function is an ordinary Rust function over typed parameters, and one line that names it and its parameters:
//!
//! ```text
//! pub(super) fn register(to: &mut Library) {
//!     to.method("substring", "string, start, length=-1", substring);
//!     to.method("where", "collection, predicate", where_);
//! }
//!
//! fn substring(_: &Cx<'_>, string: Arc<str>, start: Int, length: Int) -> String { … }
//!
//! fn where_(cx: &Cx<'_>, collection: Items, predicate: Lambda) -> Value { … }
//! ```
//!
//! # Declaring
//!
//! * [`Library::function`] is called as `name(a, b)`, [`Library::method`] as `a.name(b)`, [`Library::extension`] both
//!   ways. Operators and properties are functions with special names (`#operator_+`, `*equal`, `#property#year`).
//! * The text lists the parameters under the names by which callers may pass them (`length => 3`): the original's name
//!   in camel case without trailing underscores, or its alias. `name=default` takes `null`, `true`, `false`, an
//!   integer or a text in `'…'`; `name?` can be left out without a default ([`Maybe`]); `*name` are all further
//!   arguments ([`Rest`]), `**name` all further named ones ([`Named`]). Parameters that the original hides (context,
//!   engine, delegates) are not listed: [`Cx`] has what they give.
//! * `.no_kwargs()` on a declaration: `key => value` arguments are positional ([`Rule`], [`LazyRule`]).
//! * Several functions of one name are overloads; the one whose parameters take the arguments is called.
//!
//! # Parameter types
//!
//! | Rust | original |
//! | --- | --- |
//! | [`Value`] | anything; `nullable=True`, or no declaration and no default |
//! | [`NotNull`] | anything but null |
//! | `Option<T>` | `T`, nullable. An undeclared parameter with a default has the default's type, nullable: `start=0` is `Option<Int>` |
//! | `bool`, `Int` (`int`: Booleans count), [`Integer`], [`Number`], `Arc<str>` (`String`) | |
//! | [`Items`] (`Iterable`), [`Sequence`](super::params::Sequence), [`Iterator`](super::params::Iterator), `Dict` (`MappingType`), [`AnySet`](super::params::AnySet) (`SetType`) | |
//! | `DateTime` (naive ones become UTC), `Timespan` | |
//! | [`Lambda`], [`LazyRule`] (`yaqltypes.MappingRule`), [`Rule`] (`utils.MappingRule`), [`Keyword`](super::params::Keyword) | |
//! | a type of your own that implements [`Argument`] with [`Kind::Class`] | a class of your own, such as a regular expression |
//!
//! # Values
//!
//! * Lists and dictionaries of data are *frozen* here: they count as tuples (`str()` gives `(1, None)`) and can be keys.
//!   A function whose original returns a Python `list` or a plain `dict` gives [`Value::mutable_list`] or
//!   `Dict::mutable`; a tuple or `FrozenDict` is [`Value::tuple`] or `Dict::new`. Equality is `==` of [`Value`]; texts are
//!   `frozen_str`/`frozen_repr`, not `str`/`repr`. Before making a key or a member of a set, `check_hashable_frozen(&v)?`.
//! * A function that returns an iterator or generator returns [`lazy`](super::sequence::lazy) with a closure that gives
//!   the next item; the closure owns what it needs (lambdas and values are cheap to clone) and gets a fresh [`Cx`].
//!   Python generators do nothing until the first item is drawn: so must yours, errors included.
//!
//! # Calling back
//!
//! * `lambda.call(cx, [item])`, `lambda.call(cx, [a, b])`: `$1`, `$2`, and `$` for the first. `lambda.test(cx, &item)`
//!   for predicates. `lambda.get(cx)` evaluates without arguments.
//! * [`Cx::call`] is a delegate: `cx.call("#operator_+", [a, b])`, `cx.call_method("toList", receiver, [])` find the
//!   overload as an expression would, with functions that the expression defined (`def`).
//! * A context to return (`let`) or to evaluate in is a [`Scope`](super::Scope): `cx.scope().with_named(…)`.
//!
//! # Bounds
//!
//! Every item drawn and every evaluation counts by itself. A loop over characters or over items of a vector calls
//! `cx.spend(n)`; whatever makes a text, list or number whose size the expression decides calls `cx.charge(bytes)`
//! *before* it is made. Nothing else may be unbounded; nothing may panic.

use std::collections::HashMap;
use std::sync::Arc;

use super::error::YaqlError;
use super::params::{Arg, Args, Kind, Param, Role};
use super::runtime::Cx;
use crate::expr::value::Value;

#[cfg(doc)]
use super::{
    Lambda, LazyRule,
    params::{Argument, Integer, Items, Maybe, Named, NotNull, Number, Rest, Rule},
};

/// What a function answers: a value or a failure.
pub type Answer = Result<Value, YaqlError>;

type Body = Box<dyn Fn(&Cx<'_>, Args) -> Answer + Send + Sync>;

/// One form of a function.
pub struct Overload {
    name: Arc<str>,
    pub(crate) is_function: bool,
    pub(crate) is_method: bool,
    pub(crate) no_kwargs: bool,
    /// Positional parameters in order; further ones are `rest`, further named ones `named_rest`.
    pub(crate) params: Vec<Parameter>,
    pub(crate) rest: Option<Parameter>,
    pub(crate) named_rest: Option<Parameter>,
    body: Body,
}

/// A parameter of a form.
#[derive(Clone)]
pub(crate) struct Parameter {
    pub(crate) name: Arc<str>,
    pub(crate) kind: Kind,
    pub(crate) nullable: bool,
    /// What stands in when the argument is left out; none if it must be given.
    pub(crate) default: Option<Arg>,
}

impl Parameter {
    /// Whether it takes a value.
    pub(crate) fn accepts(&self, value: &Value) -> bool {
        match value {
            Value::Null => self.nullable || matches!(self.kind, Kind::Null),
            value => self.kind.accepts(value),
        }
    }
}

impl Overload {
    /// Runs it with arguments that fit.
    pub(crate) fn run(&self, cx: &Cx<'_>, args: Args) -> Answer {
        (self.body)(cx, args)
    }

    /// `key => value` arguments are positional ones.
    pub fn no_kwargs(&mut self) -> &mut Self {
        self.no_kwargs = true;
        self
    }
}

impl std::fmt::Debug for Overload {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.name, self.params.len())
    }
}

/// What a library function may return: anything that becomes a [`Value`], or a result of it.
pub trait Returned {
    /// The answer.
    fn answer(self) -> Answer;
}

impl<T: Into<Value>> Returned for T {
    fn answer(self) -> Answer {
        Ok(self.into())
    }
}

impl<T: Into<Value>> Returned for Result<T, YaqlError> {
    fn answer(self) -> Answer {
        self.map(Into::into)
    }
}

/// A Rust function that can be a library function: `fn(&Cx, A, B, …) -> impl Returned` with parameters of types that
/// are [`Param`].
pub trait Handler<Signature>: Send + Sync + 'static {
    /// Kind, nullability and role of each parameter.
    fn signature() -> Vec<(Kind, bool, Role)>;
    /// Calls it.
    fn call(&self, cx: &Cx<'_>, args: Args) -> Answer;
}

macro_rules! handlers {
    ($($($param:ident)*;)*) => {$(
        impl<Func, R, $($param),*> Handler<(R, $($param,)*)> for Func
        where
            Func: for<'a, 'b> Fn(&'a Cx<'b>, $($param),*) -> R + Send + Sync + 'static,
            R: Returned,
            $($param: Param,)*
        {
            fn signature() -> Vec<(Kind, bool, Role)> {
                vec![$(($param::KIND, $param::NULLABLE, $param::ROLE)),*]
            }

            #[allow(non_snake_case, unused_mut, unused_variables)]
            fn call(&self, cx: &Cx<'_>, mut args: Args) -> Answer {
                $(let $param = $param::take(&mut args, cx)?;)*
                self(cx, $($param),*).answer()
            }
        }
    )*};
}

handlers! {
    ;
    A;
    A B;
    A B C;
    A B C D;
    A B C D E;
    A B C D E F;
    A B C D E F G;
    A B C D E F G H;
    A B C D E F G H I;
    A B C D E F G H I J;
    A B C D E F G H I J K;
    A B C D E F G H I J K L;
}

/// Functions by name, in layers: an inner layer is asked first.
#[derive(Default)]
pub struct Library {
    layers: Vec<HashMap<Arc<str>, Vec<Arc<Overload>>, crate::expr::value::Hasher>>,
    declared: Vec<Overload>,
}

impl Library {
    /// The standard library.
    pub fn standard() -> Self {
        let mut library = Self::default();
        super::lib::register_fallbacks(&mut library);
        library = library.layer();
        super::lib::register(&mut library);
        library.layer()
    }

    /// Closes the innermost layer: what is declared from now on is found before it.
    #[must_use]
    pub fn layer(mut self) -> Self {
        let mut layer: HashMap<Arc<str>, Vec<Arc<Overload>>, _> = HashMap::default();
        for overload in self.declared.drain(..) {
            layer
                .entry(Arc::clone(&overload.name))
                .or_default()
                .push(Arc::new(overload));
        }
        self.layers.insert(0, layer);
        self
    }

    /// Declares a function, called as `name(a, b)`.
    pub fn function<S, H: Handler<S>>(&mut self, name: &str, params: &str, handler: H) -> &mut Overload {
        self.declare(name, params, handler, (true, false))
    }

    /// Declares a method, called as `a.name(b)`.
    pub fn method<S, H: Handler<S>>(&mut self, name: &str, params: &str, handler: H) -> &mut Overload {
        self.declare(name, params, handler, (false, true))
    }

    /// Declares a function that is a method too.
    pub fn extension<S, H: Handler<S>>(&mut self, name: &str, params: &str, handler: H) -> &mut Overload {
        self.declare(name, params, handler, (true, true))
    }

    fn declare<S, H: Handler<S>>(
        &mut self,
        name: &str,
        params: &str,
        handler: H,
        (is_function, is_method): (bool, bool),
    ) -> &mut Overload {
        let overload = overload(name, params, handler, is_function, is_method);
        self.declared.push(overload);
        let last = self.declared.len() - 1;
        &mut self.declared[last]
    }

    /// The overloads of a name that can be called in one of the two ways, by layer, innermost first. Trailing
    /// underscores of the name do not count.
    pub(crate) fn find(&self, name: &str, as_method: bool) -> impl Iterator<Item = Vec<Arc<Overload>>> {
        let name = name.trim_end_matches('_');
        self.layers
            .iter()
            .map(move |layer| {
                let overloads = layer.get(name).map_or(&[][..], Vec::as_slice);
                let fits = |form: &&Arc<Overload>| {
                    if as_method {
                        form.is_method
                    } else {
                        form.is_function
                    }
                };
                overloads.iter().filter(fits).cloned().collect()
            })
            .filter(|level: &Vec<_>| !level.is_empty())
    }

    /// The names of all functions and methods that can be written in an expression.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        let names = self.layers.iter().flat_map(HashMap::keys);
        names
            .map(|name| &**name)
            .filter(|name| !name.starts_with(['#', '*']))
    }
}

/// Makes one form from its declaration. The declarations are part of this program, so a wrong one is found by
/// whatever test uses the library first: it declares nothing.
pub(crate) fn overload<S, H: Handler<S>>(
    name: &str,
    params: &str,
    handler: H,
    is_function: bool,
    is_method: bool,
) -> Overload {
    let signature = H::signature();
    let texts: Vec<&str> = params
        .split(',')
        .map(str::trim)
        .filter(|text| !text.is_empty())
        .collect();
    assert_eq!(
        texts.len(),
        signature.len(),
        "{name}({params}) declares another number of parameters than its function has"
    );
    let (mut positional, mut rest, mut named_rest) = (Vec::new(), None, None);
    for (text, (kind, nullable, role)) in texts.into_iter().zip(signature) {
        let (text, default) = match text.split_once('=') {
            Some((text, default)) => (text, Some(Arg::Value(constant(default)))),
            None => (text, None),
        };
        let default = default.or((role == Role::Maybe).then_some(Arg::Missing));
        let parameter = Parameter {
            name: text.trim_matches(['*', '?', ' ']).into(),
            kind,
            nullable,
            default,
        };
        match role {
            Role::One | Role::Maybe => positional.push(parameter),
            Role::Rest => rest = Some(parameter),
            Role::Named => named_rest = Some(parameter),
        }
    }
    Overload {
        name: name.into(),
        is_function,
        is_method,
        no_kwargs: false,
        params: positional,
        rest,
        named_rest,
        body: Box::new(move |cx, args| handler.call(cx, args)),
    }
}

/// A default of a declaration.
fn constant(text: &str) -> Value {
    match text.trim() {
        "null" => Value::Null,
        "true" => Value::Bool(true),
        "false" => Value::Bool(false),
        text => text
            .parse()
            .map_or_else(|_| Value::from(text.trim_matches('\'')), Value::Int),
    }
}
