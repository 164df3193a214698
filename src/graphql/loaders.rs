//! Loaders: what many resolvers of one operation look up is looked up once, in one query.

use std::{collections::HashMap, sync::Arc};

use async_graphql::{
    Context, Request,
    dataloader::{DataLoader, Loader},
};

use crate::{
    domain::{
        category::Category,
        error::ServiceError,
        ids::{CategoryId, ImageId, UserId},
        metadata::Metadata,
        user::User,
        variant::Variant,
    },
    library::Library,
};

/// Cloned to every resolver that waits for the same batch.
type LoadError = Arc<ServiceError>;

pub struct LibraryLoader(Library);

impl Loader<CategoryId> for LibraryLoader {
    type Value = Category;
    type Error = LoadError;

    async fn load(&self, ids: &[CategoryId]) -> Result<HashMap<CategoryId, Category>, LoadError> {
        self.0.categories_by_id(ids).await.map_err(Arc::new)
    }
}

impl Loader<UserId> for LibraryLoader {
    type Value = User;
    type Error = LoadError;

    async fn load(&self, ids: &[UserId]) -> Result<HashMap<UserId, User>, LoadError> {
        self.0.users_by_id(ids).await.map_err(Arc::new)
    }
}

impl Loader<ImageId> for LibraryLoader {
    type Value = Vec<Variant>;
    type Error = LoadError;

    async fn load(&self, ids: &[ImageId]) -> Result<HashMap<ImageId, Vec<Variant>>, LoadError> {
        self.0.variants(ids).await.map_err(Arc::new)
    }
}

/// What asks for an image's metadata.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct MetadataOf(pub ImageId);

impl Loader<MetadataOf> for LibraryLoader {
    type Value = Metadata;
    type Error = LoadError;

    async fn load(&self, keys: &[MetadataOf]) -> Result<HashMap<MetadataOf, Metadata>, LoadError> {
        let images: Vec<ImageId> = keys.iter().map(|key| key.0).collect();
        let found = self.0.metadata(&images).await.map_err(Arc::new)?;
        Ok(found.into_iter().map(|(image, metadata)| (MetadataOf(image), metadata)).collect())
    }
}

/// What asks for the bytes that a user has in the storage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct StorageOf(pub UserId);

impl Loader<StorageOf> for LibraryLoader {
    type Value = u64;
    type Error = LoadError;

    async fn load(&self, keys: &[StorageOf]) -> Result<HashMap<StorageOf, u64>, LoadError> {
        let users: Vec<UserId> = keys.iter().map(|key| key.0).collect();
        let found = self.0.storage_used(&users).await.map_err(Arc::new)?;
        Ok(found.into_iter().map(|(user, bytes)| (StorageOf(user), bytes)).collect())
    }
}

/// Gives an operation loaders of its own, which remember nothing beyond it.
pub(super) fn attach(request: Request, library: &Library) -> Request {
    request.data(DataLoader::new(LibraryLoader(library.clone()), tokio::spawn))
}

/// Looks something up together with whoever else does so now.
pub(super) async fn load<K>(
    ctx: &Context<'_>,
    key: K,
) -> Result<Option<<LibraryLoader as Loader<K>>::Value>, ServiceError>
where
    K: Send + Sync + std::hash::Hash + Eq + Clone + 'static,
    LibraryLoader: Loader<K, Error = LoadError>,
{
    let loaded = ctx.data_unchecked::<DataLoader<LibraryLoader>>().load_one(key).await;
    loaded.map_err(|error| ServiceError::Internal(anyhow::anyhow!("{error:?}")))
}

/// Something that a row refers to and that has to be there.
pub(super) fn present<T>(found: Option<T>, what: &'static str) -> Result<T, ServiceError> {
    found.ok_or_else(|| ServiceError::Internal(anyhow::anyhow!("a row refers to a {what} that is not there")))
}
