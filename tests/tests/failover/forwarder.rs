//! An address that leads to one server now and to another later, as that of a load balancer or a managed service does.

use std::{
    io,
    net::{Shutdown, TcpListener, TcpStream},
    sync::{
        Arc, Mutex,
        atomic::{AtomicU16, Ordering},
    },
    thread,
};

/// Where it leads when it leads nowhere.
const NOWHERE: u16 = 0;

pub(crate) struct Forwarder {
    port: u16,
    to: Arc<AtomicU16>,
    open: Arc<Mutex<Vec<TcpStream>>>,
}

impl Forwarder {
    /// An address that leads to this port; it lives as long as the process.
    pub(crate) fn to(port: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let forwarder = Self {
            port: listener.local_addr().unwrap().port(),
            to: Arc::new(AtomicU16::new(port)),
            open: Arc::default(),
        };
        let (to, open) = (Arc::clone(&forwarder.to), Arc::clone(&forwarder.open));
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                // One whose server is not there is closed at once.
                let port = to.load(Ordering::SeqCst);
                if port != NOWHERE
                    && let Ok(server) = TcpStream::connect(("127.0.0.1", port))
                {
                    join(client, server, &open);
                }
            }
        });
        forwarder
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Leads nowhere from now on; what is open ends.
    pub(crate) fn cut(&self) {
        self.lead(NOWHERE);
        for connection in self.open.lock().unwrap().drain(..) {
            // The other side may have gone first.
            let _ = connection.shutdown(Shutdown::Both);
        }
    }

    /// Leads to another port from now on.
    pub(crate) fn lead(&self, port: u16) {
        self.to.store(port, Ordering::SeqCst);
    }
}

fn join(client: TcpStream, server: TcpStream, open: &Mutex<Vec<TcpStream>>) {
    open.lock().unwrap().extend([client.try_clone().unwrap(), server.try_clone().unwrap()]);
    for (from, to) in [(client.try_clone().unwrap(), server.try_clone().unwrap()), (server, client)] {
        let (mut from, mut to) = (from, to);
        thread::spawn(move || {
            to.set_nodelay(true).unwrap();
            // However it ends, the other side is told.
            let _ = io::copy(&mut from, &mut to);
            let _ = (from.shutdown(Shutdown::Both), to.shutdown(Shutdown::Both));
        });
    }
}
