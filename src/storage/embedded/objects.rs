//! Single objects: put, read, copied, removed, described.

use std::{ops::Range, sync::Arc};

use s3s::{
    S3Error, S3ErrorCode, S3Request, S3Result,
    dto::{
        Checksum, ChecksumAlgorithm, ChecksumMode, CopyObjectInput, CopyObjectOutput, CopyObjectResult, CopySource,
        DeleteObjectInput, DeleteObjectsInput, DeleteObjectsOutput, DeletedObject, ETagCondition, GetObjectInput,
        GetObjectOutput, HeadObjectInput, HeadObjectOutput, MetadataDirective, PutObjectInput, PutObjectOutput,
        StreamingBlob, Timestamp,
    },
};

use super::{
    UploadObserver,
    checksum::{KeptChecksum, Wanted, checksums_of, with_checksums},
    conditions::{DeleteCondition, PutCondition, range_applies, read_condition, source_condition},
    path::ObjectPath,
    request::is_presigned,
    running::RunningUploads,
    store::{DiskStore, OpenObject},
    trailer::ObjectMeta,
    wire::{Carried, etag_of, headers_of, modified, path_of, receive, signed},
};

/// S3's bound for one request.
const MAX_DELETED: usize = 1000;

/// The objects of the bucket.
pub(super) struct Objects {
    pub store: DiskStore,
    pub running: RunningUploads,
    pub observer: Arc<dyn UploadObserver>,
}

/// Which bytes of an object are asked for.
struct Asked {
    bytes: Range<u64>,
    /// Of an object of that many parts.
    part: Option<(i32, usize)>,
    is_partial: bool,
}

impl Objects {
    pub(super) async fn existing(&self, path: &ObjectPath) -> S3Result<OpenObject> {
        let found = self.store.open(path).await?;
        found.ok_or_else(|| S3Error::with_message(S3ErrorCode::NoSuchKey, "There is no such object."))
    }

    pub(super) async fn put(&self, mut req: S3Request<PutObjectInput>) -> S3Result<PutObjectOutput> {
        let body = req.input.body.take();
        let (input, headers) = (&req.input, &req.headers);
        let path = path_of(&input.bucket, &input.key)?;
        let condition = PutCondition { if_match: input.if_match.clone(), if_none_match: input.if_none_match.clone() };
        // Before the body, which the client may be waiting to send, and once more when it is there.
        condition.check_in(&self.store, &path).await?;
        let algorithm = input.checksum_algorithm.as_ref().map(ChecksumAlgorithm::as_str);
        let checksum = Wanted::of(&checksums_of!(input), algorithm, headers);
        let mut writer = self.store.write(&path, headers_of!(input)).await?;
        let running = self.running.begin_by_url(&req.uri, &path);
        if let Some(running) = &running {
            self.observer.receiving(&input.key, running.received(), running.unwanted());
        }
        let carried = Carried { body, headers, trailers: req.trailing_headers.clone(), checksum, running };
        let kept = receive(&mut writer, carried).await?;
        let etag = writer.etag().await?;
        let meta = writer.finish_if(etag, &condition).await?;
        if is_presigned(&req.uri) {
            self.observer.stored(&input.key, meta.size).await;
        }
        let checksum = kept.map(|kept| kept.answer());
        let ty = checksum.as_ref().and_then(|checksum| checksum.checksum_type.clone());
        Ok(with_checksums!(
            PutObjectOutput { e_tag: Some(etag_of(&meta)), checksum_type: ty, ..PutObjectOutput::default() },
            checksum
        ))
    }

