//! Makes messages: from outbox rows (data) to what a gateway sends.

mod consent;
mod file;
mod format;
mod result;
mod tasks;

use std::sync::Arc;

use arc_swap::ArcSwap;
use serde_json::{Value, json};

pub(crate) use format::{formats, formatted, jinja};
pub(crate) use result::{execution_view, readable, sections};

use super::asks::{APPROVAL_CARD, QUESTION_CARD, view};
use super::card::{Card, Style, Tone};
use super::conversations::{Manners, Verbosity};
use super::gateway::{Attachment, Capabilities, Form, Rendered, Step};
use super::phrasebook::{Alias, Phrasebook, Shelf};
use super::templates::{Choice, TemplateOptions, Templates};
use crate::engine::Engine;
use crate::expr::jinja::Jinja;
use crate::model::{Execution, Id, OutboxMessage, Status, Timestamp};
use crate::store::StoreError;

/// Executions of a workflow that are read for one card.
const DESCENDANTS: usize = 2000;
/// Lines of output where little is told.
const SHORT: usize = 6;
/// Makes messages.
pub(crate) struct Speaker {
    engine: Engine,
    shelf: Arc<dyn Shelf>,
    manners: Manners,
    options: TemplateOptions,
    templates: ArcSwap<Templates>,
    /// Address of the web pages, `https://sayso.example.org`, when there are any.
    web_url: Option<String>,
    formats: Arc<Jinja>,
}

/// A message before it has a form.
struct Draft {
    card: Card,
    kind: String,
    execution: Option<Arc<Execution>>,
    is_final: bool,
    silent: bool,
    /// There is more output than it shows.
    has_more: bool,
    starts: Vec<Id>,
    /// Tasks, on the card of a workflow.
    steps: Option<Vec<Step>>,
}

impl Draft {
    fn new(kind: &str, card: Card) -> Self {
        Self {
            card,
            kind: kind.to_owned(),
            execution: None,
            is_final: true,
            silent: false,
            has_more: false,
            starts: Vec::new(),
            steps: None,
        }
    }
}

impl Speaker {
    pub(crate) fn new(
        engine: Engine,
        shelf: Arc<dyn Shelf>,
        manners: Manners,
        options: TemplateOptions,
        web_url: Option<String>,
        formats: Arc<Jinja>,
    ) -> Self {
        let templates = Templates::load(&options, &shelf.current().templates());
        Self {
            engine,
            shelf,
            manners,
            options,
            templates: ArcSwap::from_pointee(templates),
            web_url,
            formats,
        }
    }

    /// Reads the templates again.
    pub(crate) fn reload(&self) {
        let templates = Templates::load(&self.options, &self.shelf.current().templates());
        self.templates.store(Arc::new(templates));
    }

    /// A card that is about nothing in the outbox.
    pub(crate) fn card_of(&self, kind: &str, tone: Tone, data: &Value) -> Card {
        let choice = Choice {
            kind,
            ..Choice::default()
        };
        self.templates.load().render(choice, tone, data)
    }

    /// What is wrong with the templates.
    pub(crate) fn problems(&self) -> Vec<String> {
        self.templates
            .load()
            .problems()
            .iter()
            .map(ToString::to_string)
            .collect()
    }

