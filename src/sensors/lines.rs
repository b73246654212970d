//! Lines of bounded length from a pipe or a connection.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt as _};

/// Read at once.
const READ: usize = 16 * 1024;

/// A line without its newline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Line {
    /// All of it.
    Whole(Vec<u8>),
    /// It was longer than allowed: only its beginning.
    Cut(Vec<u8>),
}

/// Reads lines. Keeps what it has read when [`Lines::next`] is dropped, so that it can stand in a `select!`.
pub(super) struct Lines<R> {
    pipe: R,
    buffer: Vec<u8>,
    /// How much of the buffer is known to hold no newline.
    looked: usize,
    longest: usize,
    /// The rest of a line that was too long is left out.
    skipping: bool,
    ended: bool,
}

impl<R: AsyncRead + Unpin> Lines<R> {
    pub(super) const fn new(pipe: R, longest: usize) -> Self {
        Self {
            pipe,
            buffer: Vec::new(),
            looked: 0,
            longest,
            skipping: false,
            ended: false,
        }
    }

    /// The next line; `None` at the end. What stands behind the last newline is a line, too.
    pub(super) async fn next(&mut self) -> io::Result<Option<Line>> {
        loop {
            if let Some(line) = self.taken() {
                return Ok(Some(line));
            }
            if self.ended {
                return Ok(None);
            }
            self.buffer.reserve(READ);
            if self.pipe.read_buf(&mut self.buffer).await? == 0 {
                self.ended = true;
            }
        }
    }

    fn taken(&mut self) -> Option<Line> {
        loop {
            let newline = self.buffer[self.looked..].iter().position(|byte| *byte == b'\n');
            let end = newline.map(|at| self.looked + at);
            if self.skipping {
                match end {
                    Some(end) => {
                        self.buffer.drain(..=end);
                        self.skipping = false;
                        self.looked = 0;
                        continue;
                    }
                    None => {
                        self.buffer.clear();
                        self.looked = 0;
                        return None;
                    }
                }
            }
            return match end {
                Some(end) if end <= self.longest => {
                    let mut line: Vec<u8> = self.buffer.drain(..=end).collect();
                    line.pop();
                    if line.last() == Some(&b'\r') {
                        line.pop();
                    }
                    self.looked = 0;
                    Some(Line::Whole(line))
                }
                None if self.buffer.len() <= self.longest => {
                    self.looked = self.buffer.len();
                    if self.ended && !self.buffer.is_empty() {
                        self.looked = 0;
                        return Some(Line::Whole(std::mem::take(&mut self.buffer)));
                    }
                    None
                }
                _ => {
                    let line = self.buffer.drain(..self.longest).collect();
                    self.looked = 0;
                    self.skipping = true;
                    Some(Line::Cut(line))
                }
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    async fn all(text: &[u8], longest: usize) -> Vec<Line> {
        let mut lines = Lines::new(text, longest);
        let mut all = Vec::new();
        while let Some(line) = lines.next().await.unwrap() {
            all.push(line);
        }
        all
    }

    fn whole(text: &str) -> Line {
        Line::Whole(text.as_bytes().to_vec())
    }

    #[tokio::test]
    async fn lines_come_whole_or_cut() {
        assert_eq!(
            all(b"one\r\ntwo\n\nthree", 10).await,
            ["one", "two", "", "three"].map(whole)
        );
        let cut = Line::Cut(b"0123".to_vec());
        assert_eq!(all(b"0123456789\nab\n", 4).await, [cut.clone(), whole("ab")]);
        assert_eq!(all(b"ab\n0123456789", 4).await, [whole("ab"), cut]);
        assert_eq!(all(b"0123\n", 4).await, [whole("0123")]);
        assert_eq!(all(b"", 4).await, []);
    }

    proptest! {
        #![proptest_config(crate::testing::cases(128))]

        #[test]
        fn short_lines_are_as_they_were(lines in proptest::collection::vec("[a-z]{0,20}", 1..50)) {
            let text = lines.join("\n") + "\n";
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            let read = runtime.block_on(all(text.as_bytes(), 20));
            let expected: Vec<Line> = lines.iter().map(|line| whole(line)).collect();
            prop_assert_eq!(read, expected);
        }
    }
}
