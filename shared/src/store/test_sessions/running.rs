//! A tester's sessions that run, which the withdrawal of a consent ends (openscouter 18).

use aws_sdk_dynamodb::types::{AttributeValue, TransactWriteItem};
use time::OffsetDateTime;

use super::{TESTED, key, read_test_session, tested_id};
use crate::{
    model::{TestSession, TestSessionId, TestStatus, UserId},
    store::{
        Store, StoreError,
        item::{Item, check},
        round_trips::round_trip,
        user_items::user_pk,
    },
};

/// No session runs for so long: a study's longest is four hours, and the sweep that ends them runs each minute.
const RUNNING: time::Duration = time::Duration::days(7);

impl Store {
    /// The member that holds as long as a session runs.
    pub(in crate::store) fn running_member(&self, session: TestSessionId) -> Result<TransactWriteItem, StoreError> {
        let text = |status: TestStatus| AttributeValue::S(status.as_str().to_owned());
        let running = [(":active", text(TestStatus::Active)), (":paused", text(TestStatus::Paused))];
        check(&self.main, key(session), "#name IN (:active, :paused)", Some("status"), running)
    }

    /// A tester's sessions that run at `now`, in no order; not those that the sweep should have ended days ago.
    pub(in crate::store) async fn running_tests(
        &self,
        tester: UserId,
        now: OffsetDateTime,
    ) -> Result<Vec<TestSession>, StoreError> {
        // ids sort by their time
        let first = format!("{TESTED}{}", TestSessionId::first_at(now - RUNNING));
        let call = self
            .client
            .query()
            .table_name(&self.main)
            .key_condition_expression("pk = :pk AND sk BETWEEN :first AND :last")
            .expression_attribute_values(":pk", AttributeValue::S(user_pk(tester)))
            .expression_attribute_values(":first", AttributeValue::S(first))
            .expression_attribute_values(":last", AttributeValue::S(format!("{TESTED}~")))
            .projection_expression("sk")
            .consistent_read(true);
        let mut keys = Vec::new();
        let mut pages = call.into_paginator().send();
        while let Some(page) = round_trip(pages.next()).await {
            let page = page.map_err(|error| StoreError::call("Query", &error))?;
            for item in page.items.unwrap_or_default().into_iter().map(Item::from) {
                keys.push(key(item.read("session of a tester").parsed("sk", tested_id)?));
            }
        }
        let items = self.batch_get(keys).await?;
        let mut sessions = items.iter().map(read_test_session).collect::<Result<Vec<_>, _>>()?;
        sessions.retain(|session| session.status.is_running());
        Ok(sessions)
    }
}
