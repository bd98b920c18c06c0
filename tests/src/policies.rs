//! The templates' policies, as IAM reads them: the bench refuses a function's call to the store that its role does
//! not allow, so a policy that lacks something fails the tests that need it.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    io::Write as _,
    sync::{LazyLock, Mutex, PoisonError},
};

use serde_json::Value as Json;
use yaml_serde::Value;

const TEMPLATES: [&str; 4] = [
    include_str!("../../template.yaml"),
    include_str!("../../functions/outset/template.yaml"),
    include_str!("../../functions/outsend/template.yaml"),
    include_str!("../../functions/openscouter/template.yaml"),
];

/// What each function may do, by crate name.
static POLICIES: LazyLock<HashMap<String, Vec<Statement>>> = LazyLock::new(policies);

/// One statement of a policy about the tables.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Statement {
    allows: bool,
    /// Names without `dynamodb:`; `*` stands for all.
    actions: Vec<String>,
    /// Local name of the table.
    table: String,
    /// Patterns of partition keys; `None` means any key.
    keys: Option<Vec<String>>,
}

/// One access to a table: an action on some partition keys.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Access {
    /// IAM's name of the action, without `dynamodb:`.
    pub action: String,
    /// Table.
    pub table: String,
    /// Partition keys.
    pub keys: Vec<String>,
}

/// Whether the role of `function` allows an access.
#[must_use]
pub fn allows(function: &str, access: &Access) -> bool {
    let statements = POLICIES.get(function).map(Vec::as_slice).unwrap_or_default();
    let mut about = statements.iter().filter(|statement| {
        statement.table == access.table && statement.actions.iter().any(|known| known == "*" || *known == access.action)
    });
    let fits = |key: &String, patterns: &[String]| patterns.iter().any(|pattern| like(pattern, key));
    let denied = about.clone().filter(|statement| !statement.allows).any(|statement| match &statement.keys {
        Some(patterns) => access.keys.iter().any(|key| fits(key, patterns)),
        None => true,
    });
    !denied
        && about.any(|statement| {
            let every = |patterns: &Vec<String>| access.keys.iter().all(|key| fits(key, patterns));
            statement.allows && statement.keys.as_ref().is_none_or(every)
        })
}

/// `StringLike`: a star stands for any text.
fn like(pattern: &str, key: &str) -> bool {
    let Some((prefix, rest)) = pattern.split_once('*') else { return pattern == key };
    let Some(key) = key.strip_prefix(prefix) else { return false };
    rest.is_empty() || key.char_indices().any(|(at, _)| key.get(at..).is_some_and(|tail| like(rest, tail)))
}

/// What a call of the DynamoDB API accesses, as IAM sees it: a transaction's members one by one.
///
/// # Panics
/// At a call that the store does not make, whose keys are read nowhere here.
#[must_use]
pub fn accesses(operation: &str, body: &Json) -> Vec<Access> {
    let text = |value: &Json| value.as_str().unwrap_or_default().to_owned();
    let access =
        |action: &str, table: &Json, keys: Vec<String>| Access { action: action.to_owned(), table: text(table), keys };
    let key = |key: &Json| text(&key["pk"]["S"]);
    let members = |value: &Json| value.as_object().cloned().unwrap_or_default();
    let list = |value: &Json| value.as_array().cloned().unwrap_or_default();
    match operation {
        "GetItem" | "UpdateItem" | "DeleteItem" => vec![access(operation, &body["TableName"], vec![key(&body["Key"])])],
        "PutItem" => vec![access(operation, &body["TableName"], vec![key(&body["Item"])])],
        "Query" => {
            let condition = body["KeyConditionExpression"].as_str().unwrap_or_default();
            assert!(condition.starts_with("pk = :pk"), "another form of a query: {condition}");
            vec![access(operation, &body["TableName"], vec![text(&body["ExpressionAttributeValues"][":pk"]["S"])])]
        }
        "BatchGetItem" => members(&body["RequestItems"])
            .iter()
            .map(|(table, asked)| {
                access(operation, &table.as_str().into(), list(&asked["Keys"]).iter().map(key).collect())
            })
            .collect(),
        "BatchWriteItem" => members(&body["RequestItems"])
            .iter()
            .map(|(table, asked)| {
                let writes = list(asked);
                let keys = writes.iter().map(|write| {
                    if write["PutRequest"].is_null() {
                        key(&write["DeleteRequest"]["Key"])
                    } else {
                        key(&write["PutRequest"]["Item"])
                    }
                });
                access(operation, &table.as_str().into(), keys.collect())
            })
            .collect(),
        "TransactWriteItems" | "TransactGetItems" => list(&body["TransactItems"])
            .iter()
            .flat_map(members)
            .map(|(member, asked)| {
                let action = match member.as_str() {
                    "ConditionCheck" => "ConditionCheckItem".to_owned(),
                    member => format!("{member}Item"),
                };
                let pk = if member == "Put" { key(&asked["Item"]) } else { key(&asked["Key"]) };
                access(&action, &asked["TableName"], vec![pk])
            })
            .collect(),
        operation => panic!("a call whose keys nobody reads: {operation}"),
    }
}

/// The file that accesses are noted in, if `OUTSCOUT_RECORD_ACCESS` names one: then nothing is refused. That is how a policy is
/// written whose needs are not known.
pub fn record() -> Option<String> {
    #[expect(clippy::disallowed_methods, reason = "a switch of the test itself")]
    std::env::var("OUTSCOUT_RECORD_ACCESS").ok()
}

