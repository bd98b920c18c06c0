//! What the templates allow.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex},
};

use axum::{
    Json, Router,
    http::{HeaderMap, StatusCode},
    response::IntoResponse as _,
    routing::post,
};
use serde_json::json;
use shared::{config::ExposeSecret as _, secrets_manager::fetch};
use yaml_serde::Value;

const TEMPLATES: [(&str, &str); 4] = [
    ("root", include_str!("../../template.yaml")),
    ("outset", include_str!("../../functions/outset/template.yaml")),
    ("outsend", include_str!("../../functions/outsend/template.yaml")),
    ("openscouter", include_str!("../../functions/openscouter/template.yaml")),
];

/// Kinds of items that hold secrets' hashes or lead to them: credentials, one-time codes, addresses. (A person's partition
/// holds the password's hash beside jobs and consents; a policy cannot tell items of one partition apart.)
const SECRETS: [&str; 12] =
    ["CODE", "CONN", "EMAIL", "FAMILY", "INVITE", "KEY", "LOGIN", "OSC", "OSK", "STATE", "TEST", "TOKEN"];

fn templates() -> Vec<(&'static str, Value)> {
    TEMPLATES.map(|(name, text)| (name, yaml_serde::from_str(text).unwrap())).into()
}

fn bare(value: &Value) -> &Value {
    match value {
        Value::Tagged(tagged) => &tagged.value,
        plain => plain,
    }
}

fn texts(value: &Value) -> Vec<String> {
    value.as_sequence().unwrap().iter().map(|text| text.as_str().unwrap().to_owned()).collect()
}

/// A statement of a policy, with who has it: a function, or a policy that functions share.
struct Statement {
    owner: String,
    statement: Value,
}

impl Statement {
    fn actions(&self) -> Vec<String> {
        texts(&self.statement["Action"])
    }

    fn keys(&self) -> Option<Vec<String>> {
        let condition = self.statement.get("Condition")?;
        Some(texts(condition.get("ForAllValues:StringLike")?.get("dynamodb:LeadingKeys")?))
    }

    fn writes(&self) -> bool {
        let reads = ["dynamodb:GetItem", "dynamodb:BatchGetItem", "dynamodb:Query", "dynamodb:ConditionCheckItem"];
        self.actions().iter().any(|action| !reads.contains(&action.as_str()))
    }

    fn reads(&self) -> bool {
        let reads = ["dynamodb:GetItem", "dynamodb:BatchGetItem", "dynamodb:Query", "dynamodb:Scan", "dynamodb:*"];
        self.actions().iter().any(|action| reads.contains(&action.as_str()))
    }
}

/// All statements of all templates that allow something.
fn statements() -> Vec<Statement> {
    let mut found = Vec::new();
    for (api, template) in templates() {
        for (name, resource) in template["Resources"].as_mapping().unwrap() {
            let properties = &resource["Properties"];
            let policies: Vec<&Value> = match resource["Type"].as_str().unwrap() {
                "AWS::Serverless::Function" => properties["Policies"].as_sequence().into_iter().flatten().collect(),
                "AWS::IAM::ManagedPolicy" => vec![&properties["PolicyDocument"]],
                _ => continue,
            };
            for policy in policies.into_iter().filter(|policy| !matches!(policy, Value::Tagged(_))) {
                for statement in policy["Statement"].as_sequence().unwrap() {
                    if statement["Effect"].as_str() == Some("Allow") {
                        let owner = format!("{api} {}", name.as_str().unwrap());
                        found.push(Statement { owner, statement: statement.clone() });
                    }
                }
            }
        }
    }
    assert!(found.len() > 100);
    found
}

fn of_the_store(statement: &Statement) -> bool {
    statement.actions().iter().any(|action| action.starts_with("dynamodb:"))
}

#[test]
fn every_right_to_the_store_names_its_keys() {
    for statement in statements().iter().filter(|statement| of_the_store(statement)) {
        let owner = &statement.owner;
        let keys = statement.keys().unwrap_or_else(|| panic!("{owner}: any key"));
        assert!(!keys.is_empty(), "{owner}: any key");
        for key in keys {
            let kind = key.split('#').next().unwrap();
            assert!(!kind.is_empty() && !kind.contains('*'), "{owner}: {key} is any kind of item");
        }
        for action in statement.actions() {
            let known = action.strip_prefix("dynamodb:").unwrap();
            assert!(!known.contains('*') && !known.contains("PartiQL") && known != "Scan", "{owner}: {action}");
        }
        // "for all values" is true of a request that names no key
        let absent = &statement.statement["Condition"]["Null"]["dynamodb:LeadingKeys"];
        assert_eq!(absent.as_str(), Some("false"), "{owner}: a call that names no key passes");
    }
}

