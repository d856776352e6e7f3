//! Words to values: numbers, times, addresses. No floating point: a time is read digit by digit.

use alloc::{borrow::ToOwned, string::String};
use core::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    time::Duration,
};

use crate::settings::Endpoint;

/// `true|on|enabled|yes|1` and their opposites, without case.
pub(crate) fn flag(text: &str) -> Option<bool> {
    let is = |words: &[&str]| words.iter().any(|word| text.eq_ignore_ascii_case(word));
    if is(&["true", "on", "enabled", "yes", "1"]) {
        Some(true)
    } else if is(&["false", "off", "disabled", "no", "0"]) {
        Some(false)
    } else {
        None
    }
}

/// Digits only: `u64::from_str` would take a leading `+`.
pub(crate) fn count(text: &str) -> Option<u64> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten()
}

/// Seconds with up to nine decimals; further ones are cut.
pub(crate) fn seconds(text: &str) -> Option<Duration> {
    let (whole, fraction) = match text.split_once('.') {
        Some(("", fraction)) => ("0", fraction),
        Some(parts) => parts,
        None => (text, "0"),
    };
    let whole = count(whole)?;
    if fraction.is_empty() || !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let nanos = fraction
        .bytes()
        .chain(core::iter::repeat(b'0'))
        .take(9)
        .fold(0, |sum, digit| sum * 10 + u32::from(digit - b'0'));
    Some(Duration::new(whole, nanos))
}

/// Permissions in octal, at most 7777.
pub(crate) fn octal(text: &str) -> Option<u32> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let mode = digits
        .then(|| u32::from_str_radix(text, 8).ok())
        .flatten()?;
    (mode <= 0o7777).then_some(mode)
}

/// A name as groups, nodes and interfaces have them.
pub(crate) fn name(text: &str) -> Option<String> {
    let allowed = |c: char| c.is_alphanumeric() || "_-.:@/".contains(c);
    (!text.is_empty() && text.len() <= 255 && text.chars().all(allowed)).then(|| text.to_owned())
}

/// An address, or `*` for every IPv4 address.
pub(crate) fn address(text: &str) -> Option<IpAddr> {
    match text {
        "*" => Some(IpAddr::V4(Ipv4Addr::UNSPECIFIED)),
        _ => unbracket(text).parse().ok(),
    }
}

fn unbracket(text: &str) -> &str {
    text.strip_prefix('[')
        .and_then(|inner| inner.strip_suffix(']'))
        .unwrap_or(text)
}

/// Host and port of `host`, `host:port`, `:port`, `[v6]`, `[v6]:port` or a bare IPv6 address.
pub(crate) fn host_port(text: &str, default_port: u16) -> Option<(&str, u16)> {
    if text.parse::<Ipv6Addr>().is_ok() {
        return Some((text, default_port));
    }
    if let Some(rest) = text.strip_prefix('[') {
        let (host, after) = rest.split_once(']')?;
        return match after.strip_prefix(':') {
            Some(digits) => Some((host, port(digits)?)),
            None if after.is_empty() => Some((host, default_port)),
            None => None,
        };
    }
    match text.rsplit_once(':') {
        Some((host, _)) if host.contains(':') => None,
        Some((host, digits)) => Some((host, port(digits)?)),
        None => Some((text, default_port)),
    }
}

fn port(digits: &str) -> Option<u16> {
    let port = u16::try_from(count(digits)?).ok()?;
    (port != 0).then_some(port)
}

/// A socket address; `*` and nothing stand for every IPv4 address, `[*]` for every IPv6 address.
pub(crate) fn socket(text: &str, default_port: u16) -> Option<SocketAddr> {
    let bracketed = text.starts_with('[');
    let (host, port) = host_port(text, default_port)?;
    let host = match host {
        "*" if bracketed => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
        "*" => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        "" if !bracketed && !text.is_empty() => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        _ => host.parse().ok()?,
    };
    Some(SocketAddr::new(host, port))
}

/// Where a listener of 2.2 listens: `addr[:port][,backlog[~concurrency]]`, or a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ListenAddress {
    pub(crate) endpoint: Endpoint,
    pub(crate) backlog: Option<u32>,
}

/// Reads a [`ListenAddress`].
pub(crate) fn listen_address(text: &str, default_port: u16) -> Option<ListenAddress> {
    let (place, tuning) = match text.split_once(',') {
        Some((place, tuning)) => (place, Some(tuning)),
        None => (text, None),
    };
    let endpoint = endpoint(place, default_port)?;
    let backlog = match tuning {
        None => None,
        Some(tuning) => {
            let (backlog, concurrency) = tuning.split_once('~').unwrap_or((tuning, "0"));
            count(concurrency)?;
            Some(u32::try_from(count(backlog)?).ok()?)
        }
    };
    Some(ListenAddress { endpoint, backlog })
}

/// A socket address, or a path.
pub(crate) fn endpoint(text: &str, default_port: u16) -> Option<Endpoint> {
    if text.starts_with('/') {
        Some(Endpoint::Unix(text.to_owned()))
    } else {
        socket(text, default_port).map(Endpoint::Tcp)
    }
}

#[cfg(test)]
mod tests;
