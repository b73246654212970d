//! One output stream of a child: handed on in whole lines while it comes, kept for the result up to a limit.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, ReadBuf};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::OutputSink;
use crate::model::OutputStream;

/// Waiting output of this size is handed on at once.
const BATCH: usize = 8 * 1024;
/// Whole lines wait this long for more, so that a chatty program does not cause a write per line.
const LINES_WAIT: Duration = Duration::from_millis(20);
/// A line that has not ended (a prompt, a progress bar) waits this long.
const PARTIAL_WAIT: Duration = Duration::from_millis(200);
/// Read at once.
const READ: usize = 16 * 1024;
/// What may still lie in a pipe when reading stops: the largest pipe that Linux grants by default.
const PIPE: usize = 1024 * 1024;

/// What was kept of a stream.
#[derive(Debug, Default)]
pub(in crate::runners) struct Captured {
    /// The text; bytes that are no UTF-8 were replaced.
    pub(in crate::runners) text: String,
    /// How many bytes came in all.
    pub(in crate::runners) total: u64,
    /// How many of them are in `text`.
    pub(in crate::runners) kept: u64,
}

impl Captured {
    /// True when there was more than may be kept.
    pub(in crate::runners) const fn is_cut(&self) -> bool {
        self.kept < self.total
    }
}

/// A stream while it is read.
pub(super) struct Capture {
    stream: OutputStream,
    limit: usize,
    /// The beginning, for the result.
    kept: Vec<u8>,
    total: u64,
    /// What was not handed on yet. All is, whatever the result keeps.
    rest: Vec<u8>,
    /// When that began to wait.
    waiting: Option<Instant>,
}

impl Capture {
    pub(super) const fn new(stream: OutputStream, limit: usize) -> Self {
        Self {
            stream,
            limit,
            kept: Vec::new(),
            total: 0,
            rest: Vec::new(),
            waiting: None,
        }
    }

    /// Reads to the end of the stream, or until `stop`: then what lies in the pipe is still taken.
    pub(super) async fn read(
        &mut self,
        pipe: Option<impl AsyncRead + Unpin>,
        output: &OutputSink,
        stop: &CancellationToken,
    ) {
        let Some(mut pipe) = pipe else { return };
        let mut buffer = Vec::with_capacity(READ);
        loop {
            let due = self.due();
            tokio::select! {
                biased;
                () = stop.cancelled() => {
                    self.take_rest(&mut pipe, &mut buffer).await;
                    break;
                }
                read = pipe.read_buf(&mut buffer) => match read {
                    Ok(0) | Err(_) => break,
                    Ok(_) => {
                        self.take(&buffer);
                        buffer.clear();
                    }
                },
                () = tokio::time::sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => {}
            }
            while let Some(text) = self.ready(Instant::now()) {
                output.write(self.stream, text).await;
            }
        }
        if let Some(text) = self.last() {
            output.write(self.stream, text).await;
        }
    }

    pub(super) fn into_captured(self) -> Captured {
        let kept = self.kept.len() as u64;
        let text = match String::from_utf8(self.kept) {
            Ok(text) => text,
            Err(error) => String::from_utf8_lossy(error.as_bytes()).into_owned(),
        };
        Captured {
            text,
            total: self.total,
            kept,
        }
    }

    /// Takes without waiting what the pipe holds, but not more than a pipe can hold: a process that writes
    /// for ever cannot hold the runner.
    async fn take_rest(&mut self, pipe: &mut (impl AsyncRead + Unpin), buffer: &mut Vec<u8>) {
        buffer.resize(READ, 0);
        let mut left = PIPE;
        while left > 0 {
            let mut space = ReadBuf::new(buffer);
            // Unconstrained, or a task that has used up its turn would seem to have an empty pipe.
            let more = tokio::task::unconstrained(poll_fn(|context| {
                Poll::Ready(matches!(
                    Pin::new(&mut *pipe).poll_read(context, &mut space),
                    Poll::Ready(Ok(()))
                ))
            }))
            .await;
            let read = space.filled();
            if !more || read.is_empty() {
                break;
            }
            left = left.saturating_sub(read.len());
            self.take(read);
        }
    }

    fn take(&mut self, bytes: &[u8]) {
        self.total += bytes.len() as u64;
        let kept = bytes.len().min(self.limit - self.kept.len());
        self.kept.extend_from_slice(&bytes[..kept]);
        if !bytes.is_empty() {
            self.rest.extend_from_slice(bytes);
            self.waiting.get_or_insert_with(Instant::now);
        }
    }

    fn due(&self) -> Option<Instant> {
        let waits = if self.rest.contains(&b'\n') {
            LINES_WAIT
        } else {
            PARTIAL_WAIT
        };
        self.waiting.map(|since| since + waits)
    }

    /// What is to be handed on now: whole lines, or a part of a line that has waited or grown enough.
    fn ready(&mut self, now: Instant) -> Option<String> {
        let waiting = &self.rest;
        if waiting.len() < BATCH && self.due().is_none_or(|due| now < due) {
            return None;
        }
        let end = match waiting.iter().rposition(|byte| *byte == b'\n') {
            Some(newline) => newline + 1,
            None => whole_characters(waiting),
        };
        self.hand(end, now)
    }

    /// What is left at the end.
    fn last(&mut self) -> Option<String> {
        self.hand(self.rest.len(), Instant::now())
    }

    fn hand(&mut self, end: usize, now: Instant) -> Option<String> {
        let text = String::from_utf8_lossy(&self.rest[..end]).into_owned();
        self.rest.drain(..end);
        self.waiting = (!self.rest.is_empty()).then_some(now);
        (!text.is_empty()).then_some(text)
    }
}

/// What stands in place of dropped output.
pub(in crate::runners) fn cut_note(kept: u64, total: u64) -> String {
    format!("\n[output cut: the first {kept} of {total} bytes were kept]")
}

/// Length without a character at the end of which only the first bytes are there.
fn whole_characters(bytes: &[u8]) -> usize {
    for back in 1..=bytes.len().min(3) {
        let byte = bytes[bytes.len() - back];
        let length = match byte {
            0xC0..=0xDF => 2,
            0xE0..=0xEF => 3,
            0xF0..=0xF7 => 4,
            0x80..=0xBF => continue,
            _ => 1,
        };
        return if length > back {
            bytes.len() - back
        } else {
            bytes.len()
        };
    }
    bytes.len()
}
