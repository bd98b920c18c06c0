//! How a function is named, invoked and run: the same [`Invoke`] serves the Lambda runtime and the
//! local gateway.

use std::{io, process::ExitCode, sync::Arc, time::Duration};

use bytes::Bytes;
use futures_util::{StreamExt as _, TryStreamExt as _, stream::BoxStream};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use lambda_runtime::{FunctionResponse, LambdaEvent, MetadataPrelude, StreamResponse, service_fn};
use serde_json::{Value, value::RawValue};

use crate::{
    api::{
        Answer, ApiRequest,
        edge::{self, Dialect},
    },
    context::Context,
};

pub use crate::store::BoxFuture;

/// How a process ends.
pub type Exit = ExitCode;

/// What an invocation answers.
#[derive(Debug)]
pub enum Reply {
    /// JSON as a whole.
    Whole(Bytes),
    /// An HTTP answer whose body comes piece by piece.
    Streamed(Streamed),
}

/// Bytes piece by piece.
pub type ByteStream = BoxStream<'static, io::Result<Bytes>>;

/// An HTTP answer that is streamed.
pub struct Streamed {
    /// Status.
    pub status: u16,
    /// Headers in order.
    pub headers: Vec<(String, String)>,
    /// The body; an error cuts the answer off, so that no client takes it for a whole one.
    pub body: ByteStream,
}

impl std::fmt::Debug for Streamed {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Streamed").field("status", &self.status).finish_non_exhaustive()
    }
}

impl Reply {
    /// The JSON; nothing of a streamed answer.
    #[must_use]
    pub fn whole(self) -> Option<Bytes> {
        match self {
            Self::Whole(bytes) => Some(bytes),
            Self::Streamed(_) => None,
        }
    }
}

/// One invocation: the event's JSON in, the answer out. An error means that the invocation
/// itself failed and the platform may retry it; an HTTP function answers instead.
pub type Invoke = Arc<dyn Fn(Bytes) -> BoxFuture<'static, Result<Reply, InvokeError>> + Send + Sync>;

/// Why an invocation failed. The text is for the log.
#[derive(Clone, Debug, thiserror::Error)]
pub enum InvokeError {
    /// The function failed, or could not be run.
    #[error("{0}")]
    Failed(String),
    /// The function did not answer in time.
    #[error("timed out after {} s", .0.as_secs_f32())]
    TimedOut(Duration),
}

impl InvokeError {
    /// A failure with this cause.
    #[must_use]
    pub fn failed(cause: impl Into<String>) -> Self {
        Self::Failed(cause.into())
    }
}

/// A function: what its crate exports.
#[derive(Clone, Copy, Debug)]
pub struct Function {
    /// The crate's name, which is also the name of its binary and, in CamelCase, of its resource in the template.
    pub name: &'static str,
    /// Builds the function over a context.
    pub invoke: fn(Context) -> Invoke,
}

/// A handler of HTTP requests, erased so that the edge is compiled once.
pub type Handler = fn(Context, ApiRequest) -> BoxFuture<'static, Answer>;

/// An HTTP function: REST API proxy events in, proxy responses out, everything between at the edge.
#[must_use]
pub fn http(name: &'static str, dialect: &'static Dialect, context: Context, handler: Handler) -> Invoke {
    Arc::new(move |event| {
        let context = context.clone();
        Box::pin(async move { edge::answer(name, dialect, context, handler, &event).await?.reply(false) })
    })
}

/// An HTTP function whose answers are streamed, all of them: its route must say so in the template.
#[must_use]
pub fn streaming(name: &'static str, dialect: &'static Dialect, context: Context, handler: Handler) -> Invoke {
    Arc::new(move |event| {
        let context = context.clone();
        Box::pin(async move { edge::answer(name, dialect, context, handler, &event).await?.reply(true) })
    })
}

/// A handler of events that are no requests: stream records, schedules. An error means that the
/// platform should bring the event again.
pub type EventHandler = fn(Context, Value) -> BoxFuture<'static, Result<Value, String>>;

/// A background function.
#[must_use]
pub fn background(context: Context, handler: EventHandler) -> Invoke {
    Arc::new(move |event| {
        let context = context.clone();
        Box::pin(async move {
            let event = serde_json::from_slice(&event).map_err(|error| InvokeError::failed(error.to_string()))?;
            let answer = handler(context, event).await.map_err(InvokeError::failed)?;
            Ok(Reply::Whole(Bytes::from(answer.to_string())))
        })
    })
}

/// Serves `function` on the Lambda Runtime API until the platform stops the process.
#[must_use]
pub fn run(function: Function) -> Exit {
    start_log();
    let context = match Context::from_env() {
        Ok(context) => context,
        Err(error) => {
            tracing::error!(function = function.name, cause = %error, "cannot start");
            return ExitCode::FAILURE;
        }
    };
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            tracing::error!(function = function.name, cause = %error, "cannot start");
            return ExitCode::FAILURE;
        }
    };
    let invoke = (function.invoke)(context);
    let served = runtime.block_on(serve(invoke));
    if let Err(error) = served {
        tracing::error!(function = function.name, cause = %error, "stopped");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

type Piece = Result<Bytes, lambda_runtime::Error>;
type Response = FunctionResponse<Box<RawValue>, BoxStream<'static, Piece>>;

fn serve(invoke: Invoke) -> BoxFuture<'static, Result<(), lambda_runtime::Error>> {
    Box::pin(lambda_runtime::run(service_fn(move |event: LambdaEvent<Box<RawValue>>| {
        let answer = invoke(Bytes::from(event.payload.get().to_owned()));
        async move { respond(answer.await?) }
    })))
}

fn respond(reply: Reply) -> Result<Response, lambda_runtime::Error> {
    let streamed = match reply {
        Reply::Whole(bytes) => {
            let text = String::from_utf8(bytes.into())?;
            return Ok(FunctionResponse::BufferedResponse(RawValue::from_string(text)?));
        }
        Reply::Streamed(streamed) => streamed,
    };
    let (mut headers, mut cookies) = (HeaderMap::new(), Vec::new());
    for (name, value) in streamed.headers {
        if name.eq_ignore_ascii_case("set-cookie") {
            cookies.push(value);
        } else {
            headers.append(HeaderName::try_from(name)?, HeaderValue::try_from(value)?);
        }
    }
    let metadata_prelude = MetadataPrelude { status_code: StatusCode::from_u16(streamed.status)?, headers, cookies };
    let stream = streamed.body.map_err(lambda_runtime::Error::from).boxed();
    Ok(FunctionResponse::StreamingResponse(StreamResponse { metadata_prelude, stream }))
}

/// JSON lines on standard error, at the level that `OUTSCOUT_LOG` names (default `info`).
fn start_log() {
    let filter = tracing_subscriber::EnvFilter::builder()
        .with_default_directive(tracing_subscriber::filter::LevelFilter::INFO.into())
        .with_env_var("OUTSCOUT_LOG")
        .from_env_lossy();
    let _ = tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_current_span(false)
        .with_span_list(false)
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .try_init();
}
