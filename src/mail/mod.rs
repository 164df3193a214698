//! Hand: mail. Sends a letter by SMTP, or writes it into the log where nobody said how; knows no other hand.

use std::sync::Arc;

use anyhow::Context;
use lettre::{
    Address, AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor,
    message::{Mailbox, header::ContentType},
};

/// What somebody is to read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Letter {
    pub to: String,
    pub subject: String,
    pub text: String,
}

/// Why a letter did not go.
#[derive(Debug)]
pub enum SendError {
    /// The server cannot be reached, or asks to come again: later it may go.
    Away(anyhow::Error),
    /// The server does not take it, now or later.
    Refused(anyhow::Error),
}

/// The way that letters go.
#[derive(Clone)]
pub enum Mailer {
    /// By a server.
    Smtp(Arc<Smtp>),
    /// Into the log: for development.
    Log,
    /// Nowhere: links do not belong into the log of a server that others reach.
    Nowhere,
}

/// A mail server, and in whose name it is used.
pub struct Smtp {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
}

impl Mailer {
    /// By the server of a URL: `smtps://user:password@host`, `smtp://host:587?tls=required`, `smtp://host:25`. Connects
    /// only to send.
    ///
    /// # Errors
    /// When the URL is none of SMTP, or the sender no address.
    pub fn smtp(url: &str, from: &str) -> anyhow::Result<Self> {
        // Without its cause, which has the password.
        let transport = AsyncSmtpTransport::<Tokio1Executor>::from_url(url);
        let transport = transport.map_err(|_| anyhow::anyhow!("SMTP_URL is not a URL of SMTP"))?.build();
        let from = from.parse().with_context(|| format!("MAIL_FROM: `{from}` is not a sender"))?;
        Ok(Self::Smtp(Arc::new(Smtp { transport, from })))
    }

    /// Sends a letter.
    ///
    /// # Errors
    /// When the address is none, or the server does not take it.
    pub async fn send(&self, letter: &Letter) -> Result<(), SendError> {
        match self {
            Self::Log => {
                let Letter { to, subject, text } = letter;
                tracing::info!(to, subject, "a mail was not sent, since SMTP_URL is not set:\n{text}");
                Ok(())
            }
            Self::Nowhere => Err(SendError::Refused(anyhow::anyhow!("SMTP_URL is not set"))),
            Self::Smtp(smtp) => {
                let message = message(letter, smtp.from.clone()).map_err(SendError::Refused)?;
                smtp.transport.send(message).await.map(drop).map_err(|error| {
                    let is_permanent = error.is_permanent();
                    if is_permanent { SendError::Refused(error.into()) } else { SendError::Away(error.into()) }
                })
            }
        }
    }
}

/// Whether a text is one plain address that is mailed to as it stands: without a name, quotes or comments around it.
pub fn is_address(text: &str) -> bool {
    let is_plain = !text.contains(|c: char| c.is_whitespace() || c.is_control() || "<>()\",;:\\[]".contains(c));
    is_plain && text.parse::<Address>().is_ok_and(|address| address.to_string() == text)
}

fn message(letter: &Letter, from: Mailbox) -> anyhow::Result<Message> {
    let to = letter.to.parse::<Address>().context("the address of a mail")?;
    let head = Message::builder().from(from).to(Mailbox::new(None, to)).subject(&letter.subject);
    Ok(head.header(ContentType::TEXT_PLAIN).body(letter.text.clone())?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_what_the_mail_goes_to() {
        for plain in
            ["ann@example.com", "a.b+c_d-e@mail.example.com", "admin@localhost", "änne@example.com", "ann%@x.com"]
        {
            assert!(is_address(plain), "{plain}");
        }
        let others = [
            "",
            "ann",
            "@example.com",
            "ann@",
            "ann@b@c",
            "<ann@example.com>",
            "x<ann@example.com>",
            "\"v\"@example.com",
            "ann@example.com,b@example.com",
            "ann@example.com,1",
            "a..b@example.com",
            "ann @example.com",
            "ann@[127.0.0.1]",
            "ceo\u{ff20}corp.com<ann@example.com>",
            "ann@example.com\r\nBcc: b@example.com",
            "ann(x)@example.com",
        ];
        for other in others {
            assert!(!is_address(other), "{other}");
        }
    }
}
