-- Passwords of single programs. verifier: a keyed hash of the secret. protocols, networks: lists with commas, empty for
-- all. revoked: since when it is good for nothing.
CREATE TABLE app_password (
    id {id},
    account BIGINT NOT NULL,
    name TEXT NOT NULL,
    verifier {bytes} NOT NULL,
    protocols TEXT NOT NULL,
    networks TEXT NOT NULL,
    created BIGINT NOT NULL,
    created_by TEXT NOT NULL,
    expires BIGINT,
    revoked BIGINT,
    used BIGINT,
    used_network TEXT,
    used_protocol TEXT
);
CREATE UNIQUE INDEX app_password_name ON app_password (account, name);
CREATE UNIQUE INDEX app_password_verifier ON app_password (account, verifier);

-- Accounts whose password may be kept in a form that can be read. sealed: the encrypted password, once it is known.
CREATE TABLE recoverable (
    account {key},
    since BIGINT NOT NULL,
    hash TEXT NOT NULL,
    sealed {bytes}
);
