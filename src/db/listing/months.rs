//! PostgreSQL's index of grams, whose entries cannot be read in the order of a list: they are divided by months, so that
//! a list by date asks one month after the other, and few hits have to be put in order.

use chrono::{DateTime, Utc};
use sea_orm::{ConnectionTrait, DbBackend, DbErr, FromQueryResult};

use super::{Page, images};
use crate::{
    db::{search::Part, sql::Sql},
    domain::{
        image::Image,
        listing::{Direction, Position, PositionKey},
        search::Month,
    },
};

/// As many months are asked for at once, at most.
const MOST: usize = 64;

#[derive(FromQueryResult)]
struct Span {
    oldest: Option<DateTime<Utc>>,
    newest: Option<DateTime<Utc>>,
}

/// A page of a list by date, a few months after the other.
pub(super) async fn page(conn: &impl ConnectionTrait, page: &Page<'_>) -> Result<Vec<Image>, DbErr> {
    let mut found = Vec::new();
    for part in parts(conn, page).await? {
        found.extend(images(conn, page.among_the_hits(conn, &part)).await?);
        if page.is_full(&found) {
            break;
        }
    }
    found.truncate(usize::try_from(page.limit).unwrap_or(usize::MAX));
    Ok(found)
}

/// The parts of the index that a list can be in, in its order: at first one month, then ever more at once. SQLite's index
/// is one part.
pub(super) async fn parts(conn: &impl ConnectionTrait, page: &Page<'_>) -> Result<Vec<Part>, DbErr> {
    if conn.get_database_backend() != DbBackend::Postgres {
        let (from, to) = page.numbers();
        return Ok(vec![Part::Numbers(from, to)]);
    }
    let mut months = page.months(conn).await?;
    let mut parts = Vec::new();
    let mut size = 1;
    while !months.is_empty() {
        let rest = months.split_off(size.min(months.len()));
        parts.push(Part::Months(std::mem::replace(&mut months, rest)));
        size = (size * 8).min(MOST);
    }
    Ok(parts)
}

/// The part of the index that all of a list is in; `None` of a list that is empty.
pub(super) async fn part(conn: &impl ConnectionTrait, page: &Page<'_>) -> Result<Option<Part>, DbErr> {
    if conn.get_database_backend() != DbBackend::Postgres {
        let (from, to) = page.numbers();
        return Ok(Some(Part::Numbers(from, to)));
    }
    let months = page.months(conn).await?;
    Ok((!months.is_empty()).then_some(Part::Months(months)))
}

impl Page<'_> {
    /// The months of the list in its order.
    async fn months(&self, conn: &impl ConnectionTrait) -> Result<Vec<Month>, DbErr> {
        let Some((oldest, newest)) = self.span(conn).await? else { return Ok(Vec::new()) };
        let months = Month::of(oldest).up_to(Month::of(newest));
        Ok(match self.order.direction {
            Direction::Asc => months.collect(),
            Direction::Desc => months.rev().collect(),
        })
    }

    /// From when until when there can be images of the list.
    async fn span(&self, conn: &impl ConnectionTrait) -> Result<Option<(DateTime<Utc>, DateTime<Utc>)>, DbErr> {
        let mut sql = Sql::of(conn, "");
        for (at, status) in self.filter.statuses.iter().enumerate() {
            sql.push(if at == 0 { "SELECT" } else { " UNION ALL SELECT" });
            for (end, name) in [("min", "oldest"), ("max", "newest")] {
                sql.push(&format!(" (SELECT {end}(created_at) FROM image WHERE status = '{}' AND ", status.name()));
                sql.push_scope(self.scope);
                sql.push(&format!(") AS {name}{}", if end == "min" { "," } else { "" }));
            }
        }
        let spans = Span::find_by_statement(sql.statement()).all(conn).await?;
        let (oldest, newest) =
            (spans.iter().filter_map(|span| span.oldest), spans.iter().filter_map(|span| span.newest));
        let (Some(oldest), Some(newest)) = (oldest.min(), newest.max()) else { return Ok(None) };
        let (behind, until) = match self.order.direction {
            Direction::Asc => (self.after, self.before),
            Direction::Desc => (self.before, self.after),
        };
        let oldest = [self.filter.created_from, date_of(behind)].into_iter().flatten().fold(oldest, DateTime::max);
        let newest = [self.filter.created_to, date_of(until)].into_iter().flatten().fold(newest, DateTime::min);
        Ok((oldest <= newest).then_some((oldest, newest)))
    }
}

/// The date of a place in a list by date.
pub(super) fn date_of(position: Option<&Position>) -> Option<DateTime<Utc>> {
    match position?.key {
        PositionKey::CreatedAt(date) => Some(date),
        PositionKey::FileSize(_) | PositionKey::Title(_) => None,
    }
}
