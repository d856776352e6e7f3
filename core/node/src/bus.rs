//! Between the group layer and the services: which client of the groups is which service, what they publish,
//! and what waits for room in the ring's outbox.
//!
//! The node's services are clients of the group layer like any other (docs/adr/0008). Publications and
//! submissions wait in first-in first-out queues; the services bound what they publish, local clients are
//! refused before the queue is long.

use alloc::{collections::VecDeque, sync::Arc, vec::Vec};

use bytes::Bytes;
use ringfort_evs as evs;
use ringfort_groups::{
    self as groups, Cause, ClientEvent, ClientId, ClientName, Command, GroupName, View,
};
use ringfort_machine::{
    Configuration, ConfigurationId, ConfigurationKind, Digest, Level, Machine, Member, Position,
    ProcessId, Sink,
};
use ringfort_replication as replication;
use ringfort_vip as vip;
use ringfort_wire::{
    DecodeError, body,
    roster::Introduction,
    service::{self, Service},
};

use crate::{Action, Config, Halt, Node, Note, Observation, SealAction, clients::session_of};

/// Clients of embedding programs have this number or a higher one, below [`crate::FIRST_SESSION`].
pub const FIRST_CLIENT: u64 = 16;

const CLUSTER: ClientId = ClientId(1);
const SHARED: ClientId = ClientId(2);
const CONSOLE: ClientId = ClientId(3);

/// Messages that may wait for the ring before local clients are refused.
const CLIENTS_WAIT: usize = 1024;
/// Messages that may wait at all. The services bound what they publish, so this is never reached unless the
/// ring stands still for very long; then a restart is safer than a forgotten message.
const ALL_WAIT: usize = 65_536;

/// A service as a client of the group layer.
#[derive(Debug)]
struct Seat {
    client: ClientId,
    group: GroupName,
    /// The members by the last view of the group.
    shown: Vec<ProcessId>,
    /// Those of the last view that the service was told who have come along ever since.
    came: Vec<ProcessId>,
    /// The service has not yet been told a view of the present configuration.
    behind: bool,
}

/// What waits, and who the members are.
#[derive(Debug)]
pub(crate) struct Bus {
    /// Whether the node may be seen and heard in the cluster.
    pub(crate) ready: bool,
    /// The members of the last regular configuration.
    pub(crate) members: Arc<[Member]>,
    /// The regular configuration; none between a transitional one and the next.
    pub(crate) regular: Option<ConfigurationId>,
    /// The last configuration of either kind.
    pub(crate) configuration: Option<ConfigurationId>,
    seats: [Seat; 3],
    publications: VecDeque<(ClientId, Service, Bytes)>,
    submissions: VecDeque<(Level, Bytes)>,
    submission_bytes: usize,
}

impl Bus {
    pub(crate) fn new(config: &Config) -> Self {
        let seat = |client, group: &GroupName| Seat {
            client,
            group: group.clone(),
            shown: Vec::new(),
            came: Vec::new(),
            behind: true,
        };
        Self {
            ready: false,
            members: Arc::from([]),
            regular: None,
            configuration: None,
            seats: [
                seat(CLUSTER, &config.cluster_group),
                seat(SHARED, &config.shared_group),
                seat(CONSOLE, &config.control_group),
            ],
            publications: VecDeque::new(),
            submissions: VecDeque::new(),
            submission_bytes: 0,
        }
    }

    /// The groups of the services, for display.
    pub(crate) fn groups(&self) -> impl Iterator<Item = &GroupName> {
        self.seats.iter().map(|seat| &seat.group)
    }

    fn group(&self, client: ClientId) -> Option<&GroupName> {
        self.seats
            .iter()
            .find(|seat| seat.client == client)
            .map(|seat| &seat.group)
    }

    /// The ring has entered a configuration.
    pub(crate) fn on_configuration(&mut self, configuration: &Configuration) {
        self.configuration = Some(configuration.id);
        match configuration.kind {
            ConfigurationKind::Transitional => self.regular = None,
            ConfigurationKind::Regular => {
                self.regular = Some(configuration.id);
                self.members = Arc::clone(&configuration.members);
                for seat in &mut self.seats {
                    seat.behind = true;
                }
            }
        }
    }

    /// What waits for room in the ring's outbox: messages and bytes.
    pub(crate) fn waiting(&self) -> (usize, usize) {
        (self.submissions.len(), self.submission_bytes)
    }

    /// Whether a service has not yet been told a view of the present configuration.
    pub(crate) fn behind(&self) -> bool {
        self.regular.is_some() && self.seats.iter().any(|seat| seat.behind)
    }

    pub(crate) fn digest(&self, into: &mut Digest) {
        into.flag(self.ready).number(self.publications.len() as u64);
        for (level, payload) in &self.submissions {
            into.number(*level as u64).bytes(payload);
        }
    }
}

const fn client_name(client: ClientId) -> &'static str {
    match client {
        CLUSTER => "cluster",
        SHARED => "shared",
        _ => "console",
    }
}

