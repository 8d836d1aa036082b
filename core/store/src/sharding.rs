//! Whether the schema and the statements would do on a database that is spread by project (level 2).
//!
//! Test only. A *hot* table is one that commands, timers or mails touch. Its primary key begins with the
//! project's id, and a statement on it says which projects it is about, so that a distributed
//! PostgreSQL keeps a project's rows on one machine and asks no other. What has to look across projects
//! stands in [`CROSSING`], each with the reason and how it is spread.

use std::{collections::BTreeSet, path::Path};

use sqlx::{Connection, SqliteConnection};

use crate::{postgres, sql as shared, sqlite};

/// Tables that belong to no project, and why that is no obstacle.
const COLD: [(&str, &str); 7] = [
    ("_sqlx_migrations", "read when a node starts"),
    (
        "document",
        "a few rows, never changed: a table on every machine",
    ),
    (
        "token",
        "a few rows, read by its hash: a table on every machine",
    ),
    (
        "journal",
        "a row for each token that is made or revoked, written by one node at a time",
    ),
    ("node", "a row for each start of a process"),
    (
        "epoch",
        "a row for up to 1,024 changed projects, written by one node at a time",
    ),
    ("transfer", "one row while a copy is made"),
];

/// Indexes of hot tables that do not begin with the project, and how they are spread.
const INDEXES: [(&str, &str, &str); 4] = [
    (
        "project",
        "code",
        "a global index, or a table of codes spread by code",
    ),
    (
        "timer",
        "fire_at",
        "local to each machine: the probe asks all and merges",
    ),
    (
        "outbox",
        "not_before",
        "local to each machine: the probe asks all and merges",
    ),
    (
        "epoch_leaf",
        "epoch",
        "local to each machine: a check asks all and merges",
    ),
];

/// Statements that look across projects: statement, hot tables, reason and how it is spread.
const CROSSING: &[(&str, &[&str], &str)] = &[
    ("shared FIND_CODE", &["project"], CODE),
    ("sqlite LOOK_UP", &["project"], CODE),
    ("postgres LOOK_UP", &["project"], CODE),
    ("postgres WRITE_GROUP", &["project"], CODE),
    ("sqlite LIST_FIRST", &["project"], LISTING),
    ("sqlite LIST_AFTER", &["project"], LISTING),
    ("postgres LIST_FIRST", &["project"], LISTING),
    ("postgres LIST_AFTER", &["project"], LISTING),
    ("sqlite DUE_TIMERS", &["timer"], DUE),
    ("sqlite DUE_MAIL", &["outbox"], DUE),
    ("sqlite NEXT_WAKE", &["timer", "outbox"], DUE),
    ("postgres DUE_TIMERS", &["timer"], DUE),
    ("postgres DUE_MAIL", &["outbox"], DUE),
    ("postgres CLAIM_TIMERS", &["timer"], DUE),
    ("postgres CLAIM_MAIL", &["outbox"], DUE),
    ("postgres NEXT_WAKE", &["timer", "outbox"], DUE),
    ("shared ANSWER_PLACES", &["answer"], FORGET),
    ("shared BACKLOG", &["timer", "outbox"], METRICS),
    ("shared UNSEALED", &["unsealed"], SEAL),
    ("shared MARK_UNMARKED", &["project"], SEAL),
    ("sqlite/seal.rs CHANGED", &["unsealed", "project"], SEAL),
    ("postgres/seal.rs MARKED", &["unsealed"], SEAL),
    ("sqlite/audit.rs EPOCH_LEAVES", &["epoch_leaf"], CHECK),
    ("postgres/audit.rs EPOCH_LEAVES", &["epoch_leaf"], CHECK),
    ("sqlite/audit.rs PROJECT_IDS", EVERYTHING, CHECK),
    ("postgres/audit.rs PROJECT_IDS", EVERYTHING, CHECK),
];

const EVERYTHING: &[&str] = &[
    "project",
    "history",
    "timer",
    "outbox",
    "answer",
    "unsealed",
    "epoch_leaf",
];

const CODE: &str = "a code is looked up in its unique index, which is spread by code";
const LISTING: &str =
    "a page of a list for people: each machine gives its first rows, which are merged";
const DUE: &str = "the probe of a queue: each machine looks at the front of its own index; nodes may \
    also be given machines of their own";

