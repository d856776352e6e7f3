//! The allow-list while the process runs: who comes is greeted, who goes is not heard any more.

use alloc::{collections::BTreeMap, vec::Vec};

use ringfort_machine::{
    Instant, NodeId, Sink,
    defect::{Defect, active},
};

use crate::{Action, Note, PublicKey, Trusted, machine::Seal, peer::Peer};

impl Seal {
    /// Takes a new allow-list. If anybody has gone from it, the epoch ends: the next keys are given to the rest only.
    pub(crate) fn on_trust(
        &mut self,
        trusted: &[Trusted],
        now: Instant,
        out: &mut impl Sink<Action>,
    ) {
        let wanted: BTreeMap<NodeId, PublicKey> = trusted
            .iter()
            .filter(|trusted| trusted.node != self.me.process.node)
            .map(|trusted| (trusted.node, trusted.public))
            .collect();
        let gone: Vec<NodeId> = self
            .peers
            .iter()
            .filter(|(node, peer)| wanted.get(node) != Some(&peer.public))
            .map(|(node, _)| *node)
            .collect();
        for node in &gone {
            out.push(Action::Note(Note::Revoked { node: *node }));
            if active(Defect::KeepRevoked) {
                continue;
            }
            if let Some(peer) = self.peers.remove(node) {
                for id in peer.ids() {
                    self.table.remove(&id);
                }
            }
            self.revoke_streams(*node, now, out);
        }
        for (node, public) in wanted {
            if self.peers.contains_key(&node) {
                continue;
            }
            let trusted = Trusted { node, public };
            if let Some(peer) = Peer::new(&self.me, &trusted, now) {
                self.peers.insert(node, peer);
                out.push(Action::Note(Note::Trusted { node }));
            }
        }
        if !gone.is_empty() {
            self.rotate(self.sending.target() + 1, now, out);
        }
        self.greet_due(now, out);
        self.switch_if_ready(now, out);
    }
}
