//! How many images a list has on all of its pages.

use sea_orm::{ConnectionTrait, DbErr, FromQueryResult};

use super::{Page, months};
use crate::{
    db::{
        counts,
        search::{self, Part},
        sql::Sql,
        unsigned,
    },
    domain::{
        access::Scope,
        listing::{Counted, ImageFilter, ImageOrder},
        stats::Count,
    },
};

#[derive(FromQueryResult)]
struct Row {
    seen: i64,
    passed: i64,
}

/// As many images are looked at for a count that has no counter.
const COUNTED: u64 = 10_000;

/// How many images there are on all pages together: without a search or dates, by the kept counters; else by looking at no
/// more than `COUNTED`.
pub async fn count(conn: &impl ConnectionTrait, scope: Scope, filter: &ImageFilter) -> Result<Counted, DbErr> {
    if filter.statuses.is_empty() {
        return Ok(Counted { images: 0, is_exact: true });
    }
    if filter.search.is_open() && filter.created_from.is_none() && filter.created_to.is_none() {
        return Ok(Counted { images: kept(conn, scope, filter).await?, is_exact: true });
    }
    let page = Page { scope, filter, order: ImageOrder::NEWEST, after: None, before: None, limit: 0 };
    if filter.search.is_open() {
        return Ok(page.counted(conn, None, Counted { images: 0, is_exact: true }, 0).await?.0);
    }
    let mut counted = Counted { images: 0, is_exact: true };
    let mut seen = 0;
    for part in months::parts(conn, &page).await? {
        (counted, seen) = page.counted(conn, Some(&part), counted, seen).await?;
        if !counted.is_exact {
            break;
        }
    }
    Ok(counted)
}

pub(super) async fn kept(conn: &impl ConnectionTrait, scope: Scope, filter: &ImageFilter) -> Result<u64, DbErr> {
    let counts = counts::all(conn, scope).await?;
    let of_category = |count: &&Count| filter.category.is_none_or(|category| count.category == category);
    let counts = counts.iter().filter(of_category).filter(|count| filter.statuses.contains(&count.status));
    Ok(counts.map(|count| count.total.images).sum())
}

impl Page<'_> {
    /// Goes on with a count that has seen so many.
    async fn counted(
        &self,
        conn: &impl ConnectionTrait,
        part: Option<&Part>,
        before: Counted,
        seen: u64,
    ) -> Result<(Counted, u64), DbErr> {
        // One more tells of more.
        let limit = COUNTED - seen + 1;
        let mut sql = Sql::of(conn, "WITH hit AS MATERIALIZED (");
        if let Some(part) = part {
            search::push_hits(&mut sql, self.scope, self.filter, part);
            sql.push(&format!(
                " LIMIT {limit}) SELECT (SELECT count(*) FROM hit) AS seen, count(*) AS passed FROM hit"
            ));
            search::push_images_of(&mut sql, "hit");
            sql.push(" WHERE ");
            search::push_passes(&mut sql, "hit", &self.filter.search);
            sql.push(" AND ");
            self.push_conditions(&mut sql, &self.filter.statuses);
        } else {
            sql.push("SELECT 1 AS passes FROM image WHERE ");
            self.push_conditions(&mut sql, &self.filter.statuses);
            sql.push(&format!(" LIMIT {limit}) SELECT count(*) AS seen, count(*) AS passed FROM hit"));
        }
        let row = Row::find_by_statement(sql.statement()).one(conn).await?;
        let (found, passed) = row.map_or((0, 0), |row| (unsigned(row.seen), unsigned(row.passed)));
        let is_exact = found < limit;
        // The one more was only to tell.
        let images = (before.images + passed).min(COUNTED);
        Ok((Counted { images, is_exact }, seen + found))
    }
}
