//! Goal: on a network of hosts an address outlives its owner, for everybody on the segment.
//! Method: network namespaces as hosts on one bridge, each with a real daemon and the Linux platform; another
//! host keeps connecting to the address while its owner is killed. Needs root (or user namespaces) and `ip`;
//! where that is missing the test says SKIPPED and passes.
#![allow(clippy::unwrap_used)]

mod common;

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use common::wait;

const ADDRESS: &str = "10.77.0.100";
const HOSTS: [&str; 3] = ["h1", "h2", "h3"];

/// A bridge with hosts, all of them namespaces; they vanish with this value.
struct Network {
    tag: String,
}

impl Network {
    fn host(&self, name: &str) -> String {
        format!("rf{}{name}", self.tag)
    }

    /// Three hosts, a client and a switch.
    fn build() -> Result<Self, String> {
        let network = Self {
            tag: format!("{:x}", std::process::id() & 0xffff),
        };
        let switch = network.host("sw");
        ip(&["netns", "add", &switch])?;
        ip(&[
            "-n",
            &switch,
            "link",
            "add",
            "br0",
            "type",
            "bridge",
            "forward_delay",
            "0",
        ])?;
        ip(&["-n", &switch, "link", "set", "br0", "up"])?;
        for (number, name) in HOSTS.iter().chain(&["client"]).enumerate() {
            let host = network.host(name);
            let port = format!("p{number}");
            ip(&["netns", "add", &host])?;
            ip(&[
                "-n", &switch, "link", "add", &port, "type", "veth", "peer", "name", "eth0",
                "netns", &host,
            ])?;
            ip(&["-n", &switch, "link", "set", &port, "master", "br0", "up"])?;
            let address = format!("10.77.0.{}/24", number + 1);
            ip(&["-n", &host, "address", "add", &address, "dev", "eth0"])?;
            ip(&["-n", &host, "link", "set", "eth0", "up"])?;
            ip(&["-n", &host, "link", "set", "lo", "up"])?;
        }
        Ok(network)
    }

    /// Runs a program on a host.
    fn on(&self, host: &str, program: &str) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.host(host), program]);
        command
    }

    /// Whether the host has the virtual address on its interface.
    fn holds(&self, host: &str) -> bool {
        let output = Command::new("ip")
            .args([
                "-n",
                &self.host(host),
                "-o",
                "address",
                "show",
                "dev",
                "eth0",
            ])
            .output()
            .unwrap();
        String::from_utf8_lossy(&output.stdout).contains(&format!("{ADDRESS}/32"))
    }

    fn owner(&self, hosts: &[&'static str]) -> Option<&'static str> {
        let owners: Vec<_> = hosts.iter().filter(|host| self.holds(host)).collect();
        (owners.len() == 1).then(|| *owners[0])
    }

    /// The banner that the client host reads at the address, if it answers.
    fn banner(&self) -> Option<String> {
        // bash opens the connection, so that nothing has to be installed on the client.
        let script = format!("exec 3<>/dev/tcp/{ADDRESS}/2525 && head -1 <&3");
        let output = self
            .on("client", "timeout")
            .args(["1", "bash", "-c", &script])
            .stderr(Stdio::null())
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        text.starts_with("220 ").then_some(text)
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        for name in HOSTS.iter().chain(&["client", "sw"]) {
            let _ = ip(&["netns", "delete", &self.host(name)]);
        }
    }
}

fn ip(arguments: &[&str]) -> Result<(), String> {
    let output = Command::new("ip")
        .args(arguments)
        .output()
        .map_err(|error| error.to_string())?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(format!("ip {}: {}", arguments.join(" "), said.trim()))
}

fn configuration(directory: &Path, name: &str) -> PathBuf {
    let own = directory.join(name);
    fs::create_dir_all(&own).unwrap();
    let peers: String = HOSTS
        .iter()
        .enumerate()
        .map(|(number, host)| format!("    {host} = \"10.77.0.{}\"\n", number + 1))
        .collect();
    let own = own.display();
    let text = format!(
        "Cluster_Name = \"network-test\"
State_Dir = \"{own}/state\"
Bus {{ Client_Listen = () }}
msgc_server {{
  peers = [
{peers}  ]
}}
Control_Listener {{ Listen \"{own}/control\" {{ }} }}
cluster {{
  nodename = \"{name}\"
  view_mature_time = 0.3
  view_balance_interval = 1
  logs = [ mainlog = \"{own}/mainlog\" ]
  Topology \"10.77.0.0/24\" {{ interface = \"eth0\" }}
}}
ec_logger \"ec_logger_cluster\" {{ mainlog = \"cluster://{own}/mainlog=>master\" }}
ESMTP_Listener {{ Listen \"{ADDRESS}:2525\" {{ Enable_Duravip = true }} }}
"
    );
    let path = directory.join(name).join("ringfort.conf");
    fs::write(&path, text).unwrap();
    let others = HOSTS.iter().filter(|host| **host != name).copied();
    common::write_keys(&directory.join(name).join("state"), name, others);
    path
}

/// Daemons that end with the test.
struct Daemons(Vec<(&'static str, Child)>);

impl Daemons {
    fn start(network: &Network, directory: &Path) -> Self {
        Self(
            HOSTS
                .iter()
                .map(|name| {
                    let configuration = configuration(directory, name);
                    let output = File::create(directory.join(name).join("output")).unwrap();
                    let child = network
                        .on(name, env!("CARGO_BIN_EXE_ringfort"))
                        .args(["node", "--config"])
                        .arg(configuration)
                        .stdin(Stdio::null())
                        .stderr(output)
                        .spawn()
                        .unwrap();
                    (*name, child)
                })
                .collect(),
        )
    }

    /// Kills one as a crash does. `ip netns exec` becomes the program, so the child is the daemon itself.
    fn kill(&mut self, name: &str) {
        let at = self.0.iter().position(|(known, _)| *known == name).unwrap();
        let (_, mut child) = self.0.remove(at);
        child.kill().unwrap();
        child.wait().unwrap();
    }
}

impl Drop for Daemons {
    fn drop(&mut self) {
        for (_, child) in &mut self.0 {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

#[test]
fn an_address_outlives_its_owner() {
    let network = match Network::build() {
        Ok(network) => network,
        Err(why) => {
            println!("SKIPPED: network namespaces are not to be had here: {why}");
            return;
        }
    };
    let directory = tempfile::tempdir().unwrap();
    let mut daemons = Daemons::start(&network, directory.path());
    let said = || {
        HOSTS
            .map(|name| {
                fs::read_to_string(directory.path().join(name).join("output")).unwrap_or_default()
            })
            .join("\n--\n")
    };
    let owner = wait(&format!("an owner\n{}", said()), || network.owner(&HOSTS));
    let banner = wait(&format!("an answer\n{}", said()), || network.banner());
    assert!(banner.starts_with(&format!("220 {owner} ")), "{banner}");

    daemons.kill(owner);
    // The dead owner's kernel keeps the address, as a host with a hung daemon does. Whoever takes it announces
    // it, and the announcement is what moves the client over.
    let rest: Vec<&str> = HOSTS.into_iter().filter(|host| *host != owner).collect();
    let heir = wait(&format!("an heir\n{}", said()), || network.owner(&rest));
    wait(&format!("an answer of the heir {heir}\n{}", said()), || {
        network
            .banner()
            .filter(|banner| banner.starts_with(&format!("220 {heir} ")))
    });
}
