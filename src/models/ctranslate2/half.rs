//! 16-bit floats (IEEE 754): a sign, 5 bits of exponent, 10 of fraction.

/// The largest one.
pub(super) const MOST: f32 = 65_504.0;

/// The value of these bits.
pub(super) fn to_f32(bits: u16) -> f32 {
    let (sign, rest) = (u32::from(bits & 0x8000) << 16, u32::from(bits & 0x7fff) << 13);
    // The exponents count from -14 here and from -126 there; a product gives the small ones without a leading 1 their place, too.
    let value = if rest >= 0x7c00 << 13 { f32::from_bits(rest | 0x7f80_0000) } else { f32::from_bits(rest) * 2.0_f32.powi(112) };
    f32::from_bits(value.to_bits() | sign)
}

/// The nearest one, of two equally near the even one; infinity beyond the largest.
pub(super) fn of_f32(value: f32) -> u16 {
    let sign = (value.to_bits() >> 16 & 0x8000) as u16;
    let rest = value.abs().to_bits();
    let half = match value.abs() {
        size if size.is_nan() => 0x7e00,
        size if size >= 65_536.0 => 0x7c00,
        // The smallest step is that of f32 at 0.5, so the sum is rounded as it must be.
        size if size < 2.0_f32.powi(-14) => ((size + 0.5).to_bits() - 0.5_f32.to_bits()) as u16,
        _ => ((rest + 0xfff + (rest >> 13 & 1) - (112 << 23)) >> 13) as u16,
    };
    half | sign
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_half_keeps_its_bits_and_what_is_between_goes_to_the_nearest() {
        for bits in 0..=u16::MAX {
            let value = to_f32(bits);
            let is_nan = bits & 0x7fff > 0x7c00;
            assert!(if is_nan { value.is_nan() && to_f32(of_f32(value)).is_nan() } else { of_f32(value) == bits }, "{bits:#06x}");
        }
        for bits in 0..0x7bff_u16 {
            let (low, high) = (to_f32(bits), to_f32(bits + 1));
            let middle = (low + high) / 2.0;
            assert_eq!(of_f32(middle), bits + (bits & 1), "{bits:#06x}");
            assert_eq!((of_f32(middle.next_down()), of_f32(-middle.next_up())), (bits, (bits + 1) | 0x8000), "{bits:#06x}");
        }
        assert_eq!([0x3c00, 0x0001, 0x0400, 0x7bff, 0xc000].map(to_f32), [1.0, 2.0_f32.powi(-24), 2.0_f32.powi(-14), MOST, -2.0]);
        assert_eq!([65_519.0, 65_520.0, 1e9, f32::NEG_INFINITY, 1e-9].map(of_f32), [0x7bff, 0x7c00, 0x7c00, 0xfc00, 0]);
    }
}