impl Node {
    /// Attaches the services to their groups.
    pub(crate) fn connect_services(&mut self) {
        let seats: Vec<_> = self
            .bus
            .seats
            .iter()
            .map(|seat| (seat.client, seat.group.clone()))
            .collect();
        for (client, group) in seats {
            let name = ClientName::new(client_name(client)).expect("our own names are legal");
            let connect = Command::Connect {
                name,
                wants_membership: true,
            };
            self.tell_groups(groups::Event::Local {
                client,
                command: connect,
            });
            self.tell_groups(groups::Event::Local {
                client,
                command: Command::Join { group },
            });
        }
    }

    /// A program that embeds the node acts.
    pub(crate) fn on_client(
        &mut self,
        client: ClientId,
        command: Command,
        out: &mut impl Sink<Action>,
    ) {
        let full = self.bus.submissions.len() >= CLIENTS_WAIT && command != Command::Disconnect;
        let foreign = client.0 < FIRST_CLIENT || session_of(client).is_some();
        if foreign || full {
            let refusal = if full {
                groups::Refusal::Busy
            } else {
                groups::Refusal::AlreadyConnected
            };
            self.tell(client, ClientEvent::Refused(refusal), out);
            return;
        }
        self.observe(out, || Observation::Asked {
            client,
            command: command.clone(),
        });
        self.tell_groups(groups::Event::Local { client, command });
    }

    fn tell(&self, client: ClientId, event: ClientEvent, out: &mut impl Sink<Action>) {
        self.observe(out, || Observation::Told {
            client,
            event: event.clone(),
        });
        out.push(Action::Group { client, event });
    }

    pub(crate) fn on_groups(&mut self, action: groups::Action, out: &mut impl Sink<Action>) {
        match action {
            groups::Action::Submit { level, payload } => {
                self.bus.submission_bytes += payload.len();
                self.bus.submissions.push_back((level, payload));
            }
            groups::Action::Client { client, event } if let Some(session) = session_of(client) => {
                self.on_session_event(session, event);
            }
            groups::Action::Client { client, event } if client.0 >= FIRST_CLIENT => {
                self.tell(client, event, out);
            }
            groups::Action::Client { client, event } => self.on_service(client, event, out),
            groups::Action::Note(note) => out.push(Action::Note(Note::Groups(note))),
        }
    }

    /// Publishes for a service, after everything published before.
    pub(crate) fn publish(&mut self, service: Service, body: &[u8]) {
        let client = match service {
            Service::Roster | Service::Vip | Service::Seal => CLUSTER,
            Service::Replication => SHARED,
            Service::Console => CONSOLE,
        };
        self.bus
            .publications
            .push_back((client, service, service::seal(service, body)));
    }

    /// Sends what waits, as far as there is room.
    pub(crate) fn flush(&mut self, out: &mut impl Sink<Action>) {
        while self.flush_publication() {}
        while let Some((level, payload)) = self.bus.submissions.pop_front() {
            let bytes = payload.len();
            match self.ring.submit(level, payload.clone()) {
                Ok(number) => self.observe(out, || Observation::Submitted {
                    number,
                    level,
                    payload,
                }),
                Err(evs::Refusal::Busy) => {
                    self.bus.submissions.push_front((level, payload));
                    break;
                }
                // The node is about to stop and nobody waits for what it would have said.
                Err(evs::Refusal::Leaving) => {}
                Err(evs::Refusal::TooLong) => unreachable!("the group layer bounds its messages"),
            }
            self.bus.submission_bytes -= bytes;
        }
        if self.bus.submissions.len() + self.bus.publications.len() > ALL_WAIT {
            out.push(Action::Halt(Halt::Overloaded));
        }
    }

    /// Hands the oldest publication to the group layer; false if there is none or it must wait.
    fn flush_publication(&mut self) -> bool {
        let Some((client, service, payload)) = self.bus.publications.pop_front() else {
            return false;
        };
        let groups = self.bus.group(client).cloned().into_iter().collect();
        let command = Command::Send {
            groups,
            level: Level::Agreed,
            self_discard: false,
            tag: 0,
            payload: payload.clone(),
        };
        let mut answers: Vec<groups::Action> = Vec::new();
        self.groups.handle(
            self.now,
            groups::Event::Local { client, command },
            &mut answers,
        );
        let busy = answers.iter().any(|answer| {
            matches!(
                answer,
                groups::Action::Client {
                    event: ClientEvent::Refused(groups::Refusal::Busy),
                    ..
                }
            )
        });
        if busy {
            self.bus.publications.push_front((client, service, payload));
            return false;
        }
        for answer in answers {
            self.push_groups(answer);
        }
        true
    }

    fn on_service(&mut self, client: ClientId, event: ClientEvent, out: &mut impl Sink<Action>) {
        match event {
            ClientEvent::View(view) => self.on_service_view(client, &view),
            // A group is open to all, and a client of the bus is not a service: what it says to one is not heard.
            ClientEvent::Message { from, .. } if from.client.as_str() != client_name(client) => {}
            ClientEvent::Message {
                position,
                from,
                payload,
                ..
            } => {
                if let Err(why) = self.on_service_message(position, from.process, &payload, out) {
                    out.push(Action::Note(Note::MessageRefused {
                        from: from.process,
                        why,
                    }));
                }
            }
            ClientEvent::Refused(refusal) => {
                unreachable!("a service of the node was refused: {refusal}")
            }
        }
    }

