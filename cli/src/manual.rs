//! `tollgate completions` and `tollgate man`: what a shell and `man` want to know of the arguments.

use std::io::{self, Write};

use clap::{Args, Command};
use clap_complete::Shell;
use clap_mangen::Man;

use crate::command::{Exit, Failure, Streams};

/// Write the completions of a shell
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  tollgate completions bash \\
      > ~/.local/share/bash-completion/completions/tollgate")]
pub(super) struct Completions {
    /// The shell that will read them
    shell: Shell,
}

/// Write the manual page
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  tollgate man > tollgate.1 && man ./tollgate.1")]
pub(super) struct Manual {}

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

/// One page with everything: the command, and below it each of its commands.
pub(super) fn man(command: Command, streams: &mut Streams<'_>) -> Result<Exit, Failure> {
    let mut command = command.disable_help_subcommand(true);
    command.build();
    let out = &mut *streams.out;
    let page = Man::new(command.clone());
    page.render_title(out)?;
    page.render_name_section(out)?;
    page.render_synopsis_section(out)?;
    page.render_options_section(out)?;
    let mut commands = Vec::new();
    leaves(&command, &mut commands);
    writeln!(out, ".SH COMMANDS")?;
    for one in &commands {
        let about = one.get_about().map(ToString::to_string).unwrap_or_default();
        writeln!(out, ".TP\n\\fB{}\\fR\n{}", in_roff(&name(one)), in_roff(&about))?;
    }
    examples(&command, "SH", out)?;
    for one in &commands {
        writeln!(out, ".SH {}", in_roff(&name(one).to_uppercase()))?;
        let page = Man::new((*one).clone());
        let mut text = Vec::new();
        page.render_synopsis_section(&mut text)?;
        page.render_description_section(&mut text)?;
        page.render_options_section(&mut text)?;
        // They are sections of a section.
        write!(out, "{}", String::from_utf8_lossy(&text).replace(".SH ", ".SS "))?;
        examples(one, "SS", out)?;
    }
    page.render_version_section(out)?;
    Ok(Exit::Fine)
}

/// The commands that have none below them.
fn leaves<'c>(command: &'c Command, found: &mut Vec<&'c Command>) {
    let shown = |one: &&Command| !one.is_hide_set() && one.get_name() != "help";
    for one in command.get_subcommands().filter(shown) {
        match one.has_subcommands() {
            true => leaves(one, found),
            false => found.push(one),
        }
    }
}

/// What is typed to run it.
fn name(command: &Command) -> String {
    command.get_bin_name().unwrap_or_else(|| command.get_name()).to_owned()
}

/// The examples as they stand, and what is said below them in paragraphs.
fn examples(command: &Command, section: &str, out: &mut dyn Write) -> io::Result<()> {
    let Some(text) = command.get_after_help().map(ToString::to_string) else { return Ok(()) };
    let (head, rest) = text.split_once("\n\n").unwrap_or((&text, ""));
    writeln!(out, ".{section} EXAMPLES\n.nf")?;
    for line in head.lines().skip(1) {
        writeln!(out, "{}", in_roff(line))?;
    }
    writeln!(out, ".fi")?;
    for paragraph in rest.split("\n\n").filter(|paragraph| !paragraph.is_empty()) {
        writeln!(out, ".PP\n{}", in_roff(paragraph))?;
    }
    Ok(())
}

/// A line in which nothing is a request to the formatter.
fn in_roff(line: &str) -> String {
    let plain = line.replace('\\', "\\e").replace('-', "\\-").replace('\'', "\\(aq");
    match plain.starts_with('.') {
        true => format!("\\&{plain}"),
        false => plain,
    }
}
