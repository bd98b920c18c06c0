//! The levels of the log, as a variable names them.

use tracing_subscriber::filter::{LevelFilter, Targets};

use super::{Environment, SettingsError};

/// Whether `OUTSCOUT_LOG` names levels. A word alone is one, so that a mistyped one is not taken for a module's name.
pub(super) fn check(env: &Environment<'_>) -> Result<(), SettingsError> {
    let level = |part: &str| part.contains('=') || (!part.is_empty() && part.parse::<LevelFilter>().is_ok());
    let expected = "off, error, warn, info, debug or trace, or levels of modules as in warn,aws_smithy_runtime=debug";
    let read = |text: &str| {
        let text = text.trim();
        (text.is_empty() || (text.split(',').all(level) && text.parse::<Targets>().is_ok())).then_some(())
    };
    env.parsed("OUTSCOUT_LOG", expected, read).map(|_| ())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_that_are_none_are_refused() {
        let is_taken = |text: &str| {
            let read = |_: &str| Some(text.to_owned());
            check(&Environment::new(&read)).is_ok()
        };
        for text in ["", " ", "info", "off", "WARN", "warn,shared=debug", "shared=debug,off", "0"] {
            assert!(is_taken(text), "{text}");
        }
        for text in ["loud", "blah=zz=3", "shared=loud", "warn,", "warn,shared", "debgu,shared=debug"] {
            assert!(!is_taken(text), "{text}");
        }
    }
}
