//! Figures on paper: PDF/A-3a that carries its own figures as JSON, tagged, in Vietnamese faces under
//! the Open Font License. The only importer of the PDF library.
//!
//! | step | file |
//! |---|---|
//! | text → glyphs with their widths | [`face`] |
//! | text → lines that fit | [`lines`] |
//! | what stands where, and what it is to a reader | [`paper`] |
//! | headings, paragraphs, tables from page to page | [`flow`], [`table`] |
//! | bytes | [`write`](mod@write) |

pub mod bars;
pub mod cards;
pub mod daily;
pub mod face;
pub mod flow;
pub mod lines;
pub mod official;
pub mod paper;
pub mod period;
pub mod records;
pub mod table;
pub mod write;
