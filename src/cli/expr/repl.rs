//! `sayso expr repl`: expressions, one after another, at a prompt.

use std::borrow::Cow;
use std::io::{BufRead as _, IsTerminal as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::Mutex;
use reedline::{Prompt, PromptEditMode, PromptHistorySearch, Reedline, Signal};

use super::complete::{Known, Names};
use super::evaluate::{self, Failure, evaluate};
use super::explain;
use super::scene::{Scene, read_file};
use super::unfinished::Unfinished;
use crate::cli::args::{Language, ReplArgs};
use crate::cli::chat::prompt;
use crate::cli::{CliError, CliResult, Context};
use crate::expr::value::{Dict, Value};

/// Columns where there is no terminal.
const COLUMNS: usize = 100;

const COMMANDS: &[(&str, &str)] = &[
    (".help", "What can be typed"),
    (
        ".context",
        "Reads variables from a YAML or JSON file, or shows them",
    ),
    (".set", "Sets a variable: .set name = EXPRESSION"),
    (".explain", "Shows what each part of an expression gives"),
    (".functions", "Lists the functions"),
    (".yaql", "Expressions without delimiters are YAQL"),
    (".jinja", "Expressions without delimiters are Jinja"),
    (".quit", "Leaves, as Ctrl-D does"),
];

/// What the prompt and its completion share.
#[derive(Clone)]
pub(super) struct Shared(Arc<Mutex<State>>);

struct State {
    language: Language,
    scene: Scene,
    names: evaluate::Names,
}

impl Shared {
    fn new(language: Language, scene: Scene) -> Self {
        Self(Arc::new(Mutex::new(State {
            language,
            scene,
            names: evaluate::names(),
        })))
    }

    /// What is known at this moment.
    pub(super) fn with<T>(&self, look: impl FnOnce(&Known<'_>) -> T) -> T {
        let state = self.0.lock();
        look(&Known {
            language: state.language,
            context: state.scene.context.as_ref(),
            data: &state.scene.data,
            yaql: &state.names.yaql,
            jinja: &state.names.jinja,
            methods: &state.names.yaql,
            filters: &state.names.filters,
            commands: COMMANDS,
        })
    }
}

/// `yaql› ` or `jinja› `.
struct Named(Language);

impl Prompt for Named {
    fn render_prompt_left(&self) -> Cow<'_, str> {
        Cow::Borrowed(match self.0 {
            Language::Jinja => "jinja",
            _ => "yaql",
        })
    }
    fn render_prompt_right(&self) -> Cow<'_, str> {
        Cow::Borrowed("")
    }
    fn render_prompt_indicator(&self, _: PromptEditMode) -> Cow<'_, str> {
        Cow::Borrowed("› ")
    }
    fn render_prompt_multiline_indicator(&self) -> Cow<'_, str> {
        Cow::Borrowed("… ")
    }
    fn render_prompt_history_search_indicator(&self, search: PromptHistorySearch) -> Cow<'_, str> {
        Cow::Owned(format!("search “{}” › ", search.term))
    }
}

pub(super) async fn repl(context: &mut Context<'_>, args: &ReplArgs) -> CliResult {
    let language = match args.lang {
        Language::Jinja => Language::Jinja,
        _ => Language::Yaql,
    };
    let shared = Shared::new(language, Scene::read(&args.scene)?);
    if !std::io::stdin().is_terminal() || context.out.width.is_none() {
        return lines(context, &shared);
    }
    let history = history_file(context);
    if let Some(folder) = history.parent() {
        // Without the folder there is no history, which the editor tells.
        let _ = std::fs::create_dir_all(folder);
    }
    let names = Box::new(Names {
        shared: shared.clone(),
    });
    let editor = prompt::editor(names, Some(history), context.out.colour)
        // What fits alone is inserted at once; what several have in common too.
        .with_quick_completions(true)
        .with_partial_completions(true)
        .with_validator(Box::new(Unfinished));
    let mut editor = Some(editor);
    context
        .out
        .line("Expressions of YAQL and Jinja; `$` is the last value. Tab completes, `.help` tells more.")?;
    loop {
        // Completion looks at the state while the line is typed.
        let language = shared.0.lock().language;
        match read(&mut editor, language).await {
            Some(Signal::Success(line)) if !take(context, &shared, line.trim())? => break,
            None | Some(Signal::CtrlD) => break,
            Some(_) => {}
        }
    }
    Ok(0)
}

/// Beside the history of the chat.
fn history_file(context: &Context<'_>) -> PathBuf {
    let data_dir: &Path = &context.loaded.settings.data_dir;
    let mut file = crate::cli::chat::history_file(&context.variables, data_dir);
    file.set_file_name("expr.history");
    file
}