const FORGET: &str =
    "removing what is over is a worker's work in pages: each machine goes through its own";

const METRICS: &str = "counts for the operator, limited and remembered for a while: each machine \
    gives its own, which are added";
const SEAL: &str = "sealing is one node's work beside the commands: each machine gives its first \
    marks, and the epoch's rows are few";
const CHECK: &str = "a check reads everything, machine by machine, and hurries nobody";

/// Folders and files with statements that are no part of the hot path.
const ELSEWHERE: [(&str, &str); 1] = [(
    "transfer",
    "a copy reads and writes everything, in ranges of project ids",
)];

/// All statements: those of the files named sql.rs, and those written beside what uses them.
fn statements() -> Vec<(String, String)> {
    let all = [
        ("shared", shared::ALL),
        ("sqlite", sqlite::STATEMENTS),
        ("postgres", postgres::STATEMENTS),
    ];
    let named = |(database, list): (&str, &[(&str, &'static str)])| {
        let entries = list.iter();
        entries
            .map(|(name, text)| (format!("{database} {name}"), (*text).to_owned()))
            .collect::<Vec<_>>()
    };
    let mut statements: Vec<_> = all.into_iter().flat_map(named).collect();
    for (file, text) in other_files() {
        let written = constants(&text).into_iter();
        statements.extend(written.map(|(name, text)| (format!("{file} {name}"), text)));
    }
    statements
}

/// The sources that are not named sql.rs, by their path below `src`.
fn other_files() -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    let mut open = vec![folder.clone()];
    while let Some(place) = open.pop() {
        if place.is_dir() {
            let inside = std::fs::read_dir(&place).unwrap();
            open.extend(inside.map(|entry| entry.unwrap().path()));
            continue;
        }
        let name = place.strip_prefix(&folder).unwrap().display().to_string();
        let exempt = ELSEWHERE.iter().any(|(start, _)| name.starts_with(start));
        if !exempt && !name.ends_with("sql.rs") && name != "sharding.rs" && name.ends_with(".rs") {
            files.push((name, std::fs::read_to_string(&place).unwrap()));
        }
    }
    files
}

/// The text constants of a source: name and text.
fn constants(source: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for part in source.split("const ").skip(1) {
        let Some((name, rest)) = part.split_once(": &str =") else {
            continue;
        };
        let text = rest.trim_start().strip_prefix('"');
        if let Some((text, _)) = text.and_then(|text| text.split_once("\";"))
            && name.chars().all(|c| c.is_ascii_uppercase() || c == '_')
        {
            found.push((name.to_owned(), text.to_owned()));
        }
    }
    found
}

/// The tables of the migrated schema that are not listed as cold.
async fn hot_tables(connection: &mut SqliteConnection) -> Vec<String> {
    sqlite::MIGRATIONS.run(&mut *connection).await.unwrap();
    let tables: Vec<String> = sqlx::query_scalar(
        "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%'",
    )
    .fetch_all(connection)
    .await
    .unwrap();
    for (cold, _) in COLD {
        assert!(tables.iter().any(|table| table == cold), "{cold} is gone");
    }
    let cold = |table: &String| COLD.iter().any(|(name, _)| name == table);
    tables.into_iter().filter(|table| !cold(table)).collect()
}

async fn memory() -> SqliteConnection {
    SqliteConnection::connect("sqlite::memory:").await.unwrap()
}

/// The column that says which project a row belongs to.
fn project_column(table: &str) -> &'static str {
    if table == "project" { "id" } else { "project" }
}

#[tokio::test]
async fn keys_of_hot_tables_begin_with_the_project() {
    let mut connection = memory().await;
    let hot = hot_tables(&mut connection).await;
    assert!(hot.len() >= 5, "{hot:?}");
    for table in &hot {
        let first: Option<String> =
            sqlx::query_scalar("SELECT name FROM pragma_table_info($1) WHERE pk = 1")
                .bind(table)
                .fetch_optional(&mut connection)
                .await
                .unwrap();
        assert_eq!(
            first.as_deref(),
            Some(project_column(table)),
            "the primary key of {table} must begin with the project, or the table be listed as cold"
        );
    }
}

