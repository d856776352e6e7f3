//! Goal: each promise of the service in the shortest story that shows it. Method: the harness, one bus, no
//! random faults; delays are drawn, so nothing may depend on them.

mod harness;

use std::{net::IpAddr, time::Duration};

use harness::{World, address, config_of, vip_config};
use ringfort_machine::NodeId;
use ringfort_vip::{Command, CommandError, Config, Event, Flags, Hold, Note, Phase, Standing};

const SECOND: Duration = Duration::from_secs(1);

fn ip(last: u8) -> IpAddr {
    IpAddr::from([10, 0, 0, last])
}

/// `nodes` equal members of one component, mature, with `addresses` addresses, evened out.
fn cluster(nodes: usize, addresses: u8) -> World {
    cluster_of(vec![config_of(addresses); nodes])
}

fn cluster_of(configs: Vec<Config>) -> World {
    let nodes = configs.len();
    let mut world = World::new(1, configs);
    for index in 0..nodes {
        world.start(index);
    }
    world.partition(&vec![0; nodes]);
    world.run(5 * SECOND);
    world
}

fn owner(world: &World, address: IpAddr) -> usize {
    let holders = world.holders(address);
    assert_eq!(holders.len(), 1, "{address}");
    holders[0]
}

#[test]
pub(crate) fn the_first_start_waits_once_and_then_shares_evenly() {
    let mut world = World::new(3, vec![config_of(6); 3]);
    for index in 0..3 {
        world.start(index);
    }
    world.partition(&[0, 0, 0]);
    world.run(Duration::from_millis(1900));
    assert_eq!(world.loads(), [0, 0, 0]);
    world.run(Duration::from_millis(200));
    assert_eq!(world.loads(), [2, 2, 2]);
    // A joiner to a mature cluster does not wait.
    world.check_covered();
    world.assert_fine();
}

#[test]
pub(crate) fn leftovers_go_before_the_node_is_ready() {
    let mut world = World::new(1, vec![config_of(2)]);
    let stray = address("10.9.9.9/32");
    for net in [address("10.0.0.1/32"), stray] {
        world.nodes[0]
            .host
            .interfaces
            .insert(net.addr(), (net, "eth0".into()));
    }
    world.start(0);
    assert!(!world.nodes[0].ready);
    world.run(SECOND);
    assert!(world.nodes[0].ready);
    assert!(world.nodes[0].host.interfaces.is_empty());
    assert!(world.nodes[0].notes.contains(&Note::Ready { leftovers: 2 }));
    world.assert_fine();
}

#[test]
fn a_departure_is_taken_over_at_the_view_itself() {
    let mut world = cluster(3, 6);
    world.delay = Duration::ZERO;
    world.crash(1, false);
    // No time passes: the view alone is enough.
    world.run(Duration::ZERO);
    assert_eq!(world.loads(), [3, 3]);
    world.check_covered();
    world.assert_fine();
}

#[test]
fn a_planned_move_releases_first_and_sticks() {
    let mut world = cluster(3, 3);
    let from = owner(&world, ip(1));
    let to = (from + 1) % 3;
    let target = world.nodes[to].id;
    let command = Command::Move {
        address: ip(1),
        to: target,
    };
    // Asked of a third node, and of two at once: the same as once.
    world.event(
        (from + 2) % 3,
        Event::Command {
            request: 7,
            command,
        },
    );
    world.event(
        from,
        Event::Command {
            request: 8,
            command,
        },
    );
    world.run(SECOND);
    assert_eq!(owner(&world, ip(1)), to);
    assert_eq!(world.nodes[(from + 2) % 3].replies[&7], Ok(()));
    assert_eq!(world.nodes[from].replies[&8], Ok(()));
    // Balance leaves it there, and moves another one to even out.
    world.run(10 * SECOND);
    assert_eq!(owner(&world, ip(1)), to);
    assert_eq!(world.loads(), [1, 1, 1]);
    // Until the target leaves; then it does not come back by itself.
    world.crash(to, true);
    world.run(SECOND);
    world.start(to);
    world.partition(&[0, 0, 0]);
    world.run(SECOND);
    assert_ne!(owner(&world, ip(1)), to);
    world.assert_fine();
}

