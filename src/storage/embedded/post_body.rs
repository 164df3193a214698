//! A form's body: it may not stand still, nor be too slow, nor go on and on before its signed fields are there.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use tokio::time::Instant;
use tokio_stream::{Stream, StreamExt};

/// What may come before the file, give or take what the parser reads ahead.
const MAX_UNSIGNED_BYTES: usize = 64 * 1024;
/// In bytes: what it is given at a time until the file.
const UNSIGNED_PIECE: usize = 1024;
/// How long a client may send nothing.
const IDLE_BODY: Duration = Duration::from_mins(1);
/// How long it may take to send what comes before the file.
pub(super) const UNSIGNED_PATIENCE: Duration = Duration::from_secs(30);
/// After so long a body has to have had so many bytes a second: the slowest mobile networks have more.
const SLOW_FOR: Duration = Duration::from_mins(1);
const SLOWEST: u64 = 4 * 1024;

/// A body that ends with an error when it stands still or is too slow, or goes on and on without a signed form: the
/// parser would keep all of it while it looks for the end of a field.
pub(super) fn guarded<E>(
    body: impl Stream<Item = Result<Bytes, E>> + Send,
    is_admitted: Arc<AtomicBool>,
) -> impl Stream<Item = io::Result<Bytes>> + Send
where
    E: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let mut seen = 0;
    let since = Instant::now();
    let body =
        StreamExt::map(body.timeout(IDLE_BODY), |chunk| chunk.map_err(io::Error::other)?.map_err(io::Error::other));
    let waits = Arc::clone(&is_admitted);
    let pieces = body.flat_map(move |chunk| {
        let size = if waits.load(Ordering::Relaxed) { usize::MAX } else { UNSIGNED_PIECE };
        stream::iter(pieces_of(chunk, size))
    });
    let waits = Arc::clone(&is_admitted);
    let body = StreamExt::then(pieces.enumerate(), move |(at, piece): (usize, io::Result<Bytes>)| {
        let waits = Arc::clone(&waits);
        async move {
            // The parser takes all that is there before it looks at any of it: until the form is admitted, it is given
            // little at a time. It takes a form that is there as a whole at its second look for one that broke off, so
            // the first piece does not wait.
            if at > 0 && !waits.load(Ordering::Relaxed) {
                tokio::task::yield_now().await;
            }
            piece
        }
    });
    StreamExt::map(body, move |chunk| {
        let chunk = chunk?;
        let is_admitted = is_admitted.load(Ordering::Relaxed);
        let elapsed = since.elapsed();
        if !is_admitted && seen > MAX_UNSIGNED_BYTES {
            return Err(io::Error::other("too much data before the signed fields"));
        }
        seen += chunk.len();
        if elapsed > SLOW_FOR && (seen as u64) < SLOWEST * elapsed.as_secs() {
            return Err(io::Error::other("the body arrives too slowly"));
        }
        Ok(chunk)
    })
}

fn pieces_of(chunk: io::Result<Bytes>, size: usize) -> Vec<io::Result<Bytes>> {
    let mut chunk = match chunk {
        Ok(chunk) => chunk,
        Err(error) => return vec![Err(error)],
    };
    let mut pieces = Vec::with_capacity(chunk.len().div_ceil(size));
    while !chunk.is_empty() {
        pieces.push(Ok(chunk.split_to(size.min(chunk.len()))));
    }
    pieces
}

#[cfg(test)]
mod tests {
    use multer::Multipart;

    use super::*;

    /// The first field whose name is `file`, of a form that is there in pieces all at once.
    async fn find_file(before: &[u8], size: usize, piece: usize) -> Result<(), multer::Error> {
        let head = b"--x\r\nContent-Disposition: form-data; name=\"key\"\r\n\r\nincoming/1\r\n";
        let file = b"--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a\"\r\n\r\n";
        let all = [head, before, file, &vec![0; size], b"\r\n--x--\r\n"].concat();
        let pieces: Vec<Result<Bytes, io::Error>> =
            all.chunks(piece).map(|piece| Ok(Bytes::copy_from_slice(piece))).collect();
        let is_admitted = Arc::new(AtomicBool::new(false));
        let body = Box::pin(guarded(tokio_stream::iter(pieces), Arc::clone(&is_admitted)));
        let mut form = Multipart::new(body, "x");
        while let Some(mut field) = form.next_field().await? {
            if field.name() == Some("file") {
                is_admitted.store(true, Ordering::Relaxed);
                while field.chunk().await?.is_some() {}
                return Ok(());
            }
        }
        panic!("no file");
    }

    #[tokio::test]
    async fn a_form_of_any_size_is_read() {
        for size in [1, 3, 700, 800, 850, 900, 1024, 2048, 10_000] {
            for piece in [1, 100, 64 * 1024] {
                assert!(find_file(b"", size, piece).await.is_ok(), "{size} in pieces of {piece}");
            }
        }
    }

    #[tokio::test]
    async fn a_file_that_comes_faster_than_it_is_read_is_not_taken_for_fields() {
        for piece in [100, 10_000, 64 * 1024] {
            assert!(find_file(b"", 1_000_000, piece).await.is_ok(), "{piece}");
        }
        let long =
            [b"--x\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n".as_slice(), &vec![b'a'; 200_000], b"\r\n"]
                .concat();
        for piece in [100, 10_000] {
            assert!(find_file(&long, 1_000_000, piece).await.is_err(), "fields without end");
        }
    }

    async fn error_of(body: impl Stream<Item = io::Result<Bytes>> + Send) -> (Duration, String) {
        let since = Instant::now();
        let mut body = Box::pin(guarded(body, Arc::new(AtomicBool::new(true))));
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
        let mut in_time = Box::pin(guarded(every_second(4097, 300), Arc::new(AtomicBool::new(true))));
        while let Some(chunk) = StreamExt::next(&mut in_time).await {
            chunk.expect("more than 4 KiB a second");
        }
        let silent = StreamExt::chain(every_second(1_000_000, 1), stream::pending());
        let (after, _) = error_of(silent).await;
        assert_eq!(after.as_secs(), 61, "a minute of silence");
    }
}
