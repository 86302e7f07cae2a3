//! The command line: arguments in, an exit status out. What it does is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    tollgate_cli::main()
}
