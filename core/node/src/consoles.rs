//! Console sessions, and the commands that this node runs for them or for a manager.
//!
//! A line is parsed by `ringfort-console`, answered from what the machines show of themselves, and laid out by
//! it again. A command that must be agreed on waits for its reply; a routed one belongs to the router.

use alloc::{
    collections::BTreeMap,
    format,
    string::{String, ToString},
    vec::Vec,
};

use ringfort_config::settings::Role;
use ringfort_console::{
    self as console, Command, Execution, Failed, Format, Help, Line, ParseError, Place, Report,
};
use ringfort_machine::{Digest, NodeId, ProcessId, Sink};
use ringfort_vip as vip;
use ringfort_wire::{
    body, roster,
    service::{self, Service},
};

use crate::{
    Action, Config, Node,
    action::ConsoleAction,
    event::{ConsoleEvent, ConsolePeer},
    ident::SessionId,
};

/// Sessions that may stand at a time.
const SESSIONS: usize = 1024;

/// Who waits for an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asker {
    Session(SessionId),
    /// A manager, through the router.
    Remote(Execution),
}

#[derive(Debug)]
struct Waiting {
    asker: Asker,
    format: Format,
    report: Report,
}

/// The sessions and what they wait for.
#[derive(Debug, Default)]
pub(crate) struct Consoles {
    targets: BTreeMap<SessionId, String>,
    waiting: BTreeMap<u64, Waiting>,
    requests: u64,
    /// A console has asked for the end of the process.
    shutdown: bool,
}

impl Consoles {
    pub(crate) fn digest(&self, into: &mut Digest) {
        into.number(self.targets.len() as u64);
        into.number(self.waiting.len() as u64).number(self.requests);
    }
}

impl Node {
    pub(crate) fn console_router(config: &Config, me: ProcessId) -> console::Router {
        let role = match config.role {
            Role::Node => console::Role::Node,
            Role::Manager => console::Role::Manager,
        };
        let mut router = console::Config::new(me, role);
        router.timeout = config.control_timeout.min(router.timeout);
        console::Router::new(router)
    }

    const fn place(&self) -> Place {
        match self.config.role {
            Role::Node => Place::Node,
            Role::Manager => Place::Manager,
        }
    }

    pub(crate) fn on_console(&mut self, event: ConsoleEvent, out: &mut impl Sink<Action>) {
        match event {
            ConsoleEvent::Opened {
                session,
                peer,
                target,
            } => {
                self.on_session(session, &peer, target, out);
            }
            ConsoleEvent::Line { session, line } => {
                if self.consoles.targets.contains_key(&session) {
                    self.on_line(session, &line, out);
                }
            }
            ConsoleEvent::Closed { session } => {
                self.consoles.targets.remove(&session);
                self.tell_router(console::Event::Closed {
                    session: console::SessionId(session.0),
                });
            }
        }
    }

    fn on_session(
        &mut self,
        session: SessionId,
        _peer: &ConsolePeer,
        target: String,
        out: &mut impl Sink<Action>,
    ) {
        if self.consoles.targets.len() >= SESSIONS {
            print(
                session,
                "Too many console sessions; try again later.\n".to_string(),
                out,
            );
            out.push(Action::Console(ConsoleAction::Close { session }));
            return;
        }
        self.consoles.targets.insert(session, target);
        print(session, console::banner(&self.version_report()), out);
        self.prompt(session, out);
    }

    fn prompt(&self, session: SessionId, out: &mut impl Sink<Action>) {
        let Some(target) = self.consoles.targets.get(&session) else {
            return;
        };
        let second_of_day = (self.wall_ns() / 1_000_000_000 % 86_400) as u32;
        let text = console::prompt(second_of_day, target);
        out.push(Action::Console(ConsoleAction::Prompt { session, text }));
    }

