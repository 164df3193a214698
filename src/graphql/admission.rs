//! What is let through to be executed: within the limits, reading alone where that is all that may be, and by its
//! hash where it was sent before. Done before async-graphql sees a request: its extensions cost every field.
//!
//! Front ends send the same few texts over and over, so those let through are remembered parsed.

use std::{
    num::NonZeroUsize,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use async_graphql::{
    Name, Request, Response, ServerError, Value, Variables, from_value,
    parser::types::{ExecutableDocument, OperationDefinition, OperationType},
};
use lru::LruCache;
use serde::Deserialize;
use sha2::{Digest, Sha256};

use super::{
    cost::{self, CostModel, Requested},
    document,
    limits::{self, OperationLimits, exceeded},
    nulls,
};

/// How many persisted queries are remembered.
const PERSISTED: NonZeroUsize = NonZeroUsize::new(1000).unwrap();
/// In bytes: no longer query is remembered. A thousand long ones would fill the memory.
const PERSISTABLE: usize = 16 * 1024;
/// How many documents are remembered, and in bytes how long a text may be for it: parsed, a hostile one is a hundred
/// times as large, so together they stay below 50 MB.
const DOCUMENTS: NonZeroUsize = NonZeroUsize::new(256).unwrap();
const SHORT: usize = 2 * 1024;
/// In bytes: longer names of operations are not told.
const LONGEST_NAME: usize = 64;
/// The extension by which a client asks what its operation costs.
pub const COST: &str = "cost";
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
    model: Arc<CostModel>,
    /// Texts by their hashes.
    persisted: Arc<Mutex<LruCache<String, Arc<str>>>>,
    /// What keeps within the limits, by its text.
    documents: Arc<Mutex<LruCache<String, Checked>>>,
}

/// A document within the limits.
#[derive(Clone)]
struct Checked {
    document: Arc<ExecutableDocument>,
    /// How often variables are used in it.
    variables: usize,
    /// What it costs, where that is the same each time: of one operation without variables.
    requested: Option<Requested>,
}

/// An operation that may be executed, once its caller has paid for it.
pub struct Admitted {
    pub requested: Requested,
    pub ty: OperationType,
    /// Whether the client asks what it costs.
    pub asks_cost: bool,
    pub text: String,
    pub operation_name: Option<String>,
    pub variables: Variables,
    document: Arc<ExecutableDocument>,
    model: Arc<CostModel>,
}

impl Admitted {
    /// What async-graphql executes; a subscription once for each event.
    pub fn request(&self) -> Request {
        let mut request = Request::new("").variables(self.variables.clone());
        request.operation_name.clone_from(&self.operation_name);
        request.set_parsed_query(ExecutableDocument::clone(&self.document));
        request
    }

    /// The operation's name as the document has it, where that is short: it is for logs.
    pub fn name(&self) -> Option<&str> {
        let mut names = self.document.operations.iter().map(|(name, _)| name.map(Name::as_str));
        let name = match &self.operation_name {
            Some(meant) => names.find(|name| *name == Some(meant.as_str())),
            None => names.next().filter(|_| names.next().is_none()),
        };
        name.flatten().filter(|name| name.len() <= LONGEST_NAME)
    }

    /// Puts nulls where the specification wants them in an answer with errors.
    pub fn propagate_nulls(&self, response: &mut Response) {
        let operation = meant(&self.document, self.operation_name.as_deref());
        if let Some(operation) = operation.filter(|_| !response.errors.is_empty()) {
            nulls::propagate(&self.model, &self.document, operation, &response.errors, &mut response.data);
        }
    }

