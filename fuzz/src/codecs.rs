//! Every codec of the wire in one form: bytes in, the bytes of the value that they stand for out. The targets
//! of the wire go through this table, so that a new body is one line here.

use std::fmt::Debug;

use bytes::{Bytes, BytesMut};
use ringfort_wire::{
    ClusterId, DecodeError, Frame, Kind, body, console, counter, group, limits, logs,
    ring::{Beacon, Commit, Content, Data, DataBuilder, Hurry, Join, RingBody, Token},
    roster, service,
    session::{self, ByteOrder, Greeting, Header, Membership},
    vip,
};
use serde::{Serialize, de::DeserializeOwned};

use crate::Marks;

/// Any cluster: the bodies do not know it.
const CLUSTER: ClusterId = ClusterId(7);
/// Room for every packet that a datagram can bring.
const ROOM: usize = limits::DATAGRAM;

/// The encoding of what was decoded, and the value's shape; or why it was refused.
pub(crate) type Through = Result<(Bytes, u64), DecodeError>;

/// What became of bytes that were made a value.
pub(crate) type Around = fn(&[u8]) -> Option<u64>;

/// One codec.
#[derive(Debug)]
pub(crate) struct Codec {
    /// Its name in messages; that of its vectors.
    pub name: &'static str,
    /// Decodes and encodes again.
    pub through: fn(&Bytes) -> Through,
    /// Makes a value out of almost any bytes, and checks that it survives encoding and decoding; its shape, or
    /// nothing if the bytes made no value. Not for layouts by hand: those are built in `wire_round_trip`.
    pub around: Option<Around>,
}

/// All codecs of bodies.
pub(crate) const CODECS: &[Codec] = &[
    of::<Token>("ring/token"),
    of::<Join>("ring/join"),
    of::<Commit>("ring/commit"),
    of::<Beacon>("ring/beacon"),
    of::<Hurry>("ring/hurry"),
    of::<group::Control>("group/control"),
    of::<counter::Body>("counter"),
    of::<vip::Body>("vip"),
    of::<console::Body>("console"),
    of::<roster::Introduction>("roster"),
    of::<logs::Body>("logs"),
    by_hand("ring/data", data),
    by_hand("group", group_body),
    by_hand("service", service_body),
    by_hand("session/greeting", greeting),
    by_hand("session/header", header),
    by_hand("session/membership", membership),
];

/// Decodes the body of a frame on datagrams or streams.
///
/// # Errors
/// Those of its codec.
pub(crate) fn of_kind(kind: Kind, bytes: &Bytes) -> Through {
    match kind {
        Kind::Token => through::<Token>(bytes),
        Kind::Data => data(bytes),
        Kind::Join => through::<Join>(bytes),
        Kind::Commit => through::<Commit>(bytes),
        Kind::Beacon => through::<Beacon>(bytes),
        Kind::Hurry => through::<Hurry>(bytes),
        Kind::Replay => through::<logs::Body>(bytes),
    }
}

/// A body in postcard, with the checks of its own module.
trait Body: Serialize + DeserializeOwned + Debug + PartialEq {
    fn pack(&self) -> Bytes {
        body::encode(self)
    }

    fn unpack(bytes: &Bytes) -> Result<Self, DecodeError> {
        body::decode(bytes)
    }

    /// Whether it must be accepted once encoded. `None` if only its decoder knows.
    fn sound(&self) -> Option<bool> {
        Some(true)
    }
}

macro_rules! ring_bodies {
    ($($body:ty),*) => {$(
        impl Body for $body {
            fn pack(&self) -> Bytes {
                RingBody::encode(self)
            }

            fn unpack(bytes: &Bytes) -> Result<Self, DecodeError> {
                RingBody::decode(bytes)
            }

            fn sound(&self) -> Option<bool> {
                Some(self.check().is_ok())
            }
        }
    )*};
}

ring_bodies!(Token, Join, Commit, Beacon, Hurry);

impl Body for vip::Body {}
impl Body for console::Body {}
impl Body for roster::Introduction {}

impl Body for group::Control {
    fn pack(&self) -> Bytes {
        group::encode_control(self)
    }

    fn unpack(bytes: &Bytes) -> Result<Self, DecodeError> {
        match group::decode(bytes)? {
            group::Body::Control(control) => Ok(control),
            group::Body::Message(_) => Err(DecodeError::Kind(1)),
        }
    }
}

impl Body for counter::Body {
    fn unpack(bytes: &Bytes) -> Result<Self, DecodeError> {
        counter::decode(bytes)
    }

    fn sound(&self) -> Option<bool> {
        Some(self.check().is_ok() && counter::encode(self).len() <= counter::BODY)
    }
}

impl Body for logs::Body {
    fn unpack(bytes: &Bytes) -> Result<Self, DecodeError> {
        Self::decode(bytes)
    }

    fn sound(&self) -> Option<bool> {
        None
    }
}