    pub(super) async fn get(&self, req: S3Request<GetObjectInput>) -> S3Result<GetObjectOutput> {
        let input = &req.input;
        let object = self.existing(&path_of(&input.bucket, &input.key)?).await?;
        let condition = read_condition!(input);
        condition.check(&object.meta)?;
        let meta = object.meta.clone();
        let range = input.range.filter(|_| range_applies(req.headers.get("if-range"), &meta));
        let asked = Asked::of(&meta, range, input.part_number)?;
        let checksum = checksum_of(&meta, &asked, input.checksum_mode.as_ref());
        let ty = checksum.as_ref().and_then(|checksum| checksum.checksum_type.clone());
        let Asked { bytes, part, is_partial } = asked;
        let body = object.read(bytes.clone()).await?;
        let content_range = is_partial.then(|| content_range(&bytes, meta.size));
        Ok(with_checksums!(
            GetObjectOutput {
                body: Some(StreamingBlob::wrap(body)),
                content_length: Some(signed(bytes.end - bytes.start)),
                content_range,
                checksum_type: ty,
                parts_count: part.and_then(|(_, count)| i32::try_from(count).ok()),
                accept_ranges: Some("bytes".to_owned()),
                e_tag: Some(etag_of(&meta)),
                last_modified: Some(modified(&meta)),
                content_type: input.response_content_type.clone().or(meta.headers.content_type),
                cache_control: input.response_cache_control.clone().or(meta.headers.cache_control),
                content_disposition: input.response_content_disposition.clone().or(meta.headers.content_disposition),
                content_encoding: input.response_content_encoding.clone().or(meta.headers.content_encoding),
                content_language: input.response_content_language.clone().or(meta.headers.content_language),
                expires: input.response_expires.clone().or_else(|| meta.headers.expires.map(timestamp)),
                metadata: (!meta.headers.user.is_empty()).then_some(meta.headers.user),
                ..GetObjectOutput::default()
            },
            checksum
        ))
    }

    pub(super) async fn head(&self, req: S3Request<HeadObjectInput>) -> S3Result<HeadObjectOutput> {
        let input = &req.input;
        let meta = self.existing(&path_of(&input.bucket, &input.key)?).await?.meta;
        let condition = read_condition!(input);
        condition.check(&meta)?;
        let range = input.range.filter(|_| range_applies(req.headers.get("if-range"), &meta));
        let asked = Asked::of(&meta, range, input.part_number)?;
        let checksum = checksum_of(&meta, &asked, input.checksum_mode.as_ref());
        let ty = checksum.as_ref().and_then(|checksum| checksum.checksum_type.clone());
        let Asked { bytes, part, is_partial } = asked;
        Ok(with_checksums!(
            HeadObjectOutput {
                content_length: Some(signed(bytes.end - bytes.start)),
                content_range: is_partial.then(|| content_range(&bytes, meta.size)),
                checksum_type: ty,
                parts_count: part.and_then(|(_, count)| i32::try_from(count).ok()),
                accept_ranges: Some("bytes".to_owned()),
                e_tag: Some(etag_of(&meta)),
                last_modified: Some(modified(&meta)),
                content_type: meta.headers.content_type,
                cache_control: meta.headers.cache_control,
                content_disposition: meta.headers.content_disposition,
                content_encoding: meta.headers.content_encoding,
                content_language: meta.headers.content_language,
                expires: meta.headers.expires.map(timestamp),
                metadata: (!meta.headers.user.is_empty()).then_some(meta.headers.user),
                ..HeadObjectOutput::default()
            },
            checksum
        ))
    }

    pub(super) async fn delete(&self, input: DeleteObjectInput) -> S3Result<()> {
        let path = path_of(&input.bucket, &input.key)?;
        let condition = DeleteCondition {
            etag: input.if_match,
            modified: input.if_match_last_modified_time,
            size: input.if_match_size,
        };
        self.delete_at(&path, &condition).await
    }

    /// What is still being sent there under a ticket ends as well: otherwise it would appear after all.
    async fn delete_at(&self, path: &ObjectPath, condition: &DeleteCondition) -> S3Result<()> {
        self.store.delete_if(path, |meta| condition.check(meta)).await?;
        self.running.end_at(path);
        Ok(())
    }

    pub(super) async fn delete_many(&self, input: DeleteObjectsInput) -> S3Result<DeleteObjectsOutput> {
        if input.delete.objects.len() > MAX_DELETED {
            return Err(S3Error::with_message(S3ErrorCode::MalformedXML, "At most 1000 objects are deleted at once."));
        }
        let is_quiet = input.delete.quiet.unwrap_or(false);
        let (mut deleted, mut errors) = (Vec::new(), Vec::new());
        for object in input.delete.objects {
            let condition = DeleteCondition {
                etag: object.e_tag.map(ETagCondition::ETag),
                modified: object.last_modified_time,
                size: object.size,
            };
            let path = path_of(&input.bucket, &object.key);
            let gone = async { self.delete_at(&path?, &condition).await };
            match gone.await {
                Ok(()) if is_quiet => {}
                Ok(()) => deleted.push(DeletedObject { key: Some(object.key), ..DeletedObject::default() }),
                Err(error) => errors.push(s3s::dto::Error {
                    key: Some(object.key),
                    code: Some(error.code().as_str().to_owned()),
                    message: error.message().map(str::to_owned),
                    ..s3s::dto::Error::default()
                }),
            }
        }
        let (deleted, errors) = (Some(deleted), Some(errors));
        Ok(DeleteObjectsOutput { deleted, errors, ..DeleteObjectsOutput::default() })
    }

