//! Several files as one stream of lines in the order of time.

use std::io;
use std::path::PathBuf;

use sekisho_guard::inspect::{Inspector, Source};
use sekisho_message::{Time, say};

use super::lines::Line;
use super::open::{self, Options, Reader};
use super::progress::Progress;
use crate::trouble::Trouble;

/// Lines between two looks at the clock.
const BATCH: usize = 4_096;

/// The files that have lines left.
pub(super) struct Merge {
    files: Vec<OneFile>,
    /// Files that could be read to the end, or at least in part.
    well: usize,
}

struct OneFile {
    name: String,
    reader: Reader,
    source: Source,
    /// The time of the line in hand.
    at: Time,
}

impl Merge {
    /// Opens all. A file that cannot be opened is an error: nobody wants a verdict on half of the logs.
    pub(super) fn open(
        paths: &[PathBuf],
        options: &Options,
        inspector: &mut Inspector,
        progress: &Progress,
    ) -> Result<Self, Trouble> {
        let mut merge = Self { files: Vec::with_capacity(paths.len()), well: 0 };
        for path in paths {
            let (reader, source) = open::file(path, options, progress)?;
            let mut one = OneFile { name: path.display().to_string(), reader, source, at: Time(i64::MIN) };
            if merge.next(&mut one, inspector) {
                merge.files.push(one);
            }
        }
        Ok(merge)
    }

    /// Passes some lines on; whether there may be more.
    pub(super) fn feed(&mut self, inspector: &mut Inspector) -> Result<bool, Trouble> {
        let Some(index) = (0..self.files.len()).min_by_key(|&n| self.files.get(n).map(|file| file.at)) else {
            return if self.well > 0 { Ok(false) } else { Err(nothing()) };
        };
        let others = self.files.iter().enumerate().filter(|(n, _)| *n != index).map(|(_, file)| file.at).min();
        let mut one = self.files.swap_remove(index);
        for _ in 0..BATCH {
            if let Line::Text(line) = one.reader.line() {
                inspector.line(&mut one.source, &line, &one.name, one.reader.number);
            }
            let more = match others {
                Some(_) => self.next(&mut one, inspector),
                None => self.next_alone(&mut one, inspector),
            };
            if !more {
                return Ok(true);
            }
            if others.is_some_and(|other| one.at > other) {
                break;
            }
        }
        self.files.push(one);
        Ok(true)
    }

    /// Goes to the next line that has a time; whether there is one.
    fn next(&mut self, one: &mut OneFile, inspector: &mut Inspector) -> bool {
        while self.next_alone(one, inspector) {
            let Line::Text(line) = one.reader.line() else { continue };
            if let Some(time) = one.source.time(&line) {
                // A file that jumps back is read on, not sorted anew.
                one.at = one.at.max(time);
                return true;
            }
            inspector.line(&mut one.source, &line, &one.name, one.reader.number);
        }
        false
    }

    /// The same where there is nothing to merge: a line of whatever kind, short enough to be read.
    fn next_alone(&mut self, one: &mut OneFile, inspector: &mut Inspector) -> bool {
        loop {
            match one.reader.advance() {
                Ok(true) => {}
                Ok(false) => {
                    self.well += 1;
                    return false;
                }
                Err(error) => {
                    self.well += usize::from(one.reader.number > 0);
                    broken(one, inspector, &error);
                    return false;
                }
            }
            match one.reader.line() {
                Line::Text(_) => return true,
                Line::TooLong(start) => inspector.too_long(&start, &one.name, one.reader.number),
            }
        }
    }
}

/// A file that breaks off, as a packed file that is not whole does: what came before counts.
fn broken(one: &OneFile, inspector: &mut Inspector, error: &io::Error) {
    inspector.too_long(&format!("({error})"), &one.name, one.reader.number + 1);
}

fn nothing() -> Trouble {
    Trouble::could_not(say!(ja: "どのファイルも読めませんでした。", en: "None of the files could be read."))
}
