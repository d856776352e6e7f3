//! A client of the bus that knows nothing but the reference: bytes are put together and taken apart by hand, in
//! either byte order, and nothing of the server's codec is used. So what both sides misread the same way is found.

use std::{
    io::{self, Read, Write},
    net::{SocketAddr, TcpStream},
    os::unix::net::UnixStream,
    path::PathBuf,
};

use crate::common::LIMIT;

pub(crate) const UNRELIABLE: u32 = 0x01;
pub(crate) const RELIABLE: u32 = 0x02;
pub(crate) const FIFO: u32 = 0x04;
pub(crate) const CAUSAL: u32 = 0x08;
pub(crate) const AGREED: u32 = 0x10;
pub(crate) const SAFE: u32 = 0x20;
pub(crate) const SELF_DISCARD: u32 = 0x40;
pub(crate) const BY_JOIN: u32 = 0x1100;
pub(crate) const BY_LEAVE: u32 = 0x1200;
pub(crate) const SELF_LEAVE: u32 = 0x200;
pub(crate) const BY_DISCONNECT: u32 = 0x1400;
pub(crate) const BY_NETWORK: u32 = 0x1800;
pub(crate) const TRANSITIONAL: u32 = 0x2000;
pub(crate) const JOIN: u32 = 0x1_0000;
pub(crate) const LEAVE: u32 = 0x2_0000;
pub(crate) const KILL: u32 = 0x4_0000;

/// Where a daemon listens.
#[derive(Clone, Debug)]
pub(crate) enum Door {
    Tcp(SocketAddr),
    Unix(PathBuf),
}

/// A connection, before or after the handshake.
#[derive(Debug)]
pub(crate) enum Stream {
    Tcp(TcpStream),
    Unix(UnixStream),
}

impl Stream {
    pub(crate) fn open(door: &Door) -> Self {
        match door {
            Door::Tcp(address) => {
                let stream = TcpStream::connect(address).unwrap();
                stream.set_read_timeout(Some(LIMIT)).unwrap();
                stream.set_nodelay(true).unwrap();
                Self::Tcp(stream)
            }
            Door::Unix(path) => {
                let stream = UnixStream::connect(path).unwrap();
                stream.set_read_timeout(Some(LIMIT)).unwrap();
                Self::Unix(stream)
            }
        }
    }

    /// Sends all of it; a server that has hung up is found when reading.
    pub(crate) fn send(&mut self, bytes: &[u8]) {
        let _ = match self {
            Self::Tcp(stream) => stream.write_all(bytes),
            Self::Unix(stream) => stream.write_all(bytes),
        };
    }

    /// What a single call of the system gives; empty at the end, however that came about.
    pub(crate) fn once(&mut self) -> Vec<u8> {
        let mut bytes = vec![0; 1 << 16];
        let read = match self {
            Self::Tcp(stream) => stream.read(&mut bytes),
            Self::Unix(stream) => stream.read(&mut bytes),
        };
        match read {
            Ok(count) => bytes.truncate(count),
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset => bytes.clear(),
            Err(error) => panic!("the server neither answers nor closes: {error}"),
        }
        bytes
    }

    /// Exactly so many bytes, or nothing at the end.
    pub(crate) fn exactly(&mut self, count: usize) -> Option<Vec<u8>> {
        let mut bytes = vec![0; count];
        let read = match self {
            Self::Tcp(stream) => stream.read_exact(&mut bytes),
            Self::Unix(stream) => stream.read_exact(&mut bytes),
        };
        match read {
            Ok(()) => Some(bytes),
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::UnexpectedEof
                        | io::ErrorKind::ConnectionReset
                        | io::ErrorKind::BrokenPipe
                ) =>
            {
                None
            }
            Err(error) => panic!("the server neither answers nor closes: {error}"),
        }
    }

    /// Whether the server has closed; fails if it says something else first.
    pub(crate) fn assert_closed(&mut self) {
        assert_eq!(self.once(), b"", "expected the end");
    }
}

/// What a client of version 4.4.0 says first.
pub(crate) fn greeting(name: &[u8], membership: bool) -> Vec<u8> {
    let mut bytes = vec![4, 4, 0, u8::from(membership), name.len() as u8];
    bytes.extend_from_slice(name);
    bytes
}

