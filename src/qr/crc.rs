//! CRC-16/IBM-3740 ("CCITT-FALSE"), tag 63 of an EMVCo payload.

const POLYNOMIAL: u16 = 0x1021;

/// Returns the checksum: initial value FFFF, no reflection, no final XOR.
pub(super) fn checksum(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0xFFFF, |crc, byte| {
        (0..8).fold(
            crc ^ (u16::from(*byte) << 8),
            |crc, _| {
                if crc & 0x8000 == 0 { crc << 1 } else { (crc << 1) ^ POLYNOMIAL }
            },
        )
    })
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_standard_check_value_holds() {
        assert_eq!(super::checksum(b"123456789"), 0x29B1);
    }
}
