//! Output of a running execution on its way into the store and to those who follow it.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::model::{Id, OutputChunk, OutputStream, Timestamp};
use crate::runners::OutputWrite;

/// How long output may wait for more, so that lines share a commit. A command that ends sooner has its
/// output committed together with its end.
const GATHER: Duration = Duration::from_millis(50);

/// So many bytes may be gathered while the store is busy; then the action has to wait.
const ROOM_BYTES: usize = 1 << 20;

/// Output is cut into chunks of about this many bytes.
const CHUNK_BYTES: usize = 64 << 10;

/// Gathers output into numbered chunks.
pub(super) struct OutputPump {
    execution: Id,
    number: u32,
    waiting: Vec<(OutputStream, Timestamp, String)>,
    due: Option<Instant>,
    kept: usize,
    limit: usize,
    dropped: usize,
}

impl OutputPump {
    pub(super) const fn new(execution: Id, limit: usize) -> Self {
        Self {
            execution,
            number: 0,
            waiting: Vec::new(),
            due: None,
            kept: 0,
            limit,
            dropped: 0,
        }
    }

    /// Takes a piece of output; what exceeds the limit is counted and dropped.
    pub(super) fn take(&mut self, piece: OutputWrite) {
        if self.kept + piece.text.len() > self.limit {
            self.dropped += piece.text.len();
            return;
        }
        self.kept += piece.text.len();
        self.due.get_or_insert_with(|| Instant::now() + GATHER);
        match self.waiting.last_mut() {
            Some((stream, _, text)) if *stream == piece.stream && text.len() < CHUNK_BYTES => {
                text.push_str(&piece.text);
            }
            _ => self.waiting.push((piece.stream, Timestamp::now(), piece.text)),
        }
    }

    /// Whether more output may be taken now.
    pub(super) fn has_room(&self) -> bool {
        self.waiting.iter().map(|(_, _, text)| text.len()).sum::<usize>() < ROOM_BYTES
    }

    /// Waits until gathered output should be stored; for ever when there is none.
    pub(super) async fn due(&self) {
        match self.due {
            Some(time) => tokio::time::sleep_until(time).await,
            None => std::future::pending().await,
        }
    }

    /// Everything gathered so far, as chunks.
    pub(super) fn rest(&mut self) -> Vec<Arc<OutputChunk>> {
        self.due = None;
        let execution = self.execution;
        let number = &mut self.number;
        self.waiting
            .drain(..)
            .map(|(stream, timestamp, text)| {
                let chunk = OutputChunk {
                    execution,
                    number: *number,
                    timestamp,
                    stream,
                    text,
                };
                *number += 1;
                Arc::new(chunk)
            })
            .collect()
    }

    /// A sentence about output that was dropped.
    pub(super) fn dropped_note(&self) -> Option<String> {
        (self.dropped > 0).then(|| {
            format!(
                "{} bytes of output were not kept: the limit is {} bytes",
                self.dropped, self.limit
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_of_one_stream_share_a_chunk_and_the_limit_holds() {
        let mut pump = OutputPump::new(Id::new(), 10);
        for (stream, text) in [
            (OutputStream::Stdout, "one\n"),
            (OutputStream::Stdout, "two\n"),
            (OutputStream::Stderr, "e\n"),
            (OutputStream::Stdout, "too much\n"),
        ] {
            pump.take(OutputWrite {
                stream,
                text: text.to_owned(),
            });
        }
        let chunks = pump.rest();
        let texts: Vec<_> = chunks
            .iter()
            .map(|chunk| (chunk.number, chunk.stream, &*chunk.text))
            .collect();
        assert_eq!(
            texts,
            [
                (0, OutputStream::Stdout, "one\ntwo\n"),
                (1, OutputStream::Stderr, "e\n")
            ]
        );
        assert!(pump.dropped_note().unwrap().starts_with("9 bytes"));
        assert!(pump.rest().is_empty());
    }
}