/// The choice of methods: three slots of thirty bytes.
pub(crate) fn methods(names: &[&str]) -> Vec<u8> {
    let mut bytes = vec![0; 90];
    for (slot, name) in bytes.chunks_mut(30).zip(names) {
        slot[..name.len()].copy_from_slice(name.as_bytes());
    }
    bytes
}

/// One message from the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Message {
    pub(crate) kind: u32,
    pub(crate) name: String,
    pub(crate) groups: Vec<String>,
    pub(crate) hint: [u8; 4],
    pub(crate) data: Vec<u8>,
    /// All of it as it came.
    pub(crate) bytes: Vec<u8>,
}

/// A view's data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Sets {
    pub(crate) id: [u32; 3],
    pub(crate) sets: Vec<Vec<String>>,
    /// The receiver's own set, by its offset.
    pub(crate) own: usize,
}

impl Message {
    /// The application's number, and whether its sender wrote in the other byte order than `big` says.
    pub(crate) fn number(&self, big: bool) -> (i16, bool) {
        let foreign = (self.hint[0] & 0x80 == 0) != big;
        let word = if big ^ foreign {
            u32::from_be_bytes(self.hint)
        } else {
            u32::from_le_bytes(self.hint)
        };
        ((word >> 8) as u16 as i16, foreign)
    }

    /// The data of a view from a little-endian server.
    pub(crate) fn sets(&self) -> Sets {
        let word = |at: usize| u32::from_le_bytes(self.data[at..at + 4].try_into().unwrap());
        let (count, offset) = (word(12) as usize, word(16) as usize);
        let (mut at, mut sets, mut own) = (20, Vec::new(), None);
        for index in 0..count {
            if at == 20 + offset {
                own = Some(index);
            }
            let members = word(at) as usize;
            let end = at + 4 + 32 * members;
            sets.push(names(&self.data[at + 4..end]));
            at = end;
        }
        assert_eq!(at, self.data.len(), "bytes after the last set");
        Sets {
            id: [word(0), word(4), word(8)],
            sets,
            own: own.expect("the offset of the own set is the start of a set"),
        }
    }
}

fn names(fields: &[u8]) -> Vec<String> {
    fields.chunks_exact(32).map(text).collect()
}

/// The text in a name field; the rest must be zeros.
fn text(field: &[u8]) -> String {
    let end = field
        .iter()
        .position(|byte| *byte == 0)
        .expect("a name ends");
    assert!(field[end..].iter().all(|byte| *byte == 0), "zeros after it");
    String::from_utf8(field[..end].to_vec()).unwrap()
}

/// A session.
#[derive(Debug)]
pub(crate) struct Client {
    pub(crate) stream: Stream,
    /// Its private name, as the server told it.
    pub(crate) private: String,
    /// Whether it writes and reads big-endian.
    pub(crate) big: bool,
}

impl Client {
    /// Connects as `name`.
    pub(crate) fn connect(door: &Door, name: &str) -> Self {
        Self::try_connect(door, name, true).unwrap_or_else(|code| panic!("{name}: {code}"))
    }

    /// The same without views.
    pub(crate) fn deaf(door: &Door, name: &str) -> Self {
        Self::try_connect(door, name, false).unwrap_or_else(|code| panic!("{name}: {code}"))
    }

    /// Connects, or says with which code it was refused.
    pub(crate) fn try_connect(door: &Door, name: &str, membership: bool) -> Result<Self, i8> {
        let mut stream = Stream::open(door);
        stream.send(&greeting(name.as_bytes(), membership));
        let length = stream.exactly(1).expect("an answer")[0] as i8;
        if length < 0 {
            return Err(length);
        }
        assert_eq!(stream.exactly(length as usize).unwrap(), b"NULL ");
        stream.send(&methods(&["NULL"]));
        let verdict = stream.exactly(1).expect("a verdict")[0] as i8;
        if verdict != 1 {
            return Err(verdict);
        }
        let head = stream.exactly(4).unwrap();
        assert_eq!(head[..3], [4, 4, 0]);
        let private = stream.exactly(head[3].into()).unwrap();
        Ok(Self {
            stream,
            private: String::from_utf8(private).unwrap(),
            big: false,
        })
    }

