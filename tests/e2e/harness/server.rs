//! A small HTTP/1.1 server that hands each connection to a function.

use std::io::{self, BufReader};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

/// What a connection is handed to; an error ends the connection, nothing else.
pub(crate) type Handler = dyn Fn(BufReader<TcpStream>) -> io::Result<()> + Send + Sync;

/// A listening server. It can go down, connections included, and come up again on the same port.
pub(crate) struct Server {
    port: u16,
    handler: Arc<Handler>,
    running: Option<Running>,
}

struct Running {
    stopped: Arc<AtomicBool>,
    connections: Arc<Mutex<Vec<TcpStream>>>,
    acceptor: JoinHandle<()>,
}

impl Server {
    /// Listens on this port of the loopback interface.
    pub(crate) fn start(port: u16, handler: Arc<Handler>) -> Self {
        let mut server = Self { port, handler, running: None };
        server.up();
        server
    }

    /// Where it listens.
    pub(crate) const fn port(&self) -> u16 {
        self.port
    }

    /// Listens again.
    pub(crate) fn up(&mut self) {
        let listener = TcpListener::bind(("127.0.0.1", self.port)).expect("the server's port");
        let stopped = Arc::new(AtomicBool::new(false));
        let connections = Arc::new(Mutex::new(Vec::new()));
        let handler = Arc::clone(&self.handler);
        let (stop, open) = (Arc::clone(&stopped), Arc::clone(&connections));
        let acceptor = std::thread::spawn(move || {
            for stream in listener.incoming() {
                let Ok(stream) = stream else { continue };
                if stop.load(Ordering::SeqCst) {
                    return;
                }
                if let Ok(copy) = stream.try_clone() {
                    open.lock().unwrap().push(copy);
                }
                let handler = Arc::clone(&handler);
                std::thread::spawn(move || {
                    // A client that hangs up is nothing to report.
                    let _ = handler(BufReader::new(stream));
                });
            }
        });
        self.running = Some(Running { stopped, connections, acceptor });
    }

    /// Stops listening and cuts what is open: from now on connections are refused.
    pub(crate) fn down(&mut self) {
        let Some(running) = self.running.take() else { return };
        running.stopped.store(true, Ordering::SeqCst);
        // Wakes the acceptor, which waits for a connection.
        let _ = TcpStream::connect(("127.0.0.1", self.port));
        let _ = running.acceptor.join();
        for stream in running.connections.lock().unwrap().drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.down();
    }
}
