//! Real daemons for tests: the built program, real sockets on the loopback, a directory of the test's own.
//!
//! Nothing here sleeps and hopes: every wait is for something that can be observed from outside, with a limit.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used)]

use std::{
    fs::{self, File},
    io::Read,
    net::{SocketAddr, TcpListener, UdpSocket},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Output, Stdio},
    sync::atomic::{AtomicU16, Ordering},
    time::{Duration, Instant},
};

/// The longest that any wait may take; generous, since tests share a busy machine.
pub const LIMIT: Duration = Duration::from_secs(30);

/// The program.
pub fn ringfort() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ringfort"));
    command
        .env_remove("EC_NODE_NAME")
        .env_remove("EC_SUB_CLUSTER")
        .env_remove("EC_CONF_SEARCH_PATH")
        .env_remove("RINGFORT_LOG")
        .stdin(Stdio::null());
    command
}

/// Runs the program with `arguments` to its end.
pub fn run(arguments: &[&str]) -> Output {
    ringfort().args(arguments).output().unwrap()
}

/// Waits until `condition` gives something.
pub fn wait<T>(what: &str, mut condition: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + LIMIT;
    loop {
        if let Some(found) = condition() {
            return found;
        }
        assert!(Instant::now() < end, "waited in vain for: {what}");
        std::thread::sleep(Duration::from_millis(10)); // the pace of looking
    }
}

/// A UDP port that nobody uses, and that no other call in this process gets.
pub fn free_udp() -> u16 {
    free(|port| UdpSocket::bind(local(port)).is_ok())
}

/// A TCP port that nobody uses, and that no other call in this process gets.
pub fn free_tcp() -> u16 {
    free(|port| TcpListener::bind(local(port)).is_ok())
}

/// Ports below those that the system gives out by itself, counted up from a place of this process's own.
fn free(is_free: impl Fn(u16) -> bool) -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let first = 10_000 + (std::process::id() % 200) as u16 * 100;
    (0..1000)
        .map(|_| first + NEXT.fetch_add(1, Ordering::Relaxed))
        .find(|port| is_free(*port))
        .expect("no free port")
}

/// The key pair that the node `name` has in tests.
pub fn identity(name: &str) -> ringfort_seal::Identity {
    let mut secret = [7; 32];
    for (byte, letter) in secret.iter_mut().zip(name.bytes()) {
        *byte = letter;
    }
    ringfort_seal::Identity::new(ringfort_seal::Secret::new(secret))
}

/// Writes the key of the node `name`, whose state is in `state`, and lets it trust `others`.
pub fn write_keys<'a>(state: &Path, name: &str, others: impl IntoIterator<Item = &'a str>) {
    fs::create_dir_all(state).unwrap();
    let key = state.join("seal.key");
    fs::write(&key, identity(name).secret().to_text()).unwrap();
    fs::set_permissions(&key, PermissionsExt::from_mode(0o600)).unwrap();
    let line = |name: &str| format!("{name} {}\n", identity(name).public());
    let list: String = others.into_iter().map(line).collect();
    fs::write(state.join("seal.trusted"), list).unwrap();
}

/// What a configuration file of a test says.
#[derive(Clone, Debug)]
pub struct Node {
    pub name: String,
    pub cluster: String,
    pub directory: PathBuf,
    pub bus: u16,
    pub streams: u16,
    pub console: u16,
    /// Name and bus port of each other member.
    pub peers: Vec<(String, u16)>,
    /// Added at the end.
    pub more: String,
}

impl Node {
    /// A node alone in its cluster, with everything below `directory`.
    pub fn new(directory: &Path, name: &str) -> Self {
        let bus = free_udp();
        Self {
            name: name.into(),
            cluster: format!("test-{}-{bus}", std::process::id()),
            directory: directory.join(name),
            bus,
            streams: free_tcp(),
            console: free_tcp(),
            peers: Vec::new(),
            more: String::new(),
        }
    }

    pub fn configuration(&self) -> PathBuf {
        self.directory.join("ringfort.conf")
    }

    pub fn control(&self) -> PathBuf {
        self.directory.join("control")
    }

    pub fn output(&self) -> PathBuf {
        self.directory.join("output")
    }

    pub fn log(&self) -> PathBuf {
        self.directory.join("mainlog")
    }

