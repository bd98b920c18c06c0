//! The sample events: what API Gateway sends is what the functions read.

use bytes::Bytes;
use harness::Bench;
use serde_json::Value;

const OPENSCOUTER: &[(&str, u64)] = &[
    ("schema-retrieve", 200),
    ("me-erasure-delete", 401),
    ("telegram-send-job", 401),
    ("telegram-job-notify", 401),
    ("telegram-link-code", 401),
    ("telegram-webhook", 401),
    ("outreach-edit", 401),
    ("outreach-approve", 401),
    ("outreach-queue", 401),
    ("proposals-decline", 401),
    ("proposals-accept", 401),
    ("proposals-get", 401),
    ("proposals-list", 401),
    ("proposals-create", 401),
    ("admin-testers", 401),
    ("mcp", 401),
    ("webhooks-stripe", 401),
    ("billing-payouts", 401),
    ("billing-payout", 401),
    ("billing-connect", 401),
    ("billing-checkout", 401),
    ("studies-page", 303),
    ("home", 303),
    ("admin-audit", 401),
    ("admin-organizations-list", 401),
    ("admin-organizations-update", 401),
    ("admin-users-update", 401),
    ("auth-callback", 400),
    ("auth-forgot-password", 202),
    ("auth-jwks", 200),
    ("auth-magic-link", 202),
    ("auth-magic-link-verify", 422),
    ("auth-me", 401),
    ("auth-oauth-start", 404),
    ("auth-refresh", 401),
    ("auth-resend-verification", 202),
    ("auth-reset-password", 422),
    ("auth-sign-in", 401),
    ("auth-sign-out", 401),
    ("auth-sign-up", 202),
    ("auth-verify-email", 422),
    ("connections-delete", 401),
    ("connections-list", 401),
    ("cron", 401),
    ("fallback", 404),
    ("me-erasure-create", 401),
    ("me-erasure-get", 401),
    ("me-exports-create", 401),
    ("me-exports-download", 404),
    ("me-exports-get", 401),
    ("me-profile-get", 401),
    ("me-profile-update", 401),
    ("oauth-authorize", 400),
    ("oauth-metadata", 200),
    ("oauth-register", 201),
    ("oauth-revoke", 401),
    ("oauth-token", 401),
    ("tokens-create", 401),
    ("tokens-delete", 401),
    ("tokens-list", 401),
    ("admin-approvals-create", 401),
    ("admin-approvals-delete", 401),
    ("admin-approvals-list", 401),
    ("admin-quiz-create", 401),
    ("admin-quiz-get", 401),
    ("ai-create", 401),
    ("ai-get", 401),
    ("data-events", 401),
    ("data-facial", 401),
    ("data-voice", 401),
    ("jobs-close", 401),
    ("jobs-create", 401),
    ("jobs-delete", 401),
    ("jobs-get", 401),
    ("jobs-launch", 401),
    ("jobs-list", 401),
    ("jobs-update", 401),
    ("me-consents-create", 401),
    ("me-consents-delete", 401),
    ("me-consents-list", 401),
    ("reports-create", 401),
    ("reports-get", 401),
    ("reports-study-create", 401),
    ("reports-study-get", 401),
    ("sessions-analyze", 401),
    ("sessions-complete", 401),
    ("sessions-confirm", 401),
    ("sessions-create", 401),
    ("sessions-feedback", 401),
    ("sessions-get", 401),
    ("sessions-list", 401),
    ("sessions-notes-get", 401),
    ("sessions-notes-put", 401),
    ("sessions-pause", 401),
    ("sessions-resume", 401),
    ("testers-quiz-attempt", 401),
    ("testers-quiz-get", 401),
    ("reports-page", 404),
    ("webhooks-receive", 404),
];

