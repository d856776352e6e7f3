//! Which processes a local cluster has, and their configuration files in the third dialect.

use std::{
    fmt::Write as _,
    fs, io,
    net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, UdpSocket},
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
};

use crate::{BootError, keys::Files};

/// Virtual addresses for each node.
const ADDRESSES_PER_NODE: usize = 2;
/// The longest path of a Unix socket, in bytes (`sun_path`, with its end).
const SOCKET_PATH: usize = 107;
/// The manager's name.
const MANAGER: &str = "m1";

/// One process.
#[derive(Clone, Debug)]
pub(super) struct Process {
    pub(super) name: String,
    pub(super) manager: bool,
    pub(super) bus: SocketAddr,
    pub(super) cluster: SocketAddr,
    /// Where programs written for Spread attach.
    pub(super) clients: SocketAddr,
    /// Its directory: configuration, state, control socket, output.
    pub(super) directory: PathBuf,
}

impl Process {
    /// Its configuration file.
    pub(super) fn configuration(&self) -> PathBuf {
        self.directory.join("ringfort.conf")
    }

    /// Its control socket.
    pub(super) fn control(&self) -> PathBuf {
        self.directory.join("control")
    }

    /// The socket for programs on this host, named like Spread's after its port.
    pub(super) fn client_socket(&self) -> PathBuf {
        self.directory.join(self.clients.port().to_string())
    }

    /// What it writes to standard error.
    pub(super) fn output(&self) -> PathBuf {
        self.directory.join("output")
    }

    /// Its keys: each process has its own, and trusts all others.
    fn keys(&self) -> Files {
        let state = self.directory.join("state");
        Files {
            key: state.join("seal.key"),
            trusted: state.join("seal.trusted"),
        }
    }

    /// The directory of its log.
    pub(super) fn log(&self) -> PathBuf {
        self.directory.join("mainlog")
    }
}

/// A local cluster.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    pub(super) cluster: String,
    pub(super) directory: PathBuf,
    /// Made by us, so that we may remove it.
    fresh: bool,
    /// Nodes first, the manager last.
    pub(super) processes: Vec<Process>,
    /// The virtual addresses with their port.
    pub(super) addresses: Vec<SocketAddr>,
}

impl Plan {
    /// Plans a cluster of `nodes` nodes and a manager in `directory`.
    pub(super) fn new(
        nodes: usize,
        directory: Option<&Path>,
        port_base: Option<u16>,
    ) -> Result<Self, BootError> {
        let (directory, fresh) = match directory {
            Some(directory) => fs::create_dir_all(directory)
                .and_then(|()| directory.canonicalize())
                .map(|directory| (directory, false))
                .map_err(|source| BootError::file("create", directory, source))?,
            None => (fresh_directory()?, true),
        };
        let names = (1..=nodes)
            .map(|number| format!("n{number}"))
            .chain([MANAGER.into()]);
        let mut ports = Ports::new(port_base);
        let mut processes = Vec::new();
        for name in names {
            let process = Process {
                manager: name == MANAGER,
                bus: ports.udp()?,
                cluster: ports.tcp(Ipv4Addr::LOCALHOST)?,
                clients: ports.tcp(Ipv4Addr::LOCALHOST)?,
                directory: directory.join(&name),
                name,
            };
            let length = process.control().as_os_str().len();
            if length > SOCKET_PATH {
                return Err(BootError::Ended(format!(
                    "{} is too long for a socket ({length} bytes, at most {SOCKET_PATH}): choose a shorter --dir",
                    process.control().display()
                )));
            }
            processes.push(process);
        }
        let network = (std::process::id() % 250) as u8 + 1; // two clusters on one host keep apart
        let first = Ipv4Addr::new(127, 77, network, 1);
        let port = ports.tcp(first)?.port();
        let addresses = (0..nodes * ADDRESSES_PER_NODE)
            .map(|number| Ipv4Addr::from_bits(first.to_bits() + number as u32))
            .map(|address| SocketAddr::new(IpAddr::V4(address), port))
            .collect();
        Ok(Self {
            cluster: format!("up-{}", std::process::id()),
            directory,
            fresh,
            processes,
            addresses,
        })
    }

    /// Writes all configuration files.
    pub(super) fn write(&self) -> Result<(), BootError> {
        let mut keys = Vec::new();
        for process in &self.processes {
            let files = process.keys();
            keys.push((&process.name, files.identity()?.0.public()));
        }
        for process in &self.processes {
            for (name, public) in &keys {
                process.keys().trust(name, *public)?;
            }
        }
        for process in &self.processes {
            fs::create_dir_all(&process.directory)
                .map_err(|source| BootError::file("create", &process.directory, source))?;
            let path = process.configuration();
            fs::write(&path, self.text(process))
                .map_err(|source| BootError::file("write", &path, source))?;
        }
        Ok(())
    }

    /// The nodes.
    pub(super) fn nodes(&self) -> impl Iterator<Item = &Process> {
        self.processes.iter().filter(|process| !process.manager)
    }

    /// Where the manager collects the logs.
    pub(super) fn collected(&self) -> PathBuf {
        self.directory.join(MANAGER).join("logs")
    }

    /// The output file of a process.
    pub(super) fn output_of(&self, name: &str) -> PathBuf {
        self.directory.join(name).join("output")
    }

    /// Removes the directory if it was made for this run.
    pub(super) fn clean(&self) {
        if self.fresh {
            // What cannot be removed is left in the temporary directory, which is what that is for.
            let _ = fs::remove_dir_all(&self.directory);
        }
    }

