//! A sample event: what API Gateway sends for the new endpoint.

use super::Endpoint;

/// What variables of a path are called with.
const ID: &str = "x";

/// A path with its variables filled in.
pub(super) fn path(path: &str) -> String {
    path.split('/').map(|part| if part.starts_with('{') { ID } else { part }).collect::<Vec<_>>().join("/")
}

fn parameters(path: &str) -> String {
    let names = path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
    let members: Vec<_> = names.map(|name| format!("    \"{name}\": \"{ID}\"")).collect();
    if members.is_empty() { "null".to_owned() } else { format!("{{\n{}\n  }}", members.join(",\n")) }
}

/// The event of a request without a credential.
pub(super) fn event(endpoint: &Endpoint<'_>) -> String {
    let json = endpoint.method != "GET";
    let media = |text: &'static str| if json { text } else { "" };
    EVENT
        .replace("@RESOURCE@", endpoint.path)
        .replace("@PATH@", &path(endpoint.path))
        .replace("@METHOD@", endpoint.method)
        .replace("@PARAMETERS@", &parameters(endpoint.path))
        .replace("@MEDIA@", media(",\n    \"Content-Type\": \"application/json\""))
        .replace("@MULTI_MEDIA@", media(",\n    \"Content-Type\": [\n      \"application/json\"\n    ]"))
        .replace("@BODY@", if json { "\"e30=\"" } else { "null" })
        .replace("@BASE64@", if json { "true" } else { "false" })
}

const EVENT: &str = r#"{
  "resource": "@RESOURCE@",
  "path": "@PATH@",
  "httpMethod": "@METHOD@",
  "headers": {
    "Accept": "*/*",
    "Host": "example.execute-api.eu-central-1.amazonaws.com",
    "User-Agent": "curl/8.10.1",
    "X-Forwarded-For": "203.0.113.7",
    "X-Forwarded-Port": "443",
    "X-Forwarded-Proto": "https"@MEDIA@
  },
  "multiValueHeaders": {
    "Accept": [
      "*/*"
    ],
    "Host": [
      "example.execute-api.eu-central-1.amazonaws.com"
    ],
    "User-Agent": [
      "curl/8.10.1"
    ],
    "X-Forwarded-For": [
      "203.0.113.7"
    ],
    "X-Forwarded-Port": [
      "443"
    ],
    "X-Forwarded-Proto": [
      "https"
    ]@MULTI_MEDIA@
  },
  "queryStringParameters": null,
  "multiValueQueryStringParameters": null,
  "pathParameters": @PARAMETERS@,
  "stageVariables": null,
  "requestContext": {
    "accountId": "123456789012",
    "apiId": "example",
    "deploymentId": "example",
    "domainName": "example.execute-api.eu-central-1.amazonaws.com",
    "domainPrefix": "example",
    "extendedRequestId": "AAAAAAAAAAAAAAA=",
    "httpMethod": "@METHOD@",
    "identity": {
      "accessKey": null,
      "accountId": null,
      "caller": null,
      "cognitoAuthenticationProvider": null,
      "cognitoAuthenticationType": null,
      "cognitoIdentityId": null,
      "cognitoIdentityPoolId": null,
      "principalOrgId": null,
      "sourceIp": "203.0.113.7",
      "user": null,
      "userAgent": "curl/8.10.1",
      "userArn": null
    },
    "path": "/prod@PATH@",
    "protocol": "HTTP/1.1",
    "requestId": "c6af9ac6-7b61-11e6-9a41-93e8deadbeef",
    "requestTime": "01/Jul/2025:12:00:00 +0000",
    "requestTimeEpoch": 1751371200000,
    "resourceId": "example",
    "resourcePath": "@RESOURCE@",
    "stage": "prod"
  },
  "body": @BODY@,
  "isBase64Encoded": @BASE64@
}
"#;
