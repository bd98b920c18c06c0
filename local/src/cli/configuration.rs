//! The environment variables, as `outscout serve --help` and `docs/configuration.md` tell them.

use std::fmt::Write as _;

#[cfg(test)]
use shared::config::SECRETS;
use shared::config::variables::{Local, VARIABLES, Variable};

#[cfg(test)]
use super::running::FOR_A_SHELL;

/// Variables of the command line itself, which its options tell: name, what holds without it, what it is.
#[cfg(test)]
const OF_COMMANDS: [(&str, &str, &str); 3] = [
    (
        "OUTSCOUT_OUTSEND_URL",
        "`http://127.0.0.1:4002/api`",
        "The Outsend API that `job`, `pipeline`, `veille` and `webhook` ask",
    ),
    ("OUTSCOUT_OUTSEND_KEY", "none", "The API key of those commands"),
    ("OUTSCOUT_WEBHOOK_SECRET", "none", "The secret that `webhook listen` checks signatures with"),
];

/// Variables of the SDK that the commands on a deployment read, too.
#[cfg(test)]
const OF_DEPLOYMENTS: [(&str, &str, &str); 2] = [
    (
        "AWS_DEFAULT_REGION",
        "none",
        "The region of `doctor --stack` and `signing-key rotate --stack`, where `AWS_REGION` is not set",
    ),
    (
        "AWS_ENDPOINT_URL",
        "AWS",
        "Where those two find each service that has no variable of its own, as in `AWS_ENDPOINT_URL_SQS`",
    ),
];

/// All variables of the functions.
fn variables() -> impl Iterator<Item = &'static Variable> {
    VARIABLES.iter().flat_map(|area| area.variables)
}

/// Names of the variables that the local server hands on to the functions.
pub(super) fn passed() -> impl Iterator<Item = &'static str> {
    variables().filter(|variable| variable.local.is_passed()).map(|variable| variable.name)
}

/// What follows the options in the long help of `serve`.
pub(super) fn help() -> String {
    let mut text =
        "Environment variables that are handed on to the functions (docs/configuration.md has all):\n".to_owned();
    for area in VARIABLES {
        let mut told = area.variables.iter().filter(|variable| variable.local.is_passed()).peekable();
        if told.peek().is_some() {
            let _ = writeln!(text, "\n{}", area.title);
        }
        for variable in told {
            let default = variable.default.replace('`', "");
            let _ =
                writeln!(text, "  {}\n      {} [default: {default}]", variable.name, variable.meaning.replace('`', ""));
        }
    }
    text.push_str("\nSet by this server:\n");
    for variable in variables() {
        if let Local::Set(own) | Local::PassedOr(own) = variable.local {
            let _ = writeln!(text, "  {}\n      {}", variable.name, own.replace('`', ""));
        }
    }
    text
}

