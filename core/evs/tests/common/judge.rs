//! The judge: the properties of extended virtual synchrony (Moser, Amir, Melliar-Smith, Agarwal 1994), checked
//! on the finished logs of all processes. Written from the specification and the trace format, not from the
//! code it judges.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use ringfort_evs::Delivery;
use ringfort_machine::{Configuration, ConfigurationId, ConfigurationKind, Level, ProcessId};

use super::world::{Did, Life};

type Message = (ProcessId, u64);

/// A message as its sender sent it.
struct Sent {
    configuration: ConfigurationId,
    level: Level,
    payload: Bytes,
    /// How many causal messages the sender had delivered in that configuration before.
    causes: usize,
}

/// What one process delivered in one regular configuration and its transitional one.
#[derive(Default)]
struct Stay {
    deliveries: Vec<Delivery>,
    /// The transitional configuration that ended it, if it ended.
    transitional: Option<Configuration>,
    /// The next regular configuration, if there was one.
    next: Option<ConfigurationId>,
}

struct Case<'a> {
    lives: &'a BTreeMap<ProcessId, Life>,
    sent: BTreeMap<Message, Sent>,
    stays: BTreeMap<(ConfigurationId, ProcessId), Stay>,
    configurations: BTreeMap<ConfigurationId, Configuration>,
    complaints: Vec<String>,
}

/// Every violation, in words; none if all is well.
pub fn judge(lives: &BTreeMap<ProcessId, Life>) -> Vec<String> {
    let mut case = Case {
        lives,
        sent: BTreeMap::new(),
        stays: BTreeMap::new(),
        configurations: BTreeMap::new(),
        complaints: Vec::new(),
    };
    for (process, life) in lives {
        case.read(*process, life);
    }
    case.deliveries_match_sends();
    case.one_order();
    case.companions_agree();
    case.no_holes();
    case.causality();
    case.safety();
    case.self_delivery();
    case.complaints
}

