//! What the templates say about functions that no request calls: schedules and stream mappings.

use std::collections::HashSet;

use yaml_serde::Value;

use crate::{
    schedule::{Expression, ExpressionError, Schedule},
    streams::{Mapping, Pattern, PatternError},
    template::{TEXTS, TemplateError},
};

/// Lambda's own batch size for streams.
const BATCH: usize = 100;

/// Schedules and stream mappings.
#[derive(Clone, Debug, Default)]
pub struct Background {
    /// What fires by the clock.
    pub schedules: Vec<Schedule>,
    /// What a table's stream calls.
    pub mappings: Vec<Mapping>,
}

/// Why a schedule or a mapping cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum BackgroundError {
    /// The template itself.
    #[error(transparent)]
    Template(#[from] TemplateError),
    /// Not YAML.
    #[error("template is not YAML: {0}")]
    Yaml(#[from] yaml_serde::Error),
    /// A schedule's expression.
    #[error("{0}: {1}")]
    Expression(String, ExpressionError),
    /// A filter.
    #[error("{0}: {1}")]
    Pattern(String, PatternError),
}

impl Background {
    /// What the templates declare that this binary was built with.
    ///
    /// # Errors
    /// Names the event that cannot be read.
    pub fn embedded() -> Result<Self, BackgroundError> {
        let mut background = Self::default();
        TEXTS.iter().try_for_each(|template| background.read(template))?;
        Ok(background)
    }

    /// Crate names of the functions that something here calls.
    #[must_use]
    pub fn functions(&self) -> HashSet<String> {
        let fired = self.schedules.iter().map(|schedule| &schedule.function);
        fired.chain(self.mappings.iter().map(|mapping| &mapping.function)).cloned().collect()
    }

    /// Reads what `template` declares, in addition to what is here already.
    ///
    /// # Errors
    /// Names the event that cannot be read.
    pub fn read(&mut self, template: &str) -> Result<(), BackgroundError> {
        let template: Value = yaml_serde::from_str(template)?;
        for (resource, properties) in functions(&template) {
            let code = text(properties, "CodeUri").and_then(|uri| uri.rsplit('/').next());
            let function = code.ok_or_else(|| TemplateError::Missing(format!("{resource}.CodeUri")))?;
            for (event, declared) in members(properties.get("Events")) {
                let name = format!("{resource}.{event}");
                let nothing = Value::default();
                let properties = declared.get("Properties").unwrap_or(&nothing);
                match text(declared, "Type") {
                    Some("Schedule" | "ScheduleV2") => self.schedules.extend(schedule(&name, function, properties)?),
                    Some("DynamoDB") => self.mappings.push(mapping(&name, function, properties)?),
                    _ => {}
                }
            }
        }
        Ok(())
    }
}

fn members(value: Option<&Value>) -> impl Iterator<Item = (&str, &Value)> {
    let mapping = value.and_then(Value::as_mapping);
    mapping.into_iter().flatten().filter_map(|(name, value)| Some((name.as_str()?, value)))
}

fn text<'a>(value: &'a Value, name: &str) -> Option<&'a str> {
    value.get(name)?.as_str()
}

fn functions(template: &Value) -> impl Iterator<Item = (&str, &Value)> {
    members(template.get("Resources"))
        .filter(|(_, resource)| text(resource, "Type") == Some("AWS::Serverless::Function"))
        .filter_map(|(name, resource)| Some((name, resource.get("Properties")?)))
}

/// A schedule; `None` when it is switched off.
fn schedule(name: &str, function: &str, properties: &Value) -> Result<Option<Schedule>, BackgroundError> {
    let off = properties.get("Enabled").and_then(Value::as_bool) == Some(false)
        || text(properties, "State") == Some("DISABLED");
    if off {
        return Ok(None);
    }
    let expression = text(properties, "Schedule").or_else(|| text(properties, "ScheduleExpression"));
    let expression = expression.ok_or_else(|| TemplateError::Missing(format!("{name}.Schedule")))?;
    let expression =
        Expression::parse(expression).map_err(|error| BackgroundError::Expression(name.to_owned(), error))?;
    Ok(Some(Schedule {
        name: name.to_owned(),
        function: function.to_owned(),
        expression,
        input: text(properties, "Input").map(str::to_owned),
    }))
}

