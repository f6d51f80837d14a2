-- The rung of the ladder on which an origin stands, so that those above the first can be counted without reading profiles.
ALTER TABLE profile ADD COLUMN rung BIGINT NOT NULL DEFAULT 0;
UPDATE profile SET rung = 3 WHERE held = 1;
CREATE INDEX profile_rung ON profile (rung, name) WHERE rung > 0;
