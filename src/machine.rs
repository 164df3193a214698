//! What there is of the machine: cores, memory, our own program.

use std::path::PathBuf;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Where the system does not tell.
const UNKNOWN_MEMORY: u64 = 4 * 1024 * 1024 * 1024;

/// How many threads can run at once.
pub fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// In bytes: of the machine or, in a container, of that.
pub fn memory() -> u64 {
    let read = |file: &str| std::fs::read_to_string(file).unwrap_or_default();
    let machine = read("/proc/meminfo")
        .lines()
        .find_map(|line| line.strip_prefix("MemTotal:")?.split_whitespace().next()?.parse::<u64>().ok())
        .map_or(UNKNOWN_MEMORY, |kibibytes| kibibytes * 1024);
    // Without a limit it says "max".
    let container = read("/sys/fs/cgroup/memory.max").trim().parse().unwrap_or(u64::MAX);
    machine.min(container)
}

/// mimalloc's option for how long freed memory is kept from the system, by its place in `mi_option_e` of version 3.
const PURGE_DELAY: i32 = 15;

/// Gives freed memory back to the system at once, rather than after a second in which something else is freed: an idle
/// server keeps half as much, and no request takes measurably longer.
#[expect(unsafe_code, reason = "a setting of the allocator, which has the interface of a C library")]
pub fn give_freed_memory_back() {
    // A huge page stays taken for the last few bytes in it. Where it cannot be said, there are none.
    #[cfg(target_os = "linux")]
    let _ = rustix::thread::disable_transparent_huge_pages(true);
    // SAFETY: not safe beside other threads that set options; this is done once, before there is any.
    unsafe { libmimalloc_sys::mi_option_set(PURGE_DELAY, 0) }
}

/// How many files this process may have open, once it has asked for as many as it can get.
pub fn open_files() -> usize {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    // Where it is refused, the limit stays what it was.
    let _ = setrlimit(Resource::Nofile, raised);
    getrlimit(Resource::Nofile).current.and_then(|files| usize::try_from(files).ok()).unwrap_or(usize::MAX)
}

/// Under a name that stays even when the file is replaced by a newer one.
///
/// # Errors
/// When the system does not tell.
pub fn program() -> std::io::Result<PathBuf> {
    let ourselves = PathBuf::from("/proc/self/exe");
    if ourselves.exists() { Ok(ourselves) } else { std::env::current_exe() }
}

#[cfg(test)]
mod tests {
    /// The crate has no name for it: whoever brings another version of mimalloc learns here that it moved.
    #[test]
    #[expect(unsafe_code, reason = "a setting of the allocator, which has the interface of a C library")]
    fn the_option_is_where_it_was() {
        // SAFETY: reads a number.
        let default = unsafe { libmimalloc_sys::mi_option_get(super::PURGE_DELAY) };
        assert_eq!(default, 1000, "in milliseconds, where nobody set it");
    }
}
