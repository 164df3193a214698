-- Every image that is not deleted, by owner, category and status; bytes are those in the storage.
CREATE TABLE image_count (
    owner_id uuid_text NOT NULL,
    category_id uuid_text NOT NULL,
    status text NOT NULL,
    images bigint NOT NULL CHECK (images >= 0),
    bytes bigint NOT NULL CHECK (bytes >= 0),
    PRIMARY KEY (owner_id, category_id, status)
) WITHOUT ROWID;

-- Every image that is neither deleted nor in the trash, by the day (UTC) of its ticket.
CREATE TABLE image_day (
    owner_id uuid_text NOT NULL,
    day text NOT NULL,
    images bigint NOT NULL CHECK (images >= 0),
    bytes bigint NOT NULL CHECK (bytes >= 0),
    PRIMARY KEY (owner_id, day)
) WITHOUT ROWID;

-- Every tag of a completed image.
CREATE TABLE image_tag (
    owner_id uuid_text NOT NULL,
    tag text NOT NULL,
    images bigint NOT NULL CHECK (images >= 0),
    PRIMARY KEY (owner_id, tag)
) WITHOUT ROWID;

CREATE TRIGGER image_added AFTER INSERT ON image WHEN NEW.status <> 'deleted' BEGIN
    INSERT INTO image_count
        VALUES (NEW.owner_id, NEW.category_id, NEW.status, 1, coalesce(NEW.stored_size, 0))
        ON CONFLICT DO UPDATE SET images = images + 1, bytes = bytes + excluded.bytes;
    INSERT INTO image_day
        SELECT NEW.owner_id, substr(NEW.created_at, 1, 10), 1, coalesce(NEW.stored_size, 0)
        WHERE NEW.status <> 'trashed'
        ON CONFLICT DO UPDATE SET images = images + 1, bytes = bytes + excluded.bytes;
    INSERT INTO image_tag
        SELECT NEW.owner_id, value, 1 FROM json_each(NEW.tags) WHERE NEW.status = 'completed'
        ON CONFLICT DO UPDATE SET images = images + 1;
END;

CREATE TRIGGER image_changed AFTER UPDATE OF status, category_id, stored_size, tags ON image
WHEN OLD.status IS NOT NEW.status OR OLD.category_id IS NOT NEW.category_id
    OR OLD.stored_size IS NOT NEW.stored_size OR OLD.tags IS NOT NEW.tags
BEGIN
    UPDATE image_count SET images = images - 1, bytes = bytes - coalesce(OLD.stored_size, 0)
        WHERE owner_id = OLD.owner_id AND category_id = OLD.category_id AND status = OLD.status;
    UPDATE image_day SET images = images - 1, bytes = bytes - coalesce(OLD.stored_size, 0)
        WHERE owner_id = OLD.owner_id AND day = substr(OLD.created_at, 1, 10)
        AND OLD.status NOT IN ('deleted', 'trashed');
    UPDATE image_tag SET images = images - 1
        WHERE owner_id = OLD.owner_id AND OLD.status = 'completed' AND tag IN (SELECT value FROM json_each(OLD.tags));
    INSERT INTO image_count
        SELECT NEW.owner_id, NEW.category_id, NEW.status, 1, coalesce(NEW.stored_size, 0)
        WHERE NEW.status <> 'deleted'
        ON CONFLICT DO UPDATE SET images = images + 1, bytes = bytes + excluded.bytes;
    INSERT INTO image_day
        SELECT NEW.owner_id, substr(NEW.created_at, 1, 10), 1, coalesce(NEW.stored_size, 0)
        WHERE NEW.status NOT IN ('deleted', 'trashed')
        ON CONFLICT DO UPDATE SET images = images + 1, bytes = bytes + excluded.bytes;
    INSERT INTO image_tag
        SELECT NEW.owner_id, value, 1 FROM json_each(NEW.tags) WHERE NEW.status = 'completed'
        ON CONFLICT DO UPDATE SET images = images + 1;
    DELETE FROM image_tag
        WHERE owner_id = OLD.owner_id AND images = 0 AND tag IN (SELECT value FROM json_each(OLD.tags));
END;

CREATE TRIGGER image_removed AFTER DELETE ON image WHEN OLD.status <> 'deleted' BEGIN
    UPDATE image_count SET images = images - 1, bytes = bytes - coalesce(OLD.stored_size, 0)
        WHERE owner_id = OLD.owner_id AND category_id = OLD.category_id AND status = OLD.status;
    UPDATE image_day SET images = images - 1, bytes = bytes - coalesce(OLD.stored_size, 0)
        WHERE owner_id = OLD.owner_id AND day = substr(OLD.created_at, 1, 10) AND OLD.status <> 'trashed';
    UPDATE image_tag SET images = images - 1
        WHERE owner_id = OLD.owner_id AND OLD.status = 'completed' AND tag IN (SELECT value FROM json_each(OLD.tags));
    DELETE FROM image_tag
        WHERE owner_id = OLD.owner_id AND images = 0 AND tag IN (SELECT value FROM json_each(OLD.tags));
END;

INSERT INTO image_count
    SELECT owner_id, category_id, status, count(*), sum(coalesce(stored_size, 0)) FROM image
    WHERE status <> 'deleted' GROUP BY owner_id, category_id, status;
INSERT INTO image_day
    SELECT owner_id, substr(created_at, 1, 10), count(*), sum(coalesce(stored_size, 0)) FROM image
    WHERE status NOT IN ('deleted', 'trashed') GROUP BY 1, 2;
INSERT INTO image_tag
    SELECT owner_id, value, count(*) FROM image, json_each(tags) WHERE status = 'completed' GROUP BY owner_id, value;
