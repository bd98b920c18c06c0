//! What calls of the store cost on DynamoDB: units, by operation of ours and by partition.
//!
//! The meter stands between AWS's client and the embedded engine, in the process, or beside the layer that processes reach
//! their engine through. It sizes each written item before and after the call, as DynamoDB counts it, so that a
//! transaction's units are known for each of its partitions; the sums are compared with the capacity that the engine reports.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use aws_smithy_runtime_api::client::{
    http::{HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector},
    orchestrator::{HttpRequest, HttpResponse},
    result::ConnectorError,
    runtime_components::RuntimeComponents,
};
use aws_smithy_types::body::SdkBody;
use base64::Engine as _;
use local::embedded_store::{Engine, InProcess};
use serde_json::{Value, json};

/// What one operation took of the store.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// Calls, transactions among them.
    pub calls: f64,
    /// Transactions.
    pub transactions: f64,
    /// Read units.
    pub reads: f64,
    /// Write units.
    pub writes: f64,
    /// Bytes that the main table grew by, with 100 for each item as DynamoDB counts.
    pub bytes: f64,
    /// Write units by partition key.
    pub partitions: BTreeMap<String, f64>,
    /// Read units by partition key.
    pub read_partitions: BTreeMap<String, f64>,
    /// Invocations of background functions.
    pub invocations: f64,
}

/// What was counted so far.
#[derive(Debug, Default)]
struct Book {
    /// What is counted now; nothing is, while there is no label.
    label: Option<String>,
    tallies: BTreeMap<String, Tally>,
    /// Keys of records that the table's stream brings to the background functions.
    stream: Vec<(String, String)>,
    /// Units of the calls that the engine reports on: ours and the engine's.
    compared: (f64, f64),
}

/// Counts. Clones count together.
#[derive(Clone)]
pub struct Meter {
    engine: InProcess,
    /// Where the engine answers to others.
    endpoint: String,
    book: Arc<Mutex<Book>>,
}

impl fmt::Debug for Meter {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("Meter").finish_non_exhaustive()
    }
}

/// An item that a call writes, or whose condition it checks.
struct Touched {
    table: String,
    key: Value,
    /// What the call makes of the item.
    change: Change,
}

/// A call between its request and its answer.
pub(crate) struct Counting {
    operation: String,
    /// The request's body, which asks for the capacity.
    pub(crate) asked: Value,
    touched: Vec<Touched>,
    before: Vec<Option<Value>>,
}

/// What a call makes of an item.
enum Change {
    /// This one.
    Put(Value),
    /// None.
    Delete,
    /// Nothing, but it has a condition.
    Check,
    /// Something that only the engine knows.
    Update,
}

impl Touched {
    fn text(&self, name: &str) -> &str {
        self.key[name]["S"].as_str().unwrap_or_default()
    }
}

