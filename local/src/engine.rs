//! The embedded DynamoDB-compatible engine.

use std::{net::SocketAddr, path::Path, time::Duration};

use aws_sdk_dynamodb::{
    Client,
    config::{BehaviorVersion, Credentials, Region},
    types::{
        AttributeDefinition, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType, StreamSpecification,
        StreamViewType, TimeToLiveSpecification,
    },
};
use dynoxide::Database;
use tokio::{net::TcpListener, sync::watch, task::JoinHandle};

use crate::template::Table;

const SWEEP: Duration = Duration::from_secs(30);

/// Why the engine does not start.
pub type EngineError = Box<dyn std::error::Error + Send + Sync>;

/// A running engine; it ends with its stop signal.
#[derive(Debug)]
pub struct Engine {
    /// Where it answers.
    pub endpoint: String,
    tasks: Vec<JoinHandle<()>>,
}

impl Engine {
    /// Starts an engine on `address`, with its data in `file` or in memory, and makes the tables that are missing.
    ///
    /// # Errors
    /// When the file, the port or a table cannot be had.
    pub async fn start(
        address: SocketAddr,
        file: Option<&Path>,
        tables: &[Table],
        stop: watch::Receiver<bool>,
    ) -> Result<Self, EngineError> {
        let database = match file {
            Some(file) => Database::new(file.to_str().ok_or("data directory is not UTF-8")?)?,
            None => Database::memory()?,
        };
        let listener = TcpListener::bind(address).await?;
        let endpoint = format!("http://{}", listener.local_addr()?);
        let served = dynoxide::server::serve_with_shutdown(listener, database.clone(), stopped(stop.clone()));
        let serve = tokio::spawn(async move {
            if let Err(cause) = served.await {
                tracing::error!(cause, "embedded store stopped");
            }
        });
        let sweep = tokio::spawn(sweep(database, stop));
        let engine = Self { endpoint, tasks: vec![serve, sweep] };
        for table in tables {
            engine.create(table).await?;
        }
        Ok(engine)
    }

    /// Waits until the engine has ended.
    pub async fn ended(self) {
        for task in self.tasks {
            let _ = task.await;
        }
    }

    async fn create(&self, table: &Table) -> Result<(), EngineError> {
        let client = client(&self.endpoint);
        let mut call = client.create_table().table_name(&table.name).billing_mode(BillingMode::PayPerRequest);
        for (name, kind) in table.keys.iter().zip([KeyType::Hash, KeyType::Range]) {
            let attribute = AttributeDefinition::builder().attribute_name(name).attribute_type(ScalarAttributeType::S);
            let key = KeySchemaElement::builder().attribute_name(name).key_type(kind);
            call = call.attribute_definitions(attribute.build()?).key_schema(key.build()?);
        }
        if let Some(view) = &table.stream {
            let stream = StreamSpecification::builder().stream_enabled(true);
            call = call.stream_specification(stream.stream_view_type(StreamViewType::from(view.as_str())).build()?);
        }
        match call.send().await {
            Ok(_) => {}
            Err(error) if error.as_service_error().is_some_and(|e| e.is_resource_in_use_exception()) => return Ok(()),
            Err(error) => return Err(error.into()),
        }
        if let Some(attribute) = &table.time_to_live {
            let specification = TimeToLiveSpecification::builder().enabled(true).attribute_name(attribute).build()?;
            client
                .update_time_to_live()
                .table_name(&table.name)
                .time_to_live_specification(specification)
                .send()
                .await?;
        }
        Ok(())
    }
}

/// A client of an embedded engine, which takes any credentials.
#[must_use]
pub fn client(endpoint: &str) -> Client {
    let config = aws_sdk_dynamodb::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .region(Region::new("us-east-1"))
        .credentials_provider(Credentials::new("local", "local", None, None, "embedded"))
        .endpoint_url(endpoint);
    Client::from_conf(config.build())
}

/// Ends when the stop signal comes.
pub async fn stopped(mut stop: watch::Receiver<bool>) {
    let _ = stop.wait_for(|stop| *stop).await;
}

/// Removes items whose time has come, as DynamoDB does.
async fn sweep(database: Database, stop: watch::Receiver<bool>) {
    loop {
        tokio::select! {
            () = stopped(stop.clone()) => return,
            () = tokio::time::sleep(SWEEP) => {}
        }
        let database = database.clone();
        if let Ok(Err(error)) = tokio::task::spawn_blocking(move || database.sweep_ttl()).await {
            tracing::warn!(cause = %error, "expired items not removed");
        }
    }
}
