//! The cluster of a run, configured as an operator would: one text for each node, in the language of the
//! configuration, read by the parser that the daemons use. What the simulator cannot say in a file (that the
//! node is to tell what the trace needs) it sets afterwards.

use std::{fmt::Write as _, net::SocketAddr};

use ringfort_config::{Environment, parse_str};
use ringfort_machine::{Instant, Machine, NodeId, ProcessId};
use ringfort_node::{
    Action, Config, Event, Guard, Node,
    journal::{Origin, Recorder},
};
use ringfort_seal::{Identity, Seal, Secret, Trusted};

use crate::{
    clients::SERVICE_PORT,
    fabric::Port,
    host::{Boot, Fleet, Program},
    journal::{self, Journals},
    options::{Dispersal, Options, RingPlan, Role},
    workload::{DOMAINS, LOG, NETWORKS},
    world::{BACKEND_PORT, BROADCAST, BUS_GROUP, BUS_PORT, INTERFACE, base},
};

/// Where streams of other nodes are accepted.
const CLUSTER_PORT: u16 = 4802;
/// Where a node keeps its journal.
const JOURNAL: &str = "/var/log/ringfort/mainlog";

/// Real nodes.
#[derive(Debug)]
pub struct Cluster {
    options: Options,
    configs: Vec<Config>,
    /// The host whose lives are recorded, and where.
    recorded: Option<(usize, Journals)>,
}

impl Cluster {
    /// The nodes of a run.
    ///
    /// # Errors
    /// What the parser or the node has against a configuration, with its text.
    pub fn new(options: &Options) -> Result<Self, String> {
        let configs = (0..options.nodes.len()).map(|host| configuration(options, host, 0));
        Ok(Self {
            options: options.clone(),
            configs: configs.collect::<Result<_, _>>()?,
            recorded: None,
        })
    }

    /// Records the lives of a host.
    pub fn record(&mut self, host: usize) -> Journals {
        let journals = Journals::default();
        self.recorded = Some((host, journals.clone()));
        journals
    }

    /// The configuration of a host, to be changed before the world begins.
    pub fn config_mut(&mut self, host: usize) -> &mut Config {
        &mut self.configs[host]
    }
}

impl Fleet for Cluster {
    fn start(&mut self, boot: Boot, now: Instant, out: &mut Vec<Action>) -> Box<dyn Program> {
        let config = self.configs[boot.host].clone();
        let recorded = self.recorded.as_ref();
        let journals = recorded.filter(|(host, _)| *host == boot.host);
        let boot = ringfort_node::Boot {
            seed: boot.seed,
            incarnation: boot.incarnation,
            wall_origin_ns: boot.wall_origin_ns,
            system_boot: Some(boot.system_boot),
        };
        let seal = self
            .options
            .seal
            .map(|_| seal(&self.options, &config, &boot, now));
        let Some((_, journals)) = journals else {
            let start = |out: &mut Vec<Action>| {
                let node = Node::new(config.clone(), boot, now, out);
                node.expect("the configuration was validated")
            };
            return match seal {
                None => Box::new(start(out)),
                Some(seal) => guarded(start, &config, seal, now, out),
            };
        };
        let tape = journals.tape(boot.incarnation);
        let origin = Origin {
            build: journal::build(),
            boot,
            now,
            config: config.clone(),
        };
        let start = |out: &mut Vec<Action>| {
            let node = Recorder::start(origin, Some((tape, u64::MAX)), out);
            node.expect("the configuration was validated")
        };
        match seal {
            None => Box::new(start(out)),
            Some(seal) => guarded(start, &config, seal, now, out),
        }
    }

    fn cluster_listeners(&self, _: usize) -> Vec<SocketAddr> {
        vec![([0, 0, 0, 0], CLUSTER_PORT).into()]
    }

    /// A variant that cannot be loaded changes nothing, as `reload` does with a file that has an error.
    fn reload(&mut self, host: usize, number: u64) -> Option<Event> {
        let config = configuration(&self.options, host, number).ok()?;
        self.configs[host] = config.clone();
        Some(Event::Reload(Box::new(config)))
    }