#[test]
fn a_write_to_a_list_names_the_list() {
    for statement in statements().iter().filter(|statement| of_the_store(statement) && statement.writes()) {
        for key in statement.keys().unwrap_or_default() {
            let list = key.strip_prefix("RANK#").map(|rest| rest.trim_matches(['*', '#']));
            assert_ne!(list, Some(""), "{} writes every list of every tenant", statement.owner);
        }
    }
}

#[test]
fn the_participants_link_reaches_studies_and_their_sessions_only() {
    let mut writes = BTreeMap::<String, BTreeSet<String>>::new();
    for statement in statements().iter().filter(|statement| statement.owner == "outset OutsetParticipantStart") {
        for action in statement.actions() {
            writes.entry(action).or_default().extend(statement.keys().unwrap_or_default());
        }
    }
    let of = |action: &str| writes[action].iter().cloned().collect::<Vec<_>>().join(" ");
    assert_eq!(of("dynamodb:PutItem"), "RANK#*#studies* SESSION#* STUDY#* WORK#*");
    assert_eq!(of("dynamodb:DeleteItem"), "RANK#*#studies*");
    assert_eq!(of("dynamodb:UpdateItem"), "STUDY#*");
    assert!(!writes.contains_key("dynamodb:BatchWriteItem"));
}

/// Who reads secrets' hashes beside the check of the caller, and which kinds.
const READERS: &[(&str, &[&str])] = &[
    ("openscouter Callers", &["CONN", "FAMILY", "OSC", "TEST"]),
    ("openscouter OpenscouterAdminOrganizationsUpdate", &["KEY"]),
    ("openscouter OpenscouterAuthCallback", &["EMAIL", "FAMILY"]),
    ("openscouter OpenscouterAuthMagicLinkVerify", &["EMAIL", "FAMILY", "TOKEN"]),
    ("openscouter OpenscouterAuthRefresh", &["FAMILY"]),
    ("openscouter OpenscouterAuthResetPassword", &["EMAIL", "TOKEN"]),
    ("openscouter OpenscouterAuthSignIn", &["EMAIL", "FAMILY"]),
    ("openscouter OpenscouterAuthSignUp", &["EMAIL"]),
    ("openscouter OpenscouterAuthVerifyEmail", &["EMAIL", "TOKEN"]),
    ("openscouter OpenscouterCron", &["EMAIL"]),
    ("openscouter OpenscouterOauthAuthorize", &["CODE", "EMAIL"]),
    ("openscouter OpenscouterOauthRevoke", &["CONN"]),
    ("openscouter OpenscouterOauthToken", &["CODE", "CONN"]),
    ("openscouter OpenscouterTelegramWebhook", &["TOKEN"]),
    ("outsend Callers", &["LOGIN", "OSK"]),
    ("outsend OutsendAuthAccountDelete", &["CONN", "EMAIL", "FAMILY", "HOOKSECRET", "KEY", "OSC", "TEST"]),
    ("outsend OutsendAuthLogin", &["EMAIL", "LOGIN"]),
    ("outsend OutsendAuthPasswordChange", &["EMAIL"]),
    ("outsend OutsendAuthPasswordReset", &["EMAIL", "TOKEN"]),
    ("outsend OutsendAuthSignup", &["EMAIL", "LOGIN"]),
    ("outsend OutsendAuthVerifyEmail", &["EMAIL", "LOGIN", "TOKEN"]),
    ("outsend OutsendWebhooksTest", &["HOOKSECRET"]),
    ("outset Callers", &["KEY"]),
    ("root BackgroundAuthorizer", &["CONN", "KEY", "LOGIN", "OSC", "OSK", "TEST"]),
    ("root BackgroundWork", &["CONN", "EMAIL", "FAMILY", "HOOKSECRET", "KEY", "LOGIN", "OSC", "OSK", "TEST"]),
];

