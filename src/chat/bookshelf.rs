//! The phrasebook made of content snapshots.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use futures_util::future::BoxFuture;
use parking_lot::Mutex;

use super::phrasebook::{
    Alias, Candidate, Command, ContentSummary, Given, Near, Phrase, Phrasebook, Reading, Reloaded, Shelf,
    Source,
};
use super::templates::PackTemplate;
use crate::alias::help::readable;
use crate::alias::{self, Definition, How, Outcome};
use crate::content::{Content, Snapshot};
use crate::model::Action;

/// From which likeness of its first word on, between 0 and 1, a command is worth showing to somebody who is lost.
const ALIKE: f64 = 0.6;
/// Characters of a first word that are compared.
const COMPARED: usize = 32;

/// Hands out the phrasebook of the content in force.
pub struct ContentShelf {
    content: Arc<Content>,
    /// The book of the newest snapshot that was asked for.
    current: Mutex<Option<(u64, Arc<SnapshotBook>)>>,
}

impl ContentShelf {
    /// A shelf of this content.
    #[must_use]
    pub fn new(content: Arc<Content>) -> Self {
        Self {
            content,
            current: Mutex::new(None),
        }
    }
}

impl Shelf for ContentShelf {
    fn current(&self) -> Arc<dyn Phrasebook> {
        let snapshot = self.content.snapshot();
        let mut current = self.current.lock();
        match &*current {
            Some((generation, book)) if *generation == snapshot.generation => Arc::clone(book) as _,
            _ => {
                let book = Arc::new(SnapshotBook::new(snapshot));
                *current = Some((book.snapshot.generation, Arc::clone(&book)));
                book
            }
        }
    }

    fn reload(&self) -> BoxFuture<'_, Result<Reloaded, String>> {
        let content = Arc::clone(&self.content);
        Box::pin(async move {
            let report = tokio::task::spawn_blocking(move || content.reload())
                .await
                .map_err(|error| format!("reading failed: {error}"))?;
            let line = |verb: &str, items: Vec<String>| match items.len() {
                0 => None,
                1..=8 => Some(format!("{verb}: {}", items.join(", "))),
                count => Some(format!(
                    "{verb}: {} and {} more",
                    items[..8].join(", "),
                    count - 8
                )),
            };
            let changes = [
                line("new", report.added),
                line("changed", report.changed),
                line("gone", report.removed),
                line("broken, so kept as before", report.kept),
            ];
            Ok(Reloaded {
                changes: changes.into_iter().flatten().collect(),
            })
        })
    }
}

struct SnapshotBook {
    snapshot: Arc<Snapshot>,
    aliases: HashMap<String, Arc<Alias>>,
}

impl SnapshotBook {
    fn new(snapshot: Arc<Snapshot>) -> Self {
        let aliases = snapshot
            .aliases
            .iter()
            .map(|(name, alias)| (name.clone(), Arc::new(read(alias))))
            .collect();
        Self { snapshot, aliases }
    }

    fn known(&self, definition: &Definition) -> Arc<Alias> {
        let reference = definition.reference();
        self.aliases
            .get(&reference)
            .cloned()
            .unwrap_or_else(|| Arc::new(read(definition)))
    }
}

fn read(definition: &Definition) -> Alias {
    let ack = definition.ack.as_ref();
    let result = definition.result.as_ref();
    Alias {
        reference: definition.reference(),
        pack: definition.pack.clone(),
        description: definition.description.clone().unwrap_or_default(),
        action: definition.action_ref.clone(),
        formats: definition
            .formats
            .iter()
            .flat_map(|format| format.normal().representations)
            .collect(),
        ack: ack.is_none_or(|ack| ack.enabled),
        ack_format: ack.and_then(|ack| ack.format.clone()),
        ack_url: ack.is_none_or(|ack| ack.append_url),
        result: result.is_none_or(|result| result.enabled),
        result_format: result.and_then(|result| result.format.clone()),
        extra: definition.extra.clone(),
        immutable: definition.immutable_parameters.clone(),
    }
}

fn given(parameter: alias::Parameter) -> Option<Given> {
    let source = match parameter.source {
        alias::Source::Text => Source::Sentence,
        alias::Source::Pair => Source::Pair,
        alias::Source::Default => Source::Default,
        alias::Source::Nothing | alias::Source::Immutable => return None,
    };
    Some(Given {
        name: parameter.name,
        text: parameter.value,
        source,
    })
}

impl Phrasebook for SnapshotBook {
    fn read(&self, sentence: &str) -> Reading {
        match self.snapshot.matcher.find(sentence) {
            Outcome::Matched(found) => {
                let alias = self.known(&found.alias);
                let display = readable(found.display.as_deref().unwrap_or(&found.representation));
                let notes = match found.how {
                    How::Exact => Vec::new(),
                    How::Lenient => {
                        vec!["it fits when case, blanks or the order of name=value are overlooked".to_owned()]
                    }
                };
                let phrase = |parameters: Vec<alias::Parameter>| Phrase {
                    alias: Arc::clone(&alias),
                    format: found.representation.clone(),
                    display: display.clone(),
                    given: parameters.into_iter().filter_map(given).collect(),
                    notes: notes.clone(),
                };
                Reading::Means(found.sources.into_iter().map(phrase).collect())
            }
            Outcome::Ambiguous { candidates, .. } => {
                let candidate = |found: alias::Candidate| Candidate {
                    action: self
                        .aliases
                        .get(&found.alias)
                        .map(|alias| alias.action.clone())
                        .unwrap_or_default(),
                    display: readable(found.display.as_deref().unwrap_or(&found.representation)),
                    alias: found.alias,
                };
                Reading::Ambiguous(candidates.into_iter().map(candidate).collect())
            }
            Outcome::None { .. } => Reading::Nothing,
            Outcome::Limit(reason) => Reading::GivenUp(reason.to_string()),
        }
    }

