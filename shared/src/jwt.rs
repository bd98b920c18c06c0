//! Signed texts: JWTs with Ed25519 (openscouter 3.2). One algorithm, so that no header can choose another.

use std::{fmt, sync::Arc};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{
    Algorithm, AlgorithmFamily, DecodingKey, EncodingKey, Header, Validation,
    crypto::{CryptoProvider, JwtSigner, JwtVerifier, KeyUtils},
    decode, encode,
    errors::{Error, ErrorKind},
    signature,
};
use ring::{
    rand::SystemRandom,
    signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey},
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Value, json};

use crate::secret::sha256_hex;

/// Most bytes of a signed text: a sign-in's holds a `state` of 4,096 characters (openscouter 8.1).
const MAX_LENGTH: usize = 40 * 1024;

/// Bytes of an Ed25519 seed, and of a public key.
const KEY_BYTES: usize = 32;

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
        if self.kty != "OKP" || self.crv != "Ed25519" || self.kid.is_empty() || bytes.len() != KEY_BYTES {
            return Err(Malformed);
        }
        install_provider();
        let key = DecodingKey::from_ed_der(&bytes);
        Ok(PublicKey { kid: self.kid.clone(), x: self.x.clone(), key, bytes })
    }
}

#[derive(Clone, Debug)]
struct PublicKey {
    kid: String,
    x: String,
    key: DecodingKey,
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
        if text.len() > MAX_LENGTH {
            return Err(Malformed);
        }
        let kid = read_header(text)?;
        let key = self.0.iter().find(|key| key.kid == kid).ok_or(Malformed)?;
        decode(text, &key.key, &signature_only()).map(|token| token.claims).map_err(|_| Malformed)
    }
}

/// The key's id in a header of ours. Whatever else a header says is refused before it is read: no key, address or
/// compression of the sender's is looked at, and nothing is as deep as a stack.
fn read_header(text: &str) -> Result<String, Malformed> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Ours {
        alg: String,
        typ: String,
        kid: String,
    }
    let (header, _) = text.split_once('.').ok_or(Malformed)?;
    let header = URL_SAFE_NO_PAD.decode(header).map_err(|_| Malformed)?;
    let ours: Ours = serde_json::from_slice(&header).map_err(|_| Malformed)?;
    if (ours.alg.as_str(), ours.typ.as_str()) == ("EdDSA", "JWT") { Ok(ours.kid) } else { Err(Malformed) }
}

/// The header of every text of ours.
fn header_of(kid: &str) -> Header {
    Header { kid: Some(kid.to_owned()), ..Header::new(Algorithm::EdDSA) }
}

/// Checks the algorithm and the signature. Time, issuer and audience are looked at by the caller, who has our clock.
fn signature_only() -> Validation {
    let mut validation = Validation::new(Algorithm::EdDSA);
    validation.required_spec_claims.clear();
    validation.validate_exp = false;
    validation.validate_aud = false;
    validation
}

/// The key that signs. `Debug` hides it.
#[derive(Clone)]
pub struct Signer {
    kid: String,
    key: EncodingKey,
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
        let encoding = EncodingKey::from_ed_der(&[seed, public.bytes].concat());
        Ok(Self { kid: key.kid, key: encoding, pair: Arc::new(pair) })
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
        encode(&header_of(&self.kid), claims, &self.key).map_err(|_| Malformed)
    }
}

/// Ed25519 of `ring`, which TLS links already, for [`jsonwebtoken`].
static PROVIDER: CryptoProvider = CryptoProvider {
    signer_factory: |algorithm, key| match (algorithm, key.family()) {
        (Algorithm::EdDSA, AlgorithmFamily::Ed) => Ok(Box::new(RingSigner(key_pair(key.as_bytes())?))),
        _ => Err(ErrorKind::InvalidAlgorithm.into()),
    },
    verifier_factory: |algorithm, key| match (algorithm, key.family()) {
        (Algorithm::EdDSA, AlgorithmFamily::Ed) => Ok(Box::new(RingVerifier(key.try_get_as_bytes()?.to_vec()))),
        _ => Err(ErrorKind::InvalidAlgorithm.into()),
    },
    key_utils: KeyUtils::new_unimplemented(),
};

/// Makes [`PROVIDER`] the process's own; it is there before any key is.
fn install_provider() {
    // it fails when it was installed before, by us: nobody else does
    let _ = PROVIDER.install_default();
}

/// The pair of an [`EncodingKey`] of ours: the seed, then the public key.
fn key_pair(bytes: &[u8]) -> Result<Ed25519KeyPair, Error> {
    let invalid = || Error::from(ErrorKind::InvalidEddsaKey);
    let (seed, public) = bytes.split_at_checked(KEY_BYTES).ok_or_else(invalid)?;
    Ed25519KeyPair::from_seed_and_public_key(seed, public).map_err(|_| invalid())
}

struct RingSigner(Ed25519KeyPair);

impl signature::Signer<Vec<u8>> for RingSigner {
    fn try_sign(&self, message: &[u8]) -> Result<Vec<u8>, signature::Error> {
        Ok(self.0.sign(message).as_ref().to_vec())
    }
}

impl JwtSigner for RingSigner {
    fn algorithm(&self) -> Algorithm {
        Algorithm::EdDSA
    }
}

struct RingVerifier(Vec<u8>);

impl signature::Verifier<Vec<u8>> for RingVerifier {
    fn verify(&self, message: &[u8], signature: &Vec<u8>) -> Result<(), signature::Error> {
        UnparsedPublicKey::new(&ED25519, &self.0).verify(message, signature).map_err(|_| signature::Error::new())
    }
}

impl JwtVerifier for RingVerifier {
    fn algorithm(&self) -> Algorithm {
        Algorithm::EdDSA
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
        let signed = |header: Value| {
            let signed = format!("{}.{}", URL_SAFE_NO_PAD.encode(header.to_string()), parts[1]);
            let signature = signer.pair.sign(signed.as_bytes());
            format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature.as_ref()))
        };
        let plain = signed(json!({"alg": "EdDSA", "typ": "JWT", "kid": kid}));
        assert_eq!(keys.verify::<Value>(&plain), Ok(json!({"a": 1})));
        for wrong in [
            foreign,
            with_header(json!({"alg": "none", "typ": "JWT", "kid": kid})),
            with_header(json!({"alg": "HS256", "typ": "JWT", "kid": kid})),
            with_header(json!({"alg": "EdDSA", "typ": "JWT", "kid": kid, "jwk": public})),
            signed(json!({"alg": "EdDSA", "typ": "JWT", "kid": kid, "jwk": public})),
            signed(json!({"alg": "EdDSA", "typ": "JWT", "kid": kid, "zzz": 1})),
            signed(json!({"alg": "EdDSA", "typ": "at+jwt", "kid": kid})),
            signed(json!({"alg": "EdDSA", "kid": kid})),
            signed(json!({"alg": "EdDSA", "typ": "JWT"})),
            format!("{}.{}.", parts[0], parts[1]),
            format!("{}.{}", parts[0], parts[1]),
            format!("{text}."),
            format!("{text}A"),
            format!("{}{text}", "A".repeat(MAX_LENGTH)),
            String::new(),
        ] {
            assert_eq!(keys.verify::<Value>(&wrong), Err(Malformed), "{wrong}");
        }
        assert!(KeySet::parse("{}").is_err() && KeySet::parse(r#"{"keys":[{}]}"#).is_err());
        assert!(Signer::parse(&public.to_string()).is_err(), "no secret");
    }
}
