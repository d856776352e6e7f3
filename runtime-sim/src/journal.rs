//! Journals of nodes: replayed from a file, and written for simulated nodes as the daemons write theirs.
//!
//! The comparison is in [`ringfort_node::journal`]; here are the file, the process that may fall over an
//! assertion on the way, and what came of it as one value.

use std::{
    cell::RefCell,
    collections::BTreeMap,
    fs::File,
    io::{self, Read},
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
    rc::Rc,
    time::Duration,
};

use bytes::Bytes;
use ringfort_machine::{Incarnation, Instant};
use ringfort_node::{
    Action, Note,
    journal::{self, Build, Decoder, Difference, End, Fault, MAGIC, Replay, Taken, Tape},
};

use crate::run::commit;

/// How much of a file is read at once.
const PIECE_BYTES: usize = 256 * 1024;

/// Why a journal could not be replayed, or not to its end.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The system does not give the file.
    #[error("the journal could not be read: {0}")]
    Read(#[from] io::Error),
    /// It is not a journal, or a damaged one.
    #[error(transparent)]
    Journal(#[from] journal::JournalError),
    /// It begins with a configuration that this build refuses.
    #[error("{0}: this build is not the one that wrote the journal")]
    Refused(String),
}

/// How a replay ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Everything recorded was done again.
    Same,
    /// The first thing that was not.
    Different(Box<Difference>),
    /// The node fell over an event whose outcome was recorded, so it had not fallen then.
    Fell {
        /// What it said.
        said: String,
        /// The last events, the one it fell over at the end.
        events: Vec<String>,
    },
}

/// What came of a replay.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// Who wrote the journal.
    pub build: Build,
    /// Whether it was this build, as far as both know.
    pub same_build: bool,
    /// Events replayed.
    pub events: u64,
    /// The recorded life up to the last of them.
    pub span: Duration,
    /// Digests of the state that agreed.
    pub digests: u64,
    /// Why recording ended; none if the journal was cut.
    pub end: Option<End>,
    /// Bytes at the end that belong to no whole record.
    pub torn_bytes: u64,
    /// The event that the node was handling when the journal was cut, if it was.
    pub unfinished: Option<String>,
    /// What the node said when it fell over that event, as it did when it was recorded.
    pub fell: Option<String>,
    /// The verdict.
    pub verdict: Verdict,
}

/// What is told while a replay goes on.
pub enum Seen<'a> {
    /// So many bytes of the file are read.
    Progress(u64),
    /// The replayed node says something.
    Note(Instant, &'a Note),
}

/// This program, as a journal names it.
pub fn build() -> Build {
    Build {
        version: env!("CARGO_PKG_VERSION").into(),
        revision: commit().into(),
    }
}

/// Whether the file at `path` begins like a journal.
///
/// # Errors
/// If it cannot be read.
pub fn is_journal(path: &Path) -> io::Result<bool> {
    let mut head = Vec::new();
    let mut file = File::open(path)?.take(MAGIC.len() as u64);
    file.read_to_end(&mut head)?;
    Ok(head == MAGIC)
}

