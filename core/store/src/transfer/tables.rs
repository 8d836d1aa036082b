//! What a database holds: the one list of tables and columns that are moved.
//!
//! A test compares it with the migrated schema, so that a later migration cannot be forgotten.

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The id of a project.
    Id,
    /// Bytes.
    Bytes,
    /// A whole number.
    Number,
    /// A text.
    Text,
}

impl Kind {
    /// PostgreSQL's name of an array of such values.
    pub(crate) const fn array(self) -> &'static str {
        match self {
            Self::Id => "uuid[]",
            Self::Bytes => "bytea[]",
            Self::Number => "bigint[]",
            Self::Text => "text[]",
        }
    }
}

/// One column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Column {
    pub name: &'static str,
    pub kind: Kind,
    /// Whether it may be absent.
    pub nullable: bool,
}

impl Column {
    const fn new(name: &'static str, kind: Kind) -> Self {
        let nullable = false;
        Self {
            name,
            kind,
            nullable,
        }
    }

    const fn optional(self) -> Self {
        Self {
            nullable: true,
            ..self
        }
    }
}

const fn id(name: &'static str) -> Column {
    Column::new(name, Kind::Id)
}

const fn bytes(name: &'static str) -> Column {
    Column::new(name, Kind::Bytes)
}

const fn number(name: &'static str) -> Column {
    Column::new(name, Kind::Number)
}

const fn text(name: &'static str) -> Column {
    Column::new(name, Kind::Text)
}

/// One table. Its first columns are its primary key.
#[derive(Debug)]
pub(crate) struct Table {
    pub name: &'static str,
    pub columns: &'static [Column],
    /// How many columns the primary key has.
    pub key: usize,
}

impl Table {
    /// Whether its rows belong to projects: the key begins with the project's id.
    pub(crate) const fn of_projects(&self) -> bool {
        matches!(self.columns[0].kind, Kind::Id)
    }

    /// The columns of the primary key.
    pub(crate) fn keys(&self) -> &'static [Column] {
        &self.columns[..self.key]
    }
}

/// The tables whose rows are moved, those that others refer to first.
pub(crate) const TABLES: [Table; 11] = [
    Table {
        name: "document",
        columns: &[
            text("kind"),
            text("digest"),
            text("id"),
            text("version"),
            bytes("bytes"),
            number("position"),
            number("epoch").optional(),
        ],
        key: 2,
    },
    Table {
        name: "token",
        columns: &[
            text("hash"),
            text("actor"),
            text("roles"),
            number("at"),
            number("epoch").optional(),
            number("revoked_at").optional(),
        ],
        key: 1,
    },
    Table {
        name: "journal",
        columns: &[
            number("seq"),
            number("at"),
            text("actor"),
            text("payload"),
            text("prev_hash"),
            text("hash"),
        ],
        key: 1,
    },
    Table {
        name: "epoch",
        columns: &[
            number("number"),
            number("sealed_at"),
            number("leaves"),
            text("root"),
            text("previous"),
            text("hash"),
            text("key"),
            text("signature"),
        ],
        key: 1,
    },
    Table {
        name: "project",
        columns: &[
            id("id"),
            text("code"),
            text("name"),
            text("province"),
            number("version"),
            text("stage"),
            text("next_due").optional(),
            text("changed_by"),
            number("changed_at"),
            bytes("head"),
            text("state"),
        ],
        key: 1,
    },
    Table {
        name: "history",
        columns: &[
            id("project"),
            number("seq"),
            number("at"),
            text("actor"),
            text("payload"),
            bytes("prev_hash"),
            bytes("hash"),
        ],
        key: 2,
    },
    Table {
        name: "timer",
        columns: &[
            id("project"),
            text("key"),
            number("fire_at"),
            number("generation"),
        ],
        key: 2,
    },
    Table {
        name: "outbox",
        columns: &[
            id("project"),
            text("key"),
            number("seq"),
            number("ordinal"),
            number("not_before"),
            number("attempts"),
            text("state"),
            number("sent_at").optional(),
            text("last_error"),
            text("mail"),
        ],
        key: 2,
    },
    Table {
        name: "answer",
        columns: &[
            id("project"),
            text("key"),
            text("request"),
            text("response"),
            number("at"),
        ],
        key: 2,
    },
    Table {
        name: "unsealed",
        columns: &[id("project")],
        key: 1,
    },
    Table {
        name: "epoch_leaf",
        columns: &[
            id("project"),
            number("epoch"),
            number("version"),
            bytes("head"),
        ],
        key: 2,
    },
];

