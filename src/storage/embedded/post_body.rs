//! A form's body: it may not go on and on before its signed fields are there.

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
use tokio_stream::{Stream, StreamExt};

use super::body::paced;

/// What may come before the file, give or take what the parser reads ahead.
const MAX_UNSIGNED_BYTES: usize = 64 * 1024;
/// In bytes: what it is given at a time until the file.
const UNSIGNED_PIECE: usize = 1024;
/// How long it may take to send what comes before the file.
pub(super) const UNSIGNED_PATIENCE: Duration = Duration::from_secs(30);
/// A paced body that ends with an error also when it goes on and on without a signed form: the
/// parser would keep all of it while it looks for the end of a field.
pub(super) fn guarded<E>(
    body: impl Stream<Item = Result<Bytes, E>> + Send,
    is_admitted: Arc<AtomicBool>,
) -> impl Stream<Item = io::Result<Bytes>> + Send
where
    E: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let mut seen = 0;
    let waits = Arc::clone(&is_admitted);
    let pieces = paced(body).flat_map(move |chunk| {
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
        if !is_admitted && seen > MAX_UNSIGNED_BYTES {
            return Err(io::Error::other("too much data before the signed fields"));
        }
        seen += chunk.len();
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
}
