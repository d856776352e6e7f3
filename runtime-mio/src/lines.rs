//! Cutting a byte stream into lines with a bounded length.
//!
//! Shared by the control listeners and the console client. A line ends with a line feed, a carriage return
//! before it is dropped, and what is not text is replaced rather than refused: a console is typed by hand. A
//! line over the limit is an error, since the rest of it could not be told from the next command.

use bytes::{Buf, BytesMut};

/// A line was longer than the limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TooLong;

/// Collects bytes and gives lines.
#[derive(Debug)]
pub(crate) struct Lines {
    bytes: BytesMut,
    scanned: usize,
    limit_bytes: usize,
}

impl Lines {
    /// Lines of at most `limit_bytes` each.
    pub(crate) fn new(limit_bytes: usize) -> Self {
        Self {
            bytes: BytesMut::new(),
            scanned: 0,
            limit_bytes,
        }
    }

    /// Takes what the stream has brought.
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// The next whole line.
    ///
    /// # Errors
    /// [`TooLong`]: the stream should be closed.
    pub(crate) fn take(&mut self) -> Result<Option<String>, TooLong> {
        let end = self.bytes[self.scanned..]
            .iter()
            .position(|byte| *byte == b'\n')
            .map(|at| self.scanned + at);
        let Some(end) = end else {
            self.scanned = self.bytes.len();
            return if self.scanned > self.limit_bytes {
                Err(TooLong)
            } else {
                Ok(None)
            };
        };
        if end > self.limit_bytes {
            return Err(TooLong);
        }
        let line = self.bytes.split_to(end);
        self.bytes.advance(1);
        self.scanned = 0;
        let line = line.strip_suffix(b"\r").unwrap_or(&line);
        Ok(Some(String::from_utf8_lossy(line).into_owned()))
    }
}

#[cfg(test)]
mod tests;