    /// The text of its configuration.
    pub fn text(&self) -> String {
        let peers: String = self
            .peers
            .iter()
            .map(|(name, port)| format!("    {name} = \"127.0.0.1:{port}\"\n"))
            .collect();
        let Self {
            name,
            cluster,
            bus,
            streams,
            console,
            more,
            ..
        } = self;
        let directory = self.directory.display();
        format!(
            "Cluster_Name = \"{cluster}\"
State_Dir = \"{directory}/state\"
Bus {{ Bind_Address = 127.0.0.1 Port = {bus} Client_Listen = () }}
msgc_server {{
  peers = [
    {name} = \"127.0.0.1:{bus}\"
{peers}  ]
}}
ECCluster_Listener {{ Listen \"127.0.0.1:{streams}\" {{ }} }}
Control_Listener {{
  Listen \"{directory}/control\" {{ }}
  Listen \"127.0.0.1:{console}\" {{ }}
}}
cluster {{
  nodename = \"{name}\"
  address_mode = loopback
  view_mature_time = 0.2
  logs = [ mainlog = \"{directory}/mainlog\" ]
  Replicate \"inbound_cidr\" {{ max_delay = 0.1 }}
}}
ec_logger \"ec_logger_cluster\" {{ mainlog = \"cluster://{directory}/mainlog=>master\" }}
{more}
"
        )
    }

    pub fn write(&self) {
        fs::create_dir_all(&self.directory).unwrap();
        fs::write(self.configuration(), self.text()).unwrap();
        let state = self.directory.join("state");
        let names = self.peers.iter().map(|(name, _)| name.as_str());
        write_keys(&state, &self.name, names);
    }

    /// Starts it and waits until its console answers.
    pub fn start(&self) -> Daemon {
        self.start_with(&[])
    }

    /// The same, with more on its command line.
    pub fn start_with(&self, more: &[&str]) -> Daemon {
        self.write();
        let mut daemon = self.spawn_with(more);
        daemon.wait_ready();
        daemon
    }

    /// Starts it without waiting.
    pub fn spawn(&self) -> Daemon {
        self.spawn_with(&[])
    }

    fn spawn_with(&self, more: &[&str]) -> Daemon {
        let output = File::options()
            .create(true)
            .append(true)
            .open(self.output())
            .unwrap();
        let child = ringfort()
            .args(["node", "--config"])
            .arg(self.configuration())
            .args(more)
            .stdout(output.try_clone().unwrap())
            .stderr(output)
            .spawn()
            .unwrap();
        Daemon {
            node: self.clone(),
            child: Some(child),
        }
    }

    /// Runs it to its end, which must come by itself.
    pub fn run_refused(&self) -> String {
        self.run_refused_with(&[])
    }

    /// The same, with more on its command line.
    pub fn run_refused_with(&self, more: &[&str]) -> String {
        self.write();
        let configuration = self.configuration();
        let mut arguments = vec!["node", "--config", configuration.to_str().unwrap()];
        arguments.extend(more);
        let output = run(&arguments);
        assert!(!output.status.success(), "it started all the same");
        String::from_utf8_lossy(&output.stderr).into_owned()
    }
}

/// A running daemon.
#[derive(Debug)]
pub struct Daemon {
    pub node: Node,
    child: Option<Child>,
}

impl Daemon {
    fn wait_ready(&mut self) {
        let control = self.node.control();
        let target = control.to_str().unwrap().to_owned();
        wait("the console", || {
            let ended = self.child.as_mut().unwrap().try_wait().unwrap();
            assert!(ended.is_none(), "it has ended:\n{}", self.said());
            let output = run(&["console", &target, "version"]);
            output.status.success().then_some(())
        });
    }

    /// Asks over its Unix socket.
    pub fn ask(&self, command: &str) -> String {
        let output = run(&["console", self.node.control().to_str().unwrap(), command]);
        assert!(
            output.status.success(),
            "{command}: {output:?}\n{}",
            self.said()
        );
        String::from_utf8(output.stdout).unwrap()
    }

    /// Asks for JSON.
    pub fn json(&self, command: &str) -> serde_json::Value {
        serde_json::from_str(&self.ask(&format!("{command} --json"))).unwrap()
    }

    /// Everything it has written so far.
    pub fn said(&self) -> String {
        let mut said = String::new();
        if let Ok(mut file) = File::open(self.node.output()) {
            file.read_to_string(&mut said).unwrap();
        }
        said
    }

    pub fn wait_said(&self, text: &str) {
        let end = Instant::now() + LIMIT;
        while !self.said().contains(text) {
            assert!(
                Instant::now() < end,
                "never said `{text}`, but:\n{}",
                self.said()
            );
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    pub fn signal(&self, signal: &str) {
        let id = self.child.as_ref().unwrap().id().to_string();
        assert!(
            Command::new("kill")
                .args([signal, &id])
                .status()
                .unwrap()
                .success()
        );
    }

    /// Waits for its end.
    pub fn ended(mut self) -> ExitStatus {
        let mut child = self.child.take().unwrap();
        let name = self.node.name.clone();
        wait(&format!("the end of {name}\n{}", self.said()), || {
            child.try_wait().unwrap()
        })
    }

    /// Asks it to leave and waits.
    pub fn stop(self) {
        self.signal("-TERM");
        let output = self.node.output();
        let status = self.ended();
        assert!(
            status.success(),
            "{status}\n{}",
            fs::read_to_string(output).unwrap()
        );
    }

    /// Whether it runs and its console answers.
    pub fn assert_serving(&mut self) {
        assert!(
            self.child.as_mut().unwrap().try_wait().unwrap().is_none(),
            "it has ended:\n{}",
            self.said()
        );
        assert_eq!(self.ask("cluster nodename").trim(), self.node.name);
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// An address on the loopback.
pub fn local(port: u16) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], port))
}
