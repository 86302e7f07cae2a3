//! What the operating system knows: which cores there are, and what a process used.

use std::fs;
use std::process::Command;
use std::time::Duration;

/// The cores that the proxy and the client are kept on, so that neither pays for the other.
pub(crate) struct Machine {
    /// Those that this process may use.
    pub(crate) cores: Vec<u32>,
    /// Whether processes can be kept on cores.
    pub(crate) pins: bool,
}

impl Machine {
    /// Looks; says in a sentence what is missing.
    pub(crate) fn find() -> Self {
        let status = fs::read_to_string("/proc/self/status").expect("/proc: this needs Linux");
        let list = field(&status, "Cpus_allowed_list:").expect("the cores of this process");
        let cores = parse_list(&list);
        let taskset = Command::new("taskset").arg("--version").output().is_ok();
        if !taskset {
            println!(
                "taskset (util-linux) is missing: proxy and client are not kept on cores of their \
                 own, so the figures scatter more"
            );
        } else if cores.len() < 2 {
            println!("there is one core: proxy and client share it, so the figures scatter more");
        }
        Self { pins: taskset && cores.len() > 1, cores }
    }

    /// Keeps the client on the last core.
    pub(crate) fn pin_client(&self) {
        self.pin(std::process::id(), &self.cores[self.cores.len() - 1..]);
    }

    /// Gives the client every core back, for work that is not measured.
    pub(crate) fn release_client(&self) {
        self.pin(std::process::id(), &self.cores);
    }

    /// Keeps a proxy of so many workers off the client's core where there are enough others, and
    /// one of a single worker on the first.
    pub(crate) fn pin_proxy(&self, process: u32, workers: usize) {
        let others = self.cores.len() - 1;
        let count = if workers > others { self.cores.len() } else { workers };
        self.pin(process, &self.cores[..count]);
    }

    /// Keeps a process that serves the proxy on the client's core.
    pub(crate) fn pin_beside_client(&self, process: u32) {
        self.pin(process, &self.cores[self.cores.len() - 1..]);
    }

    fn pin(&self, process: u32, cores: &[u32]) {
        if !self.pins {
            return;
        }
        let list: Vec<_> = cores.iter().map(u32::to_string).collect();
        let output = Command::new("taskset")
            .args(["--all-tasks", "--cpu-list", "--pid", &list.join(","), &process.to_string()])
            .output()
            .expect("taskset runs");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "taskset cannot keep {process} on {list:?}: {said}");
    }
}

/// Time that the process's threads have spent on a core: the first number of each
/// `/proc/<process>/task/*/schedstat`, in nanoseconds. Exact while the process sleeps.
pub(crate) fn cpu_time(process: u32) -> Duration {
    let tasks = fs::read_dir(format!("/proc/{process}/task")).expect("a running process");
    let spent = |task: fs::DirEntry| -> Option<u64> {
        let text = fs::read_to_string(task.path().join("schedstat")).ok()?;
        text.split_ascii_whitespace().next()?.parse().ok()
    };
    let total: u64 = tasks.flatten().filter_map(spent).sum();
    assert!(total > 0, "/proc/{process}/task/*/schedstat: this kernel counts no time per task");
    Duration::from_nanos(total)
}

/// How many processes ran or wanted to, on average of the last minute.
pub(crate) fn load() -> Option<f64> {
    fs::read_to_string("/proc/loadavg").ok()?.split(' ').next()?.parse().ok()
}

/// The processor's name.
pub(crate) fn processor() -> String {
    let text = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let name = text.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    name.map_or_else(|| "unknown".to_owned(), |(_, name)| name.to_owned())
}

fn field(status: &str, name: &str) -> Option<String> {
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    Some(line.trim().to_owned())
}

/// Reads `0-3,6`.
fn parse_list(list: &str) -> Vec<u32> {
    let number = |text: &str| text.parse::<u32>().expect("the number of a core");
    list.split(',')
        .flat_map(|part| match part.split_once('-') {
            Some((first, last)) => number(first)..=number(last),
            None => number(part)..=number(part),
        })
        .collect()
}
