//! Major 1 of the interface: generated bindings, and conversions at its edge.
//!
//! Nothing outside this module knows the wire types. A next major is a second module beside this one.

mod bindings;
mod convert;
mod imports;

pub(crate) use bindings::{
    Province, ProvincePre,
    liucheng::province::types::{Answer, Description, Fact, Finding, Migration, Payment, Request},
};
pub(crate) use convert::{
    Size, fact_in, facts_out, finding_in, payment_in, problem_in, request_out,
};
pub(crate) use imports::{State, linker};

/// The package of the interface.
pub(crate) const PACKAGE: &str = "liucheng:province/";
/// The minor versions of major 1 that this host speaks: older components keep running on a newer host.
pub(crate) const MINORS: std::ops::RangeInclusive<u64> = 0..=0;
