//! The names of a log's files: what lies in its directory explains itself.

use alloc::{format, string::String, vec::Vec};

use ringfort_machine::Digest;
use ringfort_wire::logs::{RecordId, name_is_valid};

/// What a log's files are marked with, so that a file of another log is noticed.
pub(crate) fn log_hash(key: &str) -> u64 {
    Digest::new().text("log").text(key).finish()
}

/// What the name of a segment says. The order of these is the order of the log; of two with the same base the
/// greater copy counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct SegmentName {
    /// The identity of its first record.
    pub(crate) base: RecordId,
    /// 0, or how often these records had to be written anew because the disk failed.
    pub(crate) copy: u32,
}

impl SegmentName {
    /// `<incarnation>-<sequence>-<copy>.seg`, in hexadecimal digits of fixed number: sorted by name is in order.
    pub(crate) fn file(self) -> String {
        format!(
            "{:016x}-{:016x}-{:04x}.seg",
            self.base.incarnation, self.base.sequence, self.copy
        )
    }

    /// Reads exactly what [`SegmentName::file`] writes.
    pub(crate) fn parse(file: &str) -> Option<Self> {
        let mut parts = file.strip_suffix(".seg")?.split('-');
        let mut number = || u64::from_str_radix(parts.next()?, 16).ok();
        let (incarnation, sequence, copy) = (number()?, number()?, number()?);
        let name = Self {
            base: RecordId::new(incarnation, sequence),
            copy: u32::try_from(copy).ok()?,
        };
        // Both count from 1, and each must have a successor.
        let numbers = [incarnation, sequence];
        let possible = !numbers.contains(&0) && !numbers.contains(&u64::MAX);
        (possible && name.file() == file).then_some(name)
    }
}

/// The file of a slot of the checkpoint called `name`: `<name in hexadecimal>.<slot>.cp`.
pub(crate) fn checkpoint_name(name: &str, slot: u8) -> String {
    let mut file = String::with_capacity(name.len().saturating_mul(2).saturating_add(5));
    for byte in name.bytes() {
        file.push_str(&format!("{byte:02x}"));
    }
    file.push_str(if slot == 0 { ".0.cp" } else { ".1.cp" });
    file
}

/// Reads exactly what [`checkpoint_name`] writes. The empty name is that of the horizon.
pub(crate) fn parse_checkpoint_name(file: &str) -> Option<(String, u8)> {
    let (digits, slot) = match (file.strip_suffix(".0.cp"), file.strip_suffix(".1.cp")) {
        (Some(digits), _) => (digits, 0),
        (None, Some(digits)) => (digits, 1),
        (None, None) => return None,
    };
    let bytes: Option<Vec<u8>> = digits
        .as_bytes()
        .chunks(2)
        .map(|pair| u8::from_str_radix(core::str::from_utf8(pair).ok()?, 16).ok())
        .collect();
    let name = String::from_utf8(bytes?).ok()?;
    let known = name.is_empty() || name_is_valid(&name);
    (known && checkpoint_name(&name, slot) == file).then_some((name, slot))
}