#[test]
fn moves_are_refused_with_a_reason() {
    let mut configs = vec![config_of(2); 2];
    configs[1].addresses.pop();
    let mut follower = vip_config(address("10.0.0.7/32"));
    follower.follow = Some(ip(1));
    for config in &mut configs {
        config.addresses.push(follower.clone());
    }
    let mut world = World::new(1, configs);
    world.start(0);
    world.start(1);
    let (one, two) = (world.nodes[0].id, world.nodes[1].id);
    let ask = |world: &mut World, request, address, to| {
        let command = Command::Move { address, to };
        world.event(0, Event::Command { request, command });
        world.run(SECOND);
        world.nodes[0].replies[&request]
    };
    assert_eq!(ask(&mut world, 1, ip(1), one), Err(CommandError::Unsettled));
    assert_eq!(ask(&mut world, 2, ip(1), one), Err(CommandError::NotMature));
    world.partition(&[0, 0]);
    world.run(5 * SECOND);
    let nobody = NodeId::of_name("nobody");
    let unknown = CommandError::UnknownAddress(ip(99));
    assert_eq!(ask(&mut world, 3, ip(99), one), Err(unknown));
    let unknown = CommandError::UnknownNode(nobody);
    assert_eq!(ask(&mut world, 4, ip(1), nobody), Err(unknown));
    let incapable = CommandError::Incapable(ip(2));
    assert_eq!(ask(&mut world, 5, ip(2), two), Err(incapable));
    let follows = CommandError::Follows {
        address: ip(7),
        followed: ip(1),
    };
    assert_eq!(ask(&mut world, 6, ip(7), one), Err(follows));
    assert_eq!(ask(&mut world, 7, ip(1), two), Ok(()));
    assert_eq!(owner(&world, ip(1)), 1);
    // The follower went along.
    assert_eq!(owner(&world, ip(7)), 1);
    world.assert_fine();
}

/// Whoever takes an address tells the neighbours, who may still know the place it was at.
#[test]
pub(crate) fn a_new_owner_tells_the_neighbours() {
    let mut world = cluster(3, 3);
    let from = owner(&world, ip(1));
    world.crash(from, true);
    world.run(2 * SECOND);
    let next = owner(&world, ip(1));
    assert_ne!(world.nodes[next].host.announced.get(&ip(1)), None);
    world.assert_fine();
}

#[test]
pub(crate) fn a_merge_ends_the_overlap_and_the_winner_tells_the_neighbours() {
    let mut world = cluster(4, 4);
    world.partition(&[0, 0, 1, 1]);
    world.run(5 * SECOND);
    for last in 1..=4 {
        assert_eq!(world.holders(ip(last)).len(), 2, "each side serves all");
    }
    let told = |world: &World, index: usize| world.nodes[index].host.announced.clone();
    let before: Vec<_> = (0..4).map(|index| told(&world, index)).collect();
    world.partition(&[0, 0, 0, 0]);
    world.run(2 * SECOND);
    for last in 1..=4 {
        let winner = owner(&world, ip(last));
        let count = |tally: &std::collections::BTreeMap<IpAddr, u32>| tally.get(&ip(last)).copied();
        assert!(count(&told(&world, winner)) > count(&before[winner]));
    }
    assert_eq!(world.loads(), [1, 1, 1, 1]);
    world.assert_fine();
}

#[test]
pub(crate) fn preference_wins_and_fails_back_in_order() {
    let mut configs = vec![config_of(3); 3];
    let list = vec![NodeId::of_name("N2"), NodeId::of_name("n3")];
    for config in &mut configs {
        config.addresses[0].preference = list.clone();
    }
    let mut world = cluster_of(configs);
    assert_eq!(owner(&world, ip(1)), 1);
    world.crash(1, true);
    world.run(SECOND);
    assert_eq!(owner(&world, ip(1)), 2);
    world.start(1);
    world.run(SECOND);
    world.partition(&[0, 0, 0]);
    world.run(SECOND);
    assert_eq!(owner(&world, ip(1)), 1);
    world.assert_fine();
}

