//! Who may open a console over TCP.

use std::net::IpAddr;

use ringfort_config::settings::AccessBlock;

/// The access list of one listener.
#[derive(Clone, Copy, Debug)]
pub(super) struct Access<'a>(pub(super) &'a [AccessBlock]);

/// What the list says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Admitted,
    /// The text tells the client why.
    Refused(&'static str),
}

impl Access<'_> {
    /// Judges a peer: the longest prefix that contains it decides; without a list only the host itself is let
    /// in. A block that asks for a password or for roles admits nobody: this listener speaks no mechanism,
    /// and an open door would be the worst reading of such a line.
    pub(super) fn judge(self, peer: IpAddr) -> Verdict {
        let peer = peer.to_canonical();
        if self.0.is_empty() {
            return if peer.is_loopback() {
                Verdict::Admitted
            } else {
                Verdict::Refused(
                    "only this host may open a console here: no access list is configured",
                )
            };
        }
        let block = self
            .0
            .iter()
            .filter(|block| block.net.contains(&peer))
            .max_by_key(|block| block.net.prefix_len());
        match block {
            None => Verdict::Refused("the access list does not name your network"),
            Some(block) if block.always_deny => {
                Verdict::Refused("the access list denies your network")
            }
            Some(block) if block.enable_authentication => Verdict::Refused(
                "the access list asks for a password, which this version cannot check: use the Unix socket",
            ),
            Some(block) if block.enable_authorization && !block.always_allow => Verdict::Refused(
                "the access list asks for roles, which this version cannot check: use the Unix socket",
            ),
            Some(_) => Verdict::Admitted,
        }
    }
}