    pub(super) async fn copy(&self, input: CopyObjectInput) -> S3Result<CopyObjectOutput> {
        let CopySource::Bucket { bucket, key, .. } = &input.copy_source else {
            return Err(S3Error::new(S3ErrorCode::NotImplemented));
        };
        let (from, to) = (path_of(bucket, key)?, path_of(&input.bucket, &input.key)?);
        let source = self.existing(&from).await?;
        let condition = source_condition!(input);
        condition.check_source(&source.meta)?;
        let directive = input.metadata_directive.as_ref();
        let replaces = directive.is_some_and(|given| given.as_str() == MetadataDirective::REPLACE);
        if from == to && !replaces {
            let why = "An object is copied onto itself to change its metadata: say REPLACE.";
            return Err(S3Error::with_message(S3ErrorCode::InvalidRequest, why));
        }
        let headers = if replaces { headers_of!(input) } else { source.meta.headers.clone() };
        let mut writer = self.store.write(&to, headers).await?;
        let (etag, checksum, size) = (source.meta.etag.clone(), source.meta.checksum.clone(), source.meta.size);
        writer.append_object(source, 0..size).await?;
        writer.keep_checksum(checksum);
        let meta = writer.finish_if(etag, &PutCondition::default()).await?;
        let result = CopyObjectResult {
            e_tag: Some(etag_of(&meta)),
            last_modified: Some(modified(&meta)),
            ..CopyObjectResult::default()
        };
        Ok(CopyObjectOutput { copy_object_result: Some(result), ..CopyObjectOutput::default() })
    }
}

impl Asked {
    fn of(meta: &ObjectMeta, range: Option<s3s::dto::Range>, part: Option<i32>) -> S3Result<Self> {
        if let Some(number) = part {
            return Self::part(meta, number);
        }
        let Some(range) = range else {
            return Ok(Self { bytes: 0..meta.size, part: None, is_partial: false });
        };
        let bytes = range.check(meta.size).map_err(|_| S3Error::new(S3ErrorCode::InvalidRange))?;
        if bytes.is_empty() {
            return Err(S3Error::new(S3ErrorCode::InvalidRange));
        }
        Ok(Self { bytes, part: None, is_partial: true })
    }

    fn part(meta: &ObjectMeta, number: i32) -> S3Result<Self> {
        let count = meta.parts.len();
        if meta.parts.is_empty() && number == 1 {
            return Ok(Self { bytes: 0..meta.size, part: None, is_partial: false });
        }
        let index =
            usize::try_from(number).ok().and_then(|number| number.checked_sub(1)).filter(|index| *index < count);
        let index = index.ok_or_else(|| S3Error::with_message(S3ErrorCode::InvalidPart, "There is no such part."))?;
        let start: u64 = meta.parts[..index].iter().map(|part| part.size).sum();
        Ok(Self { bytes: start..start + meta.parts[index].size, part: Some((number, count)), is_partial: true })
    }
}

/// The checksum of what is answered: never of a range, which it would not be that of.
fn checksum_of(meta: &ObjectMeta, asked: &Asked, mode: Option<&ChecksumMode>) -> Option<Checksum> {
    if mode?.as_str() != ChecksumMode::ENABLED {
        return None;
    }
    let kept = meta.checksum.as_ref()?;
    match asked.part {
        None if asked.is_partial => None,
        None => Some(kept.answer()),
        Some((number, _)) => {
            let part = meta.parts.get(usize::try_from(number - 1).ok()?)?;
            let of_part = KeptChecksum { value: part.checksum.clone()?, ..kept.clone() };
            Some(of_part.answer())
        }
    }
}

fn content_range(bytes: &Range<u64>, size: u64) -> String {
    format!("bytes {}-{}/{size}", bytes.start, bytes.end.saturating_sub(1))
}

fn timestamp(time: chrono::DateTime<chrono::Utc>) -> Timestamp {
    Timestamp::from(std::time::SystemTime::from(time))
}
