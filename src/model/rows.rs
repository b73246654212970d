//! JSON Lines from untrusted input: one row after the other, each of bounded length.

use std::io::{self, BufRead};

/// Longest row in bytes.
pub const MAX_ROW: usize = 16 << 20;

/// Reads a line into `row`: `None` at the end, `false` when it is longer than [`MAX_ROW`] and was cut.
///
/// # Errors
/// When the input cannot be read.
pub fn next_row(input: &mut impl BufRead, row: &mut Vec<u8>) -> io::Result<Option<bool>> {
    row.clear();
    let mut whole = true;
    let mut any = false;
    loop {
        let buffer = input.fill_buf()?;
        if buffer.is_empty() {
            return Ok(any.then_some(whole));
        }
        any = true;
        let end = buffer.iter().position(|byte| *byte == b'\n');
        let part = &buffer[..end.unwrap_or(buffer.len())];
        let room = MAX_ROW - row.len();
        whole &= part.len() <= room;
        row.extend_from_slice(&part[..part.len().min(room)]);
        let used = end.map_or(buffer.len(), |end| end + 1);
        input.consume(used);
        if end.is_some() {
            return Ok(Some(whole));
        }
    }
}
