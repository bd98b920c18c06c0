//! `POST /api/telegram/link-code`: a code that links a chat with its tester (openscouter 15).

use serde::Serialize;
use shared::{
    http::Response,
    model::{Role, TokenKind},
    openscouter::{
        self, Endpoint,
        access::{Access, Caller},
        envelope::{Problem, success},
        fields::Fields,
        format::timestamp,
        request_context::RequestContext,
    },
    secret::sha256_hex,
    store::Token,
};

/// Active testers, in person.
const ACTIVE_TESTERS: Access = Access::of(&[Role::Tester]);
/// The alphabet of ids, 5 bits a character (openscouter 2.2).
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
/// Characters of a code.
const LENGTH: usize = 16;

/// The function.
pub const FUNCTION: Endpoint =
    openscouter::endpoint(env!("CARGO_PKG_NAME"), ACTIVE_TESTERS, |cx, caller| Box::pin(issue(cx, caller)));

/// A code. It is told this once.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Issued {
    code: String,
    deep_link: String,
    expires_at: String,
}

async fn issue(cx: &RequestContext, caller: Caller) -> Result<Response, Problem> {
    Fields::read(&cx.request)?;
    cx.idempotent(&caller.key(), &["code", "deepLink"], async {
        let bot = cx.context.settings().telegram.bot.as_ref();
        let bot = bot.ok_or_else(|| Problem::Crash("Telegram: no bot is configured".to_owned()))?;
        let code = new_code()?;
        let token = Token::of(&caller.account.user, TokenKind::Telegram, sha256_hex(code.as_bytes()));
        cx.context.store().issue_token(&token, cx.now).await?;
        Ok(success(
            201,
            &Issued {
                deep_link: format!("https://t.me/{bot}?start={code}"),
                code,
                expires_at: timestamp(cx.now + TokenKind::Telegram.lifetime()),
            },
        ))
    })
    .await
}

/// Sixteen characters of eighty random bits.
fn new_code() -> Result<String, getrandom::Error> {
    let mut bytes = [0_u8; LENGTH];
    getrandom::fill(&mut bytes)?;
    let character = |byte: &u8| ALPHABET.get(usize::from(byte % 32)).copied().map_or('0', char::from);
    Ok(bytes.iter().map(character).collect())
}
