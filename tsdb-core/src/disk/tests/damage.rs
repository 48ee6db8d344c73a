//! A damaged run is an error, or right: never wrong, never a panic.

use std::sync::Arc;

use super::support::*;
use crate::budget::MemoryBudget;
use crate::disk::{EndMemory, Run, catalog};
use crate::error::Error;
use crate::index::FoundPairs;
use crate::io::Fs;
use crate::model::{Columns, Labels, testing};

/// Two groups of different timestamps, and some labels.
fn sample_contents() -> Contents {
    let mut all = small(0, 3);
    let mut bits = 1u64;
    for i in 0..200 {
        let samples = (0..30i64)
            .map(|t| {
                bits = bits.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(7);
                (t * 1_000, bits)
            })
            .collect();
        all.insert(labels(&[("x", &format!("value {i}"))]), samples);
    }
    // Booleans, strings and integers.
    for (kind, from) in [("b", 0), ("s", 100), ("i", 101)] {
        let samples = (0..30u16).map(|t| {
            let number = if from == 0 { t % 2 } else { from + 2 * t };
            let bits = testing::bits_of_field_number(number);
            (i64::from(t) * 1_000_000_007, bits)
        });
        all.insert(labels(&[("job", "y"), ("x", kind)]), samples.collect());
    }
    all.insert(
        labels(&[("z", "constant")]),
        (0..600).map(|t| (t * 1_000, 7)).collect(),
    );
    all
}

/// Reads all that still opens; whatever is read must be what was written.
fn check(fs: &dyn Fs, path: &std::path::Path, written: &Contents) -> Result<(), Error> {
    let run = Run::open(fs, path, IDENTITY, &end_memory())?;
    let read = contents(&[Arc::clone(&run)])?;
    assert_eq!(&read, written);
    for labels in written.keys() {
        assert!(
            run.index()
                .find(labels.as_bytes(), &mut FoundPairs::default())?
                .is_some()
        );
    }
    Ok(())
}

#[test]
fn every_flipped_byte_is_found() {
    let fs = fault_fs();
    let written = sample_contents();
    let run = write(&shared(&fs), spec(1, 1, 0), &written).unwrap();
    let intact = fs.contents(run.path()).unwrap();
    assert!(intact.len() > 16 << 10);
    // Every byte of the header, some of the first group and the footer, fewer of the others.
    let (first, others) = (24, 100..intact.len() - 230);
    let is_tried = |at: &usize| {
        let every = if others.contains(at) { 397 } else { 3 };
        *at < first || at.is_multiple_of(every)
    };
    for at in (0..intact.len()).filter(is_tried) {
        let mut bytes = intact.clone();
        bytes[at] ^= 1 << (at % 8);
        fs.overwrite(run.path(), &bytes);
        let opened = Run::open(&fs, run.path(), IDENTITY, &end_memory()).unwrap();
        let damages = opened.check(&mut |_| true).unwrap();
        let [damage] = &damages[..] else {
            panic!("byte {at}: {damages:?}");
        };
        let Error::Corrupt { offset, .. } = damage.error else {
            panic!("byte {at}: {damages:?}");
        };
        let hit = offset..offset + damage.bytes;
        assert!(hit.contains(&(at as u64)), "byte {at}: {damages:?}");
        // Of the header the footer says the same, the end of the file is mended, and what mends it is not needed.
        if at < 24 || at as u64 >= run.groups_end() {
            check(&fs, run.path(), &written).unwrap();
            assert_eq!(damage.lost, None);
        } else {
            let error = check(&fs, run.path(), &written).unwrap_err();
            assert!(error.is_corruption(), "byte {at}: {error}");
        }
    }
    fs.overwrite(run.path(), &intact);
    check(&fs, run.path(), &written).unwrap();
}

