//! Server: where the server listens, and who may talk to it.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    path::PathBuf,
};

use clap::{Args, ValueEnum};
use ipnet::IpNet;
use url::Url;

use crate::domain::{networks, origins::is_loopback};

/// What the operator decided about where the server listens, and who may talk to it.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Server")]
pub struct ServerConfig {
    /// The address to listen on.
    #[arg(long, env = "BIND", default_value = "127.0.0.1:8000", global = true)]
    pub bind: SocketAddr,

    /// What browsers see; by default http://localhost with the port of BIND.
    #[arg(long, env = "PUBLIC_URL", global = true)]
    pub public_url: Option<Url>,

    /// Where the SQLite file, the embedded storage and the generated secrets live.
    #[arg(long, env = "DATA_DIR", default_value = "./data", global = true)]
    pub data_dir: PathBuf,

    /// The origins of front ends, separated by commas; by default PUBLIC_URL's.
    #[arg(long, env = "CORS_ORIGINS", value_delimiter = ',', global = true)]
    pub cors_origins: Vec<String>,

    /// Proxies in front of the server, by address or network, separated by commas: what they say in X-Forwarded-For of
    /// where a request comes from is believed. Example: 10.0.0.0/8,::1
    #[arg(long, env = "TRUSTED_PROXIES", value_delimiter = ',', global = true)]
    pub trusted_proxies: Vec<String>,

    /// Networks around the server that webhooks may be sent to, separated by commas, also without encryption; by default only the
    /// internet, and this machine where PUBLIC_URL is a localhost. Example: 10.1.0.0/16
    #[arg(long, env = "WEBHOOK_NETWORKS", value_delimiter = ',', global = true)]
    pub webhook_networks: Vec<String>,

    /// Whether clients may ask for the schema, and GraphiQL is served.
    #[arg(long, env = "INTROSPECTION", default_value_t = true, action = clap::ArgAction::Set, global = true)]
    pub introspection: bool,

    /// Where a collector of OpenTelemetry takes traces by OTLP over HTTP; by default nobody does. Its other variables (OTEL_SERVICE_NAME,
    /// OTEL_TRACES_SAMPLER, OTEL_EXPORTER_OTLP_HEADERS) are those of its specification. Example: http://localhost:4318
    #[arg(long, env = "OTEL_EXPORTER_OTLP_ENDPOINT", global = true)]
    pub otel_exporter_otlp_endpoint: Option<String>,

    /// How many seconds a server that is told to stop goes on taking connections, while /readyz says that it drains, so that
    /// a proxy has time to see it.
    #[arg(long, env = "SHUTDOWN_DELAY", default_value_t = 0,
          value_parser = clap::value_parser!(u32).range(0..=600), global = true)]
    pub shutdown_delay: u32,

    /// The address to answer /metrics on, for Prometheus; by default it is not answered. Not to be reached by everybody.
    #[arg(long, env = "METRICS_BIND", global = true)]
    pub metrics_bind: Option<SocketAddr>,

    /// How log lines look; RUST_LOG says which there are.
    #[arg(long, env = "LOG_FORMAT", value_enum, default_value_t = LogFormat::Text, global = true)]
    pub log_format: LogFormat,
}

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people.
    Text,
    /// For machines, one object a line.
    Json,
}

impl ServerConfig {
    /// Whether nobody but this machine is meant to reach the server.
    pub fn is_local(&self) -> bool {
        self.public_url().is_ok_and(|url| is_loopback(url.host()))
    }

    /// The networks that webhooks may be sent to beside the internet.
    ///
    /// # Errors
    /// When one of them is no address and no network.
    pub fn outbound_networks(&self) -> anyhow::Result<Vec<IpNet>> {
        if self.webhook_networks.is_empty() && self.is_local() {
            let loopback = [IpAddr::from(Ipv4Addr::LOCALHOST), IpAddr::from(Ipv6Addr::LOCALHOST)];
            return Ok(loopback.map(IpNet::from).to_vec());
        }
        networks::parse("WEBHOOK_NETWORKS", &self.webhook_networks)
    }

    /// What browsers see.
    ///
    /// # Errors
    /// Never for an address that could be bound.
    pub fn public_url(&self) -> Result<Url, url::ParseError> {
        self.public_url.clone().map_or_else(|| Url::parse(&format!("http://localhost:{}", self.bind.port())), Ok)
    }

    /// The origins that browsers may call from.
    ///
    /// # Errors
    /// Never for an address that could be bound.
    pub fn cors_origins(&self) -> Result<Vec<String>, url::ParseError> {
        if self.cors_origins.is_empty() {
            return Ok(vec![self.public_url()?.origin().ascii_serialization()]);
        }
        Ok(self.cors_origins.iter().map(|origin| origin.trim().trim_end_matches('/').to_owned()).collect())
    }
}
