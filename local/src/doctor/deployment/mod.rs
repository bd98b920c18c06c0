//! A deployment: what its stack, tables, schedules and stream mappings are like, and what they missed.

mod letters;
mod put_back;

use std::collections::HashMap;

use aws_sdk_dynamodb::error::DisplayErrorContext;
use serde_json::Value;
use shared::{clock::Clock, config::Settings, context::Context};

use self::letters::Letter;
use super::{Finding, directory::count};
use crate::{
    background::Background,
    cloud::{Cloud, CloudError, Resource, Stack},
    embedded_store::EngineError,
    migrations::{self, STEPS, State},
    template::{Table, Templates},
};

/// The queues of what was missed, by logical id.
const QUEUES: [&str; 2] = ["MissedSchedules", "MissedChanges"];
/// Most letters of a queue that are shown one by one.
const SHOWN: usize = 50;
/// Letters that are taken out at a time.
const AT_A_TIME: u8 = 10;
/// What to do when AWS refuses to tell.
const RIGHTS: &str = "look at the credentials and the region: they must be allowed to read the stack and what is in it";

/// A deployment, as the credentials of the environment reach it.
#[derive(Debug)]
pub struct Deployment {
    name: String,
    stack: Stack,
    resources: HashMap<String, Resource>,
    cloud: Cloud,
    settings: Settings,
    tables: Vec<Table>,
    background: Background,
}

impl Deployment {
    /// The deployment with this stack's name, in `region` or the environment's; `None` when there is no such stack.
    ///
    /// # Errors
    /// When the environment names no region or credentials, or AWS does not answer.
    pub async fn find(stack: &str, region: Option<&str>) -> Result<Option<Self>, EngineError> {
        let (cloud, settings) = Cloud::from_env(region)?;
        let Some(found) = cloud.stack(stack).await? else { return Ok(None) };
        let resources = cloud.resources(stack).await?;
        let (tables, background) = (Templates::embedded()?.tables, Background::embedded()?);
        Ok(Some(Self { name: stack.to_owned(), stack: found, resources, cloud, settings, tables, background }))
    }

    /// Looks at all of it.
    pub async fn examine(&self) -> Vec<Finding> {
        let mut findings = self.stack();
        for table in &self.tables {
            findings.push(self.table(table).await);
        }
        findings.push(self.schema().await);
        findings.extend(self.mappings().await);
        findings.extend(self.schedules().await);
        for queue in QUEUES {
            findings.extend(self.queue(queue).await);
        }
        findings
    }

    fn stack(&self) -> Vec<Finding> {
        let console = "aws cloudformation describe-stack-events says why; deploy again when it is mended";
        let state = |name: &str, status: &str| match status {
            _ if status.ends_with("_IN_PROGRESS") => {
                Finding::warning("stack", name, status, "wait until it is done, and ask again")
            }
            "CREATE_COMPLETE" | "UPDATE_COMPLETE" | "IMPORT_COMPLETE" => Finding::ok("stack", name, status),
            "UPDATE_ROLLBACK_COMPLETE" => {
                Finding::warning("stack", name, format!("{status}: the last deployment failed"), console)
            }
            _ => Finding::problem("stack", name, status, console),
        };
        let mut findings = vec![state(&self.name, &self.stack.status)];
        let nested = self.resources.iter().filter(|(_, resource)| resource.kind == "AWS::CloudFormation::Stack");
        let mut nested: Vec<_> = nested.map(|(name, resource)| state(name, &resource.status)).collect();
        nested.sort_by(|one, other| one.place.cmp(&other.place));
        findings.extend(nested);
        findings.extend(self.stack.outputs.iter().map(|(name, value)| Finding::ok("output", name, value)));
        findings
    }

    /// The physical name behind a logical id, or what says that it is missing.
    fn physical(&self, what: &'static str, logical: &str) -> Result<&str, Finding> {
        let found =
            self.resources.get(logical).map(|resource| resource.physical.as_str()).filter(|name| !name.is_empty());
        found.ok_or_else(|| {
            let remedy = "sam deploy with the templates of this version";
            Finding::problem(what, logical, format!("the stack {} has none", self.name), remedy)
        })
    }

    async fn table(&self, table: &Table) -> Finding {
        let logical = format!("{}{}Table", table.name[..1].to_uppercase(), &table.name[1..]);
        match self.physical("table", &logical) {
            Err(missing) => missing,
            Ok(name) => self.table_state(table, &logical, name).await.unwrap_or_else(|cause| {
                Finding::problem("table", &logical, format!("what it is like cannot be told: {cause}"), RIGHTS)
            }),
        }
    }

