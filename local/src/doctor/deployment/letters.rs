//! Dead letters: what a schedule could not bring, and where in a stream records stand on which a function failed. What they
//! carry is handed to the function, and shown to nobody.

use serde_json::Value;

/// A letter that was taken out of its queue.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Letter {
    pub(super) id: String,
    pub(super) receipt: String,
    /// Physical name of the function that it was for.
    pub(super) function: String,
    /// When it was to come, or came.
    pub(super) at: String,
    /// Why it did not, in the platform's word for it.
    pub(super) cause: String,
    pub(super) matter: Matter,
}

/// What a letter is about.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Matter {
    /// A schedule's event.
    Tick { schedule: String, event: String },
    /// Records of a table's stream.
    Batch(Batch),
    /// Nothing that is known here.
    Unknown,
}

/// Where records stand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Batch {
    pub(super) stream: String,
    pub(super) shard: String,
    pub(super) first: String,
    pub(super) last: String,
    pub(super) size: u64,
}

impl Letter {
    /// Reads what a queue handed out.
    pub(super) fn read(message: &Value) -> Self {
        let member = |name: &str| message.get(name).and_then(Value::as_str).unwrap_or_default();
        let body: Value = serde_json::from_str(member("Body")).unwrap_or_default();
        let (function, at, cause, matter) =
            scheduled(message, member("Body"), &body).unwrap_or_else(|| given_up(&body));
        Self {
            id: member("MessageId").to_owned(),
            receipt: member("ReceiptHandle").to_owned(),
            function,
            at,
            cause,
            matter,
        }
    }

    /// What it is about, in words.
    pub(super) fn shown(&self) -> String {
        let (at, cause) = (&self.at, &self.cause);
        match &self.matter {
            Matter::Tick { schedule, .. } if schedule.is_empty() => format!("an event of {at} ({cause})"),
            Matter::Tick { schedule, .. } => format!("the tick of {schedule} at {at} ({cause})"),
            Matter::Batch(batch) => format!("{} records of the stream, of {at} ({cause})", batch.size),
            Matter::Unknown => "nothing that outscout knows".to_owned(),
        }
    }
}

/// A letter of EventBridge Scheduler, which says in its attributes what it is about.
fn scheduled(message: &Value, text: &str, body: &Value) -> Option<(String, String, String, Matter)> {
    let attribute = |name: &str| message.get("MessageAttributes")?.get(name)?.get("StringValue")?.as_str();
    let target = attribute("TARGET_ARN")?;
    let schedule = last_part(attribute("SCHEDULE_ARN")?, '/');
    let whole = body.is_object() && attribute("IS_PAYLOAD_TRUNCATED") != Some("true");
    // the functions look at the clock, not into the event
    let event = if whole { text.to_owned() } else { "{}".to_owned() };
    let at = attribute("SCHEDULED_TIME").unwrap_or("a time that is not told").to_owned();
    let cause = attribute("ERROR_CODE").unwrap_or("no cause told").to_owned();
    Some((last_part(target, ':'), at, cause, Matter::Tick { schedule, event }))
}

/// A letter of Lambda's about an invocation that it gave up.
fn given_up(body: &Value) -> (String, String, String, Matter) {
    let part = |path: &str| body.pointer(path).and_then(Value::as_str).unwrap_or_default().to_owned();
    let name =
        |arn: &str| arn.split(":function:").nth(1).map(|name| name.split(':').next().unwrap_or_default().to_owned());
    let function = name(&part("/requestContext/functionArn")).unwrap_or_default();
    let cause = part("/requestContext/condition");
    let info = |name: &str| part(&format!("/DDBStreamBatchInfo/{name}"));
    let batch = Batch {
        stream: info("streamArn"),
        shard: info("shardId"),
        first: info("startSequenceNumber"),
        last: info("endSequenceNumber"),
        size: body.pointer("/DDBStreamBatchInfo/batchSize").and_then(Value::as_u64).unwrap_or_default(),
    };
    let whole = [&function, &batch.stream, &batch.shard, &batch.first, &batch.last].iter().all(|text| !text.is_empty());
    if whole {
        let at = info("approximateArrivalOfFirstRecord");
        return (function, at, cause, Matter::Batch(batch));
    }
    match body.get("requestPayload") {
        Some(event) if event.is_object() && !function.is_empty() => {
            let matter = Matter::Tick { schedule: String::new(), event: event.to_string() };
            (function, part("/timestamp"), cause, matter)
        }
        _ => (function, String::new(), cause, Matter::Unknown),
    }
}