/// The page `docs/configuration.md`.
#[cfg(test)]
fn page() -> String {
    let mut text = "# Configuration\n\nAll environment variables that outscout reads. This page is made from the table in the code \
                    (`shared/src/config/variables.rs`); after a\nchange of it, `OUTSCOUT_REFRESH=1 cargo test -p outscout --lib \
                    configuration` writes the page. A variable that is empty counts as one that is\nnot set, where nothing else \
                    is said. What is malformed stops a function, or `outscout serve`, at its start, and is named.\n\nThe last \
                    column says what `outscout serve` does with a variable: it passes on that of its own environment, or it sets \
                    it, as said there.\n`-` means that it leaves the variable alone: it is of deployments \
                    ([deploying.md](deploying.md)), whose templates set what they need.\n"
        .to_owned();
    for area in VARIABLES {
        let _ = write!(
            text,
            "\n## {}\n\n| variable | without it | what it is | `outscout serve` |\n| --- | --- | --- | --- |\n",
            area.title
        );
        for Variable { name, default, meaning, local } in area.variables {
            let local = match local {
                Local::Passed => "passes it on".to_owned(),
                Local::PassedOr(own) => format!("passes it on, or sets {own}"),
                Local::Set(own) => format!("sets {own}"),
                Local::Deployed => "-".to_owned(),
            };
            let _ = writeln!(text, "| `{name}` | {default} | {meaning} | {local} |");
        }
    }
    text.push_str(
        "\n## Secrets\n\nOn AWS a function that needs one of these fetches it from Secrets Manager at its start, where the variable \
         itself is not set;\nthe secret's name stands in the variable with `_SECRET_NAME` behind its name.\n\n",
    );
    for (variable, _) in SECRETS {
        let _ = writeln!(text, "- `{variable}`");
    }
    text.push_str("\n## Commands\n\n| variable | without it | what it is |\n| --- | --- | --- |\n");
    for (name, default, meaning) in OF_COMMANDS.into_iter().chain(OF_DEPLOYMENTS) {
        let _ = writeln!(text, "| `{name}` | {default} | {meaning} |");
    }
    text.push_str("\nWhat `outscout status --env` prints for a shell, of a server that runs:\n\n| variable | what it is |\n| --- | --- |\n");
    for (name, _, meaning) in FOR_A_SHELL {
        let _ = writeln!(text, "| `{name}` | {meaning} |");
    }
    text
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, path::Path};

    use clap::{Command, CommandFactory as _};

    use super::*;
    use crate::cli::arguments::Cli;

    fn root() -> &'static Path {
        Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
    }

    /// Variables that the options of a command and of those below it take.
    fn of_options(command: &Command, found: &mut BTreeSet<String>) {
        found.extend(command.get_arguments().filter_map(|argument| argument.get_env()?.to_str().map(str::to_owned)));
        command.get_subcommands().for_each(|below| of_options(below, found));
    }

    /// The names in the quotation marks of the sources below a folder.
    fn named_in(folder: &Path, found: &mut BTreeSet<String>) {
        for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
            let path = entry.path();
            if path.is_dir() {
                named_in(&path, found);
            } else if path.extension().is_some_and(|ending| ending == "rs") {
                let text = std::fs::read_to_string(&path).unwrap();
                let quoted = text.split('"').filter(|part| part.starts_with("OUTSCOUT_"));
                let is_name =
                    |part: &&str| part.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_');
                found.extend(quoted.filter(is_name).map(str::to_owned));
            }
        }
    }

    #[test]
    fn the_page_is_what_the_table_says() {
        let file = root().join("docs/configuration.md");
        #[expect(clippy::disallowed_methods, reason = "a switch of the test itself")]
        if std::env::var("OUTSCOUT_REFRESH").is_ok() {
            std::fs::write(&file, page()).unwrap();
        }
        let kept = std::fs::read_to_string(&file).unwrap_or_default();
        assert!(kept == page(), "docs/configuration.md differs; write it with OUTSCOUT_REFRESH=1");
    }

    #[test]
    fn options_variables_are_told() {
        let mut found = BTreeSet::new();
        of_options(&Cli::command(), &mut found);
        assert_eq!(found, OF_COMMANDS.map(|(name, ..)| name.to_owned()).into());
    }

    #[test]
    fn every_name_in_the_sources_is_told() {
        let mut found = BTreeSet::new();
        for folder in ["shared/src", "engine/src", "local/src", "functions"] {
            named_in(&root().join(folder), &mut found);
        }
        let secrets = SECRETS.into_iter().flat_map(|(variable, name)| [variable, name]);
        let told = variables().map(|variable| variable.name).chain(OF_COMMANDS.map(|(name, ..)| name)).chain(secrets);
        let mut told: BTreeSet<_> = told.filter(|name| name.starts_with("OUTSCOUT_")).map(str::to_owned).collect();
        told.extend(FOR_A_SHELL.map(|(name, ..)| name.to_owned()));
        // the test's own switch, and a beginning of names
        told.extend(["OUTSCOUT_REFRESH", "OUTSCOUT_AGENT", "OUTSCOUT_"].map(str::to_owned));
        assert_eq!(found, told);
    }

    #[test]
    fn help_tells_what_is_handed_on_and_what_is_set() {
        let mut serve = Cli::command();
        let text = serve.find_subcommand_mut("serve").unwrap().render_long_help().to_string();
        assert!(passed().all(|name| text.contains(name)));
        assert!(text.contains("OUTSCOUT_SMTP_PROBE") && text.contains("Set by this server") && !text.contains('`'));
    }
}
