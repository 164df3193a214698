//! Where images are made: a process of its own for each, which the kernel ends when it takes too long or too much,
//! and which may die of its file without anybody else noticing. As many at once as fit into the memory that there is
//! for it, by their pixels; on as many threads as there are cores idle.

mod child;
mod protocol;
mod restrict;
#[cfg(test)]
mod tests;

use std::{
    fs::File,
    io,
    os::{fd::OwnedFd, unix::process::ExitStatusExt},
    path::PathBuf,
    process::{ExitStatus, Stdio},
    sync::{Arc, OnceLock},
    time::Duration,
};

use command_fds::{CommandFdExt, FdMapping};
use tokio::{
    io::AsyncWriteExt,
    process::{Child, ChildStdin, ChildStdout, Command},
    time::timeout,
};

use self::protocol::{Request, Response, Start, head, receive_from};
pub use self::{child::run, protocol::Spent};
use super::{Encoded, ImagingError, Limits};
use crate::{
    domain::{
        fingerprint::Fingerprint,
        format::ImageFormat,
        ids::UserId,
        image::Facts,
        metadata::Metadata,
        variant::VariantName,
        variant_spec::{VariantSet, VariantSpec},
    },
    permits::{FairPermits, Permit, Share},
};

/// The command of our own program that makes one image.
pub const COMMAND: &str = "imaging";
/// Where the process finds the file that it is to read.
const FILE: i32 = 3;
/// In bytes: no image is larger.
const MAX_FILE: u64 = 1024 * 1024 * 1024;
/// In bytes: what memory is counted in.
const UNIT: u64 = 1024 * 1024;
/// More gain nothing: the largest variant takes as long as the others together.
const MAX_THREADS: usize = 3;
/// The limits on its CPU end a process long before.
const SILENCE: Duration = Duration::from_mins(15);
/// SIGILL, SIGABRT, SIGBUS, SIGFPE, SIGSEGV: how a process ends that was too greedy, or that broke.
const OWN_FAULT: [i32; 5] = [4, 6, 7, 8, 11];
/// Of the kernel's niceness, the most.
const LEAST_PRIORITY: i32 = 19;
/// SIGXCPU.
const TOO_LONG: i32 = 24;

/// What the machine has for images.
#[derive(Debug, Clone)]
pub struct SandboxSettings {
    /// Our own program.
    pub program: PathBuf,
    pub limits: Limits,
    /// Pictures are decoded as large as all of these need them, whichever are made: what is told of a picture, and each
    /// variant, comes out the same.
    pub variants: VariantSet,
    /// In bytes, for all images at once.
    pub memory: u64,
    pub cores: usize,
}

/// The sandbox of this process.
#[derive(Debug, Clone)]
pub struct Sandbox {
    settings: Arc<SandboxSettings>,
    memory: FairPermits<UserId>,
    cores: FairPermits<UserId>,
    /// Known since the first process.
    is_sandboxed: Arc<OnceLock<bool>>,
}

/// What is handed over as it is made.
#[derive(Debug)]
pub enum Made {
    Facts(Facts, Fingerprint, Box<Metadata>),
    Variant(Encoded),
    /// Everything is there.
    All(Spent),
}

/// Who waits for an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Priority {
    /// Somebody who uploaded it.
    Awaited,
    /// Nobody: it has the CPU time that nothing else wants.
    Background,
}

