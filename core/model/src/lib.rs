//! The law and the lifecycle, pure.
//!
//! No I/O, no clock, no environment: everything here is a function of its arguments.

pub mod calendar;
pub mod deadline;
pub mod decide;
pub mod definition;
pub mod diagram;
pub mod evaluate;
pub mod event;
pub mod fact;
pub mod finding;
pub mod guard;
pub mod money;
pub mod project;
pub mod rejection;
pub mod text;
pub mod uscc;
pub mod verdict;
