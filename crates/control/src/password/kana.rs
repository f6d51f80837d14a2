//! From kana to the ways in which people type it on a Latin keyboard.

/// Full-width forms become ASCII and katakana becomes hiragana, so that `ＳＡＫＵＲＡ`,
/// `サクラ` and `さくら` are judged alike. Other characters stay.
pub(super) fn fold(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(c) - 0xfee0).unwrap_or(c),
            '\u{3000}' => ' ',
            '\u{30a1}'..='\u{30f6}' => char::from_u32(u32::from(c) - 0x60).unwrap_or(c),
            _ => c,
        })
        .collect()
}

/// The spellings of a hiragana text: Hepburn (`shi`), Kunrei (`si`), and Hepburn with long vowels
/// shortened (`tokyo`). Characters that are not kana stay. Duplicates are left out.
pub(super) fn spellings(hiragana: &str) -> Vec<String> {
    let hepburn = romaji(hiragana, Style::Hepburn);
    let mut all = vec![romaji(hiragana, Style::Kunrei), shorten(&hepburn)];
    all.push(hepburn);
    all.sort_unstable();
    all.dedup();
    all
}

/// The Hepburn spelling alone.
pub(super) fn hepburn(hiragana: &str) -> String {
    romaji(hiragana, Style::Hepburn)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Style {
    Hepburn,
    Kunrei,
}

fn romaji(hiragana: &str, style: Style) -> String {
    let chars: Vec<char> = hiragana.chars().collect();
    let mut out = String::with_capacity(hiragana.len());
    let mut double = false;
    let mut at = 0;
    while let Some(&c) = chars.get(at) {
        at += 1;
        if c == 'っ' {
            double = true;
            continue;
        }
        let Some(base) = syllable(c, style) else {
            out.push(c);
            double = false;
            continue;
        };
        let glide = chars.get(at).and_then(|&next| small(next));
        let sound = match glide {
            Some(vowel) if base.len() > 1 && base.ends_with('i') => {
                at += 1;
                contracted(base, vowel, style)
            }
            _ => base.to_owned(),
        };
        if double && !sound.starts_with(['a', 'i', 'u', 'e', 'o', 'n']) {
            let first = if sound.starts_with("ch") { "t" } else { sound.get(..1).unwrap_or_default() };
            out.push_str(first);
        }
        double = false;
        out.push_str(&sound);
    }
    out
}

/// `ki` with a small `ya` becomes `kya`; Hepburn writes `sha`, `cha` and `ja` without the `y`.
fn contracted(base: &str, vowel: char, style: Style) -> String {
    let stem = base.strip_suffix('i').unwrap_or(base);
    let hissing = matches!(stem, "sh" | "ch" | "j");
    let glide = if style == Style::Hepburn && hissing { "" } else { "y" };
    format!("{stem}{glide}{vowel}")
}

fn small(c: char) -> Option<char> {
    match c {
        'ゃ' => Some('a'),
        'ゅ' => Some('u'),
        'ょ' => Some('o'),
        _ => None,
    }
}

fn shorten(romaji: &str) -> String {
    romaji.replace("ou", "o").replace("oo", "o").replace("uu", "u")
}

fn syllable(c: char, style: Style) -> Option<&'static str> {
    const ROWS: &[(&str, [&str; 5])] = &[
        ("あいうえお", ["a", "i", "u", "e", "o"]),
        ("かきくけこ", ["ka", "ki", "ku", "ke", "ko"]),
        ("さしすせそ", ["sa", "shi", "su", "se", "so"]),
        ("たちつてと", ["ta", "chi", "tsu", "te", "to"]),
        ("なにぬねの", ["na", "ni", "nu", "ne", "no"]),
        ("はひふへほ", ["ha", "hi", "fu", "he", "ho"]),
        ("まみむめも", ["ma", "mi", "mu", "me", "mo"]),
        ("らりるれろ", ["ra", "ri", "ru", "re", "ro"]),
        ("がぎぐげご", ["ga", "gi", "gu", "ge", "go"]),
        ("ざじずぜぞ", ["za", "ji", "zu", "ze", "zo"]),
        ("だぢづでど", ["da", "ji", "zu", "de", "do"]),
        ("ばびぶべぼ", ["ba", "bi", "bu", "be", "bo"]),
        ("ぱぴぷぺぽ", ["pa", "pi", "pu", "pe", "po"]),
        ("やゆよわを", ["ya", "yu", "yo", "wa", "wo"]),
    ];
    if style == Style::Kunrei {
        match c {
            'し' => return Some("si"),
            'ち' => return Some("ti"),
            'つ' => return Some("tu"),
            'ふ' => return Some("hu"),
            'じ' => return Some("zi"),
            _ => {}
        }
    }
    match c {
        'ん' => return Some("n"),
        'ー' => return Some(""),
        _ => {}
    }
    ROWS.iter().find_map(|(kana, sounds)| {
        let at = kana.chars().position(|k| k == c)?;
        sounds.get(at).copied()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_spellings_and_shortened_vowels() {
        assert_eq!(spellings("しゅうまい"), ["shumai", "shuumai", "syuumai"]);
        assert_eq!(spellings("とうきょう"), ["tokyo", "toukyou"]);
        assert_eq!(hepburn("にっぽん"), "nippon");
        assert_eq!(hepburn("まっちゃ"), "matcha");
        assert_eq!(hepburn("らーめん"), "ramen");
        assert_eq!(spellings("さくら"), ["sakura"]);
    }

    #[test]
    fn widths_and_katakana_fold() {
        assert_eq!(fold("ＳＡＫＵＲＡ１２３"), "SAKURA123");
        assert_eq!(fold("サクラ"), "さくら");
        assert_eq!(fold("秘密"), "秘密");
    }
}
