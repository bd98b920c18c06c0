//! The calls of AWS that the command line makes for a deployment.

use std::{collections::HashMap, time::Duration};

use aws_sdk_dynamodbstreams::{
    error::DisplayErrorContext,
    types::{Record, ShardIteratorType},
};
use serde_json::{Value, json};
use shared::{
    aws::{Http, credentials},
    config::{ExposeSecret as _, SecretString, Settings, SettingsError, StoreSettings},
    signed::Service,
};
use url::form_urlencoded;

/// How long a service may take to answer.
const ANSWER: Duration = Duration::from_secs(20);
/// How long a function may take: longer than any of them may run.
const INVOCATION: Duration = Duration::from_secs(330);
/// How long a letter that was taken out is shown to nobody else.
const TAKEN_SECONDS: u64 = 900;
/// The stages of a secret's versions: what is read, and what is to be.
pub(crate) const CURRENT: &str = "AWSCURRENT";
pub(crate) const PENDING: &str = "AWSPENDING";
/// How many answers without a record mean that a stream has no more.
const EMPTY_ANSWERS: u32 = 10;

/// Why a call told nothing.
#[derive(Debug, thiserror::Error)]
#[error("{action}: {cause}")]
pub(crate) struct CloudError {
    action: &'static str,
    /// What AWS calls it, where it answered.
    pub(crate) code: String,
    cause: String,
}

impl CloudError {
    /// What went wrong, where no answer of AWS's says it.
    pub(crate) fn of(action: &'static str, cause: String) -> Self {
        Self { action, code: String::new(), cause }
    }
}

/// A stack.
#[derive(Clone, Debug)]
pub(crate) struct Stack {
    pub(crate) status: String,
    /// When it was last changed, as an ISO 8601 date-time.
    pub(crate) changed_at: String,
    pub(crate) outputs: Vec<(String, String)>,
    pub(crate) parameters: Vec<(String, String)>,
}

/// A version of a secret.
#[derive(Debug)]
pub(crate) struct SecretVersion {
    pub(crate) id: String,
    pub(crate) text: SecretString,
}

/// A resource of a stack.
#[derive(Clone, Debug)]
pub(crate) struct Resource {
    pub(crate) physical: String,
    pub(crate) kind: String,
    pub(crate) status: String,
}

/// The services, in one region of one account.
#[derive(Debug)]
pub(crate) struct Cloud {
    formation: Service,
    queues: Service,
    functions: Service,
    scheduler: Service,
    secrets: Service,
    pub(crate) tables: aws_sdk_dynamodb::Client,
    streams: aws_sdk_dynamodbstreams::Client,
}

impl Cloud {
    /// The services that `settings` reach; `endpoint` names another place for one of them.
    fn new(settings: &StoreSettings, endpoint: &dyn Fn(&str) -> Option<String>) -> Self {
        let service = |name, variable| Service::of(settings, name, endpoint(variable).as_deref());
        let region = aws_sdk_dynamodb::config::Region::new(settings.region.clone());
        let place = endpoint("DYNAMODB");
        let mut tables = aws_sdk_dynamodb::Config::builder()
            .behavior_version(aws_sdk_dynamodb::config::BehaviorVersion::latest())
            .http_client(Http::of(settings, "dynamodb", place.as_deref()))
            .region(region.clone())
            .credentials_provider(credentials(settings));
        tables.set_endpoint_url(place);
        let place = endpoint("DYNAMODB_STREAMS");
        let mut streams = aws_sdk_dynamodbstreams::Config::builder()
            .behavior_version(aws_sdk_dynamodbstreams::config::BehaviorVersion::latest())
            .http_client(Http::of(settings, "streams.dynamodb", place.as_deref()))
            .region(region)
            .credentials_provider(credentials(settings));
        streams.set_endpoint_url(place);
        Self {
            formation: service("cloudformation", "CLOUDFORMATION"),
            queues: service("sqs", "SQS"),
            functions: service("lambda", "LAMBDA"),
            scheduler: service("scheduler", "SCHEDULER"),
            secrets: service("secretsmanager", "SECRETS_MANAGER"),
            tables: aws_sdk_dynamodb::Client::from_conf(tables.build()),
            streams: aws_sdk_dynamodbstreams::Client::from_conf(streams.build()),
        }
    }

