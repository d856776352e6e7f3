//! Goal: a file is read to where it is whole; a torn tail is no error, damage is one with its place, and another
//! format is refused with the name of its writer. Method: a small journal, cut at every byte, with every byte
//! changed in turn, and compared with bytes that were reviewed once.

extern crate std;

use std::{env, format, fs, string::String, vec, vec::Vec};

use ringfort_machine::{Incarnation, Instant, OrderId, Seed};

use super::*;
use crate::{
    Boot, BusEvent, BusSession, Event, LocalEvent, StreamEvent, StreamId,
    journal::{End, Family, Print, Record, event::tests::config, record::Origin},
};

const GOLDEN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/journal-2.hex");

fn origin() -> Origin {
    Origin {
        build: Build {
            version: "1.2.3".into(),
            revision: "abc".into(),
        },
        boot: Boot {
            seed: Seed::from_number(1),
            incarnation: Incarnation(7),
            wall_origin_ns: 1_790_000_000_000_000_000,
            system_boot: Some(5),
        },
        now: Instant::from_nanos(300),
        config: config(false),
    }
}

fn events() -> Vec<Event> {
    let from = ([10, 0, 0, 2], 4803).into();
    let bytes = Bytes::from_static(b"datagram");
    vec![
        Event::Wake,
        Event::Datagram { from, bytes },
        Event::Stream(StreamEvent::Connected {
            stream: StreamId(2),
        }),
        Event::Local(LocalEvent::Count {
            object: "domains".into(),
            key: "example.com".into(),
            by: -3,
        }),
        Event::Bus(BusEvent::Data {
            session: BusSession(3),
            bytes: Bytes::from_static(b"client"),
        }),
        Event::Disk {
            order: OrderId(1),
            outcome: ringfort_logs::DiskOutcome::Done,
        },
        Event::Leave,
    ]
}

/// The journal and where each of its frames begins.
fn journal() -> (Vec<u8>, Vec<u64>) {
    let mut file = Vec::new();
    let mut starts = Vec::new();
    begin(&mut file);
    let mut add = |write: &dyn Fn(&mut Vec<u8>)| {
        starts.push(file.len() as u64);
        frame(&mut file, write);
    };
    add(&|out| Record::encode_origin(&origin(), out));
    let print = Print {
        family: Family::Datagram,
        bytes: 300,
        hash: 0x0123_4567_89ab_cdef,
    };
    for (number, event) in events().iter().enumerate() {
        let at = Instant::from_nanos(1000 * (number as u64 + 1));
        add(&|out| Record::encode_event(at, event, out));
        add(&|out| Record::encode_outcome(&vec![print; number], out));
    }
    add(&|out| Record::Digest(0xfeed).encode(out));
    add(&|out| Record::End(End::Halted).encode(out));
    (file, starts)
}

/// Records and how it ended, fed in pieces of `piece` bytes.
fn read(file: &[u8], piece: usize) -> (Vec<(u64, Bytes)>, Result<Cut, JournalError>) {
    let mut decoder = Decoder::default();
    let mut records = Vec::new();
    for part in file.chunks(piece) {
        decoder.feed(part);
        loop {
            match decoder.next_record() {
                Ok(Some(record)) => records.push(record),
                Ok(None) => break,
                Err(error) => {
                    assert_eq!(decoder.finish(), Err(error.clone()), "it stays so");
                    return (records, Err(error));
                }
            }
        }
    }
    (records, decoder.finish())
}

#[test]
fn a_journal_is_read_whatever_the_pieces() {
    let (file, starts) = journal();
    let (whole, end) = read(&file, file.len());
    assert_eq!(end, Ok(Cut { torn_bytes: 0 }));
    let found: Vec<u64> = whole.iter().map(|(offset, _)| *offset).collect();
    assert_eq!(found, starts);
    for (_, content) in &whole {
        assert!(Record::decode(content).is_ok());
    }
    for piece in [1, 2, 7, 100] {
        assert_eq!(read(&file, piece), (whole.clone(), end.clone()), "{piece}");
    }
}

