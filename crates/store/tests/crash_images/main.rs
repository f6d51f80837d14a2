//! Power cuts. A scripted run is recorded: after each acknowledgement, what the disk holds and what a reader sees.
//! Then the machine "dies" at every point between two acknowledgements, with every prefix of what was being written,
//! and with garbage where writes were under way; each time the store that opens is what was acknowledged, or that and
//! the one step that was under way, never anything else.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod image;
mod script;

use image::{Image, Opened, torn, wal_frames};
use script::Run;

#[test]
fn what_was_acknowledged_is_there() {
    let run = Run::recorded();
    assert!(run.images.len() > 40);
    for (n, image) in run.images.iter().enumerate() {
        assert_eq!(image.open(), Opened::Well(image.seen.clone()), "after step {n}");
    }
}

#[test]
fn every_prefix_of_the_log_is_a_state_that_was() {
    let run = Run::recorded();
    let mut cuts = 0;
    for (n, pair) in run.images.windows(2).enumerate() {
        let [before, after] = pair else { continue };
        let images = prefixes(before, after);
        for image in &images {
            cuts += 1;
            let read = image.read();
            let was = read == before.seen || read == after.seen;
            assert!(was, "step {n}, {} octets of the log: {read}", image.wal.len());
        }
        // One of them as the server itself starts on it, with its own check.
        if let Some(image) = images.get(n % images.len().max(1)) {
            let opened = image.open();
            let either = [&before.seen, &after.seen].map(|seen| Opened::Well(seen.clone()));
            assert!(either.contains(&opened), "step {n}: {opened:?}");
        }
    }
    assert!(cuts > 500, "{cuts}");
}

#[test]
fn garbage_after_what_was_synced_changes_nothing() {
    let run = Run::recorded();
    for (n, pair) in run.images.windows(2).enumerate() {
        let [before, after] = pair else { continue };
        if after.wal.len() <= before.wal.len() {
            continue;
        }
        // The disk reordered: the end of what was being written is there, its beginning is not.
        let mut image = after.clone();
        let hole = before.wal.len()..(before.wal.len() + 512).min(image.wal.len());
        for (place, octet) in image.wal[hole].iter_mut().enumerate() {
            *octet = (place * 31 + n) as u8;
        }
        image.blobs = before.blobs.clone();
        assert_eq!(image.open(), Opened::Well(before.seen.clone()), "step {n}");
    }
}

#[test]
fn a_checkpoint_that_was_cut_off_is_done_again() {
    let run = Run::recorded();
    let mut cuts = 0;
    for pair in run.images.windows(2) {
        let [before, after] = pair else { continue };
        if before.seen != after.seen || before.db == after.db {
            continue;
        }
        // A checkpoint writes pages into the database in any order while the log stays as it is.
        for seed in 0..8 {
            cuts += 1;
            let image = Image { db: torn(&before.db, &after.db, seed), ..before.clone() };
            assert_eq!(image.open(), Opened::Well(before.seen.clone()));
        }
    }
    assert!(cuts >= 16, "{cuts}");
}

/// The states of the disk between two images: the log that grows, frame by frame and within frames, or is begun again.
fn prefixes(before: &Image, after: &Image) -> Vec<Image> {
    let shared = before.wal.iter().zip(&after.wal).take_while(|(a, b)| a == b).count();
    let same_end = |n: &usize| before.wal.get(*n) == after.wal.get(*n);
    let written_to = (0..after.wal.len()).rev().find(|n| !same_end(n)).map_or(shared, |last| last + 1);
    let mut lengths = wal_frames(&after.wal);
    lengths.retain(|end| (shared..=written_to).contains(end));
    let inside: Vec<usize> = lengths.iter().flat_map(|end| [end + 24, end + 700]).collect();
    lengths.extend(inside);
    lengths.extend([shared, written_to]);
    // Files of bodies are there before the transaction, or are not needed.
    let written = |length: usize| {
        let mut wal = after.wal[..length].to_vec();
        // When the log was begun again, the rest of the old one still lies behind.
        if before.wal.len() > length {
            wal.extend_from_slice(&before.wal[length..]);
        }
        Image { wal, db: before.db.clone(), blobs: after.blobs.clone(), seen: String::new() }
    };
    let same_database = before.db == after.db;
    lengths.into_iter().filter(|length| same_database && *length <= written_to).map(written).collect()
}
