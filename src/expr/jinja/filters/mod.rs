//! Filters: Jinja's own, and `StackStorm`'s.

mod html;
mod lists;
mod numbers;
mod pretty;
mod select;
mod sorting;
mod texts;
mod wrap;

pub(crate) use html::{striptags, unescape_html};
pub(crate) use sorting::sort_by;
pub(crate) use texts::{check_keys, indentation, short_class_of};

use super::bind::{Bound, Signature};
use super::fault::{Run, type_error};
use super::machine::{CallArgs, Machine};
use super::object::{class_of, defined};
use super::syntax::ast::Expr;
use super::{Setting, functions, unknown};
use crate::expr::value::Value;

type BoundFilter = fn(&mut Machine<'_>, &Value, &Bound) -> Run<Value>;
type FreeFilter = fn(&mut Machine<'_>, &Value, CallArgs) -> Run<Value>;

/// How a filter takes its arguments.
#[derive(Debug)]
enum Kind {
    Bound(Signature, BoundFilter),
    /// Any arguments.
    Free(FreeFilter),
}

/// A filter of Jinja itself.
#[derive(Debug)]
pub(crate) struct Filter {
    name: &'static str,
    kind: Kind,
}

const fn bound(
    name: &'static str,
    function: &'static str,
    hidden: usize,
    names: &'static [&'static str],
    required: usize,
    run: BoundFilter,
) -> Filter {
    Filter {
        name,
        kind: Kind::Bound(
            Signature {
                function,
                hidden,
                names,
                required,
            },
            run,
        ),
    }
}

const fn free(name: &'static str, run: FreeFilter) -> Filter {
    Filter {
        name,
        kind: Kind::Free(run),
    }
}

/// Jinja's filters by name, sorted.
static FILTERS: [Filter; 54] = [
    free("abs", numbers::abs),
    bound("attr", "do_attr", 2, &["name"], 1, lists::attr),
    bound(
        "batch",
        "do_batch",
        1,
        &["linecount", "fill_with"],
        1,
        lists::batch,
    ),
    bound("capitalize", "do_capitalize", 1, &[], 0, texts::capitalize),
    bound("center", "do_center", 1, &["width"], 0, texts::center),
    free("count", lists::length),
    bound(
        "d",
        "do_default",
        1,
        &["default_value", "boolean"],
        0,
        lists::default,
    ),
    bound(
        "default",
        "do_default",
        1,
        &["default_value", "boolean"],
        0,
        lists::default,
    ),
    bound(
        "dictsort",
        "do_dictsort",
        1,
        &["case_sensitive", "by", "reverse"],
        0,
        sorting::dictsort,
    ),
    free("e", html::escape),
    free("escape", html::escape),
    bound(
        "filesizeformat",
        "do_filesizeformat",
        1,
        &["binary"],
        0,
        numbers::filesizeformat,
    ),
    bound("first", "sync_do_first", 2, &[], 0, lists::first),
    bound("float", "do_float", 1, &["default"], 0, numbers::float),
    bound("forceescape", "do_forceescape", 1, &[], 0, html::forceescape),
    free("format", texts::format),
    bound(
        "groupby",
        "sync_do_groupby",
        2,
        &["attribute", "default", "case_sensitive"],
        1,
        sorting::groupby,
    ),
    bound(
        "indent",
        "do_indent",
        1,
        &["width", "first", "blank"],
        0,
        texts::indent,
    ),
    bound("int", "do_int", 1, &["default", "base"], 0, numbers::int),
    bound("items", "do_items", 1, &[], 0, lists::items),
    bound("join", "sync_do_join", 2, &["d", "attribute"], 0, lists::join),
    bound("last", "do_last", 2, &[], 0, lists::last),
    free("length", lists::length),
    bound("list", "sync_do_list", 1, &[], 0, lists::list),
    bound("lower", "do_lower", 1, &[], 0, texts::lower),
    free("map", select::map),
    bound(
        "max",
        "do_max",
        2,
        &["case_sensitive", "attribute"],
        0,
        sorting::max,
    ),
    bound(
        "min",
        "do_min",
        2,
        &["case_sensitive", "attribute"],
        0,
        sorting::min,
    ),
    bound("pprint", "do_pprint", 1, &[], 0, pretty::pprint),
    bound("random", "do_random", 2, &[], 0, lists::random),
    free("reject", select::reject),
    free("rejectattr", select::rejectattr),
    bound(
        "replace",
        "do_replace",
        2,
        &["old", "new", "count"],
        2,
        texts::replace,
    ),
    bound("reverse", "do_reverse", 1, &[], 0, lists::reverse),
    bound(
        "round",
        "do_round",
        1,
        &["precision", "method"],
        0,
        numbers::round,
    ),
    bound("safe", "do_mark_safe", 1, &[], 0, html::safe),
    free("select", select::select),
    free("selectattr", select::selectattr),
    bound(
        "slice",
        "sync_do_slice",
        1,
        &["slices", "fill_with"],
        1,
        lists::slice,
    ),
    bound(
        "sort",
        "do_sort",
        2,
        &["reverse", "case_sensitive", "attribute"],
        0,
        sorting::sort,
    ),
    bound("string", "soft_str", 1, &[], 0, texts::string),
    bound("striptags", "do_striptags", 1, &[], 0, html::strip),
    bound("sum", "sync_do_sum", 2, &["attribute", "start"], 0, lists::sum),
    bound("title", "do_title", 1, &[], 0, texts::title),
    bound("tojson", "do_tojson", 2, &["indent"], 0, texts::tojson),
    bound("trim", "do_trim", 1, &["chars"], 0, texts::trim),
    bound(
        "truncate",
        "do_truncate",
        2,
        &["length", "killwords", "end", "leeway"],
        0,
        texts::truncate,
    ),
    bound(
        "unique",
        "sync_do_unique",
        2,
        &["case_sensitive", "attribute"],
        0,
        sorting::unique,
    ),
    bound("upper", "do_upper", 1, &[], 0, texts::upper),
    bound("urlencode", "do_urlencode", 1, &[], 0, texts::urlencode),
    bound(
        "urlize",
        "do_urlize",
        2,
        &["trim_url_limit", "nofollow", "target", "rel", "extra_schemes"],
        0,
        html::urlize,
    ),
    bound("wordcount", "do_wordcount", 1, &[], 0, wrap::wordcount),
    bound(
        "wordwrap",
        "do_wordwrap",
        2,
        &["width", "break_long_words", "wrapstring", "break_on_hyphens"],
        0,
        wrap::wordwrap,
    ),
    bound("xmlattr", "do_xmlattr", 2, &["autospace"], 0, html::xmlattr),
];

/// Jinja's own filter of a name.
pub(crate) fn stock(name: &str) -> Option<&'static Filter> {
    let at = FILTERS.binary_search_by(|filter| filter.name.cmp(name)).ok()?;
    FILTERS.get(at)
}

