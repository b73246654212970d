//! `JSONPath` in the dialect of packs (`people[*].name`, `$..id`, `a.b[0]`, `x | y`), evaluated on values.
//!
//! Paths with filters (`[?(@.age > 3)]`) are left to RFC 9535's evaluator, which knows JSON only.

use std::cell::Cell;
use std::rc::Rc;

use super::kind::ErrorKind;
use super::value::{Value, from_json, to_json};

/// How deep `..` descends and brackets nest.
const MAX_DEPTH: usize = 200;
/// Most places that a query may visit.
const MAX_VISITS: usize = 1_000_000;

/// Why a query gives no answer.
#[derive(Debug, PartialEq, Eq)]
pub struct PathError {
    /// `Parse` when the query cannot be read, `Type`, `Key` or `Index` when it asks something impossible of a value,
    /// `Limit` when it is too much work.
    pub kind: ErrorKind,
    /// What is wrong and where.
    pub message: String,
}

fn fail<T>(kind: ErrorKind, message: impl Into<String>) -> Result<T, PathError> {
    Err(PathError {
        kind,
        message: message.into(),
    })
}

/// A path that was read once, for many values.
#[derive(Debug, Clone)]
pub struct JsonPath {
    path: Path,
}

/// One step of a path that leads to one place at most.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// The member of this name.
    Member(String),
    /// The item at this index; negative ones count from the end.
    Item(i64),
}

impl JsonPath {
    /// Reads a path. Filters (`[?(@.age > 3)]`) are not understood here.
    ///
    /// # Errors
    ///
    /// What cannot be read, and where.
    pub fn new(query: &str) -> Result<Self, PathError> {
        Reader::read(query).map(|path| Self { path })
    }

    /// All values that the path finds in `value`, in order.
    ///
    /// # Errors
    ///
    /// An index of what has none, or too much work.
    pub fn find(&self, value: &Value) -> Result<Vec<Value>, PathError> {
        find(&self.path, value)
    }

    /// The steps of a path without wildcards, slices, alternatives and `..`; `None` for any other.
    #[must_use]
    pub fn steps(&self) -> Option<Vec<Step>> {
        fn walk(path: &Path, first: bool, steps: &mut Vec<Step>) -> bool {
            match path {
                Path::Root => first && steps.is_empty(),
                Path::This => true,
                Path::Fields(names) => match names.as_slice() {
                    [name] if name != "*" => {
                        steps.push(Step::Member(name.clone()));
                        true
                    }
                    _ => false,
                },
                Path::Index(index) => {
                    steps.push(Step::Item(*index));
                    true
                }
                Path::Child(left, right) => walk(left, first, steps) && walk(right, false, steps),
                _ => false,
            }
        }
        let mut steps = Vec::new();
        walk(&self.path, true, &mut steps).then_some(steps)
    }
}

/// All values that `query` finds in `value`, in order.
///
/// # Errors
///
/// A query that cannot be read, an index of what has none, or too much work.
pub fn query(value: &Value, query: &str) -> Result<Vec<Value>, PathError> {
    match Reader::read(query) {
        Ok(path) => find(&path, value),
        Err(error) if query.contains('?') => filtered(value, query).unwrap_or(Err(error)),
        Err(error) => Err(error),
    }
}

fn find(path: &Path, value: &Value) -> Result<Vec<Value>, PathError> {
    let finder = Finder { visits: Cell::new(0) };
    let root = Rc::new(Place {
        value: value.clone(),
        parent: None,
    });
    let mut found = Vec::new();
    finder.find(path, &root, &mut found, 0)?;
    Ok(found.into_iter().map(|place| place.value.clone()).collect())
}

/// The answer of RFC 9535; `None` when that is no path either.
fn filtered(value: &Value, query: &str) -> Option<Result<Vec<Value>, PathError>> {
    let standard = if query.trim_start().starts_with('$') {
        query.into()
    } else {
        format!("$.{query}")
    };
    let path = serde_json_path::JsonPath::parse(&standard).ok()?;
    Some(match to_json(value) {
        Ok(json) => Ok(path.query(&json).all().into_iter().map(from_json).collect()),
        Err(error) => fail(ErrorKind::Type, error.to_string()),
    })
}

