//! Steady traffic, of which every answer counts.

use std::collections::BTreeMap;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use super::client::{Connection, Request, Response};

/// Clients that send one request after another until they are told to stop.
pub(crate) struct Load {
    stop: Arc<AtomicBool>,
    tally: Arc<Mutex<Tally>>,
    clients: Vec<JoinHandle<()>>,
}

#[derive(Default)]
struct Tally {
    answers: BTreeMap<u16, usize>,
    lost: usize,
    surprises: Vec<String>,
}

impl Load {
    /// Starts `clients` clients, each with a connection of its own; every request must be answered
    /// with 200.
    pub(crate) fn start(
        port: u16,
        clients: usize,
        request: impl Fn() -> Request + Send + Sync + 'static,
    ) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let tally = Arc::new(Mutex::new(Tally::default()));
        let request = Arc::new(request);
        let clients = (0..clients)
            .map(|_| {
                let (stop, tally, request) =
                    (Arc::clone(&stop), Arc::clone(&tally), Arc::clone(&request));
                std::thread::spawn(move || {
                    let mut connection = None;
                    while !stop.load(Ordering::SeqCst) {
                        let (outcome, lost) = send(port, &mut connection, &request());
                        tally.lock().unwrap().add(outcome, lost);
                        std::thread::sleep(Duration::from_millis(5));
                    }
                })
            })
            .collect();
        Self { stop, tally, clients }
    }

    /// How many requests have been answered.
    pub(crate) fn answered(&self) -> usize {
        self.tally.lock().unwrap().answers.values().sum()
    }

    /// Stops; fails if any answer was not 200, or did not come. The number of answers.
    pub(crate) fn finish(self) -> usize {
        self.finish_with_lost_connections(0)
    }

    /// As [`finish`](Self::finish), where the proxy may have closed so many idle connections at the
    /// very moment when a request was sent on them (RFC 9112 §9.5): those were sent again.
    pub(crate) fn finish_with_lost_connections(self, limit: usize) -> usize {
        self.stop.store(true, Ordering::SeqCst);
        for client in self.clients {
            client.join().expect("a client of the load");
        }
        let tally = self.tally.lock().unwrap();
        assert!(tally.surprises.is_empty(), "{:?}: {:#?}", tally.answers, tally.surprises);
        assert!(tally.lost <= limit, "{} connections were lost under a request", tally.lost);
        tally.answers.values().sum()
    }
}

impl Tally {
    fn add(&mut self, outcome: io::Result<Response>, lost: bool) {
        self.lost += usize::from(lost);
        let surprise = match outcome {
            Ok(response) => {
                *self.answers.entry(response.status()).or_default() += 1;
                (response.status() != 200)
                    .then(|| format!("{} {}", response.status(), response.text()))
            }
            Err(error) => Some(format!("no answer: {error}")),
        };
        // The first few say enough.
        if self.surprises.len() < 10 {
            self.surprises.extend(surprise);
        }
    }
}

/// Sends on the connection that is open, or on a new one; and whether one was lost on the way.
fn send(
    port: u16,
    kept: &mut Option<Connection>,
    request: &Request,
) -> (io::Result<Response>, bool) {
    let mut lost = false;
    if let Some(mut connection) = kept.take().filter(|one| !one.is_closed()) {
        if let Ok(response) = connection.try_fetch(request) {
            *kept = Some(connection).filter(|_| !closes(&response));
            return (Ok(response), lost);
        }
        lost = true;
    }
    let fresh = || {
        let mut connection = Connection::try_open(port)?;
        let response = connection.try_fetch(request)?;
        Ok((connection, response))
    };
    match fresh() {
        Ok((connection, response)) => {
            *kept = Some(connection).filter(|_| !closes(&response));
            (Ok(response), lost)
        }
        Err(error) => (Err(error), lost),
    }
}

fn closes(response: &Response) -> bool {
    response.header("connection").is_some_and(|value| value.eq_ignore_ascii_case("close"))
}
