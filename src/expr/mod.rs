//! Expressions: Jinja as packs expect it, Python-flavoured values and regular expressions.

pub mod pyregex;
