//! Loaders: what many resolvers of one operation look up is looked up once, in one query.
//!
//! Images that were read together ask together: the first of them that is asked for its category asks for the
//! categories of all, and at once, for nothing is to be waited for. An image that was read alone waits a moment for
//! others that were.

use std::{
    collections::{HashMap, HashSet},
    hash::Hash,
    sync::Arc,
};

use async_graphql::{
    Context, Request,
    dataloader::{DataLoader, Loader},
};
use tokio::sync::OnceCell;

use crate::{
    accounts::Accounts,
    domain::{
        caller::Caller,
        category::Category,
        error::{ServiceError, ServiceResult},
        ids::{AlbumId, CategoryId, GroupId, ImageId, UserId},
        image::Image,
        metadata::Metadata,
        removal::Removal,
        sharing::{Share, ShareLink, Shareable},
        user::{Group, User},
        variant::Variant,
    },
    graphql::Services,
    library::Library,
    sharing::Sharing,
};

/// Cloned to every resolver that waits for the same batch.
type LoadError = Arc<ServiceError>;

pub struct LibraryLoader {
    library: Library,
    accounts: Accounts,
    sharing: Sharing,
    /// Who asks.
    caller: Arc<Caller>,
}

/// What asks for an image's metadata; its id alone asks for its variants.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct MetadataOf(pub ImageId);

/// What asks for the image that another one is a copy of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct OriginalOf(pub ImageId);

/// What asks for the bytes that a user has in the storage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct StorageOf(pub UserId);

/// What asks for the groups of a user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct GroupsOf(pub UserId);

/// What asks for those with whom an image or an album is shared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SharesOf(pub Shareable);

/// What asks for the links of an image or an album.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct LinksOf(pub Shareable);

/// What asks for the image that shows a user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct AvatarOf(pub ImageId);

/// What asks whether a user is to be removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct RemovalOf(pub UserId);

/// What asks how many images an album has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct CountOf(pub AlbumId);

impl Loader<CategoryId> for LibraryLoader {
    type Value = Arc<Category>;
    type Error = LoadError;

    async fn load(&self, ids: &[CategoryId]) -> Result<HashMap<CategoryId, Arc<Category>>, LoadError> {
        self.library.categories_by_id(ids).await.map_err(Arc::new)
    }
}

impl Loader<UserId> for LibraryLoader {
    type Value = Arc<User>;
    type Error = LoadError;

    async fn load(&self, ids: &[UserId]) -> Result<HashMap<UserId, Arc<User>>, LoadError> {
        shared(self.library.users_by_id(ids).await)
    }
}

impl Loader<ImageId> for LibraryLoader {
    type Value = Arc<Vec<Variant>>;
    type Error = LoadError;

    async fn load(&self, ids: &[ImageId]) -> Result<HashMap<ImageId, Arc<Vec<Variant>>>, LoadError> {
        shared(self.library.variants(ids).await)
    }
}

impl Loader<MetadataOf> for LibraryLoader {
    type Value = Arc<Metadata>;
    type Error = LoadError;

    async fn load(&self, keys: &[MetadataOf]) -> Result<HashMap<MetadataOf, Arc<Metadata>>, LoadError> {
        let images: Vec<ImageId> = keys.iter().map(|key| key.0).collect();
        let found = self.library.metadata(&images).await;
        shared(found.map(|found| found.into_iter().map(|(image, metadata)| (MetadataOf(image), metadata)).collect()))
    }
}

impl Loader<OriginalOf> for LibraryLoader {
    type Value = Arc<Image>;
    type Error = LoadError;

    async fn load(&self, keys: &[OriginalOf]) -> Result<HashMap<OriginalOf, Arc<Image>>, LoadError> {
        let copies: Vec<ImageId> = keys.iter().map(|key| key.0).collect();
        let found = self.library.originals_of(&self.caller, &copies).await.map_err(Arc::new)?;
        Ok(found.into_iter().map(|(copy, original)| (OriginalOf(copy), original)).collect())
    }
}

impl Loader<StorageOf> for LibraryLoader {
    type Value = u64;
    type Error = LoadError;

    async fn load(&self, keys: &[StorageOf]) -> Result<HashMap<StorageOf, u64>, LoadError> {
        let users: Vec<UserId> = keys.iter().map(|key| key.0).collect();
        let found = self.library.storage_used(&users).await.map_err(Arc::new)?;
        Ok(found.into_iter().map(|(user, bytes)| (StorageOf(user), bytes)).collect())
    }
}

