-- An account's own rules.
ALTER TABLE account ADD COLUMN forward TEXT;
ALTER TABLE account ADD COLUMN reply TEXT;
ALTER TABLE account ADD COLUMN mail_dat TEXT;
ALTER TABLE account ADD COLUMN send_hours TEXT;

-- Whom an account's automatic reply was sent to, and when.
CREATE TABLE replied (
    account BIGINT NOT NULL,
    sender TEXT NOT NULL,
    at BIGINT NOT NULL,
    PRIMARY KEY (account, sender)
) {compact};
CREATE INDEX replied_at ON replied (at);

-- What was imported into an account, so that a second run does nothing twice. item: a hash of where it came from.
CREATE TABLE imported (
    account BIGINT NOT NULL,
    item {bytes} NOT NULL,
    PRIMARY KEY (account, item)
) {compact};
