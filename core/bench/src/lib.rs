//! Measures what a machine can do, with its raw limit beside it.
