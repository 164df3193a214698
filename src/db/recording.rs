//! What was sent to the database, while somebody wants to know: how many statements an operation takes, and
//! how the database runs them, is held to by tests.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicBool, Ordering},
};

use sea_orm::Statement;

/// Keeps statements while a `Recording` lives, and costs a look at a flag otherwise.
#[derive(Clone, Default)]
pub(super) struct Recorder(Arc<Inner>);

#[derive(Default)]
struct Inner {
    is_on: AtomicBool,
    statements: Mutex<Vec<Statement>>,
}

/// Statements from its making on, but for the beginnings and ends of transactions. One at a time.
pub struct Recording(Recorder);

impl Recorder {
    pub(super) fn note(&self, statement: &Statement) {
        if self.0.is_on.load(Ordering::Relaxed) {
            self.0.statements.lock().unwrap_or_else(PoisonError::into_inner).push(statement.clone());
        }
    }

    pub(super) fn start(&self) -> Recording {
        self.0.statements.lock().unwrap_or_else(PoisonError::into_inner).clear();
        self.0.is_on.store(true, Ordering::Relaxed);
        Recording(self.clone())
    }
}

impl Recording {
    /// What was sent until now; the recording is over.
    pub fn take(self) -> Vec<Statement> {
        std::mem::take(&mut *self.0.0.statements.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Drop for Recording {
    fn drop(&mut self) {
        self.0.0.is_on.store(false, Ordering::Relaxed);
    }
}
