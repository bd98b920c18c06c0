//! Options that stand before a command. They are that command's, as if they stood behind it: none is dropped.

use std::ffi::OsString;

use clap::Command;

use super::output::Failed;

/// The arguments with the options before a command behind it. What is wrong with them in other ways, the parser says:
/// one that is given on both sides, too.
///
/// # Errors
/// When the command has no such option.
pub(super) fn behind_command(program: &Command, mut arguments: Vec<OsString>) -> Result<Vec<OsString>, Failed> {
    let Some((at, names)) = options_before(program, &arguments) else { return Ok(arguments) };
    let (mut command, mut called) = (program, program.get_name().to_owned());
    for word in arguments.iter().skip(at) {
        let Some(next) = command.find_subcommand(word) else { break };
        command = next;
        called = format!("{called} {}", next.get_name());
    }
    if at == 1 || called == program.get_name() {
        return Ok(arguments);
    }
    let moved: Vec<_> = arguments.drain(1..at).collect();
    if command.has_subcommands() {
        // which one is meant is missing, or wrong: that comes first
        return Ok(arguments);
    }
    if let Some(name) = names.iter().find(|name| !has_option(command, name)) {
        let text = format!("--{name} is no option of {called}: see {called} --help");
        return Err(Failed::Usage(text));
    }
    // what follows -- is no option
    let end = arguments.iter().position(|word| word == "--").unwrap_or(arguments.len());
    arguments.splice(end..end, moved);
    Ok(arguments)
}

fn has_option(command: &Command, name: &str) -> bool {
    command.get_arguments().any(|known| known.get_long() == Some(name))
}

/// Where the command stands, and the options before it; `None` when there is no command, or something before it that is
/// no option of the program.
fn options_before(program: &Command, arguments: &[OsString]) -> Option<(usize, Vec<String>)> {
    let (mut at, mut names) = (1, Vec::new());
    loop {
        let word = arguments.get(at)?.to_str()?;
        let Some(option) = word.strip_prefix("--") else { return (!word.starts_with('-')).then_some((at, names)) };
        let (name, has_value) = option.split_once('=').map_or((option, false), |(name, _)| (name, true));
        let known = program.get_arguments().find(|known| known.get_long() == Some(name))?;
        names.push(name.to_owned());
        at += if has_value || !known.get_action().takes_values() { 1 } else { 2 };
    }
}
