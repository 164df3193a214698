//! Who a token speaks for.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};

use super::{Accounts, api_tokens, secret_hash};
use crate::{
    db::{self, identities::Known},
    domain::{
        caller::{Caller, Credential, Identity, Standing, TokenScopes},
        error::{ServiceError, ServiceResult},
    },
};

/// How exact it is kept when an API token was used last.
const USE_NOTED_EVERY: TimeDelta = TimeDelta::minutes(1);

impl Accounts {
    /// Who a token speaks for, as they are now.
    ///
    /// # Errors
    /// `Unauthenticated` for one that is forged, expired, not yet valid or revoked, and where its user is gone or
    /// deactivated.
    pub async fn authenticate(&self, token: &str) -> ServiceResult<Caller> {
        let (callers, now) = (&self.inner.callers, self.inner.clock.now());
        if let Some(known) = callers.get(token, now)
            && now < known.expires_at
        {
            return Ok(Caller::user(known));
        }
        let version = callers.version();
        let identity = if token.starts_with(api_tokens::PREFIX) {
            self.of_api_token(token, now).await?
        } else if let Some(provider) = self.provider_of(token) {
            Box::pin(self.of_external_token(provider, token, now)).await?
        } else {
            self.of_access_token(token, now).await?
        };
        let identity = Arc::new(identity);
        callers.insert(token.to_owned(), Arc::clone(&identity), now, version);
        Ok(Caller::user(identity))
    }

    async fn of_access_token(&self, token: &str, now: DateTime<Utc>) -> ServiceResult<Identity> {
        let claims = self.inner.keys.read(token, now)?;
        let found = db::identities::of_session(self.inner.db.conn(), claims.session, claims.user, now).await?;
        let known = found.ok_or(ServiceError::Unauthenticated)?;
        Ok(self.identity(known, Credential::Session(claims.session), TokenScopes::all(), claims.expires_at))
    }

    async fn of_api_token(&self, token: &str, now: DateTime<Utc>) -> ServiceResult<Identity> {
        let conn = self.inner.db.conn();
        let found = db::identities::of_api_token(conn, &secret_hash(token), now).await?;
        let (known, token) = found.ok_or(ServiceError::Unauthenticated)?;
        if token.last_used_at.is_none_or(|at| now - at >= USE_NOTED_EVERY) {
            db::api_tokens::touch(conn, token.id, now).await?;
        }
        Ok(self.identity(known, Credential::ApiToken(token.id), token.scopes, token.expires_at))
    }

    /// Those of these that stand no more: the log-in or the token has ended, or the user may do something else now.
    pub async fn fallen_of(&self, standings: &[Standing]) -> ServiceResult<Vec<Standing>> {
        let credentials = standings.iter().map(|standing| standing.credential);
        let alive = db::identities::alive(self.inner.db.conn(), credentials, self.inner.clock.now()).await?;
        let has_fallen = |standing: &&Standing| alive.get(&standing.credential) != Some(&standing.rights_revision);
        let fallen: Vec<_> = standings.iter().filter(has_fallen).copied().collect();
        if !fallen.is_empty() {
            // Whoever asks again is not to hear what was a moment ago.
            self.inner.callers.clear();
        }
        Ok(fallen)
    }

    pub(super) fn identity(
        &self,
        known: Known,
        credential: Credential,
        scopes: TokenScopes,
        expires_at: DateTime<Utc>,
    ) -> Identity {
        let Known { user, mut permissions, groups, rights_revision, has_second_factor } = known;
        if !has_second_factor {
            permissions -= self.inner.rules.require_2fa;
        }
        let standing = Standing { credential, rights_revision };
        Identity { user, permissions, groups, standing, has_second_factor, scopes, expires_at }
    }
}
