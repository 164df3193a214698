//! Work in tasks of its own.

use tokio_util::task::AbortOnDropHandle;

/// Runs work in a task of its own, which ends when the result is not awaited any more. For whatever takes a connection to the
/// database within a stream: polled by the stream's owner alone, it would hold the connection while that one waits for
/// another.
///
/// # Panics
/// As the work does.
pub async fn in_task<T: Send + 'static>(work: impl Future<Output = T> + Send + 'static) -> T {
    match AbortOnDropHandle::new(tokio::spawn(work)).await {
        Ok(done) => done,
        Err(ended) => match ended.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            // The runtime ends, and with it whoever waits.
            Err(_) => std::future::pending().await,
        },
    }
}