    fn on_line(&mut self, session: SessionId, line: &str, out: &mut impl Sink<Action>) {
        match console::parse(self.place(), line) {
            Ok(Line {
                command: Command::Quit,
                ..
            }) => {
                self.consoles.targets.remove(&session);
                self.tell_router(console::Event::Closed {
                    session: console::SessionId(session.0),
                });
                out.push(Action::Console(ConsoleAction::Close { session }));
            }
            Ok(Line {
                command: Command::Routed(scope),
                format,
            }) => {
                let json = format == Format::Json;
                let session = console::SessionId(session.0);
                self.tell_router(console::Event::Request {
                    session,
                    scope,
                    json,
                });
            }
            Ok(Line { command, format }) => {
                self.execute(Asker::Session(session), command, format, out);
            }
            Err(ParseError::Empty) => self.prompt(session, out),
            Err(error) => {
                let format = if line.contains("--json") {
                    Format::Json
                } else {
                    Format::Text
                };
                self.answer(Asker::Session(session), &failed(error), format, out);
            }
        }
    }

    pub(crate) fn on_router(&mut self, action: console::Action, out: &mut impl Sink<Action>) {
        match action {
            console::Action::Publish(said) => self.publish(Service::Console, &body::encode(&said)),
            console::Action::Execute {
                execution,
                line,
                json,
            } => {
                let asker = Asker::Remote(execution);
                let format = if json { Format::Json } else { Format::Text };
                match console::parse(self.place(), &line) {
                    Ok(line) => self.execute(asker, line.command, format, out),
                    Err(error) => self.answer(asker, &failed(error), format, out),
                }
            }
            console::Action::Print { session, text } => print(SessionId(session.0), text, out),
            console::Action::Complete { session } => self.prompt(SessionId(session.0), out),
            console::Action::Note(note) => out.push(Action::Note(crate::Note::Console(note))),
        }
    }

    /// Runs a command that is this node's own.
    fn execute(
        &mut self,
        asker: Asker,
        command: Command,
        format: Format,
        out: &mut impl Sink<Action>,
    ) {
        let place = self.place();
        let report = match command {
            Command::Help => Report::Help(Help::of(place, false)),
            Command::ClusterHelp => Report::Help(Help::of(place, true)),
            Command::Version => Report::Version(self.version_report()),
            Command::Info => Report::Info(self.info_report()),
            Command::ClusterInfo => Report::ClusterInfo(self.cluster_report()),
            Command::ClusterMembership => Report::Membership(self.membership_report()),
            Command::ShowClusterMembership => Report::MembershipXml(self.membership_report()),
            Command::ClusterNodeName => Report::NodeName(console::NodeName {
                name: self.config.name.clone(),
            }),
            Command::ClusterNodeAddress => self.address_report(),
            Command::DuravipShow => Report::Duravip(self.duravip_report()),
            Command::SharedList => Report::SharedList(self.shared_list_report()),
            Command::SharedShow { object, from } => self.shared_report(&object, from.as_deref()),
            Command::ShowLogs => Report::Logs(self.logs_report()),
            Command::SealStatus => Report::Seal(self.seal_report()),
            Command::SealRotate => self.rotate_seal(),
            Command::DuravipMove { address, node } => {
                self.move_address(asker, format, (address, &node), out);
                return;
            }
            Command::DuravipAnnounce => {
                let addresses = self.vip.status(self.now).addresses.len();
                let report = Report::Announced(console::Announced { addresses });
                self.ask_vip(asker, format, report, vip::Command::AnnounceView);
                return;
            }
            Command::Shutdown => {
                self.consoles.shutdown = true;
                Report::ShuttingDown(console::ShuttingDown {
                    node: self.config.name.clone(),
                })
            }
            Command::Quit | Command::Routed(_) => {
                failed("This command belongs to a console session.")
            }
        };
        self.answer(asker, &report, format, out);
        if core::mem::take(&mut self.consoles.shutdown) {
            self.leave();
        }
    }

