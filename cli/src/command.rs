//! What every command is given, and how it ends.

use std::io::{self, Read, Write};
use std::process::ExitCode;

/// How a command ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Exit {
    /// 0: it did what it was asked to, and found nothing wrong.
    Fine,
    /// 1: something is wrong with what it was given to judge.
    Problems,
    /// 2: it was asked for what it cannot do: wrong arguments, a file that cannot be read.
    Misuse,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(match exit {
            Exit::Fine => 0,
            Exit::Problems => 1,
            Exit::Misuse => 2,
        })
    }
}

/// Why a command could not be carried out.
#[derive(Debug)]
pub(crate) enum Failure {
    /// What to tell on standard error: what was asked, what is in the way, what would help.
    Misuse(String),
    /// An output could not be written.
    Output(io::Error),
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Output(error)
    }
}

/// What a command reads from and writes to.
pub struct Streams<'s> {
    /// Standard input.
    pub input: &'s mut dyn Read,
    /// Standard output.
    pub out: &'s mut dyn Write,
    /// Standard error.
    pub err: &'s mut dyn Write,
}
