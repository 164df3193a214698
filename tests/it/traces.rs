//! What a collector of OpenTelemetry is sent: one trace from the request over the job to the last variant, across processes.

use std::{
    process::Stdio,
    sync::{Arc, Mutex},
};

use axum::{Router, body::Bytes, extract::State, routing::post};
use opentelemetry_proto::tonic::{
    collector::trace::v1::ExportTraceServiceRequest, common::v1::any_value::Value as Kind, trace::v1::Span,
};
use prost::Message;
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    net::TcpListener,
    process::{Child, Command},
};

use crate::support::{S3_ENDPOINT, bucket_flags, client::Client, database_elsewhere, pictures, until, variable};

/// A span, and the process that it was in.
type Seen = (i64, Span);

/// A receiver of OTLP over HTTP, as far as traces go.
#[derive(Clone, Default)]
struct Receiver(Arc<Mutex<Vec<Seen>>>);

impl Receiver {
    async fn start(&self) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let router = Router::new().route("/v1/traces", post(receive)).with_state(self.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        format!("http://{address}")
    }

    fn named(&self, name: &str) -> Vec<Seen> {
        let seen = self.0.lock().expect("no panic");
        seen.iter().filter(|(_, span)| span.name == name).cloned().collect()
    }
}

async fn receive(State(receiver): State<Receiver>, body: Bytes) {
    for resource in ExportTraceServiceRequest::decode(body).expect("OTLP").resource_spans {
        let attributes = resource.resource.expect("a resource").attributes;
        let of = |key: &str| attributes.iter().find(|known| known.key == key)?.value.clone()?.value;
        assert_eq!(of("service.name"), Some(Kind::StringValue("darkroom".to_owned())));
        let Some(Kind::IntValue(process)) = of("process.pid") else { panic!("no process: {attributes:?}") };
        let spans = resource.scope_spans.into_iter().flat_map(|scope| scope.spans);
        receiver.0.lock().expect("no panic").extend(spans.map(|span| (process, span)));
    }
}

fn attribute(span: &Span, key: &str) -> Option<String> {
    match span.attributes.iter().find(|known| known.key == key)?.value.clone()?.value? {
        Kind::StringValue(text) => Some(text),
        _ => None,
    }
}

/// A server without jobs and a worker on one database, which send their spans to a collector.
struct Processes {
    environment: Vec<(String, String)>,
    folder: TempDir,
}

impl Processes {
    async fn prepare(collector: String) -> Self {
        let mut flags = database_elsewhere().await;
        if let Some(endpoint) = variable(S3_ENDPOINT) {
            flags.extend(bucket_flags(&endpoint, &endpoint).await);
        }
        let name = |flag: &str| flag.trim_start_matches("--").replace('-', "_").to_uppercase();
        let mut environment: Vec<_> = flags.chunks(2).map(|pair| (name(&pair[0]), pair[1].clone())).collect();
        for (name, value) in [
            ("OTEL_EXPORTER_OTLP_ENDPOINT", collector.as_str()),
            ("OTEL_BSP_SCHEDULE_DELAY", "100"),
            ("BIND", "127.0.0.1:0"),
            ("RUST_LOG", "off"),
        ] {
            environment.push((name.to_owned(), value.to_owned()));
        }
        Self { environment, folder: TempDir::new().expect("a folder") }
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_darkroom"));
        command.envs(self.environment.iter().cloned()).env("DATA_DIR", self.folder.path());
        command.args(words).kill_on_drop(true).stdout(Stdio::piped()).stderr(Stdio::null());
        command
    }

    /// A server, and where it listens.
    async fn serve(&mut self) -> (Child, String) {
        let mut server = self.command(&["serve", "--no-worker"]).spawn().expect("a process");
        let mut lines = BufReader::new(server.stdout.take().expect("its words")).lines();
        let line = lines.next_line().await.expect("a line").expect("a line");
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        let address = line.rsplit(' ').next().expect("an address").to_owned();
        // Where the worker finds the storage inside.
        self.environment.push(("BIND".to_owned(), address.clone()));
        (server, address)
    }
}

#[tokio::test]
async fn a_trace_goes_from_the_request_over_the_job_to_the_last_variant() {
    let receiver = Receiver::default();
    let mut processes = Processes::prepare(receiver.start().await).await;
    let (server, address) = processes.serve().await;
    let printed = processes.command(&["token", "ann@example.com"]).output().await.expect("a token");
    let token = String::from_utf8(printed.stdout).expect("a text").trim().to_owned();
    let worker = processes.command(&["worker"]).spawn().expect("a process");
    let ann = Client::new(format!("http://{address}/graphql"), Some(token.clone()));

    let photo = pictures::small_jpeg();
    let ticket = ann.ticket("a.jpg", "image/jpeg", photo.len()).await;
    assert!(ticket.post(photo).await.is_success());
    // As a front end does that traces what its user did.
    let (trace, parent) = ("0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331");
    let query = "mutation Done($id: ID!) { completeUpload(input: {imageId: $id}) { image { status } } }";
    let request = reqwest::Client::new().post(format!("http://{address}/graphql")).bearer_auth(token);
    let request = request.header("traceparent", format!("00-{trace}-{parent}-01"));
    let body = serde_json::json!({"query": query, "variables": {"id": ticket.image}});
    assert!(request.json(&body).send().await.expect("an answer").status().is_success());

    until("the job's span", async || receiver.named("job process").len() == 1).await;
    let of_trace = |name: &str| {
        let spans = receiver.named(name).into_iter();
        spans.filter(|(_, span)| hex::encode(&span.trace_id) == trace).collect::<Vec<_>>()
    };
    let child_of = |seen: &[Seen], parent: &[u8]| seen.iter().all(|(_, span)| span.parent_span_id == parent);
    let request = of_trace("POST");
    assert_eq!(hex::encode(&request[0].1.parent_span_id), parent);
    let mutation = of_trace("mutation Done");
    assert!(child_of(&mutation, &request[0].1.span_id), "{mutation:#?}");
    let job = of_trace("job process");
    assert!(child_of(&job, &mutation[0].1.span_id), "{job:#?}");
    let variants = of_trace("store a variant");
    assert!(child_of(&variants, &job[0].1.span_id), "{variants:#?}");
    let names: Vec<_> = variants.iter().filter_map(|(_, span)| attribute(span, "variant")).collect();
    assert_eq!(names.len(), 5, "{names:?}");
    assert_eq!(mutation[0].0, i64::from(server.id().expect("a process")));
    for (process, span) in job.iter().chain(&variants) {
        assert_eq!(*process, i64::from(worker.id().expect("a process")), "{}", span.name);
    }
    assert_eq!(of_trace("download the original").len(), 1);
}
