//! The unified social credit code (统一社会信用代码, GB 32100-2015).

const ALPHABET: &[u8] = b"0123456789ABCDEFGHJKLMNPQRTUWXY";
const WEIGHTS: [usize; 17] = [
    1, 3, 9, 27, 19, 26, 16, 17, 20, 29, 25, 13, 8, 24, 10, 30, 28,
];

/// Whether a code has 18 characters of the alphabet and the right check character.
#[must_use]
pub fn is_valid(code: &str) -> bool {
    let values: Option<Vec<usize>> = code
        .bytes()
        .map(|byte| ALPHABET.iter().position(|known| *known == byte))
        .collect();
    let Some((check, digits)) = values.as_deref().and_then(<[usize]>::split_last) else {
        return false;
    };
    if digits.len() != WEIGHTS.len() {
        return false;
    }
    let sum: usize = digits
        .iter()
        .zip(WEIGHTS)
        .map(|(digit, weight)| digit * weight)
        .sum();
    (31 - sum % 31) % 31 == *check
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_check_character_decides() {
        // The code of Huawei Technologies, as printed on its licence.
        assert!(is_valid("914403001922038216"));
        assert!(!is_valid("914403001922038217"));
        assert!(!is_valid("91440300192203821"));
        assert!(!is_valid("91440300192203821I"));
        assert!(!is_valid(""));
    }
}
