//! The process: `rls ENGINE LIMITS PORT CONTROL [REDIS]`. See the library for what it serves.

use std::net::{Ipv4Addr, TcpListener};
use std::sync::Arc;

use envoy_types::pb::envoy::service::ratelimit::v3::rate_limit_service_server::RateLimitServiceServer;
use tollgate_fleet::control::Control;
use tollgate_fleet::counts::Counts;
use tollgate_fleet::engine::Engine;
use tollgate_fleet::faults::Faults;
use tollgate_fleet::service::Service;
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;

const USAGE: &str = "usage: rls limitador|limitador-redis|ratelimit LIMITS PORT CONTROL [REDIS]
  LIMITS   a file of limits, in the form of that service
  PORT     where it is asked, by gRPC over cleartext HTTP/2, on loopback; 0 is any
  CONTROL  where counts are read and faults are named, on loopback; 0 is any
  REDIS    redis://127.0.0.1:6379; not for limitador, which counts in memory";

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (kind, limits, port, control, redis) = match arguments.as_slice() {
        [kind, limits, port, control] => (kind, limits, port, control, ""),
        [kind, limits, port, control, redis] => (kind, limits, port, control, redis.as_str()),
        _ => return Err(USAGE.into()),
    };
    let limits = std::fs::read_to_string(limits)?;
    let engine = Engine::named(kind, &limits, redis).await?;
    let faults = Arc::new(Faults::default());
    let counts = Arc::new(Counts::default());
    let told = matches!(engine, Engine::Ratelimit(_)).then(|| Arc::clone(&faults));
    let control_listener = TcpListener::bind((Ipv4Addr::LOCALHOST, control.parse()?))?;
    let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, port.parse()?)).await?;
    println!("{kind} at {}, control at {}", listener.local_addr()?, control_listener.local_addr()?);
    let control = Control { counts: Arc::clone(&counts), faults: told };
    std::thread::spawn(move || control.serve(&control_listener));
    Server::builder()
        .add_service(RateLimitServiceServer::new(Service { engine, faults, counts }))
        .serve_with_incoming(TcpIncoming::from(listener).with_nodelay(Some(true)))
        .await?;
    Ok(())
}
