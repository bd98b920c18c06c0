//! The key that signs a deployment's access tokens, replaced in three steps without signing anybody out: the new one is
//! published beside the old one; it signs; the old one, whose last tokens have ended, is published no longer. Which step is
//! the next one follows from what is published and what the secret holds, so that a step that broke off is gone on with.

use serde_json::{Value, json};
use shared::{
    clock::Clock,
    config::{ExposeSecret as _, SecretString},
    jwt::{self, KeySet},
    openscouter::claims::JWT_SECONDS,
};
use time::{Duration, OffsetDateTime, format_description::well_known::Rfc3339};

use crate::{
    cloud::{CURRENT, Cloud, PENDING, SecretVersion, Stack},
    embedded_store::EngineError,
};

/// The parameter that holds what is published, and the one that names the secret.
const PUBLISHED: &str = "OpenScouterJwks";
const SECRET: &str = "OpenScouterSigningKeySecret";

/// What is to be done next.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Step {
    /// Make a key, keep it beside the one that signs, and publish it.
    Begin,
    /// Publish a key that was made and is not published yet.
    Publish,
    /// Make the key sign that is published beside the old one.
    Sign,
    /// Start the functions anew, so that they sign with the key that the secret holds.
    Restart,
    /// Publish the key that signs alone.
    Retire,
}

/// What was done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rotated {
    /// In one word.
    pub done: &'static str,
    /// Ids of the keys that are published then, the one that signs first.
    pub kids: Vec<String>,
    /// What is left to do.
    pub next: &'static str,
}

/// Which step follows, where keys of these ids are published, one signs, and one may wait.
fn next(published: &[&str], signing: &str, pending: Option<&str>) -> Result<Step, &'static str> {
    if !published.contains(&signing) {
        return Err(
            "the key that signs is not published, so that its tokens are refused: deploy with its public key in \
                    OpenScouterJwks first",
        );
    }
    Ok(match (pending.filter(|pending| *pending != signing), published) {
        (Some(pending), _) if published.contains(&pending) => Step::Sign,
        (Some(_), _) => Step::Publish,
        (None, [_]) => Step::Begin,
        (None, [first, ..]) if *first == signing => Step::Retire,
        (None, _) => Step::Restart,
    })
}

/// Does the next step of a rotation; `None` when there is no such stack in the region.
///
/// # Errors
/// When AWS refuses something, the stack is being changed, or the old key is not to go yet.
pub async fn rotate(stack: &str, region: Option<&str>) -> Result<Option<Rotated>, EngineError> {
    let (cloud, _) = Cloud::from_env(region)?;
    let Some(found) = cloud.stack(stack).await? else { return Ok(None) };
    if found.status.ends_with("_IN_PROGRESS") {
        return Err(format!("the stack is {}: wait until that is done", found.status).into());
    }
    let parameter = |name: &str| {
        let mut all = found.parameters.iter();
        all.find(|(known, _)| known == name)
            .map(|(_, value)| value.clone())
            .ok_or_else(|| format!("the stack has no parameter {name}"))
    };
    let (published, secret) = (parameter(PUBLISHED)?, parameter(SECRET)?);
    let published =
        KeySet::parse(&published).map_err(|_| format!("{PUBLISHED} is not a set of Ed25519 keys"))?.to_json();
    let published: Vec<Value> = published.get("keys").and_then(Value::as_array).cloned().unwrap_or_default();
    let signing = cloud.secret(&secret, CURRENT).await?.ok_or_else(|| format!("there is no secret {secret}"))?;
    let pending = cloud.secret(&secret, PENDING).await?;
    let keys = Keys { published, signing: public(&signing)?, pending: pending.as_ref().map(public).transpose()? };
    step(&cloud, (stack, &found), &secret, keys, (&signing, pending.as_ref())).await.map(Some)
}

/// Public keys.
struct Keys {
    published: Vec<Value>,
    signing: Value,
    pending: Option<Value>,
}

