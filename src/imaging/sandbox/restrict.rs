//! What a process that reads untrusted files gives up: every file, every socket and every other program. What it
//! was handed open (stdin, stdout and the image) stays. A kernel that has no such thing goes without.

/// Shuts this thread in, and whatever threads it starts. Says whether the kernel did all of it.
#[cfg(target_os = "linux")]
pub(super) fn enter() -> bool {
    let files = linux::without_files().is_ok_and(|status| status != landlock::RulesetStatus::NotEnforced);
    let sockets = linux::without_sockets().is_ok();
    files && sockets
}

#[cfg(not(target_os = "linux"))]
pub(super) const fn enter() -> bool {
    false
}

#[cfg(target_os = "linux")]
mod linux {
    use std::collections::BTreeMap;

    use landlock::{ABI, Access, AccessFs, Ruleset, RulesetAttr, RulesetError, RulesetStatus, Scope};
    use seccompiler::{BpfProgram, SeccompAction, SeccompFilter, apply_filter};

    /// No file is opened, made, removed or run; since Linux 6.12 no process outside is sent a signal.
    pub(super) fn without_files() -> Result<RulesetStatus, RulesetError> {
        let nothing = Ruleset::default().handle_access(AccessFs::from_all(ABI::V6))?.scope(Scope::from_all(ABI::V6))?;
        Ok(nothing.create()?.restrict_self()?.ruleset)
    }

    /// Sockets of every kind, those of databases and containers in the file system too.
    pub(super) fn without_sockets() -> anyhow::Result<()> {
        let refused = [libc::SYS_socket, libc::SYS_socketpair, libc::SYS_io_uring_setup];
        let rules: BTreeMap<_, _> = refused.into_iter().map(|call| (call, Vec::new())).collect();
        let denied = SeccompAction::Errno(libc::EPERM.cast_unsigned());
        let filter = SeccompFilter::new(rules, SeccompAction::Allow, denied, std::env::consts::ARCH.try_into()?)?;
        Ok(apply_filter(&BpfProgram::try_from(filter)?)?)
    }

    #[cfg(test)]
    mod tests {
        use std::{
            fs::File,
            io::{ErrorKind, Read},
            net::UdpSocket,
            os::unix::net::UnixStream,
            process::Command,
        };

        use landlock::RulesetStatus;

        use super::{without_files, without_sockets};

        /// Only a thread is shut in, and ends.
        fn shut_in<T: Send>(what: impl FnOnce() -> T + Send) -> T {
            std::thread::scope(|scope| scope.spawn(what).join()).expect("a thread that ends")
        }

        #[test]
        fn no_file_is_opened_and_no_program_started() {
            let mut open = File::open("/proc/self/status").expect("a file");
            let folder = std::env::temp_dir().join(format!("darkroom-restrict-{}", std::process::id()));
            let (status, read, made, started) = shut_in(|| {
                let status = without_files().expect("a ruleset");
                let read = File::open("/etc/passwd").map(drop).map_err(|error| error.kind());
                let made = std::fs::create_dir(&folder).map_err(|error| error.kind());
                let started = Command::new("/bin/true").status().map(drop).map_err(|error| error.kind());
                (status, read, made, started)
            });
            if status == RulesetStatus::NotEnforced {
                assert!(read.is_ok(), "a kernel without Landlock");
                std::fs::remove_dir(folder).expect("a folder");
                return;
            }
            let denied = Err(ErrorKind::PermissionDenied);
            assert_eq!((read, made, started, folder.exists()), (denied, denied, denied, false));
            // Those who are outside, and what was open, are as before.
            assert!(File::open("/etc/passwd").is_ok());
            assert!(open.read_to_string(&mut String::new()).is_ok_and(|bytes| bytes > 0));
        }

        #[test]
        fn no_socket_is_made() {
            let (shut, udp, unix) = shut_in(|| {
                let shut = without_sockets();
                let udp = UdpSocket::bind("127.0.0.1:0").map(drop).map_err(|error| error.kind());
                let unix = UnixStream::pair().map(drop).map_err(|error| error.kind());
                (shut.is_ok(), udp, unix)
            });
            let denied = Err(ErrorKind::PermissionDenied);
            assert_eq!((shut, udp, unix), (true, denied, denied));
            assert!(UdpSocket::bind("127.0.0.1:0").is_ok(), "those who are outside are as before");
        }
    }
}
