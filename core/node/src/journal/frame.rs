//! The frames of a journal: where a record begins and ends, and whether it is whole.
//!
//! A process that is killed leaves a file that stops anywhere, and a host that loses power may leave zeros where
//! the last pages should be. Both are a torn tail: what is before it is good, what is after it does not exist. A
//! wrong checksum with more behind it is something else, damage, and is named with its place.
//!
//! The length has a checksum of its own. Otherwise a damaged length would swallow the rest of the file and look
//! like a tail that was torn.

use alloc::{string::String, vec::Vec};

use bytes::{Buf, Bytes, BytesMut};

use super::{
    record::{self, Build},
    stored::Malformed,
};

/// How every journal begins.
pub const MAGIC: [u8; 8] = *b"RINGJNL\n";
/// The format that this build writes, and the only one that it reads.
pub const FORMAT: u32 = 2;

const CRC: crc::Crc<u32, crc::Table<16>> = crc::Crc::<u32, crc::Table<16>>::new(&crc::CRC_32_ISCSI);
/// Bytes of magic and format.
const PREFIX: usize = 12;
/// Bytes in front of a record.
const HEAD: usize = 12;

/// Why a file cannot be read as a journal, or not to its end.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JournalError {
    /// It does not begin like one.
    #[error("this is no journal of a node; give a FILE of `ringfort node --journal FILE`")]
    NotAJournal,
    /// It is one of another format.
    #[error(
        "this journal has format {found} and was written by {}; this build reads format {FORMAT}: replay it with the build that wrote it",
        writer(build.as_ref())
    )]
    OtherFormat {
        /// Its format.
        found: u32,
        /// Who wrote it, if the file goes so far.
        build: Option<Build>,
    },
    /// It ends before its first record.
    #[error("the journal ends before its first record; there is nothing to replay")]
    NoOrigin,
    /// A checksum is wrong, and it is not the tail.
    #[error(
        "the journal is damaged at byte {offset}: a checksum is wrong there, and more follows; everything before it was read"
    )]
    Damaged {
        /// Where the damaged frame begins, in bytes from the beginning of the file.
        offset: u64,
    },
    /// A record is whole and still makes no sense.
    #[error("the record at byte {offset} of the journal is whole and not understood: {why}")]
    Malformed {
        /// Where its frame begins, in bytes from the beginning of the file.
        offset: u64,
        /// What was expected.
        why: Malformed,
    },
}

fn writer(build: Option<&Build>) -> String {
    build.map_or_else(
        || String::from("a build that it does not name"),
        |build| alloc::format!("ringfort {} of revision {}", build.version, build.revision),
    )
}

/// What was thrown away at the end of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cut {
    /// Bytes that belong to no whole record; zero for a file that ends with one.
    pub torn_bytes: u64,
}

/// Appends what every journal begins with.
pub(crate) fn begin(out: &mut Vec<u8>) {
    out.extend_from_slice(&MAGIC);
    out.extend_from_slice(&FORMAT.to_le_bytes());
}

/// Appends a frame around the record that `write` appends.
pub(crate) fn frame(out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
    let head = out.len();
    out.extend_from_slice(&[0; HEAD]);
    write(out);
    let (front, record) = out.split_at_mut(head.saturating_add(HEAD));
    let length = u32::try_from(record.len()).expect("an event is shorter than 4 GiB");
    let length = length.to_le_bytes();
    for (place, part) in front[head..].chunks_exact_mut(4).zip([
        length,
        CRC.checksum(&length).to_le_bytes(),
        CRC.checksum(record).to_le_bytes(),
    ]) {
        place.copy_from_slice(&part);
    }
}

/// Where the file has stopped making sense.
#[derive(Clone, Copy, Debug)]
struct Suspect {
    /// The beginning of the frame.
    offset: u64,
    /// From here on everything must be zero if this is a torn tail.
    rest: u64,
}

/// Takes the bytes of a file as they come and gives its records, each as the content of its frame.
#[derive(Debug, Default)]
pub struct Decoder {
    buffer: BytesMut,
    /// Where the buffer begins in the file.
    offset: u64,
    /// The format, once it is known.
    format: Option<u32>,
    /// Whether the first record has been given.
    begun: bool,
    suspect: Option<Suspect>,
    failed: Option<JournalError>,
}

