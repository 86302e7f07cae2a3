//! How a command writes what it found.

use clap::ValueEnum;

/// For people, or for programs.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, ValueEnum)]
pub(super) enum Format {
    /// Lines to be read.
    #[default]
    Text,
    /// One JSON object.
    Json,
}
