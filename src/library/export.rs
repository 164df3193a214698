//! A copy of everything that a user has: rows as JSON and originals, in ZIP files to fetch for a week.

use std::{
    fs::File,
    io::{self, Seek, Write},
};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::TimeDelta;
use serde_json::{Value, json};
use zip::{CompressionMethod, ZipWriter, write::SimpleFileOptions};

use super::Library;
use crate::{
    db,
    domain::{
        audit::{AuditAction, AuditFilter, Audited},
        caller::{Caller, TokenScope},
        error::{Refusal, ServiceError, ServiceResult, UserErrorCode},
        ids::{DataExportId, ImageId, UserId},
        image::Image,
        job::{Job, JobError},
        removal::DataExport,
        sharing::{Grantee, Shareable},
        user::User,
    },
    storage::StorageKey,
};

/// How long its files can be fetched.
const LIFE: TimeDelta = TimeDelta::days(7);
/// How often a user may ask for one.
const EVERY: TimeDelta = TimeDelta::days(1);
/// In bytes: a file is ended once it has so much, so that neither a disk nor a storage has to take a whole library at once.
const FILE_SIZE: u64 = 1024 * 1024 * 1024;
const PAGE: u64 = 100;
/// How many entries of the audit log are in it.
const AUDIT_ENTRIES: u64 = 10_000;

/// The files of an export, as they are made.
struct Files<'a> {
    library: &'a Library,
    export: &'a DataExport,
    sizes: Vec<u64>,
    zip: Option<Box<ZipWriter<File>>>,
    /// In bytes, of the file that is being made.
    written: u64,
}

impl Library {
    /// Has a copy of everything made that the caller has.
    ///
    /// # Errors
    /// `INVALID_STATE` for the second within a day.
    pub async fn request_export(&self, caller: &Caller) -> ServiceResult<DataExport> {
        let user = caller.acting(TokenScope::Account)?.id();
        let now = self.inner.clock.now();
        let transaction = self.inner.db.begin().await?;
        db::users::hold(&transaction, user).await?;
        let latest = db::data_exports::of_user(&transaction, user).await?.into_iter().next();
        if latest.is_some_and(|latest| latest.requested_at > now - EVERY) {
            let why = "You asked for a copy within the last day: see dataExports.";
            return Err(Refusal::of(UserErrorCode::InvalidState, why).into());
        }
        let export = DataExport {
            id: DataExportId(self.inner.clock.new_id()),
            user,
            secret: URL_SAFE_NO_PAD.encode(self.inner.clock.random_bytes::<24>()),
            sizes: None,
            requested_at: now,
            ready_at: None,
            expires_at: now + LIFE,
        };
        db::data_exports::insert(&transaction, &export).await?;
        self.inner.queue.enqueue(&transaction, Job::ExportData { export: export.id }, now).await?;
        let by = caller.actor(TokenScope::Account)?;
        let exported = Audited::new(AuditAction::DataExported, by, Some(user.0));
        db::audit::append(&transaction, &self.inner.clock, exported).await?;
        transaction.commit().await?;
        self.inner.queue.announce();
        self.inner.hub.tell_of_jobs();
        Ok(export)
    }

    /// The caller's copies, the latest first.
    ///
    /// # Errors
    /// `Forbidden` for a caller with an API token.
    pub async fn exports(&self, caller: &Caller) -> ServiceResult<Vec<DataExport>> {
        let user = caller.acting(TokenScope::Account)?.id();
        Ok(db::data_exports::of_user(self.inner.db.conn(), user).await?)
    }

    /// Where the files of a copy can be fetched; none until all are there.
    ///
    /// # Errors
    /// When nothing can be signed.
    pub async fn export_urls(&self, export: &DataExport) -> ServiceResult<Vec<(String, u64)>> {
        let urls = self.inner.storage.urls().await?;
        let sizes = export.sizes.iter().flatten().enumerate();
        Ok(sizes.map(|(number, size)| (urls.of(&StorageKey::of_export(export, number)), *size)).collect())
    }

    /// The job: makes the files of a copy, unless they are there. From the beginning, wherever an earlier attempt ended.
    ///
    /// # Errors
    /// When the storage or the database is away, or the disk is full.
    pub async fn run_export(&self, id: DataExportId) -> Result<(), JobError> {
        let conn = self.inner.db.conn();
        let Some(export) = db::data_exports::find(conn, id).await? else {
            // Its user left while an earlier attempt was at it.
            return self.remove_files_of(id).await;
        };
        let Some(user) = db::users::find(conn, export.user).await?.filter(|_| export.sizes.is_none()) else {
            return Ok(());
        };
        let mut files = Files { library: self, export: &export, sizes: Vec::new(), zip: None, written: 0 };
        files.add_text("account.json", self.account_of(&user).await?).await?;
        let mut after = None;
        loop {
            let images = db::images::of_owner(conn, user.id, after, PAGE).await?;
            let Some(last) = images.last() else { break };
            after = Some(last.id);
            self.export_images(&mut files, &images).await?;
        }
        let sizes = files.finish().await?;
        if db::data_exports::set_ready(conn, id, &sizes, self.inner.clock.now()).await? {
            return Ok(());
        }
        self.remove_files_of(id).await
    }