fn mapping(name: &str, function: &str, properties: &Value) -> Result<Mapping, BackgroundError> {
    let stream = properties.get("Stream").and_then(reference);
    let table = stream.as_deref().and_then(table).ok_or_else(|| TemplateError::Missing(format!("{name}.Stream")))?;
    let declared = properties.get("FilterCriteria").and_then(|criteria| criteria.get("Filters"));
    let mut filters = Vec::new();
    for filter in declared.and_then(Value::as_sequence).into_iter().flatten() {
        let pattern = text(filter, "Pattern").ok_or_else(|| TemplateError::Missing(format!("{name}.Pattern")))?;
        filters.push(Pattern::parse(pattern).map_err(|error| BackgroundError::Pattern(name.to_owned(), error))?);
    }
    let number = |name: &str| properties.get(name).and_then(Value::as_i64);
    let response_types = properties.get("FunctionResponseTypes").and_then(Value::as_sequence);
    Ok(Mapping {
        function: function.to_owned(),
        table,
        filters,
        batch_size: number("BatchSize")
            .and_then(|size| usize::try_from(size).ok())
            .filter(|size| *size > 0)
            .unwrap_or(BATCH),
        parallel: number("ParallelizationFactor").and_then(|factor| usize::try_from(factor).ok()).unwrap_or(1).max(1),
        // -1, the default, means for ever
        most_retries: number("MaximumRetryAttempts").and_then(|attempts| u32::try_from(attempts).ok()),
        reports_items: response_types
            .into_iter()
            .flatten()
            .any(|kind| kind.as_str() == Some("ReportBatchItemFailures")),
    })
}

/// The name inside `!Ref Name`, `!GetAtt Name.Attribute` or their long forms.
fn reference(value: &Value) -> Option<String> {
    let target = match value {
        Value::Tagged(tagged) => &tagged.value,
        Value::Mapping(_) => value.get("Ref").or_else(|| value.get("Fn::GetAtt"))?,
        plain => plain,
    };
    let first = target.as_sequence().and_then(|parts| parts.first()).unwrap_or(target);
    first.as_str().map(str::to_owned)
}

/// The local name of the table that a reference names: `MainTable.StreamArn` and the parameters
/// `MainTableStreamArn` and `MainStreamArn` mean `main`.
fn table(reference: &str) -> Option<String> {
    let resource = reference.split('.').next()?;
    let name = resource.split("Table").next()?.split("Stream").next()?;
    (!name.is_empty()).then(|| name.to_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEMPLATE: &str = r#"
Resources:
  WorkItem:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: target/lambda/work
      Events:
        Minute:
          Type: Schedule
          Properties: { Schedule: rate(1 minute), Input: '{"sweep":true}' }
        Off:
          Type: ScheduleV2
          Properties: { ScheduleExpression: "cron(0 4 * * ? *)", State: DISABLED }
        Due:
          Type: DynamoDB
          Properties:
            Stream: !GetAtt MainTable.StreamArn
            BatchSize: 10
            MaximumRetryAttempts: 3
            FunctionResponseTypes: [ReportBatchItemFailures]
            FilterCriteria: { Filters: [{ Pattern: '{"eventName":["INSERT"]}' }] }
"#;

    #[test]
    fn the_embedded_templates_can_be_read() {
        Background::embedded().unwrap();
    }

    #[test]
    fn schedules_and_mappings_are_read() {
        let mut background = Background::default();
        background.read(TEMPLATE).unwrap();
        let [schedule] = &background.schedules[..] else { panic!("one schedule is on") };
        assert_eq!((schedule.function.as_str(), schedule.input.as_deref()), ("work", Some("{\"sweep\":true}")));
        let [mapping] = &background.mappings[..] else { panic!("one mapping") };
        assert_eq!((mapping.table.as_str(), mapping.batch_size, mapping.most_retries), ("main", 10, Some(3)));
        assert!(mapping.reports_items);
        assert_eq!(mapping.filters.len(), 1);
    }

    #[test]
    fn a_bad_expression_names_its_event() {
        let error = Background::default().read(&TEMPLATE.replace("rate(1 minute)", "hourly")).unwrap_err();
        assert!(error.to_string().starts_with("WorkItem.Minute: "), "{error}");
    }

    #[test]
    fn streams_are_found_by_every_way_to_name_them() {
        for (text, expected) in [
            ("!GetAtt MainTable.StreamArn", "main"),
            ("!Ref MainTableStreamArn", "main"),
            ("!Ref MainStreamArn", "main"),
            ("{ 'Fn::GetAtt': [MainTable, StreamArn] }", "main"),
        ] {
            let value: Value = yaml_serde::from_str(text).unwrap();
            assert_eq!(reference(&value).as_deref().and_then(table).as_deref(), Some(expected), "{text}");
        }
    }
}
