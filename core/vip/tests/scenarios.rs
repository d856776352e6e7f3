//! Goal: protocol stories that a person can read and review. Method: transcripts in `scenarios`, played on the
//! harness without any delay, so that only what the protocol itself waits for takes time.
//!
//! ```text
//! cluster NODES ADDRESSES [prefer=NODE]   everybody started, each alone
//! together n1 n2 | n3                     these components
//! run MILLISECONDS                        prints what was ordered, owned and noted meanwhile
//! crash NODE [power] · start NODE · leave NODE
//! refuse NODE acquire ADDRESS TIMES · refuse NODE release TIMES
//! move ADDRESS NODE [via=NODE] · reload ADDRESSES
//! show [NODE]                             what the node's status says
//! ```

#![allow(clippy::unwrap_used)] // in helpers of tests, as in tests

mod harness;

use std::{fmt::Write as _, net::IpAddr, path::Path, time::Duration};

use harness::{World, config_of};
use ringfort_testkit::{Step, run_directory};
use ringfort_vip::{Command, Event};

struct Story {
    world: World,
    /// How much of the world's log was printed.
    printed: usize,
}

impl Story {
    fn node(&self, name: &str) -> usize {
        let found = self.world.nodes.iter().position(|node| node.name == name);
        found.unwrap_or_else(|| panic!("no node {name}"))
    }

    fn run(&mut self, step: &Step) -> String {
        match step.command.as_str() {
            "cluster" => self.cluster(step),
            "together" => self.together(step),
            "run" => self.world.run(Duration::from_millis(step.number(0))),
            "crash" => {
                let node = self.node(step.argument(0));
                let power = step.arguments.get(1).is_some_and(|word| word == "power");
                self.world.crash(node, power);
            }
            "start" => {
                let node = self.node(step.argument(0));
                self.world.start(node);
            }
            "leave" => {
                let node = self.node(step.argument(0));
                self.world.event(node, Event::Leave);
            }
            "refuse" => self.refuse(step),
            "move" => self.move_address(step),
            "reload" => {
                let config = config_of(step.number(0) as u8);
                for index in 0..self.world.nodes.len() {
                    self.world.nodes[index].config = config.clone();
                    self.world.event(index, Event::Reload(config.clone()));
                }
            }
            "show" => {
                let node = step.arguments.first().map_or(0, |name| self.node(name));
                return self.show(node);
            }
            other => panic!("line {}: no command {other}", step.line),
        }
        self.world.run(Duration::ZERO);
        self.world.assert_fine();
        self.print()
    }

    fn cluster(&mut self, step: &Step) {
        let mut config = config_of(step.number(1) as u8);
        if let Some(node) = step.option("prefer") {
            config.addresses[0].preference = vec![ringfort_machine::NodeId::of_name(node)];
        }
        self.world = World::new(0, vec![config; step.number(0) as usize]);
        self.world.delay = Duration::ZERO;
        for index in 0..self.world.nodes.len() {
            self.world.start(index);
        }
        self.world.run(Duration::ZERO);
        self.printed = self.world.log.len();
    }

    fn together(&mut self, step: &Step) {
        let mut components = vec![usize::MAX; self.world.nodes.len()];
        let mut component = 0;
        for word in &step.arguments {
            if word == "|" {
                component += 1;
            } else {
                components[self.node(word)] = component;
            }
        }
        for place in &mut components {
            if *place == usize::MAX {
                component += 1;
                *place = component;
            }
        }
        self.world.partition(&components);
    }

    fn refuse(&mut self, step: &Step) {
        let node = self.node(step.argument(0));
        let host = &mut self.world.nodes[node].host;
        if step.argument(1) == "acquire" {
            let address: IpAddr = step.argument(2).parse().unwrap();
            host.refuse_acquire.insert(address, step.number(3) as u32);
        } else {
            host.refuse_release = step.number(2) as u32;
        }
    }

    fn move_address(&mut self, step: &Step) {
        let address = step.argument(0).parse().unwrap();
        let to = ringfort_machine::NodeId::of_name(step.argument(1));
        let via = step.option("via").map_or(0, |name| self.node(name));
        let request = step.line as u64;
        let command = Command::Move { address, to };
        self.world.event(via, Event::Command { request, command });
    }

    /// The log since the last print, without the periodic checks.
    fn print(&mut self) -> String {
        let lines: Vec<&str> = self.world.log[self.printed..]
            .iter()
            .map(String::as_str)
            .filter(|line| !line.ends_with(" survey") && !line.contains(" partition "))
            .filter(|line| !line.contains(" notes Taken") && !line.contains(" notes Released"))
            .collect();
        let text = lines.join("\n");
        self.printed = self.world.log.len();
        text
    }

    fn show(&self, node: usize) -> String {
        let Some(vip) = self.world.nodes[node].vip.as_ref() else {
            return "not running".into();
        };
        let status = vip.status(self.world.now);
        let mut text = format!("{:?} mature={}\n", status.phase, status.mature);
        for slot in status.addresses {
            let name = |process: &ringfort_machine::ProcessId| {
                let node = self.world.nodes.iter().find(|node| node.id == process.node);
                node.map_or_else(String::new, |node| node.name.clone())
            };
            let holders: Vec<String> = slot.holders.iter().map(name).collect();
            let _ = writeln!(
                text,
                "{} owner={} holders={} here={:?}{}",
                slot.address,
                slot.owner.as_ref().map_or_else(|| "-".into(), name),
                holders.join(","),
                slot.local,
                if slot.pinned.is_some() { " pinned" } else { "" },
            );
        }
        text
    }
}

#[test]
fn every_story_reads_as_written() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios");
    run_directory(&directory, |_| {
        let mut story = Story {
            world: World::new(0, vec![]),
            printed: 0,
        };
        move |step| story.run(step)
    });
}
