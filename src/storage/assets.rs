//! A front end's own files, beside the images: for everybody to read, under names that change with their content.

use std::{collections::BTreeMap, io::Write, path::Path};

use aws_sdk_s3::{error::ProvideErrorMetadata, primitives::ByteStream};
use bytes::Bytes;
use flate2::{Compression, write::GzEncoder};
use mime_guess::MimeGuess;
use percent_encoding::utf8_percent_encode;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tokio::task::spawn_blocking;

use super::{S3, StorageError, StorageKey, presign::PATH, s3::classify};

/// For what never changes under its name.
const FOREVER: &str = "public, max-age=31536000, immutable";
/// For what does: kept, but asked for again by its ETag.
const ASK_AGAIN: &str = "no-cache";
/// Digits of the hash in a name.
const HASH_LENGTH: usize = 12;
/// A gzipped file is worth it below this share of its length.
const WORTHWHILE: f64 = 0.9;
/// In bytes, together with the hash; the key has at most 1,024.
const LONGEST_PATH: usize = 900;

/// The path of a file in its front end, with slashes: `img/logo.svg`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct AssetPath(String);

impl AssetPath {
    /// The path of a file below a front end's folder; `None` for one that no URL can have.
    pub fn below(path: &Path) -> Option<Self> {
        let parts: Option<Vec<&str>> = path
            .components()
            .map(|part| match part {
                std::path::Component::Normal(name) => name.to_str().filter(|name| !name.contains(char::is_control)),
                _ => None,
            })
            .collect();
        parts.map(|parts| Self(parts.join("/"))).filter(|path| (1..=LONGEST_PATH).contains(&path.0.len()))
    }

    /// Where the manifest is: no front end's file, for those of hidden folders are not stored.
    fn manifest() -> Self {
        Self(".assets/manifest.json".to_owned())
    }

    /// The path with which a command asks for a file.
    pub fn named(path: &str) -> Self {
        Self(path.to_owned())
    }

    /// Whether it is a page, which refers to others.
    pub fn is_page(&self) -> bool {
        Path::new(&self.0).extension().is_some_and(|extension| extension.eq_ignore_ascii_case("html"))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// With a hash before the extension: `img/logo.5f2a8c01d3e4.svg`.
    fn with_hash(&self, hash: &str) -> Self {
        let (folder, name) = self
            .0
            .rsplit_once('/')
            .map_or(("", self.0.as_str()), |(_, name)| (&self.0[..self.0.len() - name.len()], name));
        match name.rsplit_once('.').filter(|(stem, _)| !stem.is_empty()) {
            Some((stem, extension)) => Self(format!("{folder}{stem}.{hash}.{extension}")),
            None => Self(format!("{folder}{name}.{hash}")),
        }
    }
}

/// A file of a front end.
pub struct Asset {
    pub path: AssetPath,
    pub content: Bytes,
    /// Whether the one who built it has put a hash into its name already, as Vite does.
    pub has_hash: bool,
}

/// Where the files of a front end are stored: from their paths to paths that change with the content.
pub type Manifest = BTreeMap<AssetPath, AssetPath>;

impl S3 {
    /// Where everybody can read a file: on the CDN's domain, or as the bucket is reached.
    ///
    /// # Errors
    /// When there is no URL of the bucket.
    pub async fn asset_url(&self, stored: &AssetPath) -> Result<String, StorageError> {
        let base = match &self.settings.custom_domain {
            Some(domain) => format!("https://{domain}/"),
            None => self.base_url().await?.to_string(),
        };
        Ok(format!("{base}{}", utf8_percent_encode(StorageKey::asset(stored).as_str(), &PATH)))
    }

    /// Stores a file under its own path, to be asked for again each time, and under one with a hash, to be kept for a year.
    /// Gives the latter.
    ///
    /// # Errors
    /// When the storage gives no answer, or refuses to.
    pub async fn put_asset(&self, asset: Asset) -> Result<AssetPath, StorageError> {
        let Asset { path, content, has_hash } = asset;
        let content_type = content_type_of(&path);
        // A large file takes seconds, for which the storage inside, which this process may serve, would not answer.
        let whole = content.clone();
        let computed = spawn_blocking(move || (hex::encode(Sha256::digest(&whole)), gzipped(&whole))).await;
        let (hash, smaller) = computed.map_err(|error| StorageError::Refused(error.into()))?;
        let kept = if has_hash { path.clone() } else { path.with_hash(&hash[..HASH_LENGTH]) };
        let encoding = smaller.is_some().then_some("gzip");
        let content = smaller.unwrap_or(content);
        self.put_public(&kept, content.clone(), &content_type, encoding, FOREVER).await?;
        if !has_hash {
            self.put_public(&path, content, &content_type, encoding, ASK_AGAIN).await?;
        }
        Ok(kept)
    }

