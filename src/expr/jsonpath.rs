//! `JSONPath` in the dialect of packs (`people[*].name`, `$..id`, `a.b[0]`, `x | y`), evaluated on JSON values.
//!
//! Paths with filters (`[?(@.age > 3)]`) are left to RFC 9535's evaluator.

use serde_json::Value;

/// How deep `..` descends and brackets nest.
const MAX_DEPTH: usize = 200;
/// Most matches that a query may give.
const MAX_MATCHES: usize = 100_000;

/// Why a query gives no answer.
#[derive(Debug, PartialEq, Eq)]
pub enum PathError {
    /// The query is wrong: what and where.
    Parse(String),
    /// The query asks something impossible of a value (an index of a number).
    Type(String),
    /// Too many matches or too deep.
    Limit(String),
}

/// All values that `query` finds in `value`, in order.
///
/// # Errors
///
/// A query that cannot be read, an index of what has none, or more than 100,000 matches.
pub fn query(value: &Value, query: &str) -> Result<Vec<Value>, PathError> {
    let path = match Reader::read(query) {
        Ok(path) => path,
        Err(error) if query.contains('?') => {
            let standard = if query.trim_start().starts_with('$') {
                query.into()
            } else {
                format!("$.{query}")
            };
            let path = serde_json_path::JsonPath::parse(&standard).map_err(|_| error)?;
            return Ok(path
                .query(value)
                .all()
                .into_iter()
                .take(MAX_MATCHES)
                .cloned()
                .collect());
        }
        Err(error) => return Err(error),
    };
    let mut found = Vec::new();
    find(
        &path,
        &Place {
            value,
            parent: None,
            root: value,
        },
        &mut found,
        0,
    )?;
    Ok(found.into_iter().map(|place| place.value.clone()).collect())
}

#[derive(Debug, Clone)]
enum Path {
    Root,
    This,
    Parent,
    /// Names of members; `*` is every member.
    Fields(Vec<String>),
    Index(i64),
    Slice(Option<i64>, Option<i64>, Option<i64>),
    Child(Box<Path>, Box<Path>),
    Descendants(Box<Path>, Box<Path>),
    Union(Box<Path>, Box<Path>),
    Where(Box<Path>, Box<Path>),
}

#[derive(Clone)]
struct Place<'v> {
    value: &'v Value,
    parent: Option<std::rc::Rc<Place<'v>>>,
    root: &'v Value,
}

impl<'v> Place<'v> {
    fn down(&self, value: &'v Value) -> Self {
        Place {
            value,
            parent: Some(std::rc::Rc::new(self.clone())),
            root: self.root,
        }
    }
}

fn find<'v>(path: &Path, at: &Place<'v>, out: &mut Vec<Place<'v>>, depth: usize) -> Result<(), PathError> {
    if depth > MAX_DEPTH {
        return Err(PathError::Limit(format!(
            "the value is nested more than {MAX_DEPTH} deep"
        )));
    }
    if out.len() > MAX_MATCHES {
        return Err(PathError::Limit(format!(
            "the query has more than {MAX_MATCHES} matches"
        )));
    }
    match path {
        Path::Root => out.push(Place {
            value: at.root,
            parent: None,
            root: at.root,
        }),
        Path::This => out.push(at.clone()),
        Path::Parent => out.extend(at.parent.as_deref().cloned()),
        Path::Fields(names) => {
            if let Value::Object(map) = at.value {
                for name in names {
                    if name == "*" {
                        out.extend(map.values().map(|value| at.down(value)));
                    } else if let Some(value) = map.get(name) {
                        out.push(at.down(value));
                    }
                }
            }
        }
        Path::Index(index) => {
            let Value::Array(items) = at.value else {
                let kind = super::pyvalue::type_name(at.value);
                return Err(PathError::Type(format!(
                    "[{index}] needs a list, but the value there is a {kind}"
                )));
            };
            if let Some(value) = position(*index, items.len()).and_then(|index| items.get(index)) {
                out.push(at.down(value));
            }
        }
        Path::Slice(start, end, step) => match at.value {
            Value::Array(items) => {
                for index in slice_indexes(*start, *end, *step, items.len()) {
                    out.push(at.down(&items[index]));
                }
            }
            // A single value counts as a list of one.
            _ => {
                if !slice_indexes(*start, *end, *step, 1).is_empty() {
                    out.push(at.clone());
                }
            }
        },
        Path::Child(left, right) => {
            for place in found(left, at, depth)? {
                find(right, &place, out, depth + 1)?;
            }
        }
        Path::Descendants(left, right) => {
            for place in found(left, at, depth)? {
                descend(right, &place, out, depth)?;
            }
        }
        Path::Union(left, right) => {
            find(left, at, out, depth + 1)?;
            find(right, at, out, depth + 1)?;
        }
        Path::Where(left, right) => {
            for place in found(left, at, depth)? {
                if !found(right, &place, depth)?.is_empty() {
                    out.push(place);
                }
            }
        }
    }
    Ok(())
}

fn found<'v>(path: &Path, at: &Place<'v>, depth: usize) -> Result<Vec<Place<'v>>, PathError> {
    let mut out = Vec::new();
    find(path, at, &mut out, depth + 1)?;
    Ok(out)
}

fn descend<'v>(path: &Path, at: &Place<'v>, out: &mut Vec<Place<'v>>, depth: usize) -> Result<(), PathError> {
    match find(path, at, out, depth) {
        // An index that does not fit one of the many places that `..` visits is no match there.
        Ok(()) | Err(PathError::Type(_)) => {}
        Err(error) => return Err(error),
    }
    match at.value {
        Value::Array(items) => items
            .iter()
            .try_for_each(|item| descend(path, &at.down(item), out, depth + 1)),
        Value::Object(map) => map
            .values()
            .try_for_each(|item| descend(path, &at.down(item), out, depth + 1)),
        _ => Ok(()),
    }
}