    /// Makes the message of a row; `None` when there is nothing to say. `edit` is the posted message of its card.
    pub(crate) async fn message(
        &self,
        row: &OutboxMessage,
        form: Form,
        can: &Capabilities,
        edit: Option<String>,
    ) -> Result<Option<Rendered>, StoreError> {
        let Some(mut draft) = self.draft(row, can).await? else {
            return Ok(None);
        };
        if draft.silent && !can.hears_silence {
            return Ok(None);
        }
        let style = if form == Form::Rich {
            Style::from(can.markup)
        } else {
            Style::Plain
        };
        let mut file = None;
        if form >= Form::File {
            let mut whole = draft.card.text(Style::Plain);
            let headline = whole.lines().next().unwrap_or_default().to_owned();
            let kind = if form == Form::File { "file" } else { "page" };
            let data = json!({"headline": headline, "execution": draft.execution.as_ref().map(|it| it.id)});
            let tone = draft.card.tone;
            draft.card = self.templates.load().render(
                Choice {
                    kind,
                    ..Choice::default()
                },
                tone,
                &data,
            );
            if form == Form::File {
                file = Some(match &draft.execution {
                    Some(execution) => file::file(&self.engine, execution, can.limits.file).await?,
                    None => {
                        let mut end = whole.len().min(can.limits.file);
                        while !whole.is_char_boundary(end) {
                            end -= 1;
                        }
                        whole.truncate(end);
                        Attachment {
                            name: "answer.txt".to_owned(),
                            text: whole,
                        }
                    }
                });
            }
        } else if draft.has_more
            && can.files
            && let Some(execution) = &draft.execution
        {
            // What is shown is a part of it; the file is all.
            file = Some(file::file(&self.engine, execution, can.limits.file).await?);
        }
        draft.card.fit(style, can.limits.text);
        Ok(Some(Rendered {
            id: Some(row.id),
            place: row.place.clone(),
            text: if draft.silent {
                String::new()
            } else {
                draft.card.text(style)
            },
            card: draft.card,
            form,
            file,
            edit,
            card_key: row.card.clone(),
            kind: draft.kind,
            execution: row.execution,
            status: draft.execution.as_ref().map(|it| it.status),
            is_final: draft.is_final,
            silent: draft.silent,
            recall: false,
            starts: draft.starts,
            reply: row.body["reply"].as_str().map(str::to_owned),
            asked_by: row.body["asked_by"].as_str().map(str::to_owned),
            steps: draft.steps,
            private_to: row.body["private_to"].as_str().map(str::to_owned),
        }))
    }

    async fn draft(&self, row: &OutboxMessage, can: &Capabilities) -> Result<Option<Draft>, StoreError> {
        let kind = row.body["kind"].as_str().unwrap_or("internal");
        let Some(id) = row.execution else {
            let data = row.body.get("data").unwrap_or(&Value::Null);
            let tone = match kind {
                "internal" => Tone::Bad,
                "notice" => match row.body["tone"].as_str() {
                    Some("good") => Tone::Good,
                    Some("bad") => Tone::Bad,
                    _ => Tone::Neutral,
                },
                _ => Tone::Warning,
            };
            let card = self.templates.load().render(
                Choice {
                    kind,
                    ..Choice::default()
                },
                tone,
                data,
            );
            return Ok(Some(Draft::new(kind, card)));
        };
        let Some(execution) = self.engine.execution(id).await? else {
            tracing::warn!(execution.id = %id, "an answer is due for an execution that does not exist");
            return Ok(None);
        };
        let book = self.shelf.current();
        let alias = execution
            .request
            .origin
            .alias
            .as_deref()
            .and_then(|alias| book.alias(alias));
        let (mut tasks, mut steps) = (Value::Null, None);
        if self.engine.conducts(&execution) {
            let tree = self.engine.tree(&execution, DESCENDANTS).await?;
            if kind != "ack" {
                tasks = tasks::tasks_view(&tree.flow, tree.cut, jiff::Timestamp::now());
            }
            if matches!(kind, "ack" | "card") {
                steps = Some(tasks::steps(&tree.flow));
            }
        }
        let verbosity = self.manners.of(&row.place).verbosity.unwrap_or_default();
        if kind == "ack" && verbosity != Verbosity::Full {
            return Ok(None);
        }
        let consent = consent::of(&self.engine, &execution).await?;
        let draft = match kind {
            "ack" => self.ack(&execution, alias.as_deref()),
            "card" => Some(self.card(&execution, alias.as_deref(), row, &tasks, &consent)),
            APPROVAL_CARD | QUESTION_CARD => Some(self.ask(kind, &execution, row)),
            _ => {
                let lines = match verbosity {
                    Verbosity::Full => can.limits.lines,
                    Verbosity::Short => can.limits.lines.min(SHORT),
                    Verbosity::Quiet if execution.status == Status::Succeeded => 0,
                    Verbosity::Quiet => can.limits.lines.min(SHORT),
                };
                let draft = self.result(&*book, &execution, alias.as_deref(), lines, tasks, &consent);
                // A single long line is cut, too.
                let is_long = draft.kind == "result" && execution.result_size > can.limits.text as u64;
                Some(Draft {
                    has_more: verbosity == Verbosity::Full && !draft.silent && (draft.has_more || is_long),
                    ..draft
                })
            }
        };
        Ok(draft.map(|draft| Draft {
            execution: Some(execution),
            steps,
            ..draft
        }))
    }