#[tokio::test]
async fn indexes_of_hot_tables_begin_with_the_project_or_are_listed() {
    let mut connection = memory().await;
    let hot = hot_tables(&mut connection).await;
    let indexes: Vec<(String, String)> = sqlx::query_as(
        "SELECT l.tbl_name, i.name FROM sqlite_schema AS l JOIN pragma_index_info(l.name) AS i
         WHERE l.type = 'index' AND i.seqno = 0",
    )
    .fetch_all(&mut connection)
    .await
    .unwrap();
    let found: BTreeSet<(&str, &str)> = indexes
        .iter()
        .filter(|(table, first)| hot.contains(table) && project_column(table) != first)
        .map(|(table, first)| (table.as_str(), first.as_str()))
        .collect();
    let listed: BTreeSet<_> = INDEXES
        .iter()
        .map(|(table, first, _)| (*table, *first))
        .collect();
    assert_eq!(found, listed, "say in `INDEXES` how it is spread");
}

#[tokio::test]
async fn statements_on_hot_tables_say_which_projects() {
    let hot = hot_tables(&mut memory().await).await;
    let mut found = BTreeSet::new();
    for (name, text) in statements() {
        for table in crossings(&text, &hot) {
            found.insert((name.clone(), table));
        }
    }
    let listed: BTreeSet<_> = CROSSING
        .iter()
        .flat_map(|(name, tables, _)| tables.iter().map(|table| (*name, *table)))
        .map(|(name, table)| (name.to_owned(), table.to_owned()))
        .collect();
    let new: Vec<_> = found.difference(&listed).collect();
    assert!(new.is_empty(), "looks across projects: {new:?}");
    let gone: Vec<_> = listed.difference(&found).collect();
    assert!(gone.is_empty(), "listed, but no longer so: {gone:?}");
}

/// The check itself finds what it is there to find.
#[test]
fn bad_statements_are_found() {
    let hot: Vec<String> = ["project", "history", "timer", "outbox"]
        .map(str::to_owned)
        .to_vec();
    let bad = [
        ("DELETE FROM timer WHERE key = $1", "timer"),
        (
            "UPDATE outbox SET state = 'x' WHERE not_before < $1",
            "outbox",
        ),
        ("UPDATE history SET project = $1", "history"),
        ("SELECT count(*) FROM history", "history"),
        (
            "SELECT 1 FROM project AS p JOIN timer AS t ON t.key = p.code WHERE p.id = $1",
            "timer",
        ),
        (
            "SELECT 1 FROM project AS p, timer AS t WHERE p.id = $1",
            "timer",
        ),
        (
            "SELECT 1 FROM timer WHERE project = $1 OR key = $2",
            "timer",
        ),
        (
            "SELECT 1 FROM timer WHERE (project = $1 OR key = $2)",
            "timer",
        ),
        (
            "SELECT (SELECT max(seq) FROM history) FROM project WHERE id = $1",
            "history",
        ),
        (
            "SELECT 1 FROM project WHERE id = $1 UNION ALL SELECT 1 FROM outbox",
            "outbox",
        ),
        (
            "WITH d AS (SELECT key FROM timer) DELETE FROM outbox WHERE project = $1",
            "timer",
        ),
        ("INSERT INTO timer (key, fire_at) VALUES ($1, $2)", "timer"),
        ("SELECT 1 FROM project WHERE id > $1", "project"),
        (
            "SELECT 1 FROM outbox AS o JOIN node AS n ON n.epoch = o.claim",
            "outbox",
        ),
    ];
    for (text, table) in bad {
        assert_eq!(crossings(text, &hot), [table], "{text}");
    }
    for text in [
        "SELECT 1 FROM project AS p JOIN timer AS t ON t.project = p.id",
        "SELECT 1 FROM project AS p JOIN timer AS t ON p.id = t.project WHERE t.fire_at < $1",
    ] {
        assert_eq!(crossings(text, &hot), ["project", "timer"], "{text}");
    }
    let good = [
        "SELECT 1 FROM project WHERE id = $1",
        "SELECT 1 FROM project AS p JOIN timer AS t ON t.project = p.id WHERE p.id = $1",
        "DELETE FROM timer WHERE (project, key) IN (SELECT a, b FROM jsonb_each($1))",
        "INSERT INTO timer (project, key) SELECT * FROM unnest($1::uuid[]) AS s (project)",
        "SELECT extract(epoch FROM now()) FROM project WHERE id = ANY ($1)",
    ];
    for text in good {
        assert!(crossings(text, &hot).is_empty(), "{text}");
    }
}

