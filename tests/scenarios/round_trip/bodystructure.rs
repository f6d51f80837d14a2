//! BODYSTRUCTURE read by its grammar (RFC 3501 §9 `body`), with nothing of the server's.

/// A part without parts.
pub struct Leaf {
    /// Its section, such as `1.2`.
    pub section: String,
    pub octets: usize,
    pub lines: Option<usize>,
}

#[derive(Debug)]
enum Value {
    List(Vec<Value>),
    Text(String),
    Nil,
}

/// The leaves of `* n FETCH (… BODYSTRUCTURE (…) …)`.
pub fn leaves(line: &str, literals: &[Vec<u8>]) -> Vec<Leaf> {
    let at = line.find('(').unwrap();
    let mut literals = literals.iter();
    let mut rest = &line[at..];
    let Value::List(items) = value(&mut rest, &mut literals) else { panic!("{line}") };
    assert!(rest.is_empty(), "{rest:?} is left of {line}");
    let place = items.iter().position(|item| text(item) == Some("BODYSTRUCTURE")).unwrap();
    let mut found = Vec::new();
    walk(&items[place + 1], "", &mut found);
    found
}

fn walk(body: &Value, section: &str, found: &mut Vec<Leaf>) {
    let Value::List(items) = body else { panic!("{section}: {body:?}") };
    let below = |n: usize| if section.is_empty() { n.to_string() } else { format!("{section}.{n}") };
    if matches!(items.first(), Some(Value::List(_))) {
        let parts = items.iter().take_while(|item| matches!(item, Value::List(_)));
        let mut count = 0;
        for (n, part) in (1..).zip(parts) {
            walk(part, &below(n), found);
            count = n;
        }
        assert!(text(&items[count]).is_some(), "{section}: a multipart without a subtype");
        return;
    }
    let number = |at: usize| text(&items[at]).unwrap().parse::<usize>().unwrap();
    let kind = (text(&items[0]).unwrap().to_lowercase(), text(&items[1]).unwrap().to_lowercase());
    let section = if section.is_empty() { "1".to_owned() } else { section.to_owned() };
    let octets = number(6);
    match (kind.0.as_str(), kind.1.as_str()) {
        ("message", "rfc822") => {
            let Value::List(inner) = &items[8] else { panic!("{section}: no body in a message") };
            let multipart = matches!(inner.first(), Some(Value::List(_)));
            // The parts of a message within are numbered below it; its only part is 1.
            walk(&items[8], &if multipart { section.clone() } else { format!("{section}.1") }, found);
            found.push(Leaf { section, octets, lines: Some(number(9)) });
        }
        ("text", _) => found.push(Leaf { section, octets, lines: Some(number(7)) }),
        _ => found.push(Leaf { section, octets, lines: None }),
    }
}

fn text(value: &Value) -> Option<&str> {
    if let Value::Text(text) = value { Some(text) } else { None }
}

fn value<'a>(rest: &mut &str, literals: &mut impl Iterator<Item = &'a Vec<u8>>) -> Value {
    match rest.as_bytes()[0] {
        b'(' => {
            *rest = &rest[1..];
            let mut items = Vec::new();
            while !rest.starts_with(')') {
                *rest = rest.strip_prefix(' ').unwrap_or(rest);
                items.push(value(rest, literals));
            }
            *rest = &rest[1..];
            Value::List(items)
        }
        b'"' => {
            let mut text = String::new();
            let mut chars = rest.char_indices().skip(1);
            loop {
                match chars.next().unwrap() {
                    (_, '\\') => text.push(chars.next().unwrap().1),
                    (at, '"') => {
                        *rest = &rest[at + 1..];
                        return Value::Text(text);
                    }
                    (_, c) => text.push(c),
                }
            }
        }
        b'{' => {
            let end = rest.find('}').unwrap();
            *rest = &rest[end + 1..];
            Value::Text(String::from_utf8_lossy(literals.next().unwrap()).into_owned())
        }
        _ => {
            let end = rest.find([' ', '(', ')']).unwrap_or(rest.len());
            let (atom, after) = rest.split_at(end);
            assert!(!atom.is_empty(), "{rest}");
            *rest = after;
            if atom == "NIL" { Value::Nil } else { Value::Text(atom.to_owned()) }
        }
    }
}