    fn choice<'a>(kind: &'a str, execution: &'a Execution) -> Choice<'a> {
        Choice {
            kind,
            alias: None,
            pack: execution.request.action.split('.').next(),
        }
    }

    fn url(&self, id: Id) -> Option<String> {
        self.web_url
            .as_ref()
            .map(|base| format!("{}/executions/{id}", base.trim_end_matches('/')))
    }

    fn ack(&self, execution: &Execution, alias: Option<&Alias>) -> Option<Draft> {
        if alias.is_some_and(|alias| !alias.ack) {
            return None;
        }
        let mut parts = Vec::new();
        if let Some(format) = alias.and_then(|alias| alias.ack_format.as_deref()) {
            let context =
                result::jinja_context(&self.engine, execution, alias, self.url(execution.id).as_deref());
            let text = jinja(&self.formats, format, &context, false).unwrap_or_else(|error| {
                format!("Cannot render \"format\" in field \"ack\" for alias. {error}")
            });
            parts = formatted(&text, usize::MAX).parts;
        }
        let url = alias
            .is_none_or(|alias| alias.ack_url)
            .then(|| self.url(execution.id))
            .flatten();
        let data = json!({
            "execution": execution_view(execution),
            "parts": parts,
            "url": url,
            "show_id": parts.is_empty() || url.is_some(),
        });
        let card = self
            .templates
            .load()
            .render(Self::choice("ack", execution), Tone::Busy, &data);
        Some(Draft {
            is_final: false,
            ..Draft::new("ack", card)
        })
    }

    fn card(
        &self,
        execution: &Execution,
        alias: Option<&Alias>,
        row: &OutboxMessage,
        tasks: &Value,
        consent: &str,
    ) -> Draft {
        let running = !execution.status.is_completed();
        let elapsed = execution
            .elapsed_seconds()
            .or_else(|| row.body["elapsed"].as_f64());
        let data = json!({
            "execution": execution_view(execution),
            "running": running,
            "elapsed": elapsed,
            "output": row.body["output"].as_str().filter(|_| running),
            "waits": waits(execution),
            "tasks": tasks,
            "consent": consent,
            "alias": alias.map(|alias| alias.reference.clone()),
        });
        let tone = if running {
            Tone::Busy
        } else {
            tone_of(execution.status)
        };
        let card = self
            .templates
            .load()
            .render(Self::choice("card", execution), tone, &data);
        Draft {
            is_final: false,
            ..Draft::new("card", card)
        }
    }

    /// The live card of what waits for people.
    fn ask(&self, kind: &str, execution: &Execution, row: &OutboxMessage) -> Draft {
        let now = Timestamp::now();
        let (template, data) = if kind == APPROVAL_CARD {
            let asker = row.body["asker"] == true;
            // One approval looks the same whether it comes by itself or was asked for.
            (
                "command/approvals",
                view::approval(&self.engine, execution, asker, now),
            )
        } else {
            (QUESTION_CARD, view::question(&self.engine, execution, now))
        };
        let tone = tone_of(execution.status);
        let card = self
            .templates
            .load()
            .render(Self::choice(template, execution), tone, &data);
        Draft {
            is_final: false,
            ..Draft::new(kind, card)
        }
    }

