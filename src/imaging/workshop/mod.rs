//! Where images are made: a process of its own for each, which the kernel ends when it takes too long or too much,
//! and which may die of its file without anybody else noticing. As many at once as fit into the memory that there is
//! for it, by their pixels; on as many threads as there are cores idle.

mod child;
mod protocol;
mod seclusion;

use std::{
    io,
    os::unix::process::ExitStatusExt,
    path::PathBuf,
    process::{ExitStatus, Stdio},
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;
use tokio::{
    io::AsyncWriteExt,
    process::{Child, ChildStdin, ChildStdout, Command},
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};

use self::protocol::{Answer, Go, Order, head, listen};
pub use self::{child::run, protocol::Spent};
use super::{Encoded, ImagingError, Limits};
use crate::domain::{
    fingerprint::Fingerprint, format::ImageFormat, image::Facts, metadata::Metadata, variant::VariantName,
    variant_spec::VariantSpec,
};

/// The command of our own program that makes one image.
pub const COMMAND: &str = "imaging";
/// In bytes: what memory is counted in.
const UNIT: u64 = 1024 * 1024;
/// More gain nothing: the largest variant takes as long as the others together.
const MOST_THREADS: usize = 3;
/// The limits on its CPU end a process long before.
const SILENCE: Duration = Duration::from_mins(15);
/// SIGILL, SIGABRT, SIGBUS, SIGFPE, SIGSEGV: how a process ends that was too greedy, or that broke.
const OWN_FAULT: [i32; 5] = [4, 6, 7, 8, 11];
/// SIGXCPU.
const TOO_LONG: i32 = 24;

/// What the machine has for images.
#[derive(Debug, Clone)]
pub struct WorkshopSettings {
    /// Our own program.
    pub program: PathBuf,
    pub limits: Limits,
    /// In bytes, for all images at once.
    pub memory: u64,
    pub cores: usize,
}

/// The workshop of this process.
#[derive(Debug, Clone)]
pub struct Workshop {
    settings: Arc<WorkshopSettings>,
    memory: Arc<Semaphore>,
    cores: Arc<Semaphore>,
}

/// What is handed over as it is made.
#[derive(Debug)]
pub enum Made {
    Facts(Facts, Fingerprint, Box<Metadata>),
    Variant(Encoded),
    /// Everything is there.
    All(Spent),
}

/// Why an image is not made.
#[derive(Debug, thiserror::Error)]
pub enum WorkshopError {
    #[error(transparent)]
    Image(#[from] ImagingError),
    /// Not the file's fault.
    #[error("the process that makes images: {0}")]
    Process(#[from] io::Error),
    #[error("the process that makes images ended: {0}")]
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
    room: Vec<OwnedSemaphorePermit>,
}

impl Workshop {
    /// With all of its room free.
    pub fn new(settings: WorkshopSettings) -> Self {
        let memory = Arc::new(Semaphore::new(units(settings.memory) as usize));
        let cores = Arc::new(Semaphore::new(settings.cores));
        Self { settings: Arc::new(settings), memory, cores }
    }

    /// Begins to make an image, once there is room for it.
    ///
    /// # Errors
    /// When the file is not what it was announced as, too large or damaged, or no process can be started.
    pub async fn begin(
        &self,
        bytes: Bytes,
        expected: Option<ImageFormat>,
        variants: Vec<VariantSpec>,
    ) -> Result<Work, WorkshopError> {
        if bytes.len() > protocol::LONGEST_FILE {
            return Err(ImagingError::corrupt("no image is as large as this file").into());
        }
        let mut work = self.start()?;
        work.awaited = variants.iter().map(|spec| spec.name.clone()).collect();
        let order = Order { expected, limits: self.settings.limits, variants };
        work.say(&order, &bytes).await?;
        drop(bytes);
        let memory = match work.hear().await? {
            (Answer::Opened { memory }, _) => memory,
            (answer, _) => return Err(unexpected(answer)),
        };
        let threads = work.wait_for_room(self, memory).await?;
        work.say(&Go { threads }, &[]).await?;
        Ok(work)
    }

    /// Nothing of the server's environment goes along: there are secrets in it.
    fn start(&self) -> io::Result<Work> {
        let mut child = Command::new(&self.settings.program)
            .arg(COMMAND)
            .env_clear()
            // What the allocator sets aside counts as taken, unless it takes it piece by piece.
            .env("MIMALLOC_ARENA_EAGER_COMMIT", "0")
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            // A decoder's last words are about its own insides, and in no format of the log's.
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()?;
        let pipes = child.stdin.take().zip(child.stdout.take());
        let (to, from) = pipes.ok_or_else(|| io::Error::other("no pipes"))?;
        Ok(Work { child, to, from, awaited: Vec::new(), room: Vec::new() })
    }
}

impl Work {
    /// What is made next; nothing more behind `Made::All`.
    ///
    /// # Errors
    /// When the file turns out to be damaged, or the process ends.
    pub async fn next(&mut self) -> Result<Made, WorkshopError> {
        match self.hear().await? {
            (Answer::Facts { facts, fingerprint, metadata }, _) => Ok(Made::Facts(facts, fingerprint, metadata)),
            (Answer::Variant { name, format, width, height }, file) => {
                // A decoder that was taken over is believed in nothing that nobody asked for.
                let ordered = self.awaited.iter().position(|awaited| *awaited == name);
                self.awaited.swap_remove(ordered.ok_or_else(|| io::Error::other("a variant that was not ordered"))?);
                Ok(Made::Variant(Encoded { name, format, bytes: file.into(), width, height }))
            }
            (Answer::Done(spent), _) if self.awaited.is_empty() => Ok(Made::All(spent)),
            (answer, _) => Err(unexpected(answer)),
        }
    }

    /// The process's id, as long as it runs.
    pub fn process(&self) -> Option<u32> {
        self.child.id()
    }

    /// First come, first served, in memory and then in cores. An image that needs more memory than there is has all of
    /// it. Cores that nobody has just then it may use too, and shares them with whoever comes.
    async fn wait_for_room(&mut self, workshop: &Workshop, memory: u64) -> io::Result<usize> {
        let wanted = units(memory).min(units(workshop.settings.memory));
        self.room.push(Arc::clone(&workshop.memory).acquire_many_owned(wanted).await.map_err(io::Error::other)?);
        self.room.push(Arc::clone(&workshop.cores).acquire_owned().await.map_err(io::Error::other)?);
        Ok((1 + workshop.cores.available_permits()).min(MOST_THREADS))
    }

    async fn say(&mut self, message: &impl serde::Serialize, file: &[u8]) -> Result<(), WorkshopError> {
        let head = head(message, file)?;
        let mut said = self.to.write_all(&head).await;
        if said.is_ok() {
            said = self.to.write_all(file).await;
        }
        match said {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Err(ended(self.child.wait().await?)),
            said => Ok(said?),
        }
    }

    /// The next answer, or what became of a process that gave none.
    async fn hear(&mut self) -> Result<(Answer, Vec<u8>), WorkshopError> {
        let Ok(heard) = timeout(SILENCE, listen(&mut self.from)).await else {
            return Err(io::Error::other("it says nothing any more").into());
        };
        match heard {
            Ok(last @ (Answer::Done(_) | Answer::Refused(_), _)) => {
                self.child.wait().await?;
                Ok(last)
            }
            Ok(answer) => Ok(answer),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Err(ended(self.child.wait().await?)),
            Err(error) => Err(error.into()),
        }
    }
}

fn ended(status: ExitStatus) -> WorkshopError {
    match status.signal() {
        Some(TOO_LONG) => ImagingError::corrupt("it takes too long to decode").into(),
        Some(signal) if OWN_FAULT.contains(&signal) => {
            ImagingError::corrupt("it wants more memory than its pixels need, or broke its decoder").into()
        }
        // Killed by somebody, or ended with the server: the file may be sound.
        _ => WorkshopError::Ended(status),
    }
}

fn unexpected(answer: Answer) -> WorkshopError {
    match answer {
        Answer::Refused(error) => error.into(),
        _ => io::Error::other("an answer out of turn").into(),
    }
}

fn units(bytes: u64) -> u32 {
    u32::try_from(bytes.div_ceil(UNIT)).unwrap_or(u32::MAX).max(1)
}