/// The projects' table.
pub(crate) fn projects() -> impl Iterator<Item = &'static Table> {
    TABLES.iter().filter(|table| table.of_projects())
}

/// The tables that belong to no project.
pub(crate) fn shared() -> impl Iterator<Item = &'static Table> {
    TABLES.iter().filter(|table| !table.of_projects())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use sqlx::{Connection, SqliteConnection};

    use super::*;
    use crate::sqlite::MIGRATIONS;

    /// Tables of one database's own: which migrations it has, which nodes use it, what is copied into it.
    const OWN_TABLES: [&str; 3] = ["_sqlx_migrations", "node", "transfer"];

    /// Columns that are NULL in a copy: whose work a row is at the moment.
    const OWN_COLUMNS: [(&str, &str); 2] = [("timer", "claim"), ("outbox", "claim")];

    /// Table, column, type, whether it may be absent, and its place in the primary key or 0.
    type Found = (String, String, String, bool, i64);

    async fn schema() -> Vec<Found> {
        let mut connection = SqliteConnection::connect("sqlite::memory:").await.unwrap();
        MIGRATIONS.run(&mut connection).await.unwrap();
        let columns = "
SELECT t.name, c.name, c.type, c.\"notnull\" = 0, c.pk
FROM sqlite_schema AS t JOIN pragma_table_info(t.name) AS c
WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite%'";
        let query = sqlx::query_as(columns);
        query.fetch_all(&mut connection).await.unwrap()
    }

    /// What the list says, in the schema's words.
    fn listed() -> BTreeSet<Found> {
        let rows = TABLES.iter().flat_map(|table| {
            table.columns.iter().enumerate().map(|(place, column)| {
                let kind = match column.kind {
                    Kind::Id | Kind::Bytes => "BLOB",
                    Kind::Number => "INTEGER",
                    Kind::Text => "TEXT",
                };
                let key = if place < table.key {
                    place as i64 + 1
                } else {
                    0
                };
                (
                    table.name.to_owned(),
                    column.name.to_owned(),
                    kind.to_owned(),
                    column.nullable,
                    key,
                )
            })
        });
        rows.collect()
    }

    #[tokio::test]
    async fn every_table_and_column_of_the_schema_is_listed() {
        let moved = |(table, column, ..): &Found| {
            let own = OWN_COLUMNS.contains(&(table, column));
            !OWN_TABLES.contains(&table.as_str()) && !own
        };
        let found: BTreeSet<Found> = schema().await.into_iter().filter(moved).collect();
        assert!(found.len() > 40, "{found:?}");
        assert_eq!(
            found,
            listed(),
            "a migration added something: say in `TABLES` how it is moved, or here why it is not"
        );
    }

    #[tokio::test]
    async fn what_is_not_moved_is_there_and_may_be_absent() {
        let schema = schema().await;
        for table in OWN_TABLES {
            assert!(schema.iter().any(|found| found.0 == table), "{table}");
        }
        for (table, column) in OWN_COLUMNS {
            let mut all = schema.iter();
            let found = all.find(|found| found.0 == table && found.1 == column);
            assert!(found.is_some_and(|found| found.3), "{table}.{column}");
        }
    }

    #[test]
    fn project_ids_are_ids() {
        for table in &TABLES {
            let first = table.columns[0].name;
            let named = matches!((table.name, first), ("project", "id") | (_, "project"));
            assert_eq!(table.of_projects(), named, "{}", table.name);
        }
    }
}
