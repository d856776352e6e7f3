//! Putting cut messages together. Fed in the total order, so each sender has at most one message in pieces,
//! and a piece that does not continue it means that the sender has begun anew.

use alloc::{collections::BTreeMap, vec::Vec};

use bytes::{Bytes, BytesMut};
use ringfort_machine::{
    ProcessId,
    defect::{Defect, active},
};
use ringfort_wire::ring::{Cut, Item};

#[derive(Debug)]
struct Partial {
    number: u64,
    total: u32,
    bytes: BytesMut,
}

/// The messages of one ring that are still in pieces, at most one for each member.
#[derive(Debug, Default)]
pub(crate) struct Assembler(BTreeMap<ProcessId, Partial>);

impl Assembler {
    /// Takes the next piece of `sender` in the order; returns the message if it is complete.
    pub(crate) fn feed(&mut self, sender: ProcessId, cut: Cut, item: &Item) -> Option<Bytes> {
        let is_last = cut.ends_with(item.payload.len());
        if cut.offset == 0 {
            let partial = Partial {
                number: item.number,
                total: cut.total,
                // At most one message of the largest size for each member.
                bytes: BytesMut::with_capacity(cut.total as usize),
            };
            self.0.insert(sender, partial);
        }
        let partial = self.0.get_mut(&sender)?;
        let continues = partial.number == item.number
            && partial.total == cut.total
            && partial.bytes.len() == cut.offset as usize;
        if !continues {
            self.0.remove(&sender);
            return None;
        }
        if !(is_last && active(Defect::DropLastFragment)) {
            partial.bytes.extend_from_slice(&item.payload);
        }
        if is_last {
            return self.0.remove(&sender).map(|whole| whole.bytes.freeze());
        }
        None
    }

    /// Forgets what is in pieces, and says whose it was.
    pub(crate) fn clear(&mut self) -> Vec<ProcessId> {
        let senders = self.0.keys().copied().collect();
        self.0.clear();
        senders
    }

    /// Sender and bytes so far of each message in pieces.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (ProcessId, usize)> + '_ {
        self.0
            .iter()
            .map(|(sender, partial)| (*sender, partial.bytes.len()))
    }
}
