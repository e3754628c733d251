//! A network between a client and a server that can be cut.

use std::net::SocketAddr;

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// Forwards connections. While it is cut, nothing arrives in either direction and connections hang;
/// they are closed when it is restored.
pub struct Network {
    address: SocketAddr,
    cut: watch::Sender<bool>,
    _accepting: JoinSet<()>,
}

impl Network {
    /// A working network to a server.
    pub async fn to(server: SocketAddr) -> Network {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let cut = watch::Sender::new(false);
        let network = cut.clone();
        let mut accepting = JoinSet::new();
        accepting.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((client, _)) = listener.accept().await {
                connections.spawn(carry(client, server, network.subscribe()));
                while connections.try_join_next().is_some() {}
            }
        });
        Network { address, cut, _accepting: accepting }
    }

    /// Where clients connect to.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Cuts or restores it.
    pub fn cut(&self, cut: bool) {
        self.cut.send_replace(cut);
    }
}

async fn carry(mut client: TcpStream, server: SocketAddr, mut cut: watch::Receiver<bool>) {
    let forward = async {
        let mut server = TcpStream::connect(server).await?;
        copy_bidirectional(&mut client, &mut server).await
    };
    let was_cut = {
        let mut network = cut.clone();
        tokio::select! {
            // A connection that is opened while the network is cut hangs as well.
            biased;
            was_cut = network.wait_for(|cut| *cut) => was_cut.is_ok(),
            _ = forward => false,
        }
    };
    if was_cut {
        // The sender is dropped with the test, which ends the wait.
        let _ = cut.wait_for(|cut| !*cut).await;
    }
}
