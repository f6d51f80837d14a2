//! Walks over the keys of a Japanese (JIS) keyboard.

/// Runs of at least this many neighbouring keys are words that guessers try.
const SHORTEST: usize = 4;

/// The rows of the JIS layout, plain and shifted, and its columns from top to bottom.
const LINES: &[&str] = &[
    "1234567890-^\\",
    "!\"#$%&'()=~|",
    "qwertyuiop@[",
    "asdfghjkl;:]",
    "zxcvbnm,./_",
    "1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik,9ol.0p;/-@:_",
    "qazwsxedcrfvtgbyhnujmikolp",
    "1q2w3e4r5t6y7u8i9o0p",
    "q1w2e3r4t5y6u7i8o9p0",
    "zaqxswcdevfrbgtnhymjukilo",
    "zaq1xsw2cde3vfr4bgt5nhy6mju7",
];

/// Every run of four keys or more on one line, in both directions. Sorted.
pub(super) fn all() -> Vec<String> {
    let mut walks = Vec::new();
    for line in LINES {
        let keys: Vec<char> = line.chars().collect();
        for from in 0..keys.len() {
            for to in from + SHORTEST..=keys.len().min(from + 12) {
                let run = &keys[from..to];
                walks.push(run.iter().collect());
                walks.push(run.iter().rev().collect());
            }
        }
    }
    walks.sort_unstable();
    walks.dedup();
    walks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jis_rows_columns_and_reversals() {
        let walks = all();
        for walk in ["iop@[", "jkl;:]", "1qaz2wsx", "zaq1", "poiuy", "7890-^"] {
            assert!(walks.binary_search(&walk.to_owned()).is_ok(), "{walk}");
        }
        assert!(walks.len() < 3_000, "{} walks", walks.len());
    }
}