#[test]
fn every_statement_is_listed() {
    let files = [
        ("shared", include_str!("sql.rs"), shared::ALL),
        ("sqlite", include_str!("sqlite/sql.rs"), sqlite::STATEMENTS),
        (
            "postgres",
            include_str!("postgres/sql.rs"),
            postgres::STATEMENTS,
        ),
    ];
    for (database, text, all) in files {
        let listed: BTreeSet<&str> = all.iter().map(|(name, _)| *name).collect();
        let names = text.lines().filter_map(|line| {
            let name = line.trim().strip_prefix("pub(crate) const ")?;
            name.split_once(": &str =").map(|(name, _)| name)
        });
        let written: BTreeSet<&str> = names.collect();
        assert!(written.len() > 8, "{written:?}");
        assert_eq!(written, listed, "`ALL` in {database}'s sql.rs lists them");
    }
}

/// A statement on a hot table is a constant, where the check sees it.
#[tokio::test]
async fn no_statement_is_hidden() {
    let hot = hot_tables(&mut memory().await).await;
    let files = other_files();
    assert!(files.len() > 10, "the search found {} files", files.len());
    for (name, mut text) in files {
        for (_, seen) in constants(&text) {
            text = text.replace(&seen, "");
        }
        for table in &hot {
            for verb in ["FROM", "JOIN", "INTO", "UPDATE"] {
                let statement = format!("{verb} {table}");
                let found = text.match_indices(&statement).any(|(at, found)| {
                    let after = text[at + found.len()..].chars().next();
                    !after.is_some_and(|c| c.is_alphanumeric() || c == '_')
                });
                assert!(!found, "{name} has a statement of its own: {statement} …");
            }
        }
    }
}

/// Hot tables that a statement uses without saying which projects it means.
fn crossings(sql: &str, hot: &[String]) -> Vec<String> {
    let mut found = Vec::new();
    for scope in scopes(&tokens(sql)) {
        let mut open: Vec<_> = references(&scope)
            .into_iter()
            .filter(|reference| hot.contains(&reference.table))
            .collect();
        // A row that is bound to a row that is bound is bound itself; two that are only bound to each
        // other are not.
        loop {
            let aliases: BTreeSet<String> = open.iter().map(|r| r.alias.clone()).collect();
            let before = open.len();
            open.retain(|reference| !reference.is_bound(&scope, &aliases));
            if open.len() == before {
                break;
            }
        }
        found.extend(open.into_iter().map(|reference| reference.table));
    }
    found
}

/// Words in lower case, punctuation as single characters; texts are of no interest.
fn tokens(sql: &str) -> Vec<String> {
    let mut tokens = Vec::new();
    let mut rest = sql.chars().peekable();
    while let Some(c) = rest.next() {
        if c == '\'' {
            rest.by_ref().find(|c| *c == '\'').unwrap();
            tokens.push("''".to_owned());
        } else if c.is_alphanumeric() || c == '_' || c == '$' {
            let mut word = String::from(c);
            while let Some(c) = rest.next_if(|c| c.is_alphanumeric() || *c == '_') {
                word.push(c);
            }
            tokens.push(word.to_lowercase());
        } else if !c.is_whitespace() {
            tokens.push(c.to_string());
        }
    }
    tokens
}

/// The statements and subqueries of a text, each without those inside it.
fn scopes(tokens: &[String]) -> Vec<Vec<String>> {
    let mut done = Vec::new();
    // Each with the number of its own open parentheses.
    let mut open: Vec<(Vec<String>, usize)> = vec![(Vec::new(), 0)];
    let begins = |word: Option<&String>| {
        let verbs = ["select", "insert", "update", "delete", "with"];
        word.is_some_and(|word| verbs.contains(&word.as_str()))
    };
    for (place, token) in tokens.iter().enumerate() {
        let (scope, depth) = open.last_mut().unwrap();
        match token.as_str() {
            "(" if begins(tokens.get(place + 1)) => {
                scope.extend(["(".to_owned(), ")".to_owned()]);
                open.push((Vec::new(), 0));
            }
            "(" => {
                scope.push(token.clone());
                *depth += 1;
            }
            ")" if *depth == 0 => {
                assert!(open.len() > 1, "unbalanced parentheses");
                done.push(open.pop().unwrap().0);
            }
            ")" => {
                scope.push(token.clone());
                *depth -= 1;
            }
            "union" | ";" if *depth == 0 => done.push(std::mem::take(scope)),
            _ => scope.push(token.clone()),
        }
    }
    assert_eq!(open.len(), 1, "unbalanced parentheses");
    done.extend(open.pop().map(|(scope, _)| scope));
    done
}

