//! What `with` repeats over: an expression of a list, and the names that its items get.

use std::sync::{Arc, LazyLock};

use regex::Regex;

/// The items of a repetition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Items {
    /// As written.
    pub text: Arc<str>,
    /// Names of the parts of an item: `x, y` of `x, y in <% … %>`. Empty: the item is the value itself.
    pub names: Vec<Arc<str>>,
    /// The expression of the list, without the blanks around it.
    pub expression: Arc<str>,
}

/// Names before ` in `. The reference cuts at the first ` in ` wherever it stands; here an expression may hold one.
static NAMES: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"^\s*((?:\w+,\s*)*\w+)\s+in\s").expect("a constant pattern"));

impl Items {
    pub(crate) fn read(text: &str) -> Self {
        let (names, expression) = match NAMES.captures(text) {
            Some(found) => {
                let end = found.get(0).map_or(0, |all| all.end());
                let names = found.get(1).map_or("", |names| names.as_str());
                (
                    names.split(',').map(|name| Arc::from(name.trim())).collect(),
                    &text[end..],
                )
            }
            None => (Vec::new(), text),
        };
        Self {
            text: text.into(),
            names,
            expression: expression.trim().into(),
        }
    }

    /// Whether the text has the form that the language asks for: an expression alone, or names, ` in ` and an
    /// expression. An expression may span lines here.
    #[must_use]
    pub fn is_well_formed(&self) -> bool {
        let text = &*self.expression;
        [("<%", "%>"), ("{{", "}}")].iter().any(|(open, close)| {
            text.len() >= open.len() + close.len() && text.starts_with(open) && text.ends_with(close)
        })
    }
}
