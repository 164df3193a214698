//! The settings themselves: secrets that others know, addresses that browsers cannot use.

use std::collections::BTreeSet;

use url::Url;

use super::Report;
use crate::{
    config::{Config, SignUpBy},
    http::TrustedProxies,
    mail::Mailer,
};

/// What docker-compose.yml has for a laptop: everybody knows these.
const PUBLISHED: [&str; 3] = ["darkroom", "darkroom-secret", "darkroom-laptop"];
/// Of a secret that nobody can guess, at least so many different characters.
const DIFFERENT: usize = 8;

pub(super) fn examine(config: &Config, report: &mut Report) {
    secrets(config, report);
    public_url(config, report);
    origins(config, report);
    mail(config, report);
    let proxies = TrustedProxies::parse(&config.server.trusted_proxies).err().map(|error| error.to_string());
    report.judge(
        "settings.trusted_proxies",
        proxies.map(|problem| {
            (problem, "Write the proxies in TRUSTED_PROXIES as addresses or networks, such as 10.0.0.0/8,::1.")
        }),
    );
}

/// On a laptop the examples are good enough.
fn secrets(config: &Config, report: &mut Report) {
    let database = config.database.database_url.as_deref().and_then(|url| Url::parse(url).ok());
    let secrets = [
        ("JWT_SECRET", config.accounts.jwt_secret.clone()),
        ("ADMIN_PASSWORD", config.accounts.admin_password.clone()),
        ("AWS_SECRET_ACCESS_KEY", config.storage.aws_secret_access_key.clone()),
        ("STORAGE_WEBHOOK_SECRET", config.storage.storage_webhook_secret.clone()),
        ("the password in DATABASE_URL", database.and_then(|url| url.password().map(str::to_owned))),
    ];
    let set = secrets.iter().filter_map(|(name, secret)| Some((*name, secret.as_deref()?)));
    let published: Vec<&str> =
        set.clone().filter(|(_, secret)| PUBLISHED.contains(secret)).map(|(name, _)| name).collect();
    let guessable = |secret: &str| secret.chars().collect::<BTreeSet<_>>().len() < DIFFERENT;
    let weak: Vec<&str> =
        set.filter(|(_, secret)| !PUBLISHED.contains(secret) && guessable(secret)).map(|(name, _)| name).collect();
    let advice = "Generate one that nobody else has: openssl rand -hex 32.";
    let problem = format!("{} has the value of an example, which everybody knows.", published.join(" and "));
    match (published.is_empty(), config.server.is_local()) {
        (true, _) => report.passed("secrets.own"),
        (false, true) => report.warn("secrets.own", problem, advice),
        (false, false) => report.failed("secrets.own", problem, advice),
    }
    let problem = format!("{} has fewer than {DIFFERENT} different characters.", weak.join(" and "));
    report.judge("secrets.strong", (!weak.is_empty()).then_some((problem, advice)));
    let jwt = config.accounts.jwt_secret();
    let is_missing = config.accounts.jwt_secret.is_none() && !config.storage.is_embedded();
    let problem = match jwt {
        Err(error) => Some(format!("{error}.")),
        Ok(_) if is_missing => Some("JWT_SECRET is not set; with an S3 elsewhere every process needs it.".to_owned()),
        Ok(_) => None,
    };
    report.judge(
        "secrets.jwt",
        problem.map(|problem| (problem, "Set JWT_SECRET to the same value for every process: openssl rand -hex 32.")),
    );
}

fn public_url(config: &Config, report: &mut Report) {
    let check = "settings.public_url";
    let url = match config.server.public_url() {
        Ok(url) => url,
        Err(error) => {
            return report.failed(
                check,
                format!("PUBLIC_URL is no URL: {error}."),
                "Set PUBLIC_URL to what browsers see.",
            );
        }
    };
    let storage = config.storage.s3_public_endpoint.as_ref().or(config.storage.aws_endpoint_url_s3.as_ref());
    let storage = storage.filter(|_| !config.storage.is_embedded() && config.storage.aws_s3_custom_domain.is_none());
    if let Some(storage) = storage.filter(|storage| url.scheme() == "https" && storage.scheme() == "http") {
        let problem =
            format!("Pages of {url} may not send files to {storage}: browsers block requests from https to http.");
        return report.failed(
            check,
            problem,
            "Put TLS in front of the storage, and set S3_PUBLIC_ENDPOINT to its https address.",
        );
    }
    if url.scheme() == "http" && !config.server.is_local() {
        let problem = format!("PUBLIC_URL is {url}: passwords, tokens and files are sent in the clear.");
        return report.warn(check, problem, "Put TLS in front of the server, and set PUBLIC_URL to its https address.");
    }
    report.passed(check);
}

fn origins(config: &Config, report: &mut Report) {
    let wrong = config.server.cors_origins().unwrap_or_default().into_iter().find(|origin| !is_origin(origin));
    report.judge(
        "settings.cors_origins",
        wrong.map(|origin| {
            let problem = format!("CORS_ORIGINS has {origin:?}, which no browser sends as its origin.");
            (problem, "Write origins as scheme, host and port, such as https://app.example.com: without a path.")
        }),
    );
}

/// As a browser writes it: nothing behind the port, and no port that the scheme has anyway.
fn is_origin(text: &str) -> bool {
    text == "*" || Url::parse(text).is_ok_and(|url| url.origin().ascii_serialization() == text)
}

/// Whether links in mails come to where they are read.
fn mail(config: &Config, report: &mut Report) {
    let accounts = &config.accounts;
    let set = accounts.smtp().and_then(|smtp| smtp.map(|(url, from)| Mailer::smtp(url, from)).transpose());
    let check = "settings.mail";
    match set {
        Err(error) => {
            report.failed(check, format!("{error:#}."), "Set SMTP_URL and MAIL_FROM as docs/operations.md shows.");
        }
        Ok(Some(_)) => report.passed(check),
        Ok(None) if config.server.is_local() => report.passed(check),
        Ok(None) if accounts.sign_up == SignUpBy::Closed => {
            let problem = "SMTP_URL is not set: nobody who forgot their password can set another one.".to_owned();
            report.warn(check, problem, "Set SMTP_URL and MAIL_FROM, or set passwords by `darkroom user passwd`.");
        }
        Ok(None) => {
            let problem =
                "SMTP_URL is not set: nobody receives the link that a sign-up or an invitation needs.".to_owned();
            report.failed(check, problem, "Set SMTP_URL and MAIL_FROM, or SIGN_UP to closed.");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::is_origin;

    #[test]
    fn an_origin_is_what_a_browser_sends() {
        for (text, expected) in [
            ("*", true),
            ("https://app.example.com", true),
            ("http://localhost:5173", true),
            ("https://app.example.com/", false),
            ("https://app.example.com/app", false),
            ("https://app.example.com:443", false),
            ("app.example.com", false),
            ("localhost:5173", false),
            ("", false),
        ] {
            assert_eq!(is_origin(text), expected, "{text}");
        }
    }
}
