//! Figures into what people and programs take away: JSON, CSV, a table for the terminal, pictures,
//! workbooks and papers. Pure: the same report gives the same bytes.

pub mod chart;
pub mod csv;
pub mod day_chart;
pub mod day_words;
pub mod dot_plot;
pub mod feed;
pub mod grid;
pub mod json;
pub mod pdf;
pub mod period;
pub mod revenue_book;
pub mod soc;
pub mod statement;
pub mod table;
pub mod wording;
pub mod xlsx;
