//! Server-sent events: bytes in, events out.

use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures_util::stream::BoxStream;
use futures_util::{Stream, StreamExt as _};

use super::ClientError;

/// Bytes that one event may have; an execution with the largest allowed result fits several times.
const EVENT_LIMIT: usize = 256 << 20;

/// One event of a stream.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SseEvent {
    /// Its name; `message` when the server gave none.
    pub event: String,
    /// Its data, usually JSON.
    pub data: String,
    /// Its id, when it has one.
    pub id: Option<String>,
}

impl SseEvent {
    /// The data as JSON.
    ///
    /// # Errors
    /// [`ClientError::Malformed`] when it is none.
    pub fn json<T: serde::de::DeserializeOwned>(&self) -> Result<T, ClientError> {
        serde_json::from_str(&self.data).map_err(|error| {
            ClientError::Malformed(format!("the event `{}` is no JSON ({error})", self.event))
        })
    }
}

/// Events as they arrive.
pub struct EventStream {
    bytes: BoxStream<'static, Result<Bytes, ClientError>>,
    parser: Parser,
    over: bool,
}

impl EventStream {
    pub(super) fn new(bytes: BoxStream<'static, Result<Bytes, ClientError>>) -> Self {
        Self {
            bytes,
            parser: Parser::default(),
            over: false,
        }
    }
}

impl Stream for EventStream {
    type Item = Result<SseEvent, ClientError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            if let Some(event) = self.parser.ready.pop_front() {
                return Poll::Ready(Some(Ok(event)));
            }
            if self.over {
                return Poll::Ready(None);
            }
            match ready!(self.bytes.poll_next_unpin(context)) {
                Some(Ok(chunk)) => {
                    if let Err(error) = self.parser.feed(&chunk) {
                        self.over = true;
                        return Poll::Ready(Some(Err(error)));
                    }
                }
                Some(Err(error)) => {
                    self.over = true;
                    return Poll::Ready(Some(Err(error)));
                }
                // An event that was not finished by an empty line is dropped, as the format demands.
                None => self.over = true,
            }
        }
    }
}

/// The line-based format of event streams; lines end with LF, CR LF or CR.
#[derive(Default)]
struct Parser {
    line: Vec<u8>,
    after_cr: bool,
    started: bool,
    event: String,
    data: Option<String>,
    id: Option<String>,
    size: usize,
    ready: VecDeque<SseEvent>,
}

impl Parser {
    fn feed(&mut self, mut chunk: &[u8]) -> Result<(), ClientError> {
        if self.after_cr && chunk.first() == Some(&b'\n') {
            chunk = &chunk[1..];
        }
        if !chunk.is_empty() {
            self.after_cr = false;
        }
        while let Some(end) = chunk.iter().position(|byte| matches!(byte, b'\n' | b'\r')) {
            self.grow(end)?;
            self.line.extend_from_slice(&chunk[..end]);
            let was_cr = chunk[end] == b'\r';
            chunk = &chunk[end + 1..];
            if was_cr {
                match chunk.first() {
                    Some(b'\n') => chunk = &chunk[1..],
                    None => self.after_cr = true,
                    Some(_) => {}
                }
            }
            let line = std::mem::take(&mut self.line);
            self.take_line(&line);
        }
        self.grow(chunk.len())?;
        self.line.extend_from_slice(chunk);
        Ok(())
    }

    fn grow(&mut self, by: usize) -> Result<(), ClientError> {
        self.size += by;
        if self.size > EVENT_LIMIT {
            return Err(ClientError::Malformed(format!(
                "an event has more than {EVENT_LIMIT} bytes"
            )));
        }
        Ok(())
    }

    fn take_line(&mut self, line: &[u8]) {
        let text = String::from_utf8_lossy(line);
        let mut text: &str = &text;
        if !self.started {
            self.started = true;
            text = text.trim_start_matches('\u{feff}');
        }
        if text.is_empty() {
            self.dispatch();
            return;
        }
        let (field, value) = text.split_once(':').unwrap_or((text, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "event" => value.clone_into(&mut self.event),
            "data" => match &mut self.data {
                Some(data) => {
                    data.push('\n');
                    data.push_str(value);
                }
                None => self.data = Some(value.to_owned()),
            },
            "id" if !value.contains('\0') => self.id = Some(value.to_owned()),
            // Comments (heartbeats), `retry` and fields of later versions.
            _ => {}
        }
    }

    fn dispatch(&mut self) {
        self.size = 0;
        let mut event = std::mem::take(&mut self.event);
        let id = self.id.take();
        let Some(data) = self.data.take() else { return };
        if event.is_empty() {
            "message".clone_into(&mut event);
        }
        self.ready.push_back(SseEvent { event, data, id });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(chunks: &[&[u8]]) -> Vec<SseEvent> {
        let mut parser = Parser::default();
        for chunk in chunks {
            parser.feed(chunk).unwrap();
        }
        parser.ready.into()
    }

    fn event(event: &str, data: &str, id: Option<&str>) -> SseEvent {
        SseEvent {
            event: event.into(),
            data: data.into(),
            id: id.map(str::to_owned),
        }
    }

    #[test]
    fn events_come_out_whatever_the_chunks_and_line_ends() {
        let text = "\u{feff}event: a\ndata: {\"x\":\r\ndata:  \u{e9}}\nid: 7\n\n:heartbeat\n\n\ndata\n\nevent: b\rdata: 1\r\r";
        let expected = vec![
            event("a", "{\"x\":\n \u{e9}}", Some("7")),
            event("message", "", None),
            event("b", "1", None),
        ];
        assert_eq!(parse(&[text.as_bytes()]), expected);
        let bytes: Vec<&[u8]> = text.as_bytes().chunks(1).collect();
        assert_eq!(parse(&bytes), expected);
    }

    #[test]
    fn an_unfinished_event_is_no_event() {
        assert_eq!(parse(&[b"event: a\ndata: 1\n"]), vec![]);
    }
}
