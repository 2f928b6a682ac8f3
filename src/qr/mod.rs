//! VietQR: payload, image, decode, and the cards that are printed. Pure functions on domain types.

pub mod card;
mod crc;
pub mod decode;
pub mod image;
pub mod payload;
pub mod proof;
mod tlv;
