//! What waits for one client.
//!
//! A little is in the runtime's hands, enough to keep the socket busy; the rest waits here, where it is
//! counted. A client that lets more pile up than the configuration allows is too slow: dropping messages
//! between others would break every promise of the bus, so the session ends.

use alloc::collections::VecDeque;

use bytes::Bytes;
use ringfort_machine::{
    Sink,
    defect::{Defect, active},
};

use crate::{Action, Config, SessionId};

/// Bytes in the runtime's hands at which the next message waits.
const WINDOW: usize = 64 * 1024;

/// The queue had no room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TooSlow;

/// The queue of one session. A message is its head and its data, which stays a slice of what the ring brought.
#[derive(Debug, Default)]
pub(crate) struct Output {
    queue: VecDeque<(Bytes, Bytes)>,
    queued_bytes: usize,
    /// Bytes in the runtime's hands, as far as we know.
    handed: usize,
}

impl Output {
    /// Sends or queues a message.
    pub(crate) fn push(
        &mut self,
        session: SessionId,
        head: Bytes,
        data: Bytes,
        config: &Config,
        out: &mut impl Sink<Action>,
    ) -> Result<(), TooSlow> {
        if self.queue.is_empty() && self.handed < WINDOW {
            self.hand(session, head, data, out);
            return Ok(());
        }
        let bytes = self.queued_bytes + head.len() + data.len();
        let slow = self.queue.len() >= config.queue_messages || bytes > config.queue_bytes;
        if slow && !active(Defect::KeepSlowReader) {
            return Err(TooSlow);
        }
        self.queued_bytes = bytes;
        self.queue.push_back((head, data));
        Ok(())
    }

    /// The runtime has nothing left: hands out more.
    pub(crate) fn on_drained(&mut self, session: SessionId, out: &mut impl Sink<Action>) {
        self.handed = 0;
        while self.handed < WINDOW
            && let Some((head, data)) = self.queue.pop_front()
        {
            self.queued_bytes -= head.len() + data.len();
            self.hand(session, head, data, out);
        }
    }

    /// Messages that wait here.
    pub(crate) fn len(&self) -> usize {
        self.queue.len()
    }

    fn hand(&mut self, session: SessionId, head: Bytes, data: Bytes, out: &mut impl Sink<Action>) {
        for bytes in [head, data] {
            if !bytes.is_empty() {
                self.handed += bytes.len();
                out.push(Action::Send { session, bytes });
            }
        }
    }
}
