//! Message identifiers in header fields (RFC 5322 §3.6.4).

/// Most identifiers that are taken from one field: the first ones and the last ones say where the message belongs.
const MOST: usize = 1_000;

/// The identifiers in a field, without angle brackets, white space and needless quoting; what is none is passed over.
pub(super) fn all(field: &[u8]) -> Vec<Vec<u8>> {
    let mut found: Vec<Vec<u8>> = Vec::new();
    let mut rest = field;
    while let Some(at) = memchr::memchr(b'<', rest) {
        rest = rest.get(at + 1..).unwrap_or_default();
        let Some(end) = memchr::memchr2(b'<', b'>', rest) else { break };
        let (inner, after) = rest.split_at(end);
        rest = after;
        if after.first() == Some(&b'>')
            && let Some(id) = normal(inner)
        {
            if found.len() == MOST {
                found.remove(MOST / 2);
            }
            found.push(id);
        }
    }
    found
}

/// The first identifier in a field.
pub(super) fn first(field: &[u8]) -> Option<Vec<u8>> {
    all(field).into_iter().next()
}

/// One form for identifiers that are the same: `"a"@b` is `a@b`.
fn normal(inner: &[u8]) -> Option<Vec<u8>> {
    let mut id = Vec::with_capacity(inner.len());
    let mut quoted = false;
    let mut bytes = inner.iter().copied();
    while let Some(b) = bytes.next() {
        match b {
            b'"' => quoted = !quoted,
            b'\\' if quoted => id.extend(bytes.next()),
            b if b.is_ascii_whitespace() && !quoted => {}
            b => id.push(b),
        }
    }
    let at = memchr::memrchr(b'@', &id)?;
    (at > 0 && at + 1 < id.len()).then_some(id)
}

#[cfg(test)]
mod tests {
    use super::all;

    #[test]
    fn identifiers_are_found() {
        let text = |field: &[u8]| -> Vec<String> {
            all(field).iter().map(|id| String::from_utf8_lossy(id).into_owned()).collect()
        };
        assert_eq!(text(b"<a@b> <c@d><e@f>"), ["a@b", "c@d", "e@f"]);
        assert_eq!(text(b"your mail of <yesterday> <\"a b\"@c> x <  d@e >"), ["a b@c", "d@e"]);
        assert_eq!(text(b"<a@b <c@d> <@e> <f@> <> >"), ["c@d"]);
        assert_eq!(text(b"<\"a\\\"b\"@c>"), ["a\"b@c"]);
        let many: String = (0..5_000).map(|n| format!("<{n}@x> ")).collect();
        let found = text(many.as_bytes());
        assert_eq!((found.len(), found[0].as_str(), found[999].as_str()), (1_000, "0@x", "4999@x"));
    }
}
