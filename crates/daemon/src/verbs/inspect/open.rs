//! Opens log files: plain, gzip or standard input, and finds out in which year they begin.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom, stdin};
use std::path::{Path, PathBuf};

use flate2::bufread::MultiGzDecoder;
use jiff::tz::TimeZone;
use sekisho_guard::inspect::{Clock, Format, Source};
use sekisho_message::{Time, say};

use super::lines::{Line, Lines};
use super::progress::{Counted, Progress};
use crate::trouble::Trouble;

/// Read at a time, in octets.
const BUFFER: usize = 256 * 1024;
/// A plain file is looked at in so many places to find where years turn in it.
const PROBES: u64 = 512;
/// Octets looked at in each.
const PROBE: u64 = 16 * 1024;
/// Times of change before 2005 are made up: archives that are made reproducibly have them.
const PLAUSIBLE: i64 = 1_104_537_600;

/// How files are read.
#[derive(Clone, Debug)]
pub(super) struct Options {
    pub(super) format: Format,
    pub(super) zone: TimeZone,
    /// When the last line was written at the latest.
    pub(super) until: Option<Time>,
    pub(super) now: Time,
}

/// A file as lines.
pub(super) type Reader = Lines<Box<dyn BufRead>>;

/// Opens a file.
pub(super) fn file(path: &Path, options: &Options, progress: &Progress) -> Result<(Reader, Source), Trouble> {
    let name = path.display().to_string();
    let failed = |error: io::Error| {
        let name = path.display();
        Trouble::could_not(say!(ja: "{name} を読めません: {error}", en: "{name} cannot be read: {error}"))
    };
    if is_stdin(path) {
        let reader = plain_or_gzip(Counted::new(stdin(), progress)).map_err(failed)?;
        return Ok((Lines::new(reader), Source::new(options.format, clock(options, None), "")));
    }
    let file = File::open(path).map_err(failed)?;
    let about = file.metadata().map_err(failed)?;
    if about.is_dir() {
        return Err(failed(io::Error::from(io::ErrorKind::IsADirectory)));
    }
    let changed = about.modified().ok().and_then(|time| jiff::Timestamp::try_from(time).ok());
    let changed = changed.map(|stamp| Time(stamp.as_microsecond())).filter(|time| time.seconds() > PLAUSIBLE);
    let fresh = Source::new(options.format, clock(options, changed), &name);
    let source = if !about.is_file() {
        fresh
    } else {
        let ahead = years_ahead(path, fresh.clone()).map_err(failed)?;
        if ahead == 0 { fresh } else { Source::new(options.format, clock(options, changed).back(ahead), &name) }
    };
    let reader = plain_or_gzip(Counted::new(file, progress)).map_err(failed)?;
    Ok((Lines::new(reader), source))
}

/// Octets of all files together; 0: unknown.
pub(super) fn total(files: &[PathBuf]) -> u64 {
    let sizes = files.iter().map(|path| std::fs::metadata(path).map(|about| about.len()));
    if files.iter().any(|path| is_stdin(path)) { 0 } else { sizes.filter_map(Result::ok).sum() }
}

fn is_stdin(path: &Path) -> bool {
    path.as_os_str() == "-"
}

/// Whatever a file says was written before it was last changed.
fn clock(options: &Options, changed: Option<Time>) -> Clock {
    let until = options.until.or(changed).unwrap_or(options.now);
    Clock::new(options.zone.clone(), until.min(options.now))
}

fn plain_or_gzip(reader: impl Read + 'static) -> io::Result<Box<dyn BufRead>> {
    let mut reader = BufReader::with_capacity(BUFFER, reader);
    let start = reader.fill_buf()?;
    if start.starts_with(&[0x1f, 0x8b]) {
        return Ok(Box::new(BufReader::with_capacity(BUFFER, MultiGzDecoder::new(reader))));
    }
    const OTHERS: [(&[u8], &str); 3] = [(b"\xfd7zXZ\0", "xz"), (b"BZh", "bzip2"), (b"\x28\xb5\x2f\xfd", "zstd")];
    if let Some((_, name)) = OTHERS.iter().find(|(magic, _)| start.starts_with(magic)) {
        let text = format!("it is packed with {name}; unpack it and pass it as -");
        return Err(io::Error::new(io::ErrorKind::Unsupported, text));
    }
    Ok(Box::new(reader))
}

/// By how many years the file ends in the future when its first line is taken to be of the last such day.
fn years_ahead(path: &Path, mut source: Source) -> io::Result<i16> {
    let mut file = File::open(path)?;
    let mut magic = [0; 2];
    let read = file.read(&mut magic)?;
    file.seek(SeekFrom::Start(0))?;
    if magic.get(..read) != Some(&[0x1f, 0x8b]) {
        return probe(file, source);
    }
    let mut lines = Lines::new(BufReader::with_capacity(BUFFER, MultiGzDecoder::new(BufReader::new(file))));
    // A file that breaks off is read as far as it goes, and told of then.
    while let Ok(true) = lines.advance() {
        if !look(&mut source, &lines) {
            return Ok(0);
        }
    }
    Ok(source.years_ahead())
}

/// The same from a few lines here and there.
fn probe(mut file: File, mut source: Source) -> io::Result<i16> {
    let size = file.metadata()?.len();
    let step = (size / PROBES).max(PROBE);
    let mut at = 0;
    while at < size {
        file.seek(SeekFrom::Start(at))?;
        let mut lines = Lines::new(BufReader::new((&file).take(PROBE)));
        // Unless it is the file's first, the first line is cut off.
        let whole = at == 0 || lines.advance()?;
        while whole && lines.advance()? {
            if !look(&mut source, &lines) {
                return Ok(0);
            }
        }
        at += step;
    }
    Ok(source.years_ahead())
}

/// Takes note of a line's time; whether such lines matter at all, because they do not write the year.
fn look<R: BufRead>(source: &mut Source, lines: &Lines<R>) -> bool {
    if let Line::Text(line) = lines.line() {
        source.time(&line);
    }
    !source.writes_years()
}
