//! Functions over an embedded DynamoDB engine of their own.

use std::{cell::RefCell, collections::BTreeMap, future::IntoFuture as _, sync::Arc};

use base64::Engine as _;
use bytes::Bytes;
use local::{
    embedded_store::{Engine, EngineError},
    guard::HostNames,
};
use serde_json::json;
use shared::{
    aws::Reach,
    clock::{Clock, from_epoch_micros},
    config::{Credentials, ExposeSecret as _, Settings},
    context::Context,
    lambda::{Function, Reply},
    model::{ApiKey, ApiKeyId, Organization, OrganizationId, Plan, Scope, Status, Study, StudyId, Task},
    secret::PlainKey,
};
use time::{Duration, OffsetDateTime};

use crate::{
    Failure,
    answer::{Answer, read},
    binaries::{self, Binaries, Offset},
    faults::Faults,
    functions,
    meter::Meter,
    notes::{self, Notes},
    policies,
};

/// One engine with its tables, and a context over it.
#[derive(Debug)]
pub struct Bench {
    /// The functions' context.
    pub context: Context,
    /// What goes wrong between the functions and the engine; nothing, until a test says so.
    pub faults: Faults,
    offset: Offset,
    /// The processes that are invoked instead of the linked functions.
    binaries: Option<Arc<Binaries>>,
    /// What the store is reached through, where it is not its port.
    meter: Option<Meter>,
}

/// An organization with keys and the contract's fixture (outset 16).
#[derive(Debug)]
pub struct Fixture {
    /// The organization.
    pub organization: OrganizationId,
    /// Key with both scopes.
    pub full: String,
    /// Key that only reads.
    pub reader: String,
}

impl Bench {
    /// A bench with the limits that the contract names.
    ///
    /// # Errors
    /// When the engine does not start.
    pub async fn start() -> Result<Self, Failure> {
        Self::with(&[]).await
    }

    /// A bench with some variables of its own.
    ///
    /// # Errors
    /// When the engine does not start.
    pub async fn with(variables: &[(&str, &str)]) -> Result<Self, Failure> {
        let credentials = local::embedded_store::new_credentials()?;
        let faults = if notes::file().is_some() {
            let engine = engine(&credentials).await?;
            Faults::noting(&engine.endpoint, Some(Notes::new(Meter::new(&engine)))).await?
        } else {
            Faults::start(&served(&credentials).await?).await?
        };
        let (settings, given) = settings(variables, &credentials, &faults.endpoint)?;
        let offset = Offset::new();
        let binaries = Binaries::over(&given, &offset).map(Arc::new);
        let context = Context::new(settings, Clock::shared_offset(offset.shared()));
        for table in ["main", "hot"] {
            create_table(&context, table).await?;
        }
        Ok(Self { context, offset, binaries, faults, meter: None })
    }

    /// A bench whose functions reach their engine through a meter, which counts what they ask of it. No faults, no policies.
    ///
    /// # Errors
    /// When the engine does not start.
    pub async fn metered(variables: &[(&str, &str)]) -> Result<(Self, Meter), Failure> {
        let credentials = local::embedded_store::new_credentials()?;
        let engine = engine(&credentials).await?;
        let meter = Meter::new(&engine);
        let (settings, _) = settings(variables, &credentials, &engine.endpoint)?;
        let offset = Offset::new();
        let clock = Clock::shared_offset(offset.shared());
        let context = Context::over(settings, clock, &*reach(&meter));
        for table in ["main", "hot"] {
            create_table(&context, table).await?;
        }
        let faults = Faults::start(&engine.endpoint).await?;
        Ok((Self { context, offset, binaries: None, faults, meter: Some(meter.clone()) }, meter))
    }

    /// The same system as another process sees it, which remembers nothing.
    #[must_use]
    pub fn another_process(&self) -> Self {
        let clock = Clock::shared_offset(self.offset.shared());
        let settings = self.context.settings().clone();
        let context = match &self.meter {
            None => Context::new(settings, clock),
            Some(meter) => Context::over(settings, clock, &*reach(meter)),
        };
        let binaries = self.binaries.as_ref().map(|binaries| Arc::new(binaries.others()));
        let (offset, faults, meter) = (self.offset.clone(), self.faults.clone(), self.meter.clone());
        Self { context, offset, binaries, faults, meter }
    }

    /// Moves the bench's clock forward.
    pub fn advance(&self, by: Duration) {
        self.offset.add(i64::try_from(by.whole_milliseconds()).unwrap_or(0));
    }

    /// From now on each call of the store takes this long by the bench's clock, until the faults stop.
    pub fn each_call_takes(&self, time: Duration) {
        self.faults.takes(i64::try_from(time.whole_milliseconds()).unwrap_or(0), &self.offset);
    }