    fn result(
        &self,
        book: &dyn Phrasebook,
        execution: &Execution,
        alias: Option<&Alias>,
        lines: usize,
        tasks: Value,
        consent: &str,
    ) -> Draft {
        let shown = self.engine.shown(execution, false);
        let result = shown.result.unwrap_or(Value::Null);
        let templates = self.templates.load();
        if execution.request.runner == super::builtin::RUNNER && result.is_object() {
            let entry_point = book
                .action(&execution.request.action)
                .map(|action| action.entry_point.clone());
            let good = execution.status == Status::Succeeded;
            let kind = match entry_point {
                Some(name) if good => format!("command/{name}"),
                _ => "command/failed".to_owned(),
            };
            let tone = if good { Tone::Neutral } else { Tone::Warning };
            let data = if good {
                result.clone()
            } else {
                failed_view(&result)
            };
            let card = templates.render(
                Choice {
                    kind: &kind,
                    ..Choice::default()
                },
                tone,
                &data,
            );
            let starts = result["starts"].as_array().into_iter().flatten();
            let starts = starts.filter_map(|id| id.as_str()?.parse().ok()).collect();
            return Draft {
                starts,
                ..Draft::new(&kind, card)
            };
        }
        let tone = tone_of(execution.status);
        if alias.is_some_and(|alias| !alias.result) {
            return Draft {
                silent: true,
                ..Draft::new(
                    "result",
                    Card {
                        tone,
                        blocks: Vec::new(),
                    },
                )
            };
        }
        let template = alias
            .and_then(|alias| alias.extra.get("template"))
            .and_then(Value::as_str);
        let mut data = result::default_view(execution, &result, lines);
        if !tasks.is_null() && lines > 0 {
            data["sections"] = result::sections(&result["output"], lines).into();
        }
        data["tasks"] = tasks;
        data["consent"] = consent.into();
        let mut choice = Choice {
            alias: template,
            ..Self::choice("result", execution)
        };
        // Where only the end is told there is nothing to format.
        let format = alias.and_then(|alias| alias.result_format.as_deref());
        if let Some(format) = format.filter(|_| lines > 0) {
            let context =
                result::jinja_context(&self.engine, execution, alias, self.url(execution.id).as_deref());
            match jinja(&self.formats, format, &context, true) {
                Ok(text) => {
                    let message = formatted(&text, lines.saturating_mul(2));
                    data["pretext"] = message.pretext.into();
                    data["parts"] = json!(message.parts);
                    data["cut"] = message.cut.into();
                    choice.kind = "formatted";
                }
                Err(error) => data["hint"] = format!("The alias's own format failed: {error}").into(),
            }
        }
        data["url"] = json!(self.url(execution.id));
        data["result"] = result;
        data["parameters"] = shown.parameters.into();
        let cut = data["more"] == true || data["cut"] == true;
        Draft {
            has_more: cut,
            ..Draft::new("result", templates.render(choice, tone, &data))
        }
    }
}

/// What is said to see what a pending execution asks people.
fn waits(execution: &Execution) -> Option<String> {
    let command = match execution.request.runner.as_str() {
        _ if execution.status != Status::Pending => return None,
        // It has not begun: others have to agree first.
        _ if execution.progress.context.contains_key("approvals") => {
            let list = execution.progress.context["approvals"].as_array()?;
            let open = list
                .iter()
                .find(|one| one["approved"] != true)
                .or_else(|| list.first())?;
            return Some(format!("approvals {}", open["id"].as_str()?));
        }
        crate::runners::APPROVAL => "approvals",
        crate::runners::INQUIRER => "inquiries",
        _ => return None,
    };
    Some(format!("{command} {}", execution.id))
}

/// What a failed built-in command tells; every key that the template uses is there.
fn failed_view(result: &Value) -> Value {
    let error = match &result["error"] {
        Value::String(text) => text.clone(),
        other => readable(other),
    };
    json!({
        "error": error,
        "hint": result["hint"],
        "candidates": result["candidates"],
        "more_candidates": result["more_candidates"],
    })
}

pub(crate) const fn tone_of(status: Status) -> Tone {
    match status {
        Status::Succeeded => Tone::Good,
        Status::Failed | Status::Timeout | Status::Abandoned => Tone::Bad,
        Status::Canceled | Status::Canceling | Status::Paused | Status::Pausing | Status::Pending => {
            Tone::Warning
        }
        _ => Tone::Busy,
    }
}
