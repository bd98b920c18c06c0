//! The hosts of the web as the engine's visitors share them, over the store (outsend 11.5).

use engine::{
    Fault,
    web::{Hosts, LEASE, Rules, Turn},
};
use shared::{BoxFuture, context::Context, store::StoreError};
use time::Duration;

/// The hosts, for the visitors of one slice.
pub(super) struct SharedHosts {
    context: Context,
    /// Tells this slice's visitors from all others.
    slice: String,
}

impl SharedHosts {
    pub(super) fn new(context: Context) -> Self {
        Self { context, slice: uuid::Uuid::new_v4().simple().to_string() }
    }

    fn visitor(&self, visitor: u64) -> String {
        format!("{}#{visitor}", self.slice)
    }
}

fn internal(error: StoreError) -> Fault {
    Fault::Internal(error.to_string())
}

fn duration(std: std::time::Duration) -> Duration {
    Duration::try_from(std).unwrap_or(Duration::MINUTE)
}

impl Hosts for SharedHosts {
    fn take<'a>(&'a self, host: &'a str, visitor: u64) -> BoxFuture<'a, Result<Turn, Fault>> {
        Box::pin(async move {
            let (store, now) = (self.context.store(), self.context.clock().now());
            let later = store.take_host(host, &self.visitor(visitor), duration(LEASE), now).await.map_err(internal)?;
            Ok(later.map_or(Turn::Granted, |later| Turn::Later(later.unsigned_abs())))
        })
    }

    fn leave<'a>(
        &'a self,
        host: &'a str,
        visitor: u64,
        pause: std::time::Duration,
    ) -> BoxFuture<'a, Result<(), Fault>> {
        Box::pin(async move {
            let (store, now) = (self.context.store(), self.context.clock().now());
            let left = store.leave_host(host, &self.visitor(visitor), duration(pause), now).await;
            left.map(|_| ()).map_err(internal)
        })
    }

    fn robots<'a>(&'a self, origin: &'a str) -> BoxFuture<'a, Result<Option<Rules>, Fault>> {
        Box::pin(async move {
            let kept = self.context.store().host_rules(origin).await.map_err(internal)?;
            Ok(kept.as_deref().and_then(read))
        })
    }

    fn keep_robots<'a>(&'a self, origin: &'a str, rules: &'a Rules) -> BoxFuture<'a, Result<(), Fault>> {
        Box::pin(async move {
            let (store, now) = (self.context.store(), self.context.clock().now());
            store.keep_host_rules(origin, &written(rules), now).await.map_err(internal)
        })
    }
}

/// Rules as they are kept: a letter, and the text.
fn written(rules: &Rules) -> Vec<u8> {
    match rules {
        Rules::Text(text) => [b"T", text.as_slice()].concat(),
        Rules::Open => b"O".to_vec(),
        Rules::Closed => b"C".to_vec(),
    }
}

fn read(kept: &[u8]) -> Option<Rules> {
    match kept.split_first()? {
        (b'T', text) => Some(Rules::Text(text.to_vec())),
        (b'O', []) => Some(Rules::Open),
        (b'C', []) => Some(Rules::Closed),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_are_read_as_they_were_written() {
        for rules in [Rules::Text(b"User-agent: *".to_vec()), Rules::Text(Vec::new()), Rules::Open, Rules::Closed] {
            assert_eq!(read(&written(&rules)), Some(rules));
        }
        assert_eq!((read(b""), read(b"X")), (None, None));
    }
}
