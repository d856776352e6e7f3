//! Configurations: who is lost, who merges, and what becomes of a merge that is cut short. The idea is told at
//! [`Groups`].

use alloc::{collections::BTreeMap, vec::Vec};

use ringfort_machine::{
    Configuration, ConfigurationKind, Instant, Level, ProcessId, Sink,
    defect::{self, Defect},
};
use ringfort_wire::group::{self, Body, Control};

use crate::{
    Action, Cause, Groups, Note,
    exchange::{self, Accepted, Exchange, Held, Passage},
    order::Place,
};

impl Groups {
    pub(crate) fn installed(
        &mut self,
        now: Instant,
        configuration: Configuration,
        out: &mut impl Sink<Action>,
    ) {
        match (configuration.kind, &mut self.exchange) {
            (ConfigurationKind::Transitional, Some(exchange)) => {
                self.in_transition = true;
                exchange.held.push_back(Held::Transitional(configuration));
            }
            (ConfigurationKind::Transitional, None) => {
                self.in_transition = true;
                self.part(&configuration, out);
            }
            (ConfigurationKind::Regular, _) => {
                self.in_transition = false;
                self.abandon(out);
                self.begin(now, &configuration, out);
            }
        }
    }

    /// Passes a transitional configuration: some are lost, and until the next network view the order holds
    /// among the rest only.
    fn part(&mut self, configuration: &Configuration, out: &mut impl Sink<Action>) {
        let place = Place {
            configuration: configuration.id,
            side: None,
        };
        self.place = Some(place);
        let parts = !defect::active(Defect::ForgetParting);
        self.together
            .retain(|process| configuration.contains(*process) || !parts);
        for group in self.roster.groups_reaching_beyond(&self.together) {
            let members = self.roster.members(&group);
            let staying = members
                .iter()
                .filter(|m| self.together.contains(&m.process));
            let staying = staying.cloned().collect();
            let (id, position) = (place.view_id(0), place.beginning());
            self.show(&group, id, position, staying, Cause::Transitional, out);
        }
    }

    /// Enters a regular configuration.
    fn begin(&mut self, now: Instant, configuration: &Configuration, out: &mut impl Sink<Action>) {
        self.together
            .retain(|process| configuration.contains(*process));
        let place = Place {
            configuration: configuration.id,
            side: None,
        };
        if self.together.len() == configuration.members.len() {
            self.place = Some(place);
            self.drop_lost(out);
            self.release(out);
            return;
        }
        let side = self.side();
        if let Some(place) = &mut self.place {
            place.side = (!defect::active(Defect::ForgetSide)).then_some(side);
            self.drop_lost(out);
        }
        let own = self.roster.memberships(self.config.me);
        let bytes = self.config.limits.state_part_bytes;
        for part in exchange::parts(configuration.id, side, own, bytes) {
            out.push(Action::Submit {
                level: Level::Agreed,
                payload: group::encode_control(&part),
            });
        }
        let warn_at = now + self.config.merge_warning;
        self.exchange = Some(Exchange::new(configuration, warn_at));
        out.push(Action::Note(Note::MergeBegan {
            members: configuration.members.len(),
            together: self.together.len(),
        }));
    }

    /// The smallest of those who are together: the name of this side.
    fn side(&self) -> ProcessId {
        let smallest = self.together.first().copied();
        smallest.unwrap_or(self.config.me)
    }

    /// Takes those out of the roster who did not come along, and says so.
    fn drop_lost(&mut self, out: &mut impl Sink<Action>) {
        let affected = self.roster.groups_reaching_beyond(&self.together);
        if !defect::active(Defect::KeepDeadMember) {
            self.roster.retain(&self.together);
        }
        self.base.clone_from(&self.together);
        let side = self.side();
        let sides: BTreeMap<_, _> = self.together.iter().map(|p| (*p, side)).collect();
        for group in affected {
            self.show_network(&group, &sides, out);
        }
    }

    /// All states are known: the configuration begins.
    fn complete(&mut self, exchange: Exchange, out: &mut impl Sink<Action>) {
        self.place = Some(Place {
            configuration: exchange.configuration,
            side: None,
        });
        let watched = self.clients.watched();
        let before: Vec<_> = watched.iter().map(|g| self.roster.members(g)).collect();
        self.roster = exchange.roster(self.config.me);
        let sides = exchange.sides();
        for (group, before) in watched.iter().zip(before) {
            if before != self.roster.members(group) {
                self.show_network(group, &sides, out);
            }
        }
        self.base = exchange.members();
        self.together.clone_from(&self.base);
        out.push(Action::Note(Note::MergeCompleted {
            clients: self.roster.clients(),
            held: exchange.held.len(),
        }));
        for held in exchange.held {
            match held {
                Held::Message(_) if defect::active(Defect::DropHeld) => {}
                Held::Message(passage) => self.replay(&passage, out),
                Held::Transitional(configuration) => self.part(&configuration, out),
            }
        }
        self.release(out);
    }

    /// A configuration ends while its states are not all known: this side goes on by itself.
    fn abandon(&mut self, out: &mut impl Sink<Action>) {
        let Some(exchange) = self.exchange.take() else {
            return;
        };
        let mut last = exchange.configuration;
        for held in &exchange.held {
            match held {
                Held::Message(_) => {}
                Held::Transitional(configuration) => {
                    last = configuration.id;
                    self.together
                        .retain(|process| configuration.contains(*process));
                }
            }
        }
        self.place = Some(Place {
            configuration: last,
            side: Some(self.side()),
        });
        self.drop_lost(out);
        out.push(Action::Note(Note::MergeAbandoned {
            held: exchange.held.len(),
        }));
        for held in &exchange.held {
            match held {
                Held::Message(passage) => self.replay(passage, out),
                Held::Transitional(_) => {} // those it lost are out already
            }
        }
    }

    fn replay(&mut self, passage: &Passage, out: &mut impl Sink<Action>) {
        if let Some(body) = Self::understand(passage, out) {
            self.pass(passage, body, out);
        }
    }

    pub(crate) fn delivered(&mut self, passage: Passage, out: &mut impl Sink<Action>) {
        let Some(body) = Self::understand(&passage, out) else {
            return;
        };
        let Some(exchange) = &mut self.exchange else {
            self.pass(&passage, body, out);
            return;
        };
        let sender = passage.sender;
        let accepted = match body {
            Body::Control(Control::State(state)) => {
                let part = state.part;
                (exchange.accept(sender, state), part)
            }
            Body::Control(_) | Body::Message(_) => {
                exchange.held.push_back(Held::Message(passage));
                return;
            }
        };
        match accepted {
            (Accepted::Wanting, _) => {}
            (Accepted::Completed, _) => {
                if let Some(exchange) = self.exchange.take() {
                    self.complete(exchange, out);
                }
            }
            (Accepted::Stale, _) => out.push(Action::Note(Note::StaleState { sender })),
            (Accepted::OutOfSequence, part) => {
                out.push(Action::Note(Note::StateOutOfSequence { sender, part }));
            }
        }
    }

    pub(crate) fn warn(&mut self, now: Instant, out: &mut impl Sink<Action>) {
        if let Some(exchange) = &mut self.exchange
            && exchange.warn_at <= now
        {
            exchange.warn_at = now + self.config.merge_warning;
            let missing = exchange.missing();
            out.push(Action::Note(Note::MergeWaiting { missing }));
        }
    }
}