    async fn put_public(
        &self,
        path: &AssetPath,
        content: Bytes,
        content_type: &str,
        encoding: Option<&str>,
        cache: &str,
    ) -> Result<(), StorageError> {
        let request = self
            .internal
            .put_object()
            .bucket(&self.settings.bucket)
            .key(StorageKey::asset(path).as_str())
            .content_type(content_type)
            .cache_control(cache)
            .set_content_encoding(encoding.map(str::to_owned))
            .body(ByteStream::from(content));
        request.send().await.map(drop).map_err(classify)
    }

    /// What was stored so far; nothing yet, where there is no manifest.
    ///
    /// # Errors
    /// When the storage gives no answer, or something else is stored in its place.
    pub async fn manifest(&self) -> Result<Manifest, StorageError> {
        let key = StorageKey::asset(&AssetPath::manifest());
        let request = self.internal.get_object().bucket(&self.settings.bucket).key(key.as_str());
        let object = match request.send().await {
            Ok(object) => object,
            Err(error) if error.as_service_error().and_then(ProvideErrorMetadata::code) == Some("NoSuchKey") => {
                return Ok(Manifest::default());
            }
            Err(error) => return Err(classify(error)),
        };
        let content = object.body.collect().await.map_err(|error| StorageError::Unavailable(error.into()))?;
        serde_json::from_slice(&content.into_bytes())
            .map_err(|error| StorageError::Refused(anyhow::anyhow!("{key} is not a manifest: {error}")))
    }

    /// Stores the manifest: the last step, so that it names nothing that is not there.
    ///
    /// # Errors
    /// When the storage gives no answer, or refuses to.
    pub async fn put_manifest(&self, manifest: &Manifest) -> Result<(), StorageError> {
        let content = serde_json::to_vec_pretty(manifest).map_err(|error| StorageError::Refused(error.into()))?;
        self.put_public(&AssetPath::manifest(), content.into(), "application/json", None, ASK_AGAIN).await
    }
}

fn content_type_of(path: &AssetPath) -> String {
    let guessed = MimeGuess::from_path(path.as_str()).first_or_octet_stream();
    let is_text = guessed.type_() == mime_guess::mime::TEXT;
    if is_text { format!("{guessed}; charset=utf-8") } else { guessed.to_string() }
}

/// The content, where gzip makes it clearly shorter.
fn gzipped(content: &[u8]) -> Option<Bytes> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(content).ok()?;
    let smaller = encoder.finish().ok()?;
    #[expect(clippy::cast_precision_loss, reason = "a share of a length")]
    let is_worthwhile = (smaller.len() as f64) < content.len() as f64 * WORTHWHILE;
    is_worthwhile.then(|| smaller.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(path: &str) -> AssetPath {
        AssetPath::below(Path::new(path)).expect("a path")
    }

    #[test]
    fn a_hash_stands_before_the_extension() {
        for (given, expected) in [
            ("logo.svg", "logo.HASH.svg"),
            ("img/a.b/logo.min.js", "img/a.b/logo.min.HASH.js"),
            ("a.b/LICENSE", "a.b/LICENSE.HASH"),
            (".htaccess", ".htaccess.HASH"),
        ] {
            assert_eq!(path(given).with_hash("HASH").as_str(), expected);
        }
    }

    #[test]
    fn what_no_url_can_have_is_no_path() {
        for given in ["", "/etc/passwd", "../secret", "a/../../b", "a\nb"] {
            assert_eq!(AssetPath::below(Path::new(given)), None, "{given:?}");
        }
        assert_eq!(AssetPath::below(Path::new(&"x".repeat(LONGEST_PATH + 1))), None);
        assert_eq!(path("a//b").as_str(), "a/b");
    }

    #[test]
    fn texts_have_a_charset_and_what_is_unknown_is_bytes() {
        for (given, expected) in [
            ("a.css", "text/css; charset=utf-8"),
            ("a.html", "text/html; charset=utf-8"),
            ("a.svg", "image/svg+xml"),
            ("a.woff2", "font/woff2"),
            ("a.wasm", "application/wasm"),
            ("LICENSE", "application/octet-stream"),
        ] {
            assert_eq!(content_type_of(&path(given)), expected);
        }
        assert!(content_type_of(&path("a.mjs")).contains("javascript"));
    }
}
