//! The store in memory that simulations run on keeps the part of the contract that they rely on.

use std::sync::Arc;

use liucheng_engine::{ports::Store, testing::MemoryStore};

use crate::checks::{Database, seal_contract};

/// A store that lasts as long as its process.
pub struct Memory(Arc<MemoryStore>);

impl Database for Memory {
    async fn new() -> Option<Self> {
        Some(Self(Arc::default()))
    }

    async fn open(&self) -> Arc<dyn Store> {
        self.0.clone()
    }
}

seal_contract!(Memory);
