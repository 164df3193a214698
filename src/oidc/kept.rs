//! What a provider says of itself, kept for a while: asked for by one at a time, and not again and again while it is away.

use std::{
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use tokio::{sync::Mutex, time::Instant};

use super::OidcError;

/// How soon a provider that did not answer is asked again.
const ASKED_AGAIN: Duration = Duration::from_secs(5);
/// How long what it once said serves while it is away.
const LONGEST: Duration = Duration::from_hours(24);

pub(super) struct Kept<T> {
    found: RwLock<Option<(Arc<T>, Instant)>>,
    /// Held by who asks. When the provider did not answer the last time.
    asking: Mutex<Option<Instant>>,
}

impl<T> Default for Kept<T> {
    fn default() -> Self {
        Self { found: RwLock::new(None), asking: Mutex::new(None) }
    }
}

impl<T> Kept<T> {
    /// What was found, at most so old. While somebody asks again, and while the provider is away, what is older.
    pub(super) async fn get(
        &self,
        age: Duration,
        find: impl Future<Output = Result<T, OidcError>>,
    ) -> Result<Arc<T>, OidcError> {
        if let Some(found) = self.found(age) {
            return Ok(found);
        }
        let is_asked_for = self.asking.try_lock().is_err();
        match self.found(LONGEST).filter(|_| is_asked_for) {
            Some(found) => Ok(found),
            None => self.renew(age, find).await,
        }
    }

    /// The same for who needs what is new: waits for it.
    pub(super) async fn renew(
        &self,
        age: Duration,
        find: impl Future<Output = Result<T, OidcError>>,
    ) -> Result<Arc<T>, OidcError> {
        let mut failed_at = self.asking.lock().await;
        if let Some(found) = self.found(age) {
            return Ok(found);
        }
        let away = || OidcError::Unavailable(anyhow::anyhow!("it did not answer a moment ago"));
        if failed_at.is_some_and(|at| at.elapsed() < ASKED_AGAIN) {
            return self.found(LONGEST).ok_or_else(away);
        }
        match find.await {
            Ok(found) => {
                let found = Arc::new(found);
                *self.found.write().unwrap_or_else(PoisonError::into_inner) =
                    Some((Arc::clone(&found), Instant::now()));
                *failed_at = None;
                Ok(found)
            }
            Err(error) => {
                tracing::warn!(error = format!("{error:#}"), "a provider of identities does not answer");
                *failed_at = Some(Instant::now());
                self.found(LONGEST).ok_or(error)
            }
        }
    }

    fn found(&self, age: Duration) -> Option<Arc<T>> {
        let found = self.found.read().unwrap_or_else(PoisonError::into_inner);
        found.as_ref().filter(|(_, since)| since.elapsed() < age).map(|(found, _)| Arc::clone(found))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    const AGE: Duration = Duration::from_mins(1);

    /// A provider that counts how often it is asked.
    #[derive(Default)]
    struct Asked {
        times: AtomicU32,
        is_away: bool,
    }

    impl Asked {
        async fn ask(&self) -> Result<u32, OidcError> {
            let time = self.times.fetch_add(1, Ordering::Relaxed);
            tokio::time::sleep(Duration::from_millis(100)).await;
            if self.is_away { Err(OidcError::Unavailable(anyhow::anyhow!("away"))) } else { Ok(time) }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn many_ask_once_and_again_when_it_is_old() {
        let (kept, asked) = (Kept::default(), Asked::default());
        let all = futures_util::future::join_all((0..100).map(|_| kept.get(AGE, asked.ask()))).await;
        assert!(all.into_iter().all(|found| found.is_ok_and(|found| *found == 0)));
        assert_eq!(asked.times.load(Ordering::Relaxed), 1);
        tokio::time::advance(AGE).await;
        assert_eq!(*kept.get(AGE, asked.ask()).await.expect("the newer one"), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_waits_for_what_they_have_while_somebody_asks_anew() {
        let (kept, asked) = (Kept::default(), Asked::default());
        kept.get(AGE, asked.ask()).await.expect("the first");
        tokio::time::advance(AGE).await;
        let began = Instant::now();
        let (newer, older) = tokio::join!(kept.renew(AGE, asked.ask()), async {
            let found = kept.get(AGE, asked.ask()).await;
            (found, began.elapsed())
        });
        assert_eq!(*newer.expect("the newer one"), 1);
        assert!(matches!(older, (Ok(found), waited) if *found == 0 && waited < Duration::from_millis(100)));
    }

    #[tokio::test(start_paused = true)]
    async fn while_it_is_away_what_is_old_serves_and_it_is_not_asked_by_everybody() {
        let (kept, mut asked) = (Kept::default(), Asked::default());
        kept.get(AGE, asked.ask()).await.expect("a provider that answers");
        asked.is_away = true;
        tokio::time::advance(AGE).await;
        for _ in 0..100 {
            assert_eq!(*kept.get(AGE, asked.ask()).await.expect("the old one"), 0);
        }
        assert_eq!(asked.times.load(Ordering::Relaxed), 2);
        let never = Kept::default();
        assert!(never.get(AGE, asked.ask()).await.is_err() && never.get(AGE, asked.ask()).await.is_err());
        assert_eq!(asked.times.load(Ordering::Relaxed), 3);
    }
}
