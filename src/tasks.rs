//! Work in tasks of its own.

use std::task::Poll;

use futures_util::poll;
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

/// The same for work that seldom waits for anything: it is begun here, and goes on in a task of its own if it has to wait.
///
/// # Panics
/// As the work does.
pub async fn here_or_in_task<T: Send + 'static>(work: impl Future<Output = T> + Send + 'static) -> T {
    let mut work = Box::pin(work);
    match poll!(&mut work) {
        Poll::Ready(done) => done,
        Poll::Pending => in_task(work).await,
    }
}
