//! The calls of AWS that the doctor makes.

use std::{collections::HashMap, time::Duration};

use aws_sdk_dynamodbstreams::{
    error::DisplayErrorContext,
    types::{Record, ShardIteratorType},
};
use serde_json::{Value, json};
use shared::{
    aws::{Http, credentials},
    config::StoreSettings,
    signed::Service,
};
use url::form_urlencoded;

/// How long a service may take to answer.
const ANSWER: Duration = Duration::from_secs(20);
/// How long a function may take: longer than any of them may run.
const INVOCATION: Duration = Duration::from_secs(330);
/// How long a letter that was taken out is shown to nobody else.
const TAKEN_SECONDS: u64 = 900;
/// How many answers without a record mean that a stream has no more.
const EMPTY_ANSWERS: u32 = 10;

/// Why a call told nothing.
#[derive(Debug, thiserror::Error)]
#[error("{action}: {cause}")]
pub(super) struct CloudError {
    action: &'static str,
    /// What AWS calls it, where it answered.
    pub(super) code: String,
    cause: String,
}

impl CloudError {
    /// What went wrong, where no answer of AWS's says it.
    pub(super) fn of(action: &'static str, cause: String) -> Self {
        Self { action, code: String::new(), cause }
    }
}

/// A resource of a stack.
#[derive(Clone, Debug)]
pub(super) struct Resource {
    pub(super) physical: String,
    pub(super) kind: String,
    pub(super) status: String,
}

/// The services, in one region of one account.
#[derive(Debug)]
pub(super) struct Cloud {
    formation: Service,
    queues: Service,
    functions: Service,
    scheduler: Service,
    pub(super) tables: aws_sdk_dynamodb::Client,
    streams: aws_sdk_dynamodbstreams::Client,
}

impl Cloud {
    /// The services that `settings` reach; `endpoint` names another place for one of them.
    pub(super) fn new(settings: &StoreSettings, endpoint: &dyn Fn(&str) -> Option<String>) -> Self {
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
            tables: aws_sdk_dynamodb::Client::from_conf(tables.build()),
            streams: aws_sdk_dynamodbstreams::Client::from_conf(streams.build()),
        }
    }

    /// A stack's state and its outputs; `None` when there is no such stack.
    pub(super) async fn stack(&self, name: &str) -> Result<Option<(String, Vec<(String, String)>)>, CloudError> {
        let answer = match self.form("DescribeStacks", &[("StackName", name)]).await {
            Err(error) if error.code == "ValidationError" && error.cause.contains("does not exist") => return Ok(None),
            answer => answer?,
        };
        let document = read("DescribeStacks", &answer)?;
        let status = document.descendants().find_map(|node| text(node, "StackStatus").filter(|_| has(node, "StackId")));
        let outputs =
            document.descendants().filter_map(|node| Some((text(node, "OutputKey")?, text(node, "OutputValue")?)));
        Ok(status.map(|status| (status, outputs.collect())))
    }

    /// A stack's resources by logical id.
    pub(super) async fn resources(&self, name: &str) -> Result<HashMap<String, Resource>, CloudError> {
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
    pub(super) async fn waiting(&self, queue: &str) -> Result<u64, CloudError> {
        let names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"];
        let told = self.queue("GetQueueAttributes", json!({"QueueUrl": queue, "AttributeNames": names})).await?;
        let number = |name: &str| told.get("Attributes")?.get(name)?.as_str()?.parse::<u64>().ok();
        Ok(names.iter().filter_map(|name| number(name)).sum())
    }

    /// Takes up to `most` letters out of a queue, for a while.
    pub(super) async fn take(&self, queue: &str, most: u8) -> Result<Vec<Value>, CloudError> {
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
    pub(super) async fn give_back(&self, queue: &str, receipt: &str) -> Result<(), CloudError> {
        let asked = json!({"QueueUrl": queue, "ReceiptHandle": receipt, "VisibilityTimeout": 0});
        self.queue("ChangeMessageVisibility", asked).await.map(drop)
    }

    /// Removes a letter for good.
    pub(super) async fn remove(&self, queue: &str, receipt: &str) -> Result<(), CloudError> {
        self.queue("DeleteMessage", json!({"QueueUrl": queue, "ReceiptHandle": receipt})).await.map(drop)
    }

    /// What brings a table's stream to a function.
    pub(super) async fn mappings(&self, function: &str) -> Result<Vec<Value>, CloudError> {
        const ACTION: &str = "ListEventSourceMappings";
        let query: String =
            form_urlencoded::Serializer::new(String::new()).append_pair("FunctionName", function).finish();
        let path = format!("/2015-03-31/event-source-mappings/?{query}");
        let answer = self.functions.call("GET", &path, Vec::new(), String::new(), ANSWER).await;
        let told: Value = json_answer(ACTION, answer)?;
        Ok(told.get("EventSourceMappings").and_then(Value::as_array).cloned().unwrap_or_default())
    }

    /// A schedule.
    pub(super) async fn schedule(&self, name: &str, group: &str) -> Result<Value, CloudError> {
        let query: String = form_urlencoded::Serializer::new(String::new()).append_pair("groupName", group).finish();
        let path = format!("/schedules/{name}?{query}");
        json_answer("GetSchedule", self.scheduler.call("GET", &path, Vec::new(), String::new(), ANSWER).await)
    }

    /// Invokes a function and waits for its answer. A function that fails has not done it.
    pub(super) async fn invoke(&self, function: &str, event: String) -> Result<Vec<u8>, CloudError> {
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
    pub(super) async fn records(
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

fn has(node: roxmltree::Node<'_, '_>, name: &str) -> bool {
    text(node, name).is_some()
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
