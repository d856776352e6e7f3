//! Addresses, disks, pauses and ends.

use ringfort_logs::DiskAction;
use ringfort_node::Halt;

use super::*;
use crate::{
    faults::{Ailing, BOUND},
    options::vip,
};

fn address(action: &str) -> Vec<Action> {
    let (address, interface) = (vip(1), INTERFACE.to_owned());
    let action = match action {
        "survey" => AddressAction::Survey,
        "acquire" => AddressAction::Acquire { address, interface },
        "wrong" => AddressAction::Acquire {
            address,
            interface: "eth9".to_owned(),
        },
        "announce" => AddressAction::Announce { address, interface },
        "release" => AddressAction::Release { address, interface },
        other => panic!("{other}"),
    };
    vec![Action::Address(OrderId(1), action)]
}

fn addresses() -> Stage {
    Stage::new(2, on_command(|_, command| address(command)))
}

const UP: &str = r#"VipUp { vip: "10.77.2.1/32", iface: "eth0" }"#;
const DOWN: &str = r#"VipDown { vip: "10.77.2.1/32", iface: "eth0" }"#;

#[test]
fn address_lines_tell_what_the_interface_has() {
    let mut stage = addresses();
    stage.command(0, "acquire");
    stage.command(0, "acquire");
    stage.command(0, "survey");
    stage.command(0, "release");
    stage.command(0, "release");
    stage.command(0, "wrong");
    assert_eq!(
        stage.lines(),
        [format!("n1#1 {UP}"), format!("n1#1 {DOWN}")]
    );
    assert_eq!(stage.seen(0, "outcome: Done"), 4);
    assert_eq!(stage.seen(0, "Found([(10.77.2.1/32, \"eth0\")])"), 1);
    assert_eq!(stage.seen(0, "NoInterface"), 1);
}

#[test]
fn addresses_outlive_a_kill_and_not_a_loss_of_power() {
    let mut stage = addresses();
    stage.command(0, "acquire");
    stage.world.inject(Fault::Kill(0));
    assert_eq!(stage.world.held(0).collect::<Vec<_>>(), [vip(1)]);
    stage.world.inject(Fault::Start(0));
    stage.command(0, "release");
    stage.command(0, "acquire");
    stage.world.inject(Fault::Power(0));
    assert_eq!(stage.world.held(0).count(), 0);
    let lines = [
        format!("n1#1 {UP}"),
        format!("n1#1 {KILL:?}"),
        format!("n1#2 {DOWN}"),
        format!("n1#2 {UP}"),
        "n1#2 Crash { how: Power }".to_owned(),
    ];
    assert_eq!(stage.lines(), lines);
}

#[test]
fn the_report_of_an_order_dies_with_its_process_and_waits_for_a_pause() {
    let mut stage = addresses();
    let acquire = || LocalEvent::Append {
        log: "acquire".to_owned(),
        class: Class::None,
        payload: Bytes::new(),
    };
    let now = stage.world.now;
    stage.world.local_at(now, 0, acquire());
    stage.world.local_at(now, 1, acquire());
    stage.world.run_until(now);
    assert_eq!(stage.lines(), [format!("n1#1 {UP}"), format!("m1#1 {UP}")]);
    stage.world.inject(Fault::Kill(0));
    stage.world.inject(Fault::Start(0));
    stage.world.inject(Fault::Pause(1));
    stage.run(500);
    assert_eq!(stage.seen(0, "outcome"), 0, "the next life is not told");
    assert_eq!(
        stage.seen(1, "outcome"),
        0,
        "it hears of it when it runs again"
    );
    stage.world.inject(Fault::Resume(1));
    assert_eq!(stage.seen(1, "outcome: Done"), 1);
}

