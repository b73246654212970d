//! `sayso expr …`: trying expressions out, and answering rows of them.

use clap::{Args, Subcommand, ValueEnum};

/// `sayso expr …`.
#[derive(Debug, Subcommand)]
pub enum ExprCommand {
    /// Evaluate an expression, or rows of them from standard input
    #[command(after_help = "\
Examples:
  sayso expr eval '1 + 1'
  sayso expr eval '<% ctx().hosts.where($.up).name %>' --context hosts.yaml
  sayso expr eval 'Hello {{ ctx().name }}' --context '{\"name\": \"ana\"}'
  sayso expr eval '{{ name | upper }}' --mode render --context '{\"name\": \"ana\"}'
  sayso expr eval --lang yaql < rows.jsonl

A text without <% %>, {{ }} or {% %} is taken as one YAQL expression, with `--lang jinja` as one Jinja expression. \
Without an expression, rows are read from standard input, one JSON object a line, and answered one a line:
  {\"id\": \"1\", \"expr\": \"<% ctx().x + 1 %>\", \"context\": {\"x\": 1}}

Exit status: 0 with a value, 1 when the evaluation fails; for rows 0.")]
    Eval(EvalArgs),
    /// Try expressions out, one after another
    #[command(after_help = "\
Examples:
  sayso expr repl
  sayso expr repl --context hosts.yaml

Tab completes functions and the keys of the context; `.help` tells the rest.")]
    Repl(ReplArgs),
    /// Show how an expression is read and what each of its parts gives
    #[command(
        after_help = "Example:\n  sayso expr explain '<% ctx().hosts.where($.up).name %>' --context hosts.yaml"
    )]
    Explain(ExplainArgs),
}

/// Which language an expression is in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Language {
    /// `<% … %>`
    Yaql,
    /// `{{ … }}` and `{% … %}`
    Jinja,
    /// Whichever delimiters a text has
    #[default]
    Auto,
}

/// What is done with an expression.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Mode {
    /// As in workflows: a text with expressions in it; one expression alone keeps its type
    Text,
    /// One YAQL expression without <% %>
    Bare,
    /// As in rules, action parameters and aliases: a Jinja template gives a text
    Render,
    /// Like render, for any value: lists and objects go through JSON
    Values,
    /// As in workflows, for any value: every text in it
    Auto,
    /// No evaluation: mistakes, and the variables that are read
    Check,
}

/// What an expression can see.
#[derive(Clone, Debug, Default, Args)]
pub struct SceneArgs {
    /// Variables: a JSON object, or a YAML or JSON file
    #[arg(short, long, value_name = "FILE|JSON")]
    pub context: Option<String>,
    /// What `$` is: JSON, or a YAML or JSON file
    #[arg(long, value_name = "FILE|JSON")]
    pub data: Option<String>,
    /// Evaluates values that look like expressions again, as the original does.
    #[arg(
        long,
        help = "Evaluates values that look like expressions again, as StackStorm does"
    )]
    pub legacy_reevaluate: bool,
}

/// `sayso expr eval`.
#[derive(Clone, Debug, Args)]
pub struct EvalArgs {
    /// The expression
    pub expression: Option<String>,
    /// Which language
    #[arg(
        long,
        value_enum,
        value_name = "LANGUAGE",
        hide_possible_values = true,
        default_value = "auto",
        help = "yaql, jinja or auto"
    )]
    pub lang: Language,
    /// What to do with it
    #[arg(
        long,
        value_enum,
        value_name = "MODE",
        hide_possible_values = true,
        help = "text, bare, render, values, auto or check"
    )]
    pub mode: Option<Mode>,
    /// Undefined variables print as nothing (render and values)
    #[arg(long)]
    pub allow_undefined: bool,
    /// What it can see.
    #[command(flatten)]
    pub scene: SceneArgs,
}

/// `sayso expr repl`.
#[derive(Clone, Debug, Args)]
pub struct ReplArgs {
    /// Which language expressions without delimiters are in
    #[arg(
        long,
        value_enum,
        value_name = "LANGUAGE",
        hide_possible_values = true,
        default_value = "yaql",
        help = "Language of expressions without delimiters: yaql or jinja"
    )]
    pub lang: Language,
    /// What expressions can see.
    #[command(flatten)]
    pub scene: SceneArgs,
}

/// `sayso expr explain`.
#[derive(Clone, Debug, Args)]
pub struct ExplainArgs {
    /// The expression
    pub expression: String,
    /// Which language
    #[arg(
        long,
        value_enum,
        value_name = "LANGUAGE",
        hide_possible_values = true,
        default_value = "auto",
        help = "yaql, jinja or auto"
    )]
    pub lang: Language,
    /// What it can see.
    #[command(flatten)]
    pub scene: SceneArgs,
}
