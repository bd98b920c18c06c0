//! What a function answered.

use std::collections::HashMap;

use futures_util::TryStreamExt as _;
use serde_json::Value;
use shared::lambda::Reply;

use crate::Failure;

/// An answer as the gateway would hand it on.
#[derive(Clone, Debug)]
pub struct Answer {
    /// Status.
    pub status: u64,
    /// Headers by lower-case name.
    pub headers: HashMap<String, String>,
    /// Body as text.
    pub body: String,
    /// Body.
    pub bytes: Vec<u8>,
}

impl Answer {
    /// A header, empty when there is none.
    #[must_use]
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }

    /// The body as JSON.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or(Value::Null)
    }
}

/// An answer as the gateway would hand it on; one that is streamed is read to its end.
///
/// # Errors
/// When it is no answer.
pub async fn read(reply: Reply) -> Result<Answer, Failure> {
    let bytes = match reply {
        Reply::Whole(bytes) => bytes,
        Reply::Streamed(streamed) => {
            let headers = streamed.headers.into_iter().map(|(name, value)| (name.to_lowercase(), value)).collect();
            let bytes = streamed.body.try_collect::<Vec<_>>().await?.concat();
            let body = String::from_utf8_lossy(&bytes).into_owned();
            return Ok(Answer { status: streamed.status.into(), headers, body, bytes });
        }
    };
    let answer: Value = serde_json::from_slice(&bytes)?;
    let headers = answer["multiValueHeaders"].as_object().into_iter().flatten();
    let headers =
        headers.map(|(name, values)| (name.to_lowercase(), values[0].as_str().unwrap_or_default().to_owned()));
    let body = answer["body"].as_str().unwrap_or_default().to_owned();
    Ok(Answer {
        status: answer["statusCode"].as_u64().unwrap_or_default(),
        headers: headers.collect(),
        bytes: body.clone().into_bytes(),
        body,
    })
}