    /// Removes the files of copies that have ended, or of all of a user's.
    ///
    /// # Errors
    /// When the storage or the database is away.
    pub async fn remove_exports(&self, of: Option<UserId>) -> Result<(), JobError> {
        let conn = self.inner.db.conn();
        let exports = match of {
            Some(user) => db::data_exports::of_user(conn, user).await?,
            None => db::data_exports::expired(conn, self.inner.clock.now()).await?,
        };
        for export in exports {
            // The row goes first: who is making the files now sees that nobody wants them any more.
            db::data_exports::remove(conn, export.id).await?;
            self.inner.queue.enqueue(conn, Job::ExportData { export: export.id }, self.inner.clock.now()).await?;
            self.remove_files_of(export.id).await?;
        }
        Ok(())
    }

    async fn remove_files_of(&self, id: DataExportId) -> Result<(), JobError> {
        loop {
            let page = self.inner.storage.list(&StorageKey::all_of_export(id), None).await?;
            if page.objects.is_empty() {
                return Ok(());
            }
            let keys: Vec<StorageKey> = page.objects.into_iter().map(|object| object.key).collect();
            self.inner.storage.delete(&keys).await?;
        }
    }

    async fn export_images(&self, files: &mut Files<'_>, images: &[Image]) -> Result<(), JobError> {
        let ids: Vec<ImageId> = images.iter().map(|image| image.id).collect();
        let conn = self.inner.db.conn();
        let metadata = db::metadata::of_images(conn, &ids).await?;
        let variants = db::variants::of_images(conn, &ids).await?;
        for image in images {
            let variants = variants.get(&image.id).map(Vec::as_slice).unwrap_or_default();
            let about = json!({
                "id": image.id,
                "originalFilename": image.filename.as_str(),
                "contentType": image.format.content_type(),
                "fileSize": image.file_size(),
                "status": image.status().name(),
                "title": image.details.title,
                "description": image.details.description,
                "altText": image.details.alt_text,
                "tags": image.details.tags,
                "categoryId": image.category,
                "createdAt": image.created_at,
                "updatedAt": image.updated_at,
                "metadata": metadata.get(&image.id),
                "variants": variants.iter().map(|variant| variant.name.as_str()).collect::<Vec<_>>(),
            });
            files.add_text(&format!("images/{}.json", image.id), about).await?;
            if image.original().is_some() {
                files.add_original(image).await?;
            }
        }
        Ok(())
    }

    /// What is known of a user beside their images.
    async fn account_of(&self, user: &User) -> ServiceResult<Value> {
        let (conn, now) = (self.inner.db.conn(), self.inner.clock.now());
        let groups = db::groups::of_users(conn, &[user.id]).await?.remove(&user.id).unwrap_or_default();
        let sessions = db::sessions::of_user(conn, user.id, now).await?;
        let tokens = db::api_tokens::of_user(conn, user.id, now).await?;
        let passkeys = db::passkeys::of_user(conn, user.id).await?;
        let mut albums = Vec::new();
        for album in db::albums::page(conn, user.id, None, 1000).await? {
            let images = db::album_images::all(conn, album.id).await?;
            let description = album.description;
            albums.push(json!({"name": album.name, "description": description, "imageIds": images}));
        }
        let shares = db::shares::by_user(conn, user.id).await?;
        let links = db::share_links::by_user(conn, user.id).await?;
        let filter = AuditFilter { actor: Some(user.id), ..AuditFilter::default() };
        let done = db::audit::page(conn, &filter, None, AUDIT_ENTRIES).await?;
        Ok(json!({
            "id": user.id,
            "email": user.email,
            "displayName": user.display_name,
            "createdAt": user.created_at,
            "lastLogin": user.last_login.as_ref().map(|last| json!({"at": last.at, "address": last.address})),
            "groups": groups.iter().map(|group| &group.name).collect::<Vec<_>>(),
            "sessions": sessions.iter().map(|session| json!({
                "createdAt": session.created_at, "userAgent": session.user_agent, "address": session.address,
            })).collect::<Vec<_>>(),
            "apiTokens": tokens.iter().map(|token| json!({
                "name": token.name, "createdAt": token.created_at, "expiresAt": token.expires_at,
            })).collect::<Vec<_>>(),
            "passkeys": passkeys.iter().map(|passkey| json!({
                "name": passkey.name, "createdAt": passkey.created_at, "lastUsedAt": passkey.last_used_at,
            })).collect::<Vec<_>>(),
            "avatarId": user.avatar,
            "albums": albums,
            "shares": shares.iter().map(|share| json!({
                "of": of(share.of), "with": match &share.with {
                    Grantee::Email(email) => json!({"email": email}),
                    Grantee::Group(group) => json!({"groupId": group}),
                }, "access": share.access.name(), "createdAt": share.created_at,
            })).collect::<Vec<_>>(),
            "shareLinks": links.iter().map(|link| json!({
                "of": of(link.of), "createdAt": link.created_at, "expiresAt": link.expires_at, "views": link.views,
            })).collect::<Vec<_>>(),
            "actions": done.iter().map(|entry| json!({
                "at": entry.at, "action": entry.action.name(), "address": entry.address, "targetId": entry.target,
                "details": entry.details,
            })).collect::<Vec<_>>(),
        }))
    }
}

