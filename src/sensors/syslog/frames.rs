//! Messages within a TCP stream (RFC 6587): counted, or one a line.

/// Longest message in bytes; of a longer one the beginning is read.
pub(super) const LONGEST: usize = 64 * 1024;

/// Takes messages out of a stream.
#[derive(Debug, Default)]
pub(super) struct Frames {
    buffer: Vec<u8>,
    /// Bytes that belong to a message that was too long.
    skip: usize,
    /// They go on to the next end of a line.
    skip_line: bool,
}

impl Frames {
    /// Adds what came.
    pub(super) fn add(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// The next whole message; at the `end` of the stream also what is left.
    pub(super) fn next(&mut self, end: bool) -> Option<Vec<u8>> {
        if self.skip > 0 {
            let skipped = self.skip.min(self.buffer.len());
            self.buffer.drain(..skipped);
            self.skip -= skipped;
            if self.skip > 0 {
                return None;
            }
        }
        if self.skip_line {
            let Some(at) = line_end(&self.buffer) else {
                self.buffer.clear();
                return None;
            };
            self.buffer.drain(..=at);
            self.skip_line = false;
        }
        let blank = self
            .buffer
            .iter()
            .take_while(|byte| matches!(byte, b'\n' | b'\r' | 0))
            .count();
        self.buffer.drain(..blank);
        if self.buffer.is_empty() {
            return None;
        }
        if self.buffer[0].is_ascii_digit() && self.buffer[0] != b'0' {
            match self.counted(end) {
                Counted::Message(message) => return Some(message),
                Counted::Wait => return None,
                Counted::Not => {}
            }
        }
        if let Some(at) = line_end(&self.buffer) {
            let mut line: Vec<u8> = self.buffer.drain(..=at).collect();
            line.truncate(at.min(LONGEST));
            return Some(line);
        }
        if self.buffer.len() > LONGEST {
            let message = self.buffer.drain(..LONGEST).collect();
            self.skip_line = true;
            return Some(message);
        }
        end.then(|| std::mem::take(&mut self.buffer))
    }

    fn counted(&mut self, end: bool) -> Counted {
        const DIGITS: usize = 9;
        let digits = self
            .buffer
            .iter()
            .take_while(|byte| byte.is_ascii_digit())
            .count();
        match self.buffer.get(digits) {
            _ if digits > DIGITS => return Counted::Not,
            None if end => return Counted::Not,
            None => return Counted::Wait,
            Some(b' ') => {}
            Some(_) => return Counted::Not,
        }
        let text = std::str::from_utf8(&self.buffer[..digits]).unwrap_or_default();
        let Ok(length) = text.parse::<usize>() else {
            return Counted::Not;
        };
        let start = digits + 1;
        let wanted = length.min(LONGEST);
        if self.buffer.len() < start + wanted {
            if !end {
                return Counted::Wait;
            }
            self.buffer.drain(..start);
            return Counted::Message(std::mem::take(&mut self.buffer));
        }
        let message = self.buffer[start..start + wanted].to_vec();
        self.buffer.drain(..start + wanted);
        self.skip = length - wanted;
        Counted::Message(message)
    }
}

enum Counted {
    Message(Vec<u8>),
    Wait,
    Not,
}

fn line_end(bytes: &[u8]) -> Option<usize> {
    bytes.iter().position(|byte| matches!(byte, b'\n' | 0))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn all(chunks: &[&[u8]]) -> Vec<String> {
        let mut frames = Frames::default();
        let mut all = Vec::new();
        for chunk in chunks {
            frames.add(chunk);
            while let Some(message) = frames.next(false) {
                all.push(String::from_utf8_lossy(&message).into_owned());
            }
        }
        while let Some(message) = frames.next(true) {
            all.push(String::from_utf8_lossy(&message).into_owned());
        }
        all
    }

    #[test]
    fn both_framings_are_read() {
        assert_eq!(
            all(&[b"<13>one\n<13>two\r\n\n<13>three"]),
            ["<13>one", "<13>two\r", "<13>three"]
        );
        assert_eq!(
            all(&[b"7 <13>one7 <13>a\nb7", b" <13>", b"end"]),
            ["<13>one", "<13>a\nb", "<13>end"]
        );
        assert_eq!(
            all(&[b"2026 is no count of this short text"]),
            ["is no count of this short text"]
        );
        assert_eq!(all(&[b"2026-01-01 plain\n"]), ["2026-01-01 plain"]);
    }

    #[test]
    fn long_messages_are_cut() {
        let long = vec![b'x'; LONGEST + 10];
        let told = all(&[&long, b"\nshort\n"]);
        assert_eq!(told.iter().map(String::len).collect::<Vec<_>>(), [LONGEST, 5]);
        let head = format!("{} ", LONGEST + 10);
        let told = all(&[head.as_bytes(), &long, b"5 short"]);
        assert_eq!(told.iter().map(String::len).collect::<Vec<_>>(), [LONGEST, 5]);
    }

    proptest! {
        #![proptest_config(crate::testing::cases(256))]

        #[test]
        fn any_stream_is_read(chunks in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..50), 0..20)) {
            let chunks: Vec<&[u8]> = chunks.iter().map(Vec::as_slice).collect();
            let _ = all(&chunks);
        }

        #[test]
        fn chunks_make_no_difference(text in "([1-9] ?)?[a-z<>0-9 \n]{0,60}", size in 1_usize..10) {
            let chunks: Vec<&[u8]> = text.as_bytes().chunks(size).collect();
            prop_assert_eq!(all(&chunks), all(&[text.as_bytes()]));
        }
    }
}
