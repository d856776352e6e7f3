//! A total order without a ring, for the machines above it: members on sides, messages in one order on each
//! side, and a view at the same place for all who move together.
//!
//! The script says whose message is ordered next, who hears of it when, who is on which side, and who starts
//! anew. The rules of extended virtual synchrony are kept: before a view, all who come from one side have heard
//! the same. What may vary within them does. On request the bus also orders messages that nobody sent; they come
//! to all members alike, so that what all must agree on they must still agree on.

use std::{collections::VecDeque, fmt::Debug};

use ringfort_machine::{
    Configuration, ConfigurationId, ConfigurationKind, Incarnation, Machine, Member, NodeId,
    Position, ProcessId, RingId, SubclusterId,
};

use crate::{
    Cursor,
    story::{Bench, Story},
};

/// Members of a bus.
pub const MEMBERS: usize = 3;
/// Messages of one member that wait for their place, at most. A member that says more than is ordered loses
/// nothing: everything that waits is ordered first.
const WAITING: usize = 256;
/// Steps of a script at most.
const STEPS: usize = 800;

/// The name of a member's node.
pub const fn name(who: usize) -> &'static str {
    ["n1", "n2", "n3"][who]
}

/// The process of a member in its life number `life`.
pub fn process(who: usize, life: u64) -> ProcessId {
    ProcessId::new(NodeId::of_name(name(who)), Incarnation(life))
}

/// A view, as the machines above the ring come to know it.
#[derive(Clone, Debug)]
pub struct View {
    /// Its place: ordinal 0 of its configuration.
    pub position: Position,
    /// The regular configuration.
    pub regular: Configuration,
    /// The transitional one before it; none in the first view of a life.
    pub transitional: Option<Configuration>,
    /// Those who came along with the receiver, ascending, itself included.
    pub together: Vec<ProcessId>,
}

/// One ordered message.
#[derive(Clone, Debug)]
pub struct Ordered<B> {
    /// Its place.
    pub position: Position,
    /// Its sender.
    pub from: ProcessId,
    /// Its number at the sender.
    pub number: u64,
    /// What it says.
    pub body: B,
}

/// A kind of machine on the bus, and everything around it that is not the bus.
pub trait Service {
    /// The machine.
    type Machine: Machine<Action: Debug>;
    /// What it publishes.
    type Body: Clone + Debug;

    /// Starts the machine of member `who`. What it says goes into `out`.
    fn start(
        &mut self,
        who: usize,
        me: ProcessId,
        story: &Story,
        out: &mut Vec<Said<Self>>,
    ) -> Self::Machine;

    /// The events of a view.
    fn view(&self, who: usize, view: &View) -> Vec<Event<Self>>;

    /// The event of a message; nothing if it is not for the machine.
    fn message(&self, message: &Ordered<Self::Body>) -> Option<Event<Self>>;

    /// Something from the script: an event for member `who`, or nothing.
    fn local(
        &mut self,
        who: usize,
        script: &mut Cursor<'_>,
        machine: &Self::Machine,
    ) -> Option<Event<Self>>;

    /// A message that nobody sent, sound enough to come through the codec.
    fn forged(&mut self, script: &mut Cursor<'_>) -> Option<Self::Body>;

    /// What member `who` said: a message to be ordered, or something for the surroundings.
    fn said(&mut self, who: usize, said: Said<Self>) -> Option<Self::Body>;

    /// All members of one side have heard the same. Whatever they must agree on is to be compared here.
    fn compare(&mut self, members: &[(usize, &Self::Machine)], forged: bool);
}

/// What the machine of a service says.
pub type Said<S> = <<S as Service>::Machine as Machine>::Action;
/// What happens to the machine of a service.
pub type Event<S> = <<S as Service>::Machine as Machine>::Event;

/// One side: its configuration and what was ordered in it.
struct Side<B> {
    configuration: Configuration,
    order: Vec<Ordered<B>>,
}

/// One member.
struct Seat<S: Service> {
    bench: Bench<S::Machine>,
    me: ProcessId,
    life: u64,
    waiting: VecDeque<S::Body>,
    numbered: u64,
    side: usize,
    heard: usize,
}

/// The bus and its members.
pub struct Bus<S: Service> {
    service: S,
    seats: Vec<Seat<S>>,
    sides: Vec<Side<S::Body>>,
    rings: u64,
    forged: bool,
}

impl<S: Service> Bus<S> {
    /// Plays a script with members of `service`.
    pub fn play(service: S, script: &mut Cursor<'_>, story: &mut Story) {
        let mut bus = Self {
            service,
            seats: Vec::new(),
            sides: Vec::new(),
            rings: 0,
            forged: false,
        };
        for who in 0..MEMBERS {
            let (seat, said) = bus.begin(who, 1, story);
            bus.seats.push(seat);
            bus.join_alone(who, said, story);
        }
        for _ in 0..STEPS {
            if script.is_empty() {
                break;
            }
            bus.step(script, story);
        }
        bus.hear_all(story);
    }

