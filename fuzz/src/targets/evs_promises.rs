//! The basic promises of extended virtual synchrony (Moser, Amir, Melliar-Smith, Agarwal 1994), checked as
//! actions are made. The simulator's checkers hold all of them; here are those that one look back suffices for:
//! what is delivered was submitted so and comes once, an ordinal names one message, configurations of one name
//! have the same members, contain whoever installs them and alternate as they must.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use bytes::Bytes;
use ringfort_evs::{Action, Delivery};
use ringfort_machine::{
    Configuration, ConfigurationId, ConfigurationKind, Level, Member, ProcessId,
};

type Message = (ProcessId, u64);

/// What was promised so far.
#[derive(Debug, Default)]
pub struct Promises {
    submitted: BTreeMap<Message, (Level, Bytes)>,
    configurations: BTreeMap<ConfigurationId, Arc<[Member]>>,
    ordinals: BTreeMap<(ConfigurationId, u64), Message>,
    members: BTreeMap<ProcessId, One>,
}

/// What one process did.
#[derive(Debug, Default)]
struct One {
    current: Option<Configuration>,
    regular: Option<ConfigurationId>,
    delivered: BTreeSet<Message>,
    last_sent: u64,
    last_ordinal: u64,
    left: bool,
}

impl Promises {
    /// `process` begins its life.
    pub fn begin(&mut self, process: ProcessId) {
        self.members.insert(process, One::default());
    }

    /// A message was taken.
    pub fn submitted(&mut self, process: ProcessId, number: u64, level: Level, payload: Bytes) {
        self.submitted.insert((process, number), (level, payload));
    }

    /// `process` said `action`.
    ///
    /// # Panics
    /// If that breaks a promise.
    pub fn hear(&mut self, process: ProcessId, action: &Action) {
        let one = self.members.entry(process).or_default();
        let note = matches!(action, Action::Note(_));
        assert!(note || !one.left, "{process} left and then said {action:?}");
        match action {
            Action::Sent {
                number,
                level,
                configuration,
            } => {
                assert_eq!(*number, one.last_sent + 1, "{process} sends in order");
                one.last_sent = *number;
                assert_eq!(
                    one.regular,
                    Some(*configuration),
                    "{process} sent elsewhere"
                );
                let submitted = self.submitted.get(&(process, *number));
                assert_eq!(submitted.map(|(level, _)| level), Some(level));
            }
            Action::Deliver(delivery) => self.deliver(process, delivery),
            Action::Install(configuration) => self.install(process, configuration),
            Action::Left => one.left = true,
            Action::Transmit { .. } | Action::Note(_) => {}
        }
    }

    fn deliver(&mut self, process: ProcessId, delivery: &Delivery) {
        let message = (delivery.sender, delivery.number);
        let one = self.members.entry(process).or_default();
        let current = one.current.as_ref().map(|current| current.id);
        assert_eq!(
            current,
            Some(delivery.position.configuration),
            "{process} delivered elsewhere"
        );
        assert!(
            one.delivered.insert(message),
            "{process} delivered {message:?} twice"
        );
        let submitted = self.submitted.get(&message);
        let came = (delivery.level, delivery.payload.clone());
        assert_eq!(
            submitted,
            Some(&came),
            "{process} delivered what nobody submitted"
        );
        let regular = one.regular.expect("a regular configuration comes first");
        let ordinal = delivery.position.ordinal;
        if delivery.level > Level::Reliable {
            assert!(
                ordinal > one.last_ordinal,
                "{process} delivered {ordinal} late"
            );
            one.last_ordinal = ordinal;
        }
        let named = *self.ordinals.entry((regular, ordinal)).or_insert(message);
        assert_eq!(named, message, "two messages are {ordinal} of {regular}");
    }

    fn install(&mut self, process: ProcessId, new: &Configuration) {
        let known = self
            .configurations
            .entry(new.id)
            .or_insert_with(|| new.members.clone());
        assert_eq!(*known, new.members, "{} has two lists of members", new.id);
        assert!(
            new.contains(process),
            "{process} is not in its own {}",
            new.id
        );
        let one = self.members.entry(process).or_default();
        let before = one.current.as_ref();
        match new.kind {
            ConfigurationKind::Regular => {
                assert!(
                    before.is_none_or(|before| before.kind == ConfigurationKind::Transitional
                        && before
                            .members
                            .iter()
                            .all(|member| new.contains(member.process))),
                    "{} follows {before:?}",
                    new.id
                );
                assert!(
                    one.regular
                        .is_none_or(|old| old.ring.sequence < new.id.ring.sequence),
                    "{process} went back to {}",
                    new.id
                );
                one.regular = Some(new.id);
                one.last_ordinal = 0;
            }
            ConfigurationKind::Transitional => {
                assert!(
                    new.follows == one.regular
                        && before.is_some_and(|before| before.kind == ConfigurationKind::Regular
                            && new
                                .members
                                .iter()
                                .all(|member| before.contains(member.process))),
                    "{} follows {before:?}",
                    new.id
                );
            }
        }
        one.current = Some(new.clone());
    }
}
