//! `assets`: a front end's own files into the bucket, for a CDN.

use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Subcommand;
use futures_util::{StreamExt, TryStreamExt, stream};
use walkdir::{DirEntry, WalkDir};

use crate::{
    app::{OpenStorage, StoragePlace},
    clock::Clock,
    config::Config,
    http,
    storage::{Asset, AssetPath},
};

/// Files that are stored at once, each of which is in memory.
const AT_ONCE: usize = 4;
/// In bytes.
const LARGEST: u64 = 100 * 1024 * 1024;
/// The hidden folder that belongs to a site: <https://www.rfc-editor.org/rfc/rfc8615>.
const WELL_KNOWN: &str = ".well-known";

#[derive(Debug, Subcommand)]
pub enum AssetsCommand {
    /// Stores the files of a folder under `static/`: each under its own path, which caches ask for again, and under one with a
    /// hash, which they keep for a year; gzipped where that is shorter. What was stored before stays. May be repeated.
    Push {
        /// What the front end was built into, such as `dist`. The scripts and styles of the console, if none is named.
        folder: Option<PathBuf>,
        /// A folder in it whose files have a hash in their names already: they are stored once, for a year. May be repeated.
        #[arg(long, value_name = "FOLDER", value_parser = below, default_values = ["assets", "_next/static"])]
        immutable: Vec<AssetPath>,
    },
    /// Prints the URL of a file, with the hash of what was stored last.
    Url {
        /// Its path in its folder, such as `img/logo.svg`.
        path: String,
    },
}

pub async fn run(config: Config, command: AssetsCommand) -> anyhow::Result<()> {
    let place = if config.storage.is_embedded() { StoragePlace::Embedded } else { StoragePlace::Configured };
    let storage = place.open(&config, &Clock::default()).await?;
    match command {
        AssetsCommand::Push { folder: Some(folder), immutable } => {
            let paths = paths_in(&folder)?;
            let read = async |path: AssetPath| {
                let has_hash = immutable.iter().any(|folder| Path::new(path.as_str()).starts_with(folder.as_str()));
                let content =
                    tokio::fs::read(folder.join(path.as_str())).await.with_context(|| path.as_str().to_owned())?;
                Ok(Asset { path, content: content.into(), has_hash })
            };
            push(&storage, stream::iter(paths).then(read)).await
        }
        AssetsCommand::Push { folder: None, .. } => {
            let console = http::page_assets().map(|(path, content)| {
                let path = AssetPath::named(&path);
                Asset { path, content, has_hash: true }
            });
            push(&storage, stream::iter(console.map(Ok))).await
        }
        AssetsCommand::Url { path } => print_url(&storage, &path).await,
    }
}

fn below(folder: &str) -> Result<AssetPath, &'static str> {
    AssetPath::below(Path::new(folder)).ok_or("it is a path within the front end's folder, such as assets")
}

/// The files below a folder that are meant for others: pages last, for what they refer to is there then.
fn paths_in(folder: &Path) -> anyhow::Result<Vec<AssetPath>> {
    let is_meant = |entry: &DirEntry| {
        let name = entry.file_name().to_string_lossy();
        entry.depth() == 0 || !name.starts_with('.') || name == WELL_KNOWN
    };
    anyhow::ensure!(folder.is_dir(), "{} is no folder", folder.display());
    let mut paths = Vec::new();
    for entry in WalkDir::new(folder).sort_by_file_name().into_iter().filter_entry(is_meant) {
        let entry = entry?;
        let shown = entry.path().display();
        if entry.file_type().is_dir() {
            continue;
        }
        if !entry.file_type().is_file() {
            tracing::warn!("{shown} is no file of its own and is passed over");
            continue;
        }
        anyhow::ensure!(entry.metadata()?.len() <= LARGEST, "{shown} has more than {LARGEST} bytes");
        let path = AssetPath::below(entry.path().strip_prefix(folder)?);
        paths.push(path.with_context(|| format!("{shown} has a name that no URL can have"))?);
    }
    paths.sort_by_key(AssetPath::is_page);
    Ok(paths)
}

#[expect(clippy::print_stdout, reason = "what was done is what was asked for")]
async fn push(
    storage: &OpenStorage,
    assets: impl futures_util::Stream<Item = anyhow::Result<Asset>>,
) -> anyhow::Result<()> {
    let s3 = &storage.s3;
    let mut manifest = s3.manifest().await?;
    let put = async |asset: Asset| {
        let path = asset.path.clone();
        let stored = s3.put_asset(asset).await?;
        anyhow::Ok((path, stored))
    };
    let stored: Vec<_> = assets.map_ok(put).try_buffer_unordered(AT_ONCE).try_collect().await?;
    anyhow::ensure!(!stored.is_empty(), "there are no files to store");
    let count = stored.len();
    manifest.extend(stored);
    s3.put_manifest(&manifest).await?;
    println!("stored {count} files; {} are known by their paths", manifest.len());
    Ok(())
}

#[expect(clippy::print_stdout, reason = "the URL is what was asked for")]
async fn print_url(storage: &OpenStorage, path: &str) -> anyhow::Result<()> {
    let manifest = storage.s3.manifest().await?;
    let stored = manifest.get(&AssetPath::named(path)).with_context(|| format!("no file was stored for {path}"))?;
    println!("{}", storage.s3.asset_url(stored).await?);
    Ok(())
}
