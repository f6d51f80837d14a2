-- A reference to a body by a message that was expunged, until somebody has the time to take it away.
CREATE TABLE expunged (id {id}, content BIGINT NOT NULL);
