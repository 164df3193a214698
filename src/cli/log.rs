//! The log: on standard error, as RUST_LOG says.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;

use crate::config::LogFormat;

const DEFAULT: &str = "info,sqlx=warn,s3s=off,aws_config=warn,sea_orm_migration=warn";

/// Begins to log.
#[expect(clippy::disallowed_methods, reason = "the log's own variable, which is read before there is a configuration")]
pub fn start(format: LogFormat) {
    let directives = directives(std::env::var(EnvFilter::DEFAULT_ENV).ok());
    let filter = EnvFilter::try_new(directives).unwrap_or_else(|_| EnvFilter::new(DEFAULT));
    let is_terminal = std::io::stderr().is_terminal();
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_ansi(is_terminal).with_writer(std::io::stderr);
    match format {
        LogFormat::Text => log.init(),
        LogFormat::Json => log.json().init(),
    }
}

/// s3s logs every refusal as an error; ours are logged where they are handled. Whoever asks for more of Darkroom's log
/// does not ask for that one, unless they name it.
fn directives(asked: Option<String>) -> String {
    match asked.filter(|asked| !asked.trim().is_empty()) {
        Some(asked) if !asked.contains("s3s") => format!("{asked},s3s=off"),
        Some(asked) => asked,
        None => DEFAULT.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::{DEFAULT, directives};

    #[test]
    fn the_noise_of_s3s_is_heard_only_by_who_asks_for_it() {
        assert_eq!(directives(None), DEFAULT);
        assert_eq!(directives(Some(" ".to_owned())), DEFAULT);
        assert_eq!(directives(Some("darkroom=debug".to_owned())), "darkroom=debug,s3s=off");
        assert_eq!(directives(Some("warn,s3s=debug".to_owned())), "warn,s3s=debug");
    }
}