    async fn table_state(&self, table: &Table, logical: &str, name: &str) -> Result<Finding, String> {
        let client = &self.cloud.tables;
        let told = client.describe_table().table_name(name).send().await;
        let told = told.map_err(|error| DisplayErrorContext(error).to_string())?.table.ok_or("nothing was told")?;
        let (mut wrong, mut right) = (Vec::new(), Vec::new());
        match told.table_status.as_ref().map_or("unknown", |status| status.as_str()) {
            "ACTIVE" => right.push("active"),
            other => wrong.push(format!("it is {other}")),
        }
        if let Some(view) = &table.stream {
            let stream = told.stream_specification.filter(|stream| stream.stream_enabled);
            match stream.and_then(|stream| stream.stream_view_type) {
                Some(found) if found.as_str() == view => right.push("its stream is on"),
                Some(found) => wrong.push(format!("its stream shows {}, and not {view}", found.as_str())),
                None => wrong.push("its stream is off".to_owned()),
            }
            let told = client.describe_continuous_backups().table_name(name).send().await;
            let told = told.map_err(|error| DisplayErrorContext(error).to_string())?.continuous_backups_description;
            let recovery = told.and_then(|told| told.point_in_time_recovery_description);
            match recovery.and_then(|told| told.point_in_time_recovery_status) {
                Some(status) if status.as_str() == "ENABLED" => {
                    right.push("it can be brought back to any point in time")
                }
                _ => wrong.push("point-in-time recovery is off".to_owned()),
            }
        }
        let told = client.describe_time_to_live().table_name(name).send().await;
        let told = told.map_err(|error| DisplayErrorContext(error).to_string())?.time_to_live_description;
        let status = told.and_then(|told| told.time_to_live_status);
        match status.as_ref().map(|status| status.as_str()) {
            Some("ENABLED" | "ENABLING") => right.push("items end by themselves"),
            _ => wrong.push("items do not end by themselves (no time to live)".to_owned()),
        }
        let place = format!("{logical} ({name})");
        if wrong.is_empty() {
            return Ok(Finding::ok("table", place, right.join(", ")));
        }
        let remedy = "somebody changed it past the template: sam deploy does not change it back, so set it by hand (aws \
                      dynamodb update-table, update-continuous-backups, update-time-to-live)";
        Ok(Finding::problem("table", place, wrong.join("; "), remedy))
    }

    /// Whether this program works with what the tables hold.
    async fn schema(&self) -> Finding {
        let mut settings = self.settings.clone();
        match self.physical("schema", "MainTable") {
            Ok(main) => main.clone_into(&mut settings.store.main_table),
            Err(missing) => return missing,
        }
        let context = Context::new(settings, Clock::system());
        let own = migrations::version(STEPS);
        match context.store().schema().await {
            Err(error) => Finding::problem("schema", "MainTable", format!("it cannot be told: {error}"), RIGHTS),
            Ok(None) if own == 1 => Finding::ok(
                "schema",
                "MainTable",
                "nothing says it, so it is 1; outscout migrate --cloud writes it down",
            ),
            Ok(found) => match migrations::compare(found.map(|schema| schema.version), STEPS) {
                State::Newer(found) => {
                    let text = format!("it has schema {found}, and this program works with {own}");
                    Finding::problem("schema", "MainTable", text, "use the outscout of the version that is deployed")
                }
                State::Older(found) => {
                    let text = format!("it has schema {found}, and this program works with {own}");
                    Finding::problem("schema", "MainTable", text, "outscout migrate --cloud")
                }
                State::Current | State::Empty => Finding::ok("schema", "MainTable", format!("it has schema {own}")),
            },
        }
    }

    /// Whether each function that reads a table's stream is brought its records.
    async fn mappings(&self) -> Vec<Finding> {
        let mut findings = Vec::new();
        for mapping in &self.background.mappings {
            let logical = logical(&mapping.function);
            let function = match self.physical("stream mapping", &logical) {
                Ok(function) => function,
                Err(missing) => {
                    findings.push(missing);
                    continue;
                }
            };
            findings.push(match self.cloud.mappings(function).await {
                Ok(found) => mapping_state(&logical, function, &found),
                Err(error) => refused("stream mapping", &logical, &error),
            });
        }
        findings
    }

    async fn schedules(&self) -> Vec<Finding> {
        let mut findings = Vec::new();
        let group = match self.physical("schedule group", "Schedules") {
            Ok(group) => group,
            Err(missing) => return vec![missing],
        };
        for schedule in &self.background.schedules {
            let event = schedule.name.rsplit('.').next().unwrap_or_default();
            let logical = format!("{}{event}", logical(&schedule.function));
            let name = match self.physical("schedule", &logical) {
                Ok(name) => name.rsplit(['/', '|']).next().unwrap_or_default(),
                Err(missing) => {
                    findings.push(missing);
                    continue;
                }
            };
            findings.push(match self.cloud.schedule(name, group).await {
                Ok(told) => match told.get("State").and_then(Value::as_str) {
                    Some("ENABLED") => Finding::ok("schedule", logical, "enabled"),
                    other => {
                        let text = format!("it is {}", other.unwrap_or("of no state"));
                        let remedy = format!("set its State to ENABLED (aws scheduler update-schedule --name {name})");
                        Finding::problem("schedule", logical, text, remedy)
                    }
                },
                Err(error) => refused("schedule", &logical, &error),
            });
        }
        findings
    }