    fn text(&self, process: &Process) -> String {
        let mut text = String::new();
        // Writing to a string cannot fail.
        let _ = self.common(&mut text, process);
        let _ = if process.manager {
            self.manager(&mut text)
        } else {
            self.node(&mut text, process)
        };
        text
    }

    fn common(&self, out: &mut String, process: &Process) -> std::fmt::Result {
        let Process {
            name,
            bus,
            cluster,
            directory,
            ..
        } = process;
        writeln!(
            out,
            "# Written by `ringfort up`: process {name} of a cluster on one machine."
        )?;
        writeln!(
            out,
            "Role = {}",
            if process.manager { "manager" } else { "node" }
        )?;
        writeln!(out, "Cluster_Name = \"{}\"", self.cluster)?;
        writeln!(out, "State_Dir = \"{}\"", directory.join("state").display())?;
        writeln!(out, "Bus {{")?;
        writeln!(out, "  Bind_Address = {}", bus.ip())?;
        writeln!(out, "  Port = {}", bus.port())?;
        writeln!(
            out,
            "  Client_Listen = ( \"{}\" \"{}\" )\n}}",
            process.client_socket().display(),
            process.clients
        )?;
        writeln!(out, "msgc_server {{\n  peers = [")?;
        for peer in &self.processes {
            writeln!(
                out,
                "    {} = [ address = \"{}\" cluster_address = \"{}\" ]",
                peer.name, peer.bus, peer.cluster
            )?;
        }
        writeln!(out, "  ]\n}}")?;
        writeln!(
            out,
            "ECCluster_Listener {{\n  Listen \"{cluster}\" {{ }}\n}}"
        )?;
        writeln!(
            out,
            "Control_Listener {{\n  Listen \"{}\" {{ Timeout = 3600 }}\n}}",
            process.control().display()
        )
    }

    fn node(&self, out: &mut String, process: &Process) -> std::fmt::Result {
        let log = process.log();
        writeln!(
            out,
            "cluster {{
  nodename = \"{}\"
  # Everything is on this machine, so no interface is touched, and nothing has to wait as long as on a LAN.
  address_mode = loopback
  view_mature_time = 0.3
  view_balance_interval = 1
  duravip_balance_set_size = 4
  log_active_interval = 0.1
  log_idle_interval = 0.5
  logs = [ mainlog = \"{}\" ]
  Topology \"127.77.0.0/16\" {{ interface = \"lo\" }}
  Replicate \"inbound_cidr\" {{ max_delay = 0.1 }}
}}",
            process.name,
            log.display()
        )?;
        writeln!(
            out,
            "ec_logger \"ec_logger_cluster\" {{\n  mainlog = \"cluster://{}=>master\"\n}}",
            log.display()
        )?;
        writeln!(out, "ESMTP_Listener {{\n  Enable_Duravip = true")?;
        for address in &self.addresses {
            writeln!(out, "  Listen \"{address}\" {{ }}")?;
        }
        writeln!(out, "}}")
    }

    fn manager(&self, out: &mut String) -> std::fmt::Result {
        writeln!(
            out,
            "cluster {{\n  nodename = \"{MANAGER}\"\n  address_mode = loopback\n}}\nLogs {{\n  Logfile = \"{}/%{{l}}/%{{n}}\"\n  Subscriber = ( \"master\" )\n}}",
            self.collected().display()
        )
    }
}

/// A directory that nobody else has, for this user only.
fn fresh_directory() -> Result<PathBuf, BootError> {
    for number in 0..1000 {
        let path = std::env::temp_dir().join(format!("ringfort-{}-{number}", std::process::id()));
        match fs::DirBuilder::new().mode(0o700).create(&path) {
            Ok(()) => return Ok(path),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(source) => return Err(BootError::file("create", path, source)),
        }
    }
    Err(BootError::Ended(
        "no free name for a temporary directory: give one with --dir".into(),
    ))
}

/// Finds ports: free ones, held until all are found so that none is found twice, or those after a base.
struct Ports {
    next: Option<u16>,
    held_udp: Vec<UdpSocket>,
    held_tcp: Vec<TcpListener>,
}

impl Ports {
    const fn new(base: Option<u16>) -> Self {
        Self {
            next: base,
            held_udp: Vec::new(),
            held_tcp: Vec::new(),
        }
    }

    fn port(&mut self) -> u16 {
        match &mut self.next {
            None => 0,
            Some(next) => {
                *next += 1;
                *next - 1
            }
        }
    }

    fn udp(&mut self) -> Result<SocketAddr, BootError> {
        let wanted = SocketAddr::from((Ipv4Addr::LOCALHOST, self.port()));
        let failed = |source| BootError::listen("bus", wanted, source);
        let socket = UdpSocket::bind(wanted).map_err(failed)?;
        let found = socket.local_addr().map_err(failed)?;
        self.held_udp.push(socket);
        Ok(found)
    }

    fn tcp(&mut self, address: Ipv4Addr) -> Result<SocketAddr, BootError> {
        let wanted = SocketAddr::from((address, self.port()));
        let failed = |source| BootError::listen("local", wanted, source);
        let socket = TcpListener::bind(wanted).map_err(failed)?;
        let found = socket.local_addr().map_err(failed)?;
        self.held_tcp.push(socket);
        Ok(found)
    }
}

#[cfg(test)]
mod tests;
