//! Address orders of a process: what changes on the interface of its host, exactly when it changes.
//!
//! An order takes effect when the process gives it, as a system call does; what takes a while is the report.
//! An effect that came later would cross a change of the configuration, and no arbiter could prevent that a
//! neighbour met in the meantime has the address too. Reports come in the order of the orders.

use std::{
    net::{IpAddr, Ipv4Addr},
    time::Duration,
};

use ipnet::IpNet;
use ringfort_machine::OrderId;
use ringfort_node::Event;
use ringfort_vip::{AddressAction, AddressError, AddressErrorKind, AddressOutcome};

use super::{Planned, World};
use crate::{fabric::Mac, trace::Kind};

impl World {
    pub(super) fn address_order(&mut self, index: usize, order: OrderId, action: AddressAction) {
        let outcome = match action {
            AddressAction::Survey => {
                let held = &self.hosts[index].held;
                AddressOutcome::Found(held.iter().map(|(vip, on)| (*vip, on.clone())).collect())
            }
            AddressAction::Acquire { address, interface } => {
                self.acquire(index, address, interface)
            }
            AddressAction::Release {
                address,
                interface: _,
            } => {
                self.release(index, address);
                AddressOutcome::Done
            }
            AddressAction::Announce {
                address,
                interface: _,
            } => {
                self.announce(index, address);
                AddressOutcome::Done
            }
        };
        let host = &mut self.hosts[index];
        let most = self.options.address_ns;
        let takes = Duration::from_nanos(host.rng.between(most / 20, most));
        let at = host.addresses_busy_until.max(self.now) + takes;
        host.addresses_busy_until = at;
        let (life, event) = (host.lives, Event::Address { order, outcome });
        self.tempt(index, at.since(self.now));
        self.queue.plan(
            at,
            Planned::Give {
                host: index,
                life,
                event,
            },
        );
    }

    fn acquire(&mut self, index: usize, address: IpNet, interface: String) -> AddressOutcome {
        if interface != super::INTERFACE {
            let detail = format!(
                "{interface}: the only interface here is {}",
                super::INTERFACE
            );
            let kind = AddressErrorKind::NoInterface;
            return AddressOutcome::Failed(AddressError { kind, detail });
        }
        let host = &mut self.hosts[index];
        let (Some(stack), Some(life)) = (&mut host.stack, &host.life) else {
            return AddressOutcome::Done;
        };
        if host.held.contains_key(&address) {
            return AddressOutcome::Done;
        }
        if !stack.add_address(address) {
            let detail = format!("{address}: the interface has it already or has no room for it");
            let kind = AddressErrorKind::Failed;
            return AddressOutcome::Failed(AddressError { kind, detail });
        }
        host.held.insert(address, interface.clone());
        let up = Kind::VipUp {
            vip: address.to_string().into(),
            iface: interface.into(),
        };
        self.recorder.of(self.now, &life.name, up);
        AddressOutcome::Done
    }

    fn release(&mut self, index: usize, address: IpNet) {
        let host = &mut self.hosts[index];
        let (Some(stack), Some(life)) = (&mut host.stack, &host.life) else {
            return;
        };
        if let Some(iface) = host.held.remove(&address) {
            stack.remove_address(address);
            let down = Kind::VipDown {
                vip: address.to_string().into(),
                iface: iface.into(),
            };
            self.recorder.of(self.now, &life.name, down);
        }
    }

    /// Tells every other host on the segment. A real one sends a gratuitous reply to all; the simulated stacks
    /// heed only what is addressed to them.
    fn announce(&mut self, index: usize, address: IpNet) {
        let IpAddr::V4(vip) = address.addr() else {
            return;
        };
        let v4 = |address: IpNet| match address.addr() {
            IpAddr::V4(v4) => v4,
            IpAddr::V6(_) => Ipv4Addr::UNSPECIFIED,
        };
        let mut neighbours: Vec<(Mac, Ipv4Addr)> = self
            .hosts
            .iter()
            .filter(|host| host.stack.is_some())
            .map(|host| (Mac::of_port(host.port), v4(host.base)))
            .collect();
        neighbours.push((self.clients.stack.mac(), v4(self.clients.base)));
        let host = &self.hosts[index];
        let port = host.port;
        let mut frames = Vec::new();
        if let Some(stack) = &host.stack
            && stack.has(address.addr())
        {
            stack.announce(vip, neighbours, &mut frames);
        }
        self.send_frames(port, &mut frames);
    }
}
