//! Stream records as Lambda hands them to a function.

use std::collections::HashMap;

use aws_sdk_dynamodbstreams::types::{AttributeValue, Record};
use base64::Engine as _;
use serde_json::{Map, Value, json};

/// One record as JSON.
pub(crate) fn record(record: &Record, stream: &str) -> Value {
    let mut change = Map::new();
    if let Some(dynamodb) = &record.dynamodb {
        if let Some(at) = &dynamodb.approximate_creation_date_time {
            change.insert("ApproximateCreationDateTime".to_owned(), json!(at.secs()));
        }
        let images = [("Keys", &dynamodb.keys), ("NewImage", &dynamodb.new_image), ("OldImage", &dynamodb.old_image)];
        for (name, image) in images {
            if let Some(image) = image {
                change.insert(name.to_owned(), item(image));
            }
        }
        let number = dynamodb.sequence_number.as_ref();
        change.insert("SequenceNumber".to_owned(), json!(number));
        change.insert("SizeBytes".to_owned(), json!(dynamodb.size_bytes.unwrap_or(0)));
        let view = dynamodb.stream_view_type.as_ref().map(|view| view.as_str());
        change.insert("StreamViewType".to_owned(), json!(view));
    }
    let mut event = json!({
        "eventID": record.event_id,
        "eventName": record.event_name.as_ref().map(|name| name.as_str()),
        "eventVersion": record.event_version,
        "eventSource": "aws:dynamodb",
        "awsRegion": record.aws_region,
        "dynamodb": change,
        "eventSourceARN": stream,
    });
    // who removed an expired item: `exists` filters tell it from a delete
    if let (Some(identity), Some(members)) = (&record.user_identity, event.as_object_mut()) {
        let identity = json!({"type": identity.r#type, "principalId": identity.principal_id});
        members.insert("userIdentity".to_owned(), identity);
    }
    event
}

/// A record's sequence number.
pub(super) fn sequence_number(record: &Record) -> Option<&str> {
    record.dynamodb.as_ref()?.sequence_number.as_deref()
}

fn item(item: &HashMap<String, AttributeValue>) -> Value {
    item.iter().map(|(name, value)| (name.clone(), attribute(value))).collect::<Map<_, _>>().into()
}

fn attribute(value: &AttributeValue) -> Value {
    let encode = |bytes: &[u8]| base64::engine::general_purpose::STANDARD.encode(bytes);
    match value {
        AttributeValue::S(text) => json!({"S": text}),
        AttributeValue::N(number) => json!({"N": number}),
        AttributeValue::Bool(truth) => json!({"BOOL": truth}),
        AttributeValue::Null(null) => json!({"NULL": Value::Bool(*null)}),
        AttributeValue::B(bytes) => json!({"B": encode(bytes.as_ref())}),
        AttributeValue::Ss(texts) => json!({"SS": texts}),
        AttributeValue::Ns(numbers) => json!({"NS": numbers}),
        AttributeValue::Bs(all) => json!({"BS": all.iter().map(|bytes| encode(bytes.as_ref())).collect::<Vec<_>>()}),
        AttributeValue::L(values) => json!({"L": values.iter().map(attribute).collect::<Vec<_>>()}),
        AttributeValue::M(members) => json!({"M": item(members)}),
        other => {
            tracing::error!(kind = ?std::mem::discriminant(other), "attribute type not known");
            Value::Null
        }
    }
}
