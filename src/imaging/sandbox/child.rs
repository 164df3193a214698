//! The process that makes one image, and ends. It is given no secrets, no database and no storage: a file comes in, what
//! is made of it goes out, and whatever the file does to it, it does to nothing else.

use std::{
    collections::{BTreeMap, VecDeque},
    fs::File,
    io::{self, Read, Seek, Write},
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Mutex, MutexGuard, PoisonError},
};

use memmap2::Mmap;
use rustix::process::{Resource, Rlimit, getrlimit, nice, setrlimit};

use super::{
    super::{Decoded, Encoded, ImagingError, Opened},
    FILE, MAX_THREADS,
    protocol::{Request, Response, Spent, Start, receive, send},
    restrict,
};
use crate::domain::variant_spec::VariantSpec;

/// In bytes: what a process needs before it has an image.
const BEFORE_IMAGES: u64 = 192 * 1024 * 1024;
/// In seconds of CPU. Fifty megapixels of the slowest format take a fifth of it.
const DECODING: u64 = 20;
/// In seconds of CPU, for each variant more.
const EACH_VARIANT: u64 = 20;
/// The server answers before images are made.
const NICENESS: i32 = 5;

/// Why the work ended early.
enum Trouble {
    Image(ImagingError),
    /// The server is gone, or speaks another language.
    Server(io::Error),
}

impl From<ImagingError> for Trouble {
    fn from(error: ImagingError) -> Self {
        Self::Image(error)
    }
}

impl From<io::Error> for Trouble {
    fn from(error: io::Error) -> Self {
        Self::Server(error)
    }
}

/// Does what the server asks for over stdin, and answers over stdout.
///
/// # Errors
/// When the server is gone.
pub fn run() -> io::Result<()> {
    let (mut from, mut to) = (io::stdin().lock(), io::stdout());
    let mut meter = Meter::open();
    // Pixels are many and side by side: huge pages suit them, as they do not suit the server.
    #[cfg(target_os = "linux")]
    let _ = rustix::thread::disable_transparent_huge_pages(false);
    let _ = nice(NICENESS);
    limit(Resource::Core, 0);
    // Where memory runs out all the same, this process is to end and no other.
    let _ = std::fs::write("/proc/self/oom_score_adj", "1000");
    let file = open()?;
    let is_shut_in = restrict::enter();
    let (request, _): (Request, _) = receive(&mut from)?;
    limit(Resource::Data, 2 * file.len() as u64 + BEFORE_IMAGES);
    limit(Resource::Cpu, DECODING);
    let work = AssertUnwindSafe(|| work(&request, &file, is_shut_in, &mut from, &mut to));
    match catch_unwind(work).unwrap_or_else(|_| Err(panicked())) {
        Ok(()) => send(&mut to, &Response::Done(meter.read()), &[]),
        Err(Trouble::Image(error)) => send(&mut to, &Response::Refused(error), &[]),
        Err(Trouble::Server(error)) => Err(error),
    }
}

/// The file that the server handed over. It is read where it lies, so that it takes memory only as it is read.
#[expect(unsafe_code, reason = "mapped: the file has no name, and nobody else has it open to change it")]
fn open() -> io::Result<Mmap> {
    let file = File::open(format!("/dev/fd/{FILE}"))?;
    unsafe { Mmap::map(&file) }
}

fn work(
    request: &Request,
    bytes: &[u8],
    is_shut_in: bool,
    from: &mut impl Read,
    to: &mut (impl Write + Send),
) -> Result<(), Trouble> {
    let opened = Opened::new(bytes, request.expected, request.limits)?;
    let memory = opened.memory(&request.variants, MAX_THREADS);
    send(to, &Response::Opened { memory, is_shut_in }, &[])?;
    let (Start { threads }, _) = receive(from)?;
    limit(Resource::Data, memory + memory / 2 + BEFORE_IMAGES);
    let decoded = opened.decode(&request.set)?;
    limit(Resource::Cpu, DECODING + EACH_VARIANT * request.variants.len() as u64);
    let (facts, fingerprint) = decoded.facts()?;
    send(to, &Response::Facts { facts, fingerprint, metadata: Box::new(decoded.metadata()) }, &[])?;
    let threads = if decoded.is_moving() { 1 } else { threads };
    make(&decoded, &request.variants, threads, to)
}

/// Makes the variants. The first one, which somebody waits for, has the machine to itself; then several at once: one
/// thread goes on with the smallest, the others begin with the largest, which take longest.
fn make(decoded: &Decoded, specs: &[VariantSpec], threads: usize, to: &mut (impl Write + Send)) -> Result<(), Trouble> {
    let left = Mutex::new(specs.iter().enumerate().collect::<VecDeque<_>>());
    let outbox = Mutex::new(Outbox { to, waiting: BTreeMap::new(), next: 0 });
    let one = |(at, spec): (usize, &VariantSpec)| -> Result<(), Trouble> {
        let made = decoded.variant(spec)?;
        Ok(locked(&outbox).put(at, made)?)
    };
    let run = |is_first: bool| -> Result<(), Trouble> {
        loop {
            let taken = { if is_first { locked(&left).pop_front() } else { locked(&left).pop_back() } };
            let Some(next) = taken else { return Ok(()) };
            one(next).inspect_err(|_| locked(&left).clear())?;
        }
    };
    let first = locked(&left).pop_front();
    first.map(one).transpose()?;
    std::thread::scope(|scope| {
        let helper = |_| std::thread::Builder::new().spawn_scoped(scope, || run(false)).ok();
        let helpers: Vec<_> = (1..threads).filter_map(helper).collect();
        let mut outcome = run(true);
        for helper in helpers {
            outcome = outcome.and(helper.join().unwrap_or_else(|_| Err(panicked())));
        }
        outcome
    })
}

/// Sends variants in the order of the request, whichever is made first.
struct Outbox<'a, W> {
    to: &'a mut W,
    waiting: BTreeMap<usize, Encoded>,
    next: usize,
}

impl<W: Write> Outbox<'_, W> {
    fn put(&mut self, at: usize, made: Encoded) -> io::Result<()> {
        self.waiting.insert(at, made);
        while let Some(Encoded { name, format, bytes, width, height }) = self.waiting.remove(&self.next) {
            send(self.to, &Response::Variant { name, format, width, height }, &bytes)?;
            self.next += 1;
        }
        Ok(())
    }
}

fn panicked() -> Trouble {
    Trouble::Image(ImagingError::corrupt("its decoder panicked"))
}

fn locked<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What the kernel ends the process for. A system that has no such limit goes without.
fn limit(resource: Resource, most: u64) {
    let maximum = getrlimit(resource).maximum;
    let current = Some(maximum.map_or(most, |maximum| most.min(maximum)));
    let _ = setrlimit(resource, Rlimit { current, maximum });
}

/// What the process took, as the kernel tells it; the memory on Linux alone.
struct Meter {
    /// Opened while files could be.
    status: Option<File>,
}

impl Meter {
    fn open() -> Self {
        Self { status: File::open("/proc/self/status").ok() }
    }

    fn read(&mut self) -> Spent {
        let mut status = String::new();
        if let Some(file) = &mut self.status {
            // Without it the memory is not known, and nothing else is lost.
            let _ = file.rewind().and_then(|()| file.read_to_string(&mut status));
        }
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.split_whitespace().next()?.parse().ok());
        let clock = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
        let cpu_ms = clock.tv_sec * 1000 + clock.tv_nsec / 1_000_000;
        Spent { cpu_ms: cpu_ms.try_into().unwrap_or(0), peak_memory: peak.unwrap_or(0_u64) * 1024 }
    }
}