/// Why an image is not made.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    #[error(transparent)]
    Image(#[from] ImagingError),
    /// Not the file's fault.
    #[error("the imaging process failed: {0}")]
    Process(#[from] io::Error),
    #[error("the imaging process ended unexpectedly: {0}")]
    Ended(ExitStatus),
}

/// An image that is being made. Whoever drops it, ends it.
#[derive(Debug)]
pub struct Work {
    child: Child,
    to: ChildStdin,
    from: ChildStdout,
    /// Ordered, and not made yet.
    awaited: Vec<VariantName>,
    /// The facts were told, which happens once.
    is_described: bool,
    permits: Vec<Permit<UserId>>,
}

impl Sandbox {
    /// With all of its room free.
    pub fn new(settings: SandboxSettings) -> Self {
        let share = |all: u64, of_one: u64| Share { all, of_one: of_one.max(1), waiting_of_one: usize::MAX };
        let (memory, cores) = (units(settings.memory), settings.cores as u64);
        let memory = FairPermits::new(share(memory, memory - memory / 4));
        // One more than there are, for whoever comes while one owner has them all.
        let cores = FairPermits::new(share(cores + 1, cores));
        Self { settings: Arc::new(settings), memory, cores, is_sandboxed: Arc::default() }
    }

    /// Begins to make an image, once there is room for it. The process reads the file from the disk; nobody may change
    /// it meanwhile.
    ///
    /// # Errors
    /// When the file is not what it was announced as, too large or damaged, or no process can be started.
    pub async fn begin(
        &self,
        owner: UserId,
        file: File,
        expected: Option<ImageFormat>,
        variants: Vec<VariantSpec>,
        priority: Priority,
    ) -> Result<Work, SandboxError> {
        if file.metadata()?.len() > MAX_FILE {
            return Err(ImagingError::corrupt("the file is too large for an image").into());
        }
        let mut work = self.start(file)?;
        if priority == Priority::Background {
            work.yield_to_all();
        }
        work.awaited = variants.iter().map(|spec| spec.name.clone()).collect();
        let set = self.settings.variants.iter().cloned().collect();
        let request = Request { expected, limits: self.settings.limits, set, variants };
        work.send(&request).await?;
        let memory = match work.receive().await? {
            (Response::Opened { memory, is_shut_in }, _) => {
                self.note_sandbox(is_shut_in);
                memory
            }
            (answer, _) => return Err(unexpected(answer)),
        };
        let threads = work.wait_for_permits(self, owner, memory).await?;
        work.send(&Start { threads }).await?;
        Ok(work)
    }

    /// Whether processes are kept from files, programs and sockets; `None` before the first.
    pub fn is_sandboxed(&self) -> Option<bool> {
        self.is_sandboxed.get().copied()
    }

    fn note_sandbox(&self, is_shut_in: bool) {
        if self.is_sandboxed.set(is_shut_in).is_ok() && !is_shut_in {
            tracing::warn!(
                "images are processed without a sandbox: Landlock or seccomp is not available to this process"
            );
        }
    }

    /// Nothing of the server's environment goes along: there are secrets in it.
    fn start(&self, file: File) -> io::Result<Work> {
        let mut command = Command::new(&self.settings.program);
        command
            .arg(COMMAND)
            .env_clear()
            // What the allocator sets aside counts as taken, unless it takes it piece by piece.
            .env("MIMALLOC_ARENA_EAGER_COMMIT", "0")
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            // A decoder's last words are about its own insides, and in no format of the log's.
            .stderr(Stdio::null())
            .kill_on_drop(true);
        let handed_over = FdMapping { parent_fd: OwnedFd::from(file), child_fd: FILE };
        command.fd_mappings(vec![handed_over]).map_err(io::Error::other)?;
        let mut child = command.spawn()?;
        let pipes = child.stdin.take().zip(child.stdout.take());
        let (to, from) = pipes.ok_or_else(|| io::Error::other("stdin or stdout of the process is missing"))?;
        Ok(Work { child, to, from, awaited: Vec::new(), is_described: false, permits: Vec::new() })
    }
}

impl Work {
    /// What is made next; nothing more behind `Made::All`.
    ///
    /// # Errors
    /// When the file turns out to be damaged, or the process ends.
    pub async fn next(&mut self) -> Result<Made, SandboxError> {
        match self.receive().await? {
            (Response::Facts { facts, fingerprint, metadata }, _) if !self.is_described => {
                self.is_described = true;
                Ok(Made::Facts(facts, fingerprint, metadata))
            }
            (Response::Variant { name, format, width, height }, file) => {
                // A decoder that was taken over is believed in nothing that nobody asked for.
                let ordered = self.awaited.iter().position(|awaited| *awaited == name);
                self.awaited
                    .swap_remove(ordered.ok_or_else(|| io::Error::other("it sent a variant that was not requested"))?);
                Ok(Made::Variant(Encoded { name, format, bytes: file.into(), width, height }))
            }
            (Response::Done(spent), _) if self.is_described && self.awaited.is_empty() => Ok(Made::All(spent)),
            (answer, _) => Err(unexpected(answer)),
        }
    }

    /// Gives the process the lowest priority; where that fails, it runs as all others do.
    fn yield_to_all(&self) {
        let id = self.child.id().and_then(|id| rustix::process::Pid::from_raw(id.cast_signed()));
        if let Some(id) = id {
            let _ = rustix::process::setpriority_process(Some(id), LEAST_PRIORITY);
        }
    }

    /// The process's id, as long as it runs.
    pub fn process(&self) -> Option<u32> {
        self.child.id()
    }

    /// First come, first served, in memory and then in cores; but no owner has all of either while another waits. An
    /// image that needs more memory than there is has all of it. Cores that nobody has just then it may use too, and
    /// shares them with whoever comes.
    async fn wait_for_permits(&mut self, sandbox: &Sandbox, owner: UserId, memory: u64) -> io::Result<usize> {
        let crowded = |_| io::Error::other("too many images are waiting");
        self.permits.push(sandbox.memory.acquire(owner, units(memory)).await.map_err(crowded)?);
        self.permits.push(sandbox.cores.acquire(owner, 1).await.map_err(crowded)?);
        let free = usize::try_from(sandbox.cores.free()).unwrap_or(MAX_THREADS);
        Ok(free.saturating_add(1).min(MAX_THREADS))
    }

    async fn send(&mut self, message: &impl serde::Serialize) -> Result<(), SandboxError> {
        match self.to.write_all(&head(message, &[])?).await {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Err(ended(self.child.wait().await?)),
            said => Ok(said?),
        }
    }

    /// The next answer, or what became of a process that gave none.
    async fn receive(&mut self) -> Result<(Response, Vec<u8>), SandboxError> {
        let Ok(received) = timeout(SILENCE, receive_from(&mut self.from)).await else {
            return Err(io::Error::other("it did not respond in time").into());
        };
        match received {
            Ok(last @ (Response::Done(_) | Response::Refused(_), _)) => {
                self.child.wait().await?;
                Ok(last)
            }
            Ok(answer) => Ok(answer),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Err(ended(self.child.wait().await?)),
            Err(error) => Err(error.into()),
        }
    }
}

fn ended(status: ExitStatus) -> SandboxError {
    match status.signal() {
        Some(TOO_LONG) => ImagingError::corrupt("processing it exceeds the CPU time limit").into(),
        Some(signal) if OWN_FAULT.contains(&signal) => {
            ImagingError::corrupt("decoding it exceeds the memory limit or crashes the decoder").into()
        }
        // Killed by somebody, or ended with the server: the file may be sound.
        _ => SandboxError::Ended(status),
    }
}

fn unexpected(answer: Response) -> SandboxError {
    match answer {
        Response::Refused(error) => error.into(),
        _ => io::Error::other("it sent an unexpected response").into(),
    }
}

fn units(bytes: u64) -> u64 {
    bytes.div_ceil(UNIT).max(1)
}
