//! Pages of searches, from both ends of the question: the images that come next in the list, each looked at, fill a page
//! where many pass; where few pass, the index of grams says which, and those are put in order. So neither is ever many.
//!
//! The index itself has the order of the tickets: SQLite's entries are numbered by their dates (`numbered`), and
//! PostgreSQL's are divided by months (`months`).

use sea_orm::{ConnectionTrait, DbBackend, DbErr, Statement};

use super::{Page, images, months, numbered};
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

/// Up to where a list is looked through when a sample says that it is worth it.
struct Walk {
    /// How many of the sample have to pass.
    worth: usize,
    until: u64,
}

/// A page of a list with a search filter.
pub(super) async fn page(conn: &impl ConnectionTrait, page: &Page<'_>) -> Result<Vec<Image>, DbErr> {
    let is_by_date = page.order.field == OrderField::CreatedAt;
    let is_postgres = conn.get_database_backend() == DbBackend::Postgres;
    // Of other statuses there are few, which the index of lists has by themselves.
    if is_by_date && !is_postgres && page.filter.statuses.contains(&ImageStatus::Completed) {
        return numbered::page(conn, page).await;
    }
    // What is not found in a walk costs a month's hits in one case, and all hits in the other.
    let walk = if is_by_date { Walk { worth: 4, until: 2000 } } else { Walk { worth: 1, until: 8000 } };
    let mut found = images(conn, page.among_the_next(conn, 0, SAMPLE)).await?;
    if !page.is_filled_by(&found) && found.len() >= walk.worth {
        found.extend(images(conn, page.among_the_next(conn, SAMPLE, walk.until - SAMPLE)).await?);
    }
    if page.is_filled_by(&found) {
        found.truncate(usize::try_from(page.limit).unwrap_or(usize::MAX));
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

    /// Of so many images behind the first ones of the list, those that pass.
    fn among_the_next(&self, conn: &impl ConnectionTrait, skipped: u64, limit: u64) -> Statement {
        let mut sql = Sql::of(conn, &format!("SELECT {} FROM (", self.columns_of_image()));
        self.push_ordered(&mut sql, &format!("id, {}", self.key()), skipped + limit);
        if skipped > 0 {
            sql.push(&format!(" OFFSET {skipped}"));
        }
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
        // The hits first, whatever the planner thinks of it.
        let join = if sql.backend() == DbBackend::Postgres { "JOIN" } else { "CROSS JOIN" };
        let columns = self.columns_of_image();
        sql.push(&format!(") SELECT {columns} FROM hit {join} image ON image.id = hit.image_id WHERE "));
        self.push_conditions(&mut sql, &self.filter.statuses);
        self.push_order(&mut sql, "image.", self.limit);
        sql.statement()
    }

    /// Where several tables have some of the names.
    pub(super) fn columns_of_image(&self) -> String {
        format!("image.{}", self.columns().replace(", ", ", image."))
    }
}
