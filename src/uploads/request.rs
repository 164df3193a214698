//! Step 1: a ticket. Checks everything that can be known before the first byte.

use super::Uploads;
use crate::{
    changes::Added,
    db,
    domain::{
        access::{self, Action},
        caller::{Caller, TokenScope},
        category::Category,
        details::Details,
        error::{Refusal, ServiceError, ServiceResult, UserErrorCode},
        event::Actor,
        filename::Filename,
        format::ImageFormat,
        ids::{CategoryId, ImageId, UserId},
        image::{Image, UploadState},
        ticket::Ticket,
    },
    storage::StorageKey,
};

/// What a client says of the file that it wants to send.
#[derive(Debug, Clone)]
pub struct NewUpload {
    pub filename: String,
    pub content_type: String,
    /// In bytes.
    pub file_size: u64,
    pub category: CategoryId,
    /// The same key by the same caller stands for the same image.
    pub idempotency_key: Option<String>,
}

/// How a file comes: by one ticket, or by one for each of its parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sending {
    AtOnce,
    InParts,
}

impl Uploads {
    /// Issues a ticket for a new image, or a fresh one for the image that this key was used for.
    ///
    /// # Errors
    /// Every rule that the input breaks: of the filename, the type, the size and the category; `QUOTA_EXCEEDED`
    /// where the user has no room for as much.
    pub async fn request(&self, caller: &Caller, input: NewUpload) -> ServiceResult<Ticket> {
        let image = self.admit(caller, input, Sending::AtOnce).await?;
        self.issue(image).await
    }

    /// The image that awaits an upload from now on: a new one, or that of the key.
    ///
    /// # Errors
    /// As `request`.
    pub(super) async fn admit(&self, caller: &Caller, input: NewUpload, sending: Sending) -> ServiceResult<Image> {
        let uploader = caller.acting(TokenScope::Upload)?;
        let owner = uploader.id();
        let category = db::categories::find(self.inner.db.conn(), input.category).await?;
        let is_open = |category: &Category| category.is_active && access::may_use(uploader, category);
        let new = self.check(owner, &input, category.filter(is_open))?;
        if let Some(earlier) = self.earlier(owner, &input).await? {
            return self.await_again(&new, earlier, sending).await;
        }
        match self.inner.changes.add(&new, input.idempotency_key.clone()).await? {
            Added::Done => Ok(new),
            // The same request ran at the same time and was faster.
            Added::KeyWasUsed => match self.earlier(owner, &input).await? {
                Some(earlier) => self.await_again(&new, earlier, sending).await,
                None => Err(ServiceError::Internal(anyhow::anyhow!(
                    "an idempotency key is in use, but its upload was not found"
                ))),
            },
        }
    }

    /// Issues a fresh ticket for an image that still awaits its upload.
    ///
    /// # Errors
    /// `IMAGE_NOT_FOUND`, `INVALID_STATE` once the upload is over, or `QUOTA_EXCEEDED`.
    pub async fn renew(&self, caller: &Caller, id: ImageId) -> ServiceResult<Ticket> {
        let image = self.find_for(caller, id, Action::Upload).await?;
        if image.awaits_upload() {
            self.refuse_parts(id).await?;
            self.inner.changes.check_quota_to_wait(&image).await?;
        }
        let now = self.now();
        let touch = |image: &Image| {
            if !image.awaits_upload() {
                let why = "Only an unfinished upload can have a ticket.";
                return Err(Refusal::on("imageId", UserErrorCode::InvalidState, why).into());
            }
            Ok(Some(image.touch(now)))
        };
        let image = self.change_for(caller, Action::Upload, id, touch).await?;
        self.issue(image).await
    }

    /// What was announced once would take its room twice.
    async fn refuse_parts(&self, id: ImageId) -> ServiceResult<()> {
        if db::multipart_uploads::find(self.inner.db.conn(), id).await?.is_some() {
            let why = "This upload goes in parts: ask for them, or request an upload by another key.";
            return Err(Refusal::of(UserErrorCode::InvalidState, why).into());
        }
        Ok(())
    }

    async fn issue(&self, image: Image) -> ServiceResult<Ticket> {
        let expires_at = self.now() + self.inner.rules.ticket_life;
        let key = StorageKey::incoming(image.id);
        let content_type = image.format.content_type();
        let target = self.inner.storage.sign_upload(&key, content_type, image.declared_size, expires_at).await?;
        Ok(Ticket { image, target, expires_at })
    }

    async fn earlier(&self, owner: UserId, input: &NewUpload) -> ServiceResult<Option<Image>> {
        let Some(key) = &input.idempotency_key else { return Ok(None) };
        Ok(db::images::find_by_idempotency_key(self.inner.db.conn(), owner, key).await?)
    }

