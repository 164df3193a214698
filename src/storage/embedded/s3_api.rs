//! The S3 operations that Darkroom and an operator's tools use, as `s3s` hands them over: already signed for.

use std::ops::Range;

use s3s::{
    S3, S3Error, S3ErrorCode, S3Request, S3Response, S3Result,
    dto::{
        AbortMultipartUploadInput, AbortMultipartUploadOutput, CommonPrefix, CompleteMultipartUploadInput,
        CompleteMultipartUploadOutput, CopyObjectInput, CopyObjectOutput, CopyObjectResult, CopySource,
        CreateMultipartUploadInput, CreateMultipartUploadOutput, DeleteObjectInput, DeleteObjectOutput,
        DeleteObjectsInput, DeleteObjectsOutput, DeletedObject, GetObjectInput, GetObjectOutput, HeadBucketInput,
        HeadBucketOutput, HeadObjectInput, HeadObjectOutput, ListObjectsV2Input, ListObjectsV2Output, ListPartsInput,
        ListPartsOutput, MetadataDirective, Object, PutObjectInput, PutObjectOutput, StreamingBlob, UploadPartInput,
        UploadPartOutput,
    },
};

use super::{
    listing::{Listing, Page},
    multipart::Multipart,
    store::{ObjectPath, ObjectStore, OpenObject},
    trailer::ObjectMeta,
    wire::{check_conditions, etag_of, headers_of, modified, path_of, receive, signed},
};

pub(super) struct S3Api {
    store: ObjectStore,
    multipart: Multipart,
}

impl S3Api {
    pub(super) fn new(store: ObjectStore) -> Self {
        Self { multipart: Multipart::new(store.clone()), store }
    }

    async fn existing(&self, path: &ObjectPath) -> S3Result<OpenObject> {
        let found = self.store.open(path).await?;
        found.ok_or_else(|| S3Error::with_message(S3ErrorCode::NoSuchKey, "There is no such object."))
    }
}

#[async_trait::async_trait]
impl S3 for S3Api {
    async fn head_bucket(&self, req: S3Request<HeadBucketInput>) -> S3Result<S3Response<HeadBucketOutput>> {
        path_of(&req.input.bucket, "any")?;
        Ok(S3Response::new(HeadBucketOutput::default()))
    }

    async fn put_object(&self, req: S3Request<PutObjectInput>) -> S3Result<S3Response<PutObjectOutput>> {
        let input = req.input;
        let (path, md5) = (path_of(&input.bucket, &input.key)?, input.content_md5.clone());
        if input.if_none_match.is_some_and(|condition| condition.is_any()) && self.store.open(&path).await?.is_some() {
            return Err(S3Error::new(S3ErrorCode::PreconditionFailed));
        }
        let headers = headers_of!(input);
        let writer = self.store.write(&path, headers).await?;
        let meta = receive(writer, input.body, md5.as_deref()).await?;
        Ok(S3Response::new(PutObjectOutput { e_tag: Some(etag_of(&meta)), ..PutObjectOutput::default() }))
    }

    async fn get_object(&self, req: S3Request<GetObjectInput>) -> S3Result<S3Response<GetObjectOutput>> {
        let input = req.input;
        let path = path_of(&input.bucket, &input.key)?;
        let object = self.existing(&path).await?;
        check_conditions(input.if_match.as_ref(), input.if_none_match.as_ref(), &object.meta)?;
        let meta = object.meta.clone();
        let invalid_range = |_| S3Error::new(S3ErrorCode::InvalidRange);
        let part = input.range.map(|range| range.check(meta.size)).transpose().map_err(invalid_range)?;
        if part.as_ref().is_some_and(Range::is_empty) {
            return Err(S3Error::new(S3ErrorCode::InvalidRange));
        }
        let Range { start, end } = part.clone().unwrap_or(0..meta.size);
        let body = object.read(start..end).await?;
        let output = GetObjectOutput {
            body: Some(StreamingBlob::wrap(body)),
            content_length: Some(signed(end - start)),
            content_range: part.map(|_| format!("bytes {start}-{}/{}", end - 1, meta.size)),
            accept_ranges: Some("bytes".to_owned()),
            e_tag: Some(etag_of(&meta)),
            last_modified: Some(modified(&meta)),
            content_type: meta.headers.content_type,
            cache_control: meta.headers.cache_control,
            content_disposition: meta.headers.content_disposition,
            content_encoding: meta.headers.content_encoding,
            metadata: (!meta.headers.user.is_empty()).then_some(meta.headers.user),
            ..GetObjectOutput::default()
        };
        Ok(S3Response::new(output))
    }

    async fn head_object(&self, req: S3Request<HeadObjectInput>) -> S3Result<S3Response<HeadObjectOutput>> {
        let input = req.input;
        let meta = self.existing(&path_of(&input.bucket, &input.key)?).await?.meta;
        check_conditions(input.if_match.as_ref(), input.if_none_match.as_ref(), &meta)?;
        let output = HeadObjectOutput {
            content_length: Some(signed(meta.size)),
            accept_ranges: Some("bytes".to_owned()),
            e_tag: Some(etag_of(&meta)),
            last_modified: Some(modified(&meta)),
            content_type: meta.headers.content_type,
            cache_control: meta.headers.cache_control,
            content_disposition: meta.headers.content_disposition,
            content_encoding: meta.headers.content_encoding,
            metadata: (!meta.headers.user.is_empty()).then_some(meta.headers.user),
            ..HeadObjectOutput::default()
        };
        Ok(S3Response::new(output))
    }

