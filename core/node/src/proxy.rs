//! The header of the PROXY protocol, version 2, by which a backend learns who really connected
//! (HAProxy, proxy-protocol.txt, section 2.2). No optional fields.

use core::net::{IpAddr, SocketAddr};

use bytes::{BufMut, Bytes, BytesMut};

const SIGNATURE: [u8; 12] = *b"\r\n\r\n\0\r\nQUIT\n";
const VERSION_2_PROXY: u8 = 0x21;
const STREAM_OVER_IPV4: u8 = 0x11;
const STREAM_OVER_IPV6: u8 = 0x21;

/// The header for a connection from `client` to `server`. If their families differ, both are written as IPv6,
/// the IPv4 one in its mapped form.
pub(crate) fn header(client: SocketAddr, server: SocketAddr) -> Bytes {
    let mut out = BytesMut::with_capacity(52);
    out.put_slice(&SIGNATURE);
    out.put_u8(VERSION_2_PROXY);
    match (client.ip(), server.ip()) {
        (IpAddr::V4(from), IpAddr::V4(to)) => {
            out.put_u8(STREAM_OVER_IPV4);
            out.put_u16(12);
            out.put_slice(&from.octets());
            out.put_slice(&to.octets());
        }
        (from, to) => {
            out.put_u8(STREAM_OVER_IPV6);
            out.put_u16(36);
            out.put_slice(&mapped(from));
            out.put_slice(&mapped(to));
        }
    }
    out.put_u16(client.port());
    out.put_u16(server.port());
    out.freeze()
}

fn mapped(address: IpAddr) -> [u8; 16] {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped().octets(),
        IpAddr::V6(address) => address.octets(),
    }
}

#[cfg(test)]
mod tests;
