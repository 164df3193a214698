//! The log, on standard error, as RUST_LOG says; and traces, for a collector.

use std::io::IsTerminal;

use opentelemetry::trace::TracerProvider;
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig};
use opentelemetry_sdk::{Resource, trace::SdkTracerProvider};
use tracing::level_filters::LevelFilter;
use tracing_subscriber::{
    EnvFilter, Layer, filter::Targets, fmt, layer::SubscriberExt, registry::LookupSpan, util::SubscriberInitExt,
};
use url::Url;

use crate::{
    config::{LogFormat, ServerConfig},
    trace,
};

const DEFAULT: &str = "info,sqlx=warn,s3s=off,aws_config=warn,sea_orm_migration=warn";
/// Said of everything that this program sends, unless OTEL_SERVICE_NAME says something else.
const SERVICE: &str = "darkroom";

/// Sends what is left of the traces when the program ends.
pub struct Traces(Option<SdkTracerProvider>);

/// Begins to log and to trace.
///
/// # Errors
/// When traces cannot be sent to where they should.
pub fn start(config: &ServerConfig) -> anyhow::Result<Traces> {
    // Empty is as good as not set, says its specification.
    let endpoint = config.otel_exporter_otlp_endpoint.as_deref().filter(|endpoint| !endpoint.is_empty());
    let provider = endpoint.map(provider).transpose()?;
    let traces = provider.as_ref().map(|provider| {
        let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer(SERVICE));
        let layer = layer.with_location(false).with_threads(false).with_tracked_inactivity(false).with_target(false);
        layer.with_filter(Targets::new().with_target(trace::TARGET, LevelFilter::INFO))
    });
    tracing_subscriber::registry().with(log(config.log_format)).with(traces).init();
    Ok(Traces(provider))
}

impl Drop for Traces {
    fn drop(&mut self) {
        if let Some(Err(error)) = self.0.take().map(|provider| provider.shutdown()) {
            tracing::warn!(%error, "the last spans were not sent");
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "the log's own variable, which is read before there is a configuration")]
fn log<S>(format: LogFormat) -> Box<dyn Layer<S> + Send + Sync>
where
    S: tracing::Subscriber + for<'a> LookupSpan<'a>,
{
    let directives = directives(std::env::var(EnvFilter::DEFAULT_ENV).ok());
    let filter = EnvFilter::try_new(directives).unwrap_or_else(|_| EnvFilter::new(DEFAULT));
    let log = fmt::layer().with_ansi(std::io::stderr().is_terminal()).with_writer(std::io::stderr);
    match format {
        LogFormat::Text => log.with_filter(filter).boxed(),
        LogFormat::Json => log.json().with_filter(filter).boxed(),
    }
}

/// What sends spans, in batches, from a thread of its own.
fn provider(endpoint: &str) -> anyhow::Result<SdkTracerProvider> {
    let is_web = Url::parse(endpoint).is_ok_and(|url| matches!(url.scheme(), "http" | "https"));
    anyhow::ensure!(is_web, "OTEL_EXPORTER_OTLP_ENDPOINT is not a URL of HTTP");
    let url = format!("{}/v1/traces", endpoint.trim_end_matches('/'));
    let exporter = SpanExporter::builder().with_http().with_protocol(Protocol::HttpBinary).with_endpoint(url);
    let mut resource = Resource::builder();
    if std::env::var_os("OTEL_SERVICE_NAME").is_none() {
        resource = resource.with_service_name(SERVICE);
    }
    let resource = resource.with_attributes([
        opentelemetry::KeyValue::new("service.version", env!("CARGO_PKG_VERSION")),
        opentelemetry::KeyValue::new("process.pid", i64::from(std::process::id())),
    ]);
    let provider = SdkTracerProvider::builder().with_batch_exporter(exporter.build()?);
    Ok(provider.with_resource(resource.build()).build())
}

/// What is refused, s3s and webauthn-rs log as errors, the latter with what was sent; ours are logged where they are handled. Whoever
/// asks for more of Darkroom's log does not ask for those, unless they name s3s; and nobody for what is traced.
fn directives(asked: Option<String>) -> String {
    let asked = match asked.filter(|asked| !asked.trim().is_empty()) {
        Some(asked) if !asked.contains("s3s") => format!("{asked},s3s=off"),
        Some(asked) => asked,
        None => DEFAULT.to_owned(),
    };
    format!("{asked},webauthn_rs_core=off,{}=off", trace::TARGET)
}

#[cfg(test)]
mod tests {
    use super::{DEFAULT, directives};

    #[test]
    fn the_noise_of_s3s_is_heard_only_by_who_asks_for_it() {
        let untraced = |directives: &str| format!("{directives},webauthn_rs_core=off,darkroom::trace=off");
        assert_eq!(directives(None), untraced(DEFAULT));
        assert_eq!(directives(Some(" ".to_owned())), untraced(DEFAULT));
        assert_eq!(directives(Some("darkroom=debug".to_owned())), untraced("darkroom=debug,s3s=off"));
        assert_eq!(directives(Some("warn,s3s=debug".to_owned())), untraced("warn,s3s=debug"));
    }
}
