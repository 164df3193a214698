//! A mail server of a test's own: it takes every mail, and keeps it for the test to read.

use std::{
    io::{BufRead, BufReader, Write},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex, PoisonError},
    thread,
};

use mailin::{Action, Handler, Response, SessionBuilder, response::OK};
use mailparse::{MailHeaderMap, parse_mail};

/// What was received.
#[derive(Debug, Clone)]
pub struct Mail {
    pub to: String,
    pub from: String,
    pub subject: String,
    pub text: String,
}

impl Mail {
    /// The token of the link in it.
    pub fn token(&self) -> &str {
        let (_, token) = self.text.split_once("#token=").unwrap_or_else(|| panic!("no link: {}", self.text));
        token.split_whitespace().next().expect("a token")
    }
}

/// The server's mails, by its port.
#[derive(Clone)]
pub struct Mailbox {
    pub port: u16,
    mails: Arc<Mutex<Vec<Mail>>>,
}

#[derive(Clone)]
struct Taking {
    mails: Arc<Mutex<Vec<Mail>>>,
    data: Vec<u8>,
}

impl Mailbox {
    /// Begins to take mails, until the process of the tests ends.
    pub fn open() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let mails: Arc<Mutex<Vec<Mail>>> = Arc::default();
        let taking = Taking { mails: Arc::clone(&mails), data: Vec::new() };
        thread::spawn(move || {
            for client in listener.incoming() {
                let (client, taking) = (client.expect("a client"), taking.clone());
                thread::spawn(move || talk(client, taking));
            }
        });
        Self { port, mails }
    }

    /// The flags of a server that sends here.
    pub fn flags(&self) -> Vec<String> {
        let url = format!("smtp://127.0.0.1:{}", self.port);
        ["--smtp-url", &url, "--mail-from", "Images <images@example.com>"].map(str::to_owned).to_vec()
    }

    /// What was received since the last look and has a link, without the notices of what happened.
    pub fn take_links(&self) -> Vec<Mail> {
        self.take().into_iter().filter(|mail| mail.text.contains("#token=")).collect()
    }

    /// What was received since the last look.
    pub fn take(&self) -> Vec<Mail> {
        std::mem::take(&mut self.mails.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Until the client has nothing more to say.
fn talk(mut client: TcpStream, taking: Taking) -> std::io::Result<()> {
    let mut lines = BufReader::new(client.try_clone()?);
    let mut session = SessionBuilder::new("localhost").build(client.peer_addr()?.ip(), taking);
    session.greeting().write_to(&mut client)?;
    let mut line = Vec::new();
    while lines.read_until(b'\n', &mut line)? > 0 {
        let answer = session.process(&line);
        line.clear();
        match answer.action {
            Action::NoReply => {}
            Action::Reply | Action::UpgradeTls => answer.write_to(&mut client)?,
            Action::Close => {
                answer.write_to(&mut client)?;
                return client.flush();
            }
        }
    }
    Ok(())
}

impl Handler for Taking {
    fn data(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.data.extend_from_slice(bytes);
        Ok(())
    }

    fn data_end(&mut self) -> Response {
        let data = std::mem::take(&mut self.data);
        let mail = parse_mail(&data).expect("a mail");
        let header = |name: &str| mail.headers.get_first_value(name).unwrap_or_default();
        let text = mail.get_body().expect("a text").replace("\r\n", "\n");
        let mail = Mail { to: header("To"), from: header("From"), subject: header("Subject"), text };
        self.mails.lock().unwrap_or_else(PoisonError::into_inner).push(mail);
        OK
    }
}
