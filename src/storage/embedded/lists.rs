//! Lists: of the objects, in both versions of S3's protocol, and of the one bucket.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use s3s::{
    S3Error, S3ErrorCode, S3Result,
    dto::{
        Bucket, CommonPrefix, EncodingType, ListBucketsOutput, ListObjectsInput, ListObjectsOutput, ListObjectsV2Input,
        ListObjectsV2Output, Object, ObjectStorageClass, Owner,
    },
};

use super::{
    BUCKET,
    listing::{Listing, Page},
    store::DiskStore,
    wire::{check_bucket, encoded, etag_of, modified, owner, signed},
};

/// S3's bound for a page.
const MAX_KEYS: usize = 1000;

/// How names are written into an answer: as they are, or for XML's sake percent-encoded.
#[derive(Clone, Copy)]
struct Written(bool);

impl Written {
    /// As the client wants it, or as XML needs it: there are characters that it cannot have.
    fn of(encoding: Option<&EncodingType>, page: &Page) -> Self {
        let is_wanted = encoding.is_some_and(|encoding| encoding.as_str() == EncodingType::URL);
        let mut names = page.objects.iter().map(|(key, _)| key).chain(&page.prefixes).chain(&page.next);
        Self(is_wanted || names.any(|name| name.chars().any(is_not_xml)))
    }

    fn encoding(self) -> Option<EncodingType> {
        self.0.then(|| EncodingType::from_static(EncodingType::URL))
    }

    fn name(self, name: String) -> String {
        if self.0 { encoded(&name) } else { name }
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

const fn is_not_xml(c: char) -> bool {
    // A carriage return comes back as a line feed.
    matches!(c, '\0'..='\u{8}' | '\u{b}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}')
}

/// Where a page goes on.
fn key_of(token: &str) -> S3Result<String> {
    let key = URL_SAFE_NO_PAD.decode(token).ok().and_then(|key| String::from_utf8(key).ok());
    key.ok_or_else(|| S3Error::with_message(S3ErrorCode::InvalidArgument, "The continuation token is invalid."))
}

fn limit(most: Option<i32>) -> usize {
    usize::try_from(most.unwrap_or(1000)).unwrap_or(0).min(MAX_KEYS)
}

fn given(text: Option<String>) -> Option<String> {
    text.filter(|text| !text.is_empty())
}

pub(super) async fn objects(store: &DiskStore, input: ListObjectsInput) -> S3Result<ListObjectsOutput> {
    check_bucket(&input.bucket)?;
    let limit = limit(input.max_keys);
    let (prefix, marker) = (input.prefix.unwrap_or_default(), input.marker.unwrap_or_default());
    let delimiter = given(input.delimiter);
    let page = Listing::new(store, &prefix, delimiter.as_deref()).page(&marker, limit).await?;
    let next = page.next.clone();
    let written = Written::of(input.encoding_type.as_ref(), &page);
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
        encoding_type: written.encoding(),
        ..ListObjectsOutput::default()
    })
}

pub(super) async fn objects_v2(store: &DiskStore, input: ListObjectsV2Input) -> S3Result<ListObjectsV2Output> {
    check_bucket(&input.bucket)?;
    let limit = limit(input.max_keys);
    let after = match &input.continuation_token {
        Some(token) => key_of(token)?,
        None => input.start_after.clone().unwrap_or_default(),
    };
    let prefix = input.prefix.unwrap_or_default();
    let delimiter = given(input.delimiter);
    let page = Listing::new(store, &prefix, delimiter.as_deref()).page(&after, limit).await?;
    let next = page.next.clone();
    let written = Written::of(input.encoding_type.as_ref(), &page);
    let (contents, common_prefixes) = written.page(page, input.fetch_owner.unwrap_or(false));
    Ok(ListObjectsV2Output {
        name: Some(input.bucket),
        key_count: i32::try_from(contents.len() + common_prefixes.len()).ok(),
        max_keys: i32::try_from(limit).ok(),
        is_truncated: Some(next.is_some()),
        next_continuation_token: next.map(|next| URL_SAFE_NO_PAD.encode(next)),
        contents: Some(contents),
        common_prefixes: Some(common_prefixes),
        prefix: Some(written.name(prefix)),
        delimiter: delimiter.map(|delimiter| written.name(delimiter)),
        encoding_type: written.encoding(),
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