    /// The services in `region` or the environment's, with its credentials, and the settings that reach them. Where a
    /// service is, other than at AWS, the SDK's own variables say (`AWS_ENDPOINT_URL`, `AWS_ENDPOINT_URL_SQS`, …).
    ///
    /// # Errors
    /// When the environment names no region or credentials.
    pub(crate) fn from_env(region: Option<&str>) -> Result<(Self, Settings), SettingsError> {
        let set = |name: &str| Settings::variable(name).filter(|value| !value.is_empty());
        let endpoint = |service: &str| set(&format!("AWS_ENDPOINT_URL_{service}")).or_else(|| set("AWS_ENDPOINT_URL"));
        let settings = Settings::read(|name| match name {
            "AWS_REGION" => region.map(str::to_owned).or_else(|| set(name)).or_else(|| set("AWS_DEFAULT_REGION")),
            // the stack names the tables
            "OUTSCOUT_MAIN_TABLE" | "OUTSCOUT_HOT_TABLE" => Some("unknown".to_owned()),
            "AWS_ENDPOINT_URL_DYNAMODB" => endpoint("DYNAMODB"),
            _ if name.starts_with("AWS_") => set(name),
            _ => None,
        })?;
        Ok((Self::new(&settings.store, &endpoint), settings))
    }

    /// A stack; `None` when there is none of this name.
    pub(crate) async fn stack(&self, name: &str) -> Result<Option<Stack>, CloudError> {
        let answer = match self.form("DescribeStacks", &[("StackName", name)]).await {
            Err(error) if error.code == "ValidationError" && error.cause.contains("does not exist") => return Ok(None),
            answer => answer?,
        };
        let document = read("DescribeStacks", &answer)?;
        let pairs = |name: &str, value: &str| {
            let found = document
                .descendants()
                .filter_map(|node| Some((text(node, name)?, text(node, value).unwrap_or_default())));
            found.collect()
        };
        Ok(document.descendants().find(|node| text(*node, "StackStatus").is_some()).map(|node| Stack {
            status: text(node, "StackStatus").unwrap_or_default(),
            changed_at: text(node, "LastUpdatedTime").or_else(|| text(node, "CreationTime")).unwrap_or_default(),
            outputs: pairs("OutputKey", "OutputValue"),
            parameters: pairs("ParameterKey", "ParameterValue"),
        }))
    }

    /// Begins to give one of a stack's parameters another value; all else stays.
    pub(crate) async fn set_parameter(&self, name: &str, stack: &Stack, set: (&str, &str)) -> Result<(), CloudError> {
        let mut asked = vec![("StackName".to_owned(), name), ("UsePreviousTemplate".to_owned(), "true")];
        for (number, capability) in (1..).zip(["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"]) {
            asked.push((format!("Capabilities.member.{number}"), capability));
        }
        for (number, (parameter, _)) in (1..).zip(&stack.parameters) {
            asked.push((format!("Parameters.member.{number}.ParameterKey"), parameter));
            asked.push(if parameter == set.0 {
                (format!("Parameters.member.{number}.ParameterValue"), set.1)
            } else {
                (format!("Parameters.member.{number}.UsePreviousValue"), "true")
            });
        }
        let asked: Vec<_> = asked.iter().map(|(name, value)| (name.as_str(), *value)).collect();
        self.form("UpdateStack", &asked).await.map(drop)
    }

    /// The version of a secret that has a stage; `None` when none has.
    pub(crate) async fn secret(&self, name: &str, stage: &str) -> Result<Option<SecretVersion>, CloudError> {
        let asked = json!({"SecretId": name, "VersionStage": stage});
        let told = match self.secrets("GetSecretValue", asked).await {
            Err(error) if error.code.ends_with("ResourceNotFoundException") => return Ok(None),
            told => told?,
        };
        let member = |name: &str| told.get(name).and_then(Value::as_str);
        Ok(member("VersionId")
            .zip(member("SecretString"))
            .map(|(id, text)| SecretVersion { id: id.to_owned(), text: text.into() }))
    }