#[derive(Debug, Clone)]
enum Path {
    Root,
    This,
    Parent,
    /// Names of members; with `*` among them every member.
    Fields(Vec<String>),
    Index(i64),
    Slice(Option<i64>, Option<i64>),
    Child(Box<Path>, Box<Path>),
    Descendants(Box<Path>, Box<Path>),
    Union(Box<Path>, Box<Path>),
    Where(Box<Path>, Box<Path>),
}

/// A value and how it was reached.
struct Place {
    value: Value,
    parent: Option<Rc<Place>>,
}

fn down(at: &Rc<Place>, value: Value) -> Rc<Place> {
    Rc::new(Place {
        value,
        parent: Some(Rc::clone(at)),
    })
}

type Found = Vec<Rc<Place>>;

struct Finder {
    visits: Cell<usize>,
}

impl Finder {
    fn visit(&self, depth: usize) -> Result<(), PathError> {
        if depth > MAX_DEPTH {
            return fail(
                ErrorKind::Limit,
                format!("the value is nested more than {MAX_DEPTH} deep"),
            );
        }
        self.visits.set(self.visits.get() + 1);
        if self.visits.get() > MAX_VISITS {
            return fail(
                ErrorKind::Limit,
                format!("the query visits more than {MAX_VISITS} places"),
            );
        }
        Ok(())
    }

    fn find(&self, path: &Path, at: &Rc<Place>, out: &mut Found, depth: usize) -> Result<(), PathError> {
        self.visit(depth)?;
        match path {
            Path::Root => {
                let mut top = at;
                while let Some(parent) = &top.parent {
                    top = parent;
                }
                out.push(Rc::clone(top));
            }
            Path::This => out.push(Rc::clone(at)),
            Path::Parent => match &at.parent {
                Some(parent) => out.push(Rc::clone(parent)),
                None => return fail(ErrorKind::Attribute, "the top of the value has no `parent`"),
            },
            Path::Fields(names) => fields(names, at, out),
            Path::Index(index) => out.extend(item(*index, at)?),
            Path::Slice(start, end) => self.slice(*start, *end, at, out, depth)?,
            Path::Child(left, right) => {
                for place in self.found(left, at, depth)? {
                    self.find(right, &place, out, depth + 1)?;
                }
            }
            Path::Descendants(left, right) => {
                for place in self.found(left, at, depth)? {
                    self.descend(right, &place, out, depth)?;
                }
            }
            Path::Union(left, right) => {
                self.find(left, at, out, depth + 1)?;
                self.find(right, at, out, depth + 1)?;
            }
            Path::Where(left, right) => {
                for place in self.found(left, at, depth)? {
                    if !self.found(right, &place, depth)?.is_empty() {
                        out.push(place);
                    }
                }
            }
        }
        Ok(())
    }

    fn found(&self, path: &Path, at: &Rc<Place>, depth: usize) -> Result<Found, PathError> {
        let mut out = Vec::new();
        self.find(path, at, &mut out, depth + 1)?;
        Ok(out)
    }

    fn descend(&self, path: &Path, at: &Rc<Place>, out: &mut Found, depth: usize) -> Result<(), PathError> {
        self.find(path, at, out, depth)?;
        let mut each = |item: &Value| self.descend(path, &down(at, item.clone()), out, depth + 1);
        match &at.value {
            Value::List(items) => items.iter().try_for_each(&mut each),
            Value::Dict(map) => map.values().try_for_each(&mut each),
            _ => Ok(()),
        }
    }

