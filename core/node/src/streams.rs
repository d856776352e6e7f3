//! Streams between nodes: frames are cut out of what arrives and handed to the machine whose stream it is.
//! Accepted streams belong to the log service, those that the node asked for to the puller.

use alloc::collections::BTreeMap;

use bytes::{Bytes, BytesMut};
use ringfort_logs as logs;
use ringfort_machine::{
    Digest, Sink,
    defect::{Defect, active},
};
use ringfort_wire::{DecodeError, Frame, Kind, frame, logs::Body};

use crate::{Action, Node, Note, action::StreamAction, event::StreamEvent, ident::StreamId};

/// Streams that may stand at a time; more are closed at once.
const STREAMS: usize = 1024;

/// What has arrived of frames that are not complete.
#[derive(Debug, Default)]
pub(crate) struct Streams {
    incomplete: BTreeMap<StreamId, BytesMut>,
}

impl Streams {
    pub(crate) fn digest(&self, into: &mut Digest) {
        for (stream, bytes) in &self.incomplete {
            into.number(stream.0).bytes(bytes);
        }
    }
}

/// Whether the node asked for the stream; the runtime gives accepted ones odd numbers.
const fn ours(stream: StreamId) -> bool {
    stream.0.is_multiple_of(2)
}

/// The puller numbers its streams for itself; on the outside these are the even ones.
const fn outer(stream: logs::server::Stream) -> StreamId {
    StreamId(stream.0 * 2)
}

const fn inner(stream: StreamId) -> logs::server::Stream {
    logs::server::Stream(if ours(stream) { stream.0 / 2 } else { stream.0 })
}

impl Node {
    pub(crate) fn on_stream(&mut self, event: StreamEvent, out: &mut impl Sink<Action>) {
        match event {
            StreamEvent::Accepted { stream, .. } => {
                if self.streams.incomplete.len() >= STREAMS {
                    out.push(Action::Stream(StreamAction::Close { stream }));
                    return;
                }
                self.streams.incomplete.insert(stream, BytesMut::new());
                self.tell_logs(logs::server::Event::Opened {
                    stream: inner(stream),
                });
            }
            StreamEvent::Connected { stream } => {
                self.tell_puller(logs::puller::Event::Connected {
                    stream: inner(stream),
                });
            }
            StreamEvent::Data { stream, bytes } => self.on_stream_data(stream, &bytes, out),
            StreamEvent::Closed { stream, .. } => self.drop_stream(stream),
        }
    }

    fn on_stream_data(&mut self, stream: StreamId, bytes: &Bytes, out: &mut impl Sink<Action>) {
        let Some(waiting) = self.streams.incomplete.get_mut(&stream) else {
            return; // closed by us while the bytes were under way
        };
        waiting.extend_from_slice(bytes);
        let mut waiting = core::mem::take(waiting);
        loop {
            let body = match Frame::take(self.config.cluster, &mut waiting) {
                Ok(None) => break,
                Ok(Some(frame)) => replay(&frame),
                Err(why) => Err(why),
            };
            match body {
                Ok(body) => self.on_stream_body(stream, body),
                Err(why) => {
                    out.push(Action::Note(Note::StreamRefused { stream, why }));
                    out.push(Action::Stream(StreamAction::Close { stream }));
                    self.drop_stream(stream);
                    return;
                }
            }
        }
        if let Some(rest) = self.streams.incomplete.get_mut(&stream) {
            *rest = waiting;
        }
    }

    fn on_stream_body(&mut self, stream: StreamId, body: Body) {
        let event_stream = inner(stream);
        if ours(stream) {
            self.tell_puller(logs::puller::Event::Frame {
                stream: event_stream,
                body,
            });
        } else {
            self.tell_logs(logs::server::Event::Frame {
                stream: event_stream,
                body,
            });
        }
    }

    fn drop_stream(&mut self, stream: StreamId) {
        if self.streams.incomplete.remove(&stream).is_none() {
            return;
        }
        let event_stream = inner(stream);
        if active(Defect::ForgetStreamEnd) {
            return;
        }
        if ours(stream) {
            self.tell_puller(logs::puller::Event::Closed {
                stream: event_stream,
            });
        } else {
            self.tell_logs(logs::server::Event::Closed {
                stream: event_stream,
            });
        }
    }

    pub(crate) fn connect(
        &mut self,
        stream: logs::server::Stream,
        to: core::net::SocketAddr,
        out: &mut impl Sink<Action>,
    ) {
        let stream = outer(stream);
        self.streams.incomplete.insert(stream, BytesMut::new());
        let target = self.targets.iter().find(|(.., address)| *address == to);
        let node = target.map(|(node, ..)| *node);
        out.push(Action::Stream(StreamAction::Connect { stream, to, node }));
    }

    /// Sends `body` to a puller or, if `asked` for by the node, to a log service.
    pub(crate) fn send_body(
        &self,
        asked: bool,
        stream: logs::server::Stream,
        body: &Body,
        out: &mut impl Sink<Action>,
    ) {
        let stream = if asked {
            outer(stream)
        } else {
            StreamId(stream.0)
        };
        let bytes = frame::encode(self.config.cluster, Kind::Replay, &body.encode());
        out.push(Action::Stream(StreamAction::Send { stream, bytes }));
    }

    pub(crate) fn close_stream(
        &mut self,
        asked: bool,
        stream: logs::server::Stream,
        out: &mut impl Sink<Action>,
    ) {
        let stream = if asked {
            outer(stream)
        } else {
            StreamId(stream.0)
        };
        self.streams.incomplete.remove(&stream);
        out.push(Action::Stream(StreamAction::Close { stream }));
    }
}

fn replay(frame: &Frame) -> Result<Body, DecodeError> {
    match frame.kind {
        Kind::Replay => Body::decode(&frame.body),
        Kind::Token | Kind::Data | Kind::Join | Kind::Commit | Kind::Beacon | Kind::Hurry => {
            Err(DecodeError::Kind(frame.kind as u8))
        }
    }
}
