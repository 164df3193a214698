//! Paths between processes that can be cut, stalled, and led elsewhere.

use std::{net::SocketAddr, time::Duration};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::watch,
};

/// What becomes of bytes on a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    Open,
    /// Connections break, and new ones are refused.
    Cut,
    /// Connections stand, and nothing arrives.
    Stalled,
}

/// A path to an address that may change.
pub struct Path {
    pub address: SocketAddr,
    state: watch::Sender<State>,
    target: watch::Sender<Option<SocketAddr>>,
}

impl Path {
    /// An open path, to somewhere or, for now, to nowhere.
    pub async fn to(target: Option<SocketAddr>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let (state, target) = (watch::Sender::new(State::Open), watch::Sender::new(target));
        let (states, targets) = (state.subscribe(), target.subscribe());
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let (state, target) = (states.clone(), *targets.borrow());
                if let Some(target) = target.filter(|_| *state.borrow() != State::Cut) {
                    tokio::spawn(carry(client, target, state));
                }
            }
        });
        Self { address, state, target }
    }

    pub fn lead_to(&self, target: Option<SocketAddr>) {
        self.target.send_replace(target);
    }

    /// Open again after that time.
    pub async fn suffer(&self, state: State, during: Duration) {
        self.set(state);
        tokio::time::sleep(during).await;
        self.mend();
    }

    pub fn set(&self, state: State) {
        self.state.send_replace(state);
    }

    pub fn mend(&self) {
        self.set(State::Open);
    }
}

async fn carry(client: TcpStream, target: SocketAddr, mut state: watch::Receiver<State>) {
    let Ok(server) = TcpStream::connect(target).await else { return };
    let ((from_client, to_client), (from_server, to_server)) = (client.into_split(), server.into_split());
    let there = pass(from_client, to_server, state.clone());
    let back = pass(from_server, to_client, state.clone());
    tokio::select! {
        _ = async { tokio::join!(there, back) } => {}
        _ = state.wait_for(|state| *state == State::Cut) => {}
    }
}

async fn pass(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, mut state: watch::Receiver<State>) {
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(count @ 1..) = from.read(&mut buffer).await {
        if state.wait_for(|state| *state != State::Stalled).await.is_err()
            || to.write_all(&buffer[..count]).await.is_err()
        {
            return;
        }
    }
    let _ = to.shutdown().await;
}
