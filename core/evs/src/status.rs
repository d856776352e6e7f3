//! What tools are shown of a ring member.

use alloc::{sync::Arc, vec::Vec};
use core::time::Duration;

use ringfort_machine::{Member, ProcessId, RingId};

use crate::Why;

/// A snapshot for tools. Reading it changes nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// The phase: `operational`, `gather`, `commit`, `recovery` or `left`.
    pub state: &'static str,
    /// The ring of the last regular configuration.
    pub ring: RingId,
    /// Its members, ascending.
    pub members: Arc<[Member]>,
    /// The token's rotation time, smoothed; zero until measured.
    pub rotation: Duration,
    /// The time after which the token counts as lost.
    pub token_loss: Duration,
    /// This process has every packet up to here.
    pub aru: u64,
    /// The highest packet known.
    pub seq: u64,
    /// All members have every packet up to here.
    pub stable: u64,
    /// This process has delivered, or passed over, every packet up to here.
    pub delivered: u64,
    /// Packets retained for the others.
    pub retained: usize,
    /// Packets sent again on request since the start.
    pub retransmissions: u64,
    /// Tokens sent again since the start.
    pub token_retransmissions: u64,
    /// Packets this process may send at a visit of the token at present.
    pub window: u32,
    /// Messages waiting to be sent.
    pub outbox_messages: usize,
    /// Their bytes.
    pub outbox_bytes: usize,
    /// Regular configurations since the start, the first included.
    pub changes: u64,
    /// Why membership was last agreed on anew; nothing before the first time.
    pub last_change: Option<Why>,
    /// Times membership was agreed on anew, by reason, in the order of [`Why::ALL`].
    pub reasons: [u64; Why::ALL.len()],
    /// Processes kept out at present.
    pub quarantined: Vec<ProcessId>,
    /// Frames refused since the start.
    pub refused: u64,
}
