//! Copying, and comparing what was copied.

use std::collections::HashSet;

use liucheng_model::definition::hex;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::{
    Progress, Step, Summary, TableSummary, TransferError, contents,
    marker::Marker,
    side::{Pages, Range, Side},
    tables::{self, Column, Kind, TABLES, Table},
    value::{Row, Value},
};
use crate::StoreError;

/// Projects of one transaction of the target, at most.
const PROJECTS: usize = 256;

/// Records of one transaction, at most, unless one project alone has more.
const RECORDS: u64 = 4_096;

/// A project's id and how many records it has.
const SIZES: [Column; 2] = [
    Column {
        name: "id",
        kind: Kind::Id,
        nullable: false,
    },
    Column {
        name: "version",
        kind: Kind::Number,
        nullable: false,
    },
];

/// Two open databases.
pub(crate) struct Work<'a> {
    pub source: Side,
    pub target: Side,
    pub marker: Marker,
    pub progress: &'a (dyn Fn(Progress) + Send + Sync),
}

/// Projects that go together.
struct Batch {
    /// From here up to the next batch, whatever ids the target has there.
    range: Range,
    ids: HashSet<Uuid>,
    records: u64,
}

impl Work<'_> {
    /// Copies what is missing or differs, compares everything and takes the mark away.
    pub(crate) async fn finish(mut self) -> Result<Summary, StoreError> {
        let counts = self.copy_all().await?;
        let tables = self.compare().await?;
        if self.target.is_postgres() {
            // The server that comes next shall know what it has.
            self.target.run("ANALYZE".to_owned(), &[]).await?;
        }
        self.end(counts, tables, true).await
    }

    /// Copies what is missing or differs and leaves the rest to a later run.
    pub(crate) async fn prepare(mut self) -> Result<Summary, StoreError> {
        let counts = self.copy_all().await?;
        self.end(counts, Vec::new(), false).await
    }

    async fn end(
        mut self,
        (copied, unchanged): (u64, u64),
        tables: Vec<TableSummary>,
        finished: bool,
    ) -> Result<Summary, StoreError> {
        let contents = contents::read(&mut self.target).await?;
        let (source, target) = (self.source.name.clone(), self.target.name.clone());
        self.source.close().await?;
        self.target.close().await?;
        Ok(Summary {
            source,
            target,
            contents,
            tables,
            copied,
            unchanged,
            resumed: self.marker.resumed,
            finished,
        })
    }

    /// Copies what is missing or differs; returns how many projects that were, and how many were there.
    async fn copy_all(&mut self) -> Result<(u64, u64), StoreError> {
        let (mut copied, mut unchanged) = (0, 0);
        for table in tables::shared() {
            self.copy_shared(table).await?;
        }
        let total = self.source.count("history").await?;
        let mut done = 0;
        let mut from = Some(Uuid::nil());
        while let Some(start) = from {
            let batch = next_batch(&mut self.source, start).await?;
            let projects = batch.ids.len() as u64;
            if self.copy_batch(&batch).await? {
                copied += projects;
            } else {
                unchanged += projects;
            }
            done += batch.records;
            self.tell(Step::Copy, done, total);
            let upto = batch.range.upto.as_u128();
            from = upto.checked_add(1).map(Uuid::from_u128);
        }
        Ok((copied, unchanged))
    }

    fn tell(&self, step: Step, done: u64, total: u64) {
        (self.progress)(Progress { step, done, total });
    }

    async fn begin(&mut self) -> Result<(), StoreError> {
        self.target.begin().await?;
        self.marker.hold(&mut self.target).await
    }

    async fn copy_shared(&mut self, table: &'static Table) -> Result<(), StoreError> {
        self.begin().await?;
        if self.differ(&[table], Range::ALL).await? {
            self.target.delete(table, Range::ALL).await?;
            self.copy_rows(table, Range::ALL).await?;
        }
        self.target.commit().await
    }

    /// Copies a batch unless the target has it already; returns whether it was copied.
    async fn copy_batch(&mut self, batch: &Batch) -> Result<bool, StoreError> {
        self.begin().await?;
        self.refuse_strangers(batch).await?;
        let tables: Vec<_> = tables::projects().collect();
        // Rows may belong to no project: the first range has those of the audit's registry.
        let resumed = self.marker.resumed;
        let copied = !resumed || self.differ(&tables, batch.range).await?;
        if copied {
            for table in tables.iter().rev().filter(|_| resumed) {
                self.target.delete(table, batch.range).await?;
            }
            for table in tables {
                self.copy_rows(table, batch.range).await?;
            }
        }
        self.target.commit().await?;
        Ok(copied && !batch.ids.is_empty())
    }

    /// Refuses a target that has projects in the batch's range that the source lacks.
    async fn refuse_strangers(&mut self, batch: &Batch) -> Result<(), StoreError> {
        let Range { from, upto } = batch.range;
        let limit = batch.ids.len() + 1;
        let sql =
            format!("SELECT id FROM project WHERE id >= $1 AND id <= $2 ORDER BY id LIMIT {limit}");
        let values = [Value::Id(from), Value::Id(upto)];
        let rows = self.target.rows(sql, &values, &SIZES[..1]).await?;
        let mut ids = rows.iter().filter_map(|row| row[0].id());
        if let Some(stranger) = ids.find(|id| !batch.ids.contains(id)) {
            return Err(TransferError::Diverged {
                location: self.target.name.clone(),
                project: stranger.to_string(),
            }
            .into());
        }
        Ok(())
    }

    async fn differ(&mut self, tables: &[&Table], range: Range) -> Result<bool, StoreError> {
        let (mut ours, mut theirs) = (Sha256::new(), Sha256::new());
        for table in tables {
            let there = self.target.digest(table, range, &mut theirs).await?;
            if self.source.digest(table, range, &mut ours).await? != there {
                return Ok(true);
            }
        }
        Ok(ours.finalize() != theirs.finalize())
    }

    async fn copy_rows(&mut self, table: &Table, range: Range) -> Result<(), StoreError> {
        let mut pages = Pages::new(table, range);
        while let Some(rows) = pages.next(&mut self.source).await? {
            if self.marker.resumed && table.name == "project" {
                self.free_codes(&rows).await?;
            }
            self.target.insert(table, &rows).await?;
        }
        Ok(())
    }

    /// Lets go of codes that have gone over to other projects since an earlier run: whoever has one of
    /// them in the target has another one in the source, and its turn is still to come.
    async fn free_codes(&mut self, rows: &[Row]) -> Result<(), StoreError> {
        let code = tables::projects()
            .filter(|table| table.name == "project")
            .find_map(|table| table.columns.iter().position(|c| c.name == "code"));
        let codes = rows.iter().filter_map(|row| row.get(code?));
        for (number, code) in codes.enumerate() {
            let sql = "UPDATE project SET code = $1 WHERE code = $2".to_owned();
            // No project's code has a control character.
            let free = Value::Text(format!("\u{1}{} {number}", Uuid::now_v7()));
            self.target.run(sql, &[free, code.clone()]).await?;
        }
        Ok(())
    }

    /// Compares all rows of both sides; takes the mark away with the same transaction.
    async fn compare(&mut self) -> Result<Vec<TableSummary>, StoreError> {
        let mut total = 0;
        for table in &TABLES {
            total += self.source.count(table.name).await?;
        }
        let mut done = 0;
        self.begin().await?;
        let mut summaries = Vec::new();
        for table in &TABLES {
            let mut hasher = Sha256::new();
            let mut count = 0;
            let (mut ours, mut theirs) =
                (Pages::new(table, Range::ALL), Pages::new(table, Range::ALL));
            loop {
                let left = ours.next(&mut self.source).await?.unwrap_or_default();
                let right = theirs.next(&mut self.target).await?.unwrap_or_default();
                if left != right {
                    return Err(differs(table, &left, &right).into());
                }
                if left.is_empty() {
                    break;
                }
                left.iter().flatten().for_each(|v| v.feed(&mut hasher));
                count += left.len() as u64;
                done += left.len() as u64;
                self.tell(Step::Compare, done, total);
            }
            summaries.push(TableSummary {
                table: table.name,
                rows: count,
                digest: hex(&hasher.finalize()),
            });
        }
        self.marker.remove(&mut self.target).await?;
        self.target.commit().await?;
        Ok(summaries)
    }
}

