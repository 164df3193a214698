//! Multipart uploads: each part an object of its own in the upload's folder, joined when it is completed.

use std::{ops::Range, sync::Arc};

use md5::{Digest, Md5};
use s3s::{
    S3Error, S3ErrorCode, S3Request, S3Result,
    dto::{
        AbortMultipartUploadInput, AbortMultipartUploadOutput, ChecksumAlgorithm, ChecksumType,
        CompleteMultipartUploadInput, CompleteMultipartUploadOutput, CompletedPart, CopyPartResult, CopySource,
        CreateMultipartUploadInput, CreateMultipartUploadOutput, ETag, ListMultipartUploadsInput,
        ListMultipartUploadsOutput, ListPartsInput, ListPartsOutput, MultipartUpload, Part, UploadPartCopyInput,
        UploadPartCopyOutput, UploadPartInput, UploadPartOutput,
    },
};
use tokio::sync::RwLockWriteGuard;
use uuid::Uuid;

use super::{
    UploadObserver,
    checksum::{Algorithm, KeptChecksum, Wanted, checksums_of, with_checksums},
    conditions::{PutCondition, source_condition},
    layout,
    path::ObjectPath,
    running::RunningUploads,
    store::DiskStore,
    trailer::{KeptPart, ObjectHeaders, ObjectMeta},
    wire::{Carried, check_bucket, etag_of, headers_of, modified, path_of, receive, signed},
    writer::ObjectWriter,
};

const MAX_PARTS: i32 = 10_000;
/// S3's bound for every part but the last.
const MIN_PART_BYTES: u64 = 5 * 1024 * 1024;
/// S3's bound for a page.
const MAX_LISTED: usize = 1000;
/// What an upload has in its folder from its beginning to its end.
const UPLOAD: &str = layout::UPLOAD;
/// The folder of all uploads.
const UPLOADS: &str = layout::UPLOADS;

pub(super) struct Multipart {
    store: DiskStore,
    observer: Arc<dyn UploadObserver>,
    running: RunningUploads,
}

/// An upload that is there, and for the key that was named.
struct Upload {
    id: Uuid,
    folder: ObjectPath,
    meta: ObjectMeta,
}

impl Multipart {
    pub(super) fn new(store: DiskStore, observer: Arc<dyn UploadObserver>, running: RunningUploads) -> Self {
        Self { store, observer, running }
    }

    pub(super) async fn create(&self, input: CreateMultipartUploadInput) -> S3Result<CreateMultipartUploadOutput> {
        path_of(&input.bucket, &input.key)?;
        let upload = self.store.new_id();
        let algorithm = input.checksum_algorithm.as_ref().and_then(|name| Algorithm::parse(name.as_str()));
        let asked = input.checksum_type.as_ref().map(|ty| ty.as_str() == ChecksumType::FULL_OBJECT);
        let headers = ObjectHeaders {
            upload_of: Some(input.key.clone()),
            algorithm,
            is_full_object: asked.unwrap_or(algorithm == Some(Algorithm::Crc64Nvme)),
            ..headers_of!(input)
        };
        let ty = if headers.is_full_object { ChecksumType::FULL_OBJECT } else { ChecksumType::COMPOSITE };
        let writer = self.store.write(&ObjectPath::of_multipart(upload).join(UPLOAD), headers).await?;
        writer.finish().await?;
        Ok(CreateMultipartUploadOutput {
            bucket: Some(input.bucket),
            key: Some(input.key),
            upload_id: Some(upload.to_string()),
            checksum_algorithm: algorithm.map(|algorithm| ChecksumAlgorithm::from_static(algorithm.name())),
            checksum_type: algorithm.map(|_| ChecksumType::from_static(ty)),
            ..CreateMultipartUploadOutput::default()
        })
    }

