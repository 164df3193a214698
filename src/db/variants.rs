//! Variants: the sizes that are ready.

use std::collections::{HashMap, HashSet};

use sea_orm::{ColumnTrait, ConnectionTrait, DbErr, EntityTrait, IntoActiveModel, QueryFilter, QueryResult};

use super::{
    entity::variant::{Column, Entity, Model},
    signed,
    sql::Sql,
    unsigned,
};
use crate::domain::{
    ids::ImageId,
    variant::{Variant, VariantFormat, VariantName},
};

/// One image's variants, smallest first.
pub async fn of_image(conn: &impl ConnectionTrait, image: ImageId) -> Result<Vec<Variant>, DbErr> {
    Ok(of_images(conn, &[image]).await?.remove(&image).unwrap_or_default())
}

/// Many images' variants in one query, each smallest first; those of a newer version, which this one cannot read, are left
/// out.
pub async fn of_images(
    conn: &impl ConnectionTrait,
    images: &[ImageId],
) -> Result<HashMap<ImageId, Vec<Variant>>, DbErr> {
    let mut found: HashMap<ImageId, Vec<Variant>> = HashMap::new();
    for row in rows(conn, images).await? {
        let image = ImageId(row.image_id);
        match variant(row) {
            Some(variant) => found.entry(image).or_default().push(variant),
            None => tracing::warn!(%image, "omitted a variant that this version cannot read"),
        }
    }
    for variants in found.values_mut() {
        Variant::sort(variants);
    }
    Ok(found)
}

/// Adds a variant, or puts it in the place of the one of its name.
pub async fn put(conn: &impl ConnectionTrait, image: ImageId, variant: &Variant) -> Result<(), DbErr> {
    remove(conn, image, std::slice::from_ref(&variant.name)).await?;
    Entity::insert(row(image, variant).into_active_model()).exec_without_returning(conn).await?;
    Ok(())
}

/// Adds many variants at once, of images that have none; at most 5000.
pub async fn insert_many(conn: &impl ConnectionTrait, variants: &[(ImageId, Variant)]) -> Result<(), DbErr> {
    let rows = variants.iter().map(|(image, variant)| row(*image, variant).into_active_model());
    Entity::insert_many(rows).exec_without_returning(conn).await?;
    Ok(())
}

fn row(image: ImageId, variant: &Variant) -> Model {
    let pixels = |side: u32| i32::try_from(side).unwrap_or(i32::MAX);
    Model {
        image_id: image.0,
        kind: variant.name.as_str().to_owned(),
        format: variant.format.name().to_owned(),
        generation: i32::try_from(variant.generation).unwrap_or(i32::MAX),
        width: pixels(variant.width),
        height: pixels(variant.height),
        file_size: signed(variant.file_size),
        created_at: variant.created_at,
        settings: variant.settings.clone(),
    }
}

/// Forgets variants of these names; their objects are another's to remove.
pub async fn remove(conn: &impl ConnectionTrait, image: ImageId, names: &[VariantName]) -> Result<(), DbErr> {
    let kinds = names.iter().map(VariantName::as_str);
    Entity::delete_many().filter(Column::ImageId.eq(image.0)).filter(Column::Kind.is_in(kinds)).exec(conn).await?;
    Ok(())
}

/// Those of these images that have variants of a newer version.
pub async fn with_unknown(conn: &impl ConnectionTrait, images: &[ImageId]) -> Result<HashSet<ImageId>, DbErr> {
    Ok(rows(conn, images)
        .await?
        .into_iter()
        .map(|row| (ImageId(row.image_id), variant(row)))
        .filter(|(_, known)| known.is_none())
        .map(|(id, _)| id)
        .collect())
}

/// Rows by the places of their columns: a gallery has hundreds of them, and to look each up by name takes longer than all
/// the rest.
async fn rows(conn: &impl ConnectionTrait, images: &[ImageId]) -> Result<Vec<Model>, DbErr> {
    if images.is_empty() {
        return Ok(Vec::new());
    }
    let mut sql = Sql::of(
        conn,
        "SELECT image_id, kind, format, generation, width, height, file_size, created_at, settings FROM variant WHERE image_id IN (",
    );
    sql.values(images.iter().map(|image| image.0.into()));
    sql.push(")");
    let read = |row: &QueryResult| {
        Ok(Model {
            image_id: row.try_get_by_index(0)?,
            kind: row.try_get_by_index(1)?,
            format: row.try_get_by_index(2)?,
            generation: row.try_get_by_index(3)?,
            width: row.try_get_by_index(4)?,
            height: row.try_get_by_index(5)?,
            file_size: row.try_get_by_index(6)?,
            created_at: row.try_get_by_index(7)?,
            settings: row.try_get_by_index(8)?,
        })
    };
    conn.query_all_raw(sql.statement()).await?.iter().map(read).collect()
}

/// `None` of one that a newer version wrote.
fn variant(row: Model) -> Option<Variant> {
    Some(Variant {
        name: VariantName::try_from(row.kind).ok()?,
        format: VariantFormat::from_name(&row.format)?,
        generation: row.generation.unsigned_abs(),
        width: row.width.unsigned_abs(),
        height: row.height.unsigned_abs(),
        file_size: unsigned(row.file_size),
        created_at: row.created_at,
        settings: row.settings,
    })
}
