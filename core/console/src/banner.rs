//! What a session sees before it types anything (reference 1.12, CM-4 and CO-2).

use alloc::{format, string::String};

use crate::Version;

/// Shown to a session that must log in.
pub const AUTHORIZATION: &str = "Authorization required for console session";
/// The prompt for a password.
pub const PASSWORD: &str = "Password:";

/// The rule above and below the banner.
const RULE: &str = "##############################################";

/// The banner: who answers here, in which version. Ends with a newline.
pub fn banner(version: &Version) -> String {
    let Version {
        program,
        version,
        revision,
        copyright,
    } = version;
    format!(
        "{RULE}\n# {program} version: {version} r({revision})\n# {copyright}\n# All Rights Reserved.\n{RULE}\n"
    )
}

/// The prompt: the time of day in seconds since midnight, and the target as the user named it.
pub fn prompt(second_of_day: u32, target: &str) -> String {
    let (hour, minute, second) = (
        second_of_day / 3600 % 24,
        second_of_day / 60 % 60,
        second_of_day % 60,
    );
    format!("{hour:02}:{minute:02}:{second:02} {target}> ")
}
