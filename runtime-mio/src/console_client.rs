//! The client's end of a control listener: for people, for scripts and for `ringfort up`.
//!
//! An answer ends with a NUL byte, after which the prompt stands; see [`crate::consoles`]. Blocking, with time
//! limits: a console that hangs would be the last thing one needs in trouble.

use std::{
    fmt,
    io::{self, Read, Write},
    net::{TcpStream, ToSocketAddrs},
    os::unix::net::UnixStream,
    path::PathBuf,
    time::Duration,
};

use crate::{BootError, consoles::END_OF_ANSWER};

/// How long a connection may take.
const CONNECT: Duration = Duration::from_secs(5);
/// The longest answer that is taken; a server's own limit is lower.
const ANSWER_BYTES: usize = 64 << 20;

/// Where a console is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    /// A socket in the file system.
    Unix(PathBuf),
    /// `host:port`.
    Tcp(String),
}

impl Target {
    /// The socket of a daemon with the default state directory.
    pub(crate) const DEFAULT: &'static str = "/var/lib/ringfort/control";

    /// Reads a target: a path with a slash, or `host:port`; none if the text is neither.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        if text.contains('/') {
            return Some(Self::Unix(text.into()));
        }
        let (host, port) = text.rsplit_once(':')?;
        let valid = !host.is_empty() && port.parse::<u16>().is_ok() && !text.contains(' ');
        valid.then(|| Self::Tcp(text.into()))
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix(path) => write!(f, "{}", path.display()),
            Self::Tcp(address) => f.write_str(address),
        }
    }
}

/// A stream of either kind.
#[derive(Debug)]
pub(crate) enum Stream {
    Unix(UnixStream),
    Tcp(TcpStream),
}

impl Stream {
    fn connect(target: &Target) -> io::Result<Self> {
        match target {
            Target::Unix(path) => UnixStream::connect(path).map(Self::Unix),
            Target::Tcp(address) => {
                let mut last = io::Error::from(io::ErrorKind::NotFound);
                for address in address.to_socket_addrs()? {
                    match TcpStream::connect_timeout(&address, CONNECT) {
                        Ok(stream) => {
                            stream.set_nodelay(true)?;
                            return Ok(Self::Tcp(stream));
                        }
                        Err(error) => last = error,
                    }
                }
                Err(last)
            }
        }
    }

    fn set_timeout(&self, timeout: Option<Duration>) -> io::Result<()> {
        match self {
            Self::Unix(stream) => stream.set_read_timeout(timeout),
            Self::Tcp(stream) => stream.set_read_timeout(timeout),
        }
    }

    fn try_clone(&self) -> io::Result<Self> {
        match self {
            Self::Unix(stream) => stream.try_clone().map(Self::Unix),
            Self::Tcp(stream) => stream.try_clone().map(Self::Tcp),
        }
    }
}

impl Read for Stream {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Unix(stream) => stream.read(bytes),
            Self::Tcp(stream) => stream.read(bytes),
        }
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Unix(stream) => stream.write(bytes),
            Self::Tcp(stream) => stream.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// An open session.
#[derive(Debug)]
pub(crate) struct Console {
    stream: Stream,
    read: Vec<u8>,
}

impl Console {
    /// Opens a session and reads past the banner. `patience` limits the wait for each answer; without it the
    /// wait is as long as the server's own.
    ///
    /// # Errors
    /// [`BootError::Ended`] with what to do.
    pub(crate) fn open(target: &Target, patience: Option<Duration>) -> Result<Self, BootError> {
        let refused = |error: &dyn fmt::Display| {
            BootError::Ended(format!(
                "no console at {target}: {error}; is the daemon running, and is this its control listener?"
            ))
        };
        let stream = Stream::connect(target).map_err(|error| refused(&error))?;
        stream
            .set_timeout(patience)
            .map_err(|error| refused(&error))?;
        let mut console = Self {
            stream,
            read: Vec::new(),
        };
        console.answer().map_err(|error| refused(&error))?;
        Ok(console)
    }

