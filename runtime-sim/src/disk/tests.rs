//! Goal: a sync keeps its promise, and a loss of power keeps nothing else for sure. Method: many losses of
//! power on the same history, looking at the set of what survives.

use super::*;

fn disk(number: u64) -> Disk {
    Disk::new(Speed::QUICK, Seed::from_number(number))
}

fn path() -> Path {
    "logs/a/segment".into()
}

fn run(disk: &mut Disk, order: Order) -> Outcome {
    let (number, _) = disk.order(Instant::ORIGIN, order);
    disk.complete(number).unwrap()
}

fn write(disk: &mut Disk, offset: u64, data: &[u8]) {
    let order = Order::Write(path(), offset, Bytes::copy_from_slice(data));
    assert_eq!(run(disk, order), Outcome::Done);
}

#[test]
fn reads_what_was_written_and_stops_at_the_end() {
    let mut disk = disk(1);
    write(&mut disk, 0, b"abcdef");
    write(&mut disk, 2, b"XY");
    assert_eq!(
        run(&mut disk, Order::Read(path(), 1, 3)),
        Outcome::Data(Bytes::from_static(b"bXY"))
    );
    assert_eq!(
        run(&mut disk, Order::Read(path(), 4, 9)),
        Outcome::Data(Bytes::from_static(b"ef"))
    );
    assert_eq!(
        run(&mut disk, Order::Read(path(), 99, 9)),
        Outcome::Data(Bytes::new())
    );
    assert_eq!(
        run(&mut disk, Order::Read("logs/b".into(), 0, 9)),
        Outcome::Missing
    );
    let listing = vec![("segment".to_owned(), 6)];
    assert_eq!(
        run(&mut disk, Order::List("logs/a".into())),
        Outcome::Listing(listing)
    );
    assert_eq!(
        run(&mut disk, Order::List("logs".into())),
        Outcome::Listing(vec![])
    );
}

#[test]
fn orders_complete_one_after_another() {
    let mut disk = disk(1);
    let mut last = Instant::ORIGIN;
    for _ in 0..50 {
        let (_, at) = disk.order(Instant::ORIGIN, Order::Sync(path()));
        assert!(at > last);
        last = at;
    }
}

#[test]
fn synced_data_survives_any_loss_of_power() {
    for number in 0..200 {
        let mut disk = disk(number);
        let first = vec![1_u8; 700];
        write(&mut disk, 0, &first);
        assert_eq!(run(&mut disk, Order::Sync(path())), Outcome::Done);
        write(&mut disk, 700, &[2; 900]);
        disk.lose_power();
        let content = disk.content(&path()).unwrap();
        assert_eq!(content[..700], first[..], "seed {number}");
    }
}

#[test]
fn a_sync_promises_what_was_there_when_it_was_ordered() {
    for number in 0..200 {
        let mut disk = disk(number);
        write(&mut disk, 0, &[1; 100]);
        let (sync, _) = disk.order(Instant::ORIGIN, Order::Sync(path()));
        write(&mut disk, 100, &[2; 100]);
        disk.complete(sync);
        disk.lose_power();
        let content = disk.content(&path()).unwrap();
        assert_eq!(content[..100], [1; 100], "seed {number}");
    }
}

#[test]
fn unsynced_sectors_survive_vanish_and_tear() {
    let (mut gone, mut short, mut torn, mut whole) = (0, 0, 0, 0);
    for number in 0..400 {
        let mut disk = disk(number);
        write(&mut disk, 0, &[7; SECTOR_BYTES]);
        disk.lose_power();
        match disk.content(&path()) {
            None => gone += 1,
            Some([]) => short += 1,
            Some(content) if content.iter().all(|byte| *byte == 7) => whole += 1,
            Some(_) => torn += 1,
        }
    }
    for (what, count) in [
        ("gone", gone),
        ("short", short),
        ("torn", torn),
        ("whole", whole),
    ] {
        assert!(count > 20, "{what}: {count}");
    }
}

#[test]
fn replace_is_all_or_nothing_and_then_durable() {
    let (mut old, mut new) = (0, 0);
    for number in 0..100 {
        let mut disk = disk(number);
        run(
            &mut disk,
            Order::Replace(path(), Bytes::from_static(b"old")),
        );
        disk.order(
            Instant::ORIGIN,
            Order::Replace(path(), Bytes::from_static(b"newer")),
        );
        disk.lose_power();
        match disk.content(&path()).unwrap() {
            b"old" => old += 1,
            b"newer" => new += 1,
            other => panic!("{other:?}"),
        }
        run(
            &mut disk,
            Order::Replace(path(), Bytes::from_static(b"last")),
        );
        disk.lose_power();
        assert_eq!(disk.content(&path()).unwrap(), b"last");
    }
    assert!(old > 20 && new > 20, "{old} {new}");
}

#[test]
fn a_removed_file_stays_away() {
    let mut disk = disk(3);
    run(
        &mut disk,
        Order::Replace(path(), Bytes::from_static(b"old")),
    );
    run(&mut disk, Order::Remove(path()));
    disk.lose_power();
    assert_eq!(disk.content(&path()), None);
    assert_eq!(run(&mut disk, Order::Remove(path())), Outcome::Missing);
}

#[test]
fn truncation_is_seen_at_once_and_kept_by_a_sync() {
    let mut disk = disk(4);
    write(&mut disk, 0, &[9; 2000]);
    run(&mut disk, Order::Sync(path()));
    assert_eq!(run(&mut disk, Order::Truncate(path(), 600)), Outcome::Done);
    assert_eq!(disk.content(&path()).unwrap().len(), 600);
    run(&mut disk, Order::Sync(path()));
    disk.lose_power();
    assert_eq!(disk.content(&path()).unwrap(), [9; 600]);
}

#[test]
fn an_order_that_was_only_begun_has_done_nothing() {
    let mut disk = disk(5);
    let order = Order::Write(path(), 0, Bytes::from_static(b"kept"));
    let (_, at) = disk.begin(Instant::ORIGIN, &order);
    assert!(at > Instant::ORIGIN);
    assert_eq!(disk.content(&path()), None);
    assert_eq!(disk.perform(order), Outcome::Done);
    assert_eq!(disk.content(&path()).unwrap(), b"kept");
}

#[test]
fn ailments_strike_and_are_reported() {
    let mut disk = disk(6);
    write(&mut disk, 0, b"a");
    disk.set_ailment(Ailment {
        full: true,
        sync_fails: true,
        ..Ailment::default()
    });
    let order = Order::Write(path(), 1, Bytes::from_static(b"b"));
    assert_eq!(run(&mut disk, order), Outcome::Full);
    assert_eq!(run(&mut disk, Order::Sync(path())), Outcome::Failed);
    assert_eq!(
        disk.take_struck(),
        Ailment {
            full: true,
            sync_fails: true,
            ..Ailment::default()
        }
    );
    assert_eq!(disk.take_struck(), Ailment::default());
}