    fn step(&mut self, script: &mut Cursor<'_>, story: &mut Story) {
        let choice = script.byte() % 16;
        match choice {
            0 => {
                story.pass(script);
                self.wake_all(story);
            }
            1 => self.go_on(story),
            2 | 3 => {
                let who = script.below(MEMBERS);
                self.order(who);
            }
            4 => {
                let who = script.below(MEMBERS);
                self.hear(who, story);
            }
            5 | 6 => {
                for _ in 0..=script.below(4) {
                    self.order_all();
                    self.hear_all(story);
                }
            }
            7 => {
                let sides = script.byte();
                self.regroup(sides, story);
            }
            8 => {
                let who = script.below(MEMBERS);
                self.restart(who, story);
            }
            9 => self.forge(script),
            10 => {
                let who = script.below(MEMBERS);
                self.seats[who].bench.wake_early(story);
            }
            _ => {
                let who = script.below(MEMBERS);
                let machine = &self.seats[who].bench.machine;
                if let Some(event) = self.service.local(who, script, machine) {
                    self.feed(who, event, story);
                }
            }
        }
        story.mark(choice);
    }

    fn begin(&mut self, who: usize, life: u64, story: &mut Story) -> (Seat<S>, Vec<Said<S>>) {
        let me = process(who, life);
        let mut said = Vec::new();
        let machine = self.service.start(who, me, story, &mut said);
        let seat = Seat {
            bench: Bench::new(who, machine, &said, story),
            me,
            life,
            waiting: VecDeque::new(),
            numbered: 0,
            side: usize::MAX,
            heard: 0,
        };
        (seat, said)
    }

    /// A member that has just begun gets a view of itself alone.
    fn join_alone(&mut self, who: usize, said: Vec<Said<S>>, story: &mut Story) {
        self.follow(who, said);
        self.install(&[who], story);
    }

    fn restart(&mut self, who: usize, story: &mut Story) {
        self.hear_all(story);
        let (old, life) = (self.seats[who].side, self.seats[who].life + 1);
        let (seat, said) = self.begin(who, life, story);
        self.seats[who] = seat;
        let left: Vec<usize> = (0..MEMBERS)
            .filter(|other| self.seats[*other].side == old)
            .collect();
        self.join_alone(who, said, story);
        self.install(&left, story);
    }

    /// Divides the members anew: two bits of `sides` for each.
    fn regroup(&mut self, sides: u8, story: &mut Story) {
        self.hear_all(story);
        let side = |who: usize| (sides >> (2 * who)) & 3;
        for number in 0..4 {
            let members: Vec<usize> = (0..MEMBERS).filter(|who| side(*who) == number).collect();
            self.install(&members, story);
        }
    }

    /// Gives `members` a new configuration. All of them have heard everything on their old sides.
    fn install(&mut self, members: &[usize], story: &mut Story) {
        if members.is_empty() {
            return;
        }
        self.rings += 1;
        let mut all: Vec<Member> = members
            .iter()
            .map(|who| member(self.seats[*who].me))
            .collect();
        all.sort_by_key(|member| member.process);
        let ring = RingId {
            sequence: self.rings,
            representative: all[0].process,
        };
        let regular = Configuration {
            id: ConfigurationId::regular(ring),
            kind: ConfigurationKind::Regular,
            members: all.into(),
            follows: None,
        };
        let views: Vec<View> = members
            .iter()
            .map(|who| self.view_of(*who, members, &regular))
            .collect();
        self.sides.push(Side {
            configuration: regular,
            order: Vec::new(),
        });
        for (who, view) in members.iter().zip(views) {
            self.seats[*who].side = self.sides.len() - 1;
            self.seats[*who].heard = 0;
            for event in self.service.view(*who, &view) {
                self.feed(*who, event, story);
            }
        }
    }

