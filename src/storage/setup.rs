//! A bucket made ready: there, open to the pages of our origins, and rid of parts that nobody completes.

use aws_sdk_s3::types::{
    AbortIncompleteMultipartUpload, BucketLifecycleConfiguration, BucketLocationConstraint, CorsConfiguration,
    CorsRule, CreateBucketConfiguration, ExpirationStatus, LifecycleRule, LifecycleRuleFilter,
};

use super::{BucketFault, S3, inspect::fault_of};

/// The region whose buckets are made without naming it.
const FIRST_REGION: &str = "us-east-1";
/// After how many days parts are removed that were never put together.
const PARTS_FOR: i32 = 2;
/// In seconds: how long browsers remember what a bucket allows.
const REMEMBERED: i32 = 3600;

/// What is done to a bucket; each may be repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SetupStep {
    Bucket,
    Cors,
    Lifecycle,
}

impl SetupStep {
    /// In their order.
    pub const ALL: [Self; 3] = [Self::Bucket, Self::Cors, Self::Lifecycle];
}

impl S3 {
    /// Does one step. Pages of `origins` may send files and read what is answered.
    ///
    /// # Errors
    /// What the storage says; some let nobody set rules.
    pub async fn set_up(&self, step: SetupStep, origins: &[String]) -> Result<(), BucketFault> {
        match step {
            SetupStep::Bucket => self.make_bucket().await,
            SetupStep::Cors => self.set_cors(origins).await,
            SetupStep::Lifecycle => self.set_lifecycle().await,
        }
    }

    async fn make_bucket(&self) -> Result<(), BucketFault> {
        let fault = match self.inspect().await {
            Err(BucketFault::Answered { status: 404, .. }) => None,
            outcome => Some(outcome),
        };
        if let Some(outcome) = fault {
            return outcome;
        }
        let (bucket, region) = (&self.settings.bucket, self.settings.region.as_str());
        let place = (region != FIRST_REGION && self.settings.endpoint.is_none()).then(|| {
            let region = BucketLocationConstraint::from(region);
            CreateBucketConfiguration::builder().location_constraint(region).build()
        });
        let made = self.internal.create_bucket().bucket(bucket).set_create_bucket_configuration(place).send().await;
        made.map(drop).map_err(|error| fault_of(&error))
    }

    async fn set_cors(&self, origins: &[String]) -> Result<(), BucketFault> {
        let rule = CorsRule::builder()
            .set_allowed_origins(Some(origins.to_vec()))
            .set_allowed_methods(Some(["GET", "HEAD", "POST", "PUT"].map(str::to_owned).to_vec()))
            .allowed_headers("*")
            .set_expose_headers(Some(["ETag", "Location"].map(str::to_owned).to_vec()))
            .max_age_seconds(REMEMBERED)
            .build();
        let rules = rule.and_then(|rule| CorsConfiguration::builder().cors_rules(rule).build());
        let rules = rules.map_err(|error| BucketFault::Unreachable(error.to_string()))?;
        let request = self.internal.put_bucket_cors().bucket(&self.settings.bucket).cors_configuration(rules);
        request.send().await.map(drop).map_err(|error| fault_of(&error))
    }

    /// Nothing else is removed by the storage: what nobody needs is known to the sweep alone.
    async fn set_lifecycle(&self) -> Result<(), BucketFault> {
        let rule = LifecycleRule::builder()
            .id("darkroom-incomplete-parts")
            .status(ExpirationStatus::Enabled)
            .filter(LifecycleRuleFilter::builder().prefix("").build())
            .abort_incomplete_multipart_upload(
                AbortIncompleteMultipartUpload::builder().days_after_initiation(PARTS_FOR).build(),
            )
            .build();
        let rules = rule.and_then(|rule| BucketLifecycleConfiguration::builder().rules(rule).build());
        let rules = rules.map_err(|error| BucketFault::Unreachable(error.to_string()))?;
        let request = self.internal.put_bucket_lifecycle_configuration().bucket(&self.settings.bucket);
        request.lifecycle_configuration(rules).send().await.map(drop).map_err(|error| fault_of(&error))
    }
}