    /// A new organization with a key for both scopes and one for reading.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn organization(&self, plan: Plan) -> Result<Fixture, Failure> {
        let now = self.context.clock().now();
        let organization = Organization {
            id: OrganizationId::at(now),
            name: "fixture".to_owned(),
            plan,
            billing_exempt: true,
            created_at: now,
        };
        self.context.store().create_organization(&organization).await?;
        let full = self.new_key(organization.id, plan, &Scope::ALL).await?;
        let reader = self.new_key(organization.id, plan, &[Scope::StudiesRead]).await?;
        Ok(Fixture { organization: organization.id, full, reader })
    }

    /// A new key; `change` may spoil it before it is stored.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn spoiled_key(
        &self,
        organization: OrganizationId,
        change: impl FnOnce(&mut ApiKey),
    ) -> Result<String, Failure> {
        let plain = PlainKey::generate()?;
        let mut key = new_key(&plain, organization, &Scope::ALL, self.context.clock().now());
        change(&mut key);
        self.context.store().create_key(&key, Plan::Free).await?;
        Ok(plain.reveal().to_owned())
    }

    /// A new key of an organization.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn new_key(&self, organization: OrganizationId, plan: Plan, scopes: &[Scope]) -> Result<String, Failure> {
        let plain = PlainKey::generate()?;
        let key = new_key(&plain, organization, scopes, self.context.clock().now());
        self.context.store().create_key(&key, plan).await?;
        Ok(plain.reveal().to_owned())
    }

    /// The contract's fixture (outset 16).
    ///
    /// # Errors
    /// When the store fails.
    pub async fn fixture(&self) -> Result<Fixture, Failure> {
        let fixture = self.organization(Plan::Free).await?;
        let studies: Vec<_> = (0..25)
            .map(|number| fixture_study(fixture.organization, number))
            .collect::<Option<_>>()
            .ok_or("fixture")?;
        self.context.store().create_studies(&studies).await?;
        Ok(fixture)
    }

    /// Sends a request to a function as the gateway would.
    ///
    /// # Errors
    /// When the invocation fails.
    pub async fn send(
        &self,
        function: &'static dyn Function,
        method: &str,
        url: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Result<Answer, Failure> {
        read(self.reply(function, method, url, headers, body).await?).await
    }

    /// As [`Bench::send`], with the answer as the function gives it.
    ///
    /// # Errors
    /// When the invocation fails.
    pub async fn reply(
        &self,
        function: &'static dyn Function,
        method: &str,
        url: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Result<Reply, Failure> {
        self.reply_from("127.0.0.1", function, method, url, (headers, body)).await
    }

    /// As [`Bench::send`], from another address of the network.
    ///
    /// # Errors
    /// When the invocation fails.
    pub async fn send_from(
        &self,
        source: &str,
        function: &'static dyn Function,
        method: &str,
        url: &str,
        sent: (&[(&str, &str)], &[u8]),
    ) -> Result<Answer, Failure> {
        read(self.reply_from(source, function, method, url, sent).await?).await
    }

    async fn reply_from(
        &self,
        source: &str,
        function: &'static dyn Function,
        method: &str,
        url: &str,
        (headers, body): (&[(&str, &str)], &[u8]),
    ) -> Result<Reply, Failure> {
        self.invoke(function, self.event_from(function.name(), method, url, headers, body, source)).await
    }

    /// The event that the gateway would make of a request from the address `source`.
    #[must_use]
    pub fn event_from(
        &self,
        function: &str,
        method: &str,
        url: &str,
        headers: &[(&str, &str)],
        body: &[u8],
        source: &str,
    ) -> Bytes {
        let (path, query) = url.split_once('?').unwrap_or((url, ""));
        let mut parameters = serde_json::Map::new();
        for (name, value) in shared::http::query::Query::parse(query).pairs() {
            let values = parameters.entry(name.clone()).or_insert_with(|| json!([]));
            if let Some(values) = values.as_array_mut() {
                values.push(json!(value));
            }
        }
        let mut multi = serde_json::Map::new();
        for (name, value) in headers {
            let values = multi.entry((*name).to_owned()).or_insert_with(|| json!([]));
            if let Some(values) = values.as_array_mut() {
                values.push(json!(value));
            }
        }
        for (name, value) in [("host", "api.test"), ("x-forwarded-proto", "https")] {
            multi.entry(name.to_owned()).or_insert_with(|| json!([value]));
        }
        let event = json!({
            "httpMethod": method,
            "path": path,
            "pathParameters": functions::path_parameters(function, method, path),
            "multiValueHeaders": multi,
            "multiValueQueryStringParameters": parameters,
            "body": base64::engine::general_purpose::STANDARD.encode(body),
            "isBase64Encoded": true,
            "requestContext": {"path": path, "httpMethod": method, "identity": {"sourceIp": source}},
        });
        Bytes::from(event.to_string())
    }

    /// Invokes a function with an event, under its role.
    ///
    /// # Errors
    /// When the invocation fails.
    pub async fn invoke(&self, function: &'static dyn Function, event: Bytes) -> Result<Reply, Failure> {
        let _running = self.faults.running(function.name());
        if let Some(binaries) = self.binaries.as_ref().filter(|_| !binaries::are_linked()) {
            return binaries.invoke(function.name(), event, self.faults.notes.as_ref()).await;
        }
        let cold = policies::record().is_some() && policies::is_new(function.name());
        let context = if cold { self.another_process().context } else { self.context.clone() };
        Ok(function.invoke(context)(event).await?)
    }

    /// Invokes the least function there is (`bench/hello`), which notes are compared with; `false` where none are made.
    ///
    /// # Errors
    /// When the invocation fails.
    pub async fn hello(&self) -> Result<bool, Failure> {
        let (Some(binaries), Some(notes)) = (&self.binaries, &self.faults.notes) else { return Ok(false) };
        let event = self.event_from("bench-hello", "GET", "/", &[], b"", "127.0.0.1");
        binaries.invoke("bench-hello", event, Some(notes)).await?;
        Ok(true)
    }

    /// Invokes a function in the background as Lambda does: what fails is tried twice more.
    ///
    /// # Errors
    /// When it fails each time.
    pub async fn insist(&self, function: &'static dyn Function, event: Bytes) -> Result<Reply, Failure> {
        for _ in 0..2 {
            if let Ok(reply) = self.invoke(function, event.clone()).await {
                return Ok(reply);
            }
        }
        self.invoke(function, event).await
    }

    /// Every item of a table, as text.
    ///
    /// # Errors
    /// When the engine fails.
    pub async fn items(&self, table: &str) -> Result<Vec<String>, Failure> {
        stored(self.context.settings(), &self.faults.endpoint, table).await
    }

    /// The items of the main table that hold one of `traces`, but for the audit trail, which keeps ids.
    ///
    /// # Errors
    /// When the engine fails.
    pub async fn left(&self, traces: &[impl AsRef<str>]) -> Result<Vec<String>, Failure> {
        let mut items = self.items("main").await?;
        items.retain(|item| traces.iter().any(|trace| item.contains(trace.as_ref())) && !is_audit(item));
        Ok(items)
    }
}

/// Whether an item belongs to the audit trail.
#[must_use]
pub fn is_audit(item: &str) -> bool {
    item.contains("AUDIT#") || item.contains("RANK#audit")
}

/// The way to a store through a meter.
fn reach(meter: &Meter) -> Box<Reach> {
    let meter = meter.clone();
    Box::new(move |config, endpoint| {
        let config = config.http_client(meter.clone());
        match endpoint {
            Some(endpoint) => config.endpoint_url(endpoint),
            None => config,
        }
    })
}

/// An engine of its own in this process, which runs as long as the test.
async fn engine(credentials: &Credentials) -> Result<Engine, EngineError> {
    let (keep, stop) = tokio::sync::watch::channel(false);
    std::mem::forget(keep);
    let port = std::net::SocketAddr::from(([127, 0, 0, 1], 0));
    Engine::start(port, credentials, None, &[], stop).await
}

/// An engine of its own behind its port; where it answers.
async fn served(credentials: &Credentials) -> Result<String, Failure> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let service = local::embedded_store::service(dynoxide::Database::memory()?, credentials, HostNames::default());
    tokio::spawn(axum::serve(listener, service).into_future());
    Ok(format!("http://{address}"))
}

