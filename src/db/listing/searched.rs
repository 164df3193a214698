//! Pages of searches, from both ends of the question: the images that come next in the list, each looked at, fill a page
//! where many pass; where few pass, the index of grams says which, and those are put in order. So neither is ever many.
//!
//! The index itself has the order of the tickets: SQLite's entries are numbered by their dates (`numbered`), and
//! PostgreSQL's are divided by months (`months`).

use sea_orm::{ConnectionTrait, DbBackend, DbErr, QueryResult, Statement};

use super::{Page, count, images, months, numbered};
use crate::{
    db::{
        image_row::read,
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
    if is_postgres && is_by_date {
        return match page.walk(conn, None).await? {
            Some(found) => Ok(found),
            None => months::page(conn, page).await,
        };
    }
    let Some(part) = months::part(conn, page).await? else { return Ok(Vec::new()) };
    // A list by size or title passes over what is outside of the dates, the index of grams does not.
    let has_dates = page.filter.created_from.is_some() || page.filter.created_to.is_some();
    if !(has_dates && page.has_few_hits(conn, &part, SAMPLE * FEW_HITS).await?)
        && let Some(found) = page.walk(conn, Some(&part)).await?
    {
        return Ok(found);
    }
    images(conn, page.among_the_hits(conn, &part)).await
}

/// What was found among the next images of a list.
struct Looked {
    found: Vec<Image>,
    /// The place of the last that was looked at; `None` where the list has ended.
    end: Option<Position>,
}

impl Page<'_> {
    pub(super) fn is_full(&self, found: &[Image]) -> bool {
        found.len() as u64 >= self.limit
    }

    /// Looks through the list, ever more of it at once, until the page is full or the list has ended. `None` once so few
    /// have passed that putting all hits in order costs less than going on; if it is known in which part of the index
    /// they are, they are counted first. Otherwise they are those of a month.
    async fn walk(&self, conn: &impl ConnectionTrait, part: Option<&Part>) -> Result<Option<Vec<Image>>, DbErr> {
        let (mut found, mut seen, mut chunk) = (Vec::new(), 0, SAMPLE);
        let (mut behind, mut hits_of) = (self.after.cloned(), None);
        loop {
            let looked = Page { after: behind.as_ref(), ..self.clone() }.look(conn, chunk).await?;
            found.extend(looked.found);
            seen += chunk;
            if self.is_full(&found) || looked.end.is_none() {
                found.truncate(usize::try_from(self.limit).unwrap_or(usize::MAX));
                return Ok(Some(found));
            }
            if hits_of.is_none() {
                hits_of = Some(self.listed(conn, part.is_none()).await?);
            }
            // The walk costs its page by the share that passes, the hits cost that share of all.
            let passing = found.len() as u64 + 1;
            let seems_worth_it = passing * passing * hits_of.unwrap_or(0) < COST_OF_HITS * seen * seen;
            let is_worth_it = match part {
                Some(part) if seems_worth_it => self.has_few_hits(conn, part, seen * FEW_HITS).await?,
                _ => seems_worth_it,
            };
            if is_worth_it {
                return Ok(None);
            }
            (behind, chunk) = (looked.end, seen);
        }
    }

    /// How many images the list has, or a month of it.
    async fn listed(&self, conn: &impl ConnectionTrait, in_a_month: bool) -> Result<u64, DbErr> {
        let listed = count::kept(conn, self.scope, self.filter).await?;
        Ok(if in_a_month { listed.min(MONTH) } else { listed })
    }

    /// Looks at so many images that come next.
    async fn look(&self, conn: &impl ConnectionTrait, chunk: u64) -> Result<Looked, DbErr> {
        let rows = conn.query_all_raw(self.among_the_next(conn, chunk)).await?;
        let found: Vec<Image> = rows.iter().map(read).collect::<Result<_, _>>()?;
        // A place in the list, and not a number of images: some are added and removed meanwhile.
        let end = match rows.first() {
            Some(row) if unsigned(row.try_get("", "looked_at")?) < chunk => None,
            Some(row) => Some(self.position(row, "last_")?),
            None => self.place(conn, chunk).await?,
        };
        Ok(Looked { found, end })
    }

    /// Where the image stands that is behind so many others, less one; `None` where the list is shorter.
    async fn place(&self, conn: &impl ConnectionTrait, number: u64) -> Result<Option<Position>, DbErr> {
        let mut sql = Sql::of(conn, "");
        self.push_ordered(&mut sql, &format!("id, {}", self.key()), number - 1, 1);
        let row = conn.query_one_raw(sql.statement()).await?;
        row.map(|row| self.position(&row, "")).transpose()
    }

    fn position(&self, row: &QueryResult, prefix: &str) -> Result<Position, DbErr> {
        let key = match self.order.field {
            OrderField::CreatedAt => PositionKey::CreatedAt(row.try_get(prefix, "created_at")?),
            OrderField::FileSize => PositionKey::FileSize(unsigned(row.try_get(prefix, "file_size")?)),
            OrderField::Title => PositionKey::Title(row.try_get(prefix, "title_key")?),
        };
        Ok(Position { key, id: ImageId(row.try_get(prefix, "id")?) })
    }

    /// Of so many images that come next, those that pass; each with how many were looked at, and the last of them.
    fn among_the_next(&self, conn: &impl ConnectionTrait, chunk: u64) -> Statement {
        let key = self.key();
        let last = match self.order.direction {
            Direction::Asc => "DESC",
            Direction::Desc => "ASC",
        };
        let mut sql = Sql::of(conn, "WITH next AS MATERIALIZED (");
        self.push_ordered(&mut sql, &format!("id, {key}"), 0, chunk);
        sql.push(&format!(
            "), last AS MATERIALIZED (SELECT id, {key} FROM next ORDER BY {key} {last}, id {last} LIMIT 1) \
             SELECT {}, (SELECT count(*) FROM next) AS looked_at, \
             (SELECT id FROM last) AS last_id, (SELECT {key} FROM last) AS last_{key} \
             FROM next",
            self.columns_of_image()
        ));
        search::push_entries_of(&mut sql, "next");
        search::push_images_of(&mut sql, "found");
        sql.push(" WHERE ");
        search::push_passes(&mut sql, "found", &self.filter.search);
        self.push_order(&mut sql, "next.", self.limit);
        sql.statement()
    }

    /// Whether there are no more hits in this part than so many, whatever their status.
    async fn has_few_hits(&self, conn: &impl ConnectionTrait, part: &Part, many: u64) -> Result<bool, DbErr> {
        let mut sql = Sql::of(conn, "SELECT 1 FROM (");
        search::push_hits(&mut sql, self.scope, self.filter, part);
        sql.push(&format!(") AS hit LIMIT 1 OFFSET {many}"));
        Ok(conn.query_one_raw(sql.statement()).await?.is_none())
    }

    /// Everything that passes in this part of the index, put in order.
    pub(super) fn among_the_hits(&self, conn: &impl ConnectionTrait, part: &Part) -> Statement {
        let mut sql = Sql::of(conn, "WITH hit AS MATERIALIZED (");
        search::push_hits(&mut sql, self.scope, self.filter, part);
        sql.push(" AND ");
        search::push_passes(&mut sql, "found", &self.filter.search);
        sql.push(&format!(") SELECT {} FROM hit", self.columns_of_image()));
        search::push_images_of(&mut sql, "hit");
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
