//! What a node's group layer allows at most, and its configuration.

use core::time::Duration;

use ringfort_machine::ProcessId;
use ringfort_wire::limits;

/// Limits of one node. They bind its own clients only: what others did is agreed and cannot be refused here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Clients connected at a time, those included whose end is not yet ordered.
    pub clients: usize,
    /// Groups that one client may be in.
    pub groups_per_client: usize,
    /// Memberships of all clients together; bounds what a merge has to send.
    pub memberships: usize,
    /// Bytes of a client's name.
    pub client_name_bytes: usize,
    /// Bytes of a group's name.
    pub group_name_bytes: usize,
    /// Destinations of one message.
    pub destinations: usize,
    /// Bytes of a client's payload.
    pub payload_bytes: usize,
    /// Commands that wait while a configuration forms.
    pub pending: usize,
    /// Bytes of the commands that wait.
    pub pending_bytes: usize,
    /// Bytes of names in one state message; one that is full is sent and another begun.
    pub state_part_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            clients: 1024,
            groups_per_client: 256,
            memberships: 16_384,
            client_name_bytes: ringfort_wire::group::CLIENT_NAME,
            group_name_bytes: limits::GROUP_NAME,
            destinations: limits::GROUPS_PER_MESSAGE,
            payload_bytes: limits::MESSAGE - 64 * 1024,
            pending: 4096,
            pending_bytes: 4 << 20,
            state_part_bytes: 32 * 1024,
        }
    }
}

/// How the group layer of one process is to behave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// This process.
    pub me: ProcessId,
    /// Its limits.
    pub limits: Limits,
    /// Whether messages below agreed are submitted at the level asked for. They may then overtake, also a view,
    /// and views do not bound them. Otherwise everything below agreed is sent as agreed, which is stronger.
    pub overtaking: bool,
    /// After how long an unfinished merge is worth a note, and again each time after.
    pub merge_warning: Duration,
}

/// A configuration that cannot work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// A limit is zero where at least one is needed.
    #[error("groups: the limit `{0}` must be at least 1")]
    Zero(&'static str),
    /// A limit exceeds what the wire can carry.
    #[error("groups: the limit `{what}` is {found}, the wire carries at most {limit}")]
    OverWire {
        /// The limit.
        what: &'static str,
        /// Its value.
        found: usize,
        /// The most that is possible.
        limit: usize,
    },
}

impl Config {
    /// The defaults for process `me`.
    pub fn new(me: ProcessId) -> Self {
        Self {
            me,
            limits: Limits::default(),
            overtaking: false,
            merge_warning: Duration::from_secs(5),
        }
    }

    /// Checks that the limits fit together and onto the wire.
    ///
    /// # Errors
    /// [`ConfigError`], naming the first limit that does not.
    pub fn validate(&self) -> Result<(), ConfigError> {
        let ours = &self.limits;
        let (names, destinations) = (limits::GROUP_NAME, limits::GROUPS_PER_MESSAGE);
        let all = [
            ("clients", ours.clients, usize::MAX),
            ("groups_per_client", ours.groups_per_client, usize::MAX),
            ("memberships", ours.memberships, usize::MAX),
            (
                "client_name_bytes",
                ours.client_name_bytes,
                ringfort_wire::group::CLIENT_NAME,
            ),
            ("group_name_bytes", ours.group_name_bytes, names),
            ("destinations", ours.destinations, destinations),
            ("payload_bytes", ours.payload_bytes, limits::MESSAGE),
            ("pending", ours.pending, usize::MAX),
            ("pending_bytes", ours.pending_bytes, usize::MAX),
            (
                "state_part_bytes",
                ours.state_part_bytes,
                limits::MESSAGE / 2,
            ),
        ];
        for (what, found, limit) in all {
            if found == 0 {
                return Err(ConfigError::Zero(what));
            }
            if found > limit {
                return Err(ConfigError::OverWire { what, found, limit });
            }
        }
        Ok(())
    }
}