#[test]
fn secrets_hashes_are_read_by_who_checks_or_erases_them() {
    let mut found = BTreeMap::<String, BTreeSet<String>>::new();
    for statement in statements().iter().filter(|statement| of_the_store(statement) && statement.reads()) {
        for key in statement.keys().unwrap_or_default() {
            let kind = key.split('#').next().unwrap().to_owned();
            if SECRETS.contains(&kind.as_str()) {
                found.entry(statement.owner.clone()).or_default().insert(kind);
            }
        }
    }
    for (owner, kinds) in &found {
        let known = READERS.iter().find(|(known, _)| known == owner).map(|(_, kinds)| *kinds).unwrap_or_default();
        for kind in kinds {
            assert!(known.contains(&kind.as_str()), "{owner} is not known to need {kind}#*");
        }
    }
}

#[test]
fn no_secret_stands_in_a_template_or_an_environment() {
    for (name, text) in TEMPLATES {
        assert!(!text.contains("{{resolve:"), "{name}: a secret is resolved into the environment");
    }
}

#[test]
fn a_function_fetches_its_own_secrets_and_no_others() {
    for (api, template) in templates() {
        let resources = template["Resources"].as_mapping().unwrap();
        for (name, resource) in resources.iter().filter(|(_, resource)| resource["Type"] == "AWS::Serverless::Function")
        {
            let owner = format!("{api} {}", name.as_str().unwrap());
            let variables = resource["Properties"]["Environment"]["Variables"].as_mapping();
            let named = variables.into_iter().flatten().filter_map(|(variable, value)| {
                let secret = variable.as_str()?.ends_with("_SECRET_NAME");
                secret.then(|| bare(value).as_str().unwrap().to_owned())
            });
            let wanted: BTreeSet<String> = named.collect();
            let mut may = BTreeSet::new();
            for statement in statements().iter().filter(|statement| statement.owner == owner) {
                if statement.actions().iter().any(|action| action.starts_with("secretsmanager:")) {
                    assert_eq!(statement.actions(), ["secretsmanager:GetSecretValue"], "{owner}");
                    let resource = bare(&statement.statement["Resource"]).as_str().unwrap();
                    let secret = resource.split(":secret:").nth(1).unwrap();
                    let secret = secret.strip_prefix("${").and_then(|rest| rest.strip_suffix("}-??????"));
                    may.insert(secret.unwrap_or_else(|| panic!("{owner}: {resource}")).to_owned());
                }
            }
            assert_eq!(may, wanted, "{owner}");
        }
    }
    let signs = statements().iter().filter(|known| known.actions() == ["secretsmanager:GetSecretValue"]).count();
    assert!(signs >= 10, "{signs} functions fetch a secret");
}

#[test]
fn what_decides_about_safety_has_no_default() {
    let mut stages = 0;
    for (api, template) in templates() {
        let parameters = template["Parameters"].as_mapping().unwrap();
        for name in ["Stage", "MailIdentity"] {
            let Some(parameter) = parameters.get(name) else { continue };
            assert!(parameter.get("Default").is_none(), "{api}: {name} has a default");
            stages += usize::from(name == "Stage");
        }
    }
    assert!(stages >= 2);
    let templates = templates();
    let root = &templates[0].1;
    let pattern = root["Parameters"]["MailIdentity"]["AllowedPattern"].as_str().unwrap_or_default();
    let allowed = regex_lite::Regex::new(&format!("^(?:{pattern})$")).unwrap();
    for identity in ["example.com", "no-reply@mail.example.com", "a-b.example.co"] {
        assert!(allowed.is_match(identity), "{identity}");
    }
    for identity in [
        "*",
        "",
        "com",
        "*.example.com",
        "example.*",
        "a*@example.com",
        "example.com*",
        "?xample.com",
        "a b.com",
        "${x}",
    ] {
        assert!(!allowed.is_match(identity), "{identity}");
    }
}

#[test]
fn every_api_that_makes_organizations_knows_the_stage() {
    // without it organizations need not pay
    for (api, template) in templates().into_iter().filter(|(api, _)| ["outsend", "openscouter"].contains(api)) {
        let variables = &template["Globals"]["Function"]["Environment"]["Variables"];
        assert_eq!(bare(&variables["OUTSCOUT_STAGE"]).as_str(), Some("Stage"), "{api}");
        let handed = &templates()[0].1["Resources"];
        let handed = handed.as_mapping().unwrap().values().find(|resource| {
            resource["Properties"]["Location"].as_str() == Some(&format!("functions/{api}/template.yaml"))
        });
        let stage = &handed.unwrap()["Properties"]["Parameters"]["Stage"];
        assert_eq!(bare(stage).as_str(), Some("Stage"), "{api}");
    }
}

