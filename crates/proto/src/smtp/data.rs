//! Takes a message off the wire: after DATA up to `CRLF . CRLF` (RFC 5321 §4.5.2), or in
//! chunks of BDAT (RFC 3030).
//!
//! A line ends with CRLF and with nothing else. A CR or LF that stands alone spoils the
//! message, and neither ever takes part in its end, so two servers cannot disagree about
//! where a message ends (SMTP smuggling). After it is spoiled, the rest is looked at only
//! to find the end.

use memchr::memchr2;

/// Why a message cannot be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spoiled {
    /// A LF without CR before it.
    BareLf,
    /// A CR without LF after it.
    BareCr,
    /// A line is longer than [`Bounds::line`].
    LongLine,
    /// The header is larger than [`Bounds::header`].
    LargeHeader,
    /// The message is larger than [`Bounds::message`].
    Large,
    /// The receiver does not want the rest; see [`Decoder::discard`].
    Unwanted,
}

/// What a message may be, in octets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// The whole message.
    pub message: u64,
    /// Its header.
    pub header: u64,
    /// One line with its CRLF.
    pub line: u64,
}

/// The state of one message while it arrives.
#[derive(Debug)]
pub struct Decoder {
    bounds: Bounds,
    dots: bool,
    at: At,
    in_header: bool,
    line: u64,
    size: u64,
    eight_bit: bool,
    spoiled: Option<Spoiled>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum At {
    /// At the start of a line.
    Start,
    /// After a dot at the start of a line; it is not written yet.
    Dot,
    /// After a dot and a CR at the start of a line; neither is written yet.
    DotCr,
    /// Within a line.
    Text,
    /// After a CR within a line; it is not written yet.
    Cr,
}

impl Decoder {
    /// A decoder for DATA: removes the dot at the start of lines and finds the end.
    #[must_use]
    pub fn dotted(bounds: Bounds) -> Self {
        Self::new(bounds, true)
    }

    /// A decoder for BDAT: only looks at line ends and bounds.
    #[must_use]
    pub fn chunked(bounds: Bounds) -> Self {
        Self::new(bounds, false)
    }

    fn new(bounds: Bounds, dots: bool) -> Self {
        Self { bounds, dots, at: At::Start, in_header: true, line: 0, size: 0, eight_bit: false, spoiled: None }
    }

    /// Decodes `input` and appends the text of the message to `out`. Returns how much was
    /// consumed (all, unless the message ended) and whether the message ended.
    pub fn push(&mut self, input: &[u8], out: &mut Vec<u8>) -> (usize, bool) {
        let from = out.len();
        let (used, ended) = self.run(input, out);
        if self.spoiled.is_some() {
            out.truncate(from);
        } else if let Some(fresh) = out.get(from..) {
            self.eight_bit |= !fresh.is_ascii();
        }
        (used, ended)
    }

    /// Ends a message that came in chunks. Appends CRLF if the last line lacks it, since
    /// every line of a message ends with one.
    pub fn finish(&mut self, out: &mut Vec<u8>) {
        match self.at {
            At::Start => {}
            At::Cr => self.spoil(Spoiled::BareCr),
            _ => self.text(b"\r\n", out),
        }
    }

    /// Writes nothing more, and only looks for the end.
    pub fn discard(&mut self) {
        self.spoil(Spoiled::Unwanted);
    }

    /// Why the message cannot be taken; `None` while all is well.
    #[must_use]
    pub fn spoiled(&self) -> Option<Spoiled> {
        self.spoiled
    }

    /// Octets of the message so far.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Whether an octet above 127 was seen.
    #[must_use]
    pub fn eight_bit(&self) -> bool {
        self.eight_bit
    }

