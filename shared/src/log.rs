//! The log of a process: JSON lines, at the level that `OUTSCOUT_LOG` names.

use tracing_subscriber::{
    filter::{LevelFilter, Targets},
    fmt::{self, MakeWriter},
    layer::SubscriberExt as _,
    registry,
    util::SubscriberInitExt as _,
};

use crate::config::Settings;

/// Starts the process's log, which writes to `writer`; a second call keeps the first log.
pub fn start(writer: impl for<'a> MakeWriter<'a> + Send + Sync + 'static) {
    let level = Settings::variable("OUTSCOUT_LOG");
    let lines = fmt::layer().json().flatten_event(true).with_current_span(false).with_span_list(false);
    let _ = registry().with(lines.with_writer(writer)).with(filter(level.as_deref())).try_init();
}

/// What a level lets through: `info`, `off`, or levels of single modules, as in `warn,aws_smithy_runtime=debug`; where no
/// level is named for the others, or none can be read (see `config::levels`), it is `info`. Patterns over spans and fields, which would link an
/// engine of regular expressions into every function, are not among it.
fn filter(level: Option<&str>) -> Targets {
    let level = level.filter(|text| !text.trim().is_empty());
    let named: Targets = level.and_then(|text| text.parse().ok()).unwrap_or_default();
    if named.default_level().is_some() { named } else { named.with_default(LevelFilter::INFO) }
}

#[cfg(test)]
mod tests {
    use tracing_subscriber::filter::LevelFilter;

    use super::*;

    #[test]
    fn levels() {
        for (text, level) in [
            (None, LevelFilter::INFO),
            (Some(""), LevelFilter::INFO),
            (Some("loud"), LevelFilter::INFO),
            (Some("shared=debug"), LevelFilter::INFO),
            (Some("a=b=c"), LevelFilter::INFO),
            (Some("off"), LevelFilter::OFF),
            (Some("WARN"), LevelFilter::WARN),
            (Some("warn,shared=debug"), LevelFilter::WARN),
        ] {
            assert_eq!(filter(text).default_level(), Some(level), "{text:?}");
        }
        let filter = filter(Some("warn,shared=debug"));
        assert!(filter.would_enable("shared::store", &tracing::Level::DEBUG));
        assert!(!filter.would_enable("hyper", &tracing::Level::INFO));
    }
}
