-- In which ways accounts logged in lately: door and proof, and what protected the connection:
-- wire 0: nothing, 1: TLS, 2: it came from the machine itself
CREATE TABLE login_way (
    account BIGINT NOT NULL,
    door TEXT NOT NULL,
    proof TEXT NOT NULL,
    wire BIGINT NOT NULL,
    last BIGINT NOT NULL,
    PRIMARY KEY (account, door, proof, wire)
) {compact};
CREATE INDEX login_way_last ON login_way (last);