    /// Turns the view of a group into that of a service: processes instead of clients.
    ///
    /// The group layer shows a side its losses before a merge is complete, and nothing at all when a
    /// configuration leaves a group as it was. A service is told exactly one view at the beginning of each regular
    /// configuration and one for each join and leave in it: then it can take "no view yet" for "somebody
    /// unknown may be here".
    fn on_service_view(&mut self, client: ClientId, view: &View) {
        let name = client_name(client);
        let me = self.me;
        let regular = self.bus.regular;
        let Some(seat) = self.bus.seats.iter_mut().find(|seat| seat.client == client) else {
            return;
        };
        let ours = |member: &&groups::MemberId| member.client.as_str() == name;
        let processes = |members: &[groups::MemberId]| -> Vec<ProcessId> {
            members
                .iter()
                .filter(ours)
                .map(|member| member.process)
                .collect()
        };
        let members = processes(&view.members);
        let together = match &view.cause {
            Cause::Transitional => return,
            Cause::Network { together, .. } => processes(together),
            Cause::Join(_) | Cause::Leave(_) | Cause::Disconnect(_) => {
                let came = |process: &ProcessId| seat.shown.contains(process);
                members.iter().copied().filter(came).collect()
            }
        };
        seat.came
            .retain(|process| together.contains(process) || *process == me);
        seat.shown = members;
        if regular == Some(view.position.configuration) {
            self.tell_service(client, view.position);
        }
    }

    /// The group layer knows everybody of the present configuration: services whose group it left as it was
    /// are told so.
    pub(crate) fn on_settled(&mut self) {
        let Some(configuration) = self.bus.regular else {
            return;
        };
        let behind = |seat: &&Seat| seat.behind && seat.shown.contains(&self.me);
        let clients: Vec<ClientId> = self
            .bus
            .seats
            .iter()
            .filter(behind)
            .map(|s| s.client)
            .collect();
        for client in clients {
            self.tell_service(
                client,
                Position {
                    configuration,
                    ordinal: 0,
                },
            );
        }
    }

    fn tell_service(&mut self, client: ClientId, position: Position) {
        let me = self.me;
        let Some(seat) = self.bus.seats.iter_mut().find(|seat| seat.client == client) else {
            return;
        };
        seat.behind = false;
        let processes = seat.shown.clone();
        let mut together = core::mem::replace(&mut seat.came, processes.clone());
        if !together.contains(&me) {
            together.push(me);
            together.sort();
        }
        let members = self.members(&processes);
        match client {
            CLUSTER => self.on_cluster_view(position, members, &processes, together),
            SHARED => self.tell_counters(replication::Event::View {
                position,
                members,
                together,
            }),
            _ => self.on_console_view(),
        }
    }

    fn members(&self, processes: &[ProcessId]) -> Vec<Member> {
        let find = |process: &ProcessId| {
            let member = self
                .bus
                .members
                .iter()
                .find(|member| member.process == *process);
            member.copied().unwrap_or(Member {
                process: *process,
                subcluster: self.config.subcluster_id(),
            })
        };
        processes.iter().map(find).collect()
    }

    fn on_cluster_view(
        &mut self,
        position: Position,
        members: Vec<Member>,
        processes: &[ProcessId],
        together: Vec<ProcessId>,
    ) {
        if self.roster.on_view(processes, &together) {
            self.introduce();
        }
        self.tell_vip(vip::Event::View {
            position,
            members,
            together,
        });
        self.on_members();
    }

    fn on_service_message(
        &mut self,
        position: Position,
        from: ProcessId,
        payload: &Bytes,
        out: &mut impl Sink<Action>,
    ) -> Result<(), DecodeError> {
        let (service, bytes) = service::open(payload)?;
        match service {
            Service::Roster => {
                let said: Introduction = body::decode(&bytes)?;
                if let Some(clash) = self.roster.on_introduction(from, said) {
                    out.push(Action::Note(Note::RosterClash {
                        one: clash.one,
                        other: clash.other,
                    }));
                }
                self.on_members();
            }
            Service::Vip => {
                let body = body::decode(&bytes)?;
                self.tell_vip(vip::Event::Message {
                    position,
                    from,
                    body,
                });
            }
            Service::Replication => {
                let body = ringfort_wire::counter::decode(&bytes)?;
                self.tell_counters(replication::Event::Message {
                    position,
                    from,
                    body,
                });
            }
            Service::Seal => {
                let epoch = service::epoch(&bytes)?;
                out.push(Action::Seal(SealAction::Rotate(epoch)));
            }
            Service::Console => {
                let body = body::decode(&bytes)?;
                self.tell_router(ringfort_console::Event::Message { from, body });
            }
        }
        Ok(())
    }

    /// Says who this is.
    pub(crate) fn introduce(&mut self) {
        let said = body::encode(self.roster.introduction());
        self.publish(Service::Roster, &said);
    }
}