    async fn await_again(&self, new: &Image, earlier: Image, sending: Sending) -> ServiceResult<Image> {
        let is_the_same = (&earlier.filename, &earlier.format, earlier.declared_size, earlier.category)
            == (&new.filename, &new.format, new.declared_size, new.category);
        if !is_the_same {
            let why = "This key was used for another file.";
            return Err(Refusal::on("idempotencyKey", UserErrorCode::InvalidValue, why).into());
        }
        if !earlier.awaits_upload() {
            return Err(upload_is_over(earlier.id));
        }
        if sending == Sending::AtOnce {
            self.refuse_parts(earlier.id).await?;
        }
        self.inner.changes.check_quota_to_wait(&earlier).await?;
        let now = self.now();
        let touch = |image: &Image| {
            // It may have been completed or deleted meanwhile.
            if image.awaits_upload() { Ok(Some(image.touch(now))) } else { Err(upload_is_over(image.id)) }
        };
        self.inner.changes.change(earlier.id, Actor::User(earlier.owner, None), |locked| touch(&locked.image)).await
    }

    /// The image that would be made, or everything that is wrong with the request.
    fn check(&self, owner: UserId, input: &NewUpload, category: Option<Category>) -> Result<Image, Vec<Refusal>> {
        let mut refusals = Vec::new();
        refusals.extend(check_key(input.idempotency_key.as_deref()).err());
        refusals.extend(check_size(input.file_size, category.as_ref()).err());
        let filename = Filename::parse(&input.filename).map_err(|refusal| refusals.push(refusal)).ok();
        let format = check_format(&input.content_type, filename.as_ref(), category.as_ref());
        let format = format.map_err(|mut found| refusals.append(&mut found)).ok();
        if category.is_none() {
            let why = "The category does not exist or accepts no uploads.";
            refusals.push(Refusal::on("categoryId", UserErrorCode::CategoryNotFound, why));
        }
        let (Some(category), Some(filename), Some(format), true) = (category, filename, format, refusals.is_empty())
        else {
            return Err(refusals);
        };
        let (id, now) = (ImageId(self.inner.clock.new_id()), self.now());
        Ok(Image {
            id,
            owner,
            category: category.id,
            file_key: StorageKey::for_new(&category, owner, id, now, format.extensions()[0]),
            filename,
            format: format.into(),
            declared_size: input.file_size,
            details: Details::default(),
            state: UploadState::Pending,
            generation: 0,
            revision: 1,
            upload_started_at: None,
            upload_completed_at: None,
            created_at: now,
            updated_at: now,
        })
    }
}

fn upload_is_over(id: ImageId) -> ServiceError {
    let why = format!("The upload with this key is already complete: see image {id}.");
    Refusal::on("idempotencyKey", UserErrorCode::InvalidState, why).into()
}

fn check_key(key: Option<&str>) -> Result<(), Refusal> {
    let Some(key) = key else { return Ok(()) };
    if key.chars().count() > 255 {
        return Err(Refusal::on("idempotencyKey", UserErrorCode::TooLong, "A key has at most 255 characters."));
    }
    if key.is_empty() || key.chars().any(char::is_control) {
        let why = "A key has 1 to 255 characters, without control characters.";
        return Err(Refusal::on("idempotencyKey", UserErrorCode::InvalidValue, why));
    }
    Ok(())
}

fn check_size(size: u64, category: Option<&Category>) -> Result<(), Refusal> {
    if size == 0 {
        return Err(Refusal::on("fileSize", UserErrorCode::FileEmpty, "The file is empty."));
    }
    match category {
        Some(category) if size > category.max_file_size => {
            let why = format!("The file has {size} bytes; the category accepts at most {}.", category.max_file_size);
            Err(Refusal::on("fileSize", UserErrorCode::FileTooLarge, why))
        }
        _ => Ok(()),
    }
}

/// The one format that the content type and the extension agree on.
fn check_format(
    content_type: &str,
    filename: Option<&Filename>,
    category: Option<&Category>,
) -> Result<ImageFormat, Vec<Refusal>> {
    let mut refusals = Vec::new();
    let format = ImageFormat::from_content_type(content_type);
    if format.is_none() {
        let known = ImageFormat::ALL.map(ImageFormat::content_type).join(", ");
        let why = format!("The content type must be one of {known}.");
        refusals.push(Refusal::on("contentType", UserErrorCode::UnsupportedContentType, why));
    }
    if let Some(filename) = filename {
        let extension = filename.extension().unwrap_or_default();
        let allowed = category.is_none_or(|category| category.allows(&extension));
        if filename.format().is_none() || !allowed {
            let allowed = category.map(|category| category.allowed_extensions.join(", ")).unwrap_or_default();
            let why = format!("The extension must be one of {allowed}.");
            refusals.push(Refusal::on("filename", UserErrorCode::UnsupportedExtension, why));
        } else if format.is_some() && filename.format() != format {
            let why = "The extension and the content type belong to different formats.";
            refusals.push(Refusal::on("contentType", UserErrorCode::ExtensionMismatch, why));
        }
    }
    format.filter(|_| refusals.is_empty()).ok_or(refusals)
}
