//! Sign-ups with an address that nobody has confirmed yet (outsend 6.1, openscouter 7): each of them can be the owner's.

use super::{Locale, Rivals, Role, User};
use crate::password::PasswordHash;

/// What a later sign-up said; it holds when its own link is followed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PendingSignUp {
    /// Hash of the password.
    pub password: PasswordHash,
    /// Name for people.
    pub name: String,
    /// What the person does.
    pub role: Role,
    /// Name of the organization.
    pub organization_name: String,
    /// Language of mails.
    pub locale: Locale,
    /// How many sign-ups had been refused before it.
    pub refused: u64,
}

/// The sign-up that a link for an address's verification belongs to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum SignUpOf {
    /// Nobody knows: the link was asked for by the address, or again.
    #[default]
    Unknown,
    /// The one that made the account.
    First,
    /// One that came later.
    Later(PendingSignUp),
}

impl User {
    /// Confirms the address with the link of the sign-up `of`: its password and what else it said hold, and what other
    /// sign-ups said is dropped. Where it is not known whose password it is, there is none afterwards. `in_session`
    /// says that the browser is the one whose sign-up made the account. Gives the organization's new name, if it gets
    /// one.
    pub fn verify(&mut self, of: SignUpOf, in_session: bool) -> Option<String> {
        let mut organization_name = None;
        if !self.verified {
            match of {
                SignUpOf::Later(sign_up) if sign_up.refused == self.rivals.refused => {
                    self.password = Some(sign_up.password);
                    self.name = sign_up.name;
                    self.role = sign_up.role;
                    self.locale = sign_up.locale;
                    organization_name = Some(sign_up.organization_name);
                }
                SignUpOf::First if in_session || self.rivals.refused == 0 => {}
                SignUpOf::Unknown if in_session || self.rivals == Rivals::default() => {}
                SignUpOf::Later(_) | SignUpOf::First | SignUpOf::Unknown => self.password = None,
            }
        }
        self.confirm();
        organization_name
    }
}
