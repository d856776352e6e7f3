//! What is encoded decodes to the same value.
//!
//! Values of the bodies in postcard come from postcard itself, which makes one of almost any bytes; those of the
//! layouts by hand are built from the script. Our own decoders must accept exactly the sound ones. Then several
//! frames go down one stream in pieces.

use bytes::{Bytes, BytesMut};
use ringfort_machine::{Incarnation, Level, NodeId, ProcessId, RingId};
use ringfort_wire::{
    ClusterId, DecodeError, Frame, Kind,
    group::{self, ClientName, GroupName, Message},
    limits,
    ring::{
        CEILING, Content, Cut, Data, DataBuilder, Item,
        data::{PACKED, WRAP},
    },
    service::{self, Service},
    session::{Name, membership::Membership},
};

use crate::{Cursor, Marks, Target, codecs::CODECS};

/// The target.
pub const TARGET: Target = Target {
    name: "wire_round_trip",
    about: "every value that encodes decodes to itself, and nothing unsound is accepted",
    run,
    limit: 4 * 1024,
    words: &[],
};

const CLUSTER: ClusterId = ClusterId(7);

/// Builds values from the input and sends them round.
///
/// # Panics
/// If something does not hold.
pub fn run(input: &[u8], marks: &mut Marks) {
    let mut script = Cursor::new(input);
    let choice = script.below(4 + CODECS.len());
    marks.step(choice);
    match choice {
        0 => packet(&mut script, marks),
        1 => message(&mut script, marks),
        2 => envelope(&mut script, marks),
        3 => names(&mut script, marks),
        _ => {
            let codec = CODECS.get(choice - 4).expect("within the table");
            if let Some(around) = codec.around {
                marks.step((codec.name, around(script.rest())));
            }
        }
    }
}

fn process(script: &mut Cursor<'_>) -> ProcessId {
    ProcessId::new(NodeId(script.number()), Incarnation(script.number()))
}

/// A packet of the ring, messages and pieces of them; then the same packet in a recovered one.
fn packet(script: &mut Cursor<'_>, marks: &mut Marks) {
    let ring = RingId {
        sequence: script.number() % CEILING,
        representative: process(script),
    };
    let (seq, sender) = (1 + script.number() % (CEILING - 1), process(script));
    let limit = 256 + usize::from(script.short());
    let mut builder = DataBuilder::new(ring, seq, sender, limit);
    let mut sent = Vec::new();
    let mut number = 1 + script.number() % CEILING; // messages count from 1
    while sent.is_empty() || (!script.is_empty() && sent.len() < PACKED) {
        let (level, payload) = (script.pick(&Level::ALL), script.block());
        // Pieces wherever the script wants them: the judge knows which packets are sound.
        let cut = script.flag().then(|| Cut {
            offset: script.word() % (1 << 18),
            total: script.word() % (1 << 18),
        });
        match cut {
            Some(cut) if payload.len().max(1) <= builder.room_for_piece() => {
                builder.push_piece(number, level, cut, payload);
            }
            None if builder.fits(payload.len()) => builder.push(number, level, payload),
            Some(_) | None => break,
        }
        let payload = Bytes::copy_from_slice(payload);
        sent.push(Item {
            number,
            level,
            cut,
            payload,
        });
        number += 1;
    }
    if sent.is_empty() {
        return;
    }
    let frame = builder.finish(CLUSTER);
    assert!(frame.len() <= limit, "a packet keeps to its limit");
    let frame = Frame::decode(CLUSTER, &frame).expect("our own frame");
    judge(&frame.body, (ring, seq, sender), &sent, marks);
    let wrapped = DataBuilder::new(ring, seq, sender, limit + WRAP).recovered(&frame.body, CLUSTER);
    let outer = Frame::decode(CLUSTER, &wrapped).expect("our own frame");
    if let Ok(data) = Data::decode(&outer.body) {
        assert_eq!(data.content, Content::Recovered(frame.body));
    } else {
        assert!(
            Data::decode(&frame.body).is_err(),
            "a sound packet cannot be recovered"
        );
    }
}

fn judge(
    body: &Bytes,
    (ring, seq, sender): (RingId, u64, ProcessId),
    sent: &[Item],
    marks: &mut Marks,
) {
    let data = Data::decode(body);
    marks.step(Marks::shape(&data.as_ref().map(
        |data| match &data.content {
            Content::Messages(messages) => messages.len().min(9),
            Content::Recovered(_) => 10,
        },
    )));
    assert_eq!(data.is_ok(), is_sound(sent), "{sent:?}");
    let Ok(data) = data else { return };
    assert_eq!((data.ring, data.seq, data.sender), (ring, seq, sender));
    match data.content {
        Content::Messages(messages) => {
            assert_eq!(messages.iter().collect::<Vec<_>>(), sent);
        }
        Content::Recovered(_) => panic!("nothing was recovered here"),
    }
}

