//! How many packets a member may send at a visit of the token (Totem 1995, section 5, flow control).
//!
//! The window of a rotation belongs to all members together. Who has much waiting gets more of it, in
//! proportion to what all report; nobody gets more than its personal window, and nobody runs so far ahead of
//! the slowest receiver that the others could not retain what it still needs.

use ringfort_wire::ring::Token;

use crate::Windows;

/// What this member knows of itself at a visit.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Demand {
    /// Packets it sent at the last visit, which the token still counts.
    pub sent_before: u32,
    /// Packets it reported as waiting at the last visit.
    pub backlog_before: u32,
    /// Packets waiting now.
    pub backlog: u32,
}

/// How many packets may be sent, those sent again included. `aru`: what all members, this one included, have.
pub(crate) fn allowance(windows: &Windows, token: &Token, aru: u64, demand: Demand) -> u32 {
    if demand.backlog == 0 {
        return 0;
    }
    let others = token.sent.saturating_sub(demand.sent_before);
    let free = windows.global.saturating_sub(others);
    let total = token
        .backlog
        .saturating_sub(demand.backlog_before)
        .saturating_add(demand.backlog);
    let share = u64::from(windows.global) * u64::from(demand.backlog) / u64::from(total.max(1));
    let ahead = token.seq.saturating_sub(aru);
    let room = u64::from(windows.outstanding).saturating_sub(ahead);
    let share = u32::try_from(share.max(1)).unwrap_or(u32::MAX);
    let room = u32::try_from(room).unwrap_or(u32::MAX);
    windows.personal.min(free).min(share).min(room)
}

#[cfg(test)]
mod tests;
