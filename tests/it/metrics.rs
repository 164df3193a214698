//! `/metrics`: what Prometheus is told of the queue, of operations, of images; never a name that anybody made up.

use serde_json::Value;

use crate::support::{TestApp, pictures};

async fn told(address: std::net::SocketAddr) -> String {
    reqwest::get(format!("http://{address}/metrics")).await.expect("an answer").text().await.expect("text")
}

/// The figure of a line that begins like this and names all of these labels.
fn figure(text: &str, name: &str, labels: &[&str]) -> Option<f64> {
    let is_meant = |line: &&str| line.starts_with(name) && labels.iter().all(|label| line.contains(label));
    text.lines().find(is_meant)?.rsplit(' ').next()?.parse().ok()
}

#[tokio::test]
async fn an_upload_is_counted_from_its_operations_to_its_variants() {
    let app = TestApp::start_with(&["--metrics-bind", "127.0.0.1:0"]).await;
    let address = app.app.serve_metrics().await.expect("to listen").expect("an address");
    let before = told(address).await;
    let ann = app.user("ann@example.com").await;
    ann.upload("a.jpg", "image/jpeg", pictures::jpeg(&pictures::drawing(640, 480))).await;
    let waiting = told(address).await;
    app.run_all_jobs().await;
    ann.send("query MetricsGallery { images { totalCount } }", Value::Null).await;
    ann.send("query MetricsGuess { images { unknown } }", Value::Null).await;
    ann.send("query MetricsFails { image(id: \"x\") { id } }", Value::Null).await;
    let after = told(address).await;
    assert_eq!(figure(&before, "darkroom_images{", &["completed"]), Some(0.0), "{before}");
    assert_eq!(figure(&waiting, "darkroom_images{", &["processing"]), Some(1.0));
    assert_eq!(figure(&waiting, "darkroom_jobs{", &["\"process\"", "queued"]), Some(1.0));
    assert_eq!(figure(&after, "darkroom_jobs{", &["\"process\"", "queued"]), Some(0.0));
    assert_eq!(figure(&after, "darkroom_images{", &["completed"]), Some(1.0));
    assert!(figure(&after, "darkroom_stored_bytes", &[]).is_some_and(|bytes| bytes > 1000.0));
    // Other tests of this process are counted, too.
    let at_least_one = |name: &str, labels: &[&str]| {
        assert!(figure(&after, name, labels).is_some_and(|count| count >= 1.0), "{name} {labels:?}\n{after}");
    };
    at_least_one("darkroom_operations_total{", &["MetricsGallery", "query", "\"ok\""]);
    at_least_one("darkroom_operation_seconds_bucket{", &["mutation", "+Inf"]);
    at_least_one("darkroom_operation_points_count", &["query"]);
    at_least_one("darkroom_jobs_total{", &["\"process\"", "done"]);
    at_least_one("darkroom_job_seconds_count", &["\"process\""]);
    at_least_one("darkroom_imaging_cpu_seconds_count", &[]);
    at_least_one("darkroom_changes_total{", &["completed"]);
    for name in ["MetricsGuess", "MetricsFails"] {
        assert!(!after.contains(name), "anybody can make up a name that fails");
    }
}

#[tokio::test]
async fn metrics_are_not_among_what_everybody_may_ask() {
    let app = TestApp::start_with(&["--metrics-bind", "127.0.0.1:0"]).await;
    let answer = reqwest::get(app.url("/metrics")).await.expect("an answer");
    assert_eq!(answer.status(), 404);
    let quiet = TestApp::start().await;
    assert_eq!(quiet.app.serve_metrics().await.expect("no trouble"), None);
}
