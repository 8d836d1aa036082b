//! The journal (登记簿): what was done to access tokens, as a chain of records like a project's history.
//!
//! Each row of a token follows from it: who writes a row past the program leaves a token that no record
//! explains. The epochs seal its head, as they seal those of projects.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::problem::{Code, Problem};
use crate::{
    commands::SYSTEM,
    ports::{Instant, JOURNAL, KeptToken, Leaf, RecordRow, TokenRow},
    record::{GENESIS, chain},
};

/// What a record of the journal says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Act {
    /// The journal begins; always the first.
    Began,
    /// A token was there when the journal began.
    TokenFound(TokenRow),
    /// A token was made.
    TokenMade(TokenRow),
    /// A token was revoked, at the record's time.
    TokenRevoked(TokenRow),
}

/// One record of the journal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// 1-based position.
    pub seq: u64,
    /// When, in microseconds UTC.
    pub at: Instant,
    /// Who.
    pub actor: String,
    /// What.
    pub act: Act,
}

impl Entry {
    /// Reads a stored record.
    ///
    /// # Errors
    /// When the payload is not a record of the journal.
    pub fn open(row: &RecordRow) -> Result<Self, serde_json::Error> {
        serde_json::from_str(&row.payload)
    }
}

/// The record that comes after the last one.
///
/// # Errors
/// When it has no JSON form; none of the types can cause that.
pub fn next(
    last: Option<&RecordRow>,
    actor: &str,
    at: Instant,
    act: Act,
) -> Result<RecordRow, serde_json::Error> {
    let entry = Entry {
        seq: last.map_or(0, |last| last.seq) + 1,
        at,
        actor: actor.to_owned(),
        act,
    };
    let payload = serde_json::to_string(&entry)?;
    let prev_hash = last.map_or(GENESIS, |last| &last.hash).to_owned();
    Ok(RecordRow {
        seq: entry.seq,
        at,
        actor: entry.actor,
        hash: chain(&prev_hash, &payload),
        payload,
        prev_hash,
    })
}

/// The first records where there were `tokens` before there was a journal, noted at `now`; without any
/// it is the one record that is the same everywhere, and that the migration writes.
///
/// # Errors
/// As [`next`].
pub fn beginning(tokens: Vec<TokenRow>, now: Instant) -> Result<Vec<RecordRow>, serde_json::Error> {
    let mut records = vec![next(None, SYSTEM, Instant(0), Act::Began)?];
    for token in tokens {
        let found = next(records.last(), SYSTEM, now, Act::TokenFound(token))?;
        records.push(found);
    }
    Ok(records)
}

/// The leaf that stands for the journal in an epoch, if it has grown since `sealed`: the number of its
/// last record that an epoch speaks of, 1 where none does, because the first record says nothing.
#[must_use]
pub fn leaf(last: Option<&RecordRow>, sealed: u64, epoch: u64) -> Option<Leaf> {
    let last = last.filter(|last| last.seq > sealed.max(1))?;
    Some(Leaf {
        project: JOURNAL,
        epoch,
        version: last.seq,
        head: last.hash.clone(),
    })
}

/// A token as the journal says it is.
struct Told {
    seq: u64,
    row: TokenRow,
    revoked_at: Option<Instant>,
}

/// Checks the journal, and tokens against it.
#[derive(Default)]
pub(super) struct Check {
    /// The last record's number and hash.
    last: Option<(u64, String)>,
    /// What was sealed, by the number of the record.
    leaves: BTreeMap<u64, Leaf>,
    told: BTreeMap<String, Told>,
    kept: BTreeMap<String, KeptToken>,
    /// Whether there is no journal to check, as in bundles of the first format.
    pub absent: bool,
    problems: Vec<Problem>,
}

impl Check {
    pub(super) fn leaf(&mut self, leaf: Leaf) {
        self.leaves.insert(leaf.version, leaf);
    }

    pub(super) fn token(&mut self, token: KeptToken) {
        if self.last.is_some() {
            let text = "a token after the journal is out of order";
            self.problems.push(Problem::new(Code::Bundle, text));
        }
        self.kept.insert(token.hash.clone(), token);
    }