/// Whether pieces stand only at the ends of the packet, and each is less than a message of a possible length.
fn is_sound(sent: &[Item]) -> bool {
    sent.iter().enumerate().all(|(index, item)| {
        item.cut.is_none_or(|Cut { offset, total }| {
            let (offset, total) = (offset as usize, total as usize);
            let (length, end) = (item.payload.len(), offset + item.payload.len());
            length > 0
                && length < total
                && end <= total
                && total <= limits::MESSAGE
                && (offset == 0 || index == 0)
                && (end == total || index + 1 == sent.len())
        })
    })
}

/// A message of the group layer.
fn message(script: &mut Cursor<'_>, marks: &mut Marks) {
    let Ok(from) = ClientName::new(&script.text()) else {
        return marks.step("no client");
    };
    let mut groups = Vec::new();
    for _ in 0..script.byte() {
        match GroupName::new(&script.text()) {
            Ok(group) => groups.push(group),
            Err(error) => marks.step(Marks::shape(&error)),
        }
    }
    let message = Message {
        from,
        groups,
        level: script.pick(&Level::ALL),
        self_discard: script.flag(),
        tag: script.number(),
        payload: Bytes::copy_from_slice(script.rest()),
    };
    let count = message.groups.len();
    match group::encode_message(&message) {
        Ok(bytes) => {
            assert_eq!(group::decode(&bytes), Ok(group::Body::Message(message)));
            marks.step(("message", count.min(5)));
        }
        Err(error) => {
            assert!(
                count == 0 || count > limits::GROUPS_PER_MESSAGE,
                "{error}: {count} destinations"
            );
        }
    }
}

/// Services' messages in their envelopes, in frames, down one stream that comes in pieces and ends in garbage.
fn envelope(script: &mut Cursor<'_>, marks: &mut Marks) {
    let services = [
        Service::Roster,
        Service::Vip,
        Service::Replication,
        Service::Console,
    ];
    let mut frames = Vec::new();
    let (cuts, tail) = (script.block(), script.block());
    while !script.is_empty() && frames.len() < 32 {
        let (service, kind) = (script.pick(&services), script.pick(&Kind::ALL));
        let sealed = service::seal(service, script.block());
        let (opened, body) = service::open(&sealed).expect("our own envelope");
        assert_eq!((opened, &body[..]), (service, &sealed[1..]));
        let frame = Frame::new(kind, sealed);
        assert_eq!(
            Frame::decode(CLUSTER, &frame.encode(CLUSTER)).as_ref(),
            Ok(&frame)
        );
        frames.push(frame);
    }
    let mut whole = BytesMut::new();
    for frame in &frames {
        whole.extend_from_slice(&frame.encode(CLUSTER));
    }
    whole.extend_from_slice(tail);
    let (came, end) = read(&whole, &[]);
    assert!(came.starts_with(&frames), "what was sent comes first");
    assert_eq!(read(&whole, cuts), (came, end), "pieces make a difference");
    marks.step(("stream", frames.len(), Marks::shape(&end)));
}

/// Reads a stream that comes in pieces of these lengths, round and round, or whole: its frames, and what is
/// left or why it broke.
fn read(stream: &[u8], cuts: &[u8]) -> (Vec<Frame>, Result<usize, DecodeError>) {
    let mut cuts = cuts.iter().cycle();
    let (mut rest, mut buffer, mut frames) = (stream, BytesMut::new(), Vec::new());
    while !rest.is_empty() {
        let length = cuts.next().map_or(rest.len(), |cut| usize::from(*cut) + 1);
        let (piece, after) = rest.split_at(length.min(rest.len()));
        buffer.extend_from_slice(piece);
        rest = after;
        loop {
            match Frame::take(CLUSTER, &mut buffer) {
                Ok(Some(frame)) => frames.push(frame),
                Ok(None) => break,
                Err(error) => return (frames, Err(error)),
            }
        }
    }
    (frames, Ok(buffer.len()))
}

/// Names of the clients' protocol: in their field, and shown when they are too long for it.
fn names(script: &mut Cursor<'_>, marks: &mut Marks) {
    let text = String::from_utf8_lossy(script.rest()).into_owned();
    let shown = Name::shown(&text);
    assert!(!shown.as_str().contains('\0'), "a name ends before a zero");
    assert_eq!(
        Name::from_field(shown.field()),
        Some(shown),
        "its own field"
    );
    let whole = Name::new(&text);
    marks.step(("name", whole.is_some(), text.len().min(40)));
    if let Some(name) = whole {
        assert_eq!((name.as_str(), name), (text.as_str(), shown));
    }
    let view = Membership::decode(text.as_bytes(), ringfort_wire::session::ByteOrder::Big);
    assert!(view.is_none_or(|view| view.bytes() == text.len()));
}
