//! Proof that nothing was changed, dropped, inserted or reordered afterwards (审计).
//!
//! Each project's history is a hash chain ([`crate::record`]), whose records also carry a digest of
//! the mails and the answer written beside them ([`effects`]). From time to time an epoch is sealed
//! ([`seal`]): a Merkle tree ([`merkle`]) over the heads of all projects changed since the last one,
//! chained to it and perhaps signed ([`epoch`], [`sign`]). What is done to access tokens is a chain of
//! its own ([`journal`]). [`verify`] checks all of that in a store or
//! in an exported bundle ([`bundle`]); [`prove`] cuts out the proof of a single record.
//!
//! The format is documented in `docs/audit.md`.

pub mod bundle;
pub mod bytes;
pub mod effects;
pub mod epoch;
pub mod journal;
pub mod merkle;
pub mod problem;
mod project;
pub mod prove;
pub mod registry;
pub mod seal;
pub mod sign;
pub mod verify;
pub mod walk;

pub use epoch::EpochError;
pub use problem::{Code, Problem, ProjectCheck};
pub use sign::Signer;
