//! What asks an Overpass server for places (outsend 12.1): one request at a time, a second apart, over all jobs.

use std::time::Duration;

use tokio::time::timeout;
use url::{Url, form_urlencoded};

use super::{call::Call, client::base_url, line::Line};
use crate::{Means, ahead::Stop, module::Fault, web::Missed};

/// The least time between an answer and the next request.
const GAP: Duration = Duration::from_secs(1);
/// How long a request may take: a little longer than the server is told.
const WITHIN: Duration = Duration::from_secs(27);
/// How often the server is taken anew while it is at work: more often than its lease ends.
const RENEWAL: Duration = Duration::from_secs(8);
/// Most bytes of an answer.
const MAX_BYTES: usize = 24 * 1024 * 1024;

/// What became of a question.
pub(crate) enum Asked {
    /// It was not asked: the run is closing.
    PutBack,
    /// The answer's body.
    Answer(Vec<u8>),
    /// Why there is none.
    Missed(Missed),
}

/// What asks an Overpass server.
pub(crate) struct Overpass {
    means: Means,
    url: Url,
    line: Line,
}

impl Overpass {
    /// What asks the server that is configured.
    pub(crate) fn new(means: &Means) -> Result<Self, Fault> {
        let (url, name) = base_url(&means.services.overpass)?;
        let line = Line::new(std::sync::Arc::clone(&means.hosts), name, GAP);
        Ok(Self { means: means.clone(), url, line })
    }

    /// Asks once, when it is this process's turn.
    pub(crate) async fn ask(&self, query: &str) -> Result<Asked, Fault> {
        match self.line.turn(None).await {
            Ok(()) => {}
            Err(Stop::PutBack) => return Ok(Asked::PutBack),
            Err(Stop::Missed(missed)) => return Ok(Asked::Missed(missed)),
            Err(Stop::Fault(fault)) => return Err(fault),
        }
        let form = form_urlencoded::Serializer::new(String::new()).append_pair("data", query).finish();
        let call = Call { form: Some(&form), most: MAX_BYTES, ..Call::get(&self.url, WITHIN) };
        let mut answer = self.means.network.call(call);
        let answer = loop {
            match timeout(RENEWAL, &mut answer).await {
                Ok(answer) => break answer,
                Err(_) => self.line.renew().await?,
            }
        };
        self.line.back_off(GAP).await;
        Ok(match answer {
            Ok(answer) if answer.status == 200 => Asked::Answer(answer.body),
            Ok(answer) => Asked::Missed(Missed::Status(answer.status)),
            Err(missed) => Asked::Missed(missed),
        })
    }

    /// The server is left alone for a while, by everybody.
    pub(crate) async fn back_off(&self, pause: Duration) -> Result<(), Fault> {
        self.line.back_off(pause).await;
        self.rest().await
    }

    /// Nothing is asked from now on.
    pub(crate) fn close(&self) {
        self.line.close();
    }

    /// Gives the server back.
    pub(crate) async fn rest(&self) -> Result<(), Fault> {
        self.line.rest().await
    }
}