type Asked = Arc<Mutex<Vec<(HeaderMap, serde_json::Value)>>>;

/// A Secrets Manager that knows one secret, and one that it may not give; it is busy at first.
async fn secrets_manager() -> (String, Asked) {
    let asked = Asked::default();
    let kept = Arc::clone(&asked);
    let answer = async move |headers: HeaderMap, body: String| {
        let body: serde_json::Value = serde_json::from_str(&body).unwrap();
        let mut kept = kept.lock().unwrap();
        kept.push((headers, body.clone()));
        let refusal = |status: StatusCode, kind: &str| (status, Json(json!({"__type": kind}))).into_response();
        match body["SecretId"].as_str().unwrap() {
            _ if kept.len() == 1 => refusal(StatusCode::BAD_REQUEST, "ThrottlingException"),
            "outscout/cron" => Json(json!({"Name": "outscout/cron", "SecretString": "hush"})).into_response(),
            _ => refusal(StatusCode::BAD_REQUEST, "com.amazonaws.secretsmanager#AccessDeniedException"),
        }
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let service = Router::new().route("/", post(answer));
    tokio::spawn(async move { axum::serve(listener, service).await });
    (url, asked)
}

#[tokio::test]
async fn secrets_are_fetched_at_the_start_and_shown_nowhere() {
    let (url, asked) = secrets_manager().await;
    let variables = |more: &'static [(&'static str, &'static str)]| {
        let url = url.clone();
        move |name: &str| match name {
            "AWS_ENDPOINT_URL_SECRETS_MANAGER" => Some(url.clone()),
            "AWS_ACCESS_KEY_ID" => Some("AKIDEXAMPLE".to_owned()),
            "AWS_SESSION_TOKEN" => Some("token".to_owned()),
            "AWS_REGION" | "AWS_SECRET_ACCESS_KEY" | "OUTSCOUT_MAIN_TABLE" | "OUTSCOUT_HOT_TABLE" => {
                Some("x".to_owned())
            }
            name => more.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned()),
        }
    };
    // nothing is named, or the variable is set, as on a laptop
    assert!(fetch(&variables(&[])).await.unwrap().is_empty());
    let own = [("OUTSCOUT_CRON_SECRET", "own"), ("OUTSCOUT_CRON_SECRET_SECRET_NAME", "outscout/cron")];
    assert!(fetch(&variables(Box::leak(Box::new(own)))).await.unwrap().is_empty());
    assert!(fetch(&variables(&[("OUTSCOUT_CRON_SECRET_SECRET_NAME", "")])).await.unwrap().is_empty());
    assert!(asked.lock().unwrap().is_empty());

    let fetched = fetch(&variables(&[("OUTSCOUT_CRON_SECRET_SECRET_NAME", "outscout/cron")])).await.unwrap();
    assert_eq!((fetched.len(), fetched[0].0, fetched[0].1.expose_secret()), (1, "OUTSCOUT_CRON_SECRET", "hush"));
    assert!(!format!("{fetched:?}").contains("hush"));
    {
        let asked = asked.lock().unwrap();
        assert_eq!(asked.len(), 2, "it was busy once");
        let (headers, body) = &asked[1];
        assert_eq!(body, &json!({"SecretId": "outscout/cron"}));
        assert_eq!(headers["x-amz-target"], "secretsmanager.GetSecretValue");
        assert_eq!(headers["x-amz-security-token"], "token");
        let signature = headers["authorization"].to_str().unwrap();
        assert!(signature.starts_with("AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/"), "{signature}");
        assert!(signature.contains("/x/secretsmanager/aws4_request"), "{signature}");
        assert!(signature.contains("host;") && signature.contains("x-amz-target"), "{signature}");
    }
    // a start without a secret that is named is no start
    let error = fetch(&variables(&[("OUTSCOUT_WEBHOOK_SECRETS_SECRET_NAME", "no")])).await.unwrap_err().to_string();
    let expected =
        "the secret that OUTSCOUT_WEBHOOK_SECRETS_SECRET_NAME names cannot be read: status 400 AccessDeniedException";
    assert_eq!(error, expected);
}
