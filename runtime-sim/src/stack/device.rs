//! The network card of a simulated host: two queues between smoltcp and the segment.

use std::collections::VecDeque;

use bytes::Bytes;
use smoltcp::{
    phy::{self, Checksum, ChecksumCapabilities, DeviceCapabilities, Medium},
    time::Instant,
};

/// Bytes of an Ethernet frame without its checksum.
const FRAME_BYTES: usize = 1514;

/// The queues.
#[derive(Debug, Default)]
pub(super) struct Device {
    pub(super) inbound: VecDeque<Bytes>,
    pub(super) outbound: Vec<Vec<u8>>,
}

/// A frame that has arrived.
pub(super) struct Received(Bytes);

/// Room for a frame to send.
pub(super) struct Room<'a>(&'a mut Vec<Vec<u8>>);

impl phy::Device for Device {
    type RxToken<'a> = Received;
    type TxToken<'a> = Room<'a>;

    fn receive(&mut self, _: Instant) -> Option<(Received, Room<'_>)> {
        let bytes = self.inbound.pop_front()?;
        Some((Received(bytes), Room(&mut self.outbound)))
    }

    fn transmit(&mut self, _: Instant) -> Option<Room<'_>> {
        Some(Room(&mut self.outbound))
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default();
        capabilities.medium = Medium::Ethernet;
        capabilities.max_transmission_unit = FRAME_BYTES;
        // The segment damages no bytes, so computing checksums would only cost time.
        let mut checksum = ChecksumCapabilities::default();
        checksum.ipv4 = Checksum::None;
        checksum.tcp = Checksum::None;
        capabilities.checksum = checksum;
        capabilities
    }
}

impl phy::RxToken for Received {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, f: F) -> R {
        f(&self.0)
    }
}

impl phy::TxToken for Room<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, length: usize, f: F) -> R {
        let mut frame = vec![0; length];
        let result = f(&mut frame);
        self.0.push(frame);
        result
    }
}