    fn word(&self, word: u32) -> [u8; 4] {
        if self.big {
            word.to_be_bytes()
        } else {
            word.to_le_bytes()
        }
    }

    /// The bytes of a message.
    pub(crate) fn message(&self, kind: u32, groups: &[&str], number: i16, data: &[u8]) -> Vec<u8> {
        let flag = if self.big { 0 } else { 0x8000_0080 };
        let hint = u32::from(number as u16) << 8;
        let mut bytes = Vec::new();
        bytes.extend_from_slice(&self.word(kind | flag));
        bytes.extend_from_slice(&field(&self.private));
        bytes.extend_from_slice(&self.word(groups.len() as u32));
        bytes.extend_from_slice(&self.word(hint | flag));
        bytes.extend_from_slice(&self.word(data.len() as u32));
        for group in groups {
            bytes.extend_from_slice(&field(group));
        }
        bytes.extend_from_slice(data);
        bytes
    }

    pub(crate) fn join(&mut self, group: &str) {
        let bytes = self.message(JOIN, &[group], 0, b"");
        self.stream.send(&bytes);
    }

    pub(crate) fn leave(&mut self, group: &str) {
        let bytes = self.message(LEAVE, &[group], 0, b"");
        self.stream.send(&bytes);
    }

    /// Sends, and returns the bytes that it sent.
    pub(crate) fn send(&mut self, kind: u32, groups: &[&str], number: i16, data: &[u8]) -> Vec<u8> {
        let bytes = self.message(kind, groups, number, data);
        self.stream.send(&bytes);
        bytes
    }

    pub(crate) fn kill(mut self) {
        let own = self.private.clone();
        self.send(KILL, &[&own], 0, b"");
        self.stream.assert_closed();
    }

    /// The next message; nothing at the end. A server writes in its own byte order, whatever we use.
    pub(crate) fn next(&mut self) -> Option<Message> {
        let mut bytes = self.stream.exactly(48)?;
        let word = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap());
        assert_eq!(word(0) & 0x8000_0080, 0x8000_0080, "a little-endian server");
        let (kind, groups, data) = (word(0) & !0x8000_0080, word(36) as usize, word(44) as usize);
        let name = text(&bytes[4..36]);
        let hint = bytes[40..44].try_into().unwrap();
        let fields = self.stream.exactly(32 * groups)?;
        let data = self.stream.exactly(data)?;
        bytes.extend_from_slice(&fields);
        bytes.extend_from_slice(&data);
        Some(Message {
            kind,
            name,
            groups: names(&fields),
            hint,
            data,
            bytes,
        })
    }

    /// The next message, which must come.
    pub(crate) fn expect(&mut self, what: &str) -> Message {
        self.next()
            .unwrap_or_else(|| panic!("{}: the end instead of {what}", self.private))
    }

    /// The next message, which must be a view of `group` with these members.
    pub(crate) fn view(&mut self, kind: u32, group: &str, members: &[&str]) -> Sets {
        let message = self.expect("a view");
        let got = (message.kind, message.name.as_str(), &message.groups[..]);
        let members: Vec<String> = members.iter().map(ToString::to_string).collect();
        assert_eq!(got, (kind, group, &members[..]), "{}", self.private);
        assert_eq!(message.hint, 0x8000_0080_u32.to_le_bytes());
        message.sets()
    }

    /// Joins, and takes the view of it.
    pub(crate) fn enter(&mut self, group: &str, members: &[&str]) -> Sets {
        self.join(group);
        self.view(BY_JOIN, group, members)
    }

    /// Makes sure that nothing waits for it: the next thing that it hears is what it says to itself here.
    pub(crate) fn assert_quiet(&mut self) {
        let own = self.private.clone();
        let sent = self.send(AGREED, &[&own], 99, b"is anybody there?");
        let heard = self.expect("the echo");
        assert!(heard.bytes == sent, "{}: heard {heard:?}", self.private);
    }
}

/// A name in its field.
pub(crate) fn field(name: &str) -> [u8; 32] {
    let mut field = [0; 32];
    field[..name.len()].copy_from_slice(name.as_bytes());
    field
}