    pub(super) fn record(&mut self, row: &RecordRow) {
        let (before, hash) = match &self.last {
            Some((seq, hash)) => (*seq, hash.as_str()),
            None => (0, GENESIS),
        };
        let expected = before + 1;
        if row.seq != expected {
            let text = format!("record {expected} should come here");
            self.bad(row.seq.min(expected), text);
        } else if row.prev_hash != hash {
            self.bad(row.seq, "it does not continue the record before");
        }
        if chain(&row.prev_hash, &row.payload) != row.hash {
            self.bad(row.seq, "its hash is not that of its bytes");
        }
        self.last = Some((row.seq, row.hash.clone()));
        if let Some(leaf) = self.leaves.remove(&row.seq)
            && leaf.head != row.hash
        {
            let text = format!("epoch {} sealed another record", leaf.epoch);
            self.bad(row.seq, text);
        }
        match Entry::open(row) {
            Ok(entry) => self.entry(row, entry),
            Err(error) => self.bad(row.seq, format!("it cannot be read: {error}")),
        }
    }

    fn entry(&mut self, row: &RecordRow, entry: Entry) {
        if (entry.seq, entry.at, &entry.actor) != (row.seq, row.at, &row.actor) {
            self.bad(row.seq, "its columns are not those of its bytes");
        }
        if (entry.act == Act::Began) != (row.seq == 1) {
            self.bad(row.seq, "the journal does not begin as it should");
        }
        let (token, revoked_at) = match entry.act {
            Act::Began => return,
            Act::TokenFound(token) | Act::TokenMade(token) => (token, None),
            Act::TokenRevoked(token) => (token, Some(entry.at)),
        };
        let told = Told {
            seq: row.seq,
            row: token,
            revoked_at,
        };
        self.told.insert(told.row.hash.clone(), told);
    }

    fn bad(&mut self, seq: u64, text: impl Into<String>) {
        let text = format!("record {seq} of the journal: {}", text.into());
        self.problems.push(Problem::new(Code::Journal, text));
    }

    /// What is wrong, once everything came in.
    pub(super) fn finish(mut self) -> Vec<Problem> {
        if self.absent {
            return Vec::new();
        }
        if self.last.is_none() {
            self.bad(1, "it is missing");
        }
        for leaf in std::mem::take(&mut self.leaves).into_values() {
            let text = format!("epoch {} sealed it, and it is missing", leaf.epoch);
            self.bad(leaf.version, text);
        }
        let mut kept = self.kept;
        let mut tokens = Vec::new();
        for told in self.told.into_values() {
            let Told {
                seq,
                row,
                revoked_at,
            } = told;
            let text = match kept.remove(&row.hash) {
                None => format!("record {seq} of the journal speaks of it, and it is missing"),
                Some(token) if is(&token, &row, revoked_at) => continue,
                Some(_) => format!("it is not what record {seq} of the journal says"),
            };
            tokens.push((row.hash, row.actor, text));
        }
        let unexplained = "no record of the journal explains it".to_owned();
        let rest = kept.into_values();
        tokens.extend(rest.map(|token| (token.hash, token.actor, unexplained.clone())));
        tokens.sort();
        let token = |(hash, actor, text): (String, String, String)| {
            let name: String = hash.chars().take(TOKEN_NAME_CHARS).collect();
            Problem::new(Code::Token, format!("token {name} of {actor:?}: {text}"))
        };
        self.problems.extend(tokens.into_iter().map(token));
        self.problems
    }
}

/// How much of its hash names a token to people, in characters.
pub const TOKEN_NAME_CHARS: usize = 12;

