//! The body of a study and its rules (openscouter 9.1).

use std::collections::HashSet;

use serde_json::Value;
use time::OffsetDateTime;

use super::{
    super::{
        envelope::Problem,
        fields::Fields,
        lists::{COUNTRIES, CURRENCIES, LANGUAGES, ND_CATEGORIES},
    },
    view::visible_tasks,
};
use crate::model::{
    AbTest, AgeRange, Compensation, SplitRatio, Study, StudySettings, Targeting, Task, TaskId, Variant,
    WHOLE_CURRENCIES,
};

/// The largest `order` of a task: the largest integer that every client reads exactly.
const MAX_ORDER: u64 = (1 << 53) - 1;
/// Any number of entries.
const ANY: usize = usize::MAX;
const DEVICES: [&str; 3] = ["desktop", "mobile", "tablet"];
const PROTOTYPES: [&str; 4] = ["figma", "invision", "marvel", "url"];

/// What a body sets; `None` leaves a member as it is (openscouter 9.1).
#[derive(Debug)]
pub struct Changes {
    title: Option<String>,
    description: Option<String>,
    prototype_url: Option<String>,
    prototype_type: Option<String>,
    tasks: Option<Vec<Task>>,
    targeting: Option<Targeting>,
    ab_test: Option<Option<AbTest>>,
    compensation: Option<Option<Compensation>>,
    settings: Option<StudySettings>,
}

fn listed(list: &str, text: &str) -> bool {
    list.lines().any(|line| line == text)
}

impl Changes {
    /// Reads a body in the order of the contract's table. Without a `current` study the required members must be there.
    ///
    /// # Errors
    /// 422 for the first violation.
    pub fn read(fields: &Fields, current: Option<&Study>) -> Result<Self, Problem> {
        let wanted = |name: &str| current.is_none() || fields.has(name);
        let title = wanted("title").then(|| fields.text("title", 3, 100)).transpose()?;
        let description = wanted("description").then(|| fields.text("description", 1, 5_000)).transpose()?;
        let prototype_url = wanted("prototypeUrl").then(|| fields.web_url("prototypeUrl")).transpose()?;
        let kind = || {
            fields.choice("prototypeType", &PROTOTYPES.join(", "), |name| {
                PROTOTYPES.contains(&name).then(|| name.to_owned())
            })
        };
        let prototype_type = wanted("prototypeType").then(kind).transpose()?;
        let tasks = wanted("tasks").then(|| tasks(fields)).transpose()?;
        let targeting = wanted("targeting")
            .then(|| {
                let object = fields.member("targeting", fields.required("targeting")?)?;
                targeting(&object, current.is_some())
            })
            .transpose()?;
        let ab_test = fields
            .has("abTest")
            .then(|| fields.nullable_object("abTest")?.as_ref().map(ab_test).transpose())
            .transpose()?;
        let compensation = fields
            .has("compensation")
            .then(|| fields.nullable_object("compensation")?.as_ref().map(compensation).transpose())
            .transpose()?;
        let settings = fields.object("settings")?.as_ref().map(settings).transpose()?;
        Ok(Self {
            title,
            description,
            prototype_url,
            prototype_type,
            tasks,
            targeting,
            ab_test,
            compensation,
            settings,
        })
    }

    /// Sets on a study what the body sets. A task that the study has already keeps its id.
    pub fn apply(&self, study: &mut Study, now: OffsetDateTime) {
        fn set<T: Clone>(target: &mut T, value: Option<&T>) {
            if let Some(value) = value {
                target.clone_from(value);
            }
        }
        set(&mut study.name, self.title.as_ref());
        if self.prototype_url.is_some() {
            study.target_url.clone_from(&self.prototype_url);
        }
        if let Some(sent) = &self.tasks {
            let before = visible_tasks(study);
            let tasks: Vec<_> = sent.iter().map(|task| with_id(task, &before, now)).collect();
            // tasks that are sent as they are shown change nothing
            if tasks != before {
                study.tasks = tasks;
            }
        }
        let details = &mut study.details;
        set(&mut details.description, self.description.as_ref());
        if self.prototype_type.is_some() {
            details.prototype_type.clone_from(&self.prototype_type);
        }
        set(&mut details.targeting, self.targeting.as_ref());
        set(&mut details.ab_test, self.ab_test.as_ref());
        set(&mut details.compensation, self.compensation.as_ref());
        set(&mut details.settings, self.settings.as_ref());
    }
}

/// A task with an id: that of the same task before, or a new one.
fn with_id(task: &Task, before: &[Task], now: OffsetDateTime) -> Task {
    let same = before.iter().find(|known| known.title == task.title && known.order == task.order);
    let id = same.and_then(|known| known.task_id.clone()).unwrap_or_else(|| TaskId::at(now).wire());
    Task { task_id: Some(id), ..task.clone() }
}

fn tasks(fields: &Fields) -> Result<Vec<Task>, Problem> {
    let mut tasks = Vec::new();
    for (index, value) in fields.array("tasks", 1, 50)?.iter().enumerate() {
        let path = format!("tasks[{index}]");
        let task = fields.member(&path, value)?;
        let named = |name: &str| format!("{path}.{name}");
        let title = task.text(&named("title"), 1, 200)?;
        let description = task.text(&named("description"), 1, 5_000)?;
        let success_criteria = task.optional_text(&named("successCriteria"), 0, 2_000)?.unwrap_or_default();
        let order = task.optional_integer(&named("order"), 1, MAX_ORDER)?;
        let order = order.unwrap_or_else(|| u64::try_from(index + 1).unwrap_or(MAX_ORDER));
        tasks.push(Task { task_id: None, title, description, success_criteria, order });
    }
    let orders: HashSet<_> = tasks.iter().map(|task| task.order).collect();
    if orders.len() < tasks.len() {
        return Err(Problem::invalid("tasks", "must not contain duplicates"));
    }
    tasks.sort_by_key(|task| task.order);
    Ok(tasks)
}