impl Loader<GroupsOf> for LibraryLoader {
    type Value = Arc<Vec<Group>>;
    type Error = LoadError;

    async fn load(&self, keys: &[GroupsOf]) -> Result<HashMap<GroupsOf, Arc<Vec<Group>>>, LoadError> {
        let users: Vec<UserId> = keys.iter().map(|key| key.0).collect();
        let found = self.accounts.groups_of(&users).await.map_err(Arc::new)?;
        Ok(found.into_iter().map(|(user, groups)| (GroupsOf(user), Arc::new(groups))).collect())
    }
}

impl Loader<AvatarOf> for LibraryLoader {
    type Value = Arc<Image>;
    type Error = LoadError;

    async fn load(&self, keys: &[AvatarOf]) -> Result<HashMap<AvatarOf, Arc<Image>>, LoadError> {
        let ids: Vec<ImageId> = keys.iter().map(|key| key.0).collect();
        let found = self.library.avatars(&ids).await;
        shared(found.map(|found| found.into_iter().map(|(id, image)| (AvatarOf(id), image)).collect()))
    }
}

impl Loader<RemovalOf> for LibraryLoader {
    type Value = Arc<Removal>;
    type Error = LoadError;

    async fn load(&self, keys: &[RemovalOf]) -> Result<HashMap<RemovalOf, Arc<Removal>>, LoadError> {
        let users: Vec<UserId> = keys.iter().map(|key| key.0).collect();
        let found = self.accounts.removals_of(&users).await;
        shared(found.map(|found| found.into_iter().map(|(user, removal)| (RemovalOf(user), removal)).collect()))
    }
}

impl Loader<GroupId> for LibraryLoader {
    type Value = Arc<Group>;
    type Error = LoadError;

    async fn load(&self, ids: &[GroupId]) -> Result<HashMap<GroupId, Arc<Group>>, LoadError> {
        shared(self.accounts.groups_by_id(ids).await)
    }
}

impl Loader<SharesOf> for LibraryLoader {
    type Value = Arc<Vec<Share>>;
    type Error = LoadError;

    async fn load(&self, keys: &[SharesOf]) -> Result<HashMap<SharesOf, Arc<Vec<Share>>>, LoadError> {
        let of: Vec<Shareable> = keys.iter().map(|key| key.0).collect();
        let found = self.sharing.shares_of(&of).await;
        shared(found.map(|found| found.into_iter().map(|(of, shares)| (SharesOf(of), shares)).collect()))
    }
}

impl Loader<LinksOf> for LibraryLoader {
    type Value = Arc<Vec<ShareLink>>;
    type Error = LoadError;

    async fn load(&self, keys: &[LinksOf]) -> Result<HashMap<LinksOf, Arc<Vec<ShareLink>>>, LoadError> {
        let of: Vec<Shareable> = keys.iter().map(|key| key.0).collect();
        let found = self.sharing.links_of(&of).await;
        shared(found.map(|found| found.into_iter().map(|(of, links)| (LinksOf(of), links)).collect()))
    }
}

impl Loader<CountOf> for LibraryLoader {
    type Value = u64;
    type Error = LoadError;

    async fn load(&self, keys: &[CountOf]) -> Result<HashMap<CountOf, u64>, LoadError> {
        let albums: Vec<AlbumId> = keys.iter().map(|key| key.0).collect();
        let found = self.sharing.album_counts(&albums).await.map_err(Arc::new)?;
        Ok(found.into_iter().map(|(album, count)| (CountOf(album), count)).collect())
    }
}

fn shared<K: Hash + Eq, V>(found: ServiceResult<HashMap<K, V>>) -> Result<HashMap<K, Arc<V>>, LoadError> {
    let found = found.map_err(Arc::new)?;
    Ok(found.into_iter().map(|(key, value)| (key, Arc::new(value))).collect())
}

/// Gives an operation loaders of its own, which remember nothing beyond it.
pub(super) fn attach(request: Request, services: &Services, caller: &Arc<Caller>) -> Request {
    let Services { library, accounts, sharing, .. } = services.clone();
    let loader = LibraryLoader { library, accounts, sharing, caller: Arc::clone(caller) };
    request.data(DataLoader::new(loader, tokio::spawn))
}

