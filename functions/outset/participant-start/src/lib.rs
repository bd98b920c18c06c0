//! `GET /interviews/public-surveys/{id}/start/`: a participant's way in (outset 14.1).

use std::collections::BTreeMap;

use maud::html;
use percent_encoding::percent_decode_str;

use shared::{
    http::{Response, query::Query},
    model::StudyId,
    outset::{
        self, ParticipantLink,
        envelope::Problem,
        participants::{NOT_FOUND, Refusal, as_component, as_location, empty_page, page, redirect, refused},
        request_context::RequestContext,
        study_id::{SegmentId, read},
    },
    store::StartOutcome,
};

/// The function.
pub const FUNCTION: ParticipantLink =
    outset::participant_link(env!("CARGO_PKG_NAME"), "/interviews/public-surveys/{id}/start/", |cx, id| {
        Box::pin(start(cx, id))
    });

/// Most names of a participant's metadata.
const MAX_NAMES: usize = 50;
/// Most characters of a name.
const MAX_NAME: usize = 100;
/// Most characters of a value.
const MAX_VALUE: usize = 1_000;
/// The query parameter that says who takes part.
const UID: &str = "outset_survey_uid";
/// The query parameter that carries the session.
const SESSION: &str = "outset_session";

const ALREADY_USED: Refusal = (409, "link_already_used", "This link has already been used.");
const NOT_ACTIVE: Refusal = (403, "study_not_active", "This study is not taking participants at the moment.");
const CLOSED: Refusal = (410, "study_closed", "This study has ended.");

async fn start(cx: &RequestContext, id: &str) -> Result<Response, Problem> {
    let SegmentId::Id(id) = read(id) else { return Ok(refused(cx, NOT_FOUND)) };
    let query = &cx.request.query;
    let uid = query.last(UID).filter(|uid| !uid.is_empty());
    let dry = cx.request.method == "HEAD";
    let store = cx.context.store();
    let outcome = store.start_session(StudyId::from_uuid(id), uid, &metadata(query), cx.now, dry).await?;
    Ok(match outcome {
        StartOutcome::NotFound => refused(cx, NOT_FOUND),
        StartOutcome::AlreadyUsed => refused(cx, ALREADY_USED),
        StartOutcome::NotActive => refused(cx, NOT_ACTIVE),
        StartOutcome::Closed => refused(cx, CLOSED),
        StartOutcome::Session(..) if dry => empty_page(200),
        StartOutcome::Session(token, study) => match &study.target_url {
            Some(target) => redirect(add_session(target, token.reveal())),
            None => {
                let done = format!("{}/interviews/{}/complete/", cx.base(), token.reveal());
                page(200, &study.name, &html! { p { a href=(done) { "I am done" } } })
            }
        },
    })
}

/// The participant's metadata (outset 14.1): the last occurrence of a name counts, what is too long or too many is
/// dropped.
fn metadata(query: &Query) -> BTreeMap<String, String> {
    let mut metadata: BTreeMap<String, String> = BTreeMap::new();
    for (name, value) in query.pairs() {
        let fits = name.chars().count() <= MAX_NAME && value.chars().count() <= MAX_VALUE;
        if fits && (metadata.len() < MAX_NAMES || metadata.contains_key(name)) {
            metadata.insert(name.clone(), value.clone());
        }
    }
    metadata
}

/// The target URL with `outset_session` in its query, in place of an older one.
fn add_session(target: &str, session: &str) -> String {
    let (url, fragment) = target.split_once('#').map_or((target, None), |(url, fragment)| (url, Some(fragment)));
    let (path, query) = url.split_once('?').unwrap_or((url, ""));
    let is_session = |pair: &str| {
        let name = pair.split('=').next().unwrap_or_default();
        percent_decode_str(name).eq(SESSION.bytes())
    };
    let mut pairs: Vec<&str> = if query.is_empty() { Vec::new() } else { query.split('&').collect() };
    pairs.retain(|pair| !is_session(pair));
    let added = format!("{SESSION}={}", as_component(session));
    pairs.push(&added);
    let fragment = fragment.map(|fragment| format!("#{fragment}")).unwrap_or_default();
    as_location(&format!("{path}?{}{fragment}", pairs.join("&")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_session_is_added() {
        assert_eq!(add_session("https://proto.test/app?v=2", "s"), "https://proto.test/app?v=2&outset_session=s");
        let kept = "https://p.test/?a={b}&&c=%zz&outset_session=s";
        assert_eq!(add_session("https://p.test/?a={b}&&c=%zz", "s"), kept.replace('{', "%7B").replace('}', "%7D"));
        assert_eq!(add_session("https://p.test?outset%5Fsession=old", "s"), "https://p.test?outset_session=s");
        assert_eq!(add_session("https://p.test#f", "s"), "https://p.test?outset_session=s#f");
        assert_eq!(add_session("https://p.test?outset_session=old&a=1", "s"), "https://p.test?a=1&outset_session=s");
    }

    #[test]
    fn the_last_value_of_a_name_counts() {
        let many: String = (0..60).map(|index| format!("{index}=x&")).collect();
        let read = metadata(&Query::parse(&format!("{many}0=y&1={}", "v".repeat(1_001))));
        assert_eq!(
            (read.len(), read.get("0").map(String::as_str), read.get("1").map(String::as_str)),
            (50, Some("y"), Some("x"))
        );
    }
}