/// Variables with their values.
type Variables = Vec<(String, String)>;

/// What a bench's functions are told, with some variables of its own: as settings, and as the variables that they are read from.
fn settings(
    variables: &[(&str, &str)],
    credentials: &Credentials,
    endpoint: &str,
) -> Result<(Settings, Variables), Failure> {
    let keys = local::data::signing_variables(&[shared::jwt::new_key()?.0]);
    let given = RefCell::new(BTreeMap::new());
    let settings = Settings::read(|name| {
        let own = variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
        let value = own.or_else(|| match name {
            "OUTSCOUT_MAIN_TABLE" => Some("main".to_owned()),
            "OUTSCOUT_HOT_TABLE" => Some("hot".to_owned()),
            "AWS_REGION" => Some("us-east-1".to_owned()),
            "AWS_ACCESS_KEY_ID" => Some(credentials.access_key_id.expose_secret().to_owned()),
            "AWS_SECRET_ACCESS_KEY" => Some(credentials.secret_access_key.expose_secret().to_owned()),
            "AWS_ENDPOINT_URL_DYNAMODB" => Some(endpoint.to_owned()),
            // nobody is asked for places whom a test has not put there
            "OUTSCOUT_NOMINATIM_URL" => Some("http://127.0.0.1:9/".to_owned()),
            "OUTSCOUT_OVERPASS_URL" => Some("http://127.0.0.1:9/api/interpreter".to_owned()),
            name => keys.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone()),
        });
        given.borrow_mut().extend(value.clone().map(|value| (name.to_owned(), value)));
        value
    })?;
    Ok((settings, given.into_inner().into_iter().collect()))
}

