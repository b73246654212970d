//! Answers that aliases format themselves, in Jinja.

use std::sync::Arc;

use serde::Serialize;
use serde_json::Value;

use crate::chat::card::Excerpt;
use crate::engine::apart;
use crate::expr::jinja::{Context, Jinja, Limits, Undefined};

/// Bytes of a rendered format.
const LIMIT: usize = 1 << 20;

/// A piece of a formatted answer: prose, or what the alias put between code fences.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Part {
    pub(crate) code: bool,
    pub(crate) text: String,
}

/// A formatted answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Formatted {
    /// What stood before `{~}`.
    pub(crate) pretext: Option<String>,
    /// The rest.
    pub(crate) parts: Vec<Part>,
    /// Lines were left out.
    pub(crate) cut: bool,
}

/// Splits the text of a format at `{~}` and at code fences and leaves out the middle of what is longer than
/// `lines` lines.
pub(crate) fn formatted(text: &str, lines: usize) -> Formatted {
    let (pretext, body) = match text.split_once("{~}") {
        Some((before, after)) => (Some(before.trim()).filter(|before| !before.is_empty()), after),
        None => (None, text),
    };
    let mut out = Formatted {
        pretext: pretext.map(str::to_owned),
        ..Formatted::default()
    };
    for (index, piece) in body.split("```").enumerate() {
        let code = index % 2 == 1;
        let piece = piece.trim_matches('\n').trim_end();
        if piece.trim().is_empty() {
            continue;
        }
        let excerpt = Excerpt::of(piece, lines);
        let text = if excerpt.omitted > 0 {
            out.cut = true;
            format!(
                "{}\n… {} lines left out …\n{}",
                excerpt.head, excerpt.omitted, excerpt.tail
            )
        } else {
            excerpt.head
        };
        out.parts.push(Part { code, text });
    }
    out
}

/// Jinja for formats: they make messages, not reports.
pub(crate) fn formats(limits: Limits) -> Jinja {
    Jinja::new(Limits {
        output: limits.output.min(LIMIT),
        ..limits
    })
}

/// Renders a Jinja format. With `permissive` what is undefined prints as nothing, else it is an error.
///
/// # Errors
/// The reason, for people.
pub(crate) fn jinja(
    jinja: &Jinja,
    format: &str,
    context: &Arc<Value>,
    permissive: bool,
) -> Result<String, String> {
    let undefined = if permissive {
        Undefined::Permissive
    } else {
        Undefined::Strict
    };
    let context = Context::from_json(Arc::clone(context));
    apart(|| jinja.render(format, &context, undefined)).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_format_is_split_at_its_marks() {
        let said = formatted("Done!{~}ran on web1:\n```\nls\n  -la\n```\nbye", 30);
        assert_eq!(said.pretext.as_deref(), Some("Done!"));
        let parts: Vec<_> = said
            .parts
            .iter()
            .map(|part| (part.code, part.text.as_str()))
            .collect();
        assert_eq!(
            parts,
            [(false, "ran on web1:"), (true, "ls\n  -la"), (false, "bye")]
        );
        assert!(formatted(&"x\n".repeat(100), 9).cut);
    }

    #[test]
    fn undefined_is_nothing_in_results_and_an_error_in_first_answers() {
        let formats = formats(Limits::default());
        let context = Arc::new(json!({"execution": {"result": {"a": 1}}}));
        assert_eq!(
            jinja(&formats, "[{{ execution.result.b }}{{ nope }}]", &context, true),
            Ok("[]".to_owned())
        );
        assert!(jinja(&formats, "{{ nope }}", &context, false).is_err());
    }
}