    /// Puts a text beside the one that a secret has, for later.
    pub(crate) async fn put_pending(&self, name: &str, text: &SecretString) -> Result<(), CloudError> {
        let token = uuid::Uuid::new_v4().to_string();
        let asked = json!({
            "SecretId": name, "ClientRequestToken": token, "SecretString": text.expose_secret(), "VersionStages": [PENDING],
        });
        self.secrets("PutSecretValue", asked).await.map(drop)
    }

    /// Makes one version of a secret the current one in place of another; it fails when that is it no longer.
    pub(crate) async fn promote(&self, name: &str, from: &str, to: &str) -> Result<(), CloudError> {
        let asked = json!({
            "SecretId": name, "VersionStage": CURRENT, "RemoveFromVersionId": from, "MoveToVersionId": to,
        });
        self.secrets("UpdateSecretVersionStage", asked).await.map(drop)
    }

    /// A stack's resources by logical id.
    pub(crate) async fn resources(&self, name: &str) -> Result<HashMap<String, Resource>, CloudError> {
        const ACTION: &str = "ListStackResources";
        let (mut found, mut next) = (HashMap::new(), None::<String>);
        loop {
            let mut asked = vec![("StackName", name)];
            asked.extend(next.as_deref().map(|token| ("NextToken", token)));
            let answer = self.form(ACTION, &asked).await?;
            let document = read(ACTION, &answer)?;
            for node in document.descendants() {
                if let (Some(logical), Some(physical), Some(kind), Some(status)) = (
                    text(node, "LogicalResourceId"),
                    text(node, "PhysicalResourceId"),
                    text(node, "ResourceType"),
                    text(node, "ResourceStatus"),
                ) {
                    found.insert(logical, Resource { physical, kind, status });
                }
            }
            next = document.descendants().find_map(|node| text(node, "NextToken"));
            if next.is_none() {
                return Ok(found);
            }
        }
    }

    /// How many letters wait in a queue, with those that somebody has taken out.
    pub(crate) async fn waiting(&self, queue: &str) -> Result<u64, CloudError> {
        let names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"];
        let told = self.queue("GetQueueAttributes", json!({"QueueUrl": queue, "AttributeNames": names})).await?;
        let number = |name: &str| told.get("Attributes")?.get(name)?.as_str()?.parse::<u64>().ok();
        Ok(names.iter().filter_map(|name| number(name)).sum())
    }

    /// Takes up to `most` letters out of a queue, for a while.
    pub(crate) async fn take(&self, queue: &str, most: u8) -> Result<Vec<Value>, CloudError> {
        let asked = json!({
            "QueueUrl": queue,
            "MaxNumberOfMessages": most,
            "VisibilityTimeout": TAKEN_SECONDS,
            "WaitTimeSeconds": 1,
            "MessageAttributeNames": ["All"],
            "MessageSystemAttributeNames": ["SentTimestamp"],
        });
        let mut told = self.queue("ReceiveMessage", asked).await?;
        Ok(match told.get_mut("Messages").map(Value::take) {
            Some(Value::Array(letters)) => letters,
            _ => Vec::new(),
        })
    }

    /// Lets others see a letter again that was taken out.
    pub(crate) async fn give_back(&self, queue: &str, receipt: &str) -> Result<(), CloudError> {
        let asked = json!({"QueueUrl": queue, "ReceiptHandle": receipt, "VisibilityTimeout": 0});
        self.queue("ChangeMessageVisibility", asked).await.map(drop)
    }

    /// Removes a letter for good.
    pub(crate) async fn remove(&self, queue: &str, receipt: &str) -> Result<(), CloudError> {
        self.queue("DeleteMessage", json!({"QueueUrl": queue, "ReceiptHandle": receipt})).await.map(drop)
    }

    /// What brings a table's stream to a function.
    pub(crate) async fn mappings(&self, function: &str) -> Result<Vec<Value>, CloudError> {
        const ACTION: &str = "ListEventSourceMappings";
        let query: String =
            form_urlencoded::Serializer::new(String::new()).append_pair("FunctionName", function).finish();
        let path = format!("/2015-03-31/event-source-mappings/?{query}");
        let answer = self.functions.call("GET", &path, Vec::new(), String::new(), ANSWER).await;
        let told: Value = json_answer(ACTION, answer)?;
        Ok(told.get("EventSourceMappings").and_then(Value::as_array).cloned().unwrap_or_default())
    }

