-- Of a database that is being filled with the contents of another one: what is copied, and which run
-- of the program does it. The row goes when the copy is complete and compared; until then nothing else
-- opens the database. At most one row.

CREATE TABLE transfer (
    source     TEXT    NOT NULL PRIMARY KEY,
    run        TEXT    NOT NULL,
    started_at INTEGER NOT NULL
) STRICT;
