//! F21: programs and databases whose ages differ by one.

use std::{path::Path, sync::Arc};

use liucheng_engine::{
    audit::{
        Code,
        journal::{Act, Entry},
        verify::verify,
    },
    ports::{CommitError, Instant, MailOutcome, Seal, Store},
};
use liucheng_store::{Options, connect, latest_schema_version};
use sqlx::{
    AssertSqlSafe, Connection, PgConnection, SqliteConnection, migrate::Migrator,
    sqlite::SqliteConnectOptions,
};

use crate::{
    samples::{answer, change, id, mail, opening, timer},
    server,
};

const READ_ONLY: Options = Options {
    read_only: true,
    ..Options::DEFAULT
};

/// A database of either kind, reached without the store.
enum Raw {
    Sqlite(tempfile::TempDir),
    Postgres(String),
}

impl Raw {
    /// One of each kind there is.
    async fn all() -> Vec<Self> {
        let mut all = vec![Self::Sqlite(tempfile::tempdir().unwrap())];
        if let Some(server) = server::shared() {
            all.push(Self::Postgres(server.database().await));
        }
        all
    }

    fn location(&self) -> String {
        match self {
            Self::Sqlite(folder) => folder.path().join("old.db").display().to_string(),
            Self::Postgres(url) => url.clone(),
        }
    }

    async fn sqlite(&self) -> SqliteConnection {
        let options = SqliteConnectOptions::new()
            .filename(self.location())
            .create_if_missing(true);
        SqliteConnection::connect_with(&options).await.unwrap()
    }

    /// Applies the migrations up to a version.
    async fn migrate_to(&self, version: i64) {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../migrations");
        let kind = match self {
            Self::Sqlite(_) => "sqlite",
            Self::Postgres(_) => "postgres",
        };
        let migrator = Migrator::new(folder.join(kind).as_path()).await.unwrap();
        match self {
            Self::Sqlite(_) => {
                let mut connection = self.sqlite().await;
                migrator.run_to(version, &mut connection).await.unwrap();
                connection.close().await.unwrap();
            }
            Self::Postgres(url) => {
                let mut connection = PgConnection::connect(url).await.unwrap();
                migrator.run_to(version, &mut connection).await.unwrap();
                connection.close().await.unwrap();
            }
        }
    }

    async fn execute(&self, sql: String) {
        match self {
            Self::Sqlite(_) => {
                let mut connection = self.sqlite().await;
                let query = sqlx::raw_sql(AssertSqlSafe(sql));
                query.execute(&mut connection).await.unwrap();
                connection.close().await.unwrap();
            }
            Self::Postgres(url) => {
                let mut connection = PgConnection::connect(url).await.unwrap();
                let query = sqlx::raw_sql(AssertSqlSafe(sql));
                query.execute(&mut connection).await.unwrap();
                connection.close().await.unwrap();
            }
        }
    }

    /// Bytes as the database writes them.
    fn bytes(&self, hex: &str) -> String {
        match self {
            Self::Sqlite(_) => format!("x'{hex}'"),
            Self::Postgres(_) => format!("'\\x{hex}'::bytea"),
        }
    }

    fn id(&self, number: u128) -> String {
        match self {
            Self::Sqlite(_) => format!("x'{}'", id(number).0.simple()),
            Self::Postgres(_) => format!("'{}'::uuid", id(number)),
        }
    }

    /// Rows as a program of the first schema wrote them: later migrations only add.
    async fn fill(&self, number: u128) {
        let (first, last) = (change(id(number), 0, "li"), change(id(number), 1, "li"));
        let (project, row) = (self.id(number), &last.row);
        let text = |text: &str| format!("'{}'", text.replace('\'', "''"));
        let mut sql = format!(
            "INSERT INTO project (id, code, name, province, version, stage, next_due, changed_by,
                changed_at, head, state)
             VALUES ({project}, {}, {}, {}, 2, {}, '2026-12-01', 'li', {}, {}, {});",
            text(&row.code),
            text(&row.name),
            text(&row.province),
            text(&row.stage),
            row.changed_at.0,
            self.bytes(&row.head),
            text(&row.state),
        );
        for record in [&first.record, &last.record] {
            sql += &format!(
                "INSERT INTO history (project, seq, at, actor, payload, prev_hash, hash)
                 VALUES ({project}, {}, {}, 'li', {}, {}, {});",
                record.seq,
                record.at.0,
                text(&record.payload),
                self.bytes(&record.prev_hash),
                self.bytes(&record.hash),
            );
        }
        let letter = serde_json::to_string(&mail(id(number), "m", 10).mail).unwrap();
        sql += &format!(
            "INSERT INTO timer (project, key, fire_at, generation) VALUES ({project}, 't', 10, 2);
             INSERT INTO outbox (project, key, seq, ordinal, not_before, attempts, mail)
             VALUES ({project}, 'm', 2, 0, 10, 0, {});
             INSERT INTO answer (project, key, request, response, at)
             VALUES ({project}, 'k', '{}', '{{}}', 5);",
            text(&letter),
            "ab".repeat(32),
        );
        self.execute(sql).await;
    }
}

#[tokio::test]
async fn a_database_of_the_version_before_is_migrated_and_goes_on() {
    let (latest, before) = (latest_schema_version(), latest_schema_version() - 1);
    for raw in Raw::all().await {
        raw.migrate_to(before).await;
        raw.fill(1).await;
        raw.fill(2).await;
        // A reader may not migrate.
        let refused = connect(&raw.location(), READ_ONLY).await.map(drop);
        let refused = refused.unwrap_err();
        assert_eq!(refused.code(), "E-STORE-MIGRATIONS-BEHIND");
        assert!(
            refused.to_string().contains(&latest.to_string()),
            "{refused}"
        );

        let store = connect(&raw.location(), Options::DEFAULT).await.unwrap();
        reads(&*store).await;
        goes_on(&*store).await;
        store.close().await;
        let reader = connect(&raw.location(), READ_ONLY).await.unwrap();
        assert_eq!(reader.load(id(1)).await.unwrap().unwrap().version, 3);
    }
}

