//! web

pub mod day_page;
