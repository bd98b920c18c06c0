//! The signature of a webhook's body (openscouter 16.2): `t=<unix>,v1=<hex>[,v1=…]`, an HMAC-SHA256 of `<t>.<body>`.

use ring::hmac;
use shared::config::{ExposeSecret as _, SecretString};
use time::OffsetDateTime;

/// How far a signature's time may be from ours, in seconds.
const TOLERANCE: u64 = 300;

/// Whether a header signs a body now, with one of the secrets. Signatures are compared in constant time.
pub(crate) fn is_valid(header: &str, body: &[u8], secrets: &[SecretString], now: OffsetDateTime) -> bool {
    let pairs: Vec<(&str, &str)> = header.split(',').filter_map(|pair| pair.trim().split_once('=')).collect();
    let Some((_, stamp)) = pairs.iter().find(|(name, _)| *name == "t") else { return false };
    let digits = !stamp.is_empty() && stamp.bytes().all(|byte| byte.is_ascii_digit());
    let Some(at) = stamp.parse::<i64>().ok().filter(|_| digits) else { return false };
    if now.unix_timestamp().abs_diff(at) > TOLERANCE {
        return false;
    }
    let signatures: Vec<Vec<u8>> =
        pairs.iter().filter(|(name, _)| *name == "v1").filter_map(|(_, hex)| decoded(hex)).collect();
    let payload = [stamp.as_bytes(), b".", body].concat();
    secrets.iter().any(|secret| {
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret.expose_secret().as_bytes());
        signatures.iter().any(|signature| hmac::verify(&key, &payload, signature).is_ok())
    })
}

fn decoded(hex: &str) -> Option<Vec<u8>> {
    if !hex.len().is_multiple_of(2) || !hex.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(hex.get(at..at + 2)?, 16).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    // made by Stripe's own Python library, 16.1.0: `WebhookSignature._compute_signature`
    const BODY: &[u8] = br#"{"id": "evt_001", "object": "event"}"#;
    const SIGNED: &str = "42acec4ed8bbbf9825b8d7c0725e3537d8b07f5ef5d921a766b8e5e13d875391";

    fn valid(header: &str, body: &[u8], secret: &str, at: i64) -> bool {
        let now = OffsetDateTime::from_unix_timestamp(at).unwrap();
        is_valid(header, body, &["whsec_other".into(), secret.into()], now)
    }

    #[test]
    fn signatures() {
        let (t, secret) = (1_773_651_600, "whsec_test_secret");
        let header = format!("t={t},v1={SIGNED}");
        for at in [t, t + 300, t - 300] {
            assert!(valid(&header, BODY, secret, at));
        }
        for at in [t + 301, t - 301] {
            assert!(!valid(&header, BODY, secret, at));
        }
        assert!(valid(&format!("t={t},v1=00,v0=x,v1={SIGNED}"), BODY, secret, t), "any v1");
        for wrong in [
            String::new(),
            format!("v1={SIGNED}"),
            format!("t={t}"),
            format!("t={t},v0={SIGNED}"),
            format!("t=+{t},v1={SIGNED}"),
            format!("t={},v1={SIGNED}", t + 1),
            format!("t={t},v1={}", &SIGNED[1..]),
            format!("t={t},v1={}é", &SIGNED[2..]),
        ] {
            assert!(!valid(&wrong, BODY, secret, t), "{wrong}");
        }
        assert!(!valid(&header, b"{}", secret, t) && !valid(&header, BODY, "whsec_wrong", t));
    }
}
