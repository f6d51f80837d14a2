-- From which networks an account logged in: its owner is never locked out there.
CREATE TABLE login_place (
    account BIGINT NOT NULL,
    place TEXT NOT NULL,
    last BIGINT NOT NULL,
    PRIMARY KEY (account, place)
) {compact};
CREATE INDEX login_place_place ON login_place (place, last);
CREATE INDEX login_place_last ON login_place (last);

-- Lockouts in force. name: the login name, where one is concerned.
CREATE TABLE lockout (
    subject TEXT PRIMARY KEY,
    name TEXT,
    until BIGINT NOT NULL,
    detail TEXT NOT NULL
) {compact};

-- From where passwords may be used. kind 0: a domain's accounts, 1: one account
CREATE TABLE login_rule (
    kind BIGINT NOT NULL,
    owner BIGINT NOT NULL,
    networks TEXT NOT NULL,
    countries TEXT NOT NULL,
    PRIMARY KEY (kind, owner)
) {compact};
