//! Between the network and the ring, and between the ring and the groups.
//!
//! A datagram is checked here once and from there on it is a frame. Before the leftovers of an earlier life are
//! off this machine's interfaces the node is mute and deaf: whoever shares a configuration with it may count on
//! it having no address that it does not know of.

use alloc::vec::Vec;
use core::net::SocketAddr;

use bytes::Bytes;
use ringfort_config::settings::Dispersal;
use ringfort_evs as evs;
use ringfort_groups as groups;
use ringfort_machine::{
    ConfigurationKind, NodeId, Sink,
    defect::{Defect, active},
};
use ringfort_vip as vip;
use ringfort_wire::Frame;

use crate::{Action, Config, Node, Note, Observation, SealAction, action::Target};

/// Where the members are, and how all of them are reached.
#[derive(Debug)]
pub(crate) struct Peers {
    others: Vec<(NodeId, SocketAddr)>,
    pub(crate) all: Target,
}

impl Peers {
    pub(crate) fn new(config: &Config) -> Self {
        let mut others: Vec<(NodeId, SocketAddr)> = config
            .peers
            .iter()
            .filter(|peer| peer.node != config.node)
            .map(|peer| (peer.node, peer.address))
            .collect();
        others.sort();
        let all = match config.dispersal {
            Dispersal::Unicast => {
                Target::Peers(others.iter().map(|(_, address)| *address).collect())
            }
            Dispersal::Multicast(address) | Dispersal::Broadcast(address) => {
                Target::Multicast(address)
            }
        };
        Self { others, all }
    }

    /// The node whose datagrams come from `address`.
    pub(crate) fn node(&self, address: SocketAddr) -> Option<NodeId> {
        self.others
            .iter()
            .find(|(_, known)| *known == address)
            .map(|(node, _)| *node)
    }

    pub(crate) fn address(&self, node: NodeId) -> Option<SocketAddr> {
        let index = self
            .others
            .binary_search_by_key(&node, |(node, _)| *node)
            .ok()?;
        self.others.get(index).map(|(_, address)| *address)
    }
}

impl Node {
    pub(crate) fn on_datagram(
        &mut self,
        from: SocketAddr,
        bytes: &Bytes,
        out: &mut impl Sink<Action>,
    ) {
        if !self.bus.ready && !active(Defect::SpeakTooEarly) {
            return;
        }
        let frame = match Frame::decode(self.config.cluster, bytes) {
            Ok(frame) => frame,
            Err(why) => {
                out.push(Action::Note(Note::DatagramRefused { from, why }));
                return;
            }
        };
        match self.peers.node(from) {
            Some(node) => self.tell_ring(evs::Event::Frame { from: node, frame }),
            // With multicast our own datagrams may come back; with a changed address a peer may be unknown.
            None => out.push(Action::Note(Note::StrangerHeard { from })),
        }
    }

    pub(crate) fn on_ring(&mut self, action: evs::Action, out: &mut impl Sink<Action>) {
        match action {
            evs::Action::Transmit { to, frame } => self.transmit(to, frame, out),
            evs::Action::Sent {
                number,
                level,
                configuration,
            } => {
                self.observe(out, || Observation::Sent {
                    number,
                    level,
                    configuration,
                });
            }
            evs::Action::Deliver(delivery) => self.on_delivery(delivery, out),
            evs::Action::Install(configuration) => {
                self.observe(out, || Observation::Configuration(configuration.clone()));
                self.bus.on_configuration(&configuration);
                if configuration.kind == ConfigurationKind::Regular {
                    let members = configuration.members.iter();
                    let members = members.map(|member| member.process.node).collect();
                    out.push(Action::Seal(SealAction::Members(members)));
                }
                if configuration.kind == ConfigurationKind::Transitional {
                    self.tell_vip(vip::Event::Transition);
                }
                self.tell_groups(groups::Event::Installed(configuration));
                self.mark_settled();
            }
            evs::Action::Left => self.leaving.ring = true,
            evs::Action::Note(note) => out.push(Action::Note(Note::Ring(note))),
        }
    }

    fn on_delivery(&mut self, delivery: evs::Delivery, out: &mut impl Sink<Action>) {
        let evs::Delivery {
            position,
            sender,
            number,
            level,
            payload,
        } = delivery;
        self.observe(out, || Observation::Delivered {
            position,
            sender,
            number,
            level,
            payload: payload.clone(),
        });
        self.tell_groups(groups::Event::Delivered {
            position,
            sender,
            number,
            level,
            payload,
        });
        self.mark_settled();
    }

    fn transmit(&self, to: evs::Destination, frame: Bytes, out: &mut impl Sink<Action>) {
        if !self.bus.ready && !active(Defect::SpeakTooEarly) {
            return;
        }
        let target = match to {
            evs::Destination::All => Some(self.peers.all.clone()),
            evs::Destination::Node(node) => self.peers.address(node).map(Target::Peer),
        };
        if let Some(to) = target {
            out.push(Action::Datagram { to, bytes: frame });
        }
    }

    /// Tells the simulator, if it listens.
    pub(crate) fn observe(
        &self,
        out: &mut impl Sink<Action>,
        observation: impl FnOnce() -> Observation,
    ) {
        if self.config.observe {
            out.push(Action::Note(Note::Observed(observation())));
        }
    }
}
