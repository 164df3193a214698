//! Images by the dozen, written as they would be after a long time.

use darkroom::{
    db,
    domain::{
        access::Scope,
        error::ServiceError,
        ids::UserId,
        image::{Image, ImageStatus},
        listing::{ImageFilter, ImageOrder},
    },
};

use super::TestApp;

/// Adds so many completed images to what a user has, oldest first, each as it is changed here.
pub async fn seed(
    app: &TestApp,
    email: &str,
    count: u32,
    change: impl Fn(usize, &mut Image) + Send + Sync,
) -> Vec<Image> {
    let owner = app.app.services.accounts.find_or_make(email).await.expect("a user").id;
    let library = &app.app.services.library;
    let images = library.plausible_images(owner, count).await.map_err(ServiceError::into_anyhow).expect("images");
    let images: Vec<Image> = images
        .into_iter()
        .enumerate()
        .map(|(number, mut image)| {
            change(number, &mut image);
            image
        })
        .collect();
    library.add_images(&images).await.map_err(ServiceError::into_anyhow).expect("rows");
    images
}

/// Everything of an owner in these states.
pub async fn all_of(app: &TestApp, owner: UserId, statuses: &[ImageStatus]) -> Vec<Image> {
    let filter = ImageFilter::of(statuses);
    let page = db::listing::Page {
        scope: Scope::of_owner(owner),
        filter: &filter,
        order: ImageOrder::NEWEST,
        after: None,
        before: None,
        limit: 100_000,
    };
    db::listing::page(app.app.db.conn(), page).await.expect("rows")
}