impl Meter {
    /// A meter in front of an engine.
    #[must_use]
    pub fn new(engine: &Engine) -> Self {
        Self { engine: Engine::in_process(&[engine]), endpoint: engine.endpoint.clone(), book: Arc::default() }
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// From now on calls are counted under a label, or not at all.
    pub fn label(&self, label: Option<String>) {
        self.book().label = label;
    }

    /// Takes what was counted under a label.
    #[must_use]
    pub(crate) fn take(&self, label: &str) -> Tally {
        self.book().tallies.remove(label).unwrap_or_default()
    }

    /// What was counted under a label.
    #[must_use]
    pub fn tally(&self, label: &str) -> Tally {
        self.book().tallies.get(label).cloned().unwrap_or_default()
    }

    /// Counts an invocation of a background function.
    pub fn invoked(&self) {
        let mut book = self.book();
        if let Some(label) = book.label.clone() {
            book.tallies.entry(label).or_default().invocations += 1.0;
        }
    }

    /// Takes the keys of the records that the stream would bring to the background functions.
    #[must_use]
    pub fn take_stream(&self) -> Vec<(String, String)> {
        std::mem::take(&mut self.book().stream)
    }

    /// Write units of the calls that the engine reported on: as they were counted here, and by the engine.
    #[must_use]
    pub fn compared(&self) -> (f64, f64) {
        self.book().compared
    }

    /// A call of DynamoDB's API begins. `None` when it is not counted.
    pub(crate) async fn begin(&self, target: &str, body: &[u8]) -> Option<Counting> {
        let operation = target.rsplit('.').next().unwrap_or_default().to_owned();
        if self.book().label.is_none() && !operation.contains("Write") && !is_write(&operation) {
            return None;
        }
        let mut asked: Value = serde_json::from_slice(body).unwrap_or_default();
        asked["ReturnConsumedCapacity"] = json!("TOTAL");
        let touched = touched(&operation, &asked);
        let mut before = Vec::new();
        for one in &touched {
            before.push(self.item(one).await);
        }
        Some(Counting { operation, asked, touched, before })
    }

    /// A call has its answer, which may tell the capacity that it took.
    pub(crate) async fn end(&self, counting: &Counting, refused: bool, answer: &Value) {
        let Counting { operation, asked, touched, before } = counting;
        let mut after = Vec::new();
        for (one, before) in touched.iter().zip(before) {
            after.push(match &one.change {
                _ if refused => before.clone(),
                Change::Put(item) => Some(item.clone()),
                Change::Delete => None,
                Change::Update => self.item(one).await,
                Change::Check => before.clone(),
            });
        }
        self.read(operation, asked, answer);
        self.wrote(operation, touched, (before, &after), answer);
    }

    /// A call has an answer that does not tell its capacity: of a reading it is what the same one takes once more.
    pub(crate) async fn end_untold(&self, counting: &Counting, refused: bool) {
        let reads = counting.touched.is_empty();
        let answer = if reads { self.ask(&counting.operation, &counting.asked).await } else { Value::Null };
        self.end(counting, refused, &answer).await;
    }

    async fn counted(self, mut request: HttpRequest) -> Result<HttpResponse, ConnectorError> {
        let target = request.headers().get("x-amz-target").unwrap_or_default().to_owned();
        let body = request.body().bytes().unwrap_or_default().to_vec();
        let Some(counting) = self.begin(&target, &body).await else { return self.engine.call(request).await };
        *request.body_mut() = SdkBody::from(counting.asked.to_string());
        let response = self.engine.call(request).await?;
        let answer: Value =
            response.body().bytes().and_then(|body| serde_json::from_slice(body).ok()).unwrap_or_default();
        self.end(&counting, response.status().as_u16() >= 400, &answer).await;
        Ok(response)
    }

    /// An item as it is in the engine, without being counted.
    async fn item(&self, one: &Touched) -> Option<Value> {
        let body = json!({"TableName": one.table, "Key": one.key, "ConsistentRead": true});
        self.ask("GetItem", &body).await.get("Item").cloned()
    }

    /// Asks the engine, without being counted.
    async fn ask(&self, operation: &str, body: &Value) -> Value {
        let mut request = HttpRequest::new(SdkBody::from(body.to_string()));
        request.set_uri(self.endpoint.as_str()).unwrap();
        request.headers_mut().insert("x-amz-target", format!("DynamoDB_20120810.{operation}"));
        let response = self.engine.call(request).await.unwrap();
        serde_json::from_slice(response.body().bytes().unwrap_or_default()).unwrap_or_default()
    }

    /// Counts what a call reads.
    fn read(&self, operation: &str, asked: &Value, answer: &Value) {
        let mut book = self.book();
        let Some(label) = book.label.clone() else { return };
        let tally = book.tallies.entry(label).or_default();
        tally.calls += 1.0;
        tally.transactions += f64::from(u8::from(operation.starts_with("Transact")));
        let reads: Vec<(String, f64)> = match operation {
            "GetItem" => vec![(asked["Key"]["pk"]["S"].as_str().unwrap_or_default().to_owned(), capacity(answer))],
            "Query" => vec![(
                asked["ExpressionAttributeValues"][":pk"]["S"].as_str().unwrap_or_default().to_owned(),
                capacity(answer),
            )],
            "BatchGetItem" => batch_reads(asked, answer),
            _ => Vec::new(),
        };
        for (pk, units) in reads {
            tally.reads += units;
            *tally.read_partitions.entry(pk).or_default() += units;
        }
    }

    /// Counts what a call writes, and notes what of it the stream brings to whom.
    fn wrote(
        &self,
        operation: &str,
        touched: &[Touched],
        (before, after): (&[Option<Value>], &[Option<Value>]),
        answer: &Value,
    ) {
        let mut book = self.book();
        let factor = if operation == "TransactWriteItems" { 2.0 } else { 1.0 };
        let mut sum = 0.0;
        for ((one, before), after) in touched.iter().zip(before).zip(after) {
            let put = if let Change::Put(item) = &one.change { Some(item_size(item)) } else { None };
            let sizes = [before.as_ref().map(item_size), after.as_ref().map(item_size), put];
            let most = sizes.into_iter().flatten().max().unwrap_or_default();
            let units = factor * kilobytes(most);
            sum += units;
            if let Some(label) = book.label.clone() {
                let tally = book.tallies.entry(label).or_default();
                tally.writes += units;
                *tally.partitions.entry(place(one)).or_default() += units;
                // what lies in the other table ends by itself
                let kept = one.table == "main";
                tally.bytes += if kept { stored(after.as_ref()) - stored(before.as_ref()) } else { 0.0 };
            }
            if before != after && wakes(one, after.as_ref()) {
                book.stream.push((one.text("pk").to_owned(), one.text("sk").to_owned()));
            }
        }
        if !touched.is_empty() && answer.get("ConsumedCapacity").is_some() {
            book.compared.0 += sum;
            book.compared.1 += capacity(answer);
        }
    }
}

impl HttpConnector for Meter {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        HttpConnectorFuture::new(self.clone().counted(request))
    }
}

