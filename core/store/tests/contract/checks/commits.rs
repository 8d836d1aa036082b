//! Changes of projects: all or nothing, in order, once.

use std::sync::Arc;

use liucheng_engine::ports::{Commit, CommitError, Instant, MailOutcome, Page, Store};

use super::Database;
use crate::samples::{answer, change, id, mail, opening, timer, together};

pub async fn load_gives_what_was_committed(database: &impl Database) {
    let store = database.open().await;
    let mut commit = opening(1);
    commit.answer = Some(answer("k", "{\"ok\":true}"));
    commit.set_timers = vec![timer(id(1), "t", 9, 1)];
    commit.outbox = vec![mail(id(1), "m", 3)];
    store.commit(commit.clone()).await.unwrap();
    assert_eq!(store.load(id(1)).await.unwrap(), Some(commit.row.clone()));
    assert_eq!(store.find_code("YZ-1").await.unwrap(), Some(id(1)));
    let history = store.history(id(1), 0, 10).await.unwrap();
    assert_eq!(history, vec![commit.record]);
    assert_eq!(store.answer(id(1), "k").await.unwrap(), commit.answer);
    assert_eq!(store.timers(id(1)).await.unwrap(), commit.set_timers);
    assert_eq!(store.due_mail(Instant(3), 9).await.unwrap(), commit.outbox);

    let mut second = change(id(1), 1, "wang");
    second.row.name = "改名".to_owned();
    second.row.next_due = None;
    store.commit(second.clone()).await.unwrap();
    assert_eq!(store.load(id(1)).await.unwrap(), Some(second.row));
}

pub async fn many_are_loaded_at_once(database: &impl Database) {
    let store = database.open().await;
    let commits = [opening(1), opening(2), opening(3)];
    for commit in commits.clone() {
        store.commit(commit).await.unwrap();
    }
    assert_eq!(store.load_all(&[]).await.unwrap(), []);
    let mut rows = store.load_all(&[id(3), id(1), id(9)]).await.unwrap();
    rows.sort_by_key(|row| row.id);
    assert_eq!(rows, [commits[0].row.clone(), commits[2].row.clone()]);
}

pub async fn chinese_and_control_characters_survive(database: &impl Database) {
    let store = database.open().await;
    for (n, text) in [
        "固原市原州区民政局",
        "\u{1}\t\r\n\u{7f}\u{2028}",
        "𠮷野家👩‍👩‍👧‍👦\u{FFFD}\u{FEFF}",
        "'; DROP TABLE project; -- \" \\ / $1 ?1",
        "",
        "123",
        "null",
        "[1,{}]",
        "\\u0041",
    ]
    .into_iter()
    .enumerate()
    {
        let mut commit = opening(n as u128 + 1);
        commit.row.name = text.to_owned();
        commit.row.state = text.to_owned();
        commit.row.changed_by = text.to_owned();
        commit.record.payload = text.to_owned();
        commit.answer = Some(answer(text, text));
        commit.set_timers = vec![timer(commit.row.id, text, -1, 0)];
        store.commit(commit.clone()).await.unwrap();
        let id = commit.row.id;
        assert_eq!(store.load(id).await.unwrap(), Some(commit.row));
        assert_eq!(store.history(id, 0, 1).await.unwrap(), [commit.record]);
        assert_eq!(store.answer(id, text).await.unwrap(), commit.answer);
        assert_eq!(store.timers(id).await.unwrap(), commit.set_timers);
    }
}

pub async fn unknown_things_are_absent(database: &impl Database) {
    let store = database.open().await;
    assert_eq!(store.load(id(9)).await.unwrap(), None);
    assert_eq!(store.find_code("none").await.unwrap(), None);
    assert_eq!(store.answer(id(9), "k").await.unwrap(), None);
    assert_eq!(store.history(id(9), 0, 9).await.unwrap(), []);
    assert_eq!(store.timers(id(9)).await.unwrap(), []);
    assert_eq!(store.mail(id(9)).await.unwrap(), []);
    assert_eq!(store.next_wake().await.unwrap(), None);
    assert_eq!(store.document("calendar", "x").await.unwrap(), None);
    assert_eq!(store.token("x").await.unwrap(), None);
    assert_eq!(store.token_count().await.unwrap(), 0);
    store.postpone_timer(timer(id(9), "t", 1, 1)).await.unwrap();
    let sent = MailOutcome::Sent(Instant(1));
    store.finish_mail(id(9), "m", sent).await.unwrap();
}