    pub(super) async fn upload_part(&self, mut req: S3Request<UploadPartInput>) -> S3Result<UploadPartOutput> {
        let body = req.input.body.take();
        let input = &req.input;
        let path = part_path(&input.upload_id, input.part_number)?;
        // Before it is looked up: whoever ends the upload ends this, or this does not find it.
        let running = self.running.begin_by_url(&req.uri, &path);
        let upload = self.upload(&input.bucket, &input.key, &input.upload_id).await?;
        let algorithm = input.checksum_algorithm.as_ref().map(ChecksumAlgorithm::as_str);
        let stated = Wanted::of(&checksums_of!(input), algorithm, &req.headers);
        // What the upload computes, where this part says nothing.
        let of_upload = upload.meta.headers.algorithm.map(|algorithm| Wanted { algorithm, expected: None });
        let mut writer = self.part_writer(&upload, &path).await?;
        let trailers = req.trailing_headers.clone();
        let carried = Carried { body, headers: &req.headers, trailers, checksum: stated.or(of_upload), running };
        let kept = receive(&mut writer, carried).await?;
        let meta = writer.finish().await?;
        self.observer.part_stored(&req.input.key).await;
        Ok(with_checksums!(
            UploadPartOutput { e_tag: Some(etag_of(&meta)), ..UploadPartOutput::default() },
            kept.map(|kept| kept.answer())
        ))
    }

    pub(super) async fn copy_part(&self, input: UploadPartCopyInput) -> S3Result<UploadPartCopyOutput> {
        let upload = self.upload(&input.bucket, &input.key, &input.upload_id).await?;
        let path = part_path(&input.upload_id, input.part_number)?;
        let CopySource::Bucket { bucket, key, .. } = &input.copy_source else {
            return Err(S3Error::new(S3ErrorCode::NotImplemented));
        };
        let source = self.store.open(&path_of(bucket, key)?).await?;
        let source = source.ok_or_else(|| S3Error::new(S3ErrorCode::NoSuchKey))?;
        let condition = source_condition!(input);
        condition.check_source(&source.meta)?;
        let range = copied_range(input.copy_source_range.as_deref(), source.meta.size)?;
        let mut writer = self.part_writer(&upload, &path).await?;
        if let Some(algorithm) = upload.meta.headers.algorithm {
            writer.compute(algorithm);
        }
        let mut bytes = std::pin::pin!(source.read(range).await?);
        while let Some(chunk) =
            futures_util::TryStreamExt::try_next(&mut bytes).await.map_err(super::store::StoreError::from)?
        {
            writer.write(chunk).await?;
        }
        writer.finish_checksum().await?;
        let meta = writer.finish().await?;
        let result = CopyPartResult {
            e_tag: Some(etag_of(&meta)),
            last_modified: Some(modified(&meta)),
            ..CopyPartResult::default()
        };
        Ok(UploadPartCopyOutput { copy_part_result: Some(result), ..UploadPartCopyOutput::default() })
    }

    /// A part appears only while its upload is there.
    async fn part_writer(&self, upload: &Upload, path: &ObjectPath) -> S3Result<ObjectWriter> {
        let mut writer = self.store.write(path, ObjectHeaders::default()).await?;
        writer.appear_beside(upload.folder.join(UPLOAD), unknown_upload);
        Ok(writer)
    }

    pub(super) async fn list_parts(&self, input: ListPartsInput) -> S3Result<ListPartsOutput> {
        let Upload { folder, meta, .. } = self.upload(&input.bucket, &input.key, &input.upload_id).await?;
        let after = input.part_number_marker.unwrap_or(0);
        let limit = usize::try_from(input.max_parts.unwrap_or(1000)).unwrap_or(0).min(MAX_LISTED);
        let names = self.store.names(&format!("{}/", folder.path())).await?;
        let numbers = names.iter().filter_map(|name| name.strip_prefix("part-")?.parse::<i32>().ok());
        let mut numbers: Vec<i32> = numbers.filter(|number| *number > after).collect();
        let is_truncated = numbers.len() > limit;
        numbers.truncate(limit);
        let metas = self.store.metas(numbers.iter().map(|number| folder.join(&part_name(*number))).collect()).await?;
        let there = numbers.iter().zip(metas).filter_map(|(number, meta)| Some((*number, meta?)));
        let parts = there.map(|(number, meta)| {
            with_checksums!(
                Part {
                    part_number: Some(number),
                    size: Some(signed(meta.size)),
                    e_tag: Some(etag_of(&meta)),
                    last_modified: Some(modified(&meta)),
                },
                meta.checksum.as_ref().map(KeptChecksum::answer)
            )
        });
        let parts = parts.collect();
        let algorithm = meta.headers.algorithm;
        Ok(ListPartsOutput {
            bucket: Some(input.bucket),
            key: Some(input.key),
            upload_id: Some(input.upload_id),
            checksum_algorithm: algorithm.map(|algorithm| ChecksumAlgorithm::from_static(algorithm.name())),
            is_truncated: Some(is_truncated),
            max_parts: i32::try_from(limit).ok(),
            part_number_marker: Some(after),
            next_part_number_marker: numbers.last().copied().filter(|_| is_truncated),
            parts: Some(parts),
            ..ListPartsOutput::default()
        })
    }

