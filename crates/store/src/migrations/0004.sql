-- When a message came into its folder (RFC 8514).
ALTER TABLE mail ADD COLUMN saved BIGINT NOT NULL DEFAULT 0;
UPDATE mail SET saved = date;

-- Most messages of an account (RFC 9208 §5.3).
ALTER TABLE account ADD COLUMN message_quota BIGINT;

-- Subscriptions are names: they outlive the folders that they name.
CREATE TABLE subscription (account BIGINT NOT NULL, name TEXT NOT NULL, PRIMARY KEY (account, name)) {compact};
INSERT INTO subscription (account, name) SELECT account, name FROM mailbox WHERE subscribed = 1;
ALTER TABLE mailbox DROP COLUMN subscribed;

-- What others may do with a folder (RFC 4314). account 0 is anyone; negative 1 takes rights away.
CREATE TABLE acl (
    mailbox BIGINT NOT NULL,
    account BIGINT NOT NULL,
    negative BIGINT NOT NULL,
    rights BIGINT NOT NULL,
    PRIMARY KEY (mailbox, account, negative)
) {compact};
CREATE INDEX acl_account ON acl (account, mailbox);

-- Annotations (RFC 5464) of a folder, or of the server when mailbox is 0. account 0: shared, else private to it.
CREATE TABLE annotation (
    mailbox BIGINT NOT NULL,
    account BIGINT NOT NULL,
    entry TEXT NOT NULL,
    value {bytes} NOT NULL,
    PRIMARY KEY (mailbox, account, entry)
) {compact};
CREATE INDEX annotation_account ON annotation (account);

-- What is read from a body when somebody first asks for it.
CREATE TABLE digest (content {key}, thread BIGINT NOT NULL, preview TEXT NOT NULL);