pub async fn stale_version_names_who_and_when(database: &impl Database) {
    let store = database.open().await;
    store.commit(opening(1)).await.unwrap();
    let second = change(id(1), 1, "王某");
    store.commit(second.clone()).await.unwrap();
    let refused = store.commit(change(id(1), 1, "li")).await;
    let conflict = CommitError::Conflict {
        expected: 1,
        found: 2,
        changed_by: "王某".to_owned(),
        changed_at: second.row.changed_at,
    };
    assert_eq!(refused, Err(conflict));
    assert_eq!(store.load(id(1)).await.unwrap(), Some(second.row));
    assert_eq!(store.history(id(1), 0, 9).await.unwrap().len(), 2);
}

pub async fn opening_twice_conflicts(database: &impl Database) {
    let store = database.open().await;
    store.commit(opening(1)).await.unwrap();
    let refused = store.commit(opening(1)).await;
    assert!(matches!(
        refused,
        Err(CommitError::Conflict {
            expected: 0,
            found: 1,
            ..
        })
    ));
}

pub async fn change_of_unknown_project_conflicts(database: &impl Database) {
    let store = database.open().await;
    let refused = store.commit(change(id(1), 3, "li")).await;
    assert!(matches!(
        refused,
        Err(CommitError::Conflict {
            expected: 3,
            found: 0,
            ..
        })
    ));
    assert_eq!(store.load(id(1)).await.unwrap(), None);
}

pub async fn broken_chain_is_refused(database: &impl Database) {
    let store = database.open().await;
    store.commit(opening(1)).await.unwrap();
    let mut broken = change(id(1), 1, "li");
    broken.record.prev_hash = "ab".repeat(32);
    unavailable(&store, broken).await;
    store.commit(change(id(1), 1, "li")).await.unwrap();
}

pub async fn malformed_changes_are_refused(database: &impl Database) {
    let store = database.open().await;
    let spoil: [fn(&mut Commit); 8] = [
        |commit| commit.row.version = 7,
        |commit| commit.record.seq = 2,
        |commit| commit.row.head = "ab".repeat(32),
        |commit| commit.record.prev_hash = "no hash".to_owned(),
        |commit| commit.row.state.push('\0'),
        |commit| commit.set_timers = vec![timer(id(2), "t", 1, 1)],
        |commit| commit.set_timers = vec![timer(id(1), "t", 1, u64::MAX)],
        |commit| commit.outbox = vec![mail(id(2), "m", 1)],
    ];
    for spoil in spoil {
        let mut commit = opening(1);
        spoil(&mut commit);
        unavailable(&store, commit).await;
    }
    assert_eq!(store.load(id(1)).await.unwrap(), None);
}

async fn unavailable(store: &Arc<dyn Store>, commit: Commit) {
    let refused = store.commit(commit).await;
    assert!(
        matches!(refused, Err(CommitError::Unavailable(_))),
        "{refused:?}"
    );
}

pub async fn repeated_key_has_one_effect(database: &impl Database) {
    let store = database.open().await;
    store.commit(opening(1)).await.unwrap();
    let attempt = |n: usize| {
        let mut commit = change(id(1), 1, &format!("officer {n}"));
        commit.answer = Some(answer("same", &format!("{{\"from\":{n}}}")));
        commit.outbox = vec![mail(id(1), &format!("m{n}"), 1)];
        commit
    };
    let results = together(&store, (0..10).map(attempt).collect()).await;
    assert_eq!(results.iter().filter(|r| r.is_ok()).count(), 1);
    let first = store.answer(id(1), "same").await.unwrap().unwrap();
    for result in results.into_iter().filter(Result::is_err) {
        assert_eq!(result, Err(CommitError::Repeated(first.clone())));
    }
    assert_eq!(store.load(id(1)).await.unwrap().unwrap().version, 2);
    assert_eq!(store.mail(id(1)).await.unwrap().len(), 1);
}

pub async fn key_is_private_to_its_project(database: &impl Database) {
    let store = database.open().await;
    for number in 1..3 {
        let mut commit = opening(number);
        commit.answer = Some(answer("same", &number.to_string()));
        store.commit(commit).await.unwrap();
    }
    let second = store.answer(id(2), "same").await.unwrap().unwrap();
    assert_eq!(second.response, "2");
}

pub async fn repeated_wins_over_conflict(database: &impl Database) {
    let store = database.open().await;
    let mut commit = opening(1);
    commit.answer = Some(answer("k", "first"));
    store.commit(commit.clone()).await.unwrap();
    store.commit(change(id(1), 1, "li")).await.unwrap();
    commit.answer = Some(answer("k", "second"));
    let refused = store.commit(commit).await;
    assert_eq!(refused, Err(CommitError::Repeated(answer("k", "first"))));
}

