//! Reports (openscouter 13), by id; a study's knows where its own is.

use aws_sdk_dynamodb::types::TransactWriteItem;

use super::{
    BoxFuture, Store, StoreError,
    client::Written,
    item::{Condition, Item, delete_version},
    studies::study_pk,
};
use crate::{
    model::{AgentJobId, AgentStatus, OrganizationId, Report, ReportId, StudyId, TestSessionId, UserId},
    store::after_lost_race,
};

const SK: &str = "REPORT";

pub(super) fn report_key(id: ReportId) -> (String, String) {
    (format!("REP#{id}"), SK.to_owned())
}

impl Store {
    pub(super) fn report_members(
        &self,
        before: Option<&Report>,
        report: &Report,
    ) -> Result<Vec<TransactWriteItem>, StoreError> {
        let (pk, sk) = report_key(report.id);
        let head = Item::new(pk.clone(), sk.clone())
            .text("id", report.id.to_string())
            .optional_text("session", report.session.map(|id| id.to_string()).as_deref())
            .text("study", report.study.to_string())
            .text("organization", report.organization.to_string())
            .optional_text("tester", report.tester.map(|id| id.to_string()).as_deref())
            .number("number", report.number)
            .number("edition", report.edition)
            .text("status", report.status.as_str())
            .text("job", report.job.to_string())
            .time("created_at", report.created_at)
            .optional_time("completed_at", report.completed_at)
            .number("counted", u8::from(report.counted))
            .number("version", report.version);
        let condition = before.map_or(Condition::Absent, |before| Condition::Version(before.version));
        let mut members = self.large_members((&pk, &sk), head, &report.contents, condition)?;
        if before.is_none() && report.session.is_none() {
            let name = Item::new(study_pk(report.study), SK.to_owned()).text("report", report.id.to_string());
            members.push(name.put(&self.main, Condition::Absent)?);
        }
        if report.counted && report.session.is_some() && before.is_some_and(|before| !before.counted) {
            members.push(self.count_member(report.study, "reported", 1)?);
        }
        Ok(members)
    }

    /// Reads a report's item with what it says; `None` when it is gone by now.
    pub(super) async fn read_report(&self, item: Item) -> Result<Option<Report>, StoreError> {
        let id = item.read("report").parsed("id", ReportId::parse)?;
        let (pk, sk) = report_key(id);
        let Some((item, contents)) = self.large_text(item, (&pk, &sk)).await? else { return Ok(None) };
        let reader = item.read("report");
        Ok(Some(Report {
            id,
            session: reader.optional_text("session").and_then(TestSessionId::parse),
            study: reader.parsed("study", StudyId::parse)?,
            organization: reader.parsed("organization", OrganizationId::parse)?,
            tester: reader.optional_text("tester").and_then(UserId::parse),
            number: reader.number("number")?,
            edition: reader.number("edition")?,
            status: reader.parsed("status", AgentStatus::parse)?,
            job: reader.parsed("job", AgentJobId::parse)?,
            created_at: reader.time("created_at")?,
            completed_at: reader.optional_time("completed_at")?,
            counted: reader.flag("counted")?,
            contents,
            version: reader.number("version")?,
        }))
    }

    /// A report, whosever it is.
    ///
    /// # Errors
    /// When the store fails.
    pub fn report(&self, id: ReportId) -> BoxFuture<'_, Result<Option<Report>, StoreError>> {
        Box::pin(async move {
            let (pk, sk) = report_key(id);
            match self.get(&self.main, pk, sk).await? {
                Some(item) => self.read_report(item).await,
                None => Ok(None),
            }
        })
    }

    /// Removes a report; one that counted among its study's does not any more.
    pub(super) async fn drop_report(&self, report: &Report) -> Result<(), StoreError> {
        let (pk, sk) = report_key(report.id);
        let mut current = Some(report.clone());
        for attempt in 0.. {
            let Some(report) = current else { break };
            let mut members = vec![delete_version(&self.main, pk.clone(), sk.clone(), report.version)?];
            if report.counted && report.session.is_some() {
                members.push(self.count_member(report.study, "reported", -1)?);
            }
            if self.transact(members).await? == Written::Done {
                break;
            }
            after_lost_race(attempt).await?;
            current = self.report(report.id).await?;
        }
        self.drop_items(&pk, "").await
    }

    /// A study's report, once one was asked for.
    ///
    /// # Errors
    /// When the store fails.
    pub fn study_report(&self, study: StudyId) -> BoxFuture<'_, Result<Option<Report>, StoreError>> {
        Box::pin(async move {
            let name = self.get(&self.main, study_pk(study), SK.to_owned()).await?;
            let Some(name) = name else { return Ok(None) };
            self.report(name.read("report").parsed("report", ReportId::parse)?).await
        })
    }
}
