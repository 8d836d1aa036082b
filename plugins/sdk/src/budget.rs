//! Budgets (经费): caps and floors, sums that must add up, exact shares, payment by the contract's terms.
//!
//! | question | use |
//! |---|---|
//! | is an amount within a percentage of a base? | [`Limit`] |
//! | do the parts of a budget add up to the whole? | [`Tree`] |
//! | who gets how much, to the fen? | [`proportional`], [`split`] |
//! | how is the price paid where the document gives no shares? | [`by_contract`] |

mod limit;
mod shares;
mod terms;
mod tree;

pub use limit::{Bound, Limit, Measure, Money, fund, year};
pub use shares::{listed, proportional, share_text, split, sum};
pub use terms::by_contract;
pub use tree::{Defect, Mismatch, Part, Tree};
