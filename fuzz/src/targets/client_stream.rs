//! The client's side of a session: any bytes from a daemon, in any pieces, with requests in between.
//!
//! Holds that nothing panics; that pieces change nothing; that an error is final; that what is kept grows with what came
//! and not with what was announced; that the queue of requests keeps its limit; and that a daemon which reads what we
//! ask for finds whole requests in it.

use ringfort_client_core::{
    ByteOrder, Event, Multicast, Options, Received, RequestError, Service, Session, SessionError,
};
use ringfort_wire::session::{GROUPS, Header, header::HEADER};

use crate::{Cursor, Marks, Target};

/// The target.
pub const TARGET: Target = Target {
    name: "client_stream",
    about: "the client's session: any bytes in any pieces; errors are final, memory and queue are bounded",
    run,
    limit: 4 * 1024,
    words: &[
        "\u{5}NULL ",
        "\u{1}\u{4}\u{4}\u{0}\u{8}#al#dmn1",
        "#al#dmn1",
        "g1",
    ],
};

/// Bytes of requests that may wait.
const QUEUE: usize = 2000;
/// The most that a message from the daemon may have.
const MESSAGE: usize = 1 << 20;

/// Reads the input as a script: options, then pieces of the daemon's bytes and requests.
///
/// # Panics
/// If something does not hold.
pub fn run(input: &[u8], marks: &mut Marks) {
    let mut script = Cursor::new(input);
    let options = Options {
        order: if script.flag() {
            ByteOrder::Big
        } else {
            ByteOrder::Little
        },
        queue_bytes: QUEUE,
        receive_bytes: MESSAGE,
        ..Options::named("al")
    };
    let mut all = Vec::new();
    let mut talk = Talk::new(&options);
    if script.flag() {
        let welcome = b"\x05NULL \x01\x04\x04\x00\x08#al#dmn1";
        all.extend_from_slice(welcome);
        talk.hear(welcome, marks);
    }
    while !script.is_empty() {
        match script.byte() % 4 {
            0 => talk.ask(&mut script, marks),
            1 => talk.send(usize::from(script.short())),
            2 => {
                let bytes = script.long_block();
                all.extend_from_slice(bytes);
                talk.hear(bytes, marks);
            }
            _ => {
                let message = message(&mut script);
                all.extend_from_slice(&message);
                for piece in message.chunks(1 + script.below(200)) {
                    talk.hear(piece, marks);
                }
            }
        }
    }
    // The same bytes at once, without a request: the same events, and the same end.
    let mut whole = Talk::new(&options);
    whole.hear(&all, marks);
    assert_eq!(whole.events, talk.events, "pieces change nothing");
    assert_eq!(whole.error, talk.error, "nor how it ends");
}

/// One session, and what it gave.
struct Talk {
    session: Session,
    fed: usize,
    events: Vec<Event>,
    error: Option<SessionError>,
    sent: Vec<u8>,
    /// Where in `sent` the requests begin.
    requests_at: Option<usize>,
    order: ByteOrder,
}

impl Talk {
    fn new(options: &Options) -> Self {
        Self {
            session: Session::new(options).expect("good options"),
            fed: 0,
            events: Vec::new(),
            error: None,
            sent: Vec::new(),
            requests_at: None,
            order: options.order,
        }
    }

    /// Reads as a socket is read: as much as there is space for.
    fn hear(&mut self, mut bytes: &[u8], marks: &mut Marks) {
        while !bytes.is_empty() && self.error.is_none() {
            let space = self.session.space();
            assert!(!space.is_empty(), "a read would look like the end");
            assert!(
                space.len() <= (512 << 10) + 4 * self.fed,
                "{} bytes for {} that came",
                space.len(),
                self.fed
            );
            let count = space.len().min(bytes.len());
            let (now, later) = bytes.split_at(count);
            space[..count].copy_from_slice(now);
            self.session.filled(count);
            self.fed += count;
            bytes = later;
            self.take(marks);
        }
    }

    fn take(&mut self, marks: &mut Marks) {
        loop {
            match self.session.next() {
                Ok(None) => return,
                Ok(Some(event)) => {
                    marks.step(Marks::variant(&event));
                    assert_eq!(
                        matches!(event, Event::Open(_)),
                        self.events.is_empty(),
                        "the session opens first, once"
                    );
                    if let Event::Received(received) = &event {
                        look(received);
                    }
                    if let Event::Open(_) = event {
                        self.send(usize::MAX);
                        self.requests_at = Some(self.sent.len());
                    }
                    self.events.push(event);
                }
                Err(error) => {
                    marks.step(Marks::shape(&error));
                    assert_eq!(self.session.next(), Err(error.clone()), "an error is final");
                    self.error = Some(error);
                    return;
                }
            }
        }
    }