/// Replays the journal at `path`.
///
/// # Errors
/// [`JournalError`] if it cannot be read to its end. That it goes another way is no error but the verdict.
pub fn replay(path: &Path, see: impl FnMut(Seen<'_>)) -> Result<Outcome, JournalError> {
    replay_from(File::open(path)?, see)
}

/// Replays the journal that `input` yields.
///
/// # Errors
/// As [`replay`].
pub fn replay_from(
    mut input: impl Read,
    mut see: impl FnMut(Seen<'_>),
) -> Result<Outcome, JournalError> {
    let mut decoder = Decoder::default();
    let mut player = Player::default();
    let mut piece = vec![0; PIECE_BYTES];
    let mut read = 0;
    loop {
        let length = match input.read(&mut piece) {
            Ok(0) => break,
            Ok(length) => length,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error.into()),
        };
        decoder.feed(&piece[..length]);
        while let Some((offset, content)) = decoder.next_record()? {
            player.take(offset, content, &mut see)?;
            if player.verdict.is_some() {
                return Ok(player.outcome(0));
            }
        }
        read += length as u64;
        see(Seen::Progress(read));
    }
    let cut = decoder.finish()?;
    player.finish(&mut see)?;
    Ok(player.outcome(cut.torn_bytes))
}

/// A replay with what may go wrong around it. It is one record behind: whether a node may fall over an event is
/// known only when it is known that its outcome was not recorded.
#[derive(Default)]
struct Player {
    replay: Replay,
    next: Option<(u64, Bytes)>,
    end: Option<End>,
    fell: Option<String>,
    verdict: Option<Verdict>,
}

impl Player {
    fn take(
        &mut self,
        offset: u64,
        content: Bytes,
        see: &mut impl FnMut(Seen<'_>),
    ) -> Result<(), JournalError> {
        match self.next.replace((offset, content)) {
            Some((offset, content)) => self.play(offset, &content, false, see),
            None => Ok(()),
        }
    }

    fn finish(&mut self, see: &mut impl FnMut(Seen<'_>)) -> Result<(), JournalError> {
        match self.next.take() {
            Some((offset, content)) => self.play(offset, &content, true, see),
            None => Ok(()),
        }
    }

    fn play(
        &mut self,
        offset: u64,
        content: &Bytes,
        last: bool,
        see: &mut impl FnMut(Seen<'_>),
    ) -> Result<(), JournalError> {
        let Self { replay, .. } = self;
        // After a panic the node is only asked what it was told, which it holds apart from its machines.
        let taken = catch_unwind(AssertUnwindSafe(|| replay.take(content)));
        match taken {
            Ok(Ok(Taken::Started | Taken::Handled)) => {
                for action in self.replay.actions() {
                    if let Action::Note(note) = action {
                        see(Seen::Note(self.replay.at(), note));
                    }
                }
            }
            Ok(Ok(Taken::Agreed | Taken::SameState)) => {}
            Ok(Ok(Taken::Ended(end))) => self.end = Some(end),
            Ok(Err(Fault::Different(difference))) => {
                self.verdict = Some(Verdict::Different(difference));
            }
            Ok(Err(Fault::Malformed(why))) => {
                return Err(journal::JournalError::Malformed { offset, why }.into());
            }
            Ok(Err(Fault::Refused(error))) => return Err(JournalError::Refused(error.to_string())),
            Err(panic) => {
                let said = said(&*panic);
                if last {
                    self.fell = Some(said);
                } else {
                    let events = self.replay.recent();
                    self.verdict = Some(Verdict::Fell { said, events });
                }
            }
        }
        Ok(())
    }

    fn outcome(self, torn_bytes: u64) -> Outcome {
        let Self {
            replay, end, fell, ..
        } = self;
        let (ours, build) = (build(), replay.build().cloned());
        let build = build.unwrap_or_else(|| ours.clone());
        let open = replay.is_open() && end.is_none() && self.verdict.is_none();
        Outcome {
            same_build: build == ours,
            build,
            events: replay.events(),
            span: replay.at().since(replay.started()),
            digests: replay.digests(),
            end,
            torn_bytes,
            unfinished: replay.recent().pop().filter(|_| open),
            fell,
            verdict: self.verdict.unwrap_or(Verdict::Same),
        }
    }
}

/// The words of a panic.
fn said(panic: &(dyn std::any::Any + Send)) -> String {
    panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("nothing")
        .to_owned()
}

/// The journals of one simulated node, a life each. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct Journals(Rc<RefCell<BTreeMap<Incarnation, Vec<u8>>>>);

impl Journals {
    /// A tape for the life `incarnation`.
    pub(crate) fn tape(&self, incarnation: Incarnation) -> Shelf {
        Shelf {
            journals: self.clone(),
            incarnation,
        }
    }

    /// The lives recorded so far, with their bytes.
    pub fn lives(&self) -> Vec<(Incarnation, Vec<u8>)> {
        let lives = self.0.borrow();
        lives
            .iter()
            .map(|(life, bytes)| (*life, bytes.clone()))
            .collect()
    }

    /// Writes the first life to `path` and each later one beside it, with `.2`, `.3` and so on at the end.
    ///
    /// # Errors
    /// What the system says.
    pub fn write(&self, path: &Path) -> io::Result<()> {
        for (life, bytes) in self.0.borrow().iter() {
            let mut name = path.as_os_str().to_owned();
            if life.0 > 1 {
                name.push(format!(".{}", life.0));
            }
            std::fs::write(name, bytes)?;
        }
        Ok(())
    }
}

/// The tape of one life.
#[derive(Debug)]
pub(crate) struct Shelf {
    journals: Journals,
    incarnation: Incarnation,
}

impl Tape for Shelf {
    fn put(&mut self, bytes: &[u8]) -> bool {
        let mut lives = self.journals.0.borrow_mut();
        lives
            .entry(self.incarnation)
            .or_default()
            .extend_from_slice(bytes);
        true
    }

    fn end(&mut self, _: End) {}
}