/// The file that accesses which were allowed are noted in, if `OUTSCOUT_USED_ACCESS` names one. `checks/rights` finds what a policy
/// allows and no test needs.
pub fn used() -> Option<&'static str> {
    static FILE: LazyLock<Option<String>> = LazyLock::new(|| {
        #[expect(clippy::disallowed_methods, reason = "a switch of the test itself")]
        std::env::var("OUTSCOUT_USED_ACCESS").ok()
    });
    FILE.as_deref()
}

/// Whether this is one of the first invocations of a function, which are those of processes that remember nothing.
pub fn is_new(function: &'static str) -> bool {
    static INVOCATIONS: Mutex<BTreeMap<&str, usize>> = Mutex::new(BTreeMap::new());
    let mut invocations = INVOCATIONS.lock().unwrap_or_else(PoisonError::into_inner);
    let count = invocations.entry(function).or_default();
    *count += 1;
    *count <= 3
}

/// Notes an access of a function: table, action and the keys' prefixes.
pub fn note(file: &str, function: &str, access: &Access) {
    static NOTED: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());
    for key in &access.keys {
        let prefix = pattern(key);
        let line = format!("{function} {} {} {prefix}\n", access.table, access.action);
        if NOTED.lock().unwrap_or_else(PoisonError::into_inner).insert(line.clone()) {
            let file = std::fs::OpenOptions::new().create(true).append(true).open(file);
            // a note that is lost is made by the next test
            let _ = file.and_then(|mut file| file.write_all(line.as_bytes()));
        }
    }
}

/// The pattern that allows a key and its like: its kind, and of a ranked collection the list.
fn pattern(key: &str) -> String {
    let Some((kind, rest)) = key.split_once('#') else { return key.to_owned() };
    match (kind, rest.split_once('#')) {
        ("RANK", _) => {}
        // pending changes of a list that many write; what matching reads
        ("WORK", Some((list, _))) | ("SPECIAL", Some((list @ "MATCH", _))) => return format!("{kind}#{list}#*"),
        _ => return format!("{kind}#*"),
    }
    let (owner, list) = rest.rsplit_once('#').map_or(("", rest), |(_, list)| ("*#", list));
    format!("RANK#{owner}{}*", list.split('/').next().unwrap_or_default())
}

fn policies() -> HashMap<String, Vec<Statement>> {
    let templates: Vec<Value> =
        TEMPLATES.iter().map(|text| yaml_serde::from_str(text).unwrap_or_else(|error| panic!("{error}"))).collect();
    let resources = |template: &Value| -> BTreeMap<String, Value> {
        let members = template["Resources"].as_mapping().cloned().unwrap_or_default();
        members.into_iter().filter_map(|(name, resource)| Some((name.as_str()?.to_owned(), resource))).collect()
    };
    // a policy of the root reaches the APIs as a parameter of the same name
    let mut shared = BTreeMap::new();
    for (name, resource) in templates.iter().flat_map(resources) {
        if resource["Type"].as_str() == Some("AWS::IAM::ManagedPolicy") {
            shared.insert(name, statements(&resource["Properties"]["PolicyDocument"]));
        }
    }
    let mut found = HashMap::new();
    for template in &templates {
        // a name that two APIs give to policies of their own means the API's
        let own = resources(template);
        for resource in own.values().filter(|resource| resource["Type"].as_str() == Some("AWS::Serverless::Function")) {
            let properties = &resource["Properties"];
            let name = properties["CodeUri"].as_str().and_then(|uri| uri.rsplit('/').next()).unwrap_or_default();
            let mut granted = Vec::new();
            for policy in properties["Policies"].as_sequence().into_iter().flatten() {
                match policy {
                    Value::Tagged(reference) => {
                        let name = reference.value.as_str().unwrap_or_default();
                        let policy = own.get(name).map(|own| statements(&own["Properties"]["PolicyDocument"]));
                        let policy = policy.or_else(|| shared.get(name).cloned());
                        granted.extend(policy.unwrap_or_else(|| panic!("no policy {name}")));
                    }
                    inline => granted.extend(statements(inline)),
                }
            }
            found.insert(name.to_owned(), granted);
        }
    }
    found
}

/// The statements of a policy that are about a table.
fn statements(policy: &Value) -> Vec<Statement> {
    let mut found = Vec::new();
    for statement in policy["Statement"].as_sequence().into_iter().flatten() {
        let resource = match &statement["Resource"] {
            Value::Tagged(reference) => reference.value.as_str().unwrap_or_default(),
            other => other.as_str().unwrap_or_default(),
        };
        let table = match resource {
            name if name.starts_with("MainTable") => "main",
            name if name.starts_with("HotTable") => "hot",
            _ => continue,
        };
        let texts = |value: &Value| -> Vec<String> {
            value.as_sequence().into_iter().flatten().filter_map(|text| Some(text.as_str()?.to_owned())).collect()
        };
        let (kind, test) = match statement["Effect"].as_str() {
            Some("Deny") => (false, "ForAnyValue:StringLike"),
            _ => (true, "ForAllValues:StringLike"),
        };
        let condition = statement.get("Condition");
        found.push(Statement {
            allows: kind,
            actions: texts(&statement["Action"])
                .iter()
                .map(|action| action.trim_start_matches("dynamodb:").to_owned())
                .collect(),
            table: table.to_owned(),
            keys: condition.map(|condition| texts(&condition[test]["dynamodb:LeadingKeys"])),
        });
    }
    found
}
