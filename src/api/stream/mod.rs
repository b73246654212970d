//! Event streams: what happens (`/stream`), and the output of one execution.

mod feed;
mod output;

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use bytes::Bytes;
use futures_util::{Stream, StreamExt as _};
use http::{HeaderValue, header};
use tokio::sync::{OwnedSemaphorePermit, mpsc};

use super::ApiState;
use super::http::auth::Caller;
use super::http::error::{ApiError, ApiResult};
use super::http::query::Query;
use crate::model::Id;

pub(crate) use output::output;

/// A silent stream sends a newline this often, so that nothing in between takes it for dead.
const HEARTBEAT: Duration = Duration::from_secs(25);
/// Frames that wait for a slow reader; a stream whose reader is slower loses events and says so.
const FRAMES: usize = 64;
/// The last frame of a stream that has an end.
const EOF: &[u8] = b"event: EOF\ndata: ''\n\n";

/// `GET /stream`: events as they happen.
pub(crate) async fn events(State(state): State<ApiState>, caller: Caller, query: Query) -> ApiResult {
    query.check()?;
    let place = state.stream_place()?;
    let owned = |items: Vec<&str>| items.into_iter().map(str::to_owned).collect::<Vec<_>>();
    let end_execution = query
        .text("end_execution_id")
        .map(|text| text.parse::<Id>().map_err(ApiError::bad_request))
        .transpose()?;
    let wish = feed::Wish {
        events: owned(query.list("events")),
        actions: owned(query.list("action_refs")),
        executions: owned(query.list("execution_ids")),
        end_event: query.text("end_event").map(str::to_owned),
        end_execution,
        secrets: super::resources::executions::sees_secrets(&state, &caller, &query)?,
    };
    // Subscribed before the answer begins: whoever has read its head misses nothing that happens after.
    let receiver = state.engine().subscribe();
    Ok(respond(&state, place, |sender| feed::run(state.clone(), wish, receiver, sender)))
}

/// Where the frames of a stream go; gives `Err` when nobody reads any more.
#[derive(Clone)]
struct Frames(mpsc::Sender<Bytes>);

/// The reader of a stream went away.
struct Gone;

impl Frames {
    async fn send(&self, frame: impl Into<Bytes>) -> Result<(), Gone> {
        self.0.send(frame.into()).await.map_err(|_| Gone)
    }

    async fn event(&self, name: &str, data: &[u8]) -> Result<(), Gone> {
        let mut frame = Vec::with_capacity(name.len() + data.len() + 20);
        frame.extend_from_slice(b"event: ");
        frame.extend_from_slice(name.as_bytes());
        frame.extend_from_slice(b"\ndata: ");
        frame.extend_from_slice(data);
        frame.extend_from_slice(b"\n\n");
        self.send(frame).await
    }
}

/// Answers with a stream whose frames `feed` sends. It ends when `feed` ends, when the reader goes away or
/// when the server stops.
fn respond<F>(state: &ApiState, place: OwnedSemaphorePermit, feed: impl FnOnce(Frames) -> F) -> Response
where
    F: Future<Output = Result<(), Gone>> + Send + 'static,
{
    let (sender, receiver) = mpsc::channel(FRAMES);
    let heart = Frames(sender.clone());
    let feed = feed(Frames(sender));
    let shutdown = state.shutdown().clone();
    tokio::spawn(async move {
        let mut beats = tokio::time::interval(HEARTBEAT);
        let mut feed = std::pin::pin!(feed);
        loop {
            tokio::select! {
                _ = feed.as_mut() => break,
                () = shutdown.cancelled() => break,
                () = heart.0.closed() => break,
                // The first beat comes at once: it carries the head of the answer to the client.
                _ = beats.tick() => {
                    // A full channel shows that the stream is anything but silent.
                    let _ = heart.0.try_send(Bytes::from_static(b"\n"));
                }
            }
        }
        drop(place);
    });
    let frames = Receiving(receiver).map(Ok::<_, Infallible>);
    let mut response = Response::new(Body::from_stream(frames));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream; charset=UTF-8"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    response
}

struct Receiving(mpsc::Receiver<Bytes>);

impl Stream for Receiving {
    type Item = Bytes;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Bytes>> {
        self.0.poll_recv(context)
    }
}