fn position(index: i64, len: usize) -> Option<usize> {
    let len = i64::try_from(len).ok()?;
    usize::try_from(if index < 0 { index + len } else { index }).ok()
}

fn slice_indexes(start: Option<i64>, end: Option<i64>, step: Option<i64>, len: usize) -> Vec<usize> {
    let len = i64::try_from(len).unwrap_or(i64::MAX);
    let step = step.filter(|step| *step != 0).unwrap_or(1);
    let clamp =
        |bound: i64, low: i64, high: i64| (if bound < 0 { bound + len } else { bound }).clamp(low, high);
    let mut indexes = Vec::new();
    let (mut at, stop) = if step > 0 {
        (
            clamp(start.unwrap_or(0), 0, len),
            end.map_or(len, |end| clamp(end, 0, len)),
        )
    } else {
        (
            clamp(start.unwrap_or(len - 1), -1, len - 1),
            end.map_or(-1, |end| clamp(end, -1, len - 1)),
        )
    };
    while if step > 0 { at < stop } else { at > stop } {
        indexes.extend(usize::try_from(at));
        at = at.saturating_add(step);
    }
    indexes
}

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
        let path = reader.union()?;
        reader.blank();
        if reader.at < reader.chars.len() {
            return Err(reader.fail("the path should end"));
        }
        Ok(path)
    }

    fn fail(&self, what: &str) -> PathError {
        PathError::Parse(format!(
            "{what} at character {} of the JSON path {:?}",
            self.at + 1,
            self.query
        ))
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

    fn union(&mut self) -> Result<Path, PathError> {
        self.depth += 1;
        if self.depth > MAX_DEPTH / 4 {
            return Err(PathError::Limit("the JSON path is nested too deep".into()));
        }
        let mut path = self.conditional()?;
        while self.eat("|") {
            path = Path::Union(Box::new(path), Box::new(self.conditional()?));
        }
        self.depth -= 1;
        Ok(path)
    }

    fn conditional(&mut self) -> Result<Path, PathError> {
        let mut path = self.steps()?;
        loop {
            let before = self.at;
            if self.word().as_deref() != Some("where") {
                self.at = before;
                return Ok(path);
            }
            path = Path::Where(Box::new(path), Box::new(self.steps()?));
        }
    }

    fn steps(&mut self) -> Result<Path, PathError> {
        let mut path = if self.eat("..") {
            Path::Descendants(Box::new(Path::Root), Box::new(self.step()?))
        } else {
            self.step()?
        };
        let mut count = 0;
        loop {
            count += 1;
            if count > MAX_DEPTH / 4 {
                return Err(PathError::Limit("the JSON path has too many steps".into()));
            }
            if self.eat("..") {
                path = Path::Descendants(Box::new(path), Box::new(self.step()?));
            } else if self.eat(".") || self.peek() == Some('[') {
                path = Path::Child(Box::new(path), Box::new(self.step()?));
            } else {
                return Ok(path);
            }
        }
    }

    fn step(&mut self) -> Result<Path, PathError> {
        match self.peek() {
            Some('$') => {
                self.at += 1;
                Ok(Path::Root)
            }
            Some('@') => {
                self.at += 1;
                Ok(Path::This)
            }
            Some('(') => {
                self.at += 1;
                let path = self.union()?;
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
            _ => self.fields().map(Path::Fields),
        }
    }

    fn brackets(&mut self) -> Result<Path, PathError> {
        self.at += 1;
        let path = match self.peek() {
            Some('*') => {
                self.at += 1;
                Path::Slice(None, None, None)
            }
            Some('0'..='9' | '-' | ':') => {
                let start = self.integer()?;
                if self.eat(":") {
                    let end = self.integer()?;
                    let step = if self.eat(":") { self.integer()? } else { None };
                    Path::Slice(start, end, step)
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
                Some('*') => {
                    self.at += 1;
                    Some("*".to_owned())
                }
                Some(quote @ ('\'' | '"')) => Some(self.quoted(quote)?),
                _ => self.word(),
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
            ("$..n", json!([7, 1])),
            ("$..first", json!(["ana", "bo"])),
            ("people[0:1].first", json!(["ana"])),
            ("n[*]", json!([7])),
            ("people[0].t-x.id", json!([5])),
            ("people[0]['t-x'].id", json!([5])),
            ("people[*].(first | n)", json!(["ana", 1, "bo"])),
            ("people[0].first,n", json!(["ana", 1])),
            ("people[0].*", json!(["ana", 1, {"id": 5}])),
            ("n.`parent`.n", json!([7])),
            ("people[*].t-x where id", json!([{"id": 5}])),
            ("nope", json!([])),
            ("$", json!([value])),
            ("$.people[?(@.n == 1)].first", json!(["ana"])),
        ];
        for (path, expected) in rows {
            assert_eq!(query(&value, path).map(Value::Array), Ok(expected), "{path}");
        }
        assert!(matches!(query(&value, "a["), Err(PathError::Parse(_))));
        assert!(matches!(query(&value, ""), Err(PathError::Parse(_))));
        assert!(matches!(query(&value, "n[0]"), Err(PathError::Type(_))));
    }

    proptest::proptest! {
        #[test]
        fn any_path_is_read_or_refused(path in "[-$.@*\\[\\]()'\"a-c0-9:,|` ]{0,24}") {
            let _ = query(&json!({"a": [1, {"b": [[]]}], "b": "c"}), &path);
        }
    }
}
