-- Mails that were given up are few among many that were sent; metrics and `doctor` count them without
-- reading the others. The reading happens once, here, and locks out writers meanwhile: on a large
-- outbox make the index with CONCURRENTLY before the upgrade.

CREATE INDEX IF NOT EXISTS outbox_dead ON outbox (project, key) WHERE state = 'dead';
