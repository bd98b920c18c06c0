//! Signed texts: JWTs with Ed25519 (openscouter 3.2). One algorithm, so that no header can choose another.

use std::{fmt, sync::Arc};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use ring::{
    rand::SystemRandom,
    signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey},
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Value, json};

use crate::secret::sha256_hex;

/// Most bytes of a signed text.
const LONGEST: usize = 4_096;

/// A key or a signed text that is not well-formed; tells nothing of its content.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a well-formed key or signed text")]
pub struct Malformed;

#[derive(Deserialize)]
struct Jwk {
    kty: String,
    crv: String,
    kid: String,
    x: String,
    #[serde(default)]
    d: Option<String>,
}

impl Jwk {
    fn public(&self) -> Result<PublicKey, Malformed> {
        let bytes = URL_SAFE_NO_PAD.decode(&self.x).map_err(|_| Malformed)?;
        if self.kty != "OKP" || self.crv != "Ed25519" || self.kid.is_empty() || bytes.len() != 32 {
            return Err(Malformed);
        }
        Ok(PublicKey { kid: self.kid.clone(), x: self.x.clone(), bytes })
    }
}

#[derive(Clone, Debug)]
struct PublicKey {
    kid: String,
    x: String,
    bytes: Vec<u8>,
}

/// The keys that a signed text may be checked with. While keys are rotated there are two.
#[derive(Clone, Debug, Default)]
pub struct KeySet(Vec<PublicKey>);

impl KeySet {
    /// Reads a JSON Web Key Set (RFC 7517) of Ed25519 keys.
    ///
    /// # Errors
    /// When it is none.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        #[derive(Deserialize)]
        struct Set {
            keys: Vec<Jwk>,
        }
        let set: Set = serde_json::from_str(text).map_err(|_| Malformed)?;
        Ok(Self(set.keys.iter().map(Jwk::public).collect::<Result<_, _>>()?))
    }

    /// The set as it is published (openscouter 3.2).
    #[must_use]
    pub fn to_json(&self) -> Value {
        let key = |key: &PublicKey| json!({"kty": "OKP", "crv": "Ed25519", "use": "sig", "alg": "EdDSA", "kid": key.kid, "x": key.x});
        json!({"keys": self.0.iter().map(key).collect::<Vec<_>>()})
    }

    /// The claims of a text that one of the keys signed.
    ///
    /// # Errors
    /// When it is no such text, or the claims are not of the form.
    pub fn verify<T: DeserializeOwned>(&self, text: &str) -> Result<T, Malformed> {
        if text.len() > LONGEST {
            return Err(Malformed);
        }
        let (signed, signature) = text.rsplit_once('.').ok_or(Malformed)?;
        let (header, claims) = signed.split_once('.').ok_or(Malformed)?;
        let decode = |part: &str| URL_SAFE_NO_PAD.decode(part).map_err(|_| Malformed);
        let header: Header = serde_json::from_slice(&decode(header)?).map_err(|_| Malformed)?;
        if header.alg != "EdDSA" || header.typ != "JWT" {
            return Err(Malformed);
        }
        let key = self.0.iter().find(|key| key.kid == header.kid).ok_or(Malformed)?;
        let key = UnparsedPublicKey::new(&ED25519, &key.bytes);
        key.verify(signed.as_bytes(), &decode(signature)?).map_err(|_| Malformed)?;
        serde_json::from_slice(&decode(claims)?).map_err(|_| Malformed)
    }
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Header {
    alg: String,
    typ: String,
    kid: String,
}

/// The key that signs. `Debug` hides it.
#[derive(Clone)]
pub struct Signer {
    kid: String,
    pair: Arc<Ed25519KeyPair>,
}

impl fmt::Debug for Signer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Signer({})", self.kid)
    }
}

