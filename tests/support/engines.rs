//! Redis and rate limit services as processes, for whichever package tests with them. Where programs
//! are, who includes this says.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use super::process::{Process, free_port};
use super::wait::until;

/// A real Redis that keeps what it holds in a file of its folder. What it has answered outlives the
/// process, not the machine.
pub(crate) struct Redis {
    program: PathBuf,
    folder: PathBuf,
    port: u16,
    process: Option<Process>,
}

impl Redis {
    /// Starts one, empty.
    pub(crate) fn start(program: &Path, folder: &Path) -> Self {
        fs::create_dir_all(folder).expect("a folder under target/");
        let (program, folder) = (program.to_owned(), folder.to_owned());
        let mut redis = Self { program, folder, port: free_port(), process: None };
        redis.resume();
        redis
    }

    /// What clients connect to.
    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// Ends it.
    pub(crate) fn stop(&mut self) {
        self.process = None;
    }

    /// Starts it again with what it kept.
    pub(crate) fn resume(&mut self) {
        let mut command = Command::new(&self.program);
        command.args(["--bind", "127.0.0.1", "--port", &self.port.to_string(), "--save", ""]);
        command.args(["--appendonly", "yes", "--appendfsync", "no", "--dir"]).arg(&self.folder);
        self.process = Some(Process::start(&mut command, &self.folder.join("redis.log")));
        until("Redis to answer", || (self.ask("PING").trim() == "+PONG").then_some(()));
    }

    /// What it answers to a command without arguments that hold spaces, as it is sent.
    pub(crate) fn ask(&self, command: &str) -> String {
        let ask = || {
            let mut stream = TcpStream::connect(("127.0.0.1", self.port))?;
            stream.write_all(format!("{command}\r\nQUIT\r\n").as_bytes())?;
            let mut answer = String::new();
            stream.read_to_string(&mut answer)?;
            Ok::<_, std::io::Error>(answer.replace("+OK\r\n", ""))
        };
        ask().unwrap_or_default()
    }
}

/// A rate limit service of tests/fleet.
pub(crate) struct Service {
    command: Vec<std::ffi::OsString>,
    log: PathBuf,
    port: u16,
    control: u16,
    process: Option<Process>,
}

impl Service {
    /// Starts `limitador`, `limitador-redis` or `ratelimit` with these limits, which are written in its
    /// own form.
    pub(crate) fn start(
        program: &Path,
        folder: &Path,
        kind: &str,
        limits: &str,
        redis: Option<&Redis>,
    ) -> Self {
        fs::create_dir_all(folder).expect("a folder under target/");
        let (port, control) = (free_port(), free_port());
        let file = folder.join(format!("limits-{port}.yaml"));
        fs::write(&file, limits).expect("limits under target/");
        let mut command = vec![program.into(), kind.into(), file.into()];
        command.extend([port, control].map(|port| port.to_string().into()));
        command.extend(redis.map(|redis| redis.url().into()));
        let log = folder.join(format!("rls-{port}.log"));
        let mut service = Self { command, log, port, control, process: None };
        service.resume();
        service
    }

    /// Where it is asked, by gRPC over cleartext HTTP/2.
    pub(crate) const fn port(&self) -> u16 {
        self.port
    }

    /// Its process id.
    pub(crate) fn id(&self) -> u32 {
        self.process.as_ref().expect("it runs").id()
    }

    /// Ends it at once.
    pub(crate) fn stop(&mut self) {
        self.process = None;
    }

    /// Starts it again, on the same ports.
    pub(crate) fn resume(&mut self) {
        let (program, arguments) = self.command.split_first().expect("a command");
        let process = Process::start(Command::new(program).args(arguments), &self.log);
        let process = self.process.insert(process);
        until("the rate limit service to listen", || {
            if process.exit_code().is_some() {
                panic!("it ended: {}", fs::read_to_string(&self.log).unwrap_or_default());
            }
            TcpStream::connect(("127.0.0.1", self.port)).ok()
        });
    }

    /// What it counted, added up for each limit.
    pub(crate) fn counts(&self) -> Value {
        let (status, text) = self.control("GET", "/counts", "");
        assert_eq!(status, 200, "{text}");
        serde_json::from_str(&text).expect("JSON")
    }

    /// The counters of a limit that were asked for most, with their last windows.
    pub(crate) fn counters(&self, limit: &str) -> Value {
        let (status, text) = self.control("GET", &format!("/counters/{limit}"), "");
        assert_eq!(status, 200, "{text}");
        serde_json::from_str(&text).expect("JSON")
    }

    /// Forgets what it counted; what it limits it does not forget.
    pub(crate) fn clear(&self) {
        assert_eq!(self.control("POST", "/clear", "").0, 200);
    }

    /// Does something wrong from now on; for the words see tests/fleet/src/faults.rs.
    pub(crate) fn fault(&self, words: &str) {
        let (status, text) = self.control("POST", "/fault", words);
        assert_eq!(status, 200, "{words}: {text}");
    }

    /// What it answers where it is controlled.
    pub(crate) fn control(&self, method: &str, path: &str, body: &str) -> (u16, String) {
        let mut stream = TcpStream::connect(("127.0.0.1", self.control)).expect("its control");
        let length = body.len();
        write!(stream, "{method} {path} HTTP/1.1\r\ncontent-length: {length}\r\n\r\n{body}")
            .expect("its control");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("its control");
        let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok());
        let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body);
        (status.unwrap_or(0), body.to_owned())
    }
}
