//! What a province's rules are written with.
//!
//! A province implements [`Province`] in plain Rust and names its type in [`export_province!`].
//! `cargo test` runs the rules natively, without any WebAssembly compiler; `cargo xtask guests` turns
//! them into a component. The way from nothing to a tested package is told in `plugins/README.md`.
//!
//! | to … | use |
//! |---|---|
//! | read facts and parameters | [`Call`], [`Facts`], [`Fields`] |
//! | compute with money | [`Fen`], [`Percent`], [`tranche`], [`budget`] |
//! | count people, ages and hours | [`staffing`] |
//! | decide on renewal | [`renewal`] |
//! | judge the contractor | [`supplier`] |
//! | plan the payments a contract names | [`terms`] |
//! | answer | [`Answer`], [`Finding`], [`Payment`] |
//! | test | `testing::run_cases` |
//!
//! A missing fact is never zero: report it with [`Finding::input_required`] and compute nothing.

mod answer;
pub mod budget;
mod date;
mod facts;
mod money;
mod province;
pub mod renewal;
pub mod staffing;
pub mod supplier;
pub mod terms;
pub mod tranche;
pub mod uscc;
mod value;

#[cfg(target_arch = "wasm32")]
#[doc(hidden)]
pub mod guest;
#[cfg(not(target_arch = "wasm32"))]
pub mod testing;

pub use answer::{Answer, Finding, FindingCode, Message, Payment, Problem, Severity, msg};
pub use date::Date;
pub use facts::{Facts, Fields, Parameter, Parameters};
pub use money::{Fen, NumberError, Percent};
#[doc(hidden)]
pub use province::compute;
pub use province::{
    CalendarError, Call, CountedDay, Description, Host, Level, Migration, Province, StepOutcome,
};
pub use value::{Row, Scalar, Value};

/// Makes a type that implements [`Province`] the component's answer to the host.
///
/// Expands to nothing natively: the export names are no valid symbols of a native library.
#[macro_export]
macro_rules! export_province {
    ($province:ty) => {
        #[cfg(target_arch = "wasm32")]
        const _: () = {
            type Component = $crate::guest::Adapter<$province>;
    $crate::guest::export_guest!(Component with_types_in $crate::guest::bindings);
        };
    };
}