impl Signer {
    /// Reads a JSON Web Key (RFC 8037) with its secret.
    ///
    /// # Errors
    /// When it is none.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        let key: Jwk = serde_json::from_str(text).map_err(|_| Malformed)?;
        let public = key.public()?;
        let seed = URL_SAFE_NO_PAD.decode(key.d.as_deref().ok_or(Malformed)?).map_err(|_| Malformed)?;
        let pair = Ed25519KeyPair::from_seed_and_public_key(&seed, &public.bytes).map_err(|_| Malformed)?;
        Ok(Self { kid: key.kid, pair: Arc::new(pair) })
    }

    /// A secret that belongs to `text`: only the key's holder can make it, again and again.
    #[must_use]
    pub fn derive(&self, text: &str) -> [u8; 32] {
        use sha2::Digest as _;
        sha2::Sha256::digest(self.pair.sign(text.as_bytes()).as_ref()).into()
    }

    /// A text with these claims that the key's holder signed.
    ///
    /// # Errors
    /// When the claims cannot be written as JSON.
    pub fn sign(&self, claims: &impl Serialize) -> Result<String, Malformed> {
        let header = Header { alg: "EdDSA".to_owned(), typ: "JWT".to_owned(), kid: self.kid.clone() };
        let encode = |bytes: Vec<u8>| URL_SAFE_NO_PAD.encode(bytes);
        let header = encode(serde_json::to_vec(&header).map_err(|_| Malformed)?);
        let signed = format!("{header}.{}", encode(serde_json::to_vec(claims).map_err(|_| Malformed)?));
        let signature = self.pair.sign(signed.as_bytes());
        Ok(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature.as_ref())))
    }
}

/// A new key: as a JSON Web Key with its secret, and without it for a [`KeySet`]. The key's id follows from the key.
///
/// # Errors
/// When the operating system gives no random bytes.
pub fn new_key() -> Result<(Value, Value), Malformed> {
    let seed: [u8; 32] = ring::rand::generate(&SystemRandom::new()).map_err(|_| Malformed)?.expose();
    let pair = Ed25519KeyPair::from_seed_unchecked(&seed).map_err(|_| Malformed)?;
    let x = URL_SAFE_NO_PAD.encode(pair.public_key().as_ref());
    let kid: String = sha256_hex(x.as_bytes()).chars().take(16).collect();
    let public = json!({"kty": "OKP", "crv": "Ed25519", "use": "sig", "alg": "EdDSA", "kid": kid, "x": x});
    let mut secret = public.clone();
    secret["d"] = json!(URL_SAFE_NO_PAD.encode(seed));
    Ok((secret, public))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_a_known_key_signed_is_believed() {
        let (secret, public) = new_key().unwrap();
        let (other, _) = new_key().unwrap();
        let keys = KeySet::parse(&json!({"keys": [public]}).to_string()).unwrap();
        assert_eq!(keys.to_json(), json!({"keys": [public]}));
        let signer = Signer::parse(&secret.to_string()).unwrap();
        assert!(!format!("{signer:?}").contains(secret["d"].as_str().unwrap()));
        let text = signer.sign(&json!({"a": 1})).unwrap();
        assert_eq!(keys.verify::<Value>(&text), Ok(json!({"a": 1})));
        let foreign = Signer::parse(&other.to_string()).unwrap().sign(&json!({"a": 1})).unwrap();
        let parts: Vec<_> = text.split('.').collect();
        let with_header =
            |header: Value| format!("{}.{}.{}", URL_SAFE_NO_PAD.encode(header.to_string()), parts[1], parts[2]);
        let kid = public["kid"].clone();
        for wrong in [
            foreign,
            with_header(json!({"alg": "none", "typ": "JWT", "kid": kid})),
            with_header(json!({"alg": "HS256", "typ": "JWT", "kid": kid})),
            with_header(json!({"alg": "EdDSA", "typ": "JWT", "kid": kid, "jwk": public})),
            format!("{}.{}.", parts[0], parts[1]),
            format!("{}.{}", parts[0], parts[1]),
            format!("{text}."),
            format!("{text}A"),
            format!("{}{text}", "A".repeat(LONGEST)),
            String::new(),
        ] {
            assert_eq!(keys.verify::<Value>(&wrong), Err(Malformed), "{wrong}");
        }
        assert!(KeySet::parse("{}").is_err() && KeySet::parse(r#"{"keys":[{}]}"#).is_err());
        assert!(Signer::parse(&public.to_string()).is_err(), "no secret");
    }
}
