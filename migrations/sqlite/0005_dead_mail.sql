-- Mails that were given up are few among many that were sent; metrics and `doctor` count them without
-- reading the others.

CREATE INDEX outbox_dead ON outbox (project, key) WHERE state = 'dead';
