//! `POST /api/auth/refresh`: a refresh token for new tokens (openscouter 3.3, 7).

use serde_json::json;

use shared::{
    http::Response,
    model::{Action, Family, Presented},
    openscouter::{
        self, Endpoint,
        envelope::{Problem, success},
        fields::Fields,
        request_context::RequestContext,
        sign_ins::{REFRESH_LENGTH, REFRESH_PREFIX, SessionData, read_refresh_token, session_data, was_issued},
    },
    secret::HandleKey,
};

/// The function.
pub const FUNCTION: Endpoint = openscouter::anonymous(env!("CARGO_PKG_NAME"), |cx| Box::pin(refresh(cx)));

async fn refresh(cx: &RequestContext) -> Result<Response, Problem> {
    let token = Fields::read(&cx.request)?.secret("refreshToken")?;
    let (id, hash) = read_refresh_token(&token).ok_or_else(invalid)?;
    let rotated = cx.context.store().update_family(id, &|family| Box::pin(next(cx, (&token, &hash), family))).await;
    Ok(success(200, &rotated.map_err(|error| error.or_missing(invalid))?))
}

fn invalid() -> Problem {
    Problem::unauthorized("Invalid refresh token")
}

/// The sign-in with its next refresh token, and the session data of it.
async fn next(
    cx: &RequestContext,
    (token, hash): (&str, &str),
    mut family: Family,
) -> Result<(Family, SessionData), Problem> {
    let store = cx.context.store();
    let account = store.account(family.user).await?.ok_or_else(invalid)?;
    if family.expires_at <= cx.now {
        return Err(invalid());
    }
    let grace = cx.context.settings().openscouter.refresh_grace;
    let presented = family.refresh.presented(hash, cx.now, grace);
    if presented == Presented::Exhausted || (presented == Presented::Other && !was_issued(&family, token)) {
        return Err(invalid());
    }
    if presented == Presented::Other {
        // it was used before: whoever has it, the family ends (openscouter 3.3)
        let audit = cx.record(Action::RefreshReuse, Some(&account.user), None, json!({}));
        store.end_families(&[family], &audit).await?;
        return Err(invalid());
    }
    if !account.user.active {
        return Err(Problem::forbidden("Account suspended"));
    }
    if family.generation != account.user.generation {
        return Err(invalid());
    }
    let token = issue(&mut family, hash, cx)?;
    let data = session_data(cx, &account, &family, token)?;
    Ok((family, data))
}

/// The next refresh token of a sign-in, which takes the place of the one that was presented (openscouter 3.3).
fn issue(family: &mut Family, presented: &str, cx: &RequestContext) -> Result<String, Problem> {
    let mark = match family.mark.take() {
        Some(mark) => mark,
        None => HandleKey::generate()?,
    };
    let (token, hash) = mark.new_handle(REFRESH_PREFIX, family.id.as_bytes())?;
    family.refresh.issue(presented, hash, cx.now);
    family.mark = Some(mark);
    family.expires_at = cx.now + REFRESH_LENGTH;
    Ok(token)
}