/// Tokens of before the journal are noted once; who adds one past the program later is found.
#[tokio::test]
async fn tokens_of_before_the_journal_are_noted_once() {
    for raw in Raw::all().await {
        raw.migrate_to(5).await;
        let token = |hash: &str| {
            let hash = hash.repeat(64);
            format!("INSERT INTO token (hash, actor, roles, at) VALUES ('{hash}', 'li', '*', 5)")
        };
        raw.execute(token("a")).await;
        let opened = async || connect(&raw.location(), Options::DEFAULT).await.unwrap();
        let store = opened().await;
        let first = Entry::open(&store.journal(1, 9).await.unwrap()[0]).unwrap();
        let found = store.token(&"a".repeat(64)).await.unwrap().unwrap();
        assert_eq!((first.seq, first.act), (2, Act::TokenFound(found)));
        assert!(verify(&*store).await.unwrap().is_empty());
        store.close().await;
        raw.execute(token("b")).await;
        let store = opened().await;
        assert_eq!(store.journal(0, 9).await.unwrap().len(), 2);
        let checks = verify(&*store).await.unwrap();
        let codes: Vec<_> = checks[0].problems.iter().map(|p| p.code).collect();
        assert_eq!(codes, [Code::Token]);
        // A journal that epochs speak of does not begin again.
        let seal = Seal {
            at: Instant(1),
            signer: None,
            unmarked: false,
        };
        store.seal(seal).await.unwrap().unwrap();
        store.close().await;
        raw.execute("DELETE FROM journal".to_owned()).await;
        let store = opened().await;
        assert_eq!(store.journal(0, 9).await.unwrap(), []);
        let checks = verify(&*store).await.unwrap();
        assert!(checks[0].problems.iter().any(|p| p.code == Code::Journal));
        store.close().await;
    }
}

/// What the older program wrote is all there.
async fn reads(store: &dyn Store) {
    let row = store.load(id(1)).await.unwrap().unwrap();
    assert_eq!(row, change(id(1), 1, "li").row);
    let history = store.history(id(1), 0, 9).await.unwrap();
    let written = [0, 1].map(|expected| change(id(1), expected, "li").record);
    assert_eq!(history, written);
    assert_eq!(
        store.timers(id(1)).await.unwrap(),
        [timer(id(1), "t", 10, 2)]
    );
    let mails = store.mail(id(1)).await.unwrap();
    assert_eq!(mails[0].row, mail(id(1), "m", 10));
    let given = store.answer(id(1), "k").await.unwrap();
    assert_eq!(given, Some(answer("k", "{}")));
}

/// Open projects are worked on: a command, a repeated one, timers and mails that fall due.
async fn goes_on(store: &dyn Store) {
    let due = store.due_timers(Instant(11), 9).await.unwrap();
    assert_eq!(due.len(), 2);
    let mut repeated = change(id(1), 2, "li");
    repeated.answer = Some(answer("k", "{\"other\":1}"));
    let refused = store.commit(repeated).await;
    assert_eq!(refused, Err(CommitError::Repeated(answer("k", "{}"))));
    let mut commit = change(id(1), 2, "li");
    commit.clear_timers = vec!["t".to_owned()];
    commit.outbox = vec![mail(id(1), "n", 20)];
    store.commit(commit).await.unwrap();
    assert_eq!(store.due_mail(Instant(11), 9).await.unwrap().len(), 2);
    let sent = MailOutcome::Sent(Instant(12));
    store.finish_mail(id(1), "m", sent).await.unwrap();
    assert_eq!(store.due_mail(Instant(30), 9).await.unwrap().len(), 2);
    store.commit(opening(3)).await.unwrap();
}

/// Nodes of both ages: the newer one has come and has added what the older one does not know.
#[tokio::test]
async fn a_running_program_outlives_a_newer_schema() {
    for raw in Raw::all().await {
        raw.migrate_to(latest_schema_version()).await;
        raw.fill(1).await;
        raw.fill(2).await;
        let store: Arc<dyn Store> = connect(&raw.location(), Options::DEFAULT).await.unwrap();
        let reader = connect(&raw.location(), READ_ONLY).await.unwrap();
        let tables = [
            "project", "history", "timer", "outbox", "answer", "document", "token",
        ];
        let mut sql = String::from("CREATE TABLE later (id BIGINT NOT NULL PRIMARY KEY);");
        for table in tables {
            sql += &format!("ALTER TABLE {table} ADD COLUMN later_text TEXT;");
            sql +=
                &format!("ALTER TABLE {table} ADD COLUMN later_count BIGINT NOT NULL DEFAULT 0;");
        }
        sql += &format!(
            "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
             VALUES ({}, 'later', true, {}, 0);",
            latest_schema_version() + 1,
            raw.bytes("00"),
        );
        if matches!(raw, Raw::Sqlite(_)) {
            sql = sql.replace("BIGINT", "INTEGER");
        }
        raw.execute(sql).await;
        reads(&*store).await;
        goes_on(&*store).await;
        assert_eq!(reader.load(id(1)).await.unwrap().unwrap().version, 3);
        store.close().await;
        // Only what starts anew is refused.
        for options in [Options::DEFAULT, READ_ONLY] {
            let refused = connect(&raw.location(), options).await.map(drop);
            assert_eq!(refused.unwrap_err().code(), "E-STORE-NEWER");
        }
    }
}
