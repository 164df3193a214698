//! What the server and the process that makes an image say to each other: messages in JSON, each with bytes behind it.

use std::io::{self, Read, Write};

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use tokio::io::{AsyncRead, AsyncReadExt};

use super::super::{ImagingError, Limits};
use crate::domain::{
    fingerprint::Fingerprint,
    format::ImageFormat,
    image::Facts,
    metadata::Metadata,
    variant::{VariantFormat, VariantName},
    variant_spec::VariantSpec,
};

/// In bytes: longer messages are not believed, nor longer files behind them.
const MAX_MESSAGE: usize = 1024 * 1024;
const MAX_FILE: usize = 1024 * 1024 * 1024;

/// The first word of the server.
#[derive(Serialize, Deserialize)]
pub(super) struct Request {
    pub expected: Option<ImageFormat>,
    pub limits: Limits,
    /// What it is decoded for.
    pub set: Vec<VariantSpec>,
    /// Of these, the ones to be made.
    pub variants: Vec<VariantSpec>,
}

/// The second word of the server: there is room.
#[derive(Serialize, Deserialize)]
pub(super) struct Start {
    /// How many variants may be made at once.
    pub threads: usize,
}

/// What the process answers.
#[derive(Serialize, Deserialize)]
pub(super) enum Response {
    /// The header was read; so many bytes of memory are needed to go on.
    Opened {
        memory: u64,
        /// Whether the kernel keeps the process from files, programs and sockets.
        is_shut_in: bool,
    },
    Facts {
        facts: Facts,
        fingerprint: Fingerprint,
        metadata: Box<Metadata>,
    },
    /// The file is behind it.
    Variant {
        name: VariantName,
        format: VariantFormat,
        width: u32,
        height: u32,
    },
    Refused(ImagingError),
    Done(Spent),
}

/// What the work on one image took.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub struct Spent {
    /// In milliseconds, of all threads.
    pub cpu_ms: u64,
    /// In bytes, resident.
    pub peak_memory: u64,
}

/// A message's beginning: both lengths, and the message.
pub(super) fn head(message: &impl Serialize, file: &[u8]) -> io::Result<Vec<u8>> {
    let json = serde_json::to_vec(message)?;
    let mut head = Vec::with_capacity(8 + json.len());
    for length in [json.len(), file.len()] {
        head.extend(u32::try_from(length).map_err(io::Error::other)?.to_be_bytes());
    }
    head.extend(json);
    Ok(head)
}

/// Of the message, and of the file behind it.
fn lengths(head: [[u8; 4]; 2]) -> io::Result<(usize, usize)> {
    let [json, file] = head.map(|length| u32::from_be_bytes(length) as usize);
    if json > MAX_MESSAGE || file > MAX_FILE {
        return Err(io::Error::other("a message is too long"));
    }
    Ok((json, file))
}

/// Says something, from the process's side.
pub(super) fn send(to: &mut impl Write, message: &impl Serialize, file: &[u8]) -> io::Result<()> {
    to.write_all(&head(message, file)?)?;
    to.write_all(file)?;
    to.flush()
}

/// Hears something, on the process's side.
pub(super) fn receive<T: DeserializeOwned>(from: &mut impl Read) -> io::Result<(T, Vec<u8>)> {
    let mut head = [[0; 4]; 2];
    from.read_exact(head.as_flattened_mut())?;
    let (json, file) = lengths(head)?;
    let (mut json, mut file) = (vec![0; json], vec![0; file]);
    from.read_exact(&mut json)?;
    from.read_exact(&mut file)?;
    Ok((serde_json::from_slice(&json)?, file))
}

/// Hears something, on the server's side.
pub(super) async fn receive_from<T: DeserializeOwned>(from: &mut (impl AsyncRead + Unpin)) -> io::Result<(T, Vec<u8>)> {
    let mut head = [[0; 4]; 2];
    from.read_exact(head.as_flattened_mut()).await?;
    let (json, file) = lengths(head)?;
    let (mut json, mut file) = (vec![0; json], vec![0; file]);
    from.read_exact(&mut json).await?;
    from.read_exact(&mut file).await?;
    Ok((serde_json::from_slice(&json)?, file))
}