    /// The points that this answer did cost.
    pub fn actual(&self, data: &Value) -> u64 {
        let operation = meant(&self.document, self.operation_name.as_deref());
        let actual = |operation| cost::actual(&self.model, &self.document, operation, &self.variables, data);
        operation.map_or(1, actual)
    }
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
            model: Arc::new(CostModel::of(&super::sdl())),
            persisted: Arc::new(Mutex::new(LruCache::new(PERSISTED))),
            documents: Arc::new(Mutex::new(LruCache::new(DOCUMENTS))),
        }
    }

    /// Reads a request, if it may be executed.
    ///
    /// # Errors
    /// What exceeds which limit, where the syntax is wrong, what is not known by its hash, or what GET may not do.
    pub fn admit(&self, mut request: Request, access: Access) -> Result<Admitted, ServerError> {
        let persisted = request
            .extensions
            .remove("persistedQuery")
            .map(|extension| from_value::<PersistedQuery>(extension).ok().filter(|persisted| persisted.version == 1));
        let hash = match persisted {
            None => None,
            Some(Some(persisted)) => Some(persisted.hash),
            Some(None) => return Err(error("`persistedQuery` has a `version` of 1 and a `sha256Hash`.")),
        };
        let checked = match hash {
            Some(hash) if request.query.is_empty() => {
                request.query = self.recall(&hash)?.to_string();
                self.check(&request.query)?
            }
            hash => {
                let checked = self.check(&request.query)?;
                if let Some(hash) = hash {
                    self.remember(hash, &request.query)?;
                }
                checked
            }
        };
        self.measure(request, checked, access)
    }

    fn measure(&self, mut request: Request, checked: Checked, access: Access) -> Result<Admitted, ServerError> {
        let Checked { document, variables, requested } = checked;
        let operation = meant(&document, request.operation_name.as_deref());
        keep_what_is_used(&mut request, operation);
        let sizes = || request.variables.values().map(bytes);
        let (all, largest) = (sizes().sum::<usize>(), sizes().max().unwrap_or(0));
        let copied = largest.saturating_mul(variables);
        if all > self.limits.variables_bytes || copied > self.limits.copied_variable_bytes {
            return Err(error("The variables are too large for the number of times that they are used."));
        }
        let ty = operation.map_or(OperationType::Query, |operation| operation.ty);
        if access == Access::ReadOnly && ty != OperationType::Query {
            return Err(not_by_get());
        }
        if let Some(operation) = operation.filter(|operation| operation.ty == OperationType::Subscription) {
            limits::check_one_root(&document, &operation.selection_set)?;
        }
        let nothing = Requested { points: 1, introspected: 0 };
        let measure = |operation| cost::requested(&self.model, &document, operation, &request.variables);
        let requested = requested.unwrap_or_else(|| operation.map_or(nothing, measure));
        let introspectable = self.limits.introspected_of_type.saturating_mul(self.model.size);
        if requested.introspected > introspectable {
            return Err(exceeded("fields of the schema to tell", requested.introspected, introspectable));
        }
        if requested.points > self.limits.points {
            return Err(exceeded("points of cost", requested.points, self.limits.points));
        }
        let asks_cost = request.extensions.get(COST).is_some_and(|asked| *asked != Value::Boolean(false));
        let Request { query: text, operation_name, variables, .. } = request;
        let model = Arc::clone(&self.model);
        Ok(Admitted { requested, ty, asks_cost, text, operation_name, variables, document, model })
    }

    fn check(&self, text: &str) -> Result<Checked, ServerError> {
        if let Some(known) = locked(&self.documents).get(text) {
            return Ok(known.clone());
        }
        let document = document::read(text, self.limits.text)?;
        let variables = self.limits.check(&document, &self.model)?;
        let alone = meant(&document, None).filter(|operation| operation.variable_definitions.is_empty());
        let requested =
            alone.map(|operation| cost::requested(&self.model, &document, operation, &Variables::default()));
        let checked = Checked { document: Arc::new(document), variables, requested };
        if text.len() <= SHORT {
            locked(&self.documents).put(text.to_owned(), checked.clone());
        }
        Ok(checked)
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
            return Err(error("The hash of the query differs from `sha256Hash`."));
        }
        locked(&self.persisted).put(hash, query.into());
        Ok(())
    }
}

fn locked<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The operation that is to be executed; `None` where the name does not tell which.
fn meant<'a>(document: &'a ExecutableDocument, name: Option<&str>) -> Option<&'a OperationDefinition> {
    let mut operations = document.operations.iter();
    let found = match name {
        Some(name) => operations.find(|(known, _)| known.is_some_and(|known| known.as_str() == name)),
        None => operations.next().filter(|_| operations.next().is_none()),
    };
    found.map(|(_, operation)| &operation.node)
}

/// An operation may wait for its turn: it is not to hold what nobody asks it for.
fn keep_what_is_used(request: &mut Request, operation: Option<&OperationDefinition>) {
    let declared = operation.map(|operation| operation.variable_definitions.as_slice()).unwrap_or_default();
    let is_declared = |name: &Name| declared.iter().any(|definition| definition.node.name.node == *name);
    request.variables.retain(|name, _| is_declared(name));
}

/// About how much memory a value takes.
fn bytes(value: &Value) -> usize {
    const EACH: usize = 32;
    let inside = match value {
        Value::String(text) => text.len(),
        Value::List(items) => items.iter().map(bytes).sum(),
        Value::Object(fields) => fields.iter().map(|(name, value)| name.len() + EACH + bytes(value)).sum(),
        _ => 0,
    };
    EACH + inside
}

fn not_by_get() -> ServerError {
    let mut refused = error("Only queries can be sent by GET: use POST.");
    refused.extensions.get_or_insert_default().set("code", METHOD_NOT_ALLOWED);
    refused
}

/// Whether an error says that GET may not do this.
pub fn is_read_only_violation(error: &ServerError) -> bool {
    let code = error.extensions.as_ref().and_then(|extensions| extensions.get("code"));
    code == Some(&Value::from(METHOD_NOT_ALLOWED))
}

fn error(message: &str) -> ServerError {
    ServerError::new(message, None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kind_of_an_operation_is_that_of_the_named_one() {
        let admission = Admission::new(OperationLimits::default());
        let document = "query A { me { id } } subscription B { myUploads { status } } mutation C { logOut }";
        let kind = |name: &str| {
            let request = Request::new(document).operation_name(name);
            admission.admit(request, Access::Full).map(|admitted| admitted.ty)
        };
        assert_eq!(kind("A").expect("a query"), OperationType::Query, "and so it has a time limit");
        assert_eq!(kind("B").expect("a subscription"), OperationType::Subscription);
        assert_eq!(kind("C").expect("a mutation"), OperationType::Mutation);
    }
}