    /// How much waits in a queue of what was missed, and what it is.
    async fn queue(&self, logical: &str) -> Vec<Finding> {
        let queue = match self.physical("dead letters", logical) {
            Ok(queue) => queue,
            Err(missing) => return vec![missing],
        };
        let waiting = match self.cloud.waiting(queue).await {
            Ok(0) => return vec![Finding::ok("dead letters", logical, "none")],
            Ok(waiting) => usize::try_from(waiting).unwrap_or(usize::MAX),
            Err(error) => return vec![refused("dead letters", logical, &error)],
        };
        let remedy = format!("mend the cause, then outscout doctor --stack {} --put-back", self.name);
        let text = format!("{}: what was not done is to be put back", count(waiting, "letter"));
        let mut findings = vec![Finding::problem("dead letters", logical, text, remedy)];
        let (letters, failed) = self.look(queue).await;
        for letter in letters.iter().take(SHOWN) {
            let text = format!("{}, for {}", letter.shown(), self.named(&letter.function));
            findings.push(Finding::warning("dead letter", format!("{logical}, {}", letter.id), text, "put it back"));
        }
        findings.extend(failed.map(|error| refused("dead letters", logical, &error)));
        findings
    }

    /// The letters of a queue, which stay in it, and why they are not all.
    async fn look(&self, queue: &str) -> (Vec<Letter>, Option<CloudError>) {
        let (mut letters, mut failed) = (Vec::<Letter>::new(), None);
        while letters.len() < SHOWN && failed.is_none() {
            match self.cloud.take(queue, AT_A_TIME).await {
                Ok(taken) if taken.is_empty() => break,
                Ok(taken) => letters.extend(taken.iter().map(Letter::read)),
                Err(error) => failed = Some(error),
            }
        }
        for letter in &letters {
            if let Err(error) = self.cloud.give_back(queue, &letter.receipt).await {
                failed = failed.or(Some(error));
            }
        }
        (letters, failed)
    }

    /// What the template calls a function, or the function's own name.
    fn named<'a>(&'a self, function: &'a str) -> &'a str {
        self.function(function).unwrap_or(function)
    }

    /// The logical id of a function of this stack.
    fn function(&self, physical: &str) -> Option<&str> {
        let mut found = self.resources.iter().filter(|(_, resource)| resource.kind == "AWS::Lambda::Function");
        found.find(|(_, resource)| resource.physical == physical).map(|(name, _)| name.as_str())
    }
}

/// What the template calls the function of a crate.
fn logical(function: &str) -> String {
    function.split('-').map(|word| format!("{}{}", word[..1].to_uppercase(), &word[1..])).collect()
}

fn refused(what: &'static str, place: &str, error: &CloudError) -> Finding {
    Finding::problem(what, place, format!("it cannot be told: {error}"), RIGHTS)
}

fn mapping_state(logical: &str, function: &str, found: &[Value]) -> Finding {
    const WHAT: &str = "stream mapping";
    let member = |mapping: &Value, name: &str| mapping.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let [mapping] = found else {
        let text = format!("{} bring records to {function}, and one is right", count(found.len(), "mapping"));
        return Finding::problem(WHAT, logical, text, "sam deploy with the templates of this version");
    };
    let (state, id) = (member(mapping, "State"), member(mapping, "UUID"));
    let last = member(mapping, "LastProcessingResult");
    match state.as_str() {
        "Enabled" if last.starts_with("PROBLEM") => {
            let remedy =
                "the function's log says why it fails (cause); mend it, the stream keeps its records for a day";
            Finding::warning(WHAT, logical, format!("enabled, and the last batch failed: {last}"), remedy)
        }
        "Enabled" => Finding::ok(WHAT, logical, "enabled"),
        "Enabling" | "Creating" | "Updating" => Finding::warning(WHAT, logical, state, "wait, and ask again"),
        _ => {
            let remedy = format!("aws lambda update-event-source-mapping --uuid {id} --enabled");
            Finding::problem(WHAT, logical, format!("it is {state}, so {function} gets no records"), remedy)
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::doctor::Level;

    #[test]
    fn a_mapping_that_is_off_is_a_problem() {
        let level = |found: &[Value]| mapping_state("BackgroundWork", "f", found).level;
        let mapping = |state: &str, last: &str| json!({"State": state, "UUID": "u", "LastProcessingResult": last});
        assert_eq!(level(&[mapping("Enabled", "OK")]), Level::Ok);
        assert_eq!(level(&[mapping("Enabled", "PROBLEM: Function call failed")]), Level::Warning);
        assert_eq!(level(&[mapping("Enabling", "")]), Level::Warning);
        for found in [vec![], vec![mapping("Disabled", "")], vec![mapping("Enabled", "OK"), mapping("Enabled", "OK")]] {
            assert_eq!(level(&found), Level::Problem, "{found:?}");
        }
        assert_eq!(logical("background-outreach-send"), "BackgroundOutreachSend");
    }
}
