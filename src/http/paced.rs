//! A connection whose client has to take what it asked for: an answer that is read too slowly ends.

use std::{
    io::{self, IoSlice},
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Instant, Sleep, sleep_until},
};

/// How long a client may take for the next `PROGRESS` bytes, once it takes fewer than there are.
const PATIENCE: Duration = Duration::from_secs(30);
const PROGRESS: usize = 16 * 1024;

/// A stream that ends when its writes stand still. What it holds beside the stream is dropped with it.
pub(super) struct Paced<S, H> {
    stream: S,
    /// Since the client takes less than there is.
    blocked: Option<Blocked>,
    _held: H,
}

struct Blocked {
    deadline: Pin<Box<Sleep>>,
    taken: usize,
}

impl<S, H> Paced<S, H> {
    pub(super) const fn new(stream: S, held: H) -> Self {
        Self { stream, blocked: None, _held: held }
    }

    /// Notes how a write went; fails when too little was taken for too long.
    fn note(&mut self, cx: &mut Context<'_>, outcome: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        match outcome {
            Poll::Ready(Ok(taken)) => {
                if let Some(blocked) = &mut self.blocked {
                    blocked.taken += taken;
                    // A deadline that passed while nobody waited was none.
                    if blocked.taken >= PROGRESS || blocked.deadline.is_elapsed() {
                        self.blocked = None;
                    }
                }
                Poll::Ready(Ok(taken))
            }
            Poll::Pending => {
                let blocked = self.blocked.get_or_insert_with(|| Blocked {
                    deadline: Box::pin(sleep_until(Instant::now() + PATIENCE)),
                    taken: 0,
                });
                ready!(blocked.deadline.as_mut().poll(cx));
                Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the client reads its response too slowly")))
            }
            failed @ Poll::Ready(Err(_)) => failed,
        }
    }
}

impl<S: AsyncRead + Unpin, H: Unpin> AsyncRead for Paced<S, H> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl<S: AsyncWrite + Unpin, H: Unpin> AsyncWrite for Paced<S, H> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.note(cx, outcome)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.stream).poll_write_vectored(cx, parts);
        self.note(cx, outcome)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        // Whoever flushes has written all there is.
        self.blocked = None;
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn who_takes_nothing_or_a_byte_now_and_then_is_ended() {
        for (bytes, pause) in [(0, 5), (100, 5)] {
            let (near, mut far) = duplex(1024);
            let reading = tokio::spawn(async move {
                loop {
                    tokio::time::sleep(Duration::from_secs(pause)).await;
                    far.read_exact(&mut vec![0; bytes]).await.expect("more");
                }
            });
            let mut near = Paced::new(near, ());
            let error = near.write_all(&vec![0; 1_000_000]).await.expect_err("too slow");
            assert_eq!(error.kind(), io::ErrorKind::TimedOut);
            reading.abort();
        }
    }

    #[tokio::test(start_paused = true)]
    async fn who_takes_it_slowly_but_steadily_gets_all() {
        let (near, mut far) = duplex(1024);
        let reading = tokio::spawn(async move {
            let (mut all, mut buffer) = (0, vec![0; 1024]);
            while let Ok(read @ 1..) = far.read(&mut buffer).await {
                all += read;
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
            all
        });
        let mut near = Paced::new(near, ());
        near.write_all(&vec![0; 100_000]).await.expect("slow, but steady");
        drop(near);
        assert_eq!(reading.await.expect("an end"), 100_000);
    }
}
