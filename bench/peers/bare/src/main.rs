//! The limit: a list of twenty images with their categories by one hand-written statement, as the JSON that a
//! GraphQL server would give. No GraphQL, no user, no limits.

use axum::{Json, Router, extract::State, http::StatusCode, routing::post};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::{DateTime, Utc};
use serde::Serialize;
use sqlx::{PgPool, Row, postgres::PgPoolOptions};
use uuid::Uuid;

const LIST: &str = "SELECT image.id, title, file_size, width, height, status, image.created_at, category.id AS c, name \
    FROM image JOIN category ON category.id = image.category_id \
    WHERE owner_id = $1 AND status = 'completed' ORDER BY image.created_at DESC, image.id DESC LIMIT 21";

#[derive(Serialize)]
struct Answer {
    data: Data,
}

#[derive(Serialize)]
struct Data {
    images: Images,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Images {
    nodes: Vec<Image>,
    page_info: PageInfo,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Image {
    id: Uuid,
    title: String,
    file_size: i64,
    width: Option<i32>,
    height: Option<i32>,
    status: String,
    created_at: DateTime<Utc>,
    category: Category,
}

#[derive(Serialize)]
struct Category {
    id: Uuid,
    name: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PageInfo {
    has_next_page: bool,
    end_cursor: Option<String>,
}

#[tokio::main]
#[expect(clippy::print_stdout, reason = "who started it wants to know the port")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let url = arguments.next().ok_or("the first argument is the database's URL")?;
    let owner = arguments.next().ok_or("the second argument is the owner's id")?.parse::<Uuid>()?;
    let pool = PgPoolOptions::new().max_connections(16).connect(&url).await?;
    let router = Router::new().route("/graphql", post(list)).with_state((pool, owner));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    println!("listening on {}", listener.local_addr()?);
    Ok(axum::serve(listener, router).await?)
}

async fn list(State((pool, owner)): State<(PgPool, Uuid)>) -> Result<Json<Answer>, StatusCode> {
    read(&pool, owner).await.map(Json).map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)
}

async fn read(pool: &PgPool, owner: Uuid) -> Result<Answer, sqlx::Error> {
    let rows = sqlx::query(LIST).bind(owner).fetch_all(pool).await?;
    let mut nodes = rows.iter().take(20).map(image).collect::<Result<Vec<_>, _>>()?;
    for node in &mut nodes {
        node.status.make_ascii_uppercase();
    }
    let end_cursor = nodes.last().map(|last| URL_SAFE_NO_PAD.encode(format!("{},{}", last.created_at, last.id)));
    let page_info = PageInfo { has_next_page: rows.len() > 20, end_cursor };
    Ok(Answer { data: Data { images: Images { nodes, page_info } } })
}

fn image(row: &sqlx::postgres::PgRow) -> Result<Image, sqlx::Error> {
    Ok(Image {
        id: row.try_get(0)?,
        title: row.try_get(1)?,
        file_size: row.try_get(2)?,
        width: row.try_get(3)?,
        height: row.try_get(4)?,
        status: row.try_get(5)?,
        created_at: row.try_get(6)?,
        category: Category { id: row.try_get(7)?, name: row.try_get(8)? },
    })
}