#[test]
fn contradictions_are_flagged_and_never_take_an_address_down() {
    let mut configs = vec![config_of(3); 2];
    configs[0].addresses[0].preference = vec![NodeId::of_name("n1")];
    configs[1].addresses[0].preference = vec![NodeId::of_name("n2")];
    configs[1].addresses[1].services.listener = false;
    configs[0].addresses[2].names = vec!["b".into()];
    configs[1].addresses[2].names = vec!["c".into()];
    let world = cluster_of(configs.clone());
    let status = world.nodes[0].vip.as_ref().unwrap().status(world.now);
    assert_eq!(status.phase, Phase::Running);
    let flags: Vec<Flags> = status.addresses.iter().map(|slot| slot.flags).collect();
    let clean = Flags::default();
    assert_eq!(
        flags[0],
        Flags {
            conflict: true,
            ..clean
        }
    );
    assert_eq!(
        flags[1],
        Flags {
            services_differ: true,
            ..clean
        }
    );
    assert_eq!(
        flags[2],
        Flags {
            broken: true,
            ..clean
        }
    );
    assert_eq!(world.holders(ip(1)).len(), 1);
    assert_eq!(world.holders(ip(2)).len(), 1);
    assert!(
        world.holders(ip(3)).is_empty(),
        "a broken address is not taken"
    );

    // An address that breaks while it is served stays where it is.
    let mut world = cluster_of(vec![config_of(3); 2]);
    let held = owner(&world, ip(3));
    for (index, config) in configs.into_iter().enumerate() {
        world.nodes[index].config = config.clone();
        world.event(index, Event::Reload(config));
    }
    world.run(5 * SECOND);
    assert_eq!(owner(&world, ip(3)), held);
    world.assert_fine();
}

#[test]
pub(crate) fn a_refused_acquisition_goes_to_another_and_is_tried_again_if_there_is_none() {
    let mut world = World::new(1, vec![config_of(1); 2]);
    for index in 0..2 {
        world.nodes[index].host.refuse_acquire.insert(ip(1), 1);
        world.start(index);
    }
    world.partition(&[0, 0]);
    world.run(2 * SECOND + Duration::from_millis(500));
    assert!(world.holders(ip(1)).is_empty(), "both have refused");
    world.run(2 * SECOND);
    assert_eq!(world.holders(ip(1)).len(), 1);
    let status = world.nodes[0].vip.as_ref().unwrap().status(world.now);
    let doubtful = |standing| standing == Standing::Doubtful;
    assert!(
        status.addresses[0]
            .members
            .iter()
            .any(|m| doubtful(m.standing))
    );
    world.assert_fine();
}

#[test]
fn a_refused_release_keeps_the_address_from_others_until_it_works() {
    let mut world = cluster(2, 1);
    let from = owner(&world, ip(1));
    let to = 1 - from;
    world.nodes[from].host.refuse_release = 4;
    let target = world.nodes[to].id;
    let command = Command::Move {
        address: ip(1),
        to: target,
    };
    world.event(
        from,
        Event::Command {
            request: 1,
            command,
        },
    );
    world.run(Duration::from_millis(500));
    assert_eq!(owner(&world, ip(1)), from);
    let status = world.nodes[from].vip.as_ref().unwrap().status(world.now);
    assert_eq!(status.addresses[0].local, Hold::Stuck);
    world.run(3 * SECOND);
    assert_eq!(owner(&world, ip(1)), to);
    world.assert_fine();
}

#[test]
fn the_periodic_check_puts_back_what_is_missing_and_removes_what_is_stray() {
    let mut world = cluster(2, 2);
    let index = owner(&world, ip(1));
    let lost = world.nodes[index].host.interfaces.remove(&ip(1)).unwrap();
    let stray = address("10.0.0.200/32");
    world.nodes[index]
        .host
        .interfaces
        .insert(stray.addr(), (stray, "eth0".into()));
    world.run(3 * SECOND);
    assert!(!world.nodes[index].has(stray.addr()));
    assert!(!world.nodes[index].has(ip(1)), "one check is not enough");
    world.run(3 * SECOND);
    assert_eq!(world.nodes[index].host.interfaces.get(&ip(1)), Some(&lost));
    world.check_covered();
    world.assert_fine();
}

#[test]
fn a_reload_everywhere_at_once_is_safe() {
    let mut world = cluster(3, 6);
    let mut config = config_of(8);
    config.addresses.remove(0);
    config.addresses[0].address = address("10.0.0.2/24");
    for index in 0..3 {
        world.nodes[index].config = config.clone();
        world.event(index, Event::Reload(config.clone()));
    }
    world.run(5 * SECOND);
    assert!(world.holders(ip(1)).is_empty());
    world.check_covered();
    let kept = owner(&world, ip(2));
    assert_eq!(
        world.nodes[kept].host.interfaces[&ip(2)].0,
        address("10.0.0.2/24")
    );
    world.assert_fine();
}

#[test]
fn a_bad_reload_changes_nothing() {
    let mut world = cluster(1, 2);
    let mut config = config_of(2);
    config.addresses[1].address = config.addresses[0].address;
    world.event(0, Event::Reload(config));
    world.run(SECOND);
    assert!(matches!(
        world.nodes[0].notes.last(),
        Some(Note::ConfigRefused(_))
    ));
    world.check_covered();
    world.assert_fine();
}

