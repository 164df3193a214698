//! Lists: a page costs the same at any depth and of any size of library, because an index has its order. (Dates are
//! an exception beside an order of another kind: then images outside of them are passed over.)
//!
//! An index has one status of one owner in order, so a list of several statuses is as many short lists, merged.
//! With a search filter (text, tags) the nearest images are looked through first, which fills a page where many pass;
//! where few pass, the index of grams says which, and those few are put in order.

use std::borrow::Cow;

use sea_orm::{ConnectionTrait, DbBackend, DbErr, FromQueryResult, Statement};

use super::{
    counts,
    image_row::{OF_COMPLETED, OF_OTHERS, read},
    search, signed,
    sql::Sql,
    unsigned,
};
use crate::domain::{
    access::Scope,
    image::{Image, ImageStatus},
    listing::{Direction, ImageFilter, ImageOrder, OrderField, Position, PositionKey},
    stats::Count,
};

/// How many images a search looks through before the index is asked.
const NEAREST: u64 = 1000;

/// Which images to read.
#[derive(Debug, Clone)]
pub struct Page<'a> {
    pub scope: Scope,
    pub filter: &'a ImageFilter,
    pub order: ImageOrder,
    /// Only images behind this place.
    pub after: Option<&'a Position>,
    /// Only images before this place.
    pub before: Option<&'a Position>,
    pub limit: u64,
}

/// A page of images, in order.
pub async fn page(conn: &impl ConnectionTrait, page: Page<'_>) -> Result<Vec<Image>, DbErr> {
    if page.filter.statuses.is_empty() {
        return Ok(Vec::new());
    }
    if page.filter.search.is_open() {
        return images(conn, page.in_order(conn)).await;
    }
    let found = images(conn, page.among_the_nearest(conn)).await?;
    if found.len() as u64 == page.limit || !page.has_more_than_the_nearest(conn).await? {
        return Ok(found);
    }
    images(conn, page.among_the_hits(conn)).await
}

/// How many images there are on all pages together. Without a search or dates, by the kept counters.
pub async fn count(conn: &impl ConnectionTrait, scope: Scope, filter: &ImageFilter) -> Result<u64, DbErr> {
    #[derive(FromQueryResult)]
    struct Row {
        count: i64,
    }
    if filter.statuses.is_empty() {
        return Ok(0);
    }
    if filter.search.is_open() && filter.created_from.is_none() && filter.created_to.is_none() {
        let counts = counts::all(conn, scope).await?;
        let of_category = |count: &&Count| filter.category.is_none_or(|category| count.category == category);
        let counts = counts.iter().filter(of_category).filter(|count| filter.statuses.contains(&count.status));
        return Ok(counts.map(|count| count.total.images).sum());
    }
    let page = Page { scope, filter, order: ImageOrder::NEWEST, after: None, before: None, limit: 0 };
    let row = Row::find_by_statement(page.counted(conn)).one(conn).await?;
    Ok(row.map_or(0, |row| unsigned(row.count)))
}

async fn images(conn: &impl ConnectionTrait, statement: Statement) -> Result<Vec<Image>, DbErr> {
    conn.query_all_raw(statement).await?.iter().map(read).collect()
}

/// Columns, where several tables have some of their names.
fn of_image(columns: &str) -> String {
    format!("image.{}", columns.replace(", ", ", image."))
}