    /// Asks the cluster for the next epoch. Who hears of it twice reaches it once.
    fn rotate_seal(&mut self) -> Report {
        let Some(seal) = &self.seal else {
            return failed("The cluster's traffic is not encrypted: there is no key to replace.");
        };
        let to = seal.epoch.max(seal.rotating_to.unwrap_or(0)) + 1;
        self.publish(Service::Seal, &service::epoch_body(to));
        Report::Rotating(console::Rotating { to })
    }

    fn move_address(
        &mut self,
        asker: Asker,
        format: Format,
        (address, node): (core::net::IpAddr, &str),
        out: &mut impl Sink<Action>,
    ) {
        let Some((to, name)) = self.node_called(node) else {
            let known: Vec<&str> = self
                .config
                .peers
                .iter()
                .map(|peer| peer.name.as_str())
                .collect();
            let reason = format!("There is no node '{node}'. Nodes: {}.", known.join(", "));
            self.answer(asker, &failed(reason), format, out);
            return;
        };
        let report = Report::MoveAccepted(console::MoveAccepted { address, to: name });
        self.ask_vip(asker, format, report, vip::Command::Move { address, to });
    }

    /// The node of that name, by its whole name or by its first label.
    pub(crate) fn node_called(&self, name: &str) -> Option<(NodeId, String)> {
        let label = |name: &str| name.split('.').next().unwrap_or(name).to_ascii_lowercase();
        let exact = self
            .config
            .peers
            .iter()
            .find(|peer| peer.name.eq_ignore_ascii_case(name));
        let mut short = self
            .config
            .peers
            .iter()
            .filter(|peer| label(&peer.name) == label(name));
        let peer = exact.or_else(|| short.next().filter(|_| short.next().is_none()))?;
        Some((peer.node, peer.name.clone()))
    }

    fn ask_vip(&mut self, asker: Asker, format: Format, report: Report, command: vip::Command) {
        self.consoles.requests += 1;
        let request = self.consoles.requests;
        self.consoles.waiting.insert(
            request,
            Waiting {
                asker,
                format,
                report,
            },
        );
        self.tell_vip(vip::Event::Command { request, command });
    }

    pub(crate) fn on_vip_reply(
        &mut self,
        request: u64,
        result: Result<(), vip::CommandError>,
        out: &mut impl Sink<Action>,
    ) {
        let Some(Waiting {
            asker,
            format,
            report,
        }) = self.consoles.waiting.remove(&request)
        else {
            return;
        };
        let report = match result {
            Ok(()) => report,
            Err(error) => failed(error),
        };
        self.answer(asker, &report, format, out);
    }

    fn answer(
        &mut self,
        asker: Asker,
        report: &Report,
        format: Format,
        out: &mut impl Sink<Action>,
    ) {
        let text = console::render(report, format);
        match asker {
            Asker::Session(session) => {
                print(session, text, out);
                self.prompt(session, out);
            }
            Asker::Remote(execution) => {
                self.tell_router(console::Event::Answered { execution, text });
            }
        }
    }

    /// Who must answer what is broadcast: the members that have introduced themselves. Every process that is in
    /// the cluster's group is in the console's.
    pub(crate) fn on_console_view(&mut self) {
        let peers = self
            .roster
            .members()
            .filter_map(|(process, said)| {
                let said = said?;
                let role = match said.role {
                    roster::Role::Node => console::Role::Node,
                    roster::Role::Manager => console::Role::Manager,
                };
                Some(console::Peer {
                    process,
                    name: said.name.clone(),
                    role,
                })
            })
            .collect();
        self.tell_router(console::Event::View { peers });
    }
}

fn print(session: SessionId, text: String, out: &mut impl Sink<Action>) {
    out.push(Action::Console(ConsoleAction::Print { session, text }));
}

fn failed(reason: impl ToString) -> Report {
    Report::Failed(Failed {
        reason: reason.to_string(),
    })
}