/// Whether there is a filter of this name without a host.
pub(crate) fn is_known(setting: Setting, name: &str) -> bool {
    stock(name).is_some() || functions::is_filter(setting, name)
}

/// All names of filters, for advice.
pub(crate) fn names(setting: Setting) -> Vec<&'static str> {
    let stock = FILTERS.iter().map(|filter| filter.name);
    stock.chain(functions::names(setting)).collect()
}

impl Filter {
    /// Applies the filter.
    pub(crate) fn run(&self, machine: &mut Machine<'_>, value: &Value, args: CallArgs) -> Run<Value> {
        match &self.kind {
            Kind::Bound(signature, run) => run(machine, value, &signature.bind(args)?),
            Kind::Free(run) => run(machine, value, args),
        }
    }

    /// Applies the filter to arguments that are nothing but positions, as far as they fit.
    pub(crate) fn run_simply(
        &self,
        machine: &mut Machine<'_>,
        value: &Value,
        args: &[Expr],
    ) -> Option<Run<Value>> {
        let Kind::Bound(signature, run) = &self.kind else {
            return None;
        };
        if !(signature.required..=signature.names.len()).contains(&args.len()) {
            return None;
        }
        let bound = args.iter().map(|arg| machine.eval(arg)).collect::<Run<Bound>>();
        Some(bound.and_then(|bound| {
            machine.charge(value)?;
            run(machine, value, &bound)
        }))
    }
}

/// Applies a filter by its name; `end` ends the sentence about one that does not exist.
pub(crate) fn apply(
    machine: &mut Machine<'_>,
    name: &str,
    value: &Value,
    args: CallArgs,
    end: &str,
) -> Run<Value> {
    if let Some(filter) = stock(name) {
        return filter.run(machine, value, args);
    }
    if let Some(host) = machine.host().filter(|host| host.has(name)) {
        let mut all = Vec::with_capacity(args.positional.len() + 1);
        all.push(value.clone());
        all.extend(args.positional);
        return Ok(host.call(name, &all, &args.keywords)?);
    }
    if functions::is_filter(machine.setting(), name) {
        return functions::run(Some(machine), name, value, args);
    }
    Err(unknown(machine.setting(), machine.host(), name, false, end))
}

/// The arguments of a function of Python that is written in C and takes one.
fn only_value(function: &str, args: &CallArgs) -> Run<()> {
    if !args.keywords.is_empty() {
        return type_error(format!("{function}() takes no keyword arguments"));
    }
    match args.positional.len() {
        0 => Ok(()),
        more => type_error(format!(
            "{function}() takes exactly one argument ({} given)",
            more + 1
        )),
    }
}

/// A text that must be one: what Python calls a method on.
fn must_be_text<'v>(value: &'v Value, method: &str) -> Run<&'v str> {
    match super::object::text_of(value) {
        Some(text) => Ok(text),
        None => {
            defined(value)?;
            super::fault::fail(
                super::ErrorKind::Attribute,
                format!("'{}' object has no attribute '{method}'", class_of(value)),
            )
        }
    }
}

/// What Python says when something without `items()` is taken for a mapping.
fn must_be_mapping(value: &Value) -> Run<()> {
    if let Value::Dict(_) = value {
        return Ok(());
    }
    must_be_text(value, "items").map(|_| ())?;
    super::fault::fail(
        super::ErrorKind::Attribute,
        format!("'{}' object has no attribute 'items'", class_of(value)),
    )
}

#[cfg(test)]
mod tests {
    use super::FILTERS;

    #[test]
    fn the_table_is_sorted() {
        assert!(FILTERS.windows(2).all(|pair| pair[0].name < pair[1].name));
    }
}
