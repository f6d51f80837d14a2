-- Browsers that are logged in to the console. token: SHA-256 of what the browser keeps. stage 0: in, 1: the code of the
-- second factor is missing, 2: the password must be changed first
CREATE TABLE console_session (
    token {bytes} PRIMARY KEY,
    account BIGINT NOT NULL,
    password_changed BIGINT NOT NULL,
    stage BIGINT NOT NULL,
    created BIGINT NOT NULL,
    seen BIGINT NOT NULL,
    until BIGINT NOT NULL,
    network TEXT NOT NULL,
    agent TEXT NOT NULL,
    tries BIGINT NOT NULL
) {compact};
CREATE INDEX console_session_account ON console_session (account);
CREATE INDEX console_session_until ON console_session (until);

-- Second factors. confirmed 0: being set up. step: the last time step whose code was used
CREATE TABLE console_factor (
    account BIGINT PRIMARY KEY,
    secret {bytes} NOT NULL,
    confirmed BIGINT NOT NULL,
    step BIGINT NOT NULL,
    created BIGINT NOT NULL
) {compact};

-- Codes for whoever has lost the second factor, as SHA-256; each works once.
CREATE TABLE console_recovery (
    account BIGINT NOT NULL,
    code {bytes} NOT NULL,
    PRIMARY KEY (account, code)
) {compact};

-- Tokens of programs. hash: SHA-256. scopes: names separated by blanks
CREATE TABLE console_token (
    id {id},
    account BIGINT NOT NULL,
    name TEXT NOT NULL,
    hash {bytes} NOT NULL UNIQUE,
    scopes TEXT NOT NULL,
    created BIGINT NOT NULL,
    used BIGINT,
    until BIGINT NOT NULL
);
CREATE INDEX console_token_account ON console_token (account);

-- Answers to acts of programs, so that a request that is sent twice acts once. status 0: still being done
CREATE TABLE console_answer (
    token BIGINT NOT NULL,
    key TEXT NOT NULL,
    request {bytes} NOT NULL,
    status BIGINT NOT NULL,
    body TEXT NOT NULL,
    at BIGINT NOT NULL,
    PRIMARY KEY (token, key)
) {compact};
CREATE INDEX console_answer_at ON console_answer (at);

-- Rule texts as they were before each change. account: whose, empty for the server's
CREATE TABLE rules_history (
    id {id},
    file TEXT NOT NULL,
    account TEXT NOT NULL,
    text TEXT NOT NULL,
    who TEXT NOT NULL,
    at BIGINT NOT NULL
);
CREATE INDEX rules_history_file ON rules_history (file, account, id);