    /// Runs one command and returns its answer.
    ///
    /// # Errors
    /// When the session ends or the answer does not come in time.
    pub(crate) fn ask(&mut self, line: &str) -> io::Result<String> {
        self.stream.write_all(format!("{line}\n").as_bytes())?;
        self.answer()
    }

    /// Reads up to the end of an answer. The prompt behind it stays and is dropped with the next answer's
    /// front: it has no line end, and the answer is cut off before it.
    fn answer(&mut self) -> io::Result<String> {
        let mut bytes = [0; 16 << 10];
        loop {
            if let Some(end) = self.read.iter().position(|byte| *byte == END_OF_ANSWER) {
                let answer: Vec<u8> = self.read.drain(..=end).collect();
                let text = String::from_utf8_lossy(&answer[..end]).into_owned();
                return Ok(without_prompt(&text).to_owned());
            }
            if self.read.len() > ANSWER_BYTES {
                return Err(io::Error::other("the answer does not end"));
            }
            match self.stream.read(&mut bytes) {
                Ok(0) => {
                    let said = String::from_utf8_lossy(&self.read);
                    let said = without_prompt(said.trim()).to_owned();
                    let why = if said.is_empty() {
                        "the session ended".into()
                    } else {
                        said
                    };
                    return Err(io::Error::new(io::ErrorKind::UnexpectedEof, why));
                }
                Ok(count) => self.read.extend_from_slice(&bytes[..count]),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    return Err(io::Error::new(
                        io::ErrorKind::TimedOut,
                        "the answer did not come in time",
                    ));
                }
                Err(error) => return Err(error),
            }
        }
    }
}

/// An answer without the prompt of the line before it: `HH:MM:SS target> `.
fn without_prompt(text: &str) -> &str {
    let first = text.lines().next().unwrap_or_default();
    let is_clock = first.len() > 9
        && first
            .bytes()
            .take(9)
            .enumerate()
            .all(|(at, byte)| match at {
                2 | 5 => byte == b':',
                8 => byte == b' ',
                _ => byte.is_ascii_digit(),
            });
    match first.find("> ") {
        Some(end) if is_clock => &text[end + 2..],
        _ => text,
    }
}

/// Whether an answer says that the command was not done.
pub(crate) fn is_failure(answer: &str) -> bool {
    let start = answer.trim_start();
    if start.starts_with('{') {
        return serde_json::from_str::<serde_json::Value>(start)
            .is_ok_and(|value| value["report"] == "failed" || !value["error"].is_null());
    }
    start.starts_with("Unknown command '")
        || start.contains(". Usage: ")
        || start.contains("can only be issued from a node")
        || start.contains("is a command of the manager's console")
        || start.starts_with("Not Authorized")
}

/// A session for a person: what is typed goes out, what comes is shown, until either end closes.
///
/// # Errors
/// As [`Console::open`].
pub(crate) fn interact(target: &Target) -> Result<(), BootError> {
    let failed = |error: io::Error| BootError::Ended(format!("the console at {target}: {error}"));
    let stream = Stream::connect(target).map_err(|error| {
        BootError::Ended(format!(
            "no console at {target}: {error}; is the daemon running, and is this its control listener?"
        ))
    })?;
    let mut incoming = stream.try_clone().map_err(failed)?;
    let mut outgoing = stream;
    // Reading the keyboard cannot be interrupted from here, so it is the thread that is left behind.
    std::thread::spawn(move || {
        for line in io::stdin().lines() {
            let Ok(line) = line else { break };
            if outgoing.write_all(format!("{line}\n").as_bytes()).is_err() {
                return;
            }
        }
        let _ = outgoing.write_all(b"quit\n");
    });
    let mut out = io::stdout();
    let mut bytes = [0; 16 << 10];
    loop {
        match incoming.read(&mut bytes) {
            Ok(0) => return Ok(()),
            Ok(count) => {
                let shown: Vec<u8> = bytes[..count]
                    .iter()
                    .copied()
                    .filter(|byte| *byte != END_OF_ANSWER)
                    .collect();
                out.write_all(&shown)
                    .and_then(|()| out.flush())
                    .map_err(failed)?;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(failed(error)),
        }
    }
}

#[cfg(test)]
mod tests;
