//! Door: the GraphQL schema. Translates between the wire and the services, and decides nothing.

pub mod admission;
pub mod cost;
pub mod document;
pub mod error;
pub mod limits;
pub mod live;
mod loaders;
mod mutation;
mod nulls;
mod query;
mod refresh_cookie;
mod subscription;
mod types;

use std::{net::IpAddr, sync::Arc};

use axum::http::{HeaderMap, header};

pub use self::refresh_cookie::CookieRules;
use self::{mutation::Mutation, query::Query, refresh_cookie::RefreshCookie, subscription::Subscription};
use crate::{
    accounts::Accounts,
    budget::Budget,
    changes::Changes,
    domain::{caller::Caller, error::Refusal, mail::Language, session::Client},
    library::Library,
    sharing::Sharing,
    uploads::Uploads,
    webhooks::Webhooks,
};

/// The schema with everything that its resolvers call.
pub type Schema = async_graphql::Schema<Query, Mutation, Subscription>;

/// The services that resolvers call.
#[derive(Clone)]
pub struct Services {
    pub changes: Changes,
    pub uploads: Uploads,
    pub library: Library,
    pub accounts: Accounts,
    pub sharing: Sharing,
    pub webhooks: Webhooks,
    pub budget: Budget,
}

/// Builds the schema.
pub fn schema(services: Services, cookies: CookieRules, introspection: bool) -> Schema {
    // No extension: each of them would be asked about every field.
    let mut builder = builder().data(services).data(cookies);
    if !introspection {
        builder = builder.disable_introspection().disable_suggestions();
    }
    builder.finish()
}

/// The schema's text, as it is written to schema.graphql.
pub fn sdl() -> String {
    let options = async_graphql::SDLExportOptions::new().sorted_fields().sorted_enum_items().include_specified_by();
    let sdl = builder().finish().sdl_with_options(options);
    let lines = sdl.lines().map(str::trim_end).map(|line| line.replace('\t', "  "));
    lines.collect::<Vec<_>>().join("\n").trim_end().to_owned() + "\n"
}

fn builder() -> async_graphql::SchemaBuilder<Query, Mutation, Subscription> {
    async_graphql::Schema::build(Query::default(), Mutation::default(), Subscription)
        .register_output_type::<types::node::Node>()
}

/// Adds what belongs to one operation alone: who asks, and the loaders that gather its look-ups.
pub fn for_caller(
    request: async_graphql::Request,
    caller: Arc<Caller>,
    from: SentFrom,
    services: &Services,
) -> async_graphql::Request {
    let request = loaders::attach(request, services, &caller);
    request.data(caller).data(from)
}

/// Where an operation comes from.
#[derive(Debug, Clone)]
pub struct SentFrom {
    pub address: IpAddr,
    /// Of a POST; other requests set no cookies.
    pub headers: Option<Arc<HeaderMap>>,
}

/// What a resolver reaches from its context.
trait FromContext {
    fn services(&self) -> &Services;
    fn caller(&self) -> &Caller;
    /// From where, and by what program, the request was sent.
    fn client(&self) -> Client;
    /// The language that mails to whoever sent the request are written in.
    fn language(&self) -> Language;
    /// The browser's cookie, to read and to set; refused on that field where the request may not.
    fn refresh_cookie(&self, field: &'static str) -> Result<RefreshCookie<'_>, Refusal>;
}

impl FromContext for async_graphql::Context<'_> {
    fn services(&self) -> &Services {
        self.data_unchecked::<Services>()
    }

    fn caller(&self) -> &Caller {
        self.data_unchecked::<Arc<Caller>>()
    }

    fn client(&self) -> Client {
        let SentFrom { address, headers } = self.data_unchecked::<SentFrom>();
        let program = headers.as_ref().and_then(|headers| headers.get(header::USER_AGENT)?.to_str().ok());
        Client::new(*address, program)
    }

    fn language(&self) -> Language {
        let headers = self.data_unchecked::<SentFrom>().headers.as_ref();
        let accepted = headers.and_then(|headers| headers.get(header::ACCEPT_LANGUAGE)?.to_str().ok());
        accepted.map(Language::accepted).unwrap_or_default()
    }

    fn refresh_cookie(&self, field: &'static str) -> Result<RefreshCookie<'_>, Refusal> {
        let headers = self.data_unchecked::<SentFrom>().headers.as_deref();
        RefreshCookie::of(self.data_unchecked::<CookieRules>(), headers, field)
    }
}