fn last_part(text: &str, separator: char) -> String {
    text.rsplit(separator).next().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn message(body: &str, attributes: &[(&str, &str)]) -> Value {
        let attributes: serde_json::Map<_, _> = attributes
            .iter()
            .map(|(name, value)| ((*name).to_owned(), json!({"DataType": "String", "StringValue": value})))
            .collect();
        json!({"MessageId": "m", "ReceiptHandle": "r", "Body": body, "MessageAttributes": attributes})
    }

    #[test]
    fn a_schedules_letter_names_its_function_and_hides_its_event() {
        let attributes = [
            ("TARGET_ARN", "arn:aws:lambda:us-east-1:000000000000:function:outscout-BackgroundWork-1"),
            ("SCHEDULE_ARN", "arn:aws:scheduler:us-east-1:000000000000:schedule/group/BackgroundWorkMinute"),
            ("SCHEDULED_TIME", "2026-12-01T08:00:00Z"),
            ("ERROR_CODE", "AWS.Lambda.TooManyRequests"),
            ("ERROR_MESSAGE", "hush"),
        ];
        let letter = Letter::read(&message(r#"{"hush":1}"#, &attributes));
        assert_eq!(letter.function, "outscout-BackgroundWork-1");
        let shown = "the tick of BackgroundWorkMinute at 2026-12-01T08:00:00Z (AWS.Lambda.TooManyRequests)";
        assert_eq!(letter.shown(), shown);
        let tick = |event: &str| Matter::Tick { schedule: "BackgroundWorkMinute".to_owned(), event: event.to_owned() };
        assert_eq!(letter.matter, tick(r#"{"hush":1}"#));
        let cut = [&attributes[..], &[("IS_PAYLOAD_TRUNCATED", "true")]].concat();
        for (body, attributes) in [(r#"{"hush":1}"#, &cut[..]), (r#"{"hu"#, &attributes[..]), ("[]", &attributes[..])] {
            assert_eq!(Letter::read(&message(body, attributes)).matter, tick("{}"), "{body}");
        }
    }

    #[test]
    fn a_streams_letter_names_where_the_records_stand() {
        let body = json!({
            "requestContext": {
                "functionArn": "arn:aws:lambda:us-east-1:000000000000:function:outscout-BackgroundReactor-1:$LATEST",
                "condition": "RetryAttemptsExhausted",
            },
            "DDBStreamBatchInfo": {
                "shardId": "s", "startSequenceNumber": "10", "endSequenceNumber": "12", "batchSize": 3, "streamArn": "a",
                "approximateArrivalOfFirstRecord": "2026-12-01T08:00:00Z",
            },
        });
        let letter = Letter::read(&message(&body.to_string(), &[]));
        assert_eq!(letter.function, "outscout-BackgroundReactor-1");
        assert_eq!(letter.shown(), "3 records of the stream, of 2026-12-01T08:00:00Z (RetryAttemptsExhausted)");
        let mut asynchronous = body.clone();
        asynchronous.as_object_mut().unwrap().remove("DDBStreamBatchInfo");
        asynchronous["requestPayload"] = json!({"a": 1});
        let letter = Letter::read(&message(&asynchronous.to_string(), &[]));
        assert_eq!(letter.matter, Matter::Tick { schedule: String::new(), event: r#"{"a":1}"#.to_owned() });
    }

    #[test]
    fn anything_else_is_unknown() {
        for body in ["", "hush", "{}", r#"{"requestPayload":{}}"#, r#"{"DDBStreamBatchInfo":{"shardId":"s"}}"#] {
            let letter = Letter::read(&message(body, &[]));
            assert_eq!(letter.matter, Matter::Unknown, "{body}");
            assert!(!letter.shown().contains("hush"));
        }
    }
}