/// A table that a statement names.
struct Reference {
    table: String,
    alias: String,
    /// Where the columns begin if rows are added to it.
    columns: Option<usize>,
    /// Whether it is the only one of its statement.
    alone: bool,
}

/// The tables of a statement, without those of its subqueries.
fn references(scope: &[String]) -> Vec<Reference> {
    let word = |place: usize| scope.get(place).map_or("", String::as_str);
    let mut found: Vec<Reference> = Vec::new();
    let (mut depth, mut expected, mut list) = (0, false, false);
    let mut place = 0;
    while place < scope.len() {
        let token = word(place);
        match token {
            "(" => depth += 1,
            ")" => depth -= 1,
            "from" if depth == 0 && word(place.wrapping_sub(1)) != "distinct" => {
                (expected, list) = (true, true);
            }
            "join" | "using" | "into" | "update" if depth == 0 => {
                (expected, list) = (true, matches!(token, "using" | "join"));
            }
            "," if depth == 0 && list => expected = true,
            "where" | "set" | "on" | "order" | "group" | "returning" if depth == 0 => {
                (expected, list) = (false, token == "on" && list);
            }
            _ if expected && depth == 0 => {
                expected = false;
                // A function or a subquery is no table.
                if word(place + 1) != "(" || matches!(word(place.wrapping_sub(1)), "into") {
                    let aliased = usize::from(word(place + 1) == "as");
                    let alias = match word(place + 1 + aliased) {
                        next if aliased == 1 => next,
                        _ => token,
                    };
                    let added = word(place.wrapping_sub(1)) == "into";
                    found.push(Reference {
                        table: token.to_owned(),
                        alias: alias.to_owned(),
                        columns: added.then_some(place + 1),
                        alone: false,
                    });
                }
            }
            _ => {}
        }
        place += 1;
    }
    let alone = found.len() == 1;
    for reference in &mut found {
        reference.alone = alone;
    }
    found
}

impl Reference {
    /// Whether the statement says which projects' rows it means, by something other than the rows of
    /// the `open` aliases.
    fn is_bound(&self, scope: &[String], open: &BTreeSet<String>) -> bool {
        let column = project_column(&self.table);
        let word = |place: usize| scope.get(place).map_or("", String::as_str);
        if let Some(columns) = self.columns {
            return word(columns) == "(" && word(columns + 1) == column;
        }
        let is_key = |place: usize| {
            let qualified = word(place.wrapping_sub(1)) == ".";
            let own = word(place.wrapping_sub(2));
            word(place) == column
                && if qualified {
                    own == self.alias
                } else {
                    self.alone
                }
        };
        // What stands there is a column of a row that is itself to be found.
        let is_open = |place: usize| word(place + 1) == "." && open.contains(word(place));
        let (mut depth, mut conditions, mut bound) = (0, false, false);
        for place in 0..scope.len() {
            match word(place) {
                "(" if conditions && depth == 0 && is_key(place + 1) => {
                    let close = (place..scope.len()).find(|p| word(*p) == ")");
                    bound |= close.is_some_and(|close| word(close + 1) == "in");
                    depth += 1;
                }
                "(" => depth += 1,
                ")" => depth -= 1,
                "where" | "on" if depth == 0 => conditions = word(place + 1) != "conflict",
                // What stands on the other side need not hold.
                "or" if depth == 0 && conditions => return false,
                _ if depth == 0 && conditions && is_key(place) => {
                    let qualified = word(place.wrapping_sub(1)) == ".";
                    let before = place.wrapping_sub(if qualified { 3 } else { 1 });
                    bound |= match word(place + 1) {
                        "in" => true,
                        "=" => !is_open(place + 2),
                        _ => false,
                    };
                    // The other side is `alias . column`, three words, or a single one.
                    let other = before.wrapping_sub(3);
                    bound |= word(before) == "=" && !is_open(other);
                }
                _ => {}
            }
        }
        bound
    }
}
