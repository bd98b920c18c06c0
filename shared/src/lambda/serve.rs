//! A function as a process: the Lambda Runtime API in, its answers out.

use std::process::ExitCode;

use bytes::Bytes;
use futures_util::{StreamExt as _, TryStreamExt as _, stream::BoxStream};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use lambda_runtime::{FunctionResponse, LambdaEvent, MetadataPrelude, StreamResponse, service_fn};
use serde_json::value::RawValue;

use super::{
    function::Function,
    reply::{Invoke, Reply},
};
use crate::{
    BoxFuture,
    config::{Settings, SettingsError},
    context::Context,
    secrets_manager,
};

/// Serves `function` on the Lambda Runtime API until the platform stops the process.
#[must_use]
pub fn run(function: &dyn Function) -> ExitCode {
    start_log();
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            tracing::error!(function = function.name(), cause = %error, "cannot start");
            return ExitCode::FAILURE;
        }
    };
    let context = match runtime.block_on(context()) {
        Ok(context) => context,
        Err(error) => {
            tracing::error!(function = function.name(), cause = %error, "cannot start");
            return ExitCode::FAILURE;
        }
    };
    let invoke = function.invoke(context);
    let served = runtime.block_on(serve(invoke));
    if let Err(error) = served {
        tracing::error!(function = function.name(), cause = %error, "stopped");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

/// The context of this process, with its secrets.
fn context() -> BoxFuture<'static, Result<Context, SettingsError>> {
    let fetched = secrets_manager::fetch(&Settings::variable);
    Box::pin(async { Context::from_env(&fetched.await?) })
}

type Piece = Result<Bytes, lambda_runtime::Error>;
type Answer = FunctionResponse<Box<RawValue>, BoxStream<'static, Piece>>;

fn serve(invoke: Invoke) -> BoxFuture<'static, Result<(), lambda_runtime::Error>> {
    Box::pin(lambda_runtime::run(service_fn(move |event: LambdaEvent<Box<RawValue>>| {
        let answer = invoke(Bytes::from(event.payload.get().to_owned()));
        async move { respond(answer.await?) }
    })))
}

fn respond(reply: Reply) -> Result<Answer, lambda_runtime::Error> {
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
