//! The base subject: what is left of a subject when replying and forwarding have done their work (RFC 5256 §2.1).

/// A subject without the marks of replies and forwards.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BaseSubject {
    /// What is left.
    pub text: String,
    /// Something that marks a reply or a forward was taken away.
    pub is_reply: bool,
}

impl BaseSubject {
    /// The base subject of a subject that is decoded (RFC 2047) and unfolded.
    #[must_use]
    pub fn of(subject: &str) -> Self {
        let spaced = single_spaced(subject);
        let mut rest = spaced.as_str();
        let mut is_reply = false;
        loop {
            rest = without_trailers(rest, &mut is_reply);
            loop {
                let before = rest;
                rest = without_leader(rest, &mut is_reply);
                rest = without_blobs(rest);
                if rest == before {
                    break;
                }
            }
            match inside_forward(rest) {
                Some(inner) => {
                    is_reply = true;
                    rest = inner;
                }
                None => return Self { text: rest.to_owned(), is_reply },
            }
        }
    }
}

/// Tabs and line ends are spaces, and several spaces one.
fn single_spaced(subject: &str) -> String {
    let mut out = String::with_capacity(subject.len());
    for c in subject.chars() {
        let c = if matches!(c, '\t' | '\r' | '\n') { ' ' } else { c };
        if c != ' ' || !out.ends_with(' ') {
            out.push(c);
        }
    }
    out
}

/// `(fwd)` and white space at the end, any number of times.
fn without_trailers<'a>(mut text: &'a str, is_reply: &mut bool) -> &'a str {
    loop {
        text = text.trim_end_matches(' ');
        match strip_end(text, "(fwd)") {
            Some(rest) => {
                *is_reply = true;
                text = rest;
            }
            None => return text,
        }
    }
}

/// White space, or blobs and `re:`, `fw:` or `fwd:`, at the start.
fn without_leader<'a>(text: &'a str, is_reply: &mut bool) -> &'a str {
    let text = text.trim_start_matches(' ');
    let mut rest = text;
    while let Some(after) = blob(rest) {
        rest = after;
    }
    match reply_mark(rest) {
        Some(after) => {
            *is_reply = true;
            after
        }
        None => text,
    }
}

/// Blobs at the start, as long as something is left.
fn without_blobs(mut text: &str) -> &str {
    while let Some(rest) = blob(text).filter(|rest| !rest.is_empty()) {
        text = rest;
    }
    text
}

/// What follows `[anything]` and white space.
fn blob(text: &str) -> Option<&str> {
    let inner = text.strip_prefix('[')?;
    let end = inner.find(['[', ']'])?;
    let after = inner.get(end..)?.strip_prefix(']')?;
    Some(after.trim_start_matches(' '))
}

/// What follows `re:`, `fw:` or `fwd:`, with a blob before the colon or without.
fn reply_mark(text: &str) -> Option<&str> {
    let after = ["fwd", "fw", "re"].iter().find_map(|word| strip_start(text, word))?;
    let after = after.trim_start_matches(' ');
    blob(after).unwrap_or(after).strip_prefix(':')
}

/// What is within `[fwd: …]`.
fn inside_forward(text: &str) -> Option<&str> {
    strip_start(text, "[fwd:")?.strip_suffix(']')
}

fn strip_start<'a>(text: &'a str, word: &str) -> Option<&'a str> {
    let head = text.get(..word.len())?;
    head.eq_ignore_ascii_case(word).then(|| text.get(word.len()..)).flatten()
}

fn strip_end<'a>(text: &'a str, word: &str) -> Option<&'a str> {
    let at = text.len().checked_sub(word.len())?;
    text.get(at..)?.eq_ignore_ascii_case(word).then(|| text.get(..at)).flatten()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use proptest::prelude::*;

    use super::BaseSubject;

    #[test]
    fn marks_are_taken_away() {
        for (subject, base, is_reply) in [
            ("hello", "hello", false),
            ("Re: hello", "hello", true),
            ("RE : hello", "hello", true),
            ("Fwd: Re: fw: hello (fwd) (FWD) ", "hello", true),
            ("[list] hello", "hello", false),
            ("[a] [b] Re: hello", "hello", true),
            ("Re[2]: hello", "hello", true),
            ("Re [x] : [list] hello", "hello", true),
            ("[only]", "[only]", false),
            ("[a] [b]", "[b]", false),
            ("[Fwd: Re: hello]", "hello", true),
            ("[fwd: [fwd: a] b]", "b", true),
            ("  a \t b\r\n c ", "a b c", false),
            ("Re:", "", true),
            ("", "", false),
            ("(fwd)", "", true),
            ("regarding: x", "regarding: x", false),
            ("re", "re", false),
            ("Re: 返信", "返信", true),
            ("[件名] 東京", "東京", false),
            ("[[a]] b", "[[a]] b", false),
            ("Re: [a]", "[a]", true),
        ] {
            assert_eq!(BaseSubject::of(subject), BaseSubject { text: base.into(), is_reply }, "{subject}");
        }
    }

    #[test]
    fn hostile_subjects_take_linear_time() {
        let start = std::time::Instant::now();
        for piece in ["[", "[]", "re:", "[fwd:", "(fwd)", "[a] ", "] ", "[fwd:]"] {
            let _ = BaseSubject::of(&piece.repeat(40_000));
        }
        let _ = BaseSubject::of(&format!("{}{}", "[fwd:".repeat(40_000), "]".repeat(40_000)));
        assert!(start.elapsed().as_secs() < 20);
    }

    proptest! {
        #[test]
        fn the_base_of_a_base_is_itself(subject in "(re|fwd?|\\[|\\]|:| |\\(fwd\\)|[a-c東]){0,12}") {
            let base = BaseSubject::of(&subject);
            let again = BaseSubject::of(&base.text);
            prop_assert_eq!(&again.text, &base.text);
            prop_assert!(!again.is_reply);
        }
    }
}
