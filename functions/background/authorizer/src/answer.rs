//! What the gateway is told.

use bytes::Bytes;
use serde_json::json;

/// Everything is allowed that the API's stage has: an answer that was kept would be right for the caller's next request, too.
pub(crate) fn allowed(method_arn: &str, tier: &str, key: &str) -> Bytes {
    let answer = json!({
        "principalId": tier,
        "policyDocument": {
            "Version": "2012-10-17",
            "Statement": [{"Action": "execute-api:Invoke", "Effect": "Allow", "Resource": stage_of(method_arn)}],
        },
        "usageIdentifierKey": key,
    });
    Bytes::from(answer.to_string())
}

/// All methods of the stage that `arn:aws:execute-api:<region>:<account>:<api>/<stage>/<method>/<path>` belongs to.
fn stage_of(method_arn: &str) -> String {
    let mut parts = method_arn.splitn(3, '/');
    match (parts.next(), parts.next()) {
        (Some(api), Some(stage)) if api.starts_with("arn:") => format!("{api}/{stage}/*"),
        _ => "*".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_policy_covers_the_stage() {
        let arn = "arn:aws:execute-api:eu-west-3:123456789012:abc/prod/GET/v1/studies/";
        assert_eq!(stage_of(arn), "arn:aws:execute-api:eu-west-3:123456789012:abc/prod/*");
        for odd in ["", "/", "abc/prod/GET", "arn:aws:execute-api"] {
            assert_eq!(stage_of(odd), "*", "{odd}");
        }
    }
}