/// Without a terminal every line of standard input is an expression.
fn lines(context: &mut Context<'_>, shared: &Shared) -> CliResult {
    for line in std::io::stdin().lock().lines() {
        let line = line.map_err(|error| CliError::new(format!("standard input cannot be read: {error}")))?;
        if !take(context, shared, line.trim())? {
            break;
        }
    }
    Ok(0)
}

/// Reads a line on a thread of its own, because the editor blocks.
async fn read(editor: &mut Option<Reedline>, language: Language) -> Option<Signal> {
    let mut taken = editor.take()?;
    let read = tokio::task::spawn_blocking(move || {
        let signal = taken.read_line(&Named(language));
        (taken, signal)
    });
    let (returned, signal) = read.await.ok()?;
    *editor = Some(returned);
    signal.ok()
}

/// Does what a line says. False: leave.
fn take(context: &mut Context<'_>, shared: &Shared, line: &str) -> Result<bool, CliError> {
    if line.is_empty() {
        return Ok(true);
    }
    let Some(command) = line.strip_prefix('.') else {
        let task = task(shared, line);
        match super::bounded(move || evaluate(&task)) {
            Ok(value) => {
                super::print(context, &value)?;
                shared.0.lock().scene.data = value;
            }
            Err(failure) => context.out.note(&super::told(&failure)),
        }
        return Ok(true);
    };
    let (name, rest) = command.split_once(char::is_whitespace).unwrap_or((command, ""));
    let rest = rest.trim();
    match name {
        "quit" | "exit" | "q" => return Ok(false),
        "help" | "h" => help(context)?,
        "yaql" => shared.0.lock().language = Language::Yaql,
        "jinja" => shared.0.lock().language = Language::Jinja,
        "context" if rest.is_empty() => {
            let shown = shared.0.lock().scene.context.clone().unwrap_or_default();
            super::print(context, &shown)?;
        }
        "context" => match read_file(".context", Path::new(rest)) {
            Ok(read) if read.as_dict().is_some() => shared.0.lock().scene.context = Some(read),
            Ok(_) => context
                .out
                .note(&format!("{rest} has no variables: an object is needed")),
            Err(error) => context.out.error(&error),
        },
        "set" => set(context, shared, rest)?,
        "explain" => {
            let task = task(shared, rest);
            let explained = super::bounded(move || explain::explain(&task));
            explained_lines(context, explained)?;
        }
        "functions" => {
            let text = shared.with(|known| match known.language {
                Language::Jinja => format!("{}\nfilters: {}", known.jinja.join(" "), known.filters.join(" ")),
                _ => format!("{}\nmethods: {}", known.yaql.join(" "), known.methods.join(" ")),
            });
            context.out.line(&text)?;
        }
        other => context
            .out
            .note(&format!("there is no command .{other}; .help lists them")),
    }
    Ok(true)
}

fn task(shared: &Shared, line: &str) -> evaluate::Task {
    let state = shared.0.lock();
    let has_delimiters = line.contains("{{") || line.contains("{%") || line.contains("<%");
    let language = if has_delimiters {
        Language::Auto
    } else {
        state.language
    };
    state.scene.task(line, language, None)
}

fn explained_lines(
    context: &mut Context<'_>,
    explained: Result<Vec<explain::Step>, Failure>,
) -> Result<(), CliError> {
    match explained {
        Ok(steps) => {
            let width = context.out.width.map_or(COLUMNS, usize::from);
            for line in explain::lines(&steps, width) {
                context.out.line(&line)?;
            }
        }
        Err(failure) => context.out.note(&super::told(&failure)),
    }
    Ok(())
}

fn set(context: &mut Context<'_>, shared: &Shared, rest: &str) -> Result<(), CliError> {
    let Some((name, source)) = rest.split_once('=') else {
        context.out.note("write it as .set name = EXPRESSION");
        return Ok(());
    };
    let task = task(shared, source.trim());
    match super::bounded(move || evaluate(&task)) {
        Ok(value) => {
            let mut state = shared.0.lock();
            let known = state
                .scene
                .context
                .as_ref()
                .and_then(Value::as_dict)
                .cloned()
                .unwrap_or_default();
            let added = (Value::text(name.trim()), value);
            let all = known
                .iter()
                .map(|(key, value)| (key.clone(), value.clone()))
                .chain([added]);
            state.scene.context = Some(Value::Dict(all.collect::<Dict>()));
        }
        Err(failure) => context.out.note(&super::told(&failure)),
    }
    Ok(())
}

fn help(context: &mut Context<'_>) -> Result<(), CliError> {
    context.out.line(
        "An expression, with or without <% %> or {{ }}; what is open goes on in the next line. The context's variables are ctx().name, `$` is the last value.",
    )?;
    for (name, about) in COMMANDS {
        context.out.line(&format!("{name:12} {about}"))?;
    }
    Ok(())
}
