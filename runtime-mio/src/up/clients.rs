//! Clients of a local cluster: real connections to every virtual address, all the time.
//!
//! A connection counts as acknowledged once its whole banner has been read: the node sends it only after the
//! record of the connection was written, so from then on the record must reach the manager, exactly once.

use std::{
    collections::BTreeSet,
    io::{self, Read},
    net::{SocketAddr, TcpStream},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

/// How long a connection or a banner may take.
const PATIENCE: Duration = Duration::from_secs(2);
/// Between two connections to one address.
const PACE: Duration = Duration::from_millis(15);
/// The longest banner that is read.
const BANNER_BYTES: usize = 4096;

/// What the clients have seen.
#[derive(Debug, Default)]
pub(super) struct Seen {
    /// Connections tried.
    pub(super) attempts: AtomicU64,
    /// Connections without a whole banner.
    pub(super) failures: AtomicU64,
    /// Ids in banners.
    acknowledged: Mutex<BTreeSet<String>>,
    /// Ids that came twice: never.
    repeated: AtomicU64,
    /// For each address when it last answered, and its longest silence.
    answers: Mutex<Vec<Answers>>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Answers {
    last: Option<Instant>,
    longest_silence: Duration,
}

impl Seen {
    /// All ids seen in banners.
    pub(super) fn acknowledged(&self) -> BTreeSet<String> {
        locked(&self.acknowledged).clone()
    }

    /// Ids that were given to two connections.
    pub(super) fn repeated(&self) -> u64 {
        self.repeated.load(Ordering::Relaxed)
    }

    /// Whether every address has answered after `since`.
    pub(super) fn all_since(&self, since: Instant) -> bool {
        locked(&self.answers)
            .iter()
            .all(|answers| answers.last.is_some_and(|last| last > since))
    }

    /// The longest time that any address did not answer while the clients ran.
    pub(super) fn longest_silence(&self) -> Duration {
        locked(&self.answers)
            .iter()
            .map(|answers| answers.longest_silence)
            .max()
            .unwrap_or_default()
    }

    fn acknowledge(&self, address: usize, id: String) {
        if !locked(&self.acknowledged).insert(id) {
            self.repeated.fetch_add(1, Ordering::Relaxed);
        }
        let now = Instant::now();
        let answers = &mut locked(&self.answers)[address];
        if let Some(last) = answers.last {
            answers.longest_silence = answers.longest_silence.max(now - last);
        }
        answers.last = Some(now);
    }
}

fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().expect("no holder of the lock panics")
}

/// One client thread for each address.
#[derive(Debug)]
pub(super) struct Clients {
    pub(super) seen: Arc<Seen>,
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

impl Clients {
    /// Starts connecting to all of `addresses`.
    pub(super) fn start(addresses: &[SocketAddr]) -> Self {
        let seen = Arc::new(Seen::default());
        *locked(&seen.answers) = vec![Answers::default(); addresses.len()];
        let stop = Arc::new(AtomicBool::new(false));
        let threads = addresses
            .iter()
            .copied()
            .enumerate()
            .map(|(index, address)| {
                let (seen, stop) = (seen.clone(), stop.clone());
                thread::spawn(move || {
                    while !stop.load(Ordering::Relaxed) {
                        seen.attempts.fetch_add(1, Ordering::Relaxed);
                        match banner(address) {
                            Ok((_, id)) => seen.acknowledge(index, id),
                            Err(_) => {
                                seen.failures.fetch_add(1, Ordering::Relaxed);
                            }
                        }
                        thread::sleep(PACE);
                    }
                })
            })
            .collect();
        Self {
            seen,
            stop,
            threads,
        }
    }

    /// Stops connecting, and waits for the last connections.
    pub(super) fn stop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }

    /// Opens `count` connections, spread over `addresses`, and keeps them open.
    pub(super) fn hold(
        &self,
        addresses: &[SocketAddr],
        count: usize,
    ) -> io::Result<Vec<TcpStream>> {
        let mut held = Vec::new();
        for address in addresses.iter().cycle().take(count) {
            let (stream, id) = banner(*address)?;
            if !locked(&self.seen.acknowledged).insert(id) {
                self.seen.repeated.fetch_add(1, Ordering::Relaxed);
            }
            held.push(stream);
        }
        Ok(held)
    }
}

impl Drop for Clients {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Connects and reads the banner: `220 <text> <id>`, ended by CR LF. The connection stays open.
fn banner(address: SocketAddr) -> io::Result<(TcpStream, String)> {
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let mut text = Vec::new();
    let mut bytes = [0; 512];
    while !text.ends_with(b"\r\n") {
        let count = stream.read(&mut bytes)?;
        if count == 0 || text.len() + count > BANNER_BYTES {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        text.extend_from_slice(&bytes[..count]);
    }
    let text = String::from_utf8_lossy(&text);
    let id = text.trim_end().rsplit(' ').next().unwrap_or_default();
    if !text.starts_with("220 ") || id.is_empty() {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "no greeting"));
    }
    Ok((stream, id.to_owned()))
}
