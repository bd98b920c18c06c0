//! `GET /interviews/{session}/complete/`: a participant's way out (outset 14.2).

use maud::html;

use shared::{
    http::Response,
    model::{SessionState, SessionToken},
    outset::{
        self, ParticipantLink,
        envelope::Problem,
        participants::{NOT_FOUND, Refusal, as_component, as_location, empty_page, page, redirect, refused},
        request_context::RequestContext,
    },
};

/// The function.
pub const FUNCTION: ParticipantLink =
    outset::participant_link(env!("CARGO_PKG_NAME"), "/interviews/{session}/complete/", |cx, session| {
        Box::pin(complete(cx, session))
    });

const EXPIRED: Refusal = (410, "session_expired", "This session has expired.");

async fn complete(cx: &RequestContext, session: &str) -> Result<Response, Problem> {
    let Some(token) = SessionToken::parse(session) else { return Ok(refused(cx, NOT_FOUND)) };
    let store = cx.context.store();
    let Some(session) = store.session(&token).await? else { return Ok(refused(cx, NOT_FOUND)) };
    if session.state_at(cx.now) == SessionState::Expired {
        return Ok(refused(cx, EXPIRED));
    }
    if cx.request.method == "HEAD" {
        return Ok(empty_page(200));
    }
    if session.state_at(cx.now) == SessionState::Running {
        store.complete_session(&token, cx.now).await?;
    }
    let study = store.study(session.organization, session.study).await?;
    Ok(match study.and_then(|study| study.completion_url) {
        Some(template) => redirect(completion_location(&template, |name| session.metadata.get(name).cloned())),
        None => page(200, "Thank you, you are done.", &html! {}),
    })
}

/// The completion URL with each `{key}` filled from the session's metadata, then encoded as a `Location`.
fn completion_location(template: &str, lookup: impl Fn(&str) -> Option<String>) -> String {
    let mut filled = String::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        filled.push_str(before);
        match after.split_once('}').filter(|(key, _)| is_key(key)) {
            Some((key, left)) => {
                filled.push_str(&as_component(&lookup(key).unwrap_or_default()));
                rest = left;
            }
            None => {
                filled.push('{');
                rest = after;
            }
        }
    }
    filled.push_str(rest);
    as_location(&filled)
}

fn is_key(key: &str) -> bool {
    !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_contract_examples() {
        let lookup = |key: &str| (key == "participant-id").then(|| "a b&c".to_owned());
        let filled = completion_location("https://p.com/c?pid={participant-id}&x={none}", lookup);
        assert_eq!(filled, "https://p.com/c?pid=a%20b%26c&x=");
        assert_eq!(
            completion_location("https://ü.de/{a{b c}\"{}", |_| None),
            "https://%C3%BC.de/%7Ba%7Bb%20c%7D%22%7B%7D"
        );
        assert_eq!(completion_location("/{a}", |_| Some("ü/{b}".to_owned())), "/%C3%BC%2F%7Bb%7D");
    }
}
