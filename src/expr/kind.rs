//! What can be wrong with an expression, in whichever language it is written.

/// The kind of a mistake. The names are part of the command-line contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// The expression or template is malformed.
    Parse,
    /// A function that does not exist.
    UnknownFunction,
    /// A method that does not exist for what it is called on.
    UnknownMethod,
    /// A filter or test that does not exist.
    UnknownFilter,
    /// The function exists, but takes no such arguments.
    NoMatch,
    /// More than one form of the function takes the arguments.
    Ambiguous,
    /// A variable, attribute or method that does not exist.
    Undefined,
    /// Variables that are left in the result.
    Unresolved,
    /// A name that starts with two underscores.
    Private,
    /// A key that a dictionary lacks.
    Key,
    /// An index beyond a list.
    Index,
    /// The first, last or single item of a list with the wrong number of them.
    Empty,
    /// A value of the wrong type.
    Type,
    /// A value of the right type that makes no sense.
    Value,
    /// An attribute that a value lacks.
    Attribute,
    /// Too few or too many arguments.
    Argument,
    /// A division by zero.
    ZeroDivision,
    /// A number or range too large.
    Overflow,
    /// A regular expression that cannot be compiled.
    Regex,
    /// Too much time, memory or output.
    Limit,
    /// Expressions, macros or calls nested too deep.
    Recursion,
    /// Something an expression may not touch.
    Security,
    /// The evaluation could not go on.
    Runtime,
    /// A workflow function outside of its place: no current task, no item, no datastore key.
    Evaluation,
    /// Anything else.
    Other,
}

impl ErrorKind {
    /// The name used in machine-readable answers, such as `zero_division`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Parse => "parse",
            Self::UnknownFunction => "unknown_function",
            Self::UnknownMethod => "unknown_method",
            Self::UnknownFilter => "unknown_filter",
            Self::NoMatch => "no_match",
            Self::Ambiguous => "ambiguous",
            Self::Undefined => "undefined",
            Self::Unresolved => "unresolved",
            Self::Private => "private",
            Self::Key => "key",
            Self::Index => "index",
            Self::Empty => "empty",
            Self::Type => "type",
            Self::Value => "value",
            Self::Attribute => "attribute",
            Self::Argument => "argument",
            Self::ZeroDivision => "zero_division",
            Self::Overflow => "overflow",
            Self::Regex => "regex",
            Self::Limit => "limit",
            Self::Recursion => "recursion",
            Self::Security => "security",
            Self::Runtime => "runtime",
            Self::Evaluation => "evaluation",
            Self::Other => "other",
        }
    }
}