const OUTSEND: &[(&str, u64)] = &[
    ("schema-retrieve", 200),
    ("brand-assets-get", 401),
    ("veille-signals", 401),
    ("veille-run", 401),
    ("veille-runs", 401),
    ("veille-delete", 401),
    ("veille-update", 401),
    ("veille-create", 401),
    ("veille-list", 401),
    ("feedback-create", 401),
    ("feedback-list", 401),
    ("feedback-get", 401),
    ("feedback-message", 401),
    ("events-list", 401),
    ("deliveries-redeliver", 401),
    ("webhooks-redeliver", 401),
    ("webhooks-test", 401),
    ("webhooks-deliveries", 401),
    ("webhooks-delete", 401),
    ("webhooks-create", 401),
    ("webhooks-list", 401),
    ("pipelines-node", 401),
    ("pipelines-delete", 401),
    ("pipelines-cancel", 401),
    ("pipelines-run", 401),
    ("pipelines-get", 401),
    ("pipelines-list", 401),
    ("pipelines-create", 401),
    ("pipelines-schema", 200),
    ("home", 303),
    ("jobs-create", 401),
    ("jobs-resume", 401),
    ("jobs-list", 401),
    ("jobs-get", 401),
    ("jobs-delete", 401),
    ("jobs-cancel", 401),
    ("jobs-items", 401),
    ("jobs-report", 401),
    ("jobs-stream", 401),
    ("jobs-download", 401),
    ("modules-registry-list", 200),
    ("modules-registry-interest", 401),
    ("api-keys-create", 401),
    ("api-keys-delete", 401),
    ("api-keys-list", 401),
    ("auth-account-delete", 401),
    ("auth-export", 401),
    ("auth-login", 401),
    ("auth-logout", 200),
    ("auth-me", 401),
    ("auth-password-change", 401),
    ("auth-password-reset", 400),
    ("auth-password-reset-request", 200),
    ("auth-resend-verification", 401),
    ("auth-signup", 200),
    ("auth-verify-email", 400),
    ("fallback", 404),
];
const OUTSET: &[(&str, u64)] = &[
    ("fallback", 404),
    ("participant-complete", 404),
    ("participant-start", 404),
    ("schema-retrieve", 200),
    ("studies-list", 401),
    ("studies-retrieve", 401),
    ("studies-update", 401),
];

#[tokio::test]
async fn every_function_answers_its_sample() {
    let bench = Bench::start().await.unwrap();
    for function in local::functions::ALL {
        // what is counted is the limits' business
        bench.advance(time::Duration::seconds(5));
        let sample = format!("{}/../events/{}.json", env!("CARGO_MANIFEST_DIR"), function.name());
        let reply = bench.invoke(function, Bytes::from(std::fs::read(sample).unwrap())).await.unwrap();
        let (api, operation) = function.name().split_once('-').unwrap();
        if api == "background" {
            let answer: Value = serde_json::from_slice(&reply.whole().unwrap()).unwrap();
            let expected = match operation {
                "authorizer" => {
                    assert_eq!(answer["policyDocument"]["Statement"][0]["Effect"], "Allow");
                    assert!(
                        answer["usageIdentifierKey"].as_str().unwrap().starts_with("outset-anonymous-"),
                        "{answer}"
                    );
                    continue;
                }
                "veille" => serde_json::json!({"started": 0, "skipped": 0, "failed": 0}),
                "gateway-keys" => serde_json::json!({"settled": 0, "waiting": 0, "failed": 0, "retired": 0}),
                "payout-retry" | "outreach-send" | "reminders" => serde_json::json!({"processed": 0, "failed": 0}),
                _ => serde_json::json!({"batchItemFailures": []}),
            };
            assert_eq!(answer, expected, "{}", function.name());
            continue;
        }
        let statuses = match api {
            "openscouter" => OPENSCOUTER,
            "outsend" => OUTSEND,
            _ => OUTSET,
        };
        let expected = statuses.iter().find(|(known, _)| *known == operation).map(|(_, status)| *status);
        assert_eq!(Some(harness::read(reply).await.unwrap().status), expected, "{}", function.name());
    }
}
