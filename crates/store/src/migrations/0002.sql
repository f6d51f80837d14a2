-- The guard ------------------------------------------------------------------
-- An origin or a peer is a keyed hash here: whom somebody writes to cannot be read out of a stolen database.

-- how: 1 written to, 2 received from. since: when it first was; seen: about when it last was.
CREATE TABLE contact (
    origin BIGINT NOT NULL,
    peer BIGINT NOT NULL,
    how BIGINT NOT NULL,
    since BIGINT NOT NULL,
    seen BIGINT NOT NULL,
    PRIMARY KEY (origin, peer)
) {compact};

CREATE TABLE contact_count (origin {key}, contacts BIGINT NOT NULL);

-- held: 1 while the origin waits for a person, so that those can be found without reading profiles.
CREATE TABLE profile (
    origin {key},
    name TEXT NOT NULL,
    held BIGINT NOT NULL,
    bytes {bytes} NOT NULL
);
CREATE INDEX profile_held ON profile (origin) WHERE held = 1;

-- What concerns all origins together; one row.
CREATE TABLE site (id {key}, bytes {bytes} NOT NULL);

-- state: 0 opened, 1 contained, 2 cleaned, 3 closed. notice: when somebody is to be told again that mail waits.
CREATE TABLE incident (
    id {id},
    origin TEXT NOT NULL,
    account TEXT,
    state BIGINT NOT NULL,
    reason TEXT NOT NULL,
    opened BIGINT NOT NULL,
    opened_by TEXT NOT NULL,
    changed BIGINT NOT NULL,
    changed_by TEXT NOT NULL,
    epoch BIGINT,
    notice BIGINT,
    notices BIGINT NOT NULL,
    facts TEXT NOT NULL
);
CREATE UNIQUE INDEX incident_open ON incident (origin) WHERE state < 3;
CREATE INDEX incident_notice ON incident (notice) WHERE notice IS NOT NULL;
