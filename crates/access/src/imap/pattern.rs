//! Mailbox patterns: `*` is anything, `%` is anything but the separator (RFC 3501 §6.3.8).

/// Whether `name` matches `pattern`. INBOX matches in any case. Takes time proportional to the product of the lengths
/// at most, whatever the pattern.
pub(super) fn matches(pattern: &str, name: &str) -> bool {
    let name: Vec<char> = name.chars().collect();
    let inbox = name.starts_with(&['I', 'N', 'B', 'O', 'X']) && name.get(5).is_none_or(|&c| c == '/');
    let same = |at: usize, wanted: char| {
        name.get(at).is_some_and(|&c| c == wanted || (inbox && at < 5 && c.eq_ignore_ascii_case(&wanted)))
    };
    // Where in `name` the part of the pattern that has been read can end.
    let mut ends = vec![false; name.len() + 1];
    if let Some(start) = ends.first_mut() {
        *start = true;
    }
    for wanted in pattern.chars() {
        let mut next = vec![false; ends.len()];
        let mut open = false;
        for at in 0..ends.len() {
            match wanted {
                '*' | '%' => {
                    // The wildcard goes on over the character before this place, if it may.
                    let over = at > 0 && (wanted == '*' || name.get(at - 1) != Some(&'/'));
                    open = ends[at] || (open && over);
                    next[at] = open;
                }
                _ if at > 0 => next[at] = ends[at - 1] && same(at - 1, wanted),
                _ => {}
            }
        }
        ends = next;
    }
    ends.last().copied().unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards() {
        for (pattern, name, expected) in [
            ("*", "a/b/c", true),
            ("%", "a/b", false),
            ("%", "a", true),
            ("%/%", "a/b", true),
            ("a*c", "a/b/c", true),
            ("a%c", "a/c", false),
            ("a%c", "abc", true),
            ("a%c", "ac", true),
            ("日%", "日本語", true),
            ("", "", true),
            ("", "a", false),
            ("*%", "a/b", true),
            ("%*", "a/b", true),
            ("*/", "a/b", false),
            ("inbox", "INBOX", true),
            ("inb%", "INBOX", true),
            ("Inbox/a", "INBOX/a", true),
            ("inbox/A", "INBOX/a", false),
            ("inbox*", "INBOXES", false),
        ] {
            assert_eq!(matches(pattern, name), expected, "{pattern} {name}");
        }
    }

    #[test]
    fn hostile_patterns_end() {
        let pattern = "*a".repeat(500);
        assert!(!matches(&pattern, &"a".repeat(499)));
        assert!(matches(&pattern, &"a".repeat(500)));
    }
}
