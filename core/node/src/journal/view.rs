//! Events and actions as a person wants to see them: a datagram as the frame that it carries.

use alloc::{
    format,
    string::{String, ToString},
};
use core::fmt::Debug;

use bytes::Bytes;
use ringfort_wire::{
    ClusterId, DecodeError, Frame, body,
    frame::Kind,
    ring::{Beacon, Commit, Data, Hurry, Join, Token},
};

use crate::{Action, Event};

/// The longest text, in bytes; payloads can be long, and what is wrong is rarely at their end.
const LIMIT: usize = 1000;

/// What happened.
pub(crate) fn event(cluster: ClusterId, event: &Event) -> String {
    match event {
        Event::Datagram { from, bytes } => {
            let length = bytes.len();
            let text = datagram(cluster, bytes);
            short(format!("Datagram from {from}, {length} bytes: {text}"))
        }
        Event::Reload(_) => "Reload of the configuration".to_string(),
        Event::Wake
        | Event::Stream(_)
        | Event::Console(_)
        | Event::Listener(_)
        | Event::Connection(_)
        | Event::Bus(_)
        | Event::Local(_)
        | Event::Disk { .. }
        | Event::Address { .. }
        | Event::Seal(_)
        | Event::Leave => short(format!("{event:?}")),
    }
}

/// What is to be done.
pub(crate) fn action(cluster: ClusterId, action: &Action) -> String {
    match action {
        Action::Datagram { to, bytes } => {
            let length = bytes.len();
            let text = datagram(cluster, bytes);
            short(format!("Datagram to {to:?}, {length} bytes: {text}"))
        }
        Action::Stream(_)
        | Action::Console(_)
        | Action::Listener(_)
        | Action::Connection(_)
        | Action::Bus(_)
        | Action::Group { .. }
        | Action::Disk(..)
        | Action::Address(..)
        | Action::Seal(_)
        | Action::Note(_)
        | Action::Halt(_) => short(format!("{action:?}")),
    }
}

fn datagram(cluster: ClusterId, bytes: &Bytes) -> String {
    let frame = match Frame::decode(cluster, bytes) {
        Ok(frame) => frame,
        Err(why) => return format!("no frame of this cluster, {why}"),
    };
    let body = &frame.body;
    match frame.kind {
        Kind::Token => shown(body::decode::<Token>(body)),
        Kind::Data => shown(Data::decode(body)),
        Kind::Join => shown(body::decode::<Join>(body)),
        Kind::Commit => shown(body::decode::<Commit>(body)),
        Kind::Beacon => shown(body::decode::<Beacon>(body)),
        Kind::Hurry => shown(body::decode::<Hurry>(body)),
        Kind::Replay => format!("a frame of streams, {} bytes", body.len()),
    }
}

fn shown(body: Result<impl Debug, DecodeError>) -> String {
    match body {
        Ok(body) => format!("{body:?}"),
        Err(why) => format!("no body, {why}"),
    }
}

fn short(mut text: String) -> String {
    if text.len() > LIMIT {
        let mut end = LIMIT;
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        text.truncate(end);
        text.push('…');
    }
    text
}
