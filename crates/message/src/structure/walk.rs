//! The walk over a message: one pass over its lines with a stack of open boundaries.

use memchr::memmem::Finder;

use super::{Content, MAX_DEPTH, MAX_PARTS, MAX_STRUCTURE_HEADER_OCTETS, Part, PartKind};

/// Longest boundary that is looked for, in octets. RFC 2046 §5.1.1 allows 70.
const MAX_BOUNDARY: usize = 512;

/// Takes a message apart. Parts come in the order of their beginning; the first is the message itself.
pub(super) fn walk(message: &[u8]) -> Vec<Part<'_>> {
    let mut walk = Walk { message, parts: Vec::new(), open: Vec::new(), header_octets: 0 };
    walk.run();
    let mut parts = walk.parts;
    fill_empty_multiparts(&mut parts);
    count_lines(message, &mut parts);
    parts
}

struct Walk<'a> {
    message: &'a [u8],
    parts: Vec<Part<'a>>,
    /// Parts whose end has not been found, from the outside in.
    open: Vec<Open>,
    header_octets: usize,
}

struct Open {
    part: usize,
    /// Of a multipart that may have more parts.
    boundary: Option<Vec<u8>>,
}

/// A boundary line: which open multipart it belongs to, whether it closes it, and where the line ends.
struct Delimiter {
    level: usize,
    closes: bool,
    end: usize,
}

impl<'a> Walk<'a> {
    fn run(&mut self) {
        let finder = Finder::new(b"\n--");
        let mut at = self.start_part(0, false);
        // `at` is the beginning of a line throughout.
        while self.open.iter().any(|open| open.boundary.is_some()) {
            let line = match self.rest(at) {
                rest if rest.starts_with(b"--") => at,
                rest => match finder.find(rest) {
                    Some(found) => at + found + 1,
                    None => break,
                },
            };
            at = match self.delimiter(line) {
                Some(delimiter) => self.cross(line, &delimiter),
                None => self.next_line(line),
            };
        }
        self.close(0, self.message.len());
    }

    /// Passes a boundary line; returns where reading goes on, at the beginning of a line.
    fn cross(&mut self, line: usize, delimiter: &Delimiter) -> usize {
        if !delimiter.closes && self.parts.len() >= MAX_PARTS {
            return delimiter.end;
        }
        self.close(delimiter.level + 1, self.before_line_end(line));
        if delimiter.closes {
            if let Some(open) = self.open.get_mut(delimiter.level) {
                open.boundary = None;
            }
            return delimiter.end;
        }
        let parent = self.open.get(delimiter.level).map(|open| open.part);
        let digest = parent.and_then(|p| self.parts.get(p)).is_some_and(|p| p.content.media.is("multipart", "digest"));
        let index = self.parts.len();
        if let Some(PartKind::Multipart(children)) = parent.and_then(|p| self.parts.get_mut(p)).map(|p| &mut p.kind) {
            children.push(index);
        }
        self.start_part(delimiter.end, digest)
    }

    /// Begins a part, and the message in it if it holds one, and so on; returns where the innermost body begins.
    fn start_part(&mut self, start: usize, in_digest: bool) -> usize {
        let mut start = start;
        let mut in_digest = in_digest;
        loop {
            let end = self.header_end(start);
            let index = self.parts.len();
            let mut part = Part {
                header: start..end,
                body: end..end,
                content: self.content(start, end, in_digest),
                kind: PartKind::Leaf,
                lines: 0,
            };
            let may_open = self.open.len() < MAX_DEPTH;
            let media = &part.content.media;
            let boundary = media.parameters.raw("boundary").map(<[u8]>::trim_ascii_end);
            let boundary =
                boundary.filter(|b| may_open && !b.is_empty() && b.len() <= MAX_BOUNDARY).map(<[u8]>::to_vec);
            let is_message = media.is("message", "rfc822") && may_open && index + 1 < MAX_PARTS;
            let is_multipart = media.is_kind("multipart");
            if is_multipart {
                part.kind = PartKind::Multipart(Vec::new());
            } else if is_message {
                part.kind = PartKind::Message(index + 1);
            }
            self.parts.push(part);
            self.open.push(Open { part: index, boundary: boundary.filter(|_| is_multipart) });
            if !is_message {
                return end;
            }
            (start, in_digest) = (end, false);
        }
    }