    async fn delete_object(&self, req: S3Request<DeleteObjectInput>) -> S3Result<S3Response<DeleteObjectOutput>> {
        let path = path_of(&req.input.bucket, &req.input.key)?;
        self.store.delete(&path).await?;
        Ok(S3Response::new(DeleteObjectOutput::default()))
    }

    async fn delete_objects(&self, req: S3Request<DeleteObjectsInput>) -> S3Result<S3Response<DeleteObjectsOutput>> {
        let (mut deleted, mut errors) = (Vec::new(), Vec::new());
        for object in req.input.delete.objects {
            let gone = async { Ok::<_, S3Error>(self.store.delete(&path_of(&req.input.bucket, &object.key)?).await?) };
            match gone.await {
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
        Ok(S3Response::new(DeleteObjectsOutput { deleted, errors, ..DeleteObjectsOutput::default() }))
    }

    async fn copy_object(&self, req: S3Request<CopyObjectInput>) -> S3Result<S3Response<CopyObjectOutput>> {
        let input = req.input;
        let CopySource::Bucket { bucket, key, .. } = &input.copy_source else {
            return Err(S3Error::new(S3ErrorCode::NotImplemented));
        };
        let (from, to) = (path_of(bucket, key)?, path_of(&input.bucket, &input.key)?);
        let source = self.existing(&from).await?;
        check_conditions(input.copy_source_if_match.as_ref(), None, &source.meta)?;
        let replaces = input.metadata_directive.is_some_and(|given| given.as_str() == MetadataDirective::REPLACE);
        let replaced = headers_of!(input);
        let headers = if replaces { replaced } else { source.meta.headers.clone() };
        let mut writer = self.store.write(&to, headers).await?;
        let etag = source.meta.etag.clone();
        writer.append_object(source).await?;
        let meta = writer.finish_with_etag(etag).await?;
        let result = CopyObjectResult {
            e_tag: Some(etag_of(&meta)),
            last_modified: Some(modified(&meta)),
            ..CopyObjectResult::default()
        };
        Ok(S3Response::new(CopyObjectOutput { copy_object_result: Some(result), ..CopyObjectOutput::default() }))
    }

    async fn list_objects_v2(&self, req: S3Request<ListObjectsV2Input>) -> S3Result<S3Response<ListObjectsV2Output>> {
        let input = req.input;
        path_of(&input.bucket, "any")?;
        let limit = usize::try_from(input.max_keys.unwrap_or(1000)).unwrap_or(0).min(1000);
        let after = input.continuation_token.clone().or(input.start_after.clone());
        let prefix = input.prefix.clone().unwrap_or_default();
        let listing = Listing::new(&self.store, &prefix, input.delimiter.as_deref());
        let page: Page = listing.page(after.as_deref().unwrap_or_default(), limit).await?;
        let object = |(key, meta): (String, ObjectMeta)| Object {
            key: Some(key),
            size: Some(signed(meta.size)),
            e_tag: Some(etag_of(&meta)),
            last_modified: Some(modified(&meta)),
            ..Object::default()
        };
        let prefixes = page.prefixes.into_iter().map(|prefix| CommonPrefix { prefix: Some(prefix) });
        let (contents, common_prefixes): (Vec<_>, Vec<_>) =
            (page.objects.into_iter().map(object).collect(), prefixes.collect());
        Ok(S3Response::new(ListObjectsV2Output {
            name: Some(input.bucket),
            key_count: i32::try_from(contents.len() + common_prefixes.len()).ok(),
            max_keys: i32::try_from(limit).ok(),
            is_truncated: Some(page.next.is_some()),
            next_continuation_token: page.next,
            contents: Some(contents),
            common_prefixes: Some(common_prefixes),
            prefix: input.prefix,
            delimiter: input.delimiter,
            continuation_token: input.continuation_token,
            start_after: input.start_after,
            ..ListObjectsV2Output::default()
        }))
    }

    async fn create_multipart_upload(
        &self,
        req: S3Request<CreateMultipartUploadInput>,
    ) -> S3Result<S3Response<CreateMultipartUploadOutput>> {
        self.multipart.create(req.input).await.map(S3Response::new)
    }

    async fn upload_part(&self, req: S3Request<UploadPartInput>) -> S3Result<S3Response<UploadPartOutput>> {
        self.multipart.upload_part(req.input).await.map(S3Response::new)
    }

    async fn list_parts(&self, req: S3Request<ListPartsInput>) -> S3Result<S3Response<ListPartsOutput>> {
        self.multipart.list_parts(req.input).await.map(S3Response::new)
    }

    async fn complete_multipart_upload(
        &self,
        req: S3Request<CompleteMultipartUploadInput>,
    ) -> S3Result<S3Response<CompleteMultipartUploadOutput>> {
        self.multipart.complete(req.input).await.map(S3Response::new)
    }

    async fn abort_multipart_upload(
        &self,
        req: S3Request<AbortMultipartUploadInput>,
    ) -> S3Result<S3Response<AbortMultipartUploadOutput>> {
        self.multipart.abort(req.input).await.map(S3Response::new)
    }
}
