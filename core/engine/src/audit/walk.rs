//! Everything a store keeps, piece by piece, in the order of a bundle.

use serde::{Deserialize, Serialize};

use crate::{
    error::CommandError,
    ports::{
        Dossier, Epoch, KeptDocument, KeptToken, Leaf, ProjectId, ReadError, RecordRow, SEAL_MAX,
        Store,
    },
};

/// Rows read at a time.
const PAGE: u32 = 500;
/// How often tokens are read because they change meanwhile.
const TOKEN_ROUNDS: usize = 100;
/// Documents read at a time: they are large.
const DOCUMENTS: u32 = 4;

/// One piece.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Item {
    /// An epoch; its leaves follow.
    Epoch(Epoch),
    /// A leaf of the epoch before.
    Leaf(Leaf),
    /// A document.
    Document(KeptDocument),
    /// A token.
    Token(KeptToken),
    /// A record of the journal.
    Journal(RecordRow),
    /// A project; its records follow.
    Project(Box<Dossier>),
    /// A record of the project before.
    Record(RecordRow),
    /// Something that cannot be read; never in a bundle.
    #[serde(skip)]
    Unreadable(Unreadable),
    /// The end, with how many there were of each.
    End(Counts),
}

/// Stored data that does not read back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unreadable {
    /// The project it belongs to.
    pub project: Option<ProjectId>,
    /// The epoch it belongs to.
    pub epoch: Option<u64>,
    /// Why.
    pub reason: String,
}

/// How many pieces there were.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Counts {
    /// Epochs.
    pub epochs: u64,
    /// Leaves of epochs.
    pub leaves: u64,
    /// Documents.
    pub documents: u64,
    /// Tokens.
    pub tokens: u64,
    /// Records of the journal.
    #[serde(default)]
    pub journal: u64,
    /// Projects.
    pub projects: u64,
    /// Records.
    pub records: u64,
}

impl Counts {
    /// Counts a piece.
    pub fn count(&mut self, item: &Item) {
        let counter = match item {
            Item::Epoch(_) => &mut self.epochs,
            Item::Leaf(_) => &mut self.leaves,
            Item::Document(_) => &mut self.documents,
            Item::Token(_) => &mut self.tokens,
            Item::Journal(_) => &mut self.journal,
            Item::Project(_) => &mut self.projects,
            Item::Record(_) => &mut self.records,
            Item::Unreadable(_) | Item::End(_) => return,
        };
        *counter += 1;
    }
}

/// Takes the pieces.
pub trait Sink: Send {
    /// Takes one.
    ///
    /// # Errors
    /// When it can take no more; the walk ends with this error.
    fn take(&mut self, item: Item) -> Result<(), CommandError>;
}

/// Hands everything a store keeps to a sink: epochs with their leaves, documents, tokens, the journal, projects with
/// their records. Others may change the store meanwhile: what is sealed after the beginning counts as
/// not sealed.
///
/// # Errors
/// When the store cannot be read at all, or the sink's.
pub async fn walk(store: &dyn Store, sink: &mut dyn Sink) -> Result<(), CommandError> {
    let mut walk = Walk {
        store,
        sink,
        counts: Counts::default(),
        last: 0,
    };
    walk.epochs().await?;
    walk.documents().await?;
    walk.tokens().await?;
    walk.projects().await?;
    let end = Item::End(walk.counts);
    walk.sink.take(end)
}

struct Walk<'a> {
    store: &'a dyn Store,
    sink: &'a mut dyn Sink,
    counts: Counts,
    /// The newest epoch at the beginning.
    last: u64,
}

