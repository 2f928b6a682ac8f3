//! Figures into text: JSON for programs, CSV for spreadsheets, a table for the terminal, a chart
//! for pages. Pure: the same report gives the same bytes.

pub mod chart;
pub mod csv;
pub mod json;
pub mod revenue_book;
pub mod statement;
pub mod table;
