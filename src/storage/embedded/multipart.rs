//! Multipart uploads: each part an object of its own in the upload's folder, joined when it is completed.

use md5::{Digest, Md5};
use s3s::{
    S3Error, S3ErrorCode, S3Result,
    dto::{
        AbortMultipartUploadInput, AbortMultipartUploadOutput, CompleteMultipartUploadInput,
        CompleteMultipartUploadOutput, CompletedPart, CreateMultipartUploadInput, CreateMultipartUploadOutput, ETag,
        ListPartsInput, ListPartsOutput, Part, UploadPartInput, UploadPartOutput,
    },
};
use uuid::Uuid;

use super::{
    store::{ObjectPath, ObjectStore, OpenObject},
    trailer::{ObjectHeaders, ObjectMeta},
    wire::{etag_of, headers_of, modified, path_of, receive, signed},
};

const MAX_PARTS: i32 = 10_000;
/// S3's bound for every part but the last.
const MIN_PART_BYTES: u64 = 5 * 1024 * 1024;

pub(super) struct Multipart {
    store: ObjectStore,
}

impl Multipart {
    pub(super) const fn new(store: ObjectStore) -> Self {
        Self { store }
    }

    pub(super) async fn create(&self, input: CreateMultipartUploadInput) -> S3Result<CreateMultipartUploadOutput> {
        path_of(&input.bucket, &input.key)?;
        let upload = self.store.new_id();
        let headers = ObjectHeaders { upload_of: Some(input.key.clone()), ..headers_of!(input) };
        let writer = self.store.write(&ObjectPath::of_multipart(upload).join("upload"), headers).await;
        writer?.finish().await?;
        Ok(CreateMultipartUploadOutput {
            bucket: Some(input.bucket),
            key: Some(input.key),
            upload_id: Some(upload.to_string()),
            ..CreateMultipartUploadOutput::default()
        })
    }

    pub(super) async fn upload_part(&self, input: UploadPartInput) -> S3Result<UploadPartOutput> {
        let (folder, _) = self.upload(&input.bucket, &input.key, &input.upload_id).await?;
        if !(1..=MAX_PARTS).contains(&input.part_number) {
            return Err(S3Error::with_message(S3ErrorCode::InvalidArgument, "Parts are numbered 1 to 10000."));
        }
        let path = folder.join(&part_name(input.part_number));
        let writer = self.store.write(&path, ObjectHeaders::default()).await?;
        let meta = receive(writer, input.body, input.content_md5.as_deref()).await?;
        Ok(UploadPartOutput { e_tag: Some(etag_of(&meta)), ..UploadPartOutput::default() })
    }

    pub(super) async fn list_parts(&self, input: ListPartsInput) -> S3Result<ListPartsOutput> {
        let (folder, _) = self.upload(&input.bucket, &input.key, &input.upload_id).await?;
        let after = input.part_number_marker.unwrap_or(0);
        let limit = usize::try_from(input.max_parts.unwrap_or(1000)).unwrap_or(0).min(1000);
        let names = self.store.names(&format!("{}/", folder.path())).await?;
        let numbers = names.iter().filter_map(|name| name.strip_prefix("part-")?.parse::<i32>().ok());
        let mut numbers: Vec<i32> = numbers.filter(|number| *number > after).collect();
        let is_truncated = numbers.len() > limit;
        numbers.truncate(limit);
        let mut parts = Vec::new();
        for number in &numbers {
            let Some(OpenObject { meta, .. }) = self.store.open(&folder.join(&part_name(*number))).await? else {
                continue;
            };
            parts.push(Part {
                part_number: Some(*number),
                size: Some(signed(meta.size)),
                e_tag: Some(etag_of(&meta)),
                last_modified: Some(modified(&meta)),
                ..Part::default()
            });
        }
        Ok(ListPartsOutput {
            bucket: Some(input.bucket),
            key: Some(input.key),
            upload_id: Some(input.upload_id),
            is_truncated: Some(is_truncated),
            next_part_number_marker: numbers.last().copied().filter(|_| is_truncated),
            parts: Some(parts),
            ..ListPartsOutput::default()
        })
    }

