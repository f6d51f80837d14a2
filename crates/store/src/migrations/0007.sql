-- What the administrator's daily rounds keep.

-- at: the hour, counted from the epoch. tally: what happened in it, bounded by whoever writes it.
CREATE TABLE round_hour (at {key}, tally TEXT NOT NULL);

-- The last result of a round (check, audit, reputation).
CREATE TABLE round_report (name TEXT PRIMARY KEY, at BIGINT NOT NULL, body TEXT NOT NULL) {compact};

-- Where we stood on which block list. until: empty while it lasts.
CREATE TABLE listing (
    zone TEXT NOT NULL,
    subject TEXT NOT NULL,
    since BIGINT NOT NULL,
    until BIGINT,
    detail TEXT NOT NULL,
    PRIMARY KEY (zone, subject, since)
) {compact};

-- Mail from outside that claims to be from this domain. 0: refused, 1: marked, 2: taken as it is
ALTER TABLE domain ADD COLUMN claims BIGINT NOT NULL DEFAULT 0;