const fn of<B: Body>(name: &'static str) -> Codec {
    Codec {
        name,
        through: through::<B>,
        around: Some(around::<B>),
    }
}

const fn by_hand(name: &'static str, through: fn(&Bytes) -> Through) -> Codec {
    Codec {
        name,
        through,
        around: None,
    }
}

fn through<B: Body>(bytes: &Bytes) -> Through {
    let value = B::unpack(bytes)?;
    assert_ne!(value.sound(), Some(false), "accepted, and not sound");
    Ok((value.pack(), Marks::variant(&value)))
}

/// postcard by itself takes over-long integers and trailing bytes, so it makes a value of far more byte strings
/// than our decoders accept.
fn around<B: Body>(bytes: &[u8]) -> Option<u64> {
    let (value, _) = postcard::take_from_bytes::<B>(bytes).ok()?;
    let packed = value.pack();
    match (B::unpack(&packed), value.sound()) {
        (Ok(again), Some(true) | None) => assert_eq!(again, value, "another value came back"),
        (Err(_), Some(false) | None) => {}
        (outcome, sound) => panic!("sound: {sound:?}, and decoding says {outcome:?}"),
    }
    Some(Marks::variant(&(&value, value.sound())))
}

fn data(bytes: &Bytes) -> Through {
    let value = Data::decode(bytes)?;
    let shape = Marks::variant(&value.content);
    let packet = |value: &Data| DataBuilder::new(value.ring, value.seq, value.sender, ROOM);
    let frame = match &value.content {
        Content::Messages(messages) => {
            let mut packet = packet(&value);
            let mut count = 0;
            for item in messages.iter() {
                match item.cut {
                    Some(cut) => packet.push_piece(item.number, item.level, cut, &item.payload),
                    None => packet.push(item.number, item.level, &item.payload),
                }
                count += 1;
            }
            assert_eq!(count, messages.len(), "as many messages as it says");
            packet.finish(CLUSTER)
        }
        Content::Recovered(body) => packet(&value).recovered(body, CLUSTER),
    };
    let frame = Frame::decode(CLUSTER, &frame)?;
    Ok((frame.body, shape))
}

fn group_body(bytes: &Bytes) -> Through {
    let value = group::decode(bytes)?;
    let again = match &value {
        group::Body::Message(message) => group::encode_message(message)?,
        group::Body::Control(control) => group::encode_control(control),
    };
    Ok((again, Marks::variant(&value)))
}

fn service_body(bytes: &Bytes) -> Through {
    let (service, body) = service::open(bytes)?;
    Ok((service::seal(service, &body), service as u64))
}

/// The clients' protocol is not ours and not canonical: stale bytes behind names are legal. So the value is
/// what has to come back, and the bytes are handed on as they are.
fn greeting(bytes: &Bytes) -> Through {
    for end in 0..bytes.len() {
        let front = bytes.get(..end).unwrap_or_default();
        match (Greeting::parse(front), Greeting::parse(bytes)) {
            (Ok(None), _) => {}
            (early, late) => assert_eq!(early, late, "more bytes change no answer"),
        }
    }
    let Ok(Some((greeting, used))) = Greeting::parse(bytes) else {
        return Err(DecodeError::Malformed);
    };
    assert!(used <= bytes.len(), "a greeting takes what there is");
    let again = greeting.encode();
    assert_eq!(
        Greeting::parse(&again),
        Ok(Some((greeting.clone(), again.len()))),
        "what a client would send"
    );
    Ok((bytes.clone(), Marks::variant(&greeting.version)))
}

fn header(bytes: &Bytes) -> Through {
    let Some((head, _)) = bytes.split_first_chunk() else {
        return Err(DecodeError::Malformed);
    };
    let Ok((header, order)) = Header::decode(head, session::GROUPS) else {
        return Err(DecodeError::NotCanonical);
    };
    let mut again = BytesMut::new();
    header.encode(order, &mut again);
    let head = again.first_chunk().expect("a header has one length");
    assert_eq!(
        Header::decode(head, session::GROUPS),
        Ok((header, order)),
        "the same header"
    );
    Ok((bytes.clone(), Marks::variant(&order)))
}

fn membership(bytes: &Bytes) -> Through {
    let order = match bytes.first() {
        Some(first) if first & 1 == 1 => ByteOrder::Big,
        Some(_) | None => ByteOrder::Little,
    };
    let data = bytes.get(1..).unwrap_or_default();
    let Some(view) = Membership::decode(data, order) else {
        return Err(DecodeError::Malformed);
    };
    let mut again = BytesMut::new();
    view.encode(order, &mut again);
    assert_eq!(
        (again.len(), view.bytes()),
        (data.len(), data.len()),
        "its length is stated"
    );
    assert_eq!(Membership::decode(&again, order).as_ref(), Some(&view));
    Ok((bytes.clone(), Marks::variant(&view.sets.len())))
}
