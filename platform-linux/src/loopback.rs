//! Addresses of 127.0.0.0/8: every Linux machine answers to all of them without being told.
//!
//! So there is nothing to plumb, nothing to find and nobody to tell; whoever binds a socket to the address has
//! it. This keeps account of what it was told, so that a cluster on one machine can show who has what, and
//! refuses any other address, since taking one would have no effect.
//!
//! What this deliberately is not: proof of anything about real interfaces. Nothing keeps two nodes of one
//! machine from "having" the same address here but the cluster's own agreement.

use std::{collections::BTreeMap, net::IpAddr};

use ipnet::IpNet;

use crate::{Found, PlatformError};

/// The account of loopback addresses.
#[derive(Debug, Default)]
pub struct LoopbackMode {
    held: BTreeMap<IpAddr, (IpNet, String)>,
}

impl LoopbackMode {
    /// Nothing held.
    pub fn new() -> Self {
        Self::default()
    }

    /// Everything held. At the start that is nothing: an earlier life has left nothing, since there is nothing
    /// to leave.
    ///
    /// # Errors
    /// None; the same surface as [`crate::Platform::survey`].
    pub fn survey(&mut self) -> Result<Vec<(IpNet, String)>, PlatformError> {
        Ok(self.held.values().cloned().collect())
    }

    /// Everything held, as if it were tagged.
    ///
    /// # Errors
    /// None; the same surface as [`crate::Platform::list`].
    pub fn list(&mut self) -> Result<Vec<Found>, PlatformError> {
        Ok(self
            .held
            .values()
            .map(|(address, interface)| Found {
                address: *address,
                interface: interface.clone(),
                tagged: true,
            })
            .collect())
    }

    /// Notes that `address` is held.
    ///
    /// # Errors
    /// [`PlatformError::NotLoopback`].
    pub fn acquire(&mut self, address: IpNet, interface: &str) -> Result<(), PlatformError> {
        check(address)?;
        self.held
            .insert(address.addr(), (address, interface.to_owned()));
        Ok(())
    }

    /// Notes that `address` is not held any more.
    ///
    /// # Errors
    /// [`PlatformError::NotLoopback`].
    pub fn release(&mut self, address: IpNet, _: &str) -> Result<(), PlatformError> {
        check(address)?;
        self.held.remove(&address.addr());
        Ok(())
    }

    /// Tells nobody.
    ///
    /// # Errors
    /// [`PlatformError::NotLoopback`].
    pub fn announce(&mut self, address: IpNet, _: &str) -> Result<(), PlatformError> {
        check(address)
    }

    /// Whether `address` is held.
    pub fn holds(&self, address: IpAddr) -> bool {
        self.held.contains_key(&address)
    }
}

fn check(address: IpNet) -> Result<(), PlatformError> {
    match address.addr() {
        IpAddr::V4(v4) if v4.is_loopback() => Ok(()),
        IpAddr::V4(_) | IpAddr::V6(_) => Err(PlatformError::NotLoopback { address }),
    }
}

#[cfg(test)]
mod tests;
