//! The committed inputs: one directory a target, one file an input. A file name says what it is, or is the hash
//! of its content.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use ringfort_machine::Digest;

/// This crate's directory, as it was when it was built.
pub fn home() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The directory with the inputs of the target called `name`.
pub fn directory(name: &str) -> PathBuf {
    home().join("corpus").join(name)
}

/// The files of `directory` and their contents, in order of name.
///
/// # Errors
/// Those of reading; a missing directory is one.
pub fn read(directory: &Path) -> io::Result<Vec<(PathBuf, Vec<u8>)>> {
    let mut inputs = Vec::new();
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        if path.is_file() {
            let bytes = fs::read(&path)?;
            inputs.push((path, bytes));
        }
    }
    inputs.sort();
    Ok(inputs)
}

/// Writes `input` into `directory` under `prefix` and the hash of its content, and returns the path.
///
/// # Errors
/// Those of writing.
pub fn write(directory: &Path, prefix: &str, input: &[u8]) -> io::Result<PathBuf> {
    fs::create_dir_all(directory)?;
    let path = directory.join(format!("{prefix}{:016x}", Digest::of(input)));
    fs::write(&path, input)?;
    Ok(path)
}
