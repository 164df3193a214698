//! SQLite's index of grams, which is read in the order of its entries' numbers. An entry's number is the date of its image
//! in microseconds, or the next one that was free. So a list by date takes the first hits, and is done.

use sea_orm::{ConnectionTrait, DbErr};

use super::{Page, months::date_of};
use crate::{
    db::{
        image_row::read,
        search::{self, MAX_SHIFT},
        sql::Sql,
    },
    domain::{image::Image, listing::Direction},
};

/// A page of a list by date.
pub(super) async fn page(conn: &impl ConnectionTrait, page: &Page<'_>) -> Result<Vec<Image>, DbErr> {
    let mut found = numbered(conn, page, None).await?;
    // Where numbers were taken, an image that was passed over may still come before the last one.
    if let Some((last, image)) = found.last()
        && found.len() as u64 >= page.limit
    {
        let dates = found.iter().map(|(_, image)| image.created_at.timestamp_micros());
        let rest = match page.order.direction {
            Direction::Desc => (dates.min().unwrap_or_else(|| image.created_at.timestamp_micros()), last - 1),
            Direction::Asc => {
                (last + 1, dates.max().unwrap_or_else(|| image.created_at.timestamp_micros()) + MAX_SHIFT)
            }
        };
        if rest.0 <= rest.1 {
            found.extend(numbered(conn, page, Some(rest)).await?);
        }
    }
    let mut found: Vec<Image> = found.into_iter().map(|(_, image)| image).collect();
    found.sort_by_key(|image| (image.created_at, image.id));
    if page.order.direction == Direction::Desc {
        found.reverse();
    }
    found.truncate(usize::try_from(page.limit).unwrap_or(usize::MAX));
    Ok(found)
}

/// Hits with their numbers, the first in order: of all, or of those with numbers from one to another, both included.
async fn numbered(
    conn: &impl ConnectionTrait,
    page: &Page<'_>,
    rest: Option<(i64, i64)>,
) -> Result<Vec<(i64, Image)>, DbErr> {
    let mut sql = Sql::of(conn, &format!("SELECT {}, found.seq FROM ", page.columns_of_image()));
    search::push_numbered(&mut sql, page.scope, page.filter, rest.unwrap_or_else(|| page.numbers()));
    sql.push(" AND ");
    search::push_passes(&mut sql, "found", &page.filter.search);
    sql.push(" AND ");
    page.push_conditions(&mut sql, &page.filter.statuses);
    match (rest, page.order.direction) {
        (Some(_), _) => page.push_order(&mut sql, "image.", page.limit),
        (None, Direction::Asc) => sql.push(&format!(" ORDER BY image_gram.rowid ASC LIMIT {}", page.limit)),
        (None, Direction::Desc) => sql.push(&format!(" ORDER BY image_gram.rowid DESC LIMIT {}", page.limit)),
    }
    let rows = conn.query_all_raw(sql.statement()).await?;
    rows.iter().map(|row| Ok((row.try_get("", "seq")?, read(row)?))).collect()
}

impl Page<'_> {
    /// The numbers that entries of the list can have.
    pub(super) fn numbers(&self) -> (i64, i64) {
        let (behind, until) = match self.order.direction {
            Direction::Asc => (self.after, self.before),
            Direction::Desc => (self.before, self.after),
        };
        let from = [self.filter.created_from, date_of(behind)].into_iter().flatten().max();
        let to = [self.filter.created_to, date_of(until)].into_iter().flatten().min();
        let from = from.map_or(i64::MIN, |date| date.timestamp_micros());
        (from, to.map_or(i64::MAX, |date| date.timestamp_micros() + MAX_SHIFT))
    }
}
