//! The address service of three processes over a bus that the script drives, each with a platform that does,
//! fails or delays what it is told.
//!
//! Holds that the agreed state of all members of a side is the same, with forged messages too, since those come
//! to all alike; and, until something is forged, that the platform is asked for one thing at a time about an address. That an address is
//! never taken while another member has it is the simulator's to judge: here processes join before they may.

use std::{collections::BTreeMap, net::IpAddr, time::Duration};

use ringfort_machine::{NodeId, OrderId, ProcessId};
use ringfort_vip::{
    Action, AddressAction, AddressConfig, AddressError, AddressErrorKind, AddressOutcome, Body,
    Command, Config, Event, ServiceSet, Vip,
};

use crate::{
    Cursor, Marks, Target,
    bus::{self, Bus, MEMBERS, Ordered, Said, Service, View},
    story::{Story, twice},
};

/// The target.
pub const TARGET: Target = Target {
    name: "vip",
    about: "addresses of three processes through splits, merges and platform failures: one agreed state",
    run,
    limit: 2 * 1024,
    words: &[],
};

/// Plays the input as a script.
///
/// # Panics
/// If something does not hold.
pub fn run(input: &[u8], marks: &mut Marks) {
    twice(input, marks, |script, story| {
        Bus::play(Addresses::default(), script, story)
    });
}

#[derive(Default)]
struct Addresses {
    /// Orders that the platform of each member has not answered, oldest first.
    orders: [Vec<(OrderId, AddressAction)>; MEMBERS],
    /// What is on the interfaces of each member.
    interfaces: [BTreeMap<IpAddr, AddressConfig>; MEMBERS],
    left: [bool; MEMBERS],
    /// Something was forged. A process that hears itself give an address back forgets what it has ordered.
    lied: bool,
    requests: u64,
}

fn address(last: u8, kind: u8) -> AddressConfig {
    AddressConfig {
        address: IpAddr::from([10, 0, 0, last]).into(),
        interface: "eth0".into(),
        names: vec![format!("b{}", kind % 3)],
        services: ServiceSet {
            listener: kind & 4 != 0,
            binding: kind & 8 != 0,
        },
        preference: (kind & 0x30 == 0x10)
            .then(|| NodeId::of_name(bus::name(usize::from(kind) % MEMBERS)))
            .into_iter()
            .collect(),
        follow: (kind & 0x30 == 0x20 && last != 1).then(|| IpAddr::from([10, 0, 0, 1])),
    }
}

fn config(script: Option<&mut Cursor<'_>>) -> Config {
    let mut config = Config {
        mature_time: Duration::from_millis(100),
        balance_interval: Duration::from_millis(300),
        if_check_interval: Duration::from_secs(2),
        broadcast_interval: Duration::from_secs(7),
        ..Config::default()
    };
    if let Some(script) = script {
        config.me_capable = script.byte() % 8 != 0;
        config.balance_set_size = 1 + u32::from(script.byte() % 3);
        let count = script.byte() % 6;
        config.addresses = (1..=count)
            .map(|last| address(last, script.byte()))
            .collect();
    } else {
        config.addresses = (1..=4).map(|last| address(last, 4)).collect();
    }
    config
}

impl Service for Addresses {
    type Machine = Vip;
    type Body = Body;

    fn start(
        &mut self,
        who: usize,
        me: ProcessId,
        story: &Story,
        out: &mut Vec<Said<Self>>,
    ) -> Vip {
        self.left[who] = false;
        self.orders[who].clear(); // the old process is gone, what it put there is not
        Vip::new(me, config(None), story.now(), out).expect("a good configuration")
    }

    fn view(&self, _: usize, view: &View) -> Vec<Event> {
        let installed = Event::View {
            position: view.position,
            members: view.regular.members.to_vec(),
            together: view.together.clone(),
        };
        vec![Event::Transition, installed]
    }

    fn message(&self, message: &Ordered<Body>) -> Option<Event> {
        Some(Event::Message {
            position: message.position,
            from: message.from,
            body: message.body.clone(),
        })
    }

