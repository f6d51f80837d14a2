-- Times are microseconds since the Unix epoch, sizes are octets, truths are 0 or 1.
-- {id}: a primary key that the engine counts and never uses twice: somebody may still hold an old one.
-- {count}: the same for rows of which the newest always stays. {key}: a primary key that we give.
-- {bytes}: binary data. {compact}: rows lie in the primary key itself, where the engine can do that.

CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) {compact};

CREATE TABLE counter (name TEXT PRIMARY KEY, value BIGINT NOT NULL) {compact};
INSERT INTO counter (name, value) VALUES ('message', 0), ('journal_bytes', 0);

CREATE TABLE switch (name TEXT PRIMARY KEY, since BIGINT NOT NULL, reason TEXT NOT NULL) {compact};

-- People --------------------------------------------------------------------

CREATE TABLE domain (id {id}, name TEXT NOT NULL UNIQUE, created BIGINT NOT NULL);

CREATE TABLE account (
    id {id},
    key TEXT NOT NULL UNIQUE,
    address TEXT NOT NULL,
    domain BIGINT NOT NULL,
    full_name TEXT NOT NULL,
    role BIGINT NOT NULL,
    state BIGINT NOT NULL,
    quota BIGINT,
    used BIGINT NOT NULL,
    inbox BIGINT NOT NULL,
    uidvalidity BIGINT NOT NULL,
    password TEXT NOT NULL,
    scram TEXT,
    effect_dat TEXT,
    sender_dat TEXT,
    language TEXT NOT NULL,
    created BIGINT NOT NULL,
    password_changed BIGINT NOT NULL,
    must_change BIGINT NOT NULL,
    purge_after BIGINT
);
CREATE INDEX account_domain ON account (domain, key);
CREATE INDEX account_purge ON account (purge_after) WHERE purge_after IS NOT NULL;

-- kind 0: exact local part, 1: prefix, 2: any
CREATE TABLE alias (
    domain TEXT NOT NULL,
    kind BIGINT NOT NULL,
    local TEXT NOT NULL,
    target TEXT NOT NULL,
    target_key TEXT NOT NULL,
    created BIGINT NOT NULL,
    PRIMARY KEY (domain, kind, local)
) {compact};

CREATE TABLE list (
    id {id},
    key TEXT NOT NULL UNIQUE,
    address TEXT NOT NULL,
    domain TEXT NOT NULL,
    owner TEXT NOT NULL,
    posting BIGINT NOT NULL,
    subject_tag TEXT NOT NULL,
    description TEXT NOT NULL,
    created BIGINT NOT NULL
);

CREATE TABLE list_member (
    list BIGINT NOT NULL,
    key TEXT NOT NULL,
    address TEXT NOT NULL,
    since BIGINT NOT NULL,
    PRIMARY KEY (list, key)
) {compact};

-- Bodies --------------------------------------------------------------------

CREATE TABLE content (
    id {id},
    refs BIGINT NOT NULL,
    size BIGINT NOT NULL,
    hash {bytes} NOT NULL,
    file TEXT
);
CREATE INDEX content_file ON content (file) WHERE file IS NOT NULL;

-- Apart from content, so that counting references does not rewrite bodies.
CREATE TABLE body (content {key}, bytes {bytes} NOT NULL);

CREATE TABLE summary (
    content {key},
    header_len BIGINT NOT NULL,
    envelope {bytes} NOT NULL,
    structure {bytes} NOT NULL,
    bodystructure {bytes} NOT NULL
);

CREATE TABLE garbage (content {key});

-- Queue ---------------------------------------------------------------------

CREATE TABLE origin (id {id}, key TEXT NOT NULL UNIQUE, epoch BIGINT NOT NULL);

-- r, m, b: recipients, messages and octets by stage (0 incoming, 1 lists, 2 domains, 3 holding). A message
-- with recipients in two stages counts in both, but once in messages and bytes.
CREATE TABLE epoch (
    id {id},
    origin BIGINT NOT NULL,
    number BIGINT NOT NULL,
    held BIGINT NOT NULL,
    held_since BIGINT,
    held_reason TEXT,
    next_due BIGINT NOT NULL,
    r0 BIGINT NOT NULL, r1 BIGINT NOT NULL, r2 BIGINT NOT NULL, r3 BIGINT NOT NULL,
    m0 BIGINT NOT NULL, m1 BIGINT NOT NULL, m2 BIGINT NOT NULL, m3 BIGINT NOT NULL,
    b0 BIGINT NOT NULL, b1 BIGINT NOT NULL, b2 BIGINT NOT NULL, b3 BIGINT NOT NULL,
    messages BIGINT NOT NULL,
    bytes BIGINT NOT NULL
);
CREATE UNIQUE INDEX epoch_origin ON epoch (origin, number);
CREATE INDEX epoch_due ON epoch (next_due) WHERE held = 0;
CREATE INDEX epoch_held ON epoch (held_since) WHERE held = 1;