    /// The end of the header that begins at `start`: past the empty line, or before a boundary line, or the end.
    fn header_end(&self, start: usize) -> usize {
        let mut line = start;
        while line < self.message.len() {
            if self.rest(line).starts_with(b"--") && self.delimiter(line).is_some() {
                return line;
            }
            let next = self.next_line(line);
            if matches!(self.message.get(line..next), Some(b"\n" | b"\r\n")) {
                return next;
            }
            line = next;
        }
        self.message.len()
    }

    /// The Content-* fields of a part, as long as there is budget to read headers.
    fn content(&mut self, start: usize, end: usize, in_digest: bool) -> Content<'a> {
        let budget = MAX_STRUCTURE_HEADER_OCTETS.saturating_sub(self.header_octets);
        let header = self.message.get(start..end.min(start.saturating_add(budget))).unwrap_or_default();
        self.header_octets = self.header_octets.saturating_add(header.len());
        Content::read(header, in_digest)
    }

    /// Reads the line at `line`, which begins with two hyphens, as a boundary of an open multipart, innermost first.
    fn delimiter(&self, line: usize) -> Option<Delimiter> {
        let text = self.rest(line + 2);
        for (level, open) in self.open.iter().enumerate().rev() {
            let Some(after) = open.boundary.as_ref().and_then(|b| text.strip_prefix(b.as_slice())) else { continue };
            let length = memchr::memchr(b'\n', after).map_or(after.len(), |at| at + 1);
            let tail = after.get(..length).unwrap_or(after);
            let end = self.message.len() - after.len() + length;
            let closes = tail.starts_with(b"--");
            let padding = if closes { tail.get(2..).unwrap_or_default() } else { tail };
            if padding.trim_ascii().is_empty() {
                return Some(Delimiter { level, closes, end });
            }
        }
        None
    }

    /// Ends all open parts from `level` inwards.
    fn close(&mut self, level: usize, end: usize) {
        // Where a boundary follows an empty header, the line end between them belongs to the header.
        let begun = self.open.last().and_then(|open| self.parts.get(open.part)).map_or(0, |part| part.body.start);
        let end = end.max(begun);
        while self.open.len() > level {
            let Some(open) = self.open.pop() else { return };
            if let Some(part) = self.parts.get_mut(open.part) {
                part.body.end = end;
            }
        }
    }

    /// Where the line before `line` ends without its line end.
    fn before_line_end(&self, line: usize) -> usize {
        let before = self.message.get(..line).unwrap_or_default();
        let before = before.strip_suffix(b"\n").unwrap_or(before);
        before.strip_suffix(b"\r").unwrap_or(before).len()
    }

    fn next_line(&self, line: usize) -> usize {
        memchr::memchr(b'\n', self.rest(line)).map_or(self.message.len(), |at| line + at + 1)
    }

    fn rest(&self, at: usize) -> &'a [u8] {
        self.message.get(at..).unwrap_or_default()
    }
}

/// A multipart of no parts is not allowed by the grammar, and would hide its content: what it holds is one text part.
fn fill_empty_multiparts(parts: &mut Vec<Part<'_>>) {
    for index in 0..parts.len() {
        let next = parts.len();
        let Some(part) = parts.get_mut(index) else { return };
        if part.kind == PartKind::Multipart(Vec::new()) {
            part.kind = PartKind::Multipart(vec![next]);
            let body = part.body.clone();
            parts.push(Part {
                header: body.start..body.start,
                body,
                content: Content::none(false),
                kind: PartKind::Leaf,
                lines: 0,
            });
        }
    }
}

/// Counts line ends of all bodies in one pass, though bodies lie within each other.
fn count_lines(message: &[u8], parts: &mut [Part<'_>]) {
    let mut points: Vec<usize> = parts.iter().flat_map(|part| [part.body.start, part.body.end]).collect();
    points.sort_unstable();
    points.dedup();
    let mut before = Vec::with_capacity(points.len());
    let (mut last, mut count) = (0, 0);
    for &point in &points {
        count += memchr::memchr_iter(b'\n', message.get(last..point).unwrap_or_default()).count();
        before.push(count);
        last = point;
    }
    let lines_before =
        |point: usize| points.binary_search(&point).ok().and_then(|i| before.get(i)).copied().unwrap_or(0);
    for part in parts {
        part.lines = lines_before(part.body.end) - lines_before(part.body.start);
    }
}