fn is(kept: &KeptToken, row: &TokenRow, revoked_at: Option<Instant>) -> bool {
    let TokenRow {
        hash,
        actor,
        roles,
        at,
    } = row;
    (&kept.hash, &kept.actor, &kept.roles, kept.at) == (hash, actor, roles, *at)
        && kept.revoked_at == revoked_at
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(hash: &str) -> TokenRow {
        TokenRow {
            hash: hash.to_owned(),
            actor: "li".to_owned(),
            roles: "*".to_owned(),
            at: Instant(5),
        }
    }

    fn kept(row: &TokenRow, revoked_at: Option<Instant>) -> KeptToken {
        KeptToken {
            hash: row.hash.clone(),
            actor: row.actor.clone(),
            roles: row.roles.clone(),
            at: row.at,
            revoked_at,
            epoch: None,
        }
    }

    fn codes(records: &[RecordRow], kept: &[KeptToken], leaves: &[Leaf]) -> Vec<Code> {
        let mut check = Check::default();
        leaves.iter().cloned().for_each(|leaf| check.leaf(leaf));
        kept.iter().cloned().for_each(|token| check.token(token));
        records.iter().for_each(|record| check.record(record));
        let problems = check.finish();
        problems.into_iter().map(|problem| problem.code).collect()
    }

    /// Found, made, revoked.
    fn records() -> Vec<RecordRow> {
        let mut records = beginning(vec![token("a")], Instant(9)).unwrap();
        for act in [Act::TokenMade(token("b")), Act::TokenRevoked(token("a"))] {
            records.push(next(records.last(), "wang", Instant(20), act).unwrap());
        }
        records
    }

    #[test]
    fn tokens_follow_from_the_journal() {
        let (a, b) = (token("a"), token("b"));
        let revoked = kept(&a, Some(Instant(20)));
        let good = [revoked.clone(), kept(&b, None)];
        let records = records();
        let sealed = leaf(records.last(), 2, 1).unwrap();
        let leaves = [sealed.clone()];
        assert_eq!(codes(&records, &good, &leaves), []);
        // Dropped, not revoked, with another role, inserted.
        assert_eq!(codes(&records, &good[..1], &leaves), [Code::Token]);
        let valid = [kept(&a, None), good[1].clone()];
        assert_eq!(codes(&records, &valid, &leaves), [Code::Token]);
        let mut other = good.clone();
        other[1].roles = "officer".to_owned();
        assert_eq!(codes(&records, &other, &leaves), [Code::Token]);
        let more = [&good[..], &[kept(&token("c"), None)]].concat();
        assert_eq!(codes(&records, &more, &leaves), [Code::Token]);
        // The last record taken back together with what it did.
        assert_eq!(codes(&records[..3], &valid, &leaves), [Code::Journal]);
        assert_eq!(codes(&records[..3], &valid, &[]), []);
        assert_eq!(leaf(records.last(), 4, 2), None);
    }

    #[test]
    fn a_changed_journal_is_found() {
        let good = [
            kept(&token("a"), Some(Instant(20))),
            kept(&token("b"), None),
        ];
        let change = |edit: fn(&mut Vec<RecordRow>)| {
            let mut records = records();
            edit(&mut records);
            codes(&records, &good, &[])
        };
        assert_eq!(change(|_| {}), []);
        assert!(change(|r| r.clear()).contains(&Code::Journal));
        assert!(change(|r| drop(r.remove(1))).contains(&Code::Journal));
        assert!(change(|r| r.swap(2, 3)).contains(&Code::Journal));
        assert!(change(|r| r[2].actor.push('x')).contains(&Code::Journal));
        assert!(change(|r| r[2].at.0 += 1).contains(&Code::Journal));
        assert!(change(|r| r[2].payload.push(' ')).contains(&Code::Journal));
        assert!(change(|r| r[2].prev_hash = GENESIS.to_owned()).contains(&Code::Journal));
    }

    #[test]
    fn the_first_record_is_the_one_of_the_migrations() {
        let first = beginning(Vec::new(), Instant(1)).unwrap().remove(0);
        for text in [
            include_str!("../../../../migrations/sqlite/0006_journal.sql"),
            include_str!("../../../../migrations/postgres/0006_journal.sql"),
        ] {
            assert!(text.contains(&format!("'{}'", first.payload)));
            assert!(text.contains(&format!("'{}'", first.hash)));
        }
    }
}
