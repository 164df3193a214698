//! Lists: a page costs the same at any depth and of any size of library, because an index has its order. (Dates are
//! an exception beside an order of another kind: then images outside of them are passed over.)
//!
//! An index has one status of one owner in order, so a list of several statuses is as many short lists, merged.
//! A list with a search filter (text, tags) is made in `searched`.

mod count;
mod months;
mod numbered;
mod searched;

use std::borrow::Cow;

use sea_orm::{ConnectionTrait, DbErr, Statement};

pub use self::count::count;
use super::{
    image_row::{OF_COMPLETED, OF_OTHERS, read},
    signed,
    sql::Sql,
};
use crate::domain::{
    access::Scope,
    image::{Image, ImageStatus},
    listing::{Direction, ImageFilter, ImageOrder, OrderField, Position, PositionKey},
};

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
    searched::page(conn, &page).await
}

async fn images(conn: &impl ConnectionTrait, statement: Statement) -> Result<Vec<Image>, DbErr> {
    conn.query_all_raw(statement).await?.iter().map(read).collect()
}

impl Page<'_> {
    /// The columns of `image` to read. Most lists are of completed images, and need no more of them.
    fn columns(&self) -> Cow<'static, str> {
        match self.filter.statuses.as_slice() {
            [ImageStatus::Completed] => OF_COMPLETED.into(),
            _ => format!("{OF_COMPLETED}, {OF_OTHERS}").into(),
        }
    }

    fn in_order(&self, conn: &impl ConnectionTrait) -> Statement {
        let mut sql = Sql::of(conn, "");
        self.push_ordered(&mut sql, &self.columns(), 0, self.limit);
        sql.statement()
    }

    /// One image of the list, or more of them, behind so many others: the first of each status, merged.
    fn push_ordered(&self, sql: &mut Sql, columns: &str, skipped: u64, limit: u64) {
        let statuses = &self.filter.statuses;
        if let [status] = statuses.as_slice() {
            self.push_ordered_of(sql, *status, columns, limit);
        } else {
            sql.push("SELECT * FROM (");
            for (at, status) in statuses.iter().enumerate() {
                sql.push(if at == 0 { "SELECT * FROM (" } else { " UNION ALL SELECT * FROM (" });
                self.push_ordered_of(sql, *status, columns, skipped + limit);
                sql.push(&format!(") AS {}", status.name()));
            }
            sql.push(") AS merged");
            self.push_order(sql, "", limit);
        }
        if skipped > 0 {
            sql.push(&format!(" OFFSET {skipped}"));
        }
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