#[test]
fn leaving_gives_everything_back_first() {
    let mut world = cluster(3, 6);
    world.event(1, Event::Leave);
    world.run(SECOND);
    assert!(world.nodes[1].left);
    assert!(world.nodes[1].host.interfaces.is_empty());
    world.check_covered();
    world.assert_fine();
}

#[test]
fn leaving_ends_although_the_platform_hangs() {
    let mut world = cluster(2, 2);
    world.nodes[0].host.hung = true;
    world.event(0, Event::Leave);
    world.run(4 * SECOND);
    assert!(!world.nodes[0].left);
    world.run(2 * SECOND);
    assert!(world.nodes[0].left);
}

#[test]
fn a_start_without_an_answer_does_not_hold_up_the_others() {
    let mut world = cluster(3, 3);
    world.crash(2, true);
    world.nodes[2].host.hung = true;
    world.start(2);
    world.partition(&[0, 0, 0]);
    world.run(4 * SECOND);
    world.crash(1, true);
    world.run(SECOND);
    assert_eq!(world.loads(), [3, 0]);
    world.assert_fine();
}

#[test]
fn an_incapable_member_gets_nothing_and_may_lead() {
    let mut configs = vec![config_of(4); 3];
    for config in &mut configs[..1] {
        config.me_capable = false;
    }
    let world = cluster_of(configs);
    let mut loads = world.loads();
    loads.sort_unstable();
    assert_eq!(loads, [0, 2, 2]);
    assert_eq!(world.nodes[0].served.len(), 0);
    world.assert_fine();
}

#[test]
fn balance_moves_no_more_than_its_limit_at_once() {
    let mut world = cluster(1, 6);
    let mut config = config_of(6);
    config.balance_set_size = 2;
    world.nodes.truncate(1);
    let mut two = World::new(5, vec![config.clone(), config]);
    two.start(0);
    two.run(4 * SECOND);
    assert_eq!(two.loads(), [6]);
    two.start(1);
    two.run(Duration::from_millis(100));
    two.partition(&[0, 0]);
    two.run(Duration::from_millis(900));
    assert_eq!(two.loads(), [6, 0], "no failback storm");
    two.run(SECOND);
    assert_eq!(two.loads(), [4, 2]);
    two.run(SECOND);
    assert_eq!(two.loads(), [3, 3]);
    two.run(5 * SECOND);
    assert_eq!(two.loads(), [3, 3]);
    two.check_covered();
    two.assert_fine();
}

#[test]
fn a_table_of_many_parts_and_a_takeover_of_hundreds() {
    let mut config = config_of(0);
    for third in 0..3 {
        for last in 0..=255 {
            let net = address(&format!("10.1.{third}.{last}/32"));
            config.addresses.push(vip_config(net));
        }
    }
    let mut world = cluster_of(vec![config; 3]);
    assert_eq!(world.loads(), [256, 256, 256]);
    world.crash(0, false);
    world.run(SECOND);
    assert_eq!(world.loads(), [384, 384]);
    world.event(1, Event::Leave);
    world.run(SECOND);
    assert_eq!(world.loads(), [768]);
    world.check_covered();
    world.assert_fine();
}

#[test]
fn the_status_and_the_tables_say_what_is_so() {
    let mut configs = vec![config_of(2); 2];
    configs[1].addresses.pop();
    for config in &mut configs {
        config.addresses[0].names = vec!["b2".into(), "b1".into()];
    }
    let mut world = cluster_of(configs);
    world.run(3 * SECOND);
    let vip = world.nodes[0].vip.as_ref().unwrap();
    let status = vip.status(world.now);
    let first = &status.addresses[0];
    assert_eq!(first.names, ["b1", "b2"]);
    assert!(first.services.listener && first.services.binding);
    assert_eq!(first.members.len(), 2);
    assert_eq!(first.holders, [first.owner.unwrap()]);
    // Elected 2 s after the start, configured since the two met at the start.
    assert_eq!(first.view_stable.as_secs(), 5);
    assert_eq!(first.configuration_stable.as_secs(), 7);
    assert_eq!(status.addresses[1].members.len(), 1);
    let tables = vip.tables();
    let mut sizes: Vec<usize> = tables.iter().map(|table| table.addresses.len()).collect();
    sizes.sort_unstable();
    assert_eq!(sizes, [1, 2]);
    let held = tables.iter().flat_map(|table| &table.addresses);
    assert_eq!(held.filter(|address| address.tenure.is_some()).count(), 2);
}
