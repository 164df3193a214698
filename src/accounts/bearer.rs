//! Bearer tokens of providers of identities: their users come without having signed in here.

use chrono::{DateTime, Utc};

use super::Accounts;
use crate::{
    db,
    domain::{
        caller::{Credential, Identity, TokenScope, TokenScopes},
        error::{ServiceError, ServiceResult},
        ids::UserId,
        oidc::ExternalClaims,
    },
    oidc::{Bearer, OidcError, Provider},
};

impl Accounts {
    /// The provider that a token says it is of.
    pub(super) fn provider_of(&self, token: &str) -> Option<&Provider> {
        self.inner.providers.iter().find(|provider| provider.claims_to_issue(token))
    }

    /// Who a token of a provider speaks for: somebody who signed in by it once, or whom it makes known now.
    pub(super) async fn of_external_token(
        &self,
        provider: &Provider,
        token: &str,
        now: DateTime<Utc>,
    ) -> ServiceResult<Identity> {
        let bearer = provider.accept(token, now).await.map_err(|error| {
            match error {
                OidcError::Unavailable(error) => {
                    tracing::warn!(error = format!("{error:#}"), "a bearer token could not be checked");
                }
                OidcError::Refused(why) => tracing::debug!(why, "a bearer token was refused"),
            }
            ServiceError::Unauthenticated
        })?;
        if let Some(identity) = self.known_bearer(provider, &bearer).await? {
            return Ok(identity);
        }
        match self.meet(provider, &bearer).await {
            // Another request may have made the account at the same time, also between two looks; otherwise there is none.
            Ok(()) | Err(ServiceError::Refused(_)) => {}
            Err(error) => return Err(error),
        }
        self.known_bearer(provider, &bearer).await?.ok_or(ServiceError::Unauthenticated)
    }

    /// Whom a token names, if nothing is to be written first.
    async fn known_bearer(&self, provider: &Provider, bearer: &Bearer) -> ServiceResult<Option<Identity>> {
        let Bearer { claims, issued_at, expires_at } = bearer;
        let found = db::identities::of_external(self.inner.db.conn(), &claims.issuer, &claims.subject).await?;
        let Some((mut known, groups_as_of)) = found else { return Ok(None) };
        if claims.groups.is_some() && groups_as_of.is_none_or(|as_of| as_of < *issued_at) {
            return Ok(None);
        }
        known.has_second_factor = provider.settings().has_second_factor;
        let credential = Credential::External(known.user.id);
        // What an account is changed by is signed in with here.
        let scopes = TokenScopes::all() - TokenScope::Account;
        Ok(Some(self.identity(known, credential, scopes, *expires_at)))
    }

    /// Makes the account of whom a token names, or brings their membership up to date, if either may be.
    async fn meet(&self, provider: &Provider, Bearer { claims, issued_at, .. }: &Bearer) -> ServiceResult<()> {
        let conn = self.inner.db.conn();
        let may_be_met = match db::external_identities::find(conn, &claims.issuer, &claims.subject).await? {
            Some(id) => !self.is_deactivated(id).await?,
            None => claims.is_email_verified && provider.settings().creates_users && !self.has_account(claims).await?,
        };
        // Seen before anything is locked: whoever is refused may come a thousand times a second.
        if !may_be_met {
            return Ok(());
        }
        let transaction = self.inner.db.begin().await?;
        let user = self.user_of_claims(&transaction, provider.settings(), claims, None).await?;
        self.follow_groups(&transaction, &user, claims, *issued_at).await?;
        self.commit(transaction).await?;
        Ok(())
    }

    async fn has_account(&self, claims: &ExternalClaims) -> ServiceResult<bool> {
        let email = claims.email.as_deref().unwrap_or_default().to_ascii_lowercase();
        Ok(db::users::find_by_email(self.inner.db.conn(), &email).await?.is_some())
    }

    async fn is_deactivated(&self, id: UserId) -> ServiceResult<bool> {
        let user = db::users::find(self.inner.db.conn(), id).await?;
        Ok(user.is_none_or(|user| user.deactivated_at.is_some()))
    }
}