-- due is the earliest due time of its recipients, or the end of the lease while owner is set.
CREATE TABLE lane (
    id {id},
    epoch BIGINT NOT NULL,
    destination TEXT NOT NULL,
    due BIGINT NOT NULL,
    owner TEXT,
    claimed BIGINT NOT NULL
);
CREATE UNIQUE INDEX lane_place ON lane (epoch, destination);
CREATE INDEX lane_due ON lane (epoch, due);
CREATE INDEX lane_owner ON lane (owner) WHERE owner IS NOT NULL;

-- p: recipients left by stage
CREATE TABLE message (
    id {key},
    content BIGINT NOT NULL,
    epoch BIGINT NOT NULL,
    size BIGINT NOT NULL,
    relay_offset BIGINT NOT NULL,
    reverse_path TEXT,
    account TEXT,
    network TEXT NOT NULL,
    helo TEXT NOT NULL,
    header_from TEXT NOT NULL,
    message_id_header TEXT NOT NULL,
    subject TEXT NOT NULL,
    fingerprint BIGINT NOT NULL,
    smtputf8 BIGINT NOT NULL,
    eightbit BIGINT NOT NULL,
    dsn_ret TEXT,
    dsn_envid TEXT,
    received BIGINT NOT NULL,
    p0 BIGINT NOT NULL, p1 BIGINT NOT NULL, p2 BIGINT NOT NULL, p3 BIGINT NOT NULL
);

-- The id is that of the message with the recipient's number in its lowest 20 bits.
CREATE TABLE recipient (
    id {key},
    lane BIGINT NOT NULL,
    stage BIGINT NOT NULL,
    due BIGINT NOT NULL,
    address TEXT NOT NULL,
    notify BIGINT NOT NULL,
    orcpt TEXT,
    attempts BIGINT NOT NULL,
    warned BIGINT NOT NULL,
    code BIGINT,
    reply TEXT
);
CREATE INDEX recipient_due ON recipient (lane, due);

-- Folders -------------------------------------------------------------------

CREATE TABLE mailbox (
    id {id},
    account BIGINT NOT NULL,
    name TEXT NOT NULL,
    uidvalidity BIGINT NOT NULL,
    uidnext BIGINT NOT NULL,
    modseq BIGINT NOT NULL,
    messages BIGINT NOT NULL,
    unseen BIGINT NOT NULL,
    deleted BIGINT NOT NULL,
    size BIGINT NOT NULL,
    subscribed BIGINT NOT NULL,
    special TEXT,
    first_recent BIGINT NOT NULL,
    history_floor BIGINT NOT NULL
);
CREATE UNIQUE INDEX mailbox_name ON mailbox (account, name);

-- Deleted folders whose messages are not all gone yet.
CREATE TABLE mailbox_gone (mailbox {key});

CREATE TABLE keyword (
    mailbox BIGINT NOT NULL,
    bit BIGINT NOT NULL,
    name TEXT NOT NULL,
    PRIMARY KEY (mailbox, bit)
) {compact};

CREATE TABLE mail (
    mailbox BIGINT NOT NULL,
    uid BIGINT NOT NULL,
    content BIGINT NOT NULL,
    flags BIGINT NOT NULL,
    modseq BIGINT NOT NULL,
    date BIGINT NOT NULL,
    size BIGINT NOT NULL,
    PRIMARY KEY (mailbox, uid)
) {compact};

-- What changed in a folder after history_floor. kind 0: UIDs whose flags changed (and maybe others
-- between them), 1: UIDs that vanished. New messages need no line: their UIDs say it.
CREATE TABLE history (
    mailbox BIGINT NOT NULL,
    kind BIGINT NOT NULL,
    modseq BIGINT NOT NULL,
    first BIGINT NOT NULL,
    last BIGINT NOT NULL,
    PRIMARY KEY (mailbox, kind, modseq, first)
) {compact};

-- Journal -------------------------------------------------------------------

CREATE TABLE journal (
    id {count},
    at BIGINT NOT NULL,
    kind BIGINT NOT NULL,
    account TEXT,
    address TEXT,
    network TEXT,
    message TEXT,
    detail TEXT NOT NULL
);

-- Old entries first_id to last_id, one JSON line each, compressed.
CREATE TABLE journal_chunk (
    first_id {key},
    last_id BIGINT NOT NULL,
    first_at BIGINT NOT NULL,
    last_at BIGINT NOT NULL,
    entries BIGINT NOT NULL,
    bytes {bytes} NOT NULL
);
