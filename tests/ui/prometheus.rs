//! What Prometheus makes of the metrics.

use std::process::Command;

use super::harness::places;

#[test]
fn prometheus_and_its_tool_are_there() {
    for program in [places::prometheus(), places::promtool()] {
        let output = Command::new(&program).arg("--version").output().expect("it runs");
        assert!(output.status.success(), "{}", program.display());
    }
}
