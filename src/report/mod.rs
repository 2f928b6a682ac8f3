//! Figures in, documents out: CSV and SVG. No SQL, no HTTP; same input, same bytes.

pub mod chart;
pub mod csv;
