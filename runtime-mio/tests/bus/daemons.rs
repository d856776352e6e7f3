//! Daemons of `ringfort bus` for tests: each on an address of the loopback of its own, all on one port, as on
//! hosts of their own.

use std::{
    fs::{self, File},
    net::{Ipv4Addr, SocketAddr, TcpListener, UdpSocket},
    path::PathBuf,
    process::Child,
    sync::atomic::{AtomicU8, Ordering},
};

use tempfile::TempDir;

use crate::{
    client::{Client, Door},
    common::{ringfort, run, wait, write_keys},
};

/// A cluster of daemons that serve clients.
pub(crate) struct Cluster {
    directory: TempDir,
    network: u8,
    port: u16,
    names: Vec<String>,
    /// Added to `Bus` of each.
    pub(crate) more: String,
    /// Whether they listen on TCP.
    pub(crate) on_tcp: bool,
    children: Vec<Option<Child>>,
}

impl Cluster {
    /// Daemons called `names`, in the order of the configuration; none runs.
    pub(crate) fn new(names: &[&str]) -> Self {
        // Tests of this process use different networks; processes are kept apart by the port.
        static NETWORKS: AtomicU8 = AtomicU8::new(1);
        let network = NETWORKS.fetch_add(1, Ordering::Relaxed);
        let base = 12_000 + (std::process::id() % 2_000) as u16 * 8;
        let free = |port: &u16| {
            let address = SocketAddr::from((address(network, 0), *port));
            UdpSocket::bind(address).is_ok() && TcpListener::bind(address).is_ok()
        };
        Self {
            directory: tempfile::tempdir().unwrap(),
            network,
            port: (base..base + 2_000).find(free).expect("a free port"),
            names: names.iter().map(ToString::to_string).collect(),
            more: String::new(),
            on_tcp: true,
            children: names.iter().map(|_| None).collect(),
        }
    }

    /// The same, and all of them run.
    pub(crate) fn started(names: &[&str]) -> Self {
        let mut cluster = Self::new(names);
        cluster.start();
        cluster
    }

    /// Starts all and waits until they are one ring.
    pub(crate) fn start(&mut self) {
        for index in 0..self.names.len() {
            self.start_one(index);
        }
        self.wait_members(&(0..self.names.len()).collect::<Vec<_>>());
    }

    /// Writes the configuration of one.
    pub(crate) fn write(&self, index: usize) -> PathBuf {
        let directory = self.path(index);
        fs::create_dir_all(&directory).unwrap();
        let configuration = directory.join("bus.conf");
        fs::write(&configuration, self.text(index)).unwrap();
        configuration
    }

    /// Starts one, and waits until it lets clients in. Its life is recorded.
    pub(crate) fn start_one(&mut self, index: usize) {
        let configuration = self.write(index);
        let directory = self.path(index);
        let output = File::options()
            .create(true)
            .append(true)
            .open(directory.join("output"))
            .unwrap();
        let child = ringfort()
            .args(["bus", "--config"])
            .arg(&configuration)
            .arg("--journal")
            .arg(self.journal(index))
            .stdout(output.try_clone().unwrap())
            .stderr(output)
            .spawn()
            .unwrap();
        self.children[index] = Some(child);
        wait("the socket of clients", || {
            let ended = self.children[index].as_mut().unwrap().try_wait().unwrap();
            assert!(ended.is_none(), "it has ended:\n{}", self.said(index));
            std::os::unix::net::UnixStream::connect(self.socket(index)).ok()
        });
    }

    /// Waits until each of these says that it is in a ring with exactly these.
    pub(crate) fn wait_members(&self, members: &[usize]) {
        let mut names: Vec<&str> = members
            .iter()
            .map(|one| self.names[*one].as_str())
            .collect();
        names.sort_unstable();
        for index in members {
            let control = self.path(*index).join("state/control");
            wait(&format!("{names:?} at {}", self.names[*index]), || {
                let arguments = [control.to_str().unwrap(), "cluster membership --json"];
                let output = run(&["console", arguments[0], arguments[1]]);
                let report: serde_json::Value = serde_json::from_slice(&output.stdout).ok()?;
                let mut found: Vec<String> = report["members"]
                    .as_array()?
                    .iter()
                    .filter_map(|member| Some(member["node_name"].as_str()?.to_owned()))
                    .collect();
                found.sort_unstable();
                (found == names).then_some(())
            });
        }
    }

    fn path(&self, index: usize) -> PathBuf {
        self.directory.path().join(&self.names[index])
    }

    pub(crate) fn socket(&self, index: usize) -> PathBuf {
        self.path(index).join(self.port.to_string())
    }

    /// What it was told, recorded.
    pub(crate) fn journal(&self, index: usize) -> PathBuf {
        self.path(index).join("journal")
    }

    /// Its Unix socket.
    pub(crate) fn unix(&self, index: usize) -> Door {
        Door::Unix(self.socket(index))
    }

    /// Its TCP port.
    pub(crate) fn tcp(&self, index: usize) -> Door {
        let address = address(self.network, index);
        Door::Tcp(SocketAddr::from((address, self.port)))
    }

    /// A client of this daemon, on the Unix socket.
    pub(crate) fn client(&self, index: usize, name: &str) -> Client {
        Client::connect(&self.unix(index), name)
    }

    /// Everything it has written so far.
    pub(crate) fn said(&self, index: usize) -> String {
        fs::read_to_string(self.path(index).join("output")).unwrap_or_default()
    }

    /// Sends a signal.
    pub(crate) fn signal(&mut self, index: usize, signal: &str) {
        let id = self.children[index].as_ref().unwrap().id().to_string();
        let status = std::process::Command::new("kill")
            .args([signal, &id])
            .status();
        assert!(status.unwrap().success());
    }

    /// Ends one without a word.
    pub(crate) fn crash(&mut self, index: usize) {
        let mut child = self.children[index].take().unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
    }

    /// Asks one to leave, and waits for its end.
    pub(crate) fn stop(&mut self, index: usize) {
        self.signal(index, "-TERM");
        let status = self.children[index].take().unwrap().wait().unwrap();
        assert!(status.success(), "{status}\n{}", self.said(index));
    }

    fn text(&self, index: usize) -> String {
        let state = self.path(index).join("state");
        let (own, port) = (address(self.network, index), self.port);
        let others = self.names.iter().map(String::as_str);
        write_keys(&state, &self.names[index], others);
        let peers: String = self
            .names
            .iter()
            .enumerate()
            .map(|(place, name)| {
                format!(
                    "  {name} = \"{}:{}\"\n",
                    address(self.network, place),
                    self.port
                )
            })
            .collect();
        format!(
            "Cluster_Name = \"bus-{}-{}\"
State_Dir = \"{}\"
Bus {{
  Bind_Address = {own}
  Port = {port}
  Client_Listen = ( \"{}\" {tcp} )
  {}
}}
msgc_server {{ peers = [
{peers}] }}
cluster {{ nodename = \"{}\" }}
",
            std::process::id(),
            self.network,
            state.display(),
            self.socket(index).display(),
            self.more,
            self.names[index],
            tcp = if self.on_tcp {
                format!("\"{own}:{port}\"")
            } else {
                String::new()
            },
        )
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        for child in self.children.iter_mut().flatten() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

fn address(network: u8, index: usize) -> Ipv4Addr {
    Ipv4Addr::new(127, 78, network, index as u8 + 1)
}