    fn slice(
        &self,
        start: Option<i64>,
        end: Option<i64>,
        at: &Rc<Place>,
        out: &mut Found,
        depth: usize,
    ) -> Result<(), PathError> {
        let items = match &at.value {
            Value::List(items) | Value::Tuple(items) => items,
            // A single value counts as a list of one.
            Value::Dict(_) | Value::Int(_) | Value::BigInt(_) | Value::Bool(_) | Value::Str(_) => {
                let wrapped = Place {
                    value: Value::list([at.value.clone()]),
                    parent: at.parent.clone(),
                };
                return self.slice(start, end, &Rc::new(wrapped), out, depth);
            }
            Value::Set(items) if items.is_empty() => return Ok(()),
            other => return no_length("[*]", other),
        };
        let len = i64::try_from(items.len()).unwrap_or(i64::MAX);
        let clamp = |bound: i64| (if bound < 0 { bound + len } else { bound }).clamp(0, len);
        for index in start.map_or(0, clamp)..end.map_or(len, clamp) {
            self.visit(depth)?;
            out.extend(item(index, at)?);
        }
        Ok(())
    }
}

fn fields(names: &[String], at: &Rc<Place>, out: &mut Found) {
    let Value::Dict(map) = &at.value else {
        return;
    };
    if names.iter().any(|name| name == "*") {
        out.extend(map.values().map(|value| down(at, value.clone())));
    } else {
        let values = names.iter().filter_map(|name| map.get_str(name));
        out.extend(values.map(|value| down(at, value.clone())));
    }
}

fn no_length<T>(step: &str, value: &Value) -> Result<T, PathError> {
    fail(
        ErrorKind::Type,
        format!(
            "{step} needs a list, but the value there is of type {}",
            value.type_name()
        ),
    )
}

/// The item of an index: none beyond the end, a failure before the beginning.
fn item(index: i64, at: &Rc<Place>) -> Result<Option<Rc<Place>>, PathError> {
    let pick = |len: usize, get: &dyn Fn(usize) -> Option<Value>| {
        let signed = i64::try_from(len).unwrap_or(i64::MAX);
        if index >= signed {
            return Ok(None);
        }
        let at = usize::try_from(if index < 0 { index + signed } else { index });
        match at.ok().and_then(get) {
            Some(value) => Ok(Some(value)),
            None => fail(ErrorKind::Index, format!("[{index}] is before the first item")),
        }
    };
    let found = match &at.value {
        Value::List(items) | Value::Tuple(items) => pick(items.len(), &|at| items.get(at).cloned()),
        Value::Str(text) => pick(text.chars().count(), &|at| text.chars().nth(at).map(Value::from)),
        Value::Bytes(bytes) => pick(bytes.len(), &|at| {
            bytes.get(at).map(|byte| Value::Int(i64::from(*byte)))
        }),
        Value::Dict(map) if i64::try_from(map.len()).is_ok_and(|len| index >= len) => Ok(None),
        Value::Dict(map) => match map.get(&Value::Int(index)) {
            Some(value) => Ok(Some(value.clone())),
            None => fail(
                ErrorKind::Key,
                format!("[{index}] is no key of the dictionary there"),
            ),
        },
        Value::Set(items) if i64::try_from(items.len()).is_ok_and(|len| index >= len) => Ok(None),
        other => no_length(&format!("[{index}]"), other),
    };
    Ok(found?.map(|value| down(at, value)))
}

/// Makes a path of two.
type Join = fn(Box<Path>, Box<Path>) -> Path;

struct Reader<'q> {
    query: &'q str,
    chars: Vec<char>,
    at: usize,
    depth: usize,
}

impl<'q> Reader<'q> {
    fn read(query: &'q str) -> Result<Path, PathError> {
        let mut reader = Reader {
            query,
            chars: query.chars().collect(),
            at: 0,
            depth: 0,
        };
        let path = reader.path(0)?;
        reader.blank();
        if reader.at < reader.chars.len() {
            return Err(reader.fail("the path should end"));
        }
        Ok(path)
    }

    fn fail(&self, what: &str) -> PathError {
        PathError {
            kind: ErrorKind::Parse,
            message: format!(
                "{what} at character {} of the JSON path {:?}",
                self.at + 1,
                self.query
            ),
        }
    }

    fn blank(&mut self) {
        while self.chars.get(self.at).is_some_and(|c| c.is_whitespace()) {
            self.at += 1;
        }
    }

