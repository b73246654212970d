//! Traces (TRC): everything that followed from one event or request, found from the rows that there are.
//!
//! A trace is its root: a trigger instance or an execution that nothing else led to, and its id is the root's. What
//! followed is read from enforcements, parents and, for events of the engine, from a row about what caused them. Only
//! a tag that somebody chose, and a request that joins a trace, leave a row of their own; nothing else pays for traces.

use std::collections::{BTreeMap, HashSet, VecDeque};

use serde_json::{Value as Json, json};

use super::Events;
use crate::model::{Execution, Id, Timestamp, TriggerInstance};
use crate::store::{EnforcementFilter, ExecutionFilter, InstanceFilter, Page, SortOrder, StoreError, Write};
use crate::triggers::trace_tag;

/// Named values: `trace-tag.<tag>\n<root>`, for tags that somebody chose.
const TAG: &str = "trace-tag.";
/// Named values: `trace.<trace>.<execution>`, for requests that join a trace.
const JOINED: &str = "trace.";
/// Named values: `caused.<execution>.<instance>`, for events of the engine.
const CAUSED: &str = "caused.";
/// Steps up to a root: rules in a row and the workflows within them.
const LONGEST_WAY: usize = 1000;
/// Rows that are looked through for the roots of a list.
const LOOKED_AT: u32 = 1000;
/// Longest tag that is kept apart; longer ones cannot be searched for.
const LONGEST_TAG: usize = 400;

/// What a trace is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TraceKind {
    /// Something happened.
    Instance,
    /// A rule made something of it.
    Rule,
    /// An action ran.
    Execution,
}

/// A part of a trace.
#[derive(Clone, Debug, PartialEq)]
pub struct TracePart {
    /// What it is.
    pub kind: TraceKind,
    /// Its id; of a rule, that which API clients see.
    pub id: Id,
    /// Ref of the trigger, rule or action.
    pub reference: String,
    /// When it happened or began.
    pub at: Timestamp,
    /// When it ended.
    pub end: Option<Timestamp>,
    /// How it stands.
    pub status: String,
    /// What led to it: its kind and id (of a rule: with the trigger instance, `<rule>:<instance>`).
    pub caused_by: Option<(TraceKind, String)>,
}

/// A trace.
#[derive(Clone, Debug, PartialEq)]
pub struct Trace {
    /// Its id: that of its first root.
    pub id: Id,
    /// Its tag.
    pub tag: String,
    /// When it began.
    pub start: Timestamp,
    /// Its parts, causes before what they led to.
    pub parts: Vec<TracePart>,
    /// There is more than was read.
    pub cut: bool,
}

/// Which traces.
#[derive(Clone, Debug, Default)]
pub struct TraceFilter {
    /// With this tag.
    pub tag: Option<String>,
    /// That this execution is part of.
    pub execution: Option<Id>,
    /// That this trigger instance is part of.
    pub instance: Option<Id>,
    /// That this rule, by its ref, had a part in.
    pub rule: Option<String>,
}

/// A trigger instance or an execution.
enum Found {
    Instance(Box<TriggerInstance>),
    Execution(Box<Execution>),
}

impl Found {
    fn id(&self) -> Id {
        match self {
            Self::Instance(instance) => instance.id,
            Self::Execution(execution) => execution.id,
        }
    }

    fn tag(&self) -> String {
        match self {
            Self::Instance(instance) => instance
                .detail
                .trace_tag
                .clone()
                .unwrap_or_else(|| trace_tag(instance.id)),
            Self::Execution(execution) => named(execution, "trace_tag")
                .map_or_else(|| format!("execution-{}", execution.id), str::to_owned),
        }
    }

    const fn start(&self) -> Timestamp {
        match self {
            Self::Instance(instance) => instance.occurrence_time,
            Self::Execution(execution) => execution.start,
        }
    }

    /// The trace that it joins.
    fn joins(&self) -> Option<Id> {
        match self {
            Self::Instance(_) => None,
            Self::Execution(execution) => joined(execution),
        }
    }
}

/// A part of the trace context of a request.
fn named<'e>(execution: &'e Execution, name: &str) -> Option<&'e str> {
    let context = execution.request.context.get("trace_context")?;
    let text = context.get(name)?.as_str()?;
    (!text.is_empty()).then_some(text)
}

