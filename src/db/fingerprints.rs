//! What images are copies of, and what they look like. Beside their rows: lists do not need it.

use std::collections::HashMap;

use sea_orm::{ConnectionTrait, DbErr, FromQueryResult};
use uuid::Uuid;

use super::sql::Sql;
use crate::domain::{
    access::Scope,
    fingerprint::{Fingerprint, SIMILAR_WITHIN},
    ids::ImageId,
    image::Image,
};

/// In bits: as many have to be of either kind for a picture to look like anything.
const FEATURES: u32 = 4;
/// How many images that share a band are looked at: a thousand scans of blank paper look like each other.
const MAX_LOOKED_AT: usize = 2000;

/// Keeps an image's fingerprint, in the place of what was kept before.
pub async fn put(conn: &impl ConnectionTrait, image: &Image, fingerprint: Fingerprint) -> Result<(), DbErr> {
    let Fingerprint { sha256, perceptual_hash } = fingerprint;
    let mut sql = Sql::of(
        conn,
        "INSERT INTO image_fingerprint (image_id, owner_id, sha256, likeness, band_0, band_1, band_2, band_3) VALUES ",
    );
    let [a, b, c, d] = Fingerprint::bands(perceptual_hash).map(i32::from);
    sql.rows([()], |()| {
        [
            image.id.0.into(),
            image.owner.0.into(),
            sha256.to_vec().into(),
            perceptual_hash.cast_signed().into(),
            a.into(),
            b.into(),
            c.into(),
            d.into(),
        ]
    });
    sql.push(
        " ON CONFLICT (image_id) DO UPDATE SET sha256 = excluded.sha256, likeness = excluded.likeness, \
         band_0 = excluded.band_0, band_1 = excluded.band_1, band_2 = excluded.band_2, band_3 = excluded.band_3",
    );
    sql.execute(conn).await
}

/// The completed images of a scope that look like this one, the most similar first.
pub async fn similar(
    conn: &impl ConnectionTrait,
    scope: Scope,
    image: ImageId,
    first: usize,
) -> Result<Vec<ImageId>, DbErr> {
    #[derive(FromQueryResult)]
    struct Row {
        image_id: Uuid,
        perceptual_hash: i64,
    }
    let mut sql =
        Sql::of(conn, "SELECT image_id, likeness AS perceptual_hash FROM image_fingerprint WHERE image_id = ");
    sql.value(image.0.into());
    let Some(known) = Row::find_by_statement(sql.statement()).one(conn).await? else { return Ok(Vec::new()) };
    let perceptual_hash = known.perceptual_hash.cast_unsigned();
    // A wall, a sky, a blank page: there is nothing to be similar in.
    if !(FEATURES..=u64::BITS - FEATURES).contains(&perceptual_hash.count_ones()) {
        return Ok(Vec::new());
    }

    let rows = Row::find_by_statement(candidates(conn, scope, perceptual_hash).statement()).all(conn).await?;
    let mut found: Vec<(u32, Uuid)> = rows
        .into_iter()
        .filter(|row| row.image_id != image.0)
        .map(|row| (Fingerprint::distance(perceptual_hash, row.perceptual_hash.cast_unsigned()), row.image_id))
        .filter(|(distance, _)| *distance <= SIMILAR_WITHIN)
        .collect();
    found.sort_unstable();
    found.dedup();
    Ok(found.into_iter().take(first).map(|(_, id)| ImageId(id)).collect())
}

/// Whatever has a band that differs in one bit at most, each band by its index.
fn candidates(conn: &impl ConnectionTrait, scope: Scope, perceptual_hash: u64) -> Sql {
    let mut sql = Sql::of(conn, "");
    for (at, band) in Fingerprint::bands(perceptual_hash).into_iter().enumerate() {
        let near: Vec<String> = Fingerprint::near(band).map(|band| band.to_string()).collect();
        sql.push(if at == 0 { "SELECT * FROM (" } else { " UNION ALL SELECT * FROM (" });
        sql.push(
            "SELECT image_id, likeness AS perceptual_hash FROM image_fingerprint JOIN image ON image.id = image_fingerprint.image_id \
             WHERE image_fingerprint.",
        );
        sql.push_scope(scope);
        sql.push(&format!(
            " AND band_{at} IN ({}) AND image.status = 'completed' LIMIT {MAX_LOOKED_AT}) AS by_band_{at}",
            near.join(", ")
        ));
    }
    sql
}

/// Of each image that has the bytes of an older one of its owner's, the oldest.
pub async fn originals_of(conn: &impl ConnectionTrait, images: &[ImageId]) -> Result<HashMap<ImageId, ImageId>, DbErr> {
    #[derive(FromQueryResult)]
    struct Row {
        image_id: Uuid,
        original: Option<Uuid>,
    }
    if images.is_empty() {
        return Ok(HashMap::new());
    }
    let mut sql = Sql::of(
        conn,
        "SELECT duplicate.image_id AS image_id, (\
         SELECT older.image_id FROM image_fingerprint AS older JOIN image ON image.id = older.image_id \
         WHERE older.owner_id = duplicate.owner_id AND older.sha256 = duplicate.sha256 \
         AND older.image_id < duplicate.image_id AND image.status = 'completed' \
         ORDER BY older.image_id LIMIT 1) AS original \
         FROM image_fingerprint AS duplicate WHERE duplicate.image_id IN (",
    );
    sql.values(images.iter().map(|image| image.0.into()));
    sql.push(")");
    let rows = Row::find_by_statement(sql.statement()).all(conn).await?;
    Ok(rows.into_iter().filter_map(|row| Some((ImageId(row.image_id), ImageId(row.original?)))).collect())
}