    /// A schedule.
    pub(crate) async fn schedule(&self, name: &str, group: &str) -> Result<Value, CloudError> {
        let query: String = form_urlencoded::Serializer::new(String::new()).append_pair("groupName", group).finish();
        let path = format!("/schedules/{name}?{query}");
        json_answer("GetSchedule", self.scheduler.call("GET", &path, Vec::new(), String::new(), ANSWER).await)
    }

    /// Invokes a function and waits for its answer. A function that fails has not done it.
    pub(crate) async fn invoke(&self, function: &str, event: String) -> Result<Vec<u8>, CloudError> {
        const ACTION: &str = "Invoke";
        let headers = vec![("content-type", "application/json".to_owned())];
        let path = format!("/2015-03-31/functions/{function}/invocations");
        let answer = answered(ACTION, self.functions.call("POST", &path, headers, event, INVOCATION).await)?;
        let told: Value = serde_json::from_slice(&answer).unwrap_or_default();
        match told.get("errorMessage") {
            None => Ok(answer),
            Some(_) => {
                let code = told.get("errorType").and_then(Value::as_str).unwrap_or("Unhandled").to_owned();
                // what it says of itself is in its log
                Err(CloudError { action: ACTION, cause: format!("the function failed ({code})"), code })
            }
        }
    }

    /// The records of a shard from one sequence number to another, as far as the stream still has them; `None` when it
    /// does not.
    pub(crate) async fn records(
        &self,
        (stream, shard): (&str, &str),
        (first, last): (&str, &str),
    ) -> Result<Option<Vec<Record>>, CloudError> {
        const ACTION: &str = "GetRecords";
        let failed = |cause: String| CloudError::of(ACTION, cause);
        let call = self.streams.get_shard_iterator().stream_arn(stream).shard_id(shard);
        let call = call.shard_iterator_type(ShardIteratorType::AtSequenceNumber).sequence_number(first);
        let mut iterator = match call.send().await {
            Err(error)
                if error.as_service_error().is_some_and(|error| {
                    error.is_trimmed_data_access_exception() || error.is_resource_not_found_exception()
                }) =>
            {
                return Ok(None);
            }
            answer => answer.map_err(|error| failed(DisplayErrorContext(error).to_string()))?.shard_iterator,
        };
        let (mut records, mut empty) = (Vec::new(), 0);
        while let Some(at) = iterator {
            let answer = match self.streams.get_records().shard_iterator(at).send().await {
                Err(error)
                    if error.as_service_error().is_some_and(|error| error.is_trimmed_data_access_exception()) =>
                {
                    break;
                }
                answer => answer.map_err(|error| failed(DisplayErrorContext(error).to_string()))?,
            };
            iterator = answer.next_shard_iterator;
            let found = answer.records.unwrap_or_default();
            empty = if found.is_empty() { empty + 1 } else { 0 };
            let number = |record: &Record| record.dynamodb.as_ref().and_then(|change| change.sequence_number.clone());
            let reached = found.iter().filter_map(number).any(|number| in_order(last, &number));
            let within = |record: &Record| number(record).is_some_and(|at| in_order(first, &at) && in_order(&at, last));
            records.extend(found.into_iter().filter(within));
            // a part of the stream may answer with nothing before it comes to its records
            if reached || empty == EMPTY_ANSWERS {
                break;
            }
        }
        Ok((!records.is_empty()).then_some(records))
    }

    async fn form(&self, action: &'static str, asked: &[(&str, &str)]) -> Result<String, CloudError> {
        let mut body = form_urlencoded::Serializer::new(String::new());
        body.append_pair("Action", action).append_pair("Version", "2010-05-15").extend_pairs(asked);
        let headers = vec![("content-type", "application/x-www-form-urlencoded; charset=utf-8".to_owned())];
        let answer = answered(action, self.formation.call("POST", "/", headers, body.finish(), ANSWER).await)?;
        String::from_utf8(answer).map_err(|_| unreadable(action))
    }

