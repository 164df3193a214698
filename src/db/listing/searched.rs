//! Pages of searches, from both ends of the question: the images that come next in the list, each looked at, fill a page
//! where many pass; where few pass, the index of grams says which, and those are put in order. So neither is ever many.
//!
//! The index itself has the order of the tickets: SQLite's entries are numbered by their dates (`numbered`), and
//! PostgreSQL's are divided by months (`months`).

use sea_orm::{ConnectionTrait, DbBackend, DbErr, Statement};

use super::{Page, count, images, months, numbered};
use crate::{
    db::{search, sql::Sql},
    domain::{
        image::{Image, ImageStatus},
        listing::OrderField,
        search::Month,
    },
};

/// How many images are looked at before anything is known of how many pass.
const SAMPLE: u64 = 250;
/// What it costs to put a hit in order, in images looked at, times the length of a page.
const COST_OF_HITS: u64 = 10;
/// As many images may be added to a list while it is looked through.
const ADDED_MEANWHILE: u64 = 64;
/// How many images a month has, where nothing is known of it.
const MONTH: u64 = 40_000;

/// A page of a list with a search filter.
pub(super) async fn page(conn: &impl ConnectionTrait, page: &Page<'_>) -> Result<Vec<Image>, DbErr> {
    let is_by_date = page.order.field == OrderField::CreatedAt;
    let is_postgres = conn.get_database_backend() == DbBackend::Postgres;
    // Of other statuses there are few, which the index of lists has by themselves.
    if is_by_date && !is_postgres && page.filter.statuses.contains(&ImageStatus::Completed) {
        return numbered::page(conn, page).await;
    }
    let listed = count::kept(conn, page.scope, page.filter).await?;
    let hits_of = if is_by_date && is_postgres { listed.min(MONTH) } else { listed };
    if let Some(found) = page.walk(conn, listed, hits_of).await? {
        return Ok(found);
    }
    if is_postgres && is_by_date {
        return months::page(conn, page).await;
    }
    let months: Vec<_> = months::batches(conn, page).await?.into_iter().flatten().collect();
    if months.is_empty() {
        return Ok(Vec::new());
    }
    images(conn, page.among_the_hits(conn, &months)).await
}

impl Page<'_> {
    pub(super) fn is_filled_by(&self, found: &[Image]) -> bool {
        found.len() as u64 >= self.limit
    }

    /// Looks through a list of so many images, ever more of it at once, until the page is full or the list has ended. `None`
    /// once so few have passed that putting all hits of so many images in order costs less than going on.
    async fn walk(&self, conn: &impl ConnectionTrait, listed: u64, hits_of: u64) -> Result<Option<Vec<Image>>, DbErr> {
        let (mut found, mut seen, mut chunk) = (Vec::new(), 0, SAMPLE);
        loop {
            found.extend(images(conn, self.among_the_next(conn, seen, chunk)).await?);
            seen += chunk;
            if self.is_filled_by(&found) || seen >= listed + ADDED_MEANWHILE {
                found.truncate(usize::try_from(self.limit).unwrap_or(usize::MAX));
                return Ok(Some(found));
            }
            // The walk costs its page by the share that passes, the hits cost that share of all.
            let passing = found.len() as u64 + 1;
            if passing * passing * hits_of < COST_OF_HITS * seen * seen {
                return Ok(None);
            }
            chunk = seen;
        }
    }

    /// Of so many images behind the first ones of the list, those that pass.
    fn among_the_next(&self, conn: &impl ConnectionTrait, skipped: u64, limit: u64) -> Statement {
        let mut sql = Sql::of(conn, &format!("SELECT {} FROM (", self.columns_of_image()));
        self.push_ordered(&mut sql, &format!("id, {}", self.key()), skipped, limit);
        sql.push(
            ") AS next JOIN image_search AS found ON found.image_id = next.id JOIN image ON image.id = next.id WHERE ",
        );
        search::push_passes(&mut sql, "found", &self.filter.search);
        self.push_order(&mut sql, "next.", self.limit);
        sql.statement()
    }

    /// Everything that passes in these months, put in order.
    pub(super) fn among_the_hits(&self, conn: &impl ConnectionTrait, months: &[Option<Month>]) -> Statement {
        let mut sql = Sql::of(conn, "WITH hit AS MATERIALIZED (");
        search::push_hits(&mut sql, self.scope, self.filter, months);
        sql.push(" AND ");
        search::push_passes(&mut sql, "found", &self.filter.search);
        sql.push(&format!(") SELECT {} FROM ", self.columns_of_image()));
        search::push_hits_with_images(&mut sql);
        sql.push(" WHERE ");
        self.push_conditions(&mut sql, &self.filter.statuses);
        self.push_order(&mut sql, "image.", self.limit);
        sql.statement()
    }

    /// Where several tables have some of the names.
    pub(super) fn columns_of_image(&self) -> String {
        format!("image.{}", self.columns().replace(", ", ", image."))
    }
}