impl Case<'_> {
    fn complain(&mut self, text: String) {
        if self.complaints.len() < 20 {
            self.complaints.push(text);
        }
    }

    /// Walks one log: configurations alternate as they must, every event lies in the right one.
    fn read(&mut self, process: ProcessId, life: &Life) {
        let mut current: Option<Configuration> = None;
        let mut regular: Option<ConfigurationId> = None;
        let mut submitted = BTreeMap::new();
        let mut last_sent = 0;
        for (at, did) in &life.log {
            match did {
                Did::Submitted {
                    number,
                    level,
                    payload,
                } => {
                    submitted.insert(*number, (*level, payload.clone()));
                }
                Did::Installed(configuration) => {
                    self.install(process, configuration, current.as_ref(), regular);
                    match configuration.kind {
                        ConfigurationKind::Regular => {
                            if let Some(before) = regular
                                && let Some(stay) = self.stays.get_mut(&(before, process))
                            {
                                stay.next = Some(configuration.id);
                            }
                            self.stays
                                .insert((configuration.id, process), Stay::default());
                            regular = Some(configuration.id);
                        }
                        ConfigurationKind::Transitional => {
                            let stay = regular.and_then(|id| self.stays.get_mut(&(id, process)));
                            if let Some(stay) = stay {
                                stay.transitional = Some(configuration.clone());
                            }
                        }
                    }
                    current = Some(configuration.clone());
                }
                Did::Sent {
                    number,
                    level,
                    configuration,
                } => {
                    let inside = current.as_ref().is_some_and(|c| {
                        c.id == *configuration && c.kind == ConfigurationKind::Regular
                    });
                    if !inside {
                        self.complain(format!(
                            "{at}: {process} sent {number} outside {configuration}"
                        ));
                    }
                    if *number != last_sent + 1 {
                        self.complain(format!("{at}: {process} sent {number} after {last_sent}"));
                    }
                    last_sent = *number;
                    match submitted.get(number) {
                        Some((asked, payload)) if asked == level => {
                            self.send((process, *number), *configuration, *level, payload);
                        }
                        Some(_) | None => {
                            self.complain(format!(
                                "{at}: {process} sent {number}, not submitted so"
                            ));
                        }
                    }
                }
                Did::Delivered(delivery) => {
                    if current.as_ref().map(|c| c.id) != Some(delivery.position.configuration) {
                        self.complain(format!("{at}: {process} delivered outside: {delivery:?}"));
                    }
                    let stay = regular.and_then(|id| self.stays.get_mut(&(id, process)));
                    if let Some(stay) = stay {
                        stay.deliveries.push(delivery.clone());
                    }
                }
            }
        }
    }

    /// Takes note of a send, and of what its sender had delivered before.
    fn send(
        &mut self,
        message: Message,
        configuration: ConfigurationId,
        level: Level,
        payload: &Bytes,
    ) {
        let stay = self.stays.get(&(configuration, message.0));
        let before = stay.into_iter().flat_map(|stay| &stay.deliveries);
        let sent = Sent {
            configuration,
            level,
            payload: payload.clone(),
            causes: before.filter(|d| d.level >= Level::Causal).count(),
        };
        if self.sent.insert(message, sent).is_some() {
            self.complain(format!("{message:?} was sent twice"));
        }
    }

    fn install(
        &mut self,
        process: ProcessId,
        new: &Configuration,
        current: Option<&Configuration>,
        regular: Option<ConfigurationId>,
    ) {
        if !new.contains(process) {
            self.complain(format!("{process} is not in its own {}", new.id));
        }
        if !new.members.is_sorted_by_key(|member| member.process) {
            self.complain(format!("{} is not sorted", new.id));
        }
        match self.configurations.get(&new.id) {
            Some(same) if same.members != new.members => {
                self.complain(format!("{} has two member lists", new.id));
            }
            _ => {
                self.configurations.insert(new.id, new.clone());
            }
        }
        let kinds = (current.map(|c| c.kind), new.kind);
        match kinds {
            (None, ConfigurationKind::Regular) => {}
            (Some(ConfigurationKind::Regular), ConfigurationKind::Transitional) => {
                let current = current.expect("just matched");
                if new.follows != regular
                    || !new.members.iter().all(|m| current.contains(m.process))
                {
                    self.complain(format!(
                        "{} does not follow {} at {process}",
                        new.id, current.id
                    ));
                }
            }
            (Some(ConfigurationKind::Transitional), ConfigurationKind::Regular) => {
                let current = current.expect("just matched");
                if !current.members.iter().all(|m| new.contains(m.process)) {
                    self.complain(format!(
                        "{} lost members of {} at {process}",
                        new.id, current.id
                    ));
                }
                if regular.is_some_and(|before| new.id.ring.sequence <= before.ring.sequence) {
                    self.complain(format!("{} is not above {regular:?} at {process}", new.id));
                }
            }
            _ => self.complain(format!("{} after {kinds:?} at {process}", new.id)),
        }
    }

    /// Delivered implies sent, in the same regular configuration, with the same bytes, and once.
    fn deliveries_match_sends(&mut self) {
        let mut complaints = Vec::new();
        let mut seen: BTreeSet<(ProcessId, Message)> = BTreeSet::new();
        for ((regular, process), stay) in &self.stays {
            for delivery in &stay.deliveries {
                let message = (delivery.sender, delivery.number);
                if !seen.insert((*process, message)) {
                    complaints.push(format!("{process} delivered {message:?} twice"));
                }
                match self.sent.get(&message) {
                    None => complaints.push(format!("{process} delivered {message:?}, never sent")),
                    Some(sent) => {
                        if sent.configuration != *regular {
                            complaints.push(format!(
                                "{process} delivered {message:?} of {} in {regular}",
                                sent.configuration
                            ));
                        }
                        if sent.level != delivery.level || sent.payload != delivery.payload {
                            complaints.push(format!("{process} delivered {message:?} changed"));
                        }
                    }
                }
            }
        }
        complaints.into_iter().for_each(|text| self.complain(text));
    }

    /// One ordinal for each message of a regular configuration, and deliveries ascend in it.
    fn one_order(&mut self) {
        let mut complaints = Vec::new();
        let mut ordinals: BTreeMap<(ConfigurationId, u64), Message> = BTreeMap::new();
        let mut places: BTreeMap<Message, u64> = BTreeMap::new();
        for ((regular, process), stay) in &self.stays {
            let mut last = 0;
            for delivery in &stay.deliveries {
                let (message, ordinal) = (
                    (delivery.sender, delivery.number),
                    delivery.position.ordinal,
                );
                let other = ordinals.entry((*regular, ordinal)).or_insert(message);
                if *other != message || *places.entry(message).or_insert(ordinal) != ordinal {
                    complaints.push(format!(
                        "{message:?} and {other:?} share {ordinal} of {regular}"
                    ));
                }
                if delivery.level > Level::Reliable {
                    if ordinal <= last {
                        complaints.push(format!(
                            "{process} delivered {ordinal} after {last} in {regular}"
                        ));
                    }
                    last = ordinal;
                }
            }
        }
        complaints.into_iter().for_each(|text| self.complain(text));
    }

    /// Who moves on together has delivered the same.
    fn companions_agree(&mut self) {
        let mut sets: BTreeMap<ConfigurationId, (ProcessId, BTreeSet<Message>, BTreeSet<Message>)> =
            BTreeMap::new();
        let mut complaints = Vec::new();
        for ((_, process), stay) in &self.stays {
            let Some(transitional) = stay.transitional.as_ref().filter(|_| stay.next.is_some())
            else {
                continue;
            };
            let messages = |regular: bool| -> BTreeSet<Message> {
                let inside = stay.deliveries.iter().filter(|d| {
                    !regular
                        || (d.level > Level::Reliable && d.position.configuration.from.is_none())
                });
                inside.map(|d| (d.sender, d.number)).collect()
            };
            let (all, before) = (messages(false), messages(true));
            match sets.get(&transitional.id) {
                None => {
                    sets.insert(transitional.id, (*process, all, before));
                }
                Some((other, theirs, theirs_before)) => {
                    if *theirs != all {
                        let difference: Vec<_> =
                            theirs.symmetric_difference(&all).take(3).collect();
                        complaints.push(format!(
                            "{process} and {other} move along {} with different messages: {difference:?}",
                            transitional.id
                        ));
                    } else if *theirs_before != before {
                        complaints.push(format!(
                            "{process} and {other} split {} differently",
                            transitional.id
                        ));
                    }
                }
            }
        }
        complaints.into_iter().for_each(|text| self.complain(text));
    }

    /// Whoever delivers a message has delivered all earlier ones from members of the configuration it is in.
    fn no_holes(&mut self) {
        let mut by_regular: BTreeMap<ConfigurationId, BTreeMap<u64, Message>> = BTreeMap::new();
        for ((regular, _), stay) in &self.stays {
            let order = by_regular.entry(*regular).or_default();
            for d in stay.deliveries.iter().filter(|d| d.level > Level::Reliable) {
                order.insert(d.position.ordinal, (d.sender, d.number));
            }
        }
        let mut complaints = Vec::new();
        for ((regular, process), stay) in &self.stays {
            let mut remaining = by_regular[regular].iter().peekable();
            for delivery in stay.deliveries.iter().filter(|d| d.level > Level::Reliable) {
                let Some(configuration) = self.configurations.get(&delivery.position.configuration)
                else {
                    continue; // complained of already
                };
                while let Some((_, (sender, number))) =
                    remaining.next_if(|(ordinal, _)| **ordinal < delivery.position.ordinal)
                {
                    if configuration.contains(*sender) {
                        complaints.push(format!(
                            "{process} passed over ({sender}, {number}) in {}",
                            configuration.id
                        ));
                    }
                }
                remaining.next_if(|(ordinal, _)| **ordinal == delivery.position.ordinal);
            }
        }
        complaints.into_iter().for_each(|text| self.complain(text));
    }

    /// Nothing comes before its causes, nor before what its sender sent earlier.
    fn causality(&mut self) {
        let mut complaints = Vec::new();
        let mut sent_by: BTreeMap<(ConfigurationId, ProcessId), Vec<(u64, Level)>> =
            BTreeMap::new();
        for ((sender, number), sent) in &self.sent {
            sent_by
                .entry((sent.configuration, *sender))
                .or_default()
                .push((*number, sent.level));
        }
        for ((regular, process), stay) in &self.stays {
            let mut delivered: BTreeSet<Message> = BTreeSet::new();
            for delivery in &stay.deliveries {
                let (sender, number) = (delivery.sender, delivery.number);
                let needs = delivery.level > Level::Reliable;
                if let Some(earlier) = sent_by.get(&(*regular, sender)).filter(|_| needs) {
                    for (before, level) in earlier.iter().take_while(|(before, _)| *before < number)
                    {
                        if *level > Level::Reliable && !delivered.contains(&(sender, *before)) {
                            complaints.push(format!(
                                "{process} delivered {sender} {number} before {before}"
                            ));
                        }
                    }
                }
                let causes = self
                    .sent
                    .get(&(sender, number))
                    .map_or(0, |sent| sent.causes);
                if delivery.level >= Level::Causal && sender != *process {
                    let theirs = self.stays.get(&(*regular, sender));
                    let causal = theirs.into_iter().flat_map(|stay| &stay.deliveries);
                    for cause in causal.filter(|d| d.level >= Level::Causal).take(causes) {
                        if !delivered.contains(&(cause.sender, cause.number)) {
                            complaints.push(format!(
                                "{process} delivered ({sender}, {number}) before its cause ({}, {})",
                                cause.sender, cause.number
                            ));
                        }
                    }
                }
                delivered.insert((sender, number));
            }
        }
        complaints.into_iter().for_each(|text| self.complain(text));
    }

    /// A safe message delivered by one is delivered by all members of that configuration that do not end.
    fn safety(&mut self) {
        let mut complaints = Vec::new();
        let mut delivered: BTreeMap<(ConfigurationId, ProcessId), BTreeSet<Message>> =
            BTreeMap::new();
        for (key, stay) in &self.stays {
            delivered.insert(
                *key,
                stay.deliveries
                    .iter()
                    .map(|d| (d.sender, d.number))
                    .collect(),
            );
        }
        for ((regular, process), stay) in &self.stays {
            for delivery in stay.deliveries.iter().filter(|d| d.level == Level::Safe) {
                let Some(configuration) = self.configurations.get(&delivery.position.configuration)
                else {
                    continue; // complained of already
                };
                let message = (delivery.sender, delivery.number);
                for member in configuration.members.iter() {
                    let key = (*regular, member.process);
                    let Some(theirs) = self.stays.get(&key) else {
                        complaints.push(format!(
                            "{process} delivered safe {message:?} in {regular}, which {} never installed",
                            member.process
                        ));
                        continue;
                    };
                    let fails = self.lives[&member.process].ended && theirs.next.is_none();
                    let still_there = theirs.next.is_none();
                    if !fails && !still_there && !delivered[&key].contains(&message) {
                        complaints.push(format!(
                            "{process} delivered safe {message:?} in {}, {} never did",
                            configuration.id, member.process
                        ));
                    }
                }
            }
        }
        complaints.into_iter().for_each(|text| self.complain(text));
    }

    /// Who sends a message delivers it before the next regular configuration.
    fn self_delivery(&mut self) {
        let mut complaints = Vec::new();
        for ((sender, number), sent) in &self.sent {
            let stay = &self.stays[&(sent.configuration, *sender)];
            let own = |d: &Delivery| d.sender == *sender && d.number == *number;
            if stay.next.is_some() && !stay.deliveries.iter().any(own) {
                complaints.push(format!("{sender} never delivered its own {number}"));
            }
        }
        complaints.into_iter().for_each(|text| self.complain(text));
    }
}