fn joined(execution: &Execution) -> Option<Id> {
    let id = named(execution, "id_").or_else(|| named(execution, "id"))?;
    id.parse().ok().filter(|id| *id != execution.id)
}

/// What a new execution leaves for its trace: nothing, unless somebody named one.
pub(super) fn rows_of(execution: &Execution) -> Vec<Write> {
    let request = &execution.request;
    if request.parent.is_some() || request.trigger_instance.is_some() {
        return Vec::new();
    }
    if !request.context.contains_key("trace_context") {
        return Vec::new();
    }
    if let Some(trace) = joined(execution) {
        return vec![Write::Setting {
            key: format!("{JOINED}{trace}.{}", execution.id),
            value: Some(json!(true)),
        }];
    }
    named(execution, "trace_tag")
        .map(|tag| tagged(tag, execution.id))
        .into_iter()
        .collect()
}

/// The row of a tag that somebody chose.
pub(super) fn tagged(tag: &str, root: Id) -> Write {
    let tag: String = tag.chars().take(LONGEST_TAG).collect();
    Write::Setting {
        key: format!("{TAG}{tag}\n{root}"),
        value: Some(json!(true)),
    }
}

/// The row of an event of the engine: which execution caused it.
pub(super) fn caused(execution: Id, instance: Id) -> Write {
    Write::Setting {
        key: format!("{CAUSED}{execution}.{instance}"),
        value: Some(json!(true)),
    }
}

/// The tag that an execution hands on.
pub(super) fn handed_on(execution: &Execution) -> Option<String> {
    named(execution, "trace_tag").map(str::to_owned)
}

/// The id that a rule has for API clients.
#[must_use]
pub fn rule_id(reference: &str) -> Id {
    Id::of_name(&format!("rule:{reference}"))
}

const fn oldest_first(limit: u32) -> Page {
    Page {
        order: SortOrder::Ascending,
        after: None,
        offset: 0,
        limit: Some(limit),
        count: false,
    }
}