pub async fn one_of_two_writers_wins(database: &impl Database) {
    let store = database.open().await;
    store.commit(opening(1)).await.unwrap();
    for version in 1..20 {
        let both = vec![change(id(1), version, "a"), change(id(1), version, "b")];
        let results = together(&store, both).await;
        assert_eq!(results.iter().filter(|r| r.is_ok()).count(), 1);
        let winner = if results[0].is_ok() { "a" } else { "b" };
        let loser = results.into_iter().find_map(Result::err).unwrap();
        let CommitError::Conflict {
            found, changed_by, ..
        } = loser
        else {
            panic!("{loser}");
        };
        assert_eq!((found, changed_by.as_str()), (version + 1, winner));
        let row = store.load(id(1)).await.unwrap().unwrap();
        assert_eq!(
            (row.version, row.changed_by.as_str()),
            (version + 1, winner)
        );
    }
}

pub async fn duplicate_code_is_refused(database: &impl Database) {
    let store = database.open().await;
    store.commit(opening(1)).await.unwrap();
    let mut twin = opening(2);
    twin.row.code = "YZ-1".to_owned();
    let refused = store.commit(twin).await;
    assert_eq!(refused, Err(CommitError::DuplicateCode("YZ-1".to_owned())));
    assert_eq!(store.load(id(2)).await.unwrap(), None);
}

pub async fn one_of_two_equal_codes_wins(database: &impl Database) {
    let store = database.open().await;
    let same = |number| {
        let mut commit = opening(number);
        commit.row.code = "宁-同".to_owned();
        commit
    };
    let results = together(&store, (1..9).map(same).collect()).await;
    assert_eq!(results.iter().filter(|r| r.is_ok()).count(), 1);
    let refused = Err(CommitError::DuplicateCode("宁-同".to_owned()));
    assert_eq!(results.iter().filter(|r| **r == refused).count(), 7);
}

pub async fn code_may_change(database: &impl Database) {
    let store = database.open().await;
    store.commit(opening(1)).await.unwrap();
    store.commit(opening(2)).await.unwrap();
    let mut renamed = change(id(1), 1, "li");
    renamed.row.code = "YZ-2".to_owned();
    let refused = store.commit(renamed.clone()).await;
    assert_eq!(refused, Err(CommitError::DuplicateCode("YZ-2".to_owned())));
    renamed.row.code = "YZ-3".to_owned();
    store.commit(renamed).await.unwrap();
    assert_eq!(store.find_code("YZ-1").await.unwrap(), None);
    assert_eq!(store.find_code("YZ-3").await.unwrap(), Some(id(1)));
}

pub async fn bad_commits_leave_neighbours_alone(database: &impl Database) {
    let store = database.open().await;
    store.commit(opening(1_000)).await.unwrap();
    let make = |n: u128| match n % 8 {
        3 => change(id(1_000), 7, "stale"),
        5 => {
            let mut twin = opening(n);
            twin.row.code = "YZ-1000".to_owned();
            twin
        }
        _ => opening(n),
    };
    let results = together(&store, (0..64).map(make).collect()).await;
    for (n, result) in results.into_iter().enumerate() {
        match n % 8 {
            3 => assert!(matches!(result, Err(CommitError::Conflict { .. }))),
            5 => assert!(matches!(result, Err(CommitError::DuplicateCode(_)))),
            _ => assert_eq!(result, Ok(())),
        }
        let there = store.load(id(n as u128)).await.unwrap().is_some();
        assert_eq!(there, !matches!(n % 8, 3 | 5), "{n}");
    }
}

pub async fn chain_of_one_project_in_one_group(database: &impl Database) {
    let store = database.open().await;
    // Each is decided on the one before, as a caller does that does not wait for the disk.
    let mut chain: Vec<_> = (0..50)
        .map(|version| change(id(1), version, "li"))
        .collect();
    chain[10].set_timers = vec![timer(id(1), "a", 1, 1), timer(id(1), "b", 2, 1)];
    chain[20].clear_timers = vec!["a".to_owned()];
    chain[30].set_timers = vec![timer(id(1), "b", 3, 2)];
    let mut left: Vec<_> = chain.clone();
    while !left.is_empty() {
        let results = together(&store, left.clone()).await;
        let mut results = results.into_iter();
        left.retain(|_| results.next().unwrap().is_err());
        let version = store.load(id(1)).await.unwrap().unwrap().version;
        assert_eq!(version + left.len() as u64, 50);
    }
    assert_eq!(
        store.load(id(1)).await.unwrap(),
        Some(chain[49].row.clone())
    );
    let records: Vec<_> = chain.into_iter().map(|commit| commit.record).collect();
    assert_eq!(store.history(id(1), 0, 99).await.unwrap(), records);
    let timers = store.timers(id(1)).await.unwrap();
    assert_eq!(timers, [timer(id(1), "b", 3, 2)]);
}