#[test]
fn a_bad_sector_costs_no_more_than_damage_in_it() {
    let fs = fault_fs();
    let mut written = sample_contents();
    // So many labels that the end of the file is longer than what stands twice.
    for i in 0..1_000u64 {
        let label = format!("{:x}", i.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        written.insert(labels(&[("noise", &label)]), [(0, i)].into());
    }
    let run = write(&shared(&fs), spec(1, 1, 0), &written).unwrap();
    let (path, groups_end) = (run.path().to_owned(), run.groups_end());
    let len = run.meta().bytes;
    let no_memory = EndMemory::of(&MemoryBudget::new(0));
    for at in (0..len).step_by(4096) {
        fs.go_bad(&path, at..at + 4096);
        let opened = Run::open(&fs, &path, IDENTITY, &end_memory()).unwrap();
        if at >= groups_end {
            // Mended before anything of it is read through a map.
            Run::open(&fs, &path, IDENTITY, &no_memory).unwrap();
        }
        let damages = opened.check(&mut |_| true).unwrap();
        assert!(!damages.is_empty(), "byte {at}");
        for damage in &damages {
            let (Error::Corrupt { offset, .. } | Error::Unreadable { offset, .. }) = damage.error
            else {
                panic!("byte {at}: {damages:?}");
            };
            assert!(
                offset < at + 4096 && offset + damage.bytes > at,
                "byte {at}: {damages:?}"
            );
        }
        let cache = crate::disk::GroupCache::new(1 << 20);
        let mut lost = 0;
        for id in 0..opened.index().series_len() {
            let mut out = Columns::default();
            let all = crate::model::TimeRange::ALL;
            let on_lost = &mut |_, error: Error| {
                assert!(matches!(error, Error::Unreadable { .. }), "{error}");
                lost += 1;
                Ok(())
            };
            opened
                .read_series(id, all, &cache, &mut out, on_lost)
                .unwrap();
        }
        assert_eq!(lost > 0, damages.iter().any(|damage| damage.lost.is_some()));
    }
}

#[test]
fn a_file_of_any_other_length_is_found() {
    let fs = fault_fs();
    let written = small(0, 3);
    let run = write(&shared(&fs), spec(1, 1, 0), &written).unwrap();
    let intact = fs.contents(run.path()).unwrap();
    let mut mended = 0;
    for len in 0..intact.len() {
        fs.overwrite(run.path(), &intact[..len]);
        match Run::open(&fs, run.path(), IDENTITY, &end_memory()) {
            Ok(run) => {
                assert_eq!(run.mended().count(), 1, "{len} bytes");
                check(&fs, run.path(), &written).unwrap();
                mended += 1;
            }
            Err(error) => assert!(error.is_corruption(), "{len} bytes: {error}"),
        }
    }
    assert!(mended > 100, "{mended}");
    let mut longer = intact.clone();
    longer.push(0);
    fs.overwrite(run.path(), &longer);
    check(&fs, run.path(), &written).unwrap();
    let run = Run::open(&fs, run.path(), IDENTITY, &end_memory()).unwrap();
    assert_eq!(run.mended().count(), 1);
}

#[test]
fn a_damaged_group_costs_its_series_only() {
    let fs = fault_fs();
    let written = sample_contents();
    let run = write(&shared(&fs), spec(1, 1, 0), &written).unwrap();
    let mut bytes = fs.contents(run.path()).unwrap();
    bytes[100] ^= 1;
    fs.overwrite(run.path(), &bytes);
    let run = Run::open(&fs, run.path(), IDENTITY, &end_memory()).unwrap();
    let cache = crate::disk::GroupCache::new(1 << 20);
    let mut failed = 0;
    for id in 0..run.index().series_len() {
        let labels: Labels = run.index().labels(id).unwrap();
        let mut out = columns(&[(i64::MIN, 5)].into());
        match read_strictly(&run, id, crate::model::TimeRange::ALL, &cache, &mut out) {
            Ok(()) => assert_eq!(out.len(), written[&labels].len() + 1),
            Err(error) => {
                failed += 1;
                assert!(error.is_corruption());
                assert_eq!(out.times_ms, [i64::MIN], "what was there stays");
            }
        }
    }
    assert!(failed > 0 && failed < run.index().series_len());
    assert_eq!(run.check(&mut |_| true).unwrap().len(), 1);
}

#[test]
fn a_damaged_table_of_timestamps_costs_the_series_that_use_it() {
    let fs = fault_fs();
    // Each series has times of its own, so that there are two tables.
    let written: Contents = (0..11i64)
        .map(|i| {
            let samples = (0..8_000i64).map(|t| (t * 300 + i, 7));
            (labels(&[("a", &format!("{i:02}"))]), samples.collect())
        })
        .collect();
    let run = write(&shared(&fs), spec(1, 1, 0), &written).unwrap();
    assert_intact(&run);
    let mut bytes = fs.contents(run.path()).unwrap();
    // The header of a table: its codec stands behind the magic.
    let tables = bytes
        .windows(8)
        .enumerate()
        .filter_map(|(at, window)| (window.starts_with(b"TSGR") && window[6] == 3).then_some(at));
    let tables: Vec<usize> = tables.collect();
    assert_eq!(tables.len(), 2);
    bytes[tables[1] + 60] ^= 4;
    fs.overwrite(run.path(), &bytes);
    let run = Run::open(&fs, run.path(), IDENTITY, &end_memory()).unwrap();
    let cache = crate::disk::GroupCache::new(1 << 20);
    for (id, samples) in (0u32..).zip(written.values()) {
        let mut out = columns(&[(i64::MIN, 5)].into());
        let read = read_strictly(&run, id, crate::model::TimeRange::ALL, &cache, &mut out);
        assert_eq!(read.is_ok(), id < 9, "series {id}");
        assert_eq!(read.is_ok(), run.last_sample(id, &cache).is_ok());
        let len = if read.is_ok() { samples.len() } else { 0 };
        assert_eq!(out.len(), len + 1);
        // The directory is whole.
        assert_eq!(run.weight_of(id), 8_000);
    }
    assert_eq!(run.check(&mut |_| true).unwrap().len(), 1);
}

#[test]
fn a_damaged_file_is_set_aside_and_its_id_not_used_again() {
    let fs = fault_fs();
    let (a, b) = (small(0, 1), small(HOUR_MS, 2));
    write(&shared(&fs), spec(1, 1, 0), &a).unwrap();
    let run = write(&shared(&fs), spec(2, 2, HOUR_MS), &b).unwrap();
    let path = run.path();
    let mut bytes = fs.contents(path).unwrap();
    bytes.truncate(40);
    fs.overwrite(path, &bytes);

    let opened = catalog::open(&fs, dir(), IDENTITY, &end_memory()).unwrap();
    assert_eq!(contents(&opened.runs).unwrap(), a);
    assert_eq!(
        (opened.next_file_id, opened.flushed_generation),
        (3, Some(1))
    );
    assert_eq!(opened.damaged.len(), 1);
    assert_eq!(opened.damaged[0].0, path);
    let aside = path.with_extension("run.damaged");
    assert_eq!(fs.contents(&aside).unwrap(), bytes);

    let again = catalog::open(&fs, dir(), IDENTITY, &end_memory()).unwrap();
    assert_eq!((again.next_file_id, again.damaged.len()), (3, 0));
    assert_eq!(
        catalog::identity_in_footers(&fs, dir()).unwrap(),
        Some(IDENTITY)
    );
}

#[test]
fn inputs_live_while_what_replaces_them_is_damaged() {
    let fs = fault_fs();
    let (a, b) = (small(0, 1), small(0, 2));
    write(&shared(&fs), spec(1, 1, 0), &a).unwrap();
    write(&shared(&fs), spec(2, 2, 0), &b).unwrap();
    let both = merged(&[a, b]);
    let mut spec = spec(3, 1, 0);
    spec.generations = 1..=2;
    spec.replaces = vec![1, 2];
    let run = write(&shared(&fs), spec, &both).unwrap();
    let intact = fs.contents(run.path()).unwrap();

    let damaged = fs.kill();
    damaged.overwrite(run.path(), &intact[1..]);
    let opened = catalog::open(&damaged, dir(), IDENTITY, &end_memory()).unwrap();
    assert_eq!((opened.runs.len(), opened.damaged.len()), (2, 1));
    assert_eq!(contents(&opened.runs).unwrap(), both);

    // A damaged input is of no use any more.
    let input = dir().join("8000000000000000-0000000000000001.run");
    fs.overwrite(&input, b"junk");
    let opened = catalog::open(&fs, dir(), IDENTITY, &end_memory()).unwrap();
    assert_eq!(
        (opened.runs.len(), opened.damaged.len(), opened.swept),
        (1, 0, 2)
    );
    assert_eq!(contents(&opened.runs).unwrap(), both);
    assert_eq!(fs.list(dir()).unwrap().len(), 1);
}

#[test]
fn a_newer_format_stops_the_open_and_changes_nothing() {
    let fs = fault_fs();
    let run = write(&shared(&fs), spec(1, 1, 0), &small(0, 1)).unwrap();
    let mut bytes = fs.contents(run.path()).unwrap();
    bytes[8] += 1;
    let identity = crate::disk::checksum::FileIdentity {
        store_id: IDENTITY.id,
        file_id: 1,
    };
    let crc = identity.crc(0, &bytes[..20]).to_le_bytes();
    bytes[20..24].copy_from_slice(&crc);
    fs.overwrite(run.path(), &bytes);
    let ops = fs.ops();
    let error = catalog::open(&fs, dir(), IDENTITY, &end_memory()).unwrap_err();
    let newer = crate::disk::header::FORMAT_VERSION + 1;
    assert!(matches!(error, Error::UnsupportedFormat { found, .. } if found == newer));
    assert_eq!(fs.ops(), ops);
}
