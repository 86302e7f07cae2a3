//! Upstreams that others wrote, each of which reads requests in its own way: nginx, lighttpd, Django.
//!
//! ```ignore
//! let django = RealServer::django("test-name");           // tells in JSON how it read a request
//! let lighttpd = RealServer::lighttpd("test-name");       // GET /env: a CGI's environment, by lines
//! let nginx = RealServer::nginx("test-name", "server { server_name a.example; return 200 a; }
//!                                             server { listen PORT default_server; return 200 b; }");
//! let site = Site::new("test-name", nginx.port());
//! ```

use std::fs;
use std::net::TcpStream;
use std::path::Path;
use std::process::Command;

use super::places;
use super::process::{Process, free_port};
use super::wait::until;

/// A running server on a port of its own; dropping it ends it.
pub(crate) struct RealServer {
    port: u16,
    _process: Process,
}

impl RealServer {
    /// nginx with these `server` blocks; `PORT` stands for `127.0.0.1:` and the port in them, and
    /// must be in a `listen` of each.
    pub(crate) fn nginx(test: &str, servers: &str) -> Self {
        let folder = places::scratch(&format!("{test}-nginx"));
        let port = free_port();
        let servers = servers.replace("PORT", &format!("127.0.0.1:{port}"));
        let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .map(|kind| format!("  {kind}_temp_path {kind};\n"))
            .concat();
        // One process, so that whoever ends it ends all of it.
        let configuration = format!(
            "daemon off;\nmaster_process off;\npid nginx.pid;\nerror_log stderr;\nevents {{}}\n\
             http {{\n  access_log off;\n{temporary}{servers}\n}}\n"
        );
        let file = folder.join("nginx.conf");
        fs::write(&file, configuration).expect("nginx's configuration under target/");
        let mut command = Command::new(places::nginx());
        command.arg("-p").arg(&folder).arg("-c").arg(file).args(["-e", "stderr"]);
        Self::run("nginx", &mut command, &folder, port)
    }

    /// lighttpd with a CGI behind `/env` that prints its environment, one variable a line.
    pub(crate) fn lighttpd(test: &str) -> Self {
        let folder = places::scratch(&format!("{test}-lighttpd"));
        let port = free_port();
        let script = "printf 'Content-Type: text/plain\\r\\n\\r\\n'\nenv\n";
        fs::write(folder.join("env"), script).expect("the CGI under target/");
        let configuration = format!(
            "server.document-root = \"{}\"\nserver.bind = \"127.0.0.1\"\nserver.port = {port}\n\
             server.modules = (\"mod_cgi\")\ncgi.assign = (\"/env\" => \"/bin/sh\")\n",
            folder.display()
        );
        let file = folder.join("lighttpd.conf");
        fs::write(&file, configuration).expect("lighttpd's configuration under target/");
        let mut command = Command::new(places::lighttpd());
        command.arg("-D").arg("-f").arg(file);
        Self::run("lighttpd", &mut command, &folder, port)
    }

    /// The Django application of django_app.py.
    pub(crate) fn django(test: &str) -> Self {
        let folder = places::scratch(&format!("{test}-django"));
        let port = free_port();
        let mut command = python();
        command.arg(places::project().join("tests/e2e/harness/django_app.py"));
        Self::run("Django", command.arg(port.to_string()), &folder, port)
    }

    /// The WSGI application of wsgi_app.py, which prints its variables, one a line.
    pub(crate) fn wsgi(test: &str) -> Self {
        let folder = places::scratch(&format!("{test}-wsgi"));
        let port = free_port();
        let mut command = python();
        command.arg(places::project().join("tests/e2e/harness/wsgi_app.py"));
        Self::run("WSGI", command.arg(port.to_string()), &folder, port)
    }

    /// Where it listens.
    pub(crate) const fn port(&self) -> u16 {
        self.port
    }

    fn run(name: &str, command: &mut Command, folder: &Path, port: u16) -> Self {
        let log = folder.join("log");
        let mut process = Process::start(command, &log);
        until(&format!("{name} to listen"), || {
            if process.exit_code().is_some() {
                panic!("{name} ended at once:\n{}", fs::read_to_string(&log).unwrap_or_default());
            }
            TcpStream::connect(("127.0.0.1", port)).ok()
        });
        Self { port, _process: process }
    }
}

/// Python with the packages of python.requirements.txt.
pub(crate) fn python() -> Command {
    Command::new(places::python())
}