    /// All uploads that are under way, by their keys.
    pub(super) async fn list(&self, input: ListMultipartUploadsInput) -> S3Result<ListMultipartUploadsOutput> {
        check_bucket(&input.bucket)?;
        let prefix = input.prefix.clone().unwrap_or_default();
        let limit = usize::try_from(input.max_uploads.unwrap_or(1000)).unwrap_or(0).min(MAX_LISTED);
        let behind = (input.key_marker.clone().unwrap_or_default(), input.upload_id_marker.clone());
        let names = self.store.names(UPLOADS).await?;
        let ids: Vec<Uuid> = names.iter().filter_map(|name| Uuid::parse_str(name).ok()).collect();
        let metas = self.store.metas(ids.iter().map(|id| ObjectPath::of_multipart(*id).join(UPLOAD)).collect()).await?;
        let mut uploads = Vec::new();
        for (id, meta) in ids.iter().zip(metas) {
            let Some((key, modified)) = meta.and_then(|meta| Some((meta.headers.upload_of.clone()?, modified(&meta))))
            else {
                continue;
            };
            let name = id.to_string();
            let is_behind = key > behind.0 || (key == behind.0 && behind.1.as_ref().is_some_and(|id| name > *id));
            if key.starts_with(&prefix) && is_behind {
                uploads.push((key, name, modified));
            }
        }
        uploads.sort_unstable_by(|one, other| (&one.0, &one.1).cmp(&(&other.0, &other.1)));
        let is_truncated = uploads.len() > limit;
        uploads.truncate(limit);
        let last = uploads.last().filter(|_| is_truncated).cloned();
        let uploads = uploads.into_iter().map(|(key, id, initiated)| MultipartUpload {
            key: Some(key),
            upload_id: Some(id),
            initiated: Some(initiated),
            ..MultipartUpload::default()
        });
        Ok(ListMultipartUploadsOutput {
            bucket: Some(input.bucket),
            uploads: Some(uploads.collect()),
            is_truncated: Some(is_truncated),
            max_uploads: i32::try_from(limit).ok(),
            next_key_marker: last.as_ref().map(|(key, ..)| key.clone()),
            next_upload_id_marker: last.map(|(_, id, _)| id),
            key_marker: input.key_marker,
            upload_id_marker: input.upload_id_marker,
            prefix: input.prefix,
            ..ListMultipartUploadsOutput::default()
        })
    }

    pub(super) async fn complete(
        &self,
        input: CompleteMultipartUploadInput,
    ) -> S3Result<CompleteMultipartUploadOutput> {
        let path = path_of(&input.bucket, &input.key)?;
        let _turn = self.turn_of(&input.upload_id).await?;
        let upload = match self.upload(&input.bucket, &input.key, &input.upload_id).await {
            Ok(upload) => upload,
            // The answer to the first time may have been lost.
            Err(error) => match self.completed(&path, &input.upload_id).await? {
                Some(meta) => return Ok(completed(&input, &meta)),
                None => return Err(error),
            },
        };
        let asked = input.multipart_upload.as_ref().and_then(|upload| upload.parts.clone()).unwrap_or_default();
        let parts = self.check_parts(&upload.folder, &asked).await?;
        let condition = PutCondition { if_match: input.if_match.clone(), if_none_match: input.if_none_match.clone() };
        condition.check_in(&self.store, &path).await?;
        let meta = self.join(&input, &upload, &path, parts, &condition).await?;
        if let Err(error) = self.remove(&upload).await {
            tracing::warn!(error = ?error, "deleting the parts of a completed upload failed");
        }
        Ok(completed(&input, &meta))
    }

