//! `tollgate completions` and `tollgate man`: what a shell and `man` want to know of the arguments.

use clap::{Args, Command};
use clap_complete::Shell;

use crate::command::{Exit, Failure, Streams};

/// Write the completions of a shell
#[derive(Args, Debug)]
#[command(
    after_help = "Example:\n  tollgate completions bash > ~/.local/share/bash-completion/completions/tollgate"
)]
pub(super) struct Completions {
    /// The shell that will read them
    shell: Shell,
}

/// Write the manual page
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  tollgate man > tollgate.1 && man ./tollgate.1")]
pub(super) struct Man {}

pub(super) fn completions(
    arguments: &Completions,
    mut command: Command,
    streams: &mut Streams<'_>,
) -> Result<Exit, Failure> {
    let name = command.get_name().to_owned();
    // What it writes to cannot fail, where a pipe can.
    let mut text = Vec::new();
    clap_complete::generate(arguments.shell, &mut command, name, &mut text);
    streams.out.write_all(&text)?;
    Ok(Exit::Fine)
}

/// One page with everything: that of the command, and behind it those of its commands.
pub(super) fn man(command: Command, streams: &mut Streams<'_>) -> Result<Exit, Failure> {
    let mut command = command.disable_help_subcommand(true);
    command.build();
    clap_mangen::Man::new(command.clone()).render(&mut streams.out)?;
    for part in command.get_subcommands().filter(|part| !part.is_hide_set()) {
        let page = clap_mangen::Man::new(part.clone());
        page.render_synopsis_section(&mut streams.out)?;
        page.render_description_section(&mut streams.out)?;
        page.render_options_section(&mut streams.out)?;
    }
    Ok(Exit::Fine)
}