#[test]
fn the_bytes_are_those_that_were_reviewed() {
    let (file, starts) = journal();
    let mut text = String::from("# A journal of format 2: its beginning, then a frame a line.\n");
    let ends = starts.iter().copied().chain([file.len() as u64]);
    let mut from = 0;
    for end in ends {
        for byte in &file[from..end as usize] {
            text.push_str(&format!("{byte:02x}"));
        }
        text.push('\n');
        from = end as usize;
    }
    if env::var_os("UPDATE").is_some() {
        fs::write(GOLDEN, &text).expect("the directory of the tests");
    }
    let golden = fs::read_to_string(GOLDEN).expect("UPDATE=1 writes it");
    assert!(
        golden == text,
        "the bytes of a journal have changed: raise FORMAT and review tests/journal-2.hex (UPDATE=1 writes it)"
    );
}

#[test]
fn a_cut_is_a_torn_tail_wherever_it_is() {
    let (file, starts) = journal();
    let (whole, _) = read(&file, file.len());
    for end in 0..file.len() {
        let (records, result) = read(&file[..end], 50);
        let expected = starts[1..].iter().filter(|start| **start <= end as u64);
        let expected = expected.count();
        assert_eq!(records, whole[..expected], "cut at {end}");
        match result {
            Ok(cut) => assert_eq!(
                cut.torn_bytes,
                end as u64 - starts[expected],
                "cut at {end}"
            ),
            Err(error) if end < PREFIX => assert_eq!(error, JournalError::NotAJournal),
            Err(error) => {
                assert_eq!(error, JournalError::NoOrigin);
                assert_eq!(expected, 0);
            }
        }
    }
}

#[test]
fn pages_of_zeros_at_the_end_are_a_torn_tail() {
    let (file, starts) = journal();
    let (whole, _) = read(&file, file.len());
    for end in [starts[3], starts[3] + 1, starts[3] + 6, starts[3] + 13] {
        let mut torn = file[..end as usize].to_vec();
        torn.resize(file.len() + 4096, 0);
        let (records, result) = read(&torn, 64);
        assert_eq!(records, whole[..3], "zeros from {end}");
        let torn_bytes = torn.len() as u64 - starts[3];
        assert_eq!(result, Ok(Cut { torn_bytes }), "zeros from {end}");
    }
}

#[test]
fn damage_in_the_middle_is_named_with_its_place() {
    let (file, starts) = journal();
    let last = *starts.last().expect("there are frames") as usize;
    for at in PREFIX..last {
        let mut damaged = file.clone();
        damaged[at] ^= 0x10;
        let offset = *starts
            .iter()
            .rfind(|start| **start <= at as u64)
            .expect("the prefix is left alone");
        let (records, result) = read(&damaged, 1000);
        assert_eq!(result, Err(JournalError::Damaged { offset }), "byte {at}");
        assert_eq!(
            records.len(),
            starts.iter().filter(|start| **start < offset).count()
        );
    }
    let mut damaged = file;
    damaged[last + HEAD] ^= 0x10;
    let (_, result) = read(&damaged, 1000);
    assert!(result.is_ok(), "the last frame may be torn: {result:?}");
}

#[test]
fn another_format_is_refused_with_its_writer() {
    let (mut file, _) = journal();
    file[MAGIC.len()] = 9;
    let (records, result) = read(&file, 33);
    assert!(records.is_empty());
    let error = result.expect_err("another format");
    let text = format!("{error}");
    for part in ["format 9", "1.2.3", "abc", "reads format 2"] {
        assert!(text.contains(part), "{part} in: {text}");
    }
    assert_eq!(
        read(&file[..20], 5).1,
        Err(JournalError::OtherFormat {
            found: 9,
            build: None
        })
    );
    for stranger in [&b""[..], b"{\"ev\":\"run\"}\n", b"RINGJNX\n\x01\0\0\0"] {
        assert_eq!(read(stranger, 4).1, Err(JournalError::NotAJournal));
    }
}