impl Page<'_> {
    /// Most lists are of completed images, and need no more of them.
    fn columns(&self) -> Cow<'static, str> {
        match self.filter.statuses.as_slice() {
            [ImageStatus::Completed] => OF_COMPLETED.into(),
            _ => format!("{OF_COMPLETED}, {OF_OTHERS}").into(),
        }
    }

    fn in_order(&self, conn: &impl ConnectionTrait) -> Statement {
        let mut sql = Sql::of(conn, "");
        self.push_ordered(&mut sql, &self.columns(), self.limit);
        sql.statement()
    }

    /// Of the images that come next, those that pass.
    fn among_the_nearest(&self, conn: &impl ConnectionTrait) -> Statement {
        let mut sql = Sql::of(conn, &format!("SELECT {} FROM (", of_image(&self.columns())));
        self.push_ordered(&mut sql, &format!("id, {}", self.key()), NEAREST);
        sql.push(
            ") AS nearest JOIN image_search AS found ON found.image_id = nearest.id \
             JOIN image ON image.id = nearest.id WHERE ",
        );
        search::push_passes(&mut sql, &self.filter.search);
        self.push_order(&mut sql, "nearest.", self.limit);
        sql.statement()
    }

    async fn has_more_than_the_nearest(&self, conn: &impl ConnectionTrait) -> Result<bool, DbErr> {
        let mut sql = Sql::of(conn, "");
        self.push_ordered(&mut sql, "id, created_at, file_size, title_key", NEAREST + 1);
        sql.push(&format!(" OFFSET {NEAREST}"));
        Ok(conn.query_one_raw(sql.statement()).await?.is_some())
    }

    /// Everything that passes, put in order.
    fn among_the_hits(&self, conn: &impl ConnectionTrait) -> Statement {
        let mut sql = Sql::of(conn, "");
        self.push_hits(&mut sql, &of_image(&self.columns()));
        self.push_order(&mut sql, "image.", self.limit);
        sql.statement()
    }

    fn counted(&self, conn: &impl ConnectionTrait) -> Statement {
        let mut sql = Sql::of(conn, "");
        if self.filter.search.is_open() {
            sql.push("SELECT count(*) AS count FROM image WHERE ");
            self.push_conditions(&mut sql, &self.filter.statuses);
        } else {
            self.push_hits(&mut sql, "count(*) AS count");
        }
        sql.statement()
    }

    fn push_hits(&self, sql: &mut Sql, columns: &str) {
        sql.push("WITH hit AS MATERIALIZED (");
        search::push_hits(sql, self.scope, &self.filter.search);
        // The hits first, whatever the planner thinks of it.
        let join = if sql.backend() == DbBackend::Postgres { "JOIN" } else { "CROSS JOIN" };
        sql.push(&format!(") SELECT {columns} FROM hit {join} image ON image.id = hit.image_id WHERE "));
        self.push_conditions(sql, &self.filter.statuses);
    }

    /// The first of each status, merged.
    fn push_ordered(&self, sql: &mut Sql, columns: &str, limit: u64) {
        let statuses = &self.filter.statuses;
        if let [status] = statuses.as_slice() {
            return self.push_ordered_of(sql, *status, columns, limit);
        }
        sql.push("SELECT * FROM (");
        for (at, status) in statuses.iter().enumerate() {
            sql.push(if at == 0 { "SELECT * FROM (" } else { " UNION ALL SELECT * FROM (" });
            self.push_ordered_of(sql, *status, columns, limit);
            sql.push(&format!(") AS {}", status.name()));
        }
        sql.push(") AS merged");
        self.push_order(sql, "", limit);
    }

    /// What is merged has the columns that the merging needs, under their own names.
    fn push_ordered_of(&self, sql: &mut Sql, status: ImageStatus, columns: &str, limit: u64) {
        sql.push(&format!("SELECT {columns} FROM image WHERE "));
        self.push_conditions(sql, &[status]);
        self.push_order(sql, "", limit);
    }

    fn push_conditions(&self, sql: &mut Sql, statuses: &[ImageStatus]) {
        let names: Vec<String> = statuses.iter().map(|status| format!("'{}'", status.name())).collect();
        sql.push(&format!("status IN ({}) AND ", names.join(", ")));
        sql.push_scope(self.scope);
        let dates = [(">=", self.filter.created_from), ("<=", self.filter.created_to)];
        if let Some(category) = self.filter.category {
            sql.push(" AND category_id = ");
            sql.value(category.0.into());
        }
        for (comparison, date) in dates {
            if let Some(date) = date {
                sql.push(&format!(" AND created_at {comparison} "));
                sql.value(date.into());
            }
        }
        let (forward, backward) = match self.order.direction {
            Direction::Asc => (">", "<"),
            Direction::Desc => ("<", ">"),
        };
        for (comparison, position) in [(forward, self.after), (backward, self.before)] {
            if let Some(position) = position {
                self.push_bound(sql, comparison, position);
            }
        }
    }

    fn push_bound(&self, sql: &mut Sql, comparison: &str, position: &Position) {
        let key = match &position.key {
            PositionKey::CreatedAt(created_at) => (*created_at).into(),
            PositionKey::FileSize(size) => signed(*size).into(),
            PositionKey::Title(title) => title.clone().into(),
        };
        sql.push(&format!(" AND ({}, id) {comparison} (", self.key()));
        sql.values([key, position.id.0.into()]);
        sql.push(")");
    }

    fn push_order(&self, sql: &mut Sql, table: &str, limit: u64) {
        let direction = match self.order.direction {
            Direction::Asc => "ASC",
            Direction::Desc => "DESC",
        };
        let key = self.key();
        sql.push(&format!(" ORDER BY {table}{key} {direction}, {table}id {direction} LIMIT {limit}"));
    }

    const fn key(&self) -> &'static str {
        match self.order.field {
            OrderField::CreatedAt => "created_at",
            OrderField::FileSize => "file_size",
            OrderField::Title => "title_key",
        }
    }
}