async fn step(
    cloud: &Cloud,
    (name, stack): (&str, &Stack),
    secret: &str,
    keys: Keys,
    (signing, pending): (&SecretVersion, Option<&SecretVersion>),
) -> Result<Rotated, EngineError> {
    let ids: Vec<_> = keys.published.iter().map(id).collect();
    let next = next(&ids, id(&keys.signing), keys.pending.as_ref().map(id))?;
    let again = "once the stack is updated, run this again";
    let (published, done, next) = match next {
        Step::Begin => {
            let (new, public) = jwt::new_key()?;
            cloud.put_pending(secret, &SecretString::from(new.to_string())).await?;
            (vec![keys.signing, public], "published", again)
        }
        Step::Publish => (keys.published.into_iter().chain(keys.pending).collect(), "published", again),
        Step::Sign | Step::Restart => {
            if next == Step::Sign
                && let Some(pending) = pending
            {
                cloud.promote(secret, &signing.id, &pending.id).await?;
            }
            let signs = if next == Step::Sign { keys.pending.unwrap_or_default() } else { keys.signing };
            let others = keys.published.into_iter().filter(|key| id(key) != id(&signs)).collect::<Vec<_>>();
            let all = std::iter::once(signs).chain(others).collect();
            (all, "signs", "a day after the stack is updated, run this again: the old key goes then")
        }
        Step::Retire => {
            check_age(&stack.changed_at)?;
            (vec![keys.signing], "retired", "nothing: the old key is published no longer")
        }
    };
    let kids = published.iter().map(|key| id(key).to_owned()).collect();
    cloud.set_parameter(name, stack, (PUBLISHED, &json!({"keys": published}).to_string())).await?;
    Ok(Rotated { done, kids, next })
}

/// Whether tokens of a key that signed before the stack was last changed have ended.
fn check_age(changed_at: &str) -> Result<(), EngineError> {
    let changed =
        OffsetDateTime::parse(changed_at, &Rfc3339).map_err(|_| "the stack does not say when it was changed")?;
    let ended = changed + Duration::seconds(JWT_SECONDS);
    if Clock::system().now() < ended {
        let ended = ended.format(&Rfc3339).unwrap_or_default();
        return Err(format!(
            "tokens of the old key may work until {ended}, a day after the stack was changed: run this again then"
        )
        .into());
    }
    Ok(())
}

/// The public part of a key that a secret holds.
fn public(version: &SecretVersion) -> Result<Value, EngineError> {
    let malformed = || EngineError::from("the secret holds no Ed25519 key");
    let mut key: Value = serde_json::from_str(version.text.expose_secret()).map_err(|_| malformed())?;
    key.as_object_mut().and_then(|members| members.remove("d")).ok_or_else(malformed)?;
    let set = KeySet::parse(&json!({"keys": [key]}).to_string()).map_err(|_| malformed())?.to_json();
    set.pointer("/keys/0").cloned().ok_or_else(malformed)
}

fn id(key: &Value) -> &str {
    key.get("kid").and_then(Value::as_str).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_step_follows_from_what_is_there() {
        for (published, signing, pending, expected) in [
            (&["a"][..], "a", None, Step::Begin),
            (&["a"], "a", Some("a"), Step::Begin),
            (&["a"], "a", Some("b"), Step::Publish),
            (&["a", "b"], "a", Some("b"), Step::Sign),
            (&["a", "b"], "b", Some("b"), Step::Restart),
            (&["b", "a"], "b", Some("b"), Step::Retire),
            (&["b", "a"], "b", None, Step::Retire),
        ] {
            assert_eq!(next(published, signing, pending), Ok(expected), "{published:?} {signing} {pending:?}");
        }
        assert!(next(&["a"], "b", None).is_err());
        assert!(next(&[], "a", Some("b")).is_err());
    }

    #[test]
    fn an_old_key_stays_for_a_day() {
        let now = Clock::system().now();
        let at = |hours: i64| (now - Duration::hours(hours)).format(&Rfc3339).unwrap();
        assert!(check_age(&at(25)).is_ok());
        assert!(check_age(&at(23)).unwrap_err().to_string().contains("may work until"));
        assert!(check_age("").is_err());
    }
}