    fn view_of(&self, who: usize, members: &[usize], regular: &Configuration) -> View {
        let side = self.seats[who].side;
        let mut together: Vec<Member> = members
            .iter()
            .filter(|other| {
                self.seats[**other].side == side && side != usize::MAX || **other == who
            })
            .map(|other| member(self.seats[*other].me))
            .collect();
        together.sort_by_key(|member| member.process);
        let old = self.sides.get(side).map(|old| old.configuration.id);
        let transitional = old.map(|old| Configuration {
            id: ConfigurationId::transitional(old.ring, regular.id.ring),
            kind: ConfigurationKind::Transitional,
            members: together.clone().into(),
            follows: Some(old),
        });
        View {
            position: Position {
                configuration: regular.id,
                ordinal: 0,
            },
            regular: regular.clone(),
            transitional,
            together: together.into_iter().map(|member| member.process).collect(),
        }
    }

    /// The oldest waiting message of `who` gets its place.
    fn order(&mut self, who: usize) {
        let seat = &mut self.seats[who];
        if let Some(body) = seat.waiting.pop_front() {
            seat.numbered += 1;
            let (from, number, side) = (seat.me, seat.numbered, seat.side);
            self.place(side, from, number, body);
        }
    }

    fn place(&mut self, side: usize, from: ProcessId, number: u64, body: S::Body) {
        let side = &mut self.sides[side];
        let position = Position {
            configuration: side.configuration.id,
            ordinal: side.order.len() as u64 + 1,
        };
        side.order.push(Ordered {
            position,
            from,
            number,
            body,
        });
    }

    fn order_all(&mut self) {
        for who in 0..MEMBERS {
            for _ in 0..self.seats[who].waiting.len() {
                self.order(who);
            }
        }
    }

    /// `who` hears the next message of its side, if there is one.
    fn hear(&mut self, who: usize, story: &mut Story) -> bool {
        let seat = &mut self.seats[who];
        let Some(next) = self.sides[seat.side].order.get(seat.heard).cloned() else {
            return false;
        };
        seat.heard += 1;
        if let Some(event) = self.service.message(&next) {
            self.feed(who, event, story);
        }
        true
    }

    /// Everybody hears everything that has its place; then sides are compared.
    fn hear_all(&mut self, story: &mut Story) {
        for who in 0..MEMBERS {
            while self.hear(who, story) {}
        }
        let mut sides: Vec<usize> = self.seats.iter().map(|seat| seat.side).collect();
        sides.dedup();
        for side in sides {
            let seats = self.seats.iter().enumerate();
            let machines: Vec<(usize, &S::Machine)> = seats
                .filter(|(_, seat)| seat.side == side)
                .map(|(who, seat)| (who, &seat.bench.machine))
                .collect();
            self.service.compare(&machines, self.forged);
        }
    }

    /// A message in the name of a member of some side, which that member did not send.
    fn forge(&mut self, script: &mut Cursor<'_>) {
        let (at, from) = (script.below(MEMBERS), script.below(MEMBERS));
        if let Some(body) = self.service.forged(script) {
            self.forged = true;
            let (side, from) = (self.seats[at].side, self.seats[from].me);
            if self.sides[side].configuration.contains(from) {
                self.place(side, from, u64::from(script.byte()) + 1, body);
            }
        }
    }

    fn wake_all(&mut self, story: &mut Story) {
        for who in 0..MEMBERS {
            let said = self.seats[who].bench.wake(story);
            self.follow(who, said);
        }
    }

    /// On to what is due next.
    fn go_on(&mut self, story: &mut Story) {
        if let Some(due) = self.seats.iter().filter_map(|seat| seat.bench.due()).min() {
            story.pass_to(due);
        }
        self.wake_all(story);
    }

    fn feed(&mut self, who: usize, event: Event<S>, story: &mut Story) {
        let said = self.seats[who].bench.feed(event, story);
        self.follow(who, said);
    }

    fn follow(&mut self, who: usize, said: Vec<Said<S>>) {
        for said in said {
            if let Some(body) = self.service.said(who, said) {
                let waiting = &mut self.seats[who].waiting;
                waiting.push_back(body);
                if waiting.len() > WAITING {
                    self.order(who);
                }
            }
        }
    }
}

const fn member(process: ProcessId) -> Member {
    Member {
        process,
        subcluster: SubclusterId(1),
    }
}