/// Names the first row that is not the same on both sides.
fn differs(table: &Table, left: &[Row], right: &[Row]) -> TransferError {
    let both = left.len().min(right.len());
    let place = (0..both).find(|n| left[*n] != right[*n]).unwrap_or(both);
    let key = |rows: &[Row]| {
        let row = rows.get(place)?;
        let key: Vec<_> = row[..table.key].iter().map(Value::to_string).collect();
        Some(key.join(" "))
    };
    let row = [key(left), key(right)].into_iter().flatten().min();
    TransferError::Differs {
        table: table.name,
        row: row.unwrap_or_default(),
    }
}

/// The projects from an id on that make up one transaction.
async fn next_batch(source: &mut Side, from: Uuid) -> Result<Batch, StoreError> {
    let sql =
        format!("SELECT id, version FROM project WHERE id >= $1 ORDER BY id LIMIT {PROJECTS}");
    let rows = source.rows(sql, &[Value::Id(from)], &SIZES).await?;
    let mut batch = Batch {
        range: Range {
            from,
            upto: Uuid::max(),
        },
        ids: HashSet::new(),
        records: 0,
    };
    let mut last = from;
    for row in &rows {
        let (Some(id), Some(version)) = (row[0].id(), row[1].number()) else {
            continue;
        };
        let size = u64::try_from(version).unwrap_or_default();
        if !batch.ids.is_empty() && batch.records + size > RECORDS {
            break;
        }
        batch.ids.insert(id);
        batch.records += size;
        last = id;
    }
    // The last batch reaches to the end, so that nothing the target has is passed over.
    if batch.ids.len() == PROJECTS || batch.ids.len() < rows.len() {
        batch.range.upto = last;
    }
    Ok(batch)
}
