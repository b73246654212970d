//! From the text of a template to a tree whose names are resolved.

pub(super) mod ast;
mod escapes;
mod lexer;
mod parser;
mod postfix;
mod scope;
mod statements;
mod walk;

pub(super) use ast::Span;
pub(super) use parser::Malformed;

use ast::Template;

/// How the text around tags is treated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Whitespace {
    /// Whether a line end at the very end of the template is dropped.
    pub(super) drop_last_line_end: bool,
}

/// Reads a whole template.
pub(super) fn template(source: &str, whitespace: Whitespace) -> Result<Template, Malformed> {
    let body = parser::Parser::new(lexer::template(source, whitespace)).template()?;
    let mut tree = scope::resolve(body)?;
    tree.lines = line_starts(source);
    Ok(tree)
}

/// Reads one expression without delimiters.
pub(super) fn expression(source: &str) -> Result<Template, Malformed> {
    let expr = parser::Parser::new(lexer::expression(source)).lone_expression()?;
    let mut tree = scope::resolve_expression(expr)?;
    tree.lines = line_starts(source);
    Ok(tree)
}

fn line_starts(source: &str) -> Vec<u32> {
    let ends = source.match_indices('\n');
    ends.filter_map(|(at, _)| u32::try_from(at + 1).ok()).collect()
}