    fn ask(&mut self, script: &mut Cursor<'_>, marks: &mut Marks) {
        let group = script.text();
        let before = self.session.queued_bytes();
        let done = match script.byte() % 8 {
            0 => self.session.join(&group),
            1 => self.session.leave(&group),
            2 => self.session.disconnect(),
            _ => {
                let data = vec![7; usize::from(script.short()) % 6000];
                let groups = vec![group.as_str(); 1 + script.below(GROUPS + 1)];
                let message = Multicast {
                    flags: script.word() & 0x7f00_1040,
                    tag: script.short().cast_signed(),
                    ..Multicast::new(script.pick(&Service::ALL), &groups, data)
                };
                self.session.multicast(&message)
            }
        };
        marks.step(Marks::shape(&done));
        let queued = self.session.queued_bytes();
        let open = self.session.welcome().is_some();
        match done {
            Ok(()) => assert!(open && queued > before, "something is to be sent"),
            Err(error) => {
                assert_eq!(queued, before, "{error}: and nothing is to be sent");
                assert!(!open || error != RequestError::NotOpen, "it is open");
            }
        }
        // One request that is larger than the queue may wait alone, and the last one always may.
        assert!(
            queued <= QUEUE + 80 || before == 0 || before > QUEUE,
            "{queued}"
        );
    }

    /// The socket takes `count` bytes.
    fn send(&mut self, count: usize) {
        let count = count.min(self.session.queued_bytes());
        let bytes = self.session.outgoing().flatten().take(count);
        self.sent.extend(bytes);
        self.session.sent(count);
    }
}

impl Drop for Talk {
    /// What a daemon would find in our bytes.
    fn drop(&mut self) {
        if std::thread::panicking() {
            return;
        }
        self.send(usize::MAX);
        let Some(at) = self.requests_at else {
            return;
        };
        let mut rest = &self.sent[at..];
        while let Some(head) = rest.first_chunk::<HEADER>() {
            let (header, order) = Header::decode(head, GROUPS).expect("our header");
            assert_eq!(order, self.order);
            assert_eq!(header.name.as_str(), private(&self.events));
            assert!(header.groups >= 1, "every request has a destination");
            rest = rest
                .get(HEADER + header.rest_bytes()..)
                .expect("a whole request");
        }
        assert!(rest.is_empty(), "whole requests");
    }
}

fn private(events: &[Event]) -> &str {
    match events.first() {
        Some(Event::Open(welcome)) => welcome.private.as_str(),
        Some(Event::Received(_)) | None => "",
    }
}

/// Everything that a program might look at.
fn look(received: &Received) {
    match received {
        Received::Message(message) => {
            assert_eq!(message.groups.iter().count(), message.groups.len());
            let _ = message.is_self_discard();
        }
        Received::View(view) => {
            let together = view.together();
            assert!(together.len() <= MESSAGE / 32);
            for member in &view.members {
                assert!(view.position(member).is_some());
            }
        }
        Received::Rejected(rejected) => {
            assert_eq!(rejected.groups.iter().count(), rejected.groups.len());
        }
        Received::Transitional { .. } | Received::Left { .. } => {}
    }
}

/// A message that is mostly as a daemon would say it.
fn message(script: &mut Cursor<'_>) -> Vec<u8> {
    const KINDS: [u32; 12] = [
        0x01,
        0x10,
        0x60,
        0x4000_0010,
        0x1100,
        0x1200,
        0x1400,
        0x1800,
        0x2000,
        0x200,
        0x40_0000,
        0x1010,
    ];
    let order = if script.flag() {
        ByteOrder::Big
    } else {
        ByteOrder::Little
    };
    let kind = script.pick(&KINDS) ^ if script.byte() == 0 { script.word() } else { 0 };
    let names = usize::from(script.byte() % 4);
    let view = kind & 0x1000 != 0 && kind & 0x3f == 0;
    let data = if view {
        membership(script, order)
    } else {
        script.block().to_vec()
    };
    let flag = order.flag();
    let mut out = Vec::new();
    out.extend(order.write(kind & !0x8000_0080 | flag));
    out.extend(field(script));
    out.extend(order.write(names as u32));
    out.extend(order.write(u32::from(script.short()) << 8 | flag));
    out.extend(order.write(data.len() as u32));
    if kind & 0x40_0000 != 0 && kind & 0x3f == 0 {
        out.extend(order.write(script.pick(&KINDS) | flag));
    }
    for _ in 0..names {
        out.extend(field(script));
    }
    out.extend(data);
    out
}

fn membership(script: &mut Cursor<'_>, order: ByteOrder) -> Vec<u8> {
    let sets: Vec<usize> = (0..script.byte() % 4).map(|_| script.below(4)).collect();
    let mut out = Vec::new();
    for word in [script.word(), 2, 3, sets.len() as u32] {
        out.extend(order.write(word));
    }
    let own = script.below(sets.len() + 1);
    let before: usize = sets.iter().take(own).map(|names| 4 + 32 * names).sum();
    out.extend(order.write(before as u32));
    for names in sets {
        out.extend(order.write(names as u32));
        for _ in 0..names {
            out.extend(field(script));
        }
    }
    out
}

fn field(script: &mut Cursor<'_>) -> [u8; 32] {
    let mut field = [0; 32];
    let text = script.pick(&["#al#dmn1", "#bo#d2", "g1", ""]);
    field[..text.len()].copy_from_slice(text.as_bytes());
    let place = usize::from(script.byte());
    if let Some(byte) = field.get_mut(place) {
        *byte = script.byte();
    }
    field
}
