//! Jobs: the work that is done after the answer was given.

use clap::Args;

/// What the operator decided about the work that is done after the answer was given.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Jobs")]
pub struct JobsConfig {
    /// How many images are processed at once; by default two a core, for half of them wait for the storage. Other jobs have
    /// slots of their own.
    #[arg(long, env = "WORKERS", global = true)]
    pub workers: Option<usize>,

    /// After how many seconds of silence a job is taken from a worker that died with it.
    #[arg(long, env = "JOB_LEASE", default_value_t = 30,
          value_parser = clap::value_parser!(u32).range(1..=3600), global = true)]
    pub job_lease: u32,

    /// How many seconds running jobs may take to end once the process is told to stop; then they go back to the queue.
    #[arg(long, env = "SHUTDOWN_GRACE", default_value_t = 25,
          value_parser = clap::value_parser!(u32).range(0..=3600), global = true)]
    pub shutdown_grace: u32,
}

impl JobsConfig {
    /// How many images are processed at once.
    pub fn worker_slots(&self) -> usize {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        self.workers.unwrap_or(2 * cores).max(1)
    }
}
