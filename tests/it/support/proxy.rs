//! A TCP proxy whose connections can be cut.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

/// Forwards bytes to a server and cuts connections on request.
pub struct Proxy {
    port: u16,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    cut: Notify,
    /// Bytes that clients may still send before all connections are cut; negative for no bound.
    allowance: AtomicI64,
    cuts: AtomicU64,
}

impl Proxy {
    /// A proxy to a local port.
    pub async fn to(target: u16) -> Proxy {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let shared = Arc::new(Shared { allowance: AtomicI64::new(-1), ..Shared::default() });
        let held = Arc::downgrade(&shared);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let Some(shared) = held.upgrade() else { return };
                if let Ok(server) = TcpStream::connect(("127.0.0.1", target)).await {
                    tokio::spawn(carry(client, server, shared));
                }
            }
        });
        Proxy { port, shared }
    }

    /// Where clients connect.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Cuts all connections once clients have sent this many more bytes, possibly in the middle of
    /// a message.
    pub fn cut_after(&self, bytes: u32) {
        self.shared.allowance.store(bytes.into(), Ordering::SeqCst);
    }

    /// Cuts all connections now.
    pub fn cut(&self) {
        self.shared.sever();
    }

    /// How often connections were cut.
    pub fn cuts(&self) -> u64 {
        self.shared.cuts.load(Ordering::SeqCst)
    }
}

impl Shared {
    fn sever(&self) {
        self.cuts.fetch_add(1, Ordering::SeqCst);
        self.cut.notify_waiters();
    }

    /// How many of these bytes are forwarded.
    fn pass(&self, length: usize) -> usize {
        let length = i64::try_from(length).expect("a small number");
        let before = self.allowance.load(Ordering::SeqCst);
        if before < 0 {
            return usize::try_from(length).expect("not negative");
        }
        if before <= length {
            self.allowance.store(-1, Ordering::SeqCst);
            return usize::try_from(before).expect("not negative");
        }
        self.allowance.fetch_sub(length, Ordering::SeqCst);
        usize::try_from(length).expect("not negative")
    }
}

async fn carry(client: TcpStream, server: TcpStream, shared: Arc<Shared>) {
    let cut = shared.cut.notified();
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let upward = async {
        let mut buffer = vec![0; 16 * 1024];
        while let Ok(length @ 1..) = from_client.read(&mut buffer).await {
            let passing = shared.pass(length);
            if to_server.write_all(&buffer[..passing]).await.is_err() {
                return;
            }
            if passing < length {
                shared.sever();
                return;
            }
        }
    };
    tokio::select! {
        () = upward => {}
        _ = tokio::io::copy(&mut from_server, &mut to_client) => {}
        () = cut => {}
    }
}