fn of(thing: Shareable) -> Value {
    match thing {
        Shareable::Image(id) => json!({"imageId": id}),
        Shareable::Album(id) => json!({"albumId": id}),
    }
}

impl Files<'_> {
    async fn add_text(&mut self, name: &str, content: Value) -> Result<(), JobError> {
        let text = serde_json::to_vec_pretty(&content).map_err(failed)?;
        let (name, length) = (name.to_owned(), text.len() as u64);
        self.add(length, move |zip| {
            zip.start_file(name, SimpleFileOptions::default().compression_method(CompressionMethod::Deflated))?;
            zip.write_all(&text)
        })
        .await
    }

    async fn add_original(&mut self, image: &Image) -> Result<(), JobError> {
        let folder = self.library.inner.rules.spool.clone();
        let opened = tokio::task::spawn_blocking(move || tempfile::tempfile_in(folder)).await.map_err(failed)?;
        let mut original = tokio::fs::File::from_std(opened.map_err(failed)?);
        let storage = &self.library.inner.storage;
        // An upload that is under way is not in its place yet.
        if !storage.download(&StorageKey::original(image), image.file_size(), &mut original).await? {
            return Ok(());
        }
        let mut original = original.into_std().await;
        let name = format!("images/{}.{}", image.id, image.file_key.rsplit('.').next().unwrap_or_default());
        self.add(image.file_size(), move |zip| {
            original.rewind()?;
            // It is compressed already.
            zip.start_file(name, SimpleFileOptions::default().compression_method(CompressionMethod::Stored))?;
            io::copy(&mut original, zip).map(drop)
        })
        .await
    }

    async fn add(
        &mut self,
        length: u64,
        write: impl FnOnce(&mut ZipWriter<File>) -> io::Result<()> + Send + 'static,
    ) -> Result<(), JobError> {
        if self.written > 0 && self.written + length > FILE_SIZE {
            self.end_file().await?;
        }
        let (zip, folder) = (self.zip.take(), self.library.inner.rules.spool.clone());
        let written = tokio::task::spawn_blocking(move || {
            let mut zip = match zip {
                Some(zip) => zip,
                None => Box::new(ZipWriter::new(tempfile::tempfile_in(folder)?)),
            };
            write(&mut zip)?;
            Ok::<_, io::Error>(zip)
        });
        self.zip = Some(written.await.map_err(failed)?.map_err(failed)?);
        self.written += length;
        Ok(())
    }

    /// Stores the file that is being made.
    async fn end_file(&mut self) -> Result<(), JobError> {
        let Some(zip) = self.zip.take() else { return Ok(()) };
        let ended = tokio::task::spawn_blocking(move || {
            let mut file = zip.finish().map_err(io::Error::other)?;
            let size = file.stream_position()?;
            file.rewind()?;
            Ok::<_, io::Error>((file, size))
        });
        let (file, size) = ended.await.map_err(failed)?.map_err(failed)?;
        let key = StorageKey::of_export(self.export, self.sizes.len());
        let file = tokio::fs::File::from_std(file);
        self.library.inner.storage.put_file(&key, file, size, "application/zip").await?;
        self.sizes.push(size);
        self.written = 0;
        Ok(())
    }

    async fn finish(mut self) -> Result<Vec<u64>, JobError> {
        self.end_file().await?;
        Ok(self.sizes)
    }
}

fn failed(error: impl Into<anyhow::Error>) -> JobError {
    JobError::from(ServiceError::Internal(error.into()))
}
