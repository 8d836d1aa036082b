//! Chores of the repository that cargo has no word for.
//!
//! The library part exists so that a test can verify what the chores wrote.

pub mod guests;
pub mod lock;
pub mod torture;