impl Events {
    /// The trace with this id, which may also be that of any event or execution in it. Reads at most `most` parts.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn trace(&self, id: Id, most: usize) -> Result<Option<Trace>, StoreError> {
        let Some(found) = self.object(id).await? else {
            return Ok(None);
        };
        let mut root = self.root(found).await?;
        if let Some(trace) = root.joins()
            && let Some(first) = self.object(trace).await?
        {
            root = self.root(first).await?;
        }
        self.gather(root, most).await.map(Some)
    }

    /// Traces, newest first; of each at most `most` parts.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn traces(
        &self,
        filter: &TraceFilter,
        (offset, limit): (usize, usize),
        most: usize,
    ) -> Result<Vec<Trace>, StoreError> {
        let mut ids: Vec<Id> = self.candidates(filter).await?;
        ids.sort_unstable();
        ids.dedup();
        let mut known = HashSet::new();
        let mut traces = Vec::new();
        let mut skipped = 0;
        for id in ids.into_iter().rev() {
            if traces.len() >= limit {
                break;
            }
            let Some(found) = self.object(id).await? else {
                continue;
            };
            let root = self.root(found).await?;
            let id = root.joins().unwrap_or_else(|| root.id());
            if !known.insert(id) {
                continue;
            }
            if skipped < offset {
                skipped += 1;
                continue;
            }
            traces.extend(self.trace(id, most).await?);
        }
        Ok(traces)
    }

    /// Ids of events and executions whose traces are wanted; every condition narrows them.
    async fn candidates(&self, filter: &TraceFilter) -> Result<Vec<Id>, StoreError> {
        let mut sets: Vec<HashSet<Id>> = Vec::new();
        if let Some(tag) = &filter.tag {
            sets.push(self.roots_of(self.with_tag(tag).await?).await?);
        }
        if let Some(rule) = &filter.rule {
            let filter = EnforcementFilter {
                rule: Some(rule.clone()),
                ..EnforcementFilter::default()
            };
            let page = Page {
                limit: Some(LOOKED_AT),
                ..Page::default()
            };
            let found = self.store().enforcements(filter, page).await?.items;
            let instances = found.iter().map(|found| found.instance).collect();
            sets.push(self.roots_of(instances).await?);
        }
        for id in [filter.execution, filter.instance].into_iter().flatten() {
            sets.push(self.roots_of(vec![id]).await?);
        }
        let mut sets = sets.into_iter();
        let Some(first) = sets.next() else {
            return self.newest().await;
        };
        let common = sets.fold(first, |common, other| {
            common.intersection(&other).copied().collect()
        });
        Ok(common.into_iter().collect())
    }

    async fn roots_of(&self, ids: Vec<Id>) -> Result<HashSet<Id>, StoreError> {
        let mut roots = HashSet::new();
        for id in ids {
            if let Some(found) = self.object(id).await? {
                let root = self.root(found).await?;
                roots.insert(root.joins().unwrap_or_else(|| root.id()));
            }
        }
        Ok(roots)
    }

    async fn with_tag(&self, tag: &str) -> Result<Vec<Id>, StoreError> {
        let cut: String = tag.chars().take(LONGEST_TAG).collect();
        let chosen = self.store().settings(format!("{TAG}{cut}\n")).await?;
        let mut ids: Vec<Id> = chosen
            .iter()
            .filter_map(|(key, _)| key.rsplit('\n').next()?.parse().ok())
            .collect();
        // Tags that nobody chose say what began the trace.
        let last = tag.rsplit('-').next().unwrap_or_default();
        ids.extend(last.parse::<Id>());
        if let Some((kind, trigger)) = tag.split_once('-')
            && crate::triggers::TIMERS
                .iter()
                .any(|timer| timer.split_once('.').is_some_and(|(_, name)| name == kind))
        {
            let filter = InstanceFilter {
                triggers: vec![format!("core.{trigger}")],
                ..InstanceFilter::default()
            };
            let page = Page {
                limit: Some(LOOKED_AT),
                ..Page::default()
            };
            let found = self.store().instances(filter, page).await?.items;
            ids.extend(found.iter().map(|instance| instance.id));
        }
        Ok(ids)
    }

    /// The newest roots.
    async fn newest(&self) -> Result<Vec<Id>, StoreError> {
        let page = Page {
            limit: Some(LOOKED_AT),
            ..Page::default()
        };
        let instances = self
            .store()
            .instances(InstanceFilter::default(), page.clone())
            .await?;
        let filter = ExecutionFilter {
            top_level: true,
            without_builtin: true,
            ..ExecutionFilter::default()
        };
        let executions = self.store().executions(filter, page).await?;
        let instances = instances
            .items
            .into_iter()
            .filter(|instance| instance.detail.cause.is_none());
        let executions = executions
            .items
            .into_iter()
            .filter(|execution| execution.request.trigger_instance.is_none());
        Ok(instances
            .map(|instance| instance.id)
            .chain(executions.map(|execution| execution.id))
            .collect())
    }

    /// Whether a trace can be told by this id: that of an event or execution that there is.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn is_traced(&self, id: Id) -> Result<bool, StoreError> {
        Ok(self.object(id).await?.is_some())
    }

    async fn object(&self, id: Id) -> Result<Option<Found>, StoreError> {
        if let Some(execution) = self.store().execution(id).await? {
            return Ok(Some(Found::Execution(Box::new(execution))));
        }
        let instance = self.store().instance(id).await?;
        Ok(instance.map(|instance| Found::Instance(Box::new(instance))))
    }

    /// What it all began with.
    async fn root(&self, mut found: Found) -> Result<Found, StoreError> {
        for _ in 0..LONGEST_WAY {
            let cause = match &found {
                Found::Execution(execution) => {
                    let request = &execution.request;
                    request.parent.or(request.trigger_instance)
                }
                Found::Instance(instance) => instance.detail.cause,
            };
            let Some(cause) = cause else { break };
            match self.object(cause).await? {
                Some(cause) => found = cause,
                // It was removed: what is left begins here.
                None => break,
            }
        }
        Ok(found)
    }

    async fn gather(&self, root: Found, most: usize) -> Result<Trace, StoreError> {
        let store = self.store();
        let mut trace = Trace {
            id: root.id(),
            tag: root.tag(),
            start: root.start(),
            parts: Vec::new(),
            cut: false,
        };
        let limit = u32::try_from(most).unwrap_or(u32::MAX).saturating_add(1);
        let mut waiting: VecDeque<(Found, Option<(TraceKind, String)>)> = VecDeque::from([(root, None)]);
        for (key, _) in store.settings(format!("{JOINED}{}.", trace.id)).await? {
            let id = key.rsplit('.').next().and_then(|id| id.parse().ok());
            if let Some(id) = id
                && let Some(found) = self.object(id).await?
            {
                waiting.push_back((found, None));
            }
        }
        let mut known = HashSet::new();
        while let Some((found, cause)) = waiting.pop_front() {
            if trace.parts.len() >= most {
                trace.cut = true;
                break;
            }
            if !known.insert(found.id()) {
                continue;
            }
            match found {
                Found::Instance(instance) => {
                    trace.parts.push(TracePart {
                        kind: TraceKind::Instance,
                        id: instance.id,
                        reference: instance.trigger.clone(),
                        at: instance.occurrence_time,
                        end: None,
                        status: instance.status.to_string(),
                        caused_by: cause,
                    });
                    let filter = EnforcementFilter {
                        instance: Some(instance.id),
                        ..EnforcementFilter::default()
                    };
                    for found in store.enforcements(filter, oldest_first(limit)).await?.items {
                        let rule = rule_id(&found.rule);
                        trace.parts.push(TracePart {
                            kind: TraceKind::Rule,
                            id: rule,
                            reference: found.rule,
                            at: found.enforced_at,
                            end: None,
                            status: if found.failure.is_some() {
                                "failed"
                            } else {
                                "succeeded"
                            }
                            .to_owned(),
                            caused_by: Some((TraceKind::Instance, instance.id.to_string())),
                        });
                        let cause = (TraceKind::Rule, format!("{rule}:{}", instance.id));
                        if let Some(id) = found.execution
                            && let Some(execution) = store.execution(id).await?
                        {
                            waiting.push_back((Found::Execution(Box::new(execution)), Some(cause)));
                        }
                    }
                }
                Found::Execution(execution) => {
                    trace.parts.push(TracePart {
                        kind: TraceKind::Execution,
                        id: execution.id,
                        reference: execution.request.action.clone(),
                        at: execution.start,
                        end: execution.end,
                        status: execution.status.to_string(),
                        caused_by: cause,
                    });
                    let cause = Some((TraceKind::Execution, execution.id.to_string()));
                    let filter = ExecutionFilter {
                        parent: Some(execution.id),
                        ..ExecutionFilter::default()
                    };
                    let children = store.executions(filter, oldest_first(limit)).await?.items;
                    for child in children {
                        waiting.push_back((Found::Execution(Box::new(child)), cause.clone()));
                    }
                    for (key, _) in store.settings(format!("{CAUSED}{}.", execution.id)).await? {
                        let id = key.rsplit('.').next().and_then(|id| id.parse().ok());
                        let Some(id) = id else { continue };
                        if let Some(instance) = store.instance(id).await? {
                            waiting.push_back((Found::Instance(Box::new(instance)), cause.clone()));
                        }
                    }
                }
            }
        }
        Ok(trace)
    }
}

