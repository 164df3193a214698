//! What clients send: it may not stand still, nor be too slow, and is written as it comes.

use std::{io, time::Duration};

use bytes::Bytes;
use s3s::{S3Error, S3ErrorCode, S3Result};
use tokio::time::Instant;
use tokio_stream::{Stream, StreamExt};

use super::{running::RunningUpload, writer::ObjectWriter};

/// How long a client may send nothing.
const IDLE: Duration = Duration::from_mins(1);
/// After so long a body has to have had so many bytes a second: the slowest mobile networks have more.
const SLOW_FOR: Duration = Duration::from_mins(1);
const SLOWEST: u64 = 4 * 1024;

/// A body that ends with an error when it stands still or is too slow.
pub(super) fn paced<E>(
    body: impl Stream<Item = Result<Bytes, E>> + Send,
) -> impl Stream<Item = io::Result<Bytes>> + Send
where
    E: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let mut seen = 0;
    let since = Instant::now();
    StreamExt::map(body.timeout(IDLE), move |chunk| {
        let chunk = chunk.map_err(|_| too_slow())?.map_err(io::Error::other)?;
        seen += chunk.len() as u64;
        let elapsed = since.elapsed();
        let is_too_slow = elapsed > SLOW_FOR && seen < SLOWEST * elapsed.as_secs();
        if is_too_slow { Err(too_slow()) } else { Ok(chunk) }
    })
}

fn too_slow() -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, "the body arrives too slowly")
}

/// Writes at most `limit` bytes of a body, until it ends or nobody wants it any more. What has come is written soon, also when
/// nothing follows.
pub(super) async fn pour(
    writer: &mut ObjectWriter,
    body: impl Stream<Item = S3Result<Bytes>> + Send,
    running: Option<&RunningUpload>,
    limit: u64,
) -> S3Result<()> {
    let mut body = std::pin::pin!(body);
    loop {
        let chunk = tokio::select! {
            chunk = body.try_next() => chunk?,
            () = writer.is_due() => {
                writer.flush().await?;
                continue;
            }
            () = ended(running) => return Err(is_unwanted()),
        };
        let Some(chunk) = chunk else { return Ok(()) };
        if writer.size() + chunk.len() as u64 > limit {
            return Err(too_large());
        }
        writer.write(chunk).await?;
        if let Some(running) = running {
            running.count(writer.size());
        }
    }
}

async fn ended(running: Option<&RunningUpload>) {
    match running {
        Some(running) => running.ended().await,
        None => std::future::pending().await,
    }
}

fn is_unwanted() -> S3Error {
    S3Error::with_message(S3ErrorCode::OperationAborted, "The same was sent again, or its upload has ended.")
}

pub(super) fn too_large() -> S3Error {
    S3Error::with_message(S3ErrorCode::EntityTooLarge, "The file is larger than the policy allows.")
}

#[cfg(test)]
mod tests {
    use futures_util::stream;

    use super::*;

    async fn error_of(body: impl Stream<Item = io::Result<Bytes>> + Send) -> (Duration, String) {
        let since = Instant::now();
        let mut body = Box::pin(paced(body));
        let error = loop {
            match StreamExt::next(&mut body).await {
                Some(Ok(_)) => {}
                Some(Err(error)) => break error,
                None => panic!("an end without an error after {:?}", since.elapsed()),
            }
        };
        (since.elapsed(), error.to_string())
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_is_too_slow_or_stands_still_is_ended() {
        let every_second = |bytes: usize, seconds: usize| {
            let chunks = stream::iter(0..seconds);
            StreamExt::then(chunks, move |_| async move {
                tokio::time::sleep(Duration::from_secs(1)).await;
                Ok(Bytes::from(vec![0; bytes]))
            })
        };
        let (after, error) = error_of(every_second(4000, 1000)).await;
        assert_eq!((after.as_secs(), error.as_str()), (61, "the body arrives too slowly"), "less than 4 KiB a second");
        let mut in_time = Box::pin(paced(every_second(4097, 300)));
        while let Some(chunk) = StreamExt::next(&mut in_time).await {
            chunk.expect("more than 4 KiB a second");
        }
        let silent = StreamExt::chain(every_second(1_000_000, 1), stream::pending());
        let (after, _) = error_of(silent).await;
        assert_eq!(after.as_secs(), 61, "a minute of silence");
    }
}
