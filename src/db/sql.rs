//! Statements that SeaORM's builder has no words for, put together with their values in order.

use std::fmt::Write;

use sea_orm::{ConnectionTrait, DbBackend, DbErr, Statement, Value};

use crate::domain::access::Scope;

/// A statement in the making. Values go in by `value`, never as text.
pub(super) struct Sql {
    backend: DbBackend,
    text: String,
    values: Vec<Value>,
}

impl Sql {
    pub(super) fn of(conn: &impl ConnectionTrait, text: &str) -> Self {
        Self { backend: conn.get_database_backend(), text: text.to_owned(), values: Vec::new() }
    }

    /// A statement that has another one in it, with that one's values first.
    pub(super) fn continuing(inner: Statement, around: impl FnOnce(String) -> String) -> Self {
        let values = inner.values.map(|values| values.0).unwrap_or_default();
        Self { backend: inner.db_backend, text: around(inner.sql), values }
    }

    pub(super) const fn backend(&self) -> DbBackend {
        self.backend
    }

    pub(super) fn push(&mut self, text: &str) {
        self.text.push_str(text);
    }

    pub(super) fn value(&mut self, value: Value) {
        self.values.push(value);
        // Writing to a string cannot fail.
        let _ = write!(self.text, "${}", self.values.len());
    }

    /// The condition that a row is of that scope. Every table has its column of the same name.
    pub(super) fn push_scope(&mut self, scope: Scope) {
        self.push("owner_id = ");
        self.value(scope.owner().0.into());
    }

    /// Many of them, with commas between.
    pub(super) fn values(&mut self, values: impl IntoIterator<Item = Value>) {
        for (at, value) in values.into_iter().enumerate() {
            if at > 0 {
                self.text.push_str(", ");
            }
            self.value(value);
        }
    }

    /// Many rows of them, as VALUES has them.
    pub(super) fn rows<R, const N: usize>(
        &mut self,
        rows: impl IntoIterator<Item = R>,
        values: impl Fn(R) -> [Value; N],
    ) {
        for (at, row) in rows.into_iter().enumerate() {
            self.push(if at == 0 { "(" } else { ", (" });
            self.values(values(row));
            self.push(")");
        }
    }

    pub(super) fn statement(self) -> Statement {
        Statement::from_sql_and_values(self.backend, self.text, self.values)
    }

    pub(super) async fn execute(self, conn: &impl ConnectionTrait) -> Result<(), DbErr> {
        conn.execute_raw(self.statement()).await.map(drop)
    }
}