/// Looks something up together with whoever else does so now.
pub(super) async fn load<K>(
    ctx: &Context<'_>,
    key: K,
) -> Result<Option<<LibraryLoader as Loader<K>>::Value>, ServiceError>
where
    K: Send + Sync + Hash + Eq + Clone + 'static,
    LibraryLoader: Loader<K, Error = LoadError>,
{
    ctx.data_unchecked::<DataLoader<LibraryLoader>>().load_one(key).await.map_err(failed)
}

/// Something that a row refers to and that has to be there.
pub(super) fn present<T>(found: Option<T>, what: &'static str) -> Result<T, ServiceError> {
    found.ok_or_else(|| ServiceError::Internal(anyhow::anyhow!("a row refers to a missing {what}")))
}

fn failed(error: LoadError) -> ServiceError {
    ServiceError::Internal(anyhow::anyhow!("{error:?}"))
}

/// Images that were read together, and what belongs to them once it was asked for.
pub struct Siblings {
    images: Vec<Arc<Image>>,
    pub(super) categories: Together<CategoryId>,
    pub(super) owners: Together<UserId>,
    pub(super) variants: Together<ImageId>,
    pub(super) metadata: Together<MetadataOf>,
    pub(super) originals: Together<OriginalOf>,
    pub(super) shares: Together<SharesOf>,
    pub(super) links: Together<LinksOf>,
}

impl Siblings {
    pub(super) fn of(images: &[Arc<Image>]) -> Arc<Self> {
        Arc::new(Self {
            images: images.to_vec(),
            categories: Together::by(|image| image.category),
            owners: Together::by(|image| image.owner),
            variants: Together::by(|image| image.id),
            metadata: Together::by(|image| MetadataOf(image.id)),
            originals: Together::by(|image| OriginalOf(image.id)),
            shares: Together::by(|image| SharesOf(Shareable::Image(image.id))),
            links: Together::by(|image| LinksOf(Shareable::Image(image.id))),
        })
    }

    /// What belongs to `image`; looked up for all of them, and once.
    pub(super) async fn load<K>(
        &self,
        ctx: &Context<'_>,
        edge: &Together<K>,
        image: &Image,
    ) -> Result<Option<<LibraryLoader as Loader<K>>::Value>, ServiceError>
    where
        K: Send + Sync + Hash + Eq + Clone + 'static,
        LibraryLoader: Loader<K, Error = LoadError>,
    {
        let (loader, key) = (ctx.data_unchecked::<DataLoader<LibraryLoader>>(), (edge.key)(image));
        if self.images.len() == 1 {
            return loader.load_one(key).await.map_err(failed);
        }
        let found = self.load_all(loader, edge).await;
        found.map(|found| found.get(&key).cloned()).map_err(failed)
    }

    /// Looks an edge up before anybody asks for it, so that nobody has to wait for another who asked first. Whoever asks
    /// learns of an error.
    pub(super) async fn prepare<K>(&self, ctx: &Context<'_>, edge: &Together<K>)
    where
        K: Send + Sync + Hash + Eq + Clone + 'static,
        LibraryLoader: Loader<K, Error = LoadError>,
    {
        if self.images.len() > 1 {
            let _ = self.load_all(ctx.data_unchecked::<DataLoader<LibraryLoader>>(), edge).await;
        }
    }

    async fn load_all<'a, K>(
        &self,
        loader: &DataLoader<LibraryLoader>,
        edge: &'a Together<K>,
    ) -> Result<&'a HashMap<K, <LibraryLoader as Loader<K>>::Value>, LoadError>
    where
        K: Send + Sync + Hash + Eq + Clone + 'static,
        LibraryLoader: Loader<K, Error = LoadError>,
    {
        let look_up = async || {
            let keys: HashSet<K> = self.images.iter().map(|image| (edge.key)(image)).collect();
            loader.loader().load(&keys.into_iter().collect::<Vec<_>>()).await
        };
        edge.found.get_or_try_init(look_up).await
    }
}

/// An edge of images that were read together.
pub(super) struct Together<K>
where
    K: Send + Sync + Hash + Eq + Clone + 'static,
    LibraryLoader: Loader<K, Error = LoadError>,
{
    key: fn(&Image) -> K,
    found: OnceCell<HashMap<K, <LibraryLoader as Loader<K>>::Value>>,
}

impl<K> Together<K>
where
    K: Send + Sync + Hash + Eq + Clone + 'static,
    LibraryLoader: Loader<K, Error = LoadError>,
{
    const fn by(key: fn(&Image) -> K) -> Self {
        Self { key, found: OnceCell::const_new() }
    }
}