    fn is_total(&self, _: &str) -> bool {
        false // every object of the cluster counts what is there now
    }
}

/// A node behind its seal.
fn guarded<M>(
    start: impl FnOnce(&mut Vec<Action>) -> M,
    config: &Config,
    seal: Seal,
    now: Instant,
    out: &mut Vec<Action>,
) -> Box<dyn Program>
where
    M: Machine<Event = Event, Action = Action> + 'static,
{
    let mut first = Vec::new();
    let node = start(&mut first);
    let mut guard = Guard::new(node, config, Some(seal));
    guard.start(now, first, out);
    Box::new(guard)
}

/// The seal of a life. Keys come from the seed of the run, as everything does.
fn seal(options: &Options, config: &Config, boot: &ringfort_node::Boot, now: Instant) -> Seal {
    let identity = |name: &str| {
        let seed = options.fork(&format!("key of {name}"));
        Identity::new(Secret::new(seed.0))
    };
    let trusted = |plan: &crate::options::NodePlan| Trusted {
        node: NodeId::of_name(&plan.name),
        public: identity(&plan.name).public(),
    };
    let config = ringfort_seal::Config {
        me: ProcessId::new(config.node, boot.incarnation),
        cluster: config.cluster.0,
        identity: identity(&config.name),
        life: Secret::new(boot.seed.fork("seal").0),
        trusted: options.nodes.iter().map(trusted).collect(),
    };
    Seal::new(config, now)
}

fn configuration(options: &Options, host: usize, variant: u64) -> Result<Config, String> {
    let text = text(options, host, variant);
    let loaded = parse_str("simulated.conf", &text, &Environment::default());
    let complaint =
        |what: String| format!("{what}\nin the configuration of a simulated node:\n{text}");
    let Some(settings) = &loaded.settings else {
        return Err(complaint(loaded.render()));
    };
    let mut config =
        Config::from_settings(settings).map_err(|error| complaint(error.to_string()))?;
    config
        .validate()
        .map_err(|error| complaint(error.to_string()))?;
    config.observe = true;
    Ok(config)
}

/// The configuration of a host as text. Variant 0 is the first; any other changes what can change in the life of a
/// process: times, and which listeners a node has. Calm brings the first one back, or an address might have no home.
pub fn text(options: &Options, host: usize, variant: u64) -> String {
    let plan = &options.nodes[host];
    let mut text = String::new();
    let role = match plan.role {
        Role::Mail => "node",
        Role::Manager => "manager",
    };
    let bus = bus(options);
    let encryption = if options.seal.is_some() { "on" } else { "off" };
    let peers = peers(options);
    write!(
        text,
        "Role = {role}\nCluster_Name = simulated\nState_Dir = /var/lib/ringfort\nBus {{ Encryption = {encryption} }}\n{bus}\
         msgc_server {{\n  peers = [\n{peers}  ]\n}}\n\
         ECCluster_Listener {{\n  Listen \"*:{CLUSTER_PORT}\" {{ }}\n}}\n"
    )
    .expect("writing to a string does not fail");
    text.push_str(&cluster(options, host, variant));
    match plan.role {
        Role::Mail => text.push_str(&services(options, variant)),
        Role::Manager => text.push_str("Logs {\n  Logfile = \"/srv/logs/%{l}/%{n}\"\n}\n"),
    }
    text
}

fn bus(options: &Options) -> String {
    let (kind, address) = match options.dispersal {
        Dispersal::Unicast => ("unicast", None),
        Dispersal::Multicast => ("multicast", Some(BUS_GROUP)),
        Dispersal::Broadcast => ("broadcast", Some(BROADCAST)),
    };
    let address = address
        .map(|address| format!("  Dispersal_Address = \"{address}:{BUS_PORT}\"\n"))
        .unwrap_or_default();
    let ring = ring(&options.ring);
    format!(
        "Bus {{\n  Port = {BUS_PORT}\n  Dispersal = {kind}\n{address}{ring}  Client_Listen = ()\n}}\n"
    )
}