    pub(super) async fn complete(
        &self,
        input: CompleteMultipartUploadInput,
    ) -> S3Result<CompleteMultipartUploadOutput> {
        let (folder, mut upload) = self.upload(&input.bucket, &input.key, &input.upload_id).await?;
        upload.headers.upload_of = None;
        let asked = input.multipart_upload.and_then(|upload| upload.parts).unwrap_or_default();
        let parts = self.check_parts(&folder, &asked).await?;
        let path = path_of(&input.bucket, &input.key)?;
        let mut writer = self.store.write(&path, upload.headers).await?;
        let mut digests = Md5::new();
        for (part, meta) in &parts {
            digests.update(hex::decode(&meta.etag).unwrap_or_default());
            let object = self.store.open(part).await?.ok_or_else(invalid_part)?;
            writer.append_object(object).await?;
        }
        let etag = format!("{}-{}", hex::encode(digests.finalize()), parts.len());
        let meta = writer.finish_with_etag(etag).await?;
        if let Err(error) = self.store.delete_all(&folder).await {
            tracing::warn!(error = ?error, "the parts of a completed upload stay");
        }
        Ok(CompleteMultipartUploadOutput {
            bucket: Some(input.bucket),
            key: Some(input.key),
            e_tag: Some(etag_of(&meta)),
            ..CompleteMultipartUploadOutput::default()
        })
    }

    pub(super) async fn abort(&self, input: AbortMultipartUploadInput) -> S3Result<AbortMultipartUploadOutput> {
        let (folder, _) = self.upload(&input.bucket, &input.key, &input.upload_id).await?;
        self.store.delete_all(&folder).await?;
        Ok(AbortMultipartUploadOutput::default())
    }

    /// The folder of an upload that exists and is for this key.
    async fn upload(&self, bucket: &str, key: &str, id: &str) -> S3Result<(ObjectPath, ObjectMeta)> {
        path_of(bucket, key)?;
        let unknown = || S3Error::with_message(S3ErrorCode::NoSuchUpload, "There is no such upload.");
        let folder = ObjectPath::of_multipart(Uuid::parse_str(id).map_err(|_| unknown())?);
        let meta = self.store.open(&folder.join("upload")).await?.ok_or_else(unknown)?.meta;
        let is_for_key = meta.headers.upload_of.as_deref() == Some(key);
        if is_for_key { Ok((folder, meta)) } else { Err(unknown()) }
    }

    /// The parts that were asked for: there, unchanged, in order, none but the last too small.
    async fn check_parts(
        &self,
        folder: &ObjectPath,
        asked: &[CompletedPart],
    ) -> S3Result<Vec<(ObjectPath, ObjectMeta)>> {
        let mut parts = Vec::new();
        let mut previous = 0;
        for (index, part) in asked.iter().enumerate() {
            let number = part.part_number.unwrap_or(0);
            if number <= previous {
                return Err(S3Error::new(S3ErrorCode::InvalidPartOrder));
            }
            previous = number;
            let path = folder.join(&part_name(number));
            let meta = self.store.open(&path).await?.ok_or_else(invalid_part)?.meta;
            if part.e_tag.as_ref().map(ETag::value) != Some(meta.etag.as_str()) {
                return Err(invalid_part());
            }
            if meta.size < MIN_PART_BYTES && index + 1 < asked.len() {
                return Err(S3Error::new(S3ErrorCode::EntityTooSmall));
            }
            parts.push((path, meta));
        }
        if parts.is_empty() { Err(invalid_part()) } else { Ok(parts) }
    }
}

fn invalid_part() -> S3Error {
    S3Error::with_message(S3ErrorCode::InvalidPart, "A part is missing or has another ETag.")
}

/// Padded, so that names sort like numbers.
fn part_name(number: i32) -> String {
    format!("part-{number:05}")
}
