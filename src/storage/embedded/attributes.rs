//! What is told of an object beside its bytes: its attributes, its parts, and whose it is.

use s3s::{
    S3Result,
    dto::{
        GetObjectAclOutput, GetObjectAttributesInput, GetObjectAttributesOutput, GetObjectAttributesParts, Grant,
        Grantee, ObjectPart, Permission, StorageClass, Type,
    },
};

use super::{
    checksum::{KeptChecksum, with_checksums},
    objects::Objects,
    trailer::ObjectMeta,
    wire::{etag_of, modified, owner, path_of, signed},
};

impl Objects {
    pub(super) async fn attributes(&self, input: GetObjectAttributesInput) -> S3Result<GetObjectAttributesOutput> {
        let meta = self.existing(&path_of(&input.bucket, &input.key)?).await?.meta;
        // They come as one item with commas in it.
        let asked: Vec<&str> =
            input.object_attributes.iter().flat_map(|name| name.as_str().split(',')).map(str::trim).collect();
        let wants = |name: &str| asked.iter().any(|asked| asked.eq_ignore_ascii_case(name));
        let parts = (wants("ObjectParts") && !meta.parts.is_empty())
            .then(|| parts_of(&meta, input.max_parts, input.part_number_marker));
        Ok(GetObjectAttributesOutput {
            e_tag: wants("ETag").then(|| etag_of(&meta)),
            last_modified: Some(modified(&meta)),
            object_size: wants("ObjectSize").then(|| signed(meta.size)),
            storage_class: wants("StorageClass").then(|| StorageClass::from_static(StorageClass::STANDARD)),
            checksum: meta.checksum.as_ref().filter(|_| wants("Checksum")).map(KeptChecksum::answer),
            object_parts: parts,
            ..GetObjectAttributesOutput::default()
        })
    }

    /// Everything belongs to the one key of this storage.
    pub(super) async fn acl(&self, bucket: &str, key: &str) -> S3Result<GetObjectAclOutput> {
        self.existing(&path_of(bucket, key)?).await?;
        let grantee = Grantee {
            display_name: owner().display_name,
            email_address: None,
            id: owner().id,
            type_: Type::from_static(Type::CANONICAL_USER),
            uri: None,
        };
        let permission = Permission::from_static(Permission::FULL_CONTROL);
        let grant = Grant { grantee: Some(grantee), permission: Some(permission) };
        Ok(GetObjectAclOutput { grants: Some(vec![grant]), owner: Some(owner()), request_charged: None })
    }
}

fn parts_of(meta: &ObjectMeta, most: Option<i32>, marker: Option<i32>) -> GetObjectAttributesParts {
    let limit = usize::try_from(most.unwrap_or(1000)).unwrap_or(0).min(1000);
    let marker = marker.unwrap_or(0);
    let behind: Vec<_> = meta.parts.iter().zip(1..).filter(|(_, number)| *number > marker).collect();
    let is_truncated = behind.len() > limit;
    let parts = behind.into_iter().take(limit).map(|(part, number)| {
        let kept = meta.checksum.clone().zip(part.checksum.clone());
        let checksum = kept.map(|(kept, value)| KeptChecksum { value, ..kept }.answer());
        with_checksums!(ObjectPart { part_number: Some(number), size: Some(signed(part.size)) }, checksum)
    });
    let parts: Vec<ObjectPart> = parts.collect();
    let next = parts.last().and_then(|part| part.part_number).filter(|_| is_truncated);
    GetObjectAttributesParts {
        total_parts_count: i32::try_from(meta.parts.len()).ok(),
        max_parts: i32::try_from(limit).ok(),
        part_number_marker: Some(marker),
        is_truncated: Some(is_truncated),
        next_part_number_marker: next,
        parts: Some(parts),
    }
}
