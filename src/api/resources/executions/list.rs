//! `GET /executions`: filtered lists, written piece by piece so that memory stays bounded whatever the page.

use std::collections::{BTreeSet, VecDeque};

use axum::body::Body;
use axum::extract::State;
use bytes::Bytes;
use futures_util::stream;
use http::StatusCode;
use serde_json::json;

use super::sees_secrets;
use crate::api::ApiState;
use crate::api::http::auth::Caller;
use crate::api::http::error::{ApiError, ApiResult};
use crate::api::http::paging::{Paging, Projection};
use crate::api::http::query::Query;
use crate::api::http::{json as answer_json, json_bytes};
use crate::api::view::{ATTRIBUTES, Look, Showing};
use crate::model::{Execution, Id, Status};
use crate::store::{ExecutionFilter, Page, SortOrder};

/// Rows that are read from the store at once.
const ROWS: u32 = 200;
/// Bytes that are written at once.
const PIECE: usize = 256 << 10;
/// Executions that `/executions/views/filters` looks at, from the newest.
const LOOKED_AT: u32 = 5_000;

/// `GET /executions`.
pub(crate) async fn list(State(state): State<ApiState>, caller: Caller, query: Query) -> ApiResult {
    query.check()?;
    let projection = Projection::of(&query, &ATTRIBUTES)?;
    let paging = Paging::of(&query, &caller, &state)?;
    let look = Look {
        secrets: sees_secrets(&state, &caller, &query)?,
        max_result_size: None,
    };
    let Some(filter) = filter(&query)? else {
        let mut response = json_bytes(StatusCode::OK, "[]");
        paging.headers(&mut response, Some(0));
        return Ok(response);
    };
    let after = query
        .text("after")
        .map(|text| text.parse::<Id>().map_err(ApiError::bad_request))
        .transpose()?;
    // A client that pages by id does not need to know how many there are, and counting costs.
    let count = after.is_none() || query.flag("count")?;
    let page = Page {
        order: order(&query),
        after,
        offset: paging.offset,
        limit: Some(0),
        count,
    };
    let mut lister = Lister {
        state,
        filter,
        page,
        look,
        projection,
        left: paging.limit,
        items: VecDeque::new(),
        begun: false,
        over: false,
        total: None,
    };
    let first = lister.piece().await?.unwrap_or_default();
    let total = lister.total;
    let mut response = if lister.over {
        json_bytes(StatusCode::OK, first)
    } else {
        let rest = stream::try_unfold(lister, |mut lister| async move {
            // The status is sent already: all that can be done is to break off.
            let piece = lister
                .piece()
                .await
                .map_err(|error| std::io::Error::other(error.message().to_owned()))?;
            Ok::<_, std::io::Error>(piece.map(|piece| (piece, lister)))
        });
        let whole = futures_util::StreamExt::chain(stream::iter([Ok(first)]), rest);
        json_bytes(StatusCode::OK, Body::from_stream(whole))
    };
    paging.headers(&mut response, total);
    Ok(response)
}

/// A list that is being written.
struct Lister {
    state: ApiState,
    filter: ExecutionFilter,
    page: Page,
    look: Look,
    projection: Projection,
    /// How many may still come; `None`: all.
    left: Option<u32>,
    items: VecDeque<Execution>,
    begun: bool,
    over: bool,
    total: Option<u64>,
}

impl Lister {
    /// The next bytes of the list; `None` after its end.
    async fn piece(&mut self) -> ApiResult<Option<Bytes>> {
        if self.over {
            return Ok(None);
        }
        let mut bytes = Vec::with_capacity(4096);
        if !self.begun {
            bytes.push(b'[');
        }
        while bytes.len() < PIECE {
            let Some(execution) = self.next().await? else {
                bytes.push(b']');
                self.over = true;
                break;
            };
            if self.begun {
                bytes.push(b',');
            }
            self.begun = true;
            self.write(execution, &mut bytes).await?;
        }
        Ok(Some(bytes.into()))
    }

    async fn next(&mut self) -> ApiResult<Option<Execution>> {
        if self.items.is_empty() {
            let rows = self.left.map_or(ROWS, |left| left.min(ROWS));
            if rows == 0 {
                return Ok(None);
            }
            self.page.limit = Some(rows);
            let page = self
                .state
                .store()
                .executions(self.filter.clone(), self.page.clone())
                .await?;
            if self.page.count {
                self.total = page.total;
            }
            let Some(last) = page.items.last() else {
                self.left = Some(0);
                return Ok(None);
            };
            let got = u32::try_from(page.items.len()).unwrap_or(u32::MAX);
            self.left = if got < rows {
                Some(0)
            } else {
                self.left.map(|left| left - got)
            };
            // From here on by key: the cost of a page does not depend on how many came before.
            self.page = Page {
                after: Some(last.id),
                offset: 0,
                count: false,
                ..self.page.clone()
            };
            self.items = page.items.into();
        }
        Ok(self.items.pop_front())
    }