impl Walk<'_> {
    fn give(&mut self, item: Item) -> Result<(), CommandError> {
        self.counts.count(&item);
        self.sink.take(item)
    }

    /// Notes what does not read back, unless nothing can be read.
    async fn unreadable(
        &mut self,
        project: Option<ProjectId>,
        epoch: Option<u64>,
        error: ReadError,
    ) -> Result<(), CommandError> {
        self.store.token_count().await?;
        self.give(Item::Unreadable(Unreadable {
            project,
            epoch,
            reason: error.reason().to_owned(),
        }))
    }

    async fn epochs(&mut self) -> Result<(), CommandError> {
        loop {
            let epochs = match self.store.epochs(self.last, PAGE).await {
                Ok(epochs) => epochs,
                // Of a page with a bad row, the good ones one by one.
                Err(_) => match self.store.epochs(self.last, 1).await {
                    Ok(epochs) => epochs,
                    Err(error) => {
                        let next = Some(self.last + 1);
                        return self.unreadable(None, next, error).await;
                    }
                },
            };
            if epochs.is_empty() {
                return Ok(());
            }
            for epoch in epochs {
                let number = epoch.number;
                self.last = number;
                self.give(Item::Epoch(epoch))?;
                // One more than there can be, with the leaves of the registry and the journal.
                match self.store.epoch_leaves(number, SEAL_MAX + 3).await {
                    Ok(leaves) => {
                        for leaf in leaves {
                            self.give(Item::Leaf(leaf))?;
                        }
                    }
                    Err(error) => self.unreadable(None, Some(number), error).await?,
                }
            }
        }
    }

    async fn documents(&mut self) -> Result<(), CommandError> {
        let mut after = None;
        loop {
            let page = match self.store.kept_documents(after.clone(), DOCUMENTS).await {
                Ok(page) => page,
                Err(error) => return self.unreadable(None, None, error).await,
            };
            let Some(last) = page.last() else {
                return Ok(());
            };
            after = Some((last.kind.clone(), last.digest.clone()));
            for mut document in page {
                document.epoch = self.known(document.epoch).await?;
                self.give(Item::Document(document))?;
            }
        }
    }

    /// Tokens and the journal as they stood side by side: read again if a token was changed meanwhile.
    async fn tokens(&mut self) -> Result<(), CommandError> {
        let mut rounds = 0;
        let (tokens, journal) = loop {
            rounds += 1;
            let (journal, broken) = self.journal().await;
            let tokens = self.kept_tokens().await;
            let last = journal.last().map_or(0, |last| last.seq);
            let moved = match &broken {
                Some(_) => false,
                None => matches!(self.store.journal(last, 1).await, Ok(more) if !more.is_empty()),
            };
            if moved && rounds < TOKEN_ROUNDS {
                continue;
            }
            if let Some(error) = broken {
                self.unreadable(None, None, error).await?;
            }
            break (tokens, journal);
        };
        let (tokens, broken) = tokens;
        for mut token in tokens {
            token.epoch = self.known(token.epoch).await?;
            self.give(Item::Token(token))?;
        }
        if let Some(error) = broken {
            self.unreadable(None, None, error).await?;
        }
        for record in journal {
            self.give(Item::Journal(record))?;
        }
        Ok(())
    }

    /// All tokens; up to where they can be read, and why no further.
    async fn kept_tokens(&self) -> (Vec<KeptToken>, Option<ReadError>) {
        let mut tokens: Vec<KeptToken> = Vec::new();
        loop {
            let after = tokens.last().map(|last| last.hash.clone());
            match self.store.kept_tokens(after, PAGE).await {
                Ok(page) if page.is_empty() => return (tokens, None),
                Ok(page) => tokens.extend(page),
                Err(error) => return (tokens, Some(error)),
            }
        }
    }

    /// All records of the journal; up to where they can be read, and why no further.
    async fn journal(&self) -> (Vec<RecordRow>, Option<ReadError>) {
        let mut records: Vec<RecordRow> = Vec::new();
        loop {
            let after = records.last().map_or(0, |last| last.seq);
            match self.store.journal(after, PAGE).await {
                Ok(page) if page.is_empty() => return (records, None),
                Ok(page) => records.extend(page),
                Err(error) => return (records, Some(error)),
            }
        }
    }

    /// An epoch, unless it was sealed after the beginning.
    async fn known(&self, epoch: Option<u64>) -> Result<Option<u64>, CommandError> {
        match epoch {
            Some(number) if number > self.last && self.exists(number).await? => Ok(None),
            other => Ok(other),
        }
    }

    async fn exists(&self, number: u64) -> Result<bool, CommandError> {
        let last = self.store.last_epoch().await?;
        Ok(last.is_some_and(|epoch| epoch.number >= number))
    }

    async fn projects(&mut self) -> Result<(), CommandError> {
        let mut after = None;
        loop {
            let ids = self.store.project_ids(after, PAGE).await?;
            let Some(last) = ids.last() else {
                return Ok(());
            };
            after = Some(*last);
            for id in ids {
                self.project(id).await?;
            }
        }
    }

    async fn project(&mut self, id: ProjectId) -> Result<(), CommandError> {
        let mut dossier = match self.store.dossier(id).await {
            Ok(dossier) => dossier,
            Err(error) => return self.unreadable(Some(id), None, error).await,
        };
        if let Some(later) = dossier.leaves.iter().find(|leaf| leaf.epoch > self.last)
            && self.exists(later.epoch).await?
        {
            let last = self.last;
            dossier.leaves.retain(|leaf| leaf.epoch <= last);
            dossier.unsealed = true;
        }
        let version = dossier.row.as_ref().map(|row| row.version);
        self.give(Item::Project(Box::new(dossier)))?;
        let mut seq = 0;
        loop {
            let page = match self.store.history(id, seq, PAGE).await {
                Ok(page) => page,
                Err(error) => return self.unreadable(Some(id), None, error).await,
            };
            let Some(last) = page.last() else {
                return Ok(());
            };
            seq = last.seq;
            for record in page {
                if version.is_some_and(|version| record.seq > version) {
                    let now = self.store.load(id).await?;
                    if now.map(|row| row.version) != version {
                        // Changed in the meantime: the rest belongs to another time.
                        return Ok(());
                    }
                }
                self.give(Item::Record(record))?;
            }
        }
    }
}