impl HttpClient for Meter {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

fn is_write(operation: &str) -> bool {
    ["PutItem", "UpdateItem", "DeleteItem"].contains(&operation)
}

/// The partition, and of the drainers' lists whether it is the lease, which is an item that each drain writes.
fn place(one: &Touched) -> String {
    match one.text("sk") {
        "DRAIN" => format!("{} DRAIN", one.text("pk")),
        _ => one.text("pk").to_owned(),
    }
}

/// Whether the stream's record of a change wakes a background function, by the filters of the template.
fn wakes(one: &Touched, after: Option<&Value>) -> bool {
    let Some(after) = after else { return false };
    let pk = one.text("pk");
    pk.starts_with("LANE#") || (pk.starts_with("WORK#") && after["attempt"]["N"] == "0")
}

/// The units that an answer reports.
fn capacity(answer: &Value) -> f64 {
    let of = |one: &Value| one["CapacityUnits"].as_f64().unwrap_or_default();
    match &answer["ConsumedCapacity"] {
        Value::Array(tables) => tables.iter().map(of).sum(),
        one => of(one),
    }
}

/// Read units of a batch, by partition.
fn batch_reads(asked: &Value, answer: &Value) -> Vec<(String, f64)> {
    let mut reads = Vec::new();
    for (table, request) in asked["RequestItems"].as_object().into_iter().flatten() {
        let found = answer["Responses"][table].as_array().cloned().unwrap_or_default();
        for key in request["Keys"].as_array().into_iter().flatten() {
            let item = found.iter().find(|item| item["pk"] == key["pk"] && item["sk"] == key["sk"]);
            let size = item.map(item_size).unwrap_or_default();
            let pk = key["pk"]["S"].as_str().unwrap_or_default().to_owned();
            reads.push((pk, kilobytes(size.div_ceil(4))));
        }
    }
    reads
}

/// Bytes in units of 1 KB, at least one.
fn kilobytes(bytes: usize) -> f64 {
    f64::from(u32::try_from(bytes.div_ceil(1024).max(1)).unwrap_or(u32::MAX))
}

fn stored(item: Option<&Value>) -> f64 {
    item.map_or(0.0, |item| f64::from(u32::try_from(item_size(item) + 100).unwrap_or(u32::MAX)))
}

/// An item's size as DynamoDB counts it: names and values.
fn item_size(item: &Value) -> usize {
    item.as_object().into_iter().flatten().map(|(name, value)| name.len() + value_size(value)).sum()
}

fn value_size(value: &Value) -> usize {
    let Some((kind, value)) = value.as_object().and_then(|value| value.iter().next()) else { return 0 };
    match (kind.as_str(), value) {
        ("S", Value::String(text)) => text.len(),
        ("N", Value::String(text)) => {
            let digits = text.trim_start_matches('-').trim_end_matches('0').bytes().filter(u8::is_ascii_digit).count();
            digits.div_ceil(2) + 1 + usize::from(text.starts_with('-'))
        }
        ("B", Value::String(text)) => {
            base64::engine::general_purpose::STANDARD.decode(text).map_or(0, |bytes| bytes.len())
        }
        ("L", Value::Array(values)) => 3 + values.iter().map(|value| value_size(value) + 1).sum::<usize>(),
        ("M", Value::Object(values)) => {
            3 + values.iter().map(|(name, value)| name.len() + value_size(value) + 1).sum::<usize>()
        }
        _ => 1,
    }
}

/// The items that a call writes, or whose conditions it checks.
fn touched(operation: &str, asked: &Value) -> Vec<Touched> {
    let one = |table: &Value, request: &Value, deletes: bool| {
        let item = request.get("Item").or_else(|| request["PutRequest"].get("Item"));
        let key = item.or_else(|| request.get("Key")).or_else(|| request["DeleteRequest"].get("Key"));
        let key = key.cloned().unwrap_or_default();
        let change = match item {
            Some(item) => Change::Put(item.clone()),
            None if deletes || request.get("DeleteRequest").is_some() => Change::Delete,
            None if request.get("UpdateExpression").is_some() => Change::Update,
            None => Change::Check,
        };
        let table = table.as_str().unwrap_or_default().to_owned();
        Touched { table, key: json!({"pk": key["pk"], "sk": key["sk"]}), change }
    };
    match operation {
        "PutItem" | "UpdateItem" | "DeleteItem" => vec![one(&asked["TableName"], asked, operation == "DeleteItem")],
        "BatchWriteItem" => {
            let tables = asked["RequestItems"].as_object().into_iter().flatten();
            let writes = tables.flat_map(|(table, requests)| {
                requests.as_array().into_iter().flatten().map(move |request| (json!(table), request))
            });
            writes.map(|(table, request)| one(&table, request, false)).collect()
        }
        "TransactWriteItems" => {
            let members = asked["TransactItems"].as_array().into_iter().flatten();
            let members = members.filter_map(|member| member.as_object()?.iter().next());
            members.map(|(kind, member)| one(&member["TableName"], member, kind == "Delete")).collect()
        }
        _ => Vec::new(),
    }
}