fn new_key(plain: &PlainKey, organization: OrganizationId, scopes: &[Scope], now: OffsetDateTime) -> ApiKey {
    ApiKey {
        id: ApiKeyId::generate(),
        hash: plain.hash(),
        prefix: plain.display_prefix().to_owned(),
        name: "test".to_owned(),
        organization,
        scopes: scopes.to_vec(),
        created_at: now,
        expires_at: None,
        revoked_at: None,
        last_used_at: None,
    }
}

/// Study `number` of the contract's fixture.
#[must_use]
pub fn fixture_study(organization: OrganizationId, number: u8) -> Option<Study> {
    let at = from_epoch_micros((1_751_371_200 + i64::from(number) * 60) * 1_000_000)?;
    let status = match number {
        21 => Status::Draft,
        23 => Status::Closed,
        even if even % 2 == 0 => Status::Open,
        _ => Status::Paused,
    };
    Some(Study {
        id: StudyId::parse(&format!("0b5e7c1a-4d2f-4e8c-9a6b-0000000000{number:02}"))?,
        organization,
        name: format!("Study {number:02}"),
        status,
        paused_from: (status == Status::Paused).then_some(Status::Open),
        completion_url: None,
        target_url: Some("https://proto.test/app?v=2".to_owned()),
        tasks: if number == 21 { Vec::new() } else { vec![Task::titled("look around")] },
        details: shared::model::Details::default(),
        created_at: at,
        updated_at: at,
        version: 1,
    })
}

/// Every item of a table, as text, straight from the engine at `endpoint`.
///
/// # Errors
/// When the engine fails.
pub async fn stored(settings: &Settings, endpoint: &str, table: &str) -> Result<Vec<String>, Failure> {
    let call = client(settings, endpoint).scan().table_name(table).into_paginator().items().send();
    let items = call.collect::<Result<Vec<_>, _>>().await?;
    Ok(items.iter().map(|item| format!("{item:?}")).collect())
}

/// Puts a text into an attribute of an item of the main table, as only a defect could.
///
/// # Errors
/// When the engine fails.
pub async fn spoil(settings: &Settings, endpoint: &str, key: (&str, &str), attribute: &str) -> Result<(), Failure> {
    plant(settings, endpoint, key, (attribute, "spoilt")).await
}

/// Puts a text into an attribute of an item of the main table, past all that may write it.
///
/// # Errors
/// When the engine fails.
pub async fn plant(
    settings: &Settings,
    endpoint: &str,
    (pk, sk): (&str, &str),
    (attribute, value): (&str, &str),
) -> Result<(), Failure> {
    let text = |text: &str| aws_sdk_dynamodb::types::AttributeValue::S(text.to_owned());
    let call = client(settings, endpoint).update_item().table_name("main");
    let call = call.key("pk", text(pk)).key("sk", text(sk)).update_expression("SET #name = :value");
    call.expression_attribute_names("#name", attribute)
        .expression_attribute_values(":value", text(value))
        .send()
        .await?;
    Ok(())
}

fn client(settings: &Settings, endpoint: &str) -> aws_sdk_dynamodb::Client {
    local::embedded_store::client(endpoint, &settings.store.credentials)
}

async fn create_table(context: &Context, name: &str) -> Result<(), Failure> {
    use aws_sdk_dynamodb::types::{AttributeDefinition, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType};
    let settings = context.settings();
    let mut call = client(settings, settings.store.endpoint.as_deref().unwrap_or_default())
        .create_table()
        .table_name(name)
        .billing_mode(BillingMode::PayPerRequest);
    for (attribute, kind) in [("pk", KeyType::Hash), ("sk", KeyType::Range)] {
        call = call
            .attribute_definitions(
                AttributeDefinition::builder()
                    .attribute_name(attribute)
                    .attribute_type(ScalarAttributeType::S)
                    .build()?,
            )
            .key_schema(KeySchemaElement::builder().attribute_name(attribute).key_type(kind).build()?);
    }
    call.send().await?;
    Ok(())
}
