//! The storage: reached, writable, private; then what tickets and browsers need of it.

use bytes::Bytes;
use url::Url;

use super::{
    Report, browsers,
    client::{Browser, body, reason},
    tickets,
};
use crate::{
    app,
    clock::Clock,
    config::Config,
    domain::ids::ImageId,
    storage::{BucketFault, Copied, ObjectStore, S3, StorageKey},
};

/// A picture to nobody.
pub(super) const CONTENT: &[u8] = b"darkroom doctor";
pub(super) const CONTENT_TYPE: &str = "image/png";

/// A storage that answered, and what to try it with.
pub(super) struct Patient<'a> {
    pub(super) s3: S3,
    pub(super) browser: Browser,
    pub(super) clock: &'a Clock,
}

pub(super) async fn examine(config: &Config, clock: &Clock, report: &mut Report) {
    let check = "storage.reached";
    if config.storage.is_embedded() && !config.server.data_dir.join("s3.secret").exists() {
        return report.skipped(check, "The storage is inside the server, which has not been started yet.");
    }
    let patient = match connect(config, clock).await {
        Ok(patient) => patient,
        Err(error) => {
            let advice =
                "Check AWS_STORAGE_BUCKET_NAME, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_ENDPOINT_URL_S3.";
            return report.failed(check, format!("{error:#}."), advice);
        }
    };
    match patient.s3.inspect().await {
        Ok(()) => report.passed(check),
        Err(BucketFault::Unreachable(_)) if config.storage.is_embedded() => {
            return report
                .skipped(check, "The storage is inside the server, which is not running: start it, and ask again.");
        }
        Err(fault) => {
            let (problem, advice) = explain(&fault);
            return report.failed(check, problem, advice);
        }
    }
    if !permissions(&patient, report).await {
        return;
    }
    patient.reading(report).await;
    tickets::examine(&patient, report).await;
    browsers::examine(config, &patient, report).await;
}

async fn connect<'a>(config: &Config, clock: &'a Clock) -> anyhow::Result<Patient<'a>> {
    let (settings, _) = app::storage_settings(config, config.server.bind, clock)?;
    Ok(Patient { s3: S3::connect(settings, clock.clone()).await?, browser: Browser::new()?, clock })
}

/// What is wrong with a bucket, and what to change.
fn explain(fault: &BucketFault) -> (String, &'static str) {
    match fault {
        BucketFault::Unreachable(why) => (
            format!("The storage does not answer: {why}."),
            "Check AWS_ENDPOINT_URL_S3, and that the storage is running and reached from this machine.",
        ),
        BucketFault::Answered { status, code, message } => {
            let said = format!("The storage answers {status} {code}: {message}.");
            let advice = match code.as_str() {
                "NoSuchBucket" => "Make the bucket: `darkroom storage setup`; or correct AWS_STORAGE_BUCKET_NAME.",
                "InvalidAccessKeyId" | "NotSignedUp" => "Correct AWS_ACCESS_KEY_ID: the storage does not know it.",
                "SignatureDoesNotMatch" => "Correct AWS_SECRET_ACCESS_KEY: it is not that of AWS_ACCESS_KEY_ID.",
                "RequestTimeTooSkewed" => "Synchronise the clocks of this machine and of the storage by NTP.",
                "AuthorizationHeaderMalformed" | "PermanentRedirect" => "Set AWS_REGION to the region of the bucket.",
                "AccessDenied" => {
                    "Check AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, and allow the key to list the bucket (s3:ListBucket)."
                }
                _ => "Check AWS_ENDPOINT_URL_S3, AWS_STORAGE_BUCKET_NAME and the key.",
            };
            (said, advice)
        }
    }
}

/// Does once what the server does with every image. Says whether all of it worked.
async fn permissions(patient: &Patient<'_>, report: &mut Report) -> bool {
    let (from, to) = (patient.new_key(), patient.new_key());
    let trying = async {
        let fault = |action| move |error: crate::storage::StorageError| (action, detail(error));
        patient.s3.put(&from, Bytes::from_static(CONTENT), CONTENT_TYPE).await.map_err(fault("s3:PutObject"))?;
        let head = patient.s3.head(&from).await.map_err(fault("s3:GetObject"))?;
        let head = head.ok_or_else(|| ("s3:GetObject", "an object that was stored is not there".to_owned()))?;
        let copied = patient.s3.copy(&from, &head.etag, &to, CONTENT_TYPE).await.map_err(fault("s3:PutObject"))?;
        if copied != Copied::Done {
            return Err(("s3:GetObject", "an object that was stored cannot be copied".to_owned()));
        }
        patient.s3.delete(&[from.clone(), to.clone()]).await.map_err(fault("s3:DeleteObject"))
    };
    let fault = trying.await.err();
    if fault.is_some() {
        patient.forget(&[from, to]).await;
    }
    let works = fault.is_none();
    let advice = "Allow the key s3:PutObject, s3:GetObject and s3:DeleteObject on the bucket's objects, and s3:ListBucket on the bucket.";
    report.judge(
        "storage.permissions",
        fault.map(|(action, why)| (format!("The key may not do what {action} allows: {why}."), advice)),
    );
    works
}

fn detail(error: crate::storage::StorageError) -> String {
    format!("{:#}", anyhow::Error::from(error))
}

impl Patient<'_> {
    /// A key that no image has.
    pub(super) fn new_key(&self) -> StorageKey {
        StorageKey::incoming(ImageId(self.clock.new_id()))
    }

    /// Removes what was stored to try something; where that fails, the sweep does.
    pub(super) async fn forget(&self, keys: &[StorageKey]) {
        let _ = self.s3.delete(keys).await;
    }

    /// Whether browsers can fetch an object by its URL, and nobody can without.
    async fn reading(&self, report: &mut Report) {
        let key = self.new_key();
        let url = async {
            self.s3.put(&key, Bytes::from_static(CONTENT), CONTENT_TYPE).await?;
            anyhow::Ok(Url::parse(&self.s3.urls().await?.of(&key))?)
        };
        match url.await {
            Ok(url) => self.read(url, report).await,
            Err(error) => report.failed("storage.public_url", format!("{error:#}."), "Check S3_PUBLIC_ENDPOINT."),
        }
        self.forget(&[key]).await;
    }

    async fn read(&self, url: Url, report: &mut Report) {
        let advice = "Set S3_PUBLIC_ENDPOINT to the address under which browsers reach the storage, with no proxy that changes the \
                      host or the path.";
        let origin = url.origin().ascii_serialization();
        let fault = match self.browser.get(url.clone()).await {
            Err(error) => Some(format!("Nobody answers at {origin}, where images are fetched: {}.", reason(error))),
            Ok(answer) => match (answer.status(), body(answer).await) {
                (status, _) if !status.is_success() => Some(format!("{origin} answers a signed URL with {status}.")),
                (_, Some(bytes)) if bytes == CONTENT => None,
                _ => Some(format!("{origin} answers a signed URL with something else than the object.")),
            },
        };
        let is_read = fault.is_none();
        report.judge("storage.public_url", fault.map(|problem| (problem, advice)));
        if !is_read || url.query().is_none() {
            return;
        }
        let mut unsigned = url;
        unsigned.set_query(None);
        let is_open = self.browser.get(unsigned).await.is_ok_and(|answer| answer.status().is_success());
        let problem = "Everybody can read the bucket: an object was fetched without a signature.".to_owned();
        report.judge(
            "storage.private",
            is_open.then_some((problem, "Remove public access from the bucket's policy and ACL.")),
        );
    }
}
