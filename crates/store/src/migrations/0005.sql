-- What texts a message cannot hold, see the module index. UIDs below indexed have it.
CREATE TABLE signature (content {key}, bits {bytes} NOT NULL);
ALTER TABLE mailbox ADD COLUMN indexed BIGINT NOT NULL DEFAULT 1;
CREATE INDEX mailbox_unindexed ON mailbox (id) WHERE indexed < uidnext;

-- UIDs below uidnext that are in use no more: where there are few, a folder is opened without reading it.
CREATE TABLE gap (mailbox BIGINT NOT NULL, first BIGINT NOT NULL, last BIGINT NOT NULL, PRIMARY KEY (mailbox, first)) {compact};
INSERT INTO gap (mailbox, first, last)
    SELECT mailbox, before + 1, uid - 1 FROM
        (SELECT mailbox, uid, LAG(uid, 1, 0) OVER (PARTITION BY mailbox ORDER BY uid) AS before FROM mail) AS pairs
    WHERE uid > before + 1;
INSERT INTO gap (mailbox, first, last)
    SELECT id, highest + 1, uidnext - 1 FROM
        (SELECT id, uidnext, COALESCE((SELECT MAX(uid) FROM mail WHERE mailbox = mailbox.id), 0) AS highest FROM mailbox)
        AS ends
    WHERE uidnext > highest + 1;

-- No message below this UID lacks \Seen.
ALTER TABLE mailbox ADD COLUMN unseen_from BIGINT NOT NULL DEFAULT 1;