    fn run(&mut self, input: &[u8], out: &mut Vec<u8>) -> (usize, bool) {
        let mut rest = input;
        while let Some(&first) = rest.first() {
            // How many octets of `rest` are dealt with in this turn.
            let used = match (self.at, first) {
                (At::Start, b'.') if self.dots => self.go(At::Dot),
                (At::Dot, b'\r') => self.go(At::DotCr),
                (At::DotCr, b'\n') => return (input.len() - rest.len() + 1, true),
                (At::DotCr, _) => {
                    // The dot was a stuffed one, and its CR stands alone.
                    self.spoil(Spoiled::BareCr);
                    self.at = At::Text;
                    0
                }
                (At::Cr, b'\n') => {
                    self.end_line(out);
                    1
                }
                (At::Cr, _) => {
                    self.spoil(Spoiled::BareCr);
                    self.at = At::Text;
                    0
                }
                (_, b'\n') => {
                    self.spoil(Spoiled::BareLf);
                    self.go(At::Text)
                }
                (_, b'\r') => self.go(At::Cr),
                (At::Start | At::Dot | At::Text, _) => self.stretch(rest, out),
            };
            rest = rest.get(used..).unwrap_or(&[]);
        }
        (input.len(), false)
    }

    fn go(&mut self, at: At) -> usize {
        self.at = at;
        1
    }

    /// Copies what needs no decision; returns how much, at least one octet.
    fn stretch(&mut self, rest: &[u8], out: &mut Vec<u8>) -> usize {
        let lines = self.whole_lines(rest);
        if lines > 0 {
            out.extend_from_slice(rest.get(..lines).unwrap_or(&[]));
            self.size += lines as u64;
            self.line = 0;
            self.at = At::Start;
            return lines;
        }
        let length = memchr2(b'\r', b'\n', rest).unwrap_or(rest.len());
        self.text(rest.get(..length).unwrap_or(&[]), out);
        self.at = At::Text;
        length
    }

    /// The hot path: how many octets at the start of `rest` are whole lines within all bounds, up to the first line
    /// that is empty, starts with a dot, or ends oddly.
    fn whole_lines(&self, rest: &[u8]) -> usize {
        if self.spoiled.is_some() {
            return 0;
        }
        let header = if self.in_header { self.bounds.header } else { u64::MAX };
        let room = usize::try_from(self.bounds.message.min(header).saturating_sub(self.size)).unwrap_or(usize::MAX);
        let line = usize::try_from(self.bounds.line).unwrap_or(usize::MAX);
        let mut longest = line.saturating_sub(usize::try_from(self.line).unwrap_or(usize::MAX));
        let mut done = 0;
        while let Some(tail) = rest.get(done..)
            && let Some(length) = memchr2(b'\r', b'\n', tail)
            && tail.get(length..).is_some_and(|end| end.starts_with(b"\r\n"))
            && length + 2 <= longest
            && done + length + 2 <= room
        {
            done += length + 2;
            longest = line;
            match rest.get(done) {
                None | Some(b'\r' | b'\n') => break,
                Some(b'.') if self.dots => break,
                Some(_) => {}
            }
        }
        done
    }

    fn end_line(&mut self, out: &mut Vec<u8>) {
        let empty = self.line == 0;
        self.text(b"\r\n", out);
        if empty {
            self.in_header = false;
        }
        self.line = 0;
        self.at = At::Start;
    }

    /// Counts and appends octets of the message.
    fn text(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        let count = bytes.len() as u64;
        self.size += count;
        self.line += count;
        if let Some(why) = self.crossed() {
            self.spoil(why);
        }
        if self.spoiled.is_none() {
            out.extend_from_slice(bytes);
        }
    }

    /// The bound that was crossed; of several, the one that was crossed first.
    fn crossed(&self) -> Option<Spoiled> {
        let header = if self.in_header { self.bounds.header } else { u64::MAX };
        let beyond = [
            (self.size.saturating_sub(self.bounds.message), Spoiled::Large),
            (self.size.saturating_sub(header), Spoiled::LargeHeader),
            (self.line.saturating_sub(self.bounds.line), Spoiled::LongLine),
        ];
        beyond.into_iter().filter(|(by, _)| *by > 0).max_by_key(|(by, _)| *by).map(|(_, why)| why)
    }

    /// The first reason counts.
    fn spoil(&mut self, why: Spoiled) {
        self.spoiled.get_or_insert(why);
    }
}

#[cfg(test)]
#[path = "data/tests.rs"]
mod tests;