    fn peek(&mut self) -> Option<char> {
        self.blank();
        self.chars.get(self.at).copied()
    }

    fn eat(&mut self, token: &str) -> bool {
        self.blank();
        let matches = token
            .chars()
            .enumerate()
            .all(|(offset, c)| self.chars.get(self.at + offset) == Some(&c));
        if matches {
            self.at += token.chars().count();
        }
        matches
    }

    /// A path whose operators bind at least as strongly as `least`. Brackets behind a path bind weakest of all: in
    /// `a | b[0]` they belong to both.
    fn path(&mut self, least: usize) -> Result<Path, PathError> {
        self.depth += 1;
        if self.depth > MAX_DEPTH / 4 {
            return fail(ErrorKind::Limit, "the JSON path is nested too deep");
        }
        let mut path = self.step()?;
        for steps in 0.. {
            if steps > MAX_DEPTH / 4 {
                return fail(ErrorKind::Limit, "the JSON path has too many steps");
            }
            if least == 0 && self.peek() == Some('[') {
                path = Path::Child(Box::new(path), Box::new(self.brackets()?));
                continue;
            }
            let Some((join, strength)) = self.operator(least) else {
                break;
            };
            let right = self.path(strength + 1)?;
            path = join(Box::new(path), Box::new(right));
        }
        self.depth -= 1;
        Ok(path)
    }

    /// An operator that binds strongly enough, with its strength.
    fn operator(&mut self, least: usize) -> Option<(Join, usize)> {
        let before = self.at;
        let (join, strength): (Join, usize) = if self.eat("..") {
            (Path::Descendants, 1)
        } else if self.eat(".") {
            (Path::Child, 2)
        } else if self.eat("|") {
            (Path::Union, 3)
        } else if self.word().as_deref() == Some("where") {
            (Path::Where, 4)
        } else {
            self.at = before;
            return None;
        };
        if strength < least {
            self.at = before;
            return None;
        }
        Some((join, strength))
    }

    fn step(&mut self) -> Result<Path, PathError> {
        match self.peek() {
            Some('$') => {
                self.at += 1;
                Ok(Path::Root)
            }
            Some('(') => {
                self.at += 1;
                let path = self.path(0)?;
                if self.eat(")") {
                    Ok(path)
                } else {
                    Err(self.fail("expected ')'"))
                }
            }
            Some('`') => {
                if self.eat("`this`") {
                    Ok(Path::This)
                } else if self.eat("`parent`") {
                    Ok(Path::Parent)
                } else {
                    Err(self.fail("only `this` and `parent` are known"))
                }
            }
            Some('[') => self.brackets(),
            Some('*') => {
                self.at += 1;
                Ok(Path::Fields(vec!["*".to_owned()]))
            }
            _ => self.fields().map(Path::Fields),
        }
    }

    fn brackets(&mut self) -> Result<Path, PathError> {
        self.at += 1;
        let path = match self.peek() {
            Some('*') => {
                self.at += 1;
                Path::Slice(None, None)
            }
            Some('0'..='9' | '-' | ':') => {
                let start = self.integer()?;
                if self.eat(":") {
                    Path::Slice(start, self.integer()?)
                } else {
                    Path::Index(start.ok_or_else(|| self.fail("expected a number"))?)
                }
            }
            _ => Path::Fields(self.fields()?),
        };
        if self.eat("]") {
            Ok(path)
        } else {
            Err(self.fail("expected ']'"))
        }
    }

    fn integer(&mut self) -> Result<Option<i64>, PathError> {
        self.blank();
        let start = self.at;
        if self.chars.get(self.at) == Some(&'-') {
            self.at += 1;
        }
        while self.chars.get(self.at).is_some_and(char::is_ascii_digit) {
            self.at += 1;
        }
        if start == self.at {
            return Ok(None);
        }
        let text: String = self.chars[start..self.at].iter().collect();
        text.parse().map(Some).map_err(|_| self.fail("expected a number"))
    }