    async fn write(&self, mut execution: Execution, bytes: &mut Vec<u8>) -> ApiResult<()> {
        if execution.result_size > 0
            && execution.result.is_none()
            && self.projection.wants("result")
            && let Some(whole) = self.state.store().execution(execution.id).await?
        {
            execution = whole;
        }
        let showing = Showing::of(&self.state, &execution, self.look).await?;
        if matches!(self.projection, Projection::All) {
            showing.write(bytes)
        } else {
            bytes.extend_from_slice(&showing.bytes(&self.projection)?);
            Ok(())
        }
    }
}

fn order(query: &Query) -> SortOrder {
    let asked = query.list("sort").iter().find_map(|key| match *key {
        "start_timestamp" | "+start_timestamp" | "id" | "+id" => Some(SortOrder::Ascending),
        "-start_timestamp" | "-id" => Some(SortOrder::Descending),
        _ => None,
    });
    asked.unwrap_or_else(|| {
        if query.text("timestamp_lt").is_some() || query.text("sort_desc").is_some() {
            SortOrder::Descending
        } else if query.text("timestamp_gt").is_some() || query.text("sort_asc").is_some() {
            SortOrder::Ascending
        } else {
            SortOrder::Descending
        }
    })
}

/// The filter in a query; `None` when nothing can match it (ids and statuses that do not exist).
fn filter(query: &Query) -> ApiResult<Option<ExecutionFilter>> {
    let texts = |name: &str| {
        query
            .list(name)
            .into_iter()
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    // As the reference's clients write "has none": `execution list` sends `parent=null`.
    let without = |name: &str| {
        query
            .text(name)
            .is_some_and(|text| text.eq_ignore_ascii_case("null"))
    };
    let id = |name: &str| {
        let text = query.text(name).filter(|_| !without(name));
        text.map(str::parse::<Id>)
    };
    let asked: Vec<&str> = query.list("status");
    let status: Vec<Status> = asked.iter().filter_map(|word| word.parse().ok()).collect();
    if status.is_empty() && !asked.is_empty() {
        return Ok(None);
    }
    let (Ok(parent), Ok(trigger_instance)) = (id("parent").transpose(), id("trigger_instance").transpose())
    else {
        return Ok(None);
    };
    // No execution here has these; a filter that is not understood must not match everything.
    if ["trigger", "trigger_type"]
        .iter()
        .any(|name| query.text(name).is_some() && !without(name))
    {
        return Ok(None);
    }
    Ok(Some(ExecutionFilter {
        status,
        action: texts("action"),
        runner: texts("runner"),
        user: texts("user"),
        // Nothing here comes from a rule, so that all executions have none.
        rule: if without("rule") {
            Vec::new()
        } else {
            texts("rule")
        },
        trigger_instance,
        parent,
        top_level: without("parent") || query.flag("top_level")?,
        after: query.time("timestamp_gt")?,
        before: query.time("timestamp_lt")?,
        at: query.time("timestamp")?,
        without_builtin: query.flag("without_builtin")?,
        place: None,
    }))
}

/// `GET /executions/views/filters`: the values that lists can be filtered by, among the newest executions.
pub(crate) async fn filters(State(state): State<ApiState>, _caller: Caller, query: Query) -> ApiResult {
    let wanted = query.list("types");
    let page = Page {
        limit: Some(LOOKED_AT),
        ..Page::default()
    };
    let newest = state
        .store()
        .executions(ExecutionFilter::default(), page)
        .await?
        .items;
    let distinct = |value: fn(&Execution) -> Option<&str>| -> BTreeSet<&str> {
        newest.iter().filter_map(value).collect()
    };
    let mut answer = json!({
        "action": distinct(|execution| Some(&execution.request.action)),
        "status": distinct(|execution| Some(execution.status.as_str())),
        "rule": distinct(|execution| execution.request.rule.as_deref()),
        "runner": distinct(|execution| Some(&execution.request.runner)),
        "trigger": [],
        "trigger_type": [],
        "user": distinct(|execution| Some(&execution.request.user)),
    });
    if !wanted.is_empty()
        && let Some(map) = answer.as_object_mut()
    {
        map.retain(|key, _| wanted.contains(&key.as_str()));
    }
    answer_json(StatusCode::OK, &answer)
}
