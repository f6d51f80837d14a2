-- Alerts about incidents that are still to be given to somebody. channel: webhook, command, owner.
CREATE TABLE alert (
    id {id},
    incident BIGINT,
    channel TEXT NOT NULL,
    body TEXT NOT NULL,
    attempts BIGINT NOT NULL,
    due BIGINT NOT NULL,
    created BIGINT NOT NULL
);
CREATE INDEX alert_due ON alert (due);
