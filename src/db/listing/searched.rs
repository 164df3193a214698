//! Pages of searches, from both ends of the question: the images that come next in the list, each looked at, fill a page
//! where many pass; where few pass, the index of grams says which, and those are put in order. So neither is ever many.
//!
//! The index itself has the order of the tickets: SQLite's entries are numbered by their dates (`numbered`), and
//! PostgreSQL's are divided by months (`months`).

use sea_orm::{ConnectionTrait, DbBackend, DbErr, Statement};

use super::{Page, count, images, months, numbered};
use crate::{
    db::{
        search::{self, Part},
        sql::Sql,
        unsigned,
    },
    domain::{
        ids::ImageId,
        image::{Image, ImageStatus},
        listing::{Direction, OrderField, Position, PositionKey},
    },
};

/// How many images are looked at before anything is known of how many pass.
const SAMPLE: u64 = 250;
/// What it costs to put a hit in order, in images looked at, times the length of a page.
const COST_OF_HITS: u64 = 10;
/// As many hits as were looked at, times this, are put in order without another thought.
const FEW_HITS: u64 = 8;
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
    if is_postgres && is_by_date {
        return match page.walk(conn, listed.min(MONTH), None).await? {
            Some(found) => Ok(found),
            None => months::page(conn, page).await,
        };
    }
    let Some(part) = months::part(conn, page).await? else { return Ok(Vec::new()) };
    // A list by size or title passes over what is outside of the dates, the index of grams does not.
    let has_dates = page.filter.created_from.is_some() || page.filter.created_to.is_some();
    if !(has_dates && page.has_few_hits(conn, &part, SAMPLE * FEW_HITS).await?)
        && let Some(found) = page.walk(conn, listed, Some(&part)).await?
    {
        return Ok(found);
    }
    images(conn, page.among_the_hits(conn, &part)).await
}

impl Page<'_> {
    pub(super) fn is_full(&self, found: &[Image]) -> bool {
        found.len() as u64 >= self.limit
    }

    /// Looks through the list, ever more of it at once, until the page is full or the list has ended. `None` once so few
    /// have passed that putting all hits of so many images in order costs less than going on; if it is known in which
    /// part they are, they are counted first.
    async fn walk(
        &self,
        conn: &impl ConnectionTrait,
        hits_of: u64,
        part: Option<&Part>,
    ) -> Result<Option<Vec<Image>>, DbErr> {
        let (mut found, mut seen, mut chunk) = (Vec::new(), 0, SAMPLE);
        let mut behind = self.after.cloned();
        loop {
            let rest = Page { after: behind.as_ref(), ..self.clone() };
            // A place in the list, and not a number of images: some are added and removed meanwhile.
            let end = rest.place(conn, chunk).await?;
            found.extend(images(conn, rest.among_the_next(conn, end.as_ref())).await?);
            seen += chunk;
            if self.is_full(&found) || end.is_none() {
                found.truncate(usize::try_from(self.limit).unwrap_or(usize::MAX));
                return Ok(Some(found));
            }
            // The walk costs its page by the share that passes, the hits cost that share of all.
            let passing = found.len() as u64 + 1;
            if passing * passing * hits_of < COST_OF_HITS * seen * seen {
                let is_worth_it = match part {
                    Some(part) => self.has_few_hits(conn, part, seen * FEW_HITS).await?,
                    None => true,
                };
                if is_worth_it {
                    return Ok(None);
                }
            }
            (behind, chunk) = (end, seen);
        }
    }

    /// Where the image stands that is behind so many others, less one; `None` where the list is shorter.
    async fn place(&self, conn: &impl ConnectionTrait, number: u64) -> Result<Option<Position>, DbErr> {
        let mut sql = Sql::of(conn, "");
        self.push_ordered(&mut sql, &format!("id, {}", self.key()), number - 1, 1);
        let Some(row) = conn.query_one_raw(sql.statement()).await? else { return Ok(None) };
        let key = match self.order.field {
            OrderField::CreatedAt => PositionKey::CreatedAt(row.try_get("", "created_at")?),
            OrderField::FileSize => PositionKey::FileSize(unsigned(row.try_get("", "file_size")?)),
            OrderField::Title => PositionKey::Title(row.try_get("", "title_key")?),
        };
        Ok(Some(Position { key, id: ImageId(row.try_get("", "id")?) }))
    }

    /// Whether there are no more hits in this part than so many, whatever their status.
    async fn has_few_hits(&self, conn: &impl ConnectionTrait, part: &Part, many: u64) -> Result<bool, DbErr> {
        let mut sql = Sql::of(conn, "SELECT 1 FROM (");
        search::push_hits(&mut sql, self.scope, self.filter, part);
        sql.push(&format!(") AS hit LIMIT 1 OFFSET {many}"));
        Ok(conn.query_one_raw(sql.statement()).await?.is_none())
    }

    /// Of the images of the list that come up to a place, itself included, those that pass.
    fn among_the_next(&self, conn: &impl ConnectionTrait, end: Option<&Position>) -> Statement {
        let mut sql = Sql::of(conn, &format!("SELECT {} FROM (", self.columns_of_image()));
        for (at, status) in self.filter.statuses.iter().enumerate() {
            sql.push(if at == 0 { "SELECT" } else { " UNION ALL SELECT" });
            sql.push(&format!(" id, {} FROM image WHERE ", self.key()));
            self.push_conditions(&mut sql, &[*status]);
            if let Some(end) = end {
                let comparison = if self.order.direction == Direction::Asc { "<=" } else { ">=" };
                self.push_bound(&mut sql, comparison, end);
            }
        }
        sql.push(
            ") AS next JOIN image_search AS found ON found.image_id = next.id JOIN image ON image.id = next.id WHERE ",
        );
        search::push_passes(&mut sql, "found", &self.filter.search);
        self.push_order(&mut sql, "next.", self.limit);
        sql.statement()
    }

    /// Everything that passes in this part of the index, put in order.
    pub(super) fn among_the_hits(&self, conn: &impl ConnectionTrait, part: &Part) -> Statement {
        let mut sql = Sql::of(conn, "WITH hit AS MATERIALIZED (");
        search::push_hits(&mut sql, self.scope, self.filter, part);
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