fn ring(plan: &RingPlan) -> String {
    let mut text = String::new();
    for (option, value) in [
        ("Datagram_Limit", plan.datagram_bytes),
        ("Window", plan.window),
        ("Personal_Window", plan.personal_window),
        ("Accelerated_Window", plan.accelerated_window),
    ] {
        if let Some(value) = value {
            writeln!(text, "  {option} = {value}").expect("writing to a string does not fail");
        }
    }
    for (option, value) in [
        ("Token_Timeout", plan.token_timeout_ms),
        ("Hurry_Timeout", plan.hurry_timeout_ms),
    ] {
        if let Some(ms) = value {
            writeln!(text, "  {option} = {}.{:03}", ms / 1_000, ms % 1_000)
                .expect("writing to a string does not fail");
        }
    }
    text
}

fn peers(options: &Options) -> String {
    let mut text = String::new();
    for (index, node) in options.nodes.iter().enumerate() {
        let port = Port(u16::try_from(index).expect("fewer hosts than ports"));
        writeln!(
            text,
            "    {} = \"{}:{BUS_PORT}\"",
            node.name,
            base(port).addr()
        )
        .expect("writing to a string does not fail");
    }
    text
}

fn cluster(options: &Options, host: usize, variant: u64) -> String {
    let seconds = |ns: u64| format!("{}.{:03}", ns / 1_000_000_000, ns / 1_000_000 % 1000);
    let mut text = format!(
        "cluster {{\n  nodename = {}\n  view_mature_time = {}\n  view_balance_interval = {}\n  \
         if_check_interval = {}\n  log_active_interval = 0.05\n  log_idle_interval = 0.5\n  \
         Topology \"10.77.2.0/24\" {{ interface = {INTERFACE} }}\n",
        options.nodes[host].name,
        seconds(options.mature_ns + variant % 3 * 400_000_000),
        seconds(options.balance_ns + variant % 5 * 700_000_000),
        5 + variant % 4,
    );
    for (object, class) in [
        (ringfort_node::INBOUND, "inbound_cidr"),
        (NETWORKS, "outbound_cidr"),
        (DOMAINS, "outbound_domains"),
    ] {
        writeln!(
            text,
            "  Replicate {object} {{\n    class = {class}\n    max_pending = {}\n  }}",
            options.load.count_pending + variant % 7
        )
        .expect("writing to a string does not fail");
    }
    if options.nodes[host].role == Role::Mail {
        writeln!(text, "  logs = [ {LOG} = \"{JOURNAL}\" ]").expect("writing does not fail");
    }
    text.push_str("}\n");
    text
}

/// Listeners of a mail node: every address, greeted or relayed by turns, and the node's own address.
fn services(options: &Options, variant: u64) -> String {
    let clients = Port(u16::try_from(options.nodes.len()).expect("fewer hosts than ports"));
    let backend = base(clients).addr();
    let mut text =
        format!("ec_logger ec_logger {{\n  mainlog = \"cluster://{JOURNAL}=>master\"\n}}\n");
    text.push_str("ESMTP_Listener {\n");
    for (number, vip) in options.vips.iter().enumerate() {
        if variant > 0 && (variant + number as u64).is_multiple_of(4) {
            continue;
        }
        let service = if number % 2 == 0 {
            "Banner = \"220 ready\"".to_owned()
        } else {
            format!("Backend = \"{backend}:{BACKEND_PORT}\"")
        };
        writeln!(
            text,
            "  Listen \"{}:{SERVICE_PORT}\" {{\n    Enable_Duravip = true\n    {service}\n  }}",
            vip.addr()
        )
        .expect("writing to a string does not fail");
    }
    writeln!(
        text,
        "  Listen \"*:{SERVICE_PORT}\" {{ Banner = \"220 ready\" }}\n}}"
    )
    .expect("writing to a string does not fail");
    text
}

#[cfg(test)]
mod tests;
