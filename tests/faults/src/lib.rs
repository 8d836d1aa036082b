//! Fault tests: simulation, kills, races, tampering.
