//! Random stories: what a seed stands for, how it is played, and what must be true at its end.

use std::time::Duration;

use bytes::Bytes;
use ringfort_evs::Event;
use ringfort_machine::{Level, Rng, Seed};

use super::judge::judge;
use super::world::{Did, Weather, World};

const MS: Duration = Duration::from_millis(1);

/// What a seed stands for.
pub struct Story {
    rng: Rng,
    pub world: World,
    harsh: bool,
    large: bool,
}

impl Story {
    pub fn new(number: u64) -> Self {
        let seed = Seed::from_number(number);
        let mut rng = Rng::new(seed.fork("story"));
        let hosts = rng.between(1, 7) as usize;
        let mut world = World::new(hosts, seed);
        world.configure = match rng.below(4) {
            0 => |config| config.windows.accelerated = 0,
            1 => |config| config.datagram_limit = 300,
            2 => |config| {
                config.windows.outstanding = 40;
                config.windows.global = 20;
                config.windows.personal = 8;
                config.windows.accelerated = 4;
            },
            _ => |_| {},
        };
        let harsh = rng.chance(1, 3);
        let large = rng.chance(1, 3);
        Self {
            rng,
            world,
            harsh,
            large,
        }
    }

    fn weather(&mut self) -> Weather {
        let worst = if self.harsh { 30 } else { 6 };
        let slow = self.rng.between(100, if self.harsh { 8000 } else { 1000 });
        Weather {
            loss_percent: self.rng.below(worst + 1),
            repeat_percent: self.rng.below(worst + 1),
            delay: (Duration::from_micros(30), Duration::from_micros(slow)),
        }
    }

    fn submit(&mut self) {
        let hosts = self.world.up();
        let Some(host) = self.rng.pick(&hosts).copied() else {
            return;
        };
        if self.world.hosts[host].paused.is_some() {
            return;
        }
        for _ in 0..self.rng.between(1, 12) {
            let level = *self.rng.pick(&Level::ALL).unwrap();
            let longest = if self.large && self.rng.chance(1, 8) {
                30_000
            } else {
                200
            };
            let length = self.rng.below(longest) as usize;
            let fill = self.rng.next_u64() as u8;
            let _ = self
                .world
                .submit(host, level, Bytes::from(vec![fill; length]));
        }
    }

    fn disturb(&mut self) {
        let hosts = self.world.hosts.len() as u64;
        let one = self.rng.below(hosts) as usize;
        let other = self.rng.below(hosts) as usize;
        match self.rng.below(12) {
            0 => {
                let mut parts = vec![Vec::new(), Vec::new(), Vec::new()];
                for host in 0..hosts as usize {
                    parts[self.rng.below(3) as usize].push(host);
                }
                self.world.partition(&parts);
            }
            1 | 2 => self.world.cuts.clear(),
            3 => {
                self.world.cuts.insert((one, other));
            }
            4 => {
                self.world.cuts.insert((one, other));
                self.world.cuts.insert((other, one));
            }
            5 if self.rng.chance(1, 2) => self.world.crash(one),
            6 | 7 => {
                if !self.world.is_up(one) {
                    self.world.start(one);
                }
            }
            8 => {
                let length = self.rng.between(5, 400) as u32;
                self.world.pause(one, MS * length);
            }
            9 => self.world.weather = self.weather(),
            10 if self.rng.chance(1, 3) => self.world.event(one, Event::Leave),
            _ => {
                self.world.crash(one);
                if self.rng.chance(3, 4) {
                    self.world.start(one);
                }
            }
        }
    }

    /// Plays it, and says what was wrong.
    pub fn run(&mut self) -> Vec<String> {
        for host in 0..self.world.hosts.len() {
            self.world.start(host);
            if self.rng.chance(1, 2) {
                let wait = self.rng.below(100) as u32;
                self.world.run_for(MS * wait);
            }
        }
        let end = self.world.now + MS * self.rng.between(500, 3000) as u32;
        self.world.weather = self.weather();
        let calm_between = self.rng.between(20, 400);
        let mut next_fault = self.world.now;
        while self.world.now < end {
            let wait = self.rng.between(0, 30) as u32;
            self.world.run_for(MS * wait);
            self.submit();
            if self.world.now >= next_fault {
                self.disturb();
                next_fault = self.world.now + MS * self.rng.below(calm_between) as u32;
            }
        }
        self.calm()
    }

    /// No more faults: all come together, all is delivered.
    fn calm(&mut self) -> Vec<String> {
        self.world.cuts.clear();
        self.world.weather = Weather {
            loss_percent: self.rng.below(3),
            ..Weather::FAIR
        };
        // Who stands still comes back, and who was leaving is gone.
        self.world.run_for(MS * 1100);
        let together = |world: &World| world.is_together(&world.up());
        let mut complaints = Vec::new();
        let limit = Duration::from_secs(20);
        if !self.world.run_while(limit, |world| !together(world)) {
            complaints.push("they did not come together".to_owned());
        }
        for host in self.world.up() {
            let _ = self
                .world
                .submit(host, Level::Safe, Bytes::from_static(b"last"));
        }
        let settled = |world: &World| together(world) && world.is_settled();
        if !self.world.run_while(limit, |world| !settled(world)) {
            complaints.push("not everything was delivered".to_owned());
        }
        complaints.extend(self.stay_together());
        complaints.extend(self.everything_sent());
        complaints.extend(judge(&self.world.lives));
        complaints
    }

    /// In fair weather nobody is evicted, whatever is sent.
    fn stay_together(&mut self) -> Option<String> {
        let changes = |world: &World| -> u64 {
            let status = |host: usize| world.hosts[host].evs.as_ref().unwrap().status().changes;
            world.up().into_iter().map(status).sum()
        };
        let before = changes(&self.world);
        for _ in 0..20 {
            for host in self.world.up() {
                let _ = self
                    .world
                    .submit(host, Level::Agreed, Bytes::from_static(b"more"));
            }
            self.world.run_for(MS * 25);
        }
        let limit = Duration::from_secs(2);
        let settled = self.world.run_while(limit, |world| !world.is_settled());
        (!settled || before != changes(&self.world))
            .then(|| "they did not stay together".to_owned())
    }

    /// Everything submitted by a process that still lives has been sent, unless it was leaving.
    fn everything_sent(&self) -> Vec<String> {
        let mut complaints = Vec::new();
        for host in self.world.up() {
            let process = self.world.process(host);
            let log = &self.world.lives[&process].log;
            let submitted = log
                .iter()
                .filter(|(_, did)| matches!(did, Did::Submitted { .. }))
                .count();
            let sent = log
                .iter()
                .filter(|(_, did)| matches!(did, Did::Sent { .. }))
                .count();
            if submitted != sent {
                complaints.push(format!("{process} submitted {submitted} and sent {sent}"));
            }
        }
        complaints
    }
}
