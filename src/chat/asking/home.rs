//! The start page of somebody.

use serde_json::{Value, json};

use crate::answers::{self, approvals, inquiries};
use crate::chat::card::{Card, Tone};
use crate::chat::forms::Somebody;
use crate::chat::hub::Hub;
use crate::model::{Execution, Identity, Status, Timestamp};
use crate::runners::{APPROVAL, INQUIRER};
use crate::store::{ExecutionFilter, Page, StoreError};

/// Entries of each list.
const LISTED: u32 = 10;
/// Waiting questions that are looked through for those of somebody.
const LOOKED_AT: u32 = 200;

impl Hub {
    /// The start page of somebody: their work that runs, what waits for them, and how to get help.
    pub async fn home(&self, by: &Somebody) -> Card {
        let (tone, data) = match self.identity_of(by).await {
            Ok(identity) => match self.overview(&identity).await {
                Ok(data) => (Tone::Neutral, data),
                Err(error) => {
                    tracing::error!("a start page cannot be made: {error}");
                    (
                        Tone::Bad,
                        json!({"refused": "the store could not be read; try again"}),
                    )
                }
            },
            Err(reason) => (Tone::Warning, json!({"refused": reason})),
        };
        self.desk().speaker.card_of("home", tone, &data)
    }

    async fn overview(&self, identity: &Identity) -> Result<Value, StoreError> {
        let engine = &self.desk().engine;
        let now = Timestamp::now();
        let first = |limit: u32| Page {
            limit: Some(limit),
            ..Page::default()
        };
        let line = |execution: &Execution| {
            json!({
                "id": execution.id,
                "status": execution.status,
                "what": execution.request.origin.text.as_ref().unwrap_or(&execution.request.action),
                "age": now.seconds_since(execution.start),
            })
        };
        let of_mine = |status: Vec<Status>| ExecutionFilter {
            status,
            user: vec![identity.user.clone()],
            top_level: true,
            without_builtin: true,
            ..ExecutionFilter::default()
        };
        let (over, running): (Vec<Status>, Vec<Status>) =
            Status::ALL.into_iter().partition(|status| status.is_completed());
        let running = engine.store().executions(of_mine(running), first(LISTED)).await?;
        let recent = engine.store().executions(of_mine(over), first(5)).await?;
        let (waiting, _) = answers::list(engine, APPROVAL, false, first(LOOKED_AT)).await?;
        let votes: Vec<Value> = waiting
            .iter()
            .filter(|execution| approvals::may_vote(execution, identity, now))
            .take(LISTED as usize)
            .map(|execution| {
                let view = approvals::view(engine, execution, identity, now);
                json!({
                    "id": execution.id,
                    "title": view["title"],
                    "user": execution.request.user,
                    "given": view["given"],
                    "needed": view["needed"],
                })
            })
            .collect();
        let (waiting, _) = answers::list(engine, INQUIRER, false, first(LOOKED_AT)).await?;
        let questions: Vec<Value> = waiting
            .iter()
            .filter(|execution| inquiries::may_answer(engine, execution, identity))
            .take(LISTED as usize)
            .map(|execution| line(execution))
            .collect();
        Ok(json!({
            "refused": null,
            "user": identity.user,
            "running": running.items.iter().map(line).collect::<Vec<_>>(),
            "recent": recent.items.iter().map(line).collect::<Vec<_>>(),
            "approvals": votes,
            "questions": questions,
        }))
    }
}
