//! A function as a process: the Lambda Runtime API in, its answers out.

use std::process::ExitCode;

use bytes::Bytes;
use futures_util::{StreamExt as _, TryStreamExt as _, stream::BoxStream};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use lambda_runtime::{FunctionResponse, LambdaEvent, MetadataPrelude, StreamResponse, service_fn};
use serde_json::value::RawValue;

use super::{
    function::{Function, Storeless},
    reply::{Invoke, Reply},
};
use crate::{
    BoxFuture,
    clock::Clock,
    config::{Area, Environment, Settings, SettingsError},
    context::Context,
    log, secrets_manager,
};

/// Serves `function` on the Lambda Runtime API until the platform stops the process.
#[must_use]
pub fn run(function: &dyn Function) -> ExitCode {
    process(function.name(), Box::pin(async { Ok(function.invoke(context().await?)) }))
}

/// Serves a function without a store on the Lambda Runtime API until the platform stops the process.
#[must_use]
pub fn run_storeless<S: Area>(function: &Storeless<S>) -> ExitCode {
    let env = Environment::new(&Settings::variable);
    let invoke = S::from_env(&env).map(|settings| function.over(settings, Clock::of(env.clock_file())));
    process(function.name, Box::pin(std::future::ready(invoke)))
}

/// Builds a function and serves it.
fn process(function: &'static str, start: BoxFuture<'_, Result<Invoke, SettingsError>>) -> ExitCode {
    log::start(std::io::stderr);
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            tracing::error!(function, cause = %error, "cannot start");
            return ExitCode::FAILURE;
        }
    };
    let invoke = match runtime.block_on(start) {
        Ok(invoke) => invoke,
        Err(error) => {
            tracing::error!(function, cause = %error, "cannot start");
            return ExitCode::FAILURE;
        }
    };
    if let Err(error) = runtime.block_on(serve(invoke)) {
        tracing::error!(function, cause = %error, "stopped");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

/// The context of this process, with its secrets and an open connection to the store.
fn context() -> BoxFuture<'static, Result<Context, SettingsError>> {
    let fetched = secrets_manager::fetch(&Settings::variable);
    Box::pin(async {
        let context = Context::from_env(&fetched.await?)?;
        if let Some(http) = context.http() {
            http.open().await;
        }
        Ok(context)
    })
}

type Piece = Result<Bytes, lambda_runtime::Error>;
type Answer = FunctionResponse<Box<RawValue>, BoxStream<'static, Piece>>;

/// Where the platform hands a process several invocations at once (`AWS_LAMBDA_MAX_CONCURRENCY`), it takes them.
fn serve(invoke: Invoke) -> BoxFuture<'static, Result<(), lambda_runtime::Error>> {
    Box::pin(lambda_runtime::run_concurrent(service_fn(move |event: LambdaEvent<Box<RawValue>>| {
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
