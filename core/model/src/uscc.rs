//! The unified social credit code (统一社会信用代码, GB 32100-2015).

/// Digits and capital letters but I, O, S, V and Z; a character's place is its value.
const ALPHABET: &[u8] = b"0123456789ABCDEFGHJKLMNPQRTUWXY";
/// What the first seventeen characters count: powers of three, modulo 31.
const WEIGHTS: [usize; 17] = [
    1, 3, 9, 27, 19, 26, 16, 17, 20, 29, 25, 13, 8, 24, 10, 30, 28,
];

/// Has the code 18 characters of the alphabet, the last of which is the right check?
#[must_use]
pub fn is_valid(code: &str) -> bool {
    let value = |byte: u8| ALPHABET.iter().position(|known| *known == byte);
    let values: Option<Vec<usize>> = code.bytes().map(value).collect();
    let Some((check, digits)) = values.as_deref().and_then(<[usize]>::split_last) else {
        return false;
    };
    if digits.len() != WEIGHTS.len() {
        return false;
    }
    let products = digits.iter().zip(WEIGHTS);
    let sum: usize = products.map(|(digit, weight)| digit * weight).sum();
    (31 - sum % 31) % 31 == *check
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_check_character_decides() {
        assert!(is_valid("914403001922038216"));
        // Letters count as well: a made-up registration of a social organisation.
        assert!(is_valid("51640402MJX000001C"));
        for wrong in [
            "914403001922038217",
            "51640402MJX000001D",
            "914403001922038126",
            "91440300192203821",
            "9144030019220382160",
            "91440300192203821O",
            "",
        ] {
            assert!(!is_valid(wrong), "{wrong}");
        }
    }

    #[test]
    fn weights_are_powers_of_three() {
        let mut power = 1;
        for weight in WEIGHTS {
            assert_eq!(weight, power);
            power = power * 3 % 31;
        }
    }
}