    fn pick(&self, alias: &str, values: &BTreeMap<String, String>) -> Option<Phrase> {
        self.snapshot.aliases.get(alias).filter(|alias| alias.enabled)?;
        let alias = self.aliases.get(alias)?;
        let mut given: Vec<Given> = values
            .iter()
            .map(|(name, text)| Given {
                name: name.clone(),
                text: Some(text.clone()),
                source: Source::Pair,
            })
            .collect();
        // What the command leaves out has the defaults of the format that has most of what was given.
        let places = alias.formats.iter().map(|text| alias::Format::new(text));
        let fitting = places.max_by_key(|format| {
            let names: Vec<&str> = format.parameters().collect();
            values
                .keys()
                .filter(|name| names.contains(&name.as_str()))
                .count()
        })?;
        for (name, default) in fitting.places() {
            if let Some(default) = default.filter(|_| !values.contains_key(name)) {
                given.push(Given {
                    name: name.to_owned(),
                    text: Some(default.to_owned()),
                    source: Source::Default,
                });
            }
        }
        let format = fitting.source().to_owned();
        Some(Phrase {
            alias: Arc::clone(alias),
            display: readable(&format),
            format,
            given,
            notes: Vec::new(),
        })
    }

    fn alias(&self, reference: &str) -> Option<Arc<Alias>> {
        self.aliases.get(reference).cloned()
    }

    fn action(&self, reference: &str) -> Option<Arc<Action>> {
        self.snapshot.action(reference).cloned()
    }

    fn commands(&self) -> Vec<Command> {
        let enabled = self.snapshot.aliases.values().filter(|alias| alias.enabled);
        enabled
            .flat_map(|alias| {
                alias.formats.iter().filter_map(|format| {
                    let display = format.normal().display.filter(|display| !display.is_empty())?;
                    Some(Command {
                        pack: alias.pack.clone(),
                        alias: alias.reference(),
                        action: alias.action_ref.clone(),
                        display: readable(&display),
                        description: alias.description.clone().unwrap_or_default(),
                    })
                })
            })
            .collect()
    }

    fn nearest(&self, sentence: &str, limit: usize) -> Vec<Near> {
        let matcher = &self.snapshot.matcher;
        let near = matcher.nearest(sentence).into_iter().take(limit);
        let mut near: Vec<Near> = near
            .map(|near| {
                let corrected = matcher.corrected(sentence, &near);
                let alias = self.aliases.get(&near.alias);
                let description = alias.map(|alias| alias.description.clone()).unwrap_or_default();
                Near {
                    reason: description.clone(),
                    likely: true,
                    corrected,
                    command: Command {
                        pack: alias.map(|alias| alias.pack.clone()).unwrap_or_default(),
                        action: alias.map(|alias| alias.action.clone()).unwrap_or_default(),
                        alias: near.alias,
                        display: readable(&near.display),
                        description,
                    },
                }
            })
            .collect();
        if near.is_empty() {
            // Whoever is lost is better off with something than with nothing, when it looks alike at all.
            let start = |text: &str| {
                let word = text.split_whitespace().next().unwrap_or_default();
                word.chars().take(COMPARED).collect::<String>().to_lowercase()
            };
            let said = start(sentence);
            let mut others: Vec<(f64, Command)> = self
                .commands()
                .into_iter()
                .map(|command| (strsim::jaro_winkler(&said, &start(&command.display)), command))
                .filter(|(likeness, _)| *likeness > ALIKE)
                .collect();
            others.sort_by(|(a, _), (b, _)| b.total_cmp(a));
            near.extend(others.into_iter().take(limit).map(|(_, command)| Near {
                reason: command.description.clone(),
                likely: false,
                corrected: None,
                command,
            }));
        }
        near
    }

    fn summary(&self) -> ContentSummary {
        ContentSummary {
            packs: self.snapshot.packs.len(),
            actions: self.snapshot.actions.len(),
            aliases: self.snapshot.aliases.len(),
            problems: self.snapshot.errors().map(ToString::to_string).collect(),
        }
    }

    fn templates(&self) -> Vec<PackTemplate> {
        let templates = self.snapshot.templates.iter().filter_map(|(name, text)| {
            let (pack, name) = name.split_once('.')?;
            Some(PackTemplate {
                pack: pack.to_owned(),
                file: format!("packs/{pack}/templates/{name}.hbs"),
                name: name.to_owned(),
                text: text.to_string(),
            })
        });
        templates.collect()
    }
}
