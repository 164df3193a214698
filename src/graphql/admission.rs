//! What is let through to be executed: within the limits, reading alone where that is all that may be, and by its
//! hash where it was sent before. Done before async-graphql sees a request: its extensions cost every field.
//!
//! Front ends send the same few texts over and over, so those let through are remembered parsed.

use std::{
    num::NonZeroUsize,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use async_graphql::{
    Request, ServerError, from_value,
    parser::types::{ExecutableDocument, OperationType},
};
use lru::LruCache;
use serde::Deserialize;
use sha2::{Digest, Sha256};

use super::limits::OperationLimits;

/// How many persisted queries are remembered.
const PERSISTED: NonZeroUsize = NonZeroUsize::new(1000).unwrap();
/// In bytes: no longer query is remembered. A thousand long ones would fill the memory.
const PERSISTABLE: usize = 16 * 1024;
/// How many documents are remembered, and in bytes how long a text may be for it: parsed, a hostile one is a hundred
/// times as large, so together they stay below 50 MB.
const DOCUMENTS: NonZeroUsize = NonZeroUsize::new(256).unwrap();
const SHORT: usize = 2 * 1024;
const METHOD_NOT_ALLOWED: &str = "METHOD_NOT_ALLOWED";

/// What an operation may do, by the way it came in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// By GET: caches and prefetching browsers repeat it.
    ReadOnly,
    Full,
}

/// Lets operations through, or says why not.
#[derive(Clone)]
pub struct Admission {
    limits: OperationLimits,
    /// Texts by their hashes.
    persisted: Arc<Mutex<LruCache<String, Arc<str>>>>,
    /// What keeps within the limits, by its text.
    documents: Arc<Mutex<LruCache<String, Arc<ExecutableDocument>>>>,
}

/// Apollo's extension: <https://www.apollographql.com/docs/apollo-server/performance/apq>
#[derive(Deserialize)]
struct PersistedQuery {
    version: i32,
    #[serde(rename = "sha256Hash")]
    hash: String,
}

impl Admission {
    /// Within these limits, with nothing persisted yet.
    pub fn new(limits: OperationLimits) -> Self {
        Self {
            limits,
            persisted: Arc::new(Mutex::new(LruCache::new(PERSISTED))),
            documents: Arc::new(Mutex::new(LruCache::new(DOCUMENTS))),
        }
    }

    /// Parses a request, if it may be executed.
    ///
    /// # Errors
    /// What exceeds which limit, where the syntax is wrong, what is not known by its hash, or what GET may not do.
    pub fn admit(&self, request: &mut Request, access: Access) -> Result<(), ServerError> {
        let persisted = request
            .extensions
            .remove("persistedQuery")
            .map(|extension| from_value::<PersistedQuery>(extension).ok().filter(|persisted| persisted.version == 1));
        let hash = match persisted {
            None => None,
            Some(Some(persisted)) => Some(persisted.hash),
            Some(None) => return Err(error("`persistedQuery` has a `version` of 1 and a `sha256Hash`.")),
        };
        match hash {
            Some(hash) if request.query.is_empty() => {
                request.query = self.recall(&hash)?.to_string();
                self.parse(request)?;
            }
            hash => {
                self.parse(request)?;
                if let Some(hash) = hash {
                    self.remember(hash, &request.query)?;
                }
            }
        }
        if access == Access::ReadOnly { only_reads(request) } else { Ok(()) }
    }

    fn parse(&self, request: &mut Request) -> Result<(), ServerError> {
        let known = locked(&self.documents).get(&request.query).cloned();
        if let Some(known) = known {
            request.set_parsed_query(ExecutableDocument::clone(&known));
            return Ok(());
        }
        self.limits.check(request)?;
        if request.query.len() <= SHORT {
            let document = Arc::new(request.parsed_query()?.clone());
            locked(&self.documents).put(request.query.clone(), document);
        }
        Ok(())
    }

    fn recall(&self, hash: &str) -> Result<Arc<str>, ServerError> {
        // Clients look for this very message.
        locked(&self.persisted).get(hash).cloned().ok_or_else(|| error("PersistedQueryNotFound"))
    }

    fn remember(&self, hash: String, query: &str) -> Result<(), ServerError> {
        if query.len() > PERSISTABLE {
            return Ok(());
        }
        if hex::encode(Sha256::digest(query.as_bytes())) != hash {
            return Err(error("The query has another hash than `sha256Hash`."));
        }
        locked(&self.persisted).put(hash, query.into());
        Ok(())
    }
}

fn locked<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

fn only_reads(request: &mut Request) -> Result<(), ServerError> {
    let meant = request.operation_name.clone();
    let is_meant = |name: Option<&str>| meant.is_none() || name == meant.as_deref();
    let changes_something = request.parsed_query()?.operations.iter().any(|(name, operation)| {
        is_meant(name.map(async_graphql::Name::as_str)) && operation.node.ty != OperationType::Query
    });
    if !changes_something {
        return Ok(());
    }
    let mut refused = error("Only queries can be sent by GET: use POST.");
    refused.extensions.get_or_insert_default().set("code", METHOD_NOT_ALLOWED);
    Err(refused)
}

/// Whether an error says that GET may not do this.
pub fn is_read_only_violation(error: &ServerError) -> bool {
    let code = error.extensions.as_ref().and_then(|extensions| extensions.get("code"));
    code == Some(&async_graphql::Value::from(METHOD_NOT_ALLOWED))
}

fn error(message: &str) -> ServerError {
    ServerError::new(message, None)
}