impl TraceKind {
    /// As `caused_by` names it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Instance => "trigger_instance",
            Self::Rule => "rule",
            Self::Execution => "action_execution",
        }
    }
}

impl TracePart {
    fn shown(&self) -> Json {
        let cause = self.caused_by.as_ref().map_or_else(
            || json!({}),
            |(kind, id)| json!({"type": kind.as_str(), "id": id}),
        );
        json!({
            "object_id": self.id,
            "ref": self.reference,
            "updated_at": self.at,
            "caused_by": cause,
            "status": self.status,
            "end_timestamp": self.end,
        })
    }
}

impl Trace {
    /// As the API shows it.
    #[must_use]
    pub fn shown(&self) -> Json {
        let mut lists: BTreeMap<&str, Vec<Json>> = BTreeMap::new();
        for part in &self.parts {
            lists.entry(part.kind.as_str()).or_default().push(part.shown());
        }
        let mut list = |kind: TraceKind| lists.remove(kind.as_str()).unwrap_or_default();
        json!({
            "uid": format!("trace:{}", self.id),
            "trace_tag": self.tag,
            "trigger_instances": list(TraceKind::Instance),
            "rules": list(TraceKind::Rule),
            "action_executions": list(TraceKind::Execution),
            "start_timestamp": self.start,
            "id": self.id,
            "truncated": self.cut,
        })
    }
}
