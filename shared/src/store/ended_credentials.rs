//! Keys, API tokens and connections that ended with all others of their user (outsend 4.3, openscouter 3.4, 3.5). They
//! are refused from that moment on, since each of them is checked against its user; what is left of them in lists is
//! removed by work.

use time::OffsetDateTime;

use super::{BoxFuture, Store, StoreError, user_items::user_pk, user_keys::read_key};
use crate::model::{ApiToken, Connection, User, UserId, UserKey, WorkItem, WorkKind};

/// API tokens that are looked at in one read.
const PAGE: u32 = 50;

/// The work that removes what a change of `user` ended.
pub(super) fn ended_credentials(user: &User) -> WorkItem {
    WorkItem {
        id: format!("end-{}-{}", user.id, user.credential_generation),
        kind: WorkKind::EndCredentials,
        subject: user.id.to_string(),
        attempt: 0,
    }
}

impl Store {
    /// Removes the keys, API tokens and connections of a user that ended with all others. Done again, it changes
    /// nothing.
    ///
    /// # Errors
    /// When the store fails.
    pub fn remove_ended_credentials(&self, id: UserId, now: OffsetDateTime) -> BoxFuture<'_, Result<(), StoreError>> {
        Box::pin(async move {
            let Some(account) = self.account(id).await? else { return Ok(()) };
            let user = &account.user;
            for key in self.ended_keys(user).await? {
                self.revoke_user_key(id, &key.id, None).await?;
            }
            for token in self.ended_tokens(user, now).await? {
                self.revoke_token(&token, None).await?;
            }
            for connection in self.ended_connections(user).await? {
                self.end_connection(&connection, None).await?;
            }
            Ok(())
        })
    }

    async fn ended_keys(&self, user: &User) -> Result<Vec<UserKey>, StoreError> {
        let listed = self.query(user_pk(user.id), "OSK#").await?;
        let mut keys = listed.iter().map(read_key).collect::<Result<Vec<_>, _>>()?;
        keys.retain(|key| !key.lives_for(user));
        Ok(keys)
    }

    async fn ended_tokens(&self, user: &User, now: OffsetDateTime) -> Result<Vec<ApiToken>, StoreError> {
        let mut ended = Vec::new();
        let mut offset = 0;
        loop {
            let page = self.tokens_page(Some(user.organization), offset, PAGE, now).await?;
            offset += u64::from(PAGE);
            let (last, members) = (offset >= page.total, page.members);
            ended.extend(members.into_iter().filter(|token| !token.lives_for(user)));
            if last {
                return Ok(ended);
            }
        }
    }

    async fn ended_connections(&self, user: &User) -> Result<Vec<Connection>, StoreError> {
        let mut connections = self.connections_of(user.id).await?;
        connections.retain(|connection| !connection.lives_for(user));
        Ok(connections)
    }
}
