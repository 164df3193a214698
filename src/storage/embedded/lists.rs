//! Lists: of the objects, in both versions of S3's protocol, and of the one bucket.

use s3s::{
    S3Result,
    dto::{
        Bucket, CommonPrefix, EncodingType, ListBucketsOutput, ListObjectsInput, ListObjectsOutput, ListObjectsV2Input,
        ListObjectsV2Output, Object, ObjectStorageClass, Owner,
    },
};

use super::{
    BUCKET,
    listing::{Listing, Page},
    store::ObjectStore,
    wire::{check_bucket, etag_of, modified, owner, signed},
};

/// S3's bound for a page.
const MOST: usize = 1000;

/// How names are written into an answer: as they are, or for XML's sake percent-encoded.
#[derive(Clone, Copy)]
struct Written(bool);

impl Written {
    fn of(encoding: Option<&EncodingType>) -> Self {
        Self(encoding.is_some_and(|encoding| encoding.as_str() == EncodingType::URL))
    }

    fn name(self, name: String) -> String {
        if !self.0 {
            return name;
        }
        let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.~/".contains(byte);
        let encoded = name
            .bytes()
            .map(|byte| if is_plain(&byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") });
        encoded.collect()
    }

    fn page(self, page: Page, shows_owner: bool) -> (Vec<Object>, Vec<CommonPrefix>) {
        let objects = page.objects.into_iter().map(|(key, meta)| Object {
            key: Some(self.name(key)),
            size: Some(signed(meta.size)),
            e_tag: Some(etag_of(&meta)),
            last_modified: Some(modified(&meta)),
            owner: shows_owner.then(owner),
            storage_class: Some(ObjectStorageClass::from_static(ObjectStorageClass::STANDARD)),
            ..Object::default()
        });
        let prefixes = page.prefixes.into_iter().map(|prefix| CommonPrefix { prefix: Some(self.name(prefix)) });
        (objects.collect(), prefixes.collect())
    }
}

fn limit(most: Option<i32>) -> usize {
    usize::try_from(most.unwrap_or(1000)).unwrap_or(0).min(MOST)
}

fn given(text: Option<String>) -> Option<String> {
    text.filter(|text| !text.is_empty())
}

pub(super) async fn objects(store: &ObjectStore, input: ListObjectsInput) -> S3Result<ListObjectsOutput> {
    check_bucket(&input.bucket)?;
    let (limit, written) = (limit(input.max_keys), Written::of(input.encoding_type.as_ref()));
    let (prefix, marker) = (input.prefix.unwrap_or_default(), input.marker.unwrap_or_default());
    let delimiter = given(input.delimiter);
    let page = Listing::new(store, &prefix, delimiter.as_deref()).page(&marker, limit).await?;
    let next = page.next.clone();
    let (contents, common_prefixes) = written.page(page, true);
    Ok(ListObjectsOutput {
        name: Some(input.bucket),
        max_keys: i32::try_from(limit).ok(),
        is_truncated: Some(next.is_some()),
        // Without a delimiter the last key tells it.
        next_marker: next.filter(|_| delimiter.is_some()).map(|next| written.name(next)),
        contents: Some(contents),
        common_prefixes: Some(common_prefixes),
        prefix: Some(written.name(prefix)),
        marker: Some(written.name(marker)),
        delimiter: delimiter.map(|delimiter| written.name(delimiter)),
        encoding_type: input.encoding_type,
        ..ListObjectsOutput::default()
    })
}

pub(super) async fn objects_v2(store: &ObjectStore, input: ListObjectsV2Input) -> S3Result<ListObjectsV2Output> {
    check_bucket(&input.bucket)?;
    let (limit, written) = (limit(input.max_keys), Written::of(input.encoding_type.as_ref()));
    let after = input.continuation_token.clone().or(input.start_after.clone()).unwrap_or_default();
    let prefix = input.prefix.unwrap_or_default();
    let delimiter = given(input.delimiter);
    let page = Listing::new(store, &prefix, delimiter.as_deref()).page(&after, limit).await?;
    let next = page.next.clone();
    let (contents, common_prefixes) = written.page(page, input.fetch_owner.unwrap_or(false));
    Ok(ListObjectsV2Output {
        name: Some(input.bucket),
        key_count: i32::try_from(contents.len() + common_prefixes.len()).ok(),
        max_keys: i32::try_from(limit).ok(),
        is_truncated: Some(next.is_some()),
        next_continuation_token: next,
        contents: Some(contents),
        common_prefixes: Some(common_prefixes),
        prefix: Some(written.name(prefix)),
        delimiter: delimiter.map(|delimiter| written.name(delimiter)),
        encoding_type: input.encoding_type,
        continuation_token: input.continuation_token,
        start_after: input.start_after.map(|start| written.name(start)),
        ..ListObjectsV2Output::default()
    })
}

/// The one bucket there is.
pub(super) fn buckets() -> ListBucketsOutput {
    // When it was made nobody asks; clients want a date.
    let made = std::time::SystemTime::UNIX_EPOCH;
    let bucket = Bucket { name: Some(BUCKET.to_owned()), creation_date: Some(made.into()), ..Bucket::default() };
    let owner: Owner = owner();
    ListBucketsOutput { buckets: Some(vec![bucket]), owner: Some(owner), ..ListBucketsOutput::default() }
}
