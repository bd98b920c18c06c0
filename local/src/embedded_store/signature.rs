//! Who may ask the embedded store: a request carries the signature (version 4) that AWS's clients make, with the
//! credentials of this start. How old a signature is does not matter: it does not leave this machine, and is good for
//! its own request only.

use std::sync::{Mutex, PoisonError};

use axum::http::{HeaderMap, header, request::Parts};
use ring::{digest, hmac};
use shared::config::{Credentials, ExposeSecret as _, SecretString};

const ALGORITHM: &str = "AWS4-HMAC-SHA256";
/// What must be signed: who is asked, for what.
const SIGNED: [&str; 2] = ["host", "x-amz-target"];

/// New credentials, which nobody can guess.
///
/// # Errors
/// When the operating system gives no random bytes.
pub fn new_credentials() -> Result<Credentials, Box<dyn std::error::Error + Send + Sync>> {
    let (id, _) = shared::secret::new_token("local-")?;
    let (secret, _) = shared::secret::new_token("")?;
    Ok(Credentials { access_key_id: id.into(), secret_access_key: secret.into(), session_token: None })
}

/// Why a request is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// It is not signed.
    Unsigned,
    /// It is signed with other credentials.
    Unknown,
    /// Its signature is another request's, or nobody's.
    Mismatch,
}

/// Checks signatures.
#[derive(Debug)]
pub(super) struct Verifier {
    credentials: Credentials,
    /// The key of the last scope, which is that of a day.
    key: Mutex<Option<(String, hmac::Key)>>,
}

/// What a request says of its signature.
#[derive(Debug)]
pub(super) struct Claim<'a> {
    scope: &'a str,
    names: &'a str,
    signature: &'a str,
    moment: &'a str,
}

impl Verifier {
    pub(super) fn new(credentials: &Credentials) -> Self {
        Self { credentials: credentials.clone(), key: Mutex::default() }
    }

    /// Reads the claim of a request, which names our credentials. Its body is not needed for that.
    pub(super) fn claim<'a>(&self, head: &'a Parts) -> Result<Claim<'a>, Refusal> {
        let text = text(&head.headers, header::AUTHORIZATION.as_str()).ok_or(Refusal::Unsigned)?;
        let parts = text.strip_prefix(ALGORITHM).ok_or(Refusal::Unsigned)?;
        let part = |name: &str| {
            let mut parts = parts.split(',').filter_map(|part| part.trim().split_once('='));
            parts.find_map(|(known, value)| (known == name).then_some(value)).ok_or(Refusal::Unsigned)
        };
        let (credential, names, signature) = (part("Credential")?, part("SignedHeaders")?, part("Signature")?);
        let (id, scope) = credential.split_once('/').ok_or(Refusal::Unsigned)?;
        if id != self.credentials.access_key_id.expose_secret() {
            return Err(Refusal::Unknown);
        }
        let moment = self::text(&head.headers, "x-amz-date").ok_or(Refusal::Unsigned)?;
        let claim = Claim { scope, names, signature, moment };
        let plain = head.uri.path() == "/" && head.uri.query().is_none();
        let signs = SIGNED.iter().all(|name| names.split(';').any(|signed| signed == *name));
        if plain && signs { Ok(claim) } else { Err(Refusal::Mismatch) }
    }

    /// Checks a claim, now that the body is there.
    pub(super) fn verify(&self, claim: &Claim<'_>, head: &Parts, body: &[u8]) -> Result<(), Refusal> {
        let mut canonical = format!("{}\n/\n\n", head.method);
        for name in claim.names.split(';') {
            let values: Vec<_> = head.headers.get_all(name).iter().map(|value| value.to_str().ok()).collect();
            let values = values.into_iter().collect::<Option<Vec<_>>>().ok_or(Refusal::Mismatch)?;
            let values: Vec<_> =
                values.iter().map(|value| value.split_ascii_whitespace().collect::<Vec<_>>().join(" ")).collect();
            canonical.push_str(&format!("{name}:{}\n", values.join(",")));
        }
        canonical.push_str(&format!("\n{}\n{}", claim.names, hash(body)));
        let signed = format!("{ALGORITHM}\n{}\n{}\n{}", claim.moment, claim.scope, hash(canonical.as_bytes()));
        let signature = from_hex(claim.signature).ok_or(Refusal::Mismatch)?;
        let key = self.key(claim).ok_or(Refusal::Mismatch)?;
        hmac::verify(&key, signed.as_bytes(), &signature).map_err(|_| Refusal::Mismatch)
    }

    /// The key that signs in a claim's scope: a day, a region and a service.
    fn key(&self, claim: &Claim<'_>) -> Option<hmac::Key> {
        let mut known = self.key.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, key)) = known.as_ref().filter(|(scope, _)| scope == claim.scope) {
            return Some(key.clone());
        }
        let key = derived(&self.credentials.secret_access_key, claim)?;
        *known = Some((claim.scope.to_owned(), key.clone()));
        Some(key)
    }
}

fn derived(secret: &SecretString, claim: &Claim<'_>) -> Option<hmac::Key> {
    let parts: Vec<_> = claim.scope.split('/').collect();
    let [day, _, _, "aws4_request"] = parts[..] else { return None };
    if !claim.moment.starts_with(day) {
        return None;
    }
    let first = hmac::Key::new(hmac::HMAC_SHA256, format!("AWS4{}", secret.expose_secret()).as_bytes());
    let next =
        |key: hmac::Key, part: &&str| hmac::Key::new(hmac::HMAC_SHA256, hmac::sign(&key, part.as_bytes()).as_ref());
    Some(parts.iter().fold(first, next))
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

fn hash(bytes: &[u8]) -> String {
    digest::digest(&digest::SHA256, bytes).as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    let pairs = text.as_bytes().chunks(2);
    pairs.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()).collect()
}
