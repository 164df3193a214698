//! Door: the GraphQL schema. Translates between the wire and the services, and decides nothing.

pub mod admission;
pub mod cost;
pub mod document;
pub mod error;
pub mod limits;
pub mod live;
mod loaders;
mod mutation;
mod query;
mod subscription;
mod types;

use std::{net::IpAddr, sync::Arc};

use self::{mutation::Mutation, query::Query, subscription::Subscription};
use crate::{
    accounts::Accounts, budget::Budget, changes::Changes, domain::user::Caller, library::Library, uploads::Uploads,
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
    pub budget: Budget,
}

/// Builds the schema.
pub fn schema(services: Services, introspection: bool) -> Schema {
    // No extension: each of them would be asked about every field.
    let mut builder = builder().data(services);
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
    async_graphql::Schema::build(Query, Mutation::default(), Subscription).register_output_type::<types::node::Node>()
}

/// Adds what belongs to one operation alone: who asks, and the loaders that gather its look-ups.
pub fn for_caller(
    request: async_graphql::Request,
    caller: Arc<Caller>,
    address: IpAddr,
    services: &Services,
) -> async_graphql::Request {
    let request = loaders::attach(request, &services.library, &caller);
    request.data(caller).data(ClientAddress(address))
}

/// Where an operation comes from.
struct ClientAddress(IpAddr);

/// What a resolver reaches from its context.
trait FromContext {
    fn services(&self) -> &Services;
    fn caller(&self) -> &Caller;
    fn address(&self) -> IpAddr;
}

impl FromContext for async_graphql::Context<'_> {
    fn services(&self) -> &Services {
        self.data_unchecked::<Services>()
    }

    fn caller(&self) -> &Caller {
        self.data_unchecked::<Arc<Caller>>()
    }

    fn address(&self) -> IpAddr {
        self.data_unchecked::<ClientAddress>().0
    }
}