pub async fn list_pages_by_code(database: &impl Database) {
    let store = database.open().await;
    for number in [3, 1, 4, 5, 9, 2, 6] {
        store.commit(opening(number)).await.unwrap();
    }
    let (mut after, mut codes) = (None, Vec::new());
    loop {
        let page = Page { after, limit: 3 };
        let rows = store.list(page).await.unwrap();
        let Some(last) = rows.last() else { break };
        after = Some(last.code.clone());
        assert!(rows.len() <= 3);
        codes.extend(rows.into_iter().map(|row| row.code));
    }
    assert_eq!(codes, [1, 2, 3, 4, 5, 6, 9].map(|n| format!("YZ-{n}")));
}

pub async fn history_pages(database: &impl Database) {
    let store = database.open().await;
    for version in 0..7 {
        store.commit(change(id(1), version, "li")).await.unwrap();
        store.commit(change(id(2), version, "li")).await.unwrap();
    }
    let seqs = |rows: Vec<liucheng_engine::ports::RecordRow>| {
        rows.into_iter().map(|row| row.seq).collect::<Vec<_>>()
    };
    assert_eq!(seqs(store.history(id(1), 0, 3).await.unwrap()), [1, 2, 3]);
    assert_eq!(seqs(store.history(id(1), 3, 3).await.unwrap()), [4, 5, 6]);
    assert_eq!(seqs(store.history(id(1), 6, 3).await.unwrap()), [7]);
    assert_eq!(seqs(store.history(id(1), 7, 3).await.unwrap()), [0; 0]);
    assert_eq!(
        seqs(store.history(id(1), u64::MAX, 3).await.unwrap()),
        [0; 0]
    );
}

pub async fn reopening_keeps_everything(database: &impl Database) {
    let store = database.open().await;
    let mut commit = opening(1);
    commit.set_timers = vec![timer(id(1), "t", 30, 1)];
    commit.outbox = vec![mail(id(1), "m", 20)];
    commit.answer = Some(answer("k", "r"));
    store.commit(commit.clone()).await.unwrap();
    drop(store);
    let store = database.open().await;
    assert_eq!(store.load(id(1)).await.unwrap(), Some(commit.row.clone()));
    assert_eq!(
        store.history(id(1), 0, 9).await.unwrap(),
        [commit.record.clone()]
    );
    assert_eq!(store.timers(id(1)).await.unwrap(), commit.set_timers);
    assert_eq!(store.due_mail(Instant(99), 9).await.unwrap(), commit.outbox);
    let repeated = store.commit(commit).await;
    assert_eq!(repeated, Err(CommitError::Repeated(answer("k", "r"))));
    store.commit(change(id(1), 1, "li")).await.unwrap();
}

pub async fn acknowledged_is_readable_at_once(database: &impl Database) {
    let store = database.open().await;
    let walk = |number: u128| {
        let store = Arc::clone(&store);
        tokio::spawn(async move {
            for version in 0..20 {
                let commit = change(id(number), version, "li");
                store.commit(commit.clone()).await.unwrap();
                assert_eq!(store.load(id(number)).await.unwrap(), Some(commit.row));
            }
        })
    };
    for task in (0..8).map(walk).collect::<Vec<_>>() {
        task.await.unwrap();
    }
}

pub async fn many_committers_share_a_history(database: &impl Database) {
    let store = database.open().await;
    store.commit(opening(1)).await.unwrap();
    // Everybody wants to make ten changes and asks again after each conflict.
    let officer = |n: usize| {
        let store = Arc::clone(&store);
        tokio::spawn(async move {
            let (mut version, mut done, name) = (1, 0, format!("officer {n}"));
            while done < 10 {
                match store.commit(change(id(1), version, &name)).await {
                    Ok(()) => (version, done) = (version + 1, done + 1),
                    Err(CommitError::Conflict { found, .. }) => version = found,
                    Err(other) => panic!("{other}"),
                }
            }
        })
    };
    for task in (0..8).map(officer).collect::<Vec<_>>() {
        task.await.unwrap();
    }
    let history = store.history(id(1), 0, 999).await.unwrap();
    let seqs: Vec<_> = history.iter().map(|record| record.seq).collect();
    assert_eq!(seqs, (1..=81).collect::<Vec<_>>());
    for pair in history.windows(2) {
        assert_eq!(pair[0].hash, pair[1].prev_hash);
    }
}