    fn fields(&mut self) -> Result<Vec<String>, PathError> {
        let mut names = Vec::new();
        loop {
            let name = match self.peek() {
                Some(quote @ ('\'' | '"')) => Some(self.quoted(quote)?),
                _ => self.word().filter(|word| word != "where"),
            };
            names.push(name.ok_or_else(|| self.fail("expected the name of a member"))?);
            if !self.eat(",") {
                return Ok(names);
            }
        }
    }

    fn word(&mut self) -> Option<String> {
        self.blank();
        let start = self.at;
        while let Some(c) = self.chars.get(self.at) {
            let first = self.at == start;
            if c.is_alphabetic() || matches!(c, '_' | '@') || (!first && (c.is_numeric() || *c == '-')) {
                self.at += 1;
            } else {
                break;
            }
        }
        (self.at > start).then(|| self.chars[start..self.at].iter().collect())
    }

    fn quoted(&mut self, quote: char) -> Result<String, PathError> {
        self.at += 1;
        let mut text = String::new();
        loop {
            let Some(&c) = self.chars.get(self.at) else {
                return Err(self.fail("the quote is never closed"));
            };
            self.at += 1;
            match c {
                c if c == quote => return Ok(text),
                '\\' => {
                    text.extend(self.chars.get(self.at));
                    self.at += 1;
                }
                c => text.push(c),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn packs_paths_find_what_they_say() {
        let value =
            json!({"people": [{"first": "ana", "n": 1, "t-x": {"id": 5}}, {"first": "bo"}], "n": 7, "*": 0});
        let rows = [
            ("people[*].first", json!(["ana", "bo"])),
            ("$.people[0].first", json!(["ana"])),
            ("people[-1].first", json!(["bo"])),
            ("people[9]", json!([])),
            ("$..n", json!([7, 1])),
            ("$..first", json!(["ana", "bo"])),
            ("people[0:1].first", json!(["ana"])),
            ("n[*]", json!([7])),
            ("n[*].`parent`", json!([[7]])),
            ("people[0].t-x.id", json!([5])),
            ("people[0]['t-x'].id", json!([5])),
            ("people[*].(first | n)", json!(["ana", 1, "bo"])),
            ("people[*].first | n", json!(["ana", 1, "bo"])),
            ("people[0].first[0]", json!(["a"])),
            ("people[0].first,n", json!(["ana", 1])),
            ("people[0].*", json!(["ana", 1, {"id": 5}])),
            ("n.`parent`.n", json!([7])),
            ("people[*].t-x where id", json!([{"id": 5}])),
            ("people where n", json!([])),
            ("nope", json!([])),
            ("$", json!([value])),
            ("$.people[?(@.n == 1)].first", json!(["ana"])),
        ];
        let value = from_json(&value);
        for (path, expected) in rows {
            let found = query(&value, path).map(Value::list);
            assert_eq!(found.map(|found| to_json(&found)), Ok(Ok(expected)), "{path}");
        }
        for (path, kind) in [
            ("a[", ErrorKind::Parse),
            ("", ErrorKind::Parse),
            ("..n", ErrorKind::Parse),
            ("n[0]", ErrorKind::Type),
            ("$..[0]", ErrorKind::Key),
            ("people[-3]", ErrorKind::Index),
            ("`parent`", ErrorKind::Attribute),
        ] {
            assert_eq!(
                query(&value, path).map_err(|error| error.kind),
                Err(kind),
                "{path}"
            );
        }
    }

    #[test]
    fn work_is_bounded() {
        let wide = Value::list((0..2000).map(Value::from));
        let value = Value::list([wide.clone(), wide]);
        let path = format!("${}", "..(`this` | `this`)".repeat(12));
        let kind = query(&value, &path)
            .map(|found| found.len())
            .map_err(|error| error.kind);
        assert_eq!(kind, Err(ErrorKind::Limit));
    }

    proptest::proptest! {
        #![proptest_config(crate::testing::cases(256))]

        #[test]
        fn any_path_is_read_or_refused(path in "[-$.@*\\[\\]()'\"a-c0-9:,|` ]{0,24}") {
            let _ = query(&from_json(&json!({"a": [1, {"b": [[]]}], "b": "c"})), &path);
        }
    }
}
