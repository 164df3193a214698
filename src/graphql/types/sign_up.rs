//! What is done by links in mails.

use async_graphql::{ID, InputObject, Result, SimpleObject};

use super::user_error::UserError;
use crate::{accounts::NewUser, domain::ids::GroupId, graphql::error::parse_id};

/// The account to sign up for.
#[derive(InputObject)]
pub struct SignUpInput {
    /// The email address, which is what the user signs in with. Stored in lower case.
    email: String,
    /// The password: 10 to 128 characters, none of the most common passwords, not similar to the email address or the
    /// name.
    password: String,
    /// The display name: 1 to 100 characters. Defaults to the part of the address before the `@`.
    display_name: Option<String>,
}

impl From<SignUpInput> for NewUser {
    fn from(input: SignUpInput) -> Self {
        let SignUpInput { email, password, display_name } = input;
        Self { email, display_name, password: Some(password), groups: Vec::new() }
    }
}

/// The link of a mail that confirms an email address.
#[derive(InputObject)]
pub struct VerifyEmailInput {
    /// The token of the link, which is behind `#token=`.
    pub token: String,
    /// The password that was chosen at the sign-up. Required for the link of a sign-up: somebody else may have signed up with
    /// the address.
    pub password: Option<String>,
}

/// The address of the account whose password was forgotten.
#[derive(InputObject)]
pub struct RequestPasswordResetInput {
    /// The email address of the account, in any case.
    pub email: String,
}

/// The password to set, and the link that permits it.
#[derive(InputObject)]
pub struct ResetPasswordInput {
    /// The token of the link, which is behind `#token=`.
    pub token: String,
    /// The new password: 10 to 128 characters, none of the most common passwords, not similar to the email address or the
    /// name.
    pub new_password: String,
}

/// The person to invite.
#[derive(InputObject)]
pub struct InviteUserInput {
    /// The email address that the invitation is sent to.
    pub email: String,
    /// The groups that the person joins. Defaults to none.
    #[graphql(default)]
    group_ids: Vec<ID>,
}

impl InviteUserInput {
    /// The groups.
    ///
    /// # Errors
    /// `BAD_USER_INPUT` for a malformed id.
    pub fn groups(&self) -> Result<Vec<GroupId>> {
        self.group_ids.iter().map(parse_id).collect()
    }
}

/// The account to make by an invitation.
#[derive(InputObject)]
pub struct AcceptInvitationInput {
    /// The token of the link, which is behind `#token=`.
    pub token: String,
    /// The password: 10 to 128 characters, none of the most common passwords, not similar to the email address or the
    /// name.
    pub password: String,
    /// The display name: 1 to 100 characters. Defaults to the part of the address before the `@`.
    pub display_name: Option<String>,
}

/// The result of a request for a mail.
#[derive(SimpleObject)]
pub struct MailPayload {
    /// The reasons why no mail is sent. Empty on success, and also if there is no account of the address: nobody learns who
    /// has one.
    pub user_errors: Vec<UserError>,
}

/// The result of `inviteUser`.
#[derive(SimpleObject)]
pub struct InviteUserPayload {
    /// The address that the invitation is sent to. Null when there are userErrors.
    invited_email: Option<String>,
    /// The reasons why nothing was done. Empty on success.
    user_errors: Vec<UserError>,
}

super::user_error::payload!(InviteUserPayload { invited_email: String => |email| email });

impl From<std::result::Result<(), Vec<crate::domain::error::Refusal>>> for MailPayload {
    fn from(outcome: std::result::Result<(), Vec<crate::domain::error::Refusal>>) -> Self {
        Self { user_errors: outcome.err().unwrap_or_default().into_iter().map(UserError::from).collect() }
    }
}