    async fn join(
        &self,
        input: &CompleteMultipartUploadInput,
        upload: &Upload,
        path: &ObjectPath,
        parts: Vec<(ObjectPath, i32, ObjectMeta)>,
        condition: &PutCondition,
    ) -> S3Result<ObjectMeta> {
        let ObjectHeaders { algorithm, is_full_object, .. } = upload.meta.headers;
        let headers =
            ObjectHeaders { upload_of: None, algorithm: None, is_full_object: false, ..upload.meta.headers.clone() };
        let mut writer = self.store.write(path, headers).await?;
        if let Some(algorithm) = algorithm.filter(|_| is_full_object) {
            writer.compute(algorithm);
        }
        let mut digests = Md5::new();
        let mut kept = Vec::new();
        for (path, number, meta) in parts {
            digests.update(hex::decode(&meta.etag).unwrap_or_default());
            let object = self.store.open(&path).await?.ok_or_else(invalid_part)?;
            if object.meta.etag != meta.etag {
                // Sent again in this moment.
                return Err(invalid_part());
            }
            let size = object.meta.size;
            writer.append_object(object, 0..size).await?;
            let checksum = meta.checksum.filter(|checksum| Some(checksum.algorithm) == algorithm);
            kept.push(KeptPart { number, size, checksum: checksum.map(|checksum| checksum.value) });
        }
        let checksum = match (algorithm, is_full_object) {
            (Some(_), true) => writer.finish_checksum().await?,
            (Some(algorithm), false) => {
                let values: Option<Vec<&str>> = kept.iter().map(|part| part.checksum.as_deref()).collect();
                values.and_then(|values| KeptChecksum::composite(algorithm, values.into_iter()))
            }
            (None, _) => None,
        };
        if let Some(checksum) = &checksum {
            let stated = checksums_of!(input);
            let expected = checksum.algorithm.of(&stated).map(str::to_owned);
            Wanted { algorithm: checksum.algorithm, expected }.check(&checksum.value)?;
        }
        let etag = format!("{}-{}", hex::encode(digests.finalize()), kept.len());
        writer.made_of(upload.id, kept, checksum);
        writer.finish_if(etag, condition).await
    }

    pub(super) async fn abort(&self, input: AbortMultipartUploadInput) -> S3Result<AbortMultipartUploadOutput> {
        let _turn = self.turn_of(&input.upload_id).await?;
        let upload = self.upload(&input.bucket, &input.key, &input.upload_id).await?;
        self.remove(&upload).await?;
        Ok(AbortMultipartUploadOutput::default())
    }

    /// Ends an upload: no part appears from here on.
    async fn remove(&self, upload: &Upload) -> S3Result<()> {
        let removed = self.store.delete_folder_of(&upload.folder.join(UPLOAD), &upload.folder).await;
        self.running.end_at(&upload.folder);
        Ok(removed?)
    }

