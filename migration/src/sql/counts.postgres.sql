-- Every image that is not deleted, by owner, category and status; bytes are those in the storage.
CREATE TABLE image_count (
    owner_id uuid NOT NULL,
    category_id uuid NOT NULL,
    status text NOT NULL,
    images bigint NOT NULL CHECK (images >= 0),
    bytes bigint NOT NULL CHECK (bytes >= 0),
    PRIMARY KEY (owner_id, category_id, status)
);

-- Every image that is neither deleted nor in the trash, by the day (UTC) of its ticket.
CREATE TABLE image_day (
    owner_id uuid NOT NULL,
    day text NOT NULL COLLATE "C",
    images bigint NOT NULL CHECK (images >= 0),
    bytes bigint NOT NULL CHECK (bytes >= 0),
    PRIMARY KEY (owner_id, day)
);

-- Every tag of a completed image.
CREATE TABLE image_tag (
    owner_id uuid NOT NULL,
    tag text NOT NULL COLLATE "C",
    images bigint NOT NULL CHECK (images >= 0),
    PRIMARY KEY (owner_id, tag)
);

CREATE FUNCTION image_day_of(moment timestamptz) RETURNS text LANGUAGE sql IMMUTABLE
RETURN to_char(moment AT TIME ZONE 'UTC', 'YYYY-MM-DD');

-- Rows come in by the thousand: counted a statement, not a row.
CREATE FUNCTION image_count_added() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- An owner's counts are changed by one transaction at a time: two that met in another order would deadlock.
    PERFORM 1 FROM "user" WHERE id IN (SELECT owner_id FROM added) ORDER BY id FOR NO KEY UPDATE;
    INSERT INTO image_count
        SELECT owner_id, category_id, status, count(*), sum(coalesce(stored_size, 0)) FROM added
        WHERE status <> 'deleted' GROUP BY owner_id, category_id, status
        ON CONFLICT (owner_id, category_id, status) DO UPDATE
        SET images = image_count.images + excluded.images, bytes = image_count.bytes + excluded.bytes;
    INSERT INTO image_day
        SELECT owner_id, image_day_of(created_at), count(*), sum(coalesce(stored_size, 0)) FROM added
        WHERE status NOT IN ('deleted', 'trashed') GROUP BY 1, 2
        ON CONFLICT (owner_id, day) DO UPDATE
        SET images = image_day.images + excluded.images, bytes = image_day.bytes + excluded.bytes;
    INSERT INTO image_tag
        SELECT owner_id, tag, count(*) FROM added, json_array_elements_text(tags) AS tag
        WHERE status = 'completed' GROUP BY owner_id, tag
        ON CONFLICT (owner_id, tag) DO UPDATE SET images = image_tag.images + excluded.images;
    RETURN NULL;
END $$;

CREATE FUNCTION image_count_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM 1 FROM "user" WHERE id = OLD.owner_id FOR NO KEY UPDATE;
    IF OLD.status <> 'deleted' THEN
        UPDATE image_count SET images = images - 1, bytes = bytes - coalesce(OLD.stored_size, 0)
            WHERE owner_id = OLD.owner_id AND category_id = OLD.category_id AND status = OLD.status;
    END IF;
    IF OLD.status NOT IN ('deleted', 'trashed') THEN
        UPDATE image_day SET images = images - 1, bytes = bytes - coalesce(OLD.stored_size, 0)
            WHERE owner_id = OLD.owner_id AND day = image_day_of(OLD.created_at);
    END IF;
    IF OLD.status = 'completed' THEN
        UPDATE image_tag SET images = images - 1
            WHERE owner_id = OLD.owner_id AND tag IN (SELECT json_array_elements_text(OLD.tags));
    END IF;
    IF TG_OP = 'UPDATE' AND NEW.status <> 'deleted' THEN
        INSERT INTO image_count
            VALUES (NEW.owner_id, NEW.category_id, NEW.status, 1, coalesce(NEW.stored_size, 0))
            ON CONFLICT (owner_id, category_id, status) DO UPDATE
            SET images = image_count.images + 1, bytes = image_count.bytes + excluded.bytes;
    END IF;
    IF TG_OP = 'UPDATE' AND NEW.status NOT IN ('deleted', 'trashed') THEN
        INSERT INTO image_day
            VALUES (NEW.owner_id, image_day_of(NEW.created_at), 1, coalesce(NEW.stored_size, 0))
            ON CONFLICT (owner_id, day) DO UPDATE
            SET images = image_day.images + 1, bytes = image_day.bytes + excluded.bytes;
    END IF;
    IF TG_OP = 'UPDATE' AND NEW.status = 'completed' THEN
        INSERT INTO image_tag
            SELECT NEW.owner_id, tag, 1 FROM json_array_elements_text(NEW.tags) AS tag
            ON CONFLICT (owner_id, tag) DO UPDATE SET images = image_tag.images + 1;
    END IF;
    IF OLD.status = 'completed' THEN
        DELETE FROM image_tag
            WHERE owner_id = OLD.owner_id AND images = 0 AND tag IN (SELECT json_array_elements_text(OLD.tags));
    END IF;
    RETURN NULL;
END $$;

CREATE TRIGGER image_added AFTER INSERT ON image REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION image_count_added();

CREATE TRIGGER image_changed AFTER UPDATE ON image FOR EACH ROW
    WHEN ((OLD.status, OLD.category_id, OLD.stored_size, OLD.tags::text)
        IS DISTINCT FROM (NEW.status, NEW.category_id, NEW.stored_size, NEW.tags::text))
    EXECUTE FUNCTION image_count_changed();

CREATE TRIGGER image_removed AFTER DELETE ON image FOR EACH ROW EXECUTE FUNCTION image_count_changed();

INSERT INTO image_count
    SELECT owner_id, category_id, status, count(*), sum(coalesce(stored_size, 0)) FROM image
    WHERE status <> 'deleted' GROUP BY owner_id, category_id, status;
INSERT INTO image_day
    SELECT owner_id, image_day_of(created_at), count(*), sum(coalesce(stored_size, 0)) FROM image
    WHERE status NOT IN ('deleted', 'trashed') GROUP BY 1, 2;
INSERT INTO image_tag
    SELECT owner_id, tag, count(*) FROM image, json_array_elements_text(tags) AS tag
    WHERE status = 'completed' GROUP BY owner_id, tag;
