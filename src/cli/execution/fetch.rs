//! Gets the executions below a workflow, a page at a time.

use serde_json::Value;

use super::rows;
use crate::cli::connect::Connection;
use crate::cli::{CliError, query, segment};
use crate::workflow::progress::{is_failed, is_flow};

/// Executions of one page.
const PAGE: usize = 100;
/// Most executions that are fetched for one tree.
const MOST: usize = 20_000;
/// Most results that are fetched to tell why something failed.
const REASONS: usize = 50;
/// What is needed of each execution.
const ATTRIBUTES: &str = "id,action,context,status,start_timestamp,end_timestamp,parent";

/// Everything below `root`, with the results of what failed. True when not everything was fetched.
pub(super) async fn descendants(
    connection: &Connection,
    root: &Value,
) -> Result<(Vec<Value>, bool), CliError> {
    let mut found: Vec<Value> = Vec::new();
    let mut parents = vec![root["id"].as_str().unwrap_or_default().to_owned()];
    while let Some(parent) = parents.pop() {
        let mut after: Option<String> = None;
        loop {
            let mut parts = vec![
                ("parent", parent.clone()),
                ("sort", "id".to_owned()),
                ("limit", PAGE.to_string()),
                ("include_attributes", ATTRIBUTES.to_owned()),
            ];
            parts.extend(after.clone().map(|id| ("after", id)));
            let page = connection
                .client
                .get(&format!("/api/v1/executions?{}", query(&parts)))
                .await?;
            let page = rows(page)?;
            let whole = page.len() < PAGE;
            after = page
                .last()
                .and_then(|last| last["id"].as_str())
                .map(str::to_owned);
            for one in page {
                if is_flow(&one)
                    && let Some(id) = one["id"].as_str()
                {
                    parents.push(id.to_owned());
                }
                found.push(one);
            }
            if found.len() >= MOST {
                reasons(connection, &mut found).await?;
                return Ok((found, true));
            }
            if whole || after.is_none() {
                break;
            }
        }
    }
    reasons(connection, &mut found).await?;
    Ok((found, false))
}

/// Adds the results of executions that failed.
async fn reasons(connection: &Connection, found: &mut [Value]) -> Result<(), CliError> {
    let failed = found
        .iter_mut()
        .filter(|one| one["status"].as_str().is_some_and(is_failed));
    for one in failed.take(REASONS) {
        let id = segment(one["id"].as_str().unwrap_or_default());
        let path = format!("/api/v1/executions/{id}?include_attributes=result");
        let mut whole = connection.client.get(&path).await?;
        one["result"] = whole["result"].take();
    }
    Ok(())
}