#[test]
fn a_probe_reaches_the_process_that_has_the_address_now() {
    let mut stage = addresses();
    let probe = |stage: &mut Stage| {
        let now = stage.world.now;
        stage.world.probe_at(now, vip(1));
        stage.run(4000);
        stage.lines().last().cloned().unwrap()
    };
    let nobody = r#"VipProbe { vip: "10.77.2.1/32", ok: false, by: None }"#;
    let answer =
        |by: &str| format!(r#"VipProbe {{ vip: "10.77.2.1/32", ok: true, by: Some({by}) }}"#);
    assert_eq!(probe(&mut stage), nobody);
    stage.command(0, "acquire");
    assert_eq!(probe(&mut stage), answer("n1#1"));
    stage.command(0, "release");
    stage.command(1, "acquire");
    assert_eq!(
        probe(&mut stage),
        nobody,
        "nobody told the client host that it moved"
    );
    assert_eq!(probe(&mut stage), answer("m1#1"), "so it asked again");
    stage.command(1, "release");
    stage.command(0, "acquire");
    stage.command(0, "announce");
    assert_eq!(probe(&mut stage), answer("n1#1"), "this time it was told");
    stage.world.inject(Fault::Pause(0));
    assert_eq!(
        probe(&mut stage),
        nobody,
        "the kernel answers, the process does not"
    );
    stage.world.inject(Fault::Resume(0));
    stage.world.inject(Fault::Kill(0));
    assert_eq!(probe(&mut stage), nobody, "the kernel refuses");
}

fn disk(command: &str) -> Vec<Action> {
    let (file, data) = ("log/a".into(), Bytes::from_static(b"record"));
    let action = match command {
        "write" => DiskAction::Write {
            file,
            offset: 0,
            data,
        },
        "replace" => DiskAction::Replace { file, data },
        other => panic!("{other}"),
    };
    vec![Action::Disk(OrderId(7), action)]
}

#[test]
fn disk_orders_are_answered_unless_the_process_has_ended() {
    let mut stage = Stage::new(1, on_command(|_, command| disk(command)));
    stage.command(0, "write");
    assert_eq!(
        stage.seen(0, "Disk { order: OrderId(7), outcome: Done }"),
        1
    );
    stage.world.inject(Fault::Ail(0, Ailing::Full, true));
    stage.command(0, "write");
    assert_eq!(stage.seen(0, "no space left"), 0);
    assert_eq!(stage.seen(0, "kind: Full"), 1);
    assert_eq!(stage.lines(), [r#"n1#1 Disk { fault: "full" }"#]);
    stage.world.inject(Fault::Ail(0, Ailing::Full, false));
    let now = stage.world.now;
    let event = LocalEvent::Append {
        log: "replace".to_owned(),
        class: Class::None,
        payload: Bytes::new(),
    };
    stage.world.local_at(now, 0, event);
    stage.world.run_until(now);
    stage.world.inject(Fault::Kill(0));
    stage.world.inject(Fault::Start(0));
    stage.run(100);
    assert_eq!(
        stage.seen(0, "outcome: Done"),
        1,
        "the next life is not told"
    );
    assert_eq!(stage.world.disk(0).content("log/a").unwrap(), b"record");
}

#[test]
fn what_a_loss_of_power_does_to_the_disk_is_told_before_the_crash() {
    let mut faults = Vec::new();
    for _ in 0..40 {
        let mut stage = Stage::new(1, on_command(|_, command| disk(command)));
        stage.world.hosts[0].disk = Disk::new(
            crate::disk::Speed::QUICK,
            Seed::from_number(faults.len() as u64),
        );
        stage.command(0, "write");
        stage.world.inject(Fault::Power(0));
        let lines = stage.lines();
        let (crash, before) = lines.split_last().unwrap();
        assert_eq!(crash, "n1#1 Crash { how: Power }");
        faults.push(before.join(" "));
    }
    for fault in ["torn", "lost"] {
        assert!(faults.iter().any(|line| line.contains(fault)), "{fault}");
    }
    assert!(
        faults.iter().any(String::is_empty),
        "and sometimes all survives"
    );
}

#[test]
fn a_paused_process_keeps_quiet_and_catches_up() {
    let mut stage = Stage::new(2, on_command(|_, command| disk(command)));
    stage.world.inject(Fault::Pause(0));
    stage.command(0, "write");
    assert_eq!(
        stage.seen(0, "write"),
        0,
        "clients of a process that stands still do nothing"
    );
    stage.run(5000);
    stage.world.inject(Fault::Pause(0));
    stage.world.inject(Fault::Resume(0));
    stage.world.inject(Fault::Resume(0));
    assert_eq!(stage.lines(), ["n1#1 Pause", "n1#1 Resume"]);
    stage.world.inject(Fault::Pause(1));
    stage.world.inject(Fault::Kill(1));
    let lines = stage.lines();
    assert_eq!(
        lines[2..],
        [
            "m1#1 Pause".to_owned(),
            "m1#1 Resume".to_owned(),
            format!("m1#1 {KILL:?}")
        ]
    );
}

fn leaves(_: usize, event: &Event) -> Vec<Action> {
    if let Event::Leave = event {
        return vec![Action::Halt(Halt::Left)];
    }
    vec![]
}

#[test]
fn a_process_that_leaves_is_stopped_when_it_says_so() {
    let mut stage = Stage::new(1, leaves);
    stage.world.inject(Fault::Stop(0));
    assert_eq!(stage.lines(), ["n1#1 Stop"]);
    assert_eq!(stage.world.process(0), None);
    stage.world.inject(Fault::Start(0));
    assert_eq!(stage.world.process(0).unwrap().to_string(), "n1#2");
}

#[test]
fn leaving_has_a_bound_and_no_address_stays_behind() {
    let mut stage = Stage::new(1, nothing);
    stage.world.inject(Fault::Stop(0));
    stage.run(BOUND.as_millis() as u64 - 1);
    assert_eq!(stage.world.recorder().violation(), None);
    stage.run(1);
    assert_eq!(stage.world.recorder().violation().unwrap().checker, "leave");

    let mut stage = Stage::new(1, |host, event| {
        if let Event::Local(_) = event {
            return address("acquire");
        }
        leaves(host, event)
    });
    stage.command(0, "acquire");
    stage.world.inject(Fault::Stop(0));
    assert_eq!(stage.world.recorder().violation().unwrap().checker, "stop");
}

#[test]
fn an_overloaded_process_dies_and_is_started_again() {
    let mut stage = Stage::new(1, on_command(|_, _| vec![Action::Halt(Halt::Overloaded)]));
    stage.command(0, "flood");
    assert_eq!(stage.lines(), [format!("n1#1 {KILL:?}")]);
    stage.run(1000);
    assert_eq!(stage.world.process(0).unwrap().to_string(), "n1#2");
}

#[test]
fn a_process_that_never_rests_is_named_with_its_reason() {
    let wake = Deadline::new(Instant::ORIGIN, "impatience");
    let stage = Stage::with(Options::quiet(1, 1), Some(wake), nothing);
    let violation = stage.world.recorder().violation().unwrap();
    assert_eq!(violation.checker, "spin");
    assert!(violation.message.contains("impatience"), "{violation}");
}