fn targeting(fields: &Fields, patch: bool) -> Result<Targeting, Problem> {
    let optional = |name: &str, check: &dyn Fn(&str) -> bool, reason: &str| match fields.given(name)? {
        None => Ok(Vec::new()),
        Some(_) => fields.names(name, (0, ANY), check, reason),
    };
    let name = "targeting.countries";
    let countries = if patch && !fields.has(name) {
        // there are none, and a change of other fields does not ask for them
        Vec::new()
    } else {
        fields.names(name, (1, 250), |text| listed(COUNTRIES, text), "must be an ISO 3166-1 alpha-2 code")?
    };
    let age_range = match fields.nullable_object("targeting.ageRange")? {
        None => None,
        Some(range) => {
            let year = |name: &str, least: u32| {
                range.required(name)?;
                range.optional_integer(name, least, 120).map(Option::unwrap_or_default)
            };
            let min = year("targeting.ageRange.min", 18)?;
            Some(AgeRange { min, max: year("targeting.ageRange.max", min)? })
        }
    };
    let one_of = |names: &[&str]| format!("must be one of: {}", names.join(", "));
    let devices = optional("targeting.devices", &|text| DEVICES.contains(&text), &one_of(&DEVICES))?;
    let language = |text: &str| listed(LANGUAGES, text);
    let languages = optional("targeting.languages", &language, "must be an ISO 639-1 code")?;
    let tester_count = fields.optional_integer("targeting.testerCount", 1, 1_000)?.unwrap_or(10);
    let category = |text: &str| ND_CATEGORIES.contains(&text);
    let nd_categories = optional("targeting.ndCategories", &category, &one_of(&ND_CATEGORIES))?;
    Ok(Targeting { countries, age_range, devices, languages, tester_count, nd_categories })
}

/// Whether no entries were sent.
fn empty(sent: Option<&Value>) -> bool {
    sent.is_none_or(|sent| sent.as_array().is_some_and(Vec::is_empty))
}

fn ab_test(fields: &Fields) -> Result<AbTest, Problem> {
    let enabled = fields.optional_flag("abTest.enabled")?.unwrap_or(true);
    let mut variants = Vec::new();
    if enabled || !empty(fields.given("abTest.variants")?) {
        let sent = fields.array("abTest.variants", 2, 2)?;
        for (index, (value, label)) in sent.iter().zip(["A", "B"]).enumerate() {
            let path = format!("abTest.variants[{index}]");
            let variant = fields.member(&path, value)?;
            let label =
                variant.choice(&format!("{path}.label"), label, |text| (text == label).then(|| label.to_owned()))?;
            let name = format!("{path}.description");
            variants.push(Variant { label, description: variant.optional_text(&name, 0, 1_000)?.unwrap_or_default() });
        }
    }
    let split_ratio = match fields.object("abTest.splitRatio")? {
        None => SplitRatio::default(),
        Some(ratio) => {
            let part = |name: &str| ratio.number(&format!("abTest.splitRatio.{name}"), 0.0, 1.0);
            let ratio = SplitRatio { a: part("A")?, b: part("B")? };
            if (ratio.a + ratio.b - 1.0).abs() > 1e-9 {
                return Err(Problem::invalid("abTest.splitRatio", "must sum to 1"));
            }
            ratio
        }
    };
    Ok(AbTest { enabled, variants, split_ratio })
}

fn compensation(fields: &Fields) -> Result<Compensation, Problem> {
    let currency = match fields.given("compensation.currency")? {
        None => "USD".to_owned(),
        Some(_) => fields.text("compensation.currency", 1, usize::MAX)?,
    };
    if !listed(CURRENCIES, &currency) {
        return Err(Problem::invalid("compensation.currency", "must be an ISO 4217 code"));
    }
    let name = "compensation.amount";
    let amount = fields.number(name, 0.0, 10_000.0)?;
    let (scale, decimals) = if WHOLE_CURRENCIES.contains(&&*currency) { (1.0, 0) } else { (100.0, 2) };
    #[expect(clippy::float_cmp, reason = "whether a number is the one that its text says")]
    let exact = (amount * scale).round() / scale == amount;
    if !exact {
        return Err(Problem::invalid(name, &format!("must have at most {decimals} decimals")));
    }
    let kind = match fields.given("compensation.type")? {
        None => "flat".to_owned(),
        Some(_) => fields.choice("compensation.type", "flat", |text| (text == "flat").then(|| text.to_owned()))?,
    };
    Ok(Compensation { currency, amount, kind })
}

fn settings(fields: &Fields) -> Result<StudySettings, Problem> {
    let default = StudySettings::default();
    let flag = |name: &str, default: bool| {
        fields.optional_flag(&format!("settings.{name}")).map(|flag| flag.unwrap_or(default))
    };
    let integer = |name: &str, least: u32, most: u32, default: u32| {
        fields.optional_integer(&format!("settings.{name}"), least, most).map(|number| number.unwrap_or(default))
    };
    Ok(StudySettings {
        require_think_aloud: flag("requireThinkAloud", default.require_think_aloud)?,
        record_screen: flag("recordScreen", default.record_screen)?,
        record_facial: flag("recordFacial", default.record_facial)?,
        record_voice: flag("recordVoice", default.record_voice)?,
        max_duration_minutes: integer("maxDurationMinutes", 5, 240, default.max_duration_minutes)?,
        reminder_after_hours: integer("reminderAfterHours", 1, 168, default.reminder_after_hours)?,
    })
}