    async fn secrets(&self, action: &'static str, asked: Value) -> Result<Value, CloudError> {
        let headers = vec![
            ("content-type", "application/x-amz-json-1.1".to_owned()),
            ("x-amz-target", format!("secretsmanager.{action}")),
        ];
        json_answer(action, self.secrets.call("POST", "/", headers, asked.to_string(), ANSWER).await)
    }

    async fn queue(&self, action: &'static str, asked: Value) -> Result<Value, CloudError> {
        let headers = vec![
            ("content-type", "application/x-amz-json-1.0".to_owned()),
            ("x-amz-target", format!("AmazonSQS.{action}")),
        ];
        let answer = answered(action, self.queues.call("POST", "/", headers, asked.to_string(), ANSWER).await)?;
        // some actions answer with nothing
        if answer.is_empty() {
            Ok(Value::Null)
        } else {
            serde_json::from_slice(&answer).map_err(|_| unreadable(action))
        }
    }
}

/// Whether one sequence number is not behind another: they are numbers of up to forty digits.
fn in_order(one: &str, other: &str) -> bool {
    let key = |text: &str| (text.trim_start_matches('0').len(), text.trim_start_matches('0').to_owned());
    key(one) <= key(other)
}

fn unreadable(action: &'static str) -> CloudError {
    CloudError::of(action, "the answer cannot be read".to_owned())
}

/// The body of an answer that is a success.
fn answered(action: &'static str, answer: Result<(u16, impl AsRef<[u8]>), String>) -> Result<Vec<u8>, CloudError> {
    match answer {
        Err(cause) => Err(CloudError::of(action, cause)),
        Ok((status, body)) if (200..300).contains(&status) => Ok(body.as_ref().to_vec()),
        Ok((status, body)) => {
            let (code, message) = refusal(&String::from_utf8_lossy(body.as_ref()));
            Err(CloudError { action, cause: format!("status {status} {code} {message}").trim().to_owned(), code })
        }
    }
}

fn json_answer(action: &'static str, answer: Result<(u16, impl AsRef<[u8]>), String>) -> Result<Value, CloudError> {
    serde_json::from_slice(&answered(action, answer)?).map_err(|_| unreadable(action))
}

/// What a refusal is called, and what it says.
fn refusal(body: &str) -> (String, String) {
    if let Ok(document) = roxmltree::Document::parse(body) {
        let told = |name| document.descendants().find_map(|node| text(node, name)).unwrap_or_default();
        return (told("Code"), told("Message"));
    }
    let told: Value = serde_json::from_str(body).unwrap_or_default();
    let part = |names: [&str; 2]| names.iter().find_map(|name| told.get(*name)?.as_str()).unwrap_or_default();
    let code = part(["__type", "Type"]).rsplit('#').next().unwrap_or_default();
    (code.to_owned(), part(["message", "Message"]).to_owned())
}

fn read<'a>(action: &'static str, answer: &'a str) -> Result<roxmltree::Document<'a>, CloudError> {
    roxmltree::Document::parse(answer).map_err(|_| unreadable(action))
}

/// The text of a node's child.
fn text(node: roxmltree::Node<'_, '_>, name: &str) -> Option<String> {
    node.children().find(|child| child.tag_name().name() == name)?.text().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sequence_numbers_are_in_their_order() {
        assert!(in_order("9", "10") && in_order("0010", "10") && !in_order("1000", "999"));
    }

    #[test]
    fn a_refusal_is_read_in_each_of_its_forms() {
        let xml = r#"<ErrorResponse xmlns="http://x/"><Error><Code>ValidationError</Code><Message>m</Message></Error></ErrorResponse>"#;
        for body in [
            xml,
            r#"{"__type":"com.amazonaws.sqs#ValidationError","message":"m"}"#,
            r#"{"Type":"ValidationError","Message":"m"}"#,
        ] {
            assert_eq!(refusal(body), ("ValidationError".to_owned(), "m".to_owned()), "{body}");
        }
        assert_eq!(refusal("busy"), (String::new(), String::new()));
    }
}
