//! What a crate under `functions/` exports: the same [`Function`] is run as a Lambda binary and linked into the local
//! system.

use std::sync::Arc;

use bytes::Bytes;
use serde_json::Value;

use super::{
    edge::{self, Dialect, Handler},
    reply::{Invoke, InvokeError, Reply, reply},
};
use crate::{
    BoxFuture,
    clock::Clock,
    config::Area,
    context::Context,
    http::{Request, Response},
};

/// A function: what its crate exports.
pub trait Function: Send + Sync {
    /// The crate's name, which is also the name of its binary and, in CamelCase, of its resource in the template.
    fn name(&self) -> &'static str;

    /// Builds the function over a context.
    fn invoke(&self, context: Context) -> Invoke;
}

/// An HTTP function: REST API proxy events in, proxy responses out, everything between at the edge. When it
/// `streams`, all of its answers are streamed, and its routes must say so in the template.
#[must_use]
pub fn http(name: &'static str, dialect: &'static Dialect, clock: Clock, streams: bool, handler: Handler) -> Invoke {
    Arc::new(move |event| {
        let (clock, handler) = (clock.clone(), Arc::clone(&handler));
        Box::pin(async move { reply(edge::answer(name, dialect, clock, handler, &event).await?, streams) })
    })
}

/// An HTTP function that reaches no table. Its binary is served by [`super::run_storeless`] and holds no [`Context`], so
/// that neither the client of the store nor its TLS is linked into it.
#[derive(Clone, Copy, Debug)]
pub struct Storeless<S> {
    pub(super) name: &'static str,
    dialect: &'static Dialect,
    answer: fn(&S, &Request) -> Response,
}

/// An HTTP function that reaches no table, and knows the settings `S` and no others.
#[must_use]
pub const fn storeless<S>(
    name: &'static str,
    dialect: &'static Dialect,
    answer: fn(&S, &Request) -> Response,
) -> Storeless<S> {
    Storeless { name, dialect, answer }
}

impl<S: Area> Storeless<S> {
    /// Builds the function over its settings.
    pub(super) fn over(&self, settings: S, clock: Clock) -> Invoke {
        let answer = self.answer;
        let handler = move |request: Request| -> BoxFuture<'static, Response> {
            Box::pin(std::future::ready(answer(&settings, &request)))
        };
        http(self.name, self.dialect, clock, false, Arc::new(handler))
    }
}

impl<S: Area> Function for Storeless<S> {
    fn name(&self) -> &'static str {
        self.name
    }

    fn invoke(&self, context: Context) -> Invoke {
        self.over(S::of(context.settings()).clone(), context.clock().clone())
    }
}

/// A handler of events that are no requests: stream records, schedules. An error means that the
/// platform should bring the event again.
pub type EventHandler = fn(Context, Value) -> BoxFuture<'static, Result<Value, String>>;

/// A function of events that are no requests: JSON in, JSON out. An error means that the platform should bring the
/// event again.
#[must_use]
pub fn events(handler: Arc<dyn Fn(Value) -> BoxFuture<'static, Result<Value, String>> + Send + Sync>) -> Invoke {
    Arc::new(move |event| {
        let handler = Arc::clone(&handler);
        Box::pin(async move {
            let event = serde_json::from_slice(&event).map_err(|error| InvokeError::failed(error.to_string()))?;
            let answer = handler(event).await.map_err(InvokeError::failed)?;
            Ok(Reply::Whole(Bytes::from(answer.to_string())))
        })
    })
}

/// A background function.
#[derive(Clone, Copy, Debug)]
pub struct Background {
    name: &'static str,
    handler: EventHandler,
}

/// A background function: `handler` gets each event of the platform.
#[must_use]
pub const fn background(name: &'static str, handler: EventHandler) -> Background {
    Background { name, handler }
}

impl Function for Background {
    fn name(&self) -> &'static str {
        self.name
    }

    fn invoke(&self, context: Context) -> Invoke {
        let handler = self.handler;
        events(Arc::new(move |event| handler(context.clone(), event)))
    }
}