    /// Uploads are joined and aborted by one request at a time.
    async fn turn_of(&self, upload_id: &str) -> S3Result<RwLockWriteGuard<'_, ()>> {
        Ok(self.store.places.uploads.alone(&id_of(upload_id)?).await)
    }

    async fn upload(&self, bucket: &str, key: &str, id: &str) -> S3Result<Upload> {
        path_of(bucket, key)?;
        let id = id_of(id)?;
        let folder = ObjectPath::of_multipart(id);
        let meta = self.store.open(&folder.join(UPLOAD)).await?.ok_or_else(unknown_upload)?.meta;
        let is_for_key = meta.headers.upload_of.as_deref() == Some(key);
        if is_for_key { Ok(Upload { id, folder, meta }) } else { Err(unknown_upload()) }
    }

    /// The object that this upload became.
    async fn completed(&self, path: &ObjectPath, id: &str) -> S3Result<Option<ObjectMeta>> {
        let Ok(id) = Uuid::parse_str(id) else { return Ok(None) };
        let there = self.store.open(path).await?;
        Ok(there.map(|object| object.meta).filter(|meta| meta.upload == Some(id)))
    }

    /// The parts that were asked for: there, unchanged, in order, none but the last too small.
    async fn check_parts(
        &self,
        folder: &ObjectPath,
        asked: &[CompletedPart],
    ) -> S3Result<Vec<(ObjectPath, i32, ObjectMeta)>> {
        let number_of = |part: &CompletedPart| part.part_number.unwrap_or(0);
        if !asked.is_sorted_by(|one, next| number_of(one) < number_of(next))
            || asked.first().is_some_and(|first| number_of(first) < 1)
        {
            return Err(S3Error::new(S3ErrorCode::InvalidPartOrder));
        }
        let paths: Vec<ObjectPath> = asked.iter().map(|part| folder.join(&part_name(number_of(part)))).collect();
        let metas = self.store.metas(paths.clone()).await?;
        let mut parts = Vec::new();
        for ((part, path), meta) in asked.iter().zip(paths).zip(metas) {
            let meta = meta.ok_or_else(invalid_part)?;
            if part.e_tag.as_ref().map(ETag::value) != Some(meta.etag.as_str()) {
                return Err(invalid_part());
            }
            let stated = checksums_of!(part);
            let is_other = |kept: &KeptChecksum| kept.algorithm.of(&stated).is_some_and(|value| value != kept.value);
            if meta.checksum.as_ref().is_some_and(is_other) {
                return Err(invalid_part());
            }
            if meta.size < MIN_PART_BYTES && parts.len() + 1 < asked.len() {
                return Err(S3Error::new(S3ErrorCode::EntityTooSmall));
            }
            parts.push((path, number_of(part), meta));
        }
        if parts.is_empty() { Err(S3Error::new(S3ErrorCode::MalformedXML)) } else { Ok(parts) }
    }
}

/// Where a part lies.
fn part_path(upload_id: &str, number: i32) -> S3Result<ObjectPath> {
    if !(1..=MAX_PARTS).contains(&number) {
        return Err(S3Error::with_message(S3ErrorCode::InvalidArgument, "Parts are numbered 1 to 10000."));
    }
    Ok(ObjectPath::of_multipart(id_of(upload_id)?).join(&part_name(number)))
}

fn id_of(upload_id: &str) -> S3Result<Uuid> {
    Uuid::parse_str(upload_id).map_err(|_| unknown_upload())
}

fn completed(input: &CompleteMultipartUploadInput, meta: &ObjectMeta) -> CompleteMultipartUploadOutput {
    let checksum = meta.checksum.as_ref().map(KeptChecksum::answer);
    let ty = checksum.as_ref().and_then(|checksum| checksum.checksum_type.clone());
    with_checksums!(
        CompleteMultipartUploadOutput {
            bucket: Some(input.bucket.clone()),
            key: Some(input.key.clone()),
            e_tag: Some(etag_of(meta)),
            checksum_type: ty,
            ..CompleteMultipartUploadOutput::default()
        },
        checksum
    )
}

/// `bytes=a-b`, both within the source, or all of it.
fn copied_range(said: Option<&str>, size: u64) -> S3Result<Range<u64>> {
    let Some(said) = said else { return Ok(0..size) };
    let malformed = || S3Error::with_message(S3ErrorCode::InvalidArgument, "A part of a source is `bytes=first-last`.");
    let (first, last) = said.strip_prefix("bytes=").and_then(|range| range.split_once('-')).ok_or_else(malformed)?;
    let (first, last): (u64, u64) = (first.parse().map_err(|_| malformed())?, last.parse().map_err(|_| malformed())?);
    if first > last || last >= size {
        return Err(S3Error::with_message(S3ErrorCode::InvalidRange, "The source is shorter than that."));
    }
    Ok(first..last + 1)
}

fn unknown_upload() -> S3Error {
    S3Error::with_message(S3ErrorCode::NoSuchUpload, "There is no such upload.")
}

fn invalid_part() -> S3Error {
    S3Error::with_message(S3ErrorCode::InvalidPart, "A part is missing or has another ETag or checksum.")
}

/// Padded, so that names sort like numbers.
fn part_name(number: i32) -> String {
    format!("part-{number:05}")
}