impl Decoder {
    /// More of the file.
    pub fn feed(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// The next record with the place of its frame; none before more is fed.
    ///
    /// # Errors
    /// Any [`JournalError`] but [`JournalError::Malformed`]; the same again from then on.
    pub fn next_record(&mut self) -> Result<Option<(u64, Bytes)>, JournalError> {
        if let Some(error) = &self.failed {
            return Err(error.clone());
        }
        let next = self.advance();
        if let Err(error) = &next {
            self.failed = Some(error.clone());
        }
        next
    }

    /// The file ends here. Call it when [`Decoder::next_record`] has nothing more to give.
    ///
    /// # Errors
    /// If not even the first record was there, or an earlier error.
    pub fn finish(&self) -> Result<Cut, JournalError> {
        if let Some(error) = &self.failed {
            return Err(error.clone());
        }
        match self.format {
            None => Err(JournalError::NotAJournal),
            Some(FORMAT) if !self.begun => Err(JournalError::NoOrigin),
            Some(FORMAT) => {
                let end = self.offset + self.buffer.len() as u64;
                let whole = self.suspect.map_or(self.offset, |suspect| suspect.offset);
                Ok(Cut {
                    torn_bytes: end - whole,
                })
            }
            Some(found) => Err(JournalError::OtherFormat { found, build: None }),
        }
    }

    fn advance(&mut self) -> Result<Option<(u64, Bytes)>, JournalError> {
        let format = match self.format {
            Some(format) => format,
            None => match self.prefix()? {
                Some(format) => format,
                None => return Ok(None),
            },
        };
        let offset = self.offset;
        if let Some(suspect) = self.suspect {
            return self.only_zeros(suspect).map(|()| None);
        }
        let Some(content) = self.content()? else {
            return Ok(None);
        };
        if format != FORMAT {
            let build = record::build(&content).ok();
            return Err(JournalError::OtherFormat {
                found: format,
                build,
            });
        }
        self.begun = true;
        Ok(Some((offset, content)))
    }

    fn prefix(&mut self) -> Result<Option<u32>, JournalError> {
        let known = self.buffer.len().min(MAGIC.len());
        if self.buffer[..known] != MAGIC[..known] {
            return Err(JournalError::NotAJournal);
        }
        if self.buffer.len() < PREFIX {
            return Ok(None);
        }
        self.skip(MAGIC.len());
        let format = self.buffer.get_u32_le();
        self.offset += 4;
        self.format = Some(format);
        Ok(Some(format))
    }

    /// The content of the next frame, if all of it is here.
    fn content(&mut self) -> Result<Option<Bytes>, JournalError> {
        let Some(head) = self.buffer.get(..HEAD) else {
            return Ok(None);
        };
        let number = |at: usize| {
            let mut bytes = [0; 4];
            bytes.copy_from_slice(&head[at..at + 4]);
            u32::from_le_bytes(bytes)
        };
        let (length, length_sum, sum) = (number(0), number(4), number(8));
        if CRC.checksum(&length.to_le_bytes()) != length_sum {
            return self.suspect(HEAD);
        }
        let whole = HEAD.saturating_add(length as usize);
        let Some(content) = self.buffer.get(HEAD..whole) else {
            return Ok(None);
        };
        if CRC.checksum(content) != sum {
            return self.suspect(whole);
        }
        let mut frame = self.buffer.split_to(whole).freeze();
        self.offset += whole as u64;
        frame.advance(HEAD);
        Ok(Some(frame))
    }

    /// From here on only zeros may come, `after` bytes from now.
    fn suspect<T>(&mut self, after: usize) -> Result<Option<T>, JournalError> {
        let suspect = Suspect {
            offset: self.offset,
            rest: self.offset + after as u64,
        };
        self.suspect = Some(suspect);
        self.only_zeros(suspect).map(|()| None)
    }

    fn only_zeros(&mut self, suspect: Suspect) -> Result<(), JournalError> {
        let before = usize::try_from(suspect.rest.saturating_sub(self.offset))
            .unwrap_or(usize::MAX)
            .min(self.buffer.len());
        self.skip(before);
        if self.buffer.iter().any(|byte| *byte != 0) {
            return Err(JournalError::Damaged {
                offset: suspect.offset,
            });
        }
        self.skip(self.buffer.len());
        Ok(())
    }

    fn skip(&mut self, count: usize) {
        self.buffer.advance(count);
        self.offset += count as u64;
    }
}

#[cfg(test)]
mod tests;
