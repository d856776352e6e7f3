//! The processes of a local cluster: started, killed, stopped in good order.
//!
//! Each runs in a process group of its own, so that Ctrl-C reaches only this process, which then asks them to
//! leave one by one; and each ends when this process ends, however that happens.

use std::{
    fs::{self, File},
    os::unix::process::{CommandExt, ExitStatusExt},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    time::{Duration, Instant},
};

use serde::Serialize;

use super::plan::Process;
use crate::{BootError, sys};

/// How long a child may take to leave.
const LEAVE: Duration = Duration::from_secs(15);
/// Between two looks whether it has.
const PACE: Duration = Duration::from_millis(10);

/// How a child ended.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Ended {
    pub(super) name: String,
    /// With exit code 0, in time.
    pub(super) clean: bool,
    /// By a signal that nobody can refuse.
    #[serde(skip)]
    pub(super) killed: bool,
    pub(super) how: String,
}

impl Ended {
    fn new(name: String, status: ExitStatus) -> Self {
        Self {
            name,
            clean: status.success(),
            killed: status.signal() == Some(libc::SIGKILL),
            how: status.to_string(),
        }
    }
}

/// All running children.
#[derive(Debug, Default)]
pub(super) struct Children {
    running: Vec<(String, Child)>,
    /// The directory of their journals, if they are recorded.
    journals: Option<PathBuf>,
}

impl Children {
    /// None yet; those to come record their lives in `journals`, which is made if need be.
    pub(super) fn new(journals: Option<&Path>) -> Result<Self, BootError> {
        if let Some(path) = journals {
            fs::create_dir_all(path).map_err(|source| BootError::file("create", path, source))?;
        }
        Ok(Self {
            running: Vec::new(),
            journals: journals.map(Into::into),
        })
    }

    /// Starts a process.
    pub(super) fn start(&mut self, process: &Process) -> Result<(), BootError> {
        let program = std::env::current_exe()
            .map_err(|source| BootError::system("find the own program", source))?;
        let output = process.output();
        let failed = |source| BootError::file("write", &output, source);
        let file = File::options()
            .create(true)
            .append(true)
            .open(&output)
            .map_err(failed)?;
        let mut command = Command::new(program);
        command
            .arg(if process.manager { "manager" } else { "node" })
            .arg("--config")
            .arg(process.configuration())
            .arg("--parent")
            .arg(std::process::id().to_string())
            // What names this process must not name its children.
            .env_remove("EC_NODE_NAME")
            .env_remove("EC_SUB_CLUSTER")
            .env_remove("EC_CONF_SEARCH_PATH")
            .stdin(Stdio::null())
            .stdout(file.try_clone().map_err(failed)?)
            .stderr(file)
            .process_group(0);
        if let Some(directory) = &self.journals {
            let name = format!("{}.journal", process.name);
            command.arg("--journal").arg(directory.join(name));
        }
        let child = command
            .spawn()
            .map_err(|source| BootError::system("start a process", source))?;
        self.running.push((process.name.clone(), child));
        Ok(())
    }

    /// A child that has ended without having been asked to.
    pub(super) fn ended(&mut self) -> Option<Ended> {
        for (at, (_, child)) in self.running.iter_mut().enumerate() {
            if let Ok(Some(status)) = child.try_wait() {
                let (name, _) = self.running.remove(at);
                return Some(Ended::new(name, status));
            }
        }
        None
    }

    /// Kills a child, as a crash would.
    pub(super) fn kill(&mut self, name: &str) -> Result<(), BootError> {
        if let Some(at) = self.running.iter().position(|(known, _)| known == name) {
            let (_, mut child) = self.running.remove(at);
            child
                .kill()
                .and_then(|()| child.wait())
                .map_err(|source| BootError::system("kill a process", source))?;
        }
        Ok(())
    }

    /// The process id of a child.
    pub(super) fn id(&self, name: &str) -> Option<u32> {
        let (_, child) = self.running.iter().find(|(known, _)| known == name)?;
        Some(child.id())
    }

    /// Asks every child to leave and waits; one that does not leave is killed.
    pub(super) fn stop(&mut self) -> Vec<Ended> {
        let mut ended = Vec::new();
        for (_, child) in &self.running {
            let _ = sys::signal(child.id(), libc::SIGTERM); // it may be gone; that is seen below
        }
        let end = Instant::now() + LEAVE;
        for (name, mut child) in self.running.drain(..) {
            ended.push(finish(name, &mut child, end));
        }
        ended
    }
}

fn finish(name: String, child: &mut Child, end: Instant) -> Ended {
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return Ended::new(name, status),
            Ok(None) if Instant::now() < end => std::thread::sleep(PACE),
            Ok(None) | Err(_) => {
                let _ = child.kill();
                let _ = child.wait();
                return Ended {
                    name,
                    clean: false,
                    killed: true,
                    how: format!("killed after {} s", LEAVE.as_secs()),
                };
            }
        }
    }
}

impl Drop for Children {
    fn drop(&mut self) {
        self.stop();
    }
}