    fn local(&mut self, who: usize, script: &mut Cursor<'_>, _: &Vip) -> Option<Event> {
        match script.byte() % 16 {
            0 => Some(Event::Reload(config(Some(script)))),
            1 => {
                self.requests += 1;
                Some(Event::Command {
                    request: self.requests,
                    command: Command::Move {
                        address: IpAddr::from([10, 0, 0, script.byte() % 6]),
                        to: NodeId::of_name(bus::name(script.below(MEMBERS))),
                    },
                })
            }
            2 => {
                self.requests += 1;
                Some(Event::Command {
                    request: self.requests,
                    command: Command::AnnounceView,
                })
            }
            3 if script.byte().is_multiple_of(4) => Some(Event::Leave),
            4 => Some(Event::Done {
                order: OrderId(script.stranger()),
                outcome: AddressOutcome::Found(Vec::new()),
            }),
            _ => self.answer(who, script),
        }
    }

    fn forged(&mut self, script: &mut Cursor<'_>) -> Option<Body> {
        let (body, _) = postcard::take_from_bytes::<Body>(script.block()).ok()?;
        self.lied = true;
        Some(body)
    }

    fn said(&mut self, who: usize, said: Action) -> Option<Body> {
        match said {
            Action::Publish(body) => return Some(body),
            Action::Order(order, action) => {
                let orders = &mut self.orders[who];
                assert!(
                    self.lied
                        || about(&action).is_none()
                        || orders
                            .iter()
                            .all(|(_, other)| about(other) != about(&action)),
                    "{action:?} while {orders:?}"
                );
                orders.push((order, action));
            }
            Action::Left => self.left[who] = true, // from here on it takes nothing in
            Action::Ready
            | Action::Owned { .. }
            | Action::Disowned { .. }
            | Action::Reply { .. }
            | Action::Note(_) => {}
        }
        None
    }

    fn compare(&mut self, members: &[(usize, &Vip)], _: bool) {
        let here = members.iter().filter(|(who, _)| !self.left[*who]);
        let mut digests = here.filter_map(|(_, member)| member.agreed_digest());
        if let Some(first) = digests.next() {
            assert!(
                digests.all(|other| other == first),
                "what was agreed differs"
            );
        }
    }
}

/// The address that an order is about, if it takes or gives it.
fn about(action: &AddressAction) -> Option<IpAddr> {
    match action {
        AddressAction::Acquire { address, .. } | AddressAction::Release { address, .. } => {
            Some(address.addr())
        }
        AddressAction::Survey | AddressAction::Announce { .. } => None,
    }
}

impl Addresses {
    /// The platform ends an order, well or not.
    fn answer(&mut self, who: usize, script: &mut Cursor<'_>) -> Option<Event> {
        if self.orders[who].is_empty() {
            return None;
        }
        let (order, action) = self.orders[who].remove(0);
        let failed = script.byte().is_multiple_of(8);
        let held = &mut self.interfaces[who];
        let outcome = match (action, failed) {
            (_, true) => AddressOutcome::Failed(AddressError {
                kind: script.pick(&[
                    AddressErrorKind::Denied,
                    AddressErrorKind::NoInterface,
                    AddressErrorKind::Unsupported,
                    AddressErrorKind::Failed,
                ]),
                detail: "as the script says".into(),
            }),
            (AddressAction::Survey, false) => {
                let found = held
                    .values()
                    .map(|one| (one.address, one.interface.clone()));
                AddressOutcome::Found(found.collect())
            }
            (AddressAction::Acquire { address, .. }, false) => {
                let mut one = self::address(0, 0);
                one.address = address;
                held.insert(address.addr(), one);
                AddressOutcome::Done
            }
            (AddressAction::Release { address, .. }, false) => {
                held.remove(&address.addr());
                AddressOutcome::Done
            }
            (AddressAction::Announce { .. }, false) => AddressOutcome::Done,
        };
        Some(Event::Done { order, outcome })
    }
}
