//! Logs made by hand: what is damage, and what it costs.

use super::super::segment::HEADER_LEN;
use super::super::{identity_in_headers, reader, recover};
use super::*;
use crate::error::Error;
use crate::progress::RecoveryProgress;

#[test]
fn an_intact_log_is_read_whole() {
    let fs = put_all(&[
        three(),
        Segment::new(0, 1, 4).frame(4, 3, b"four"),
        Segment::new(3, 0, 5).frame(5, 4, b"five"),
    ]);
    let (frames, recovered) = read(&fs);
    assert_eq!(seqs(&frames), [1, 2, 3, 4, 5]);
    assert_eq!(frames[4], (3, 5, b"five".to_vec()));
    assert_eq!(recovered.damages, []);
    assert_eq!(recovered.torn, None);
    assert_eq!(recovered.generations, [0, 3]);
    assert_eq!(
        recovered.position,
        LogPosition {
            generation: 3,
            segment: 1,
            next_seq: 6
        }
    );
}

#[test]
fn a_log_that_is_not_there_begins_at_one() {
    let fs = FaultFs::new();
    let (frames, recovered) = read(&fs);
    assert!(frames.is_empty());
    assert_eq!(recovered.position, START);
}

#[test]
fn a_bad_frame_before_durable_ones_is_damage_and_costs_itself() {
    let mut segment = three();
    flip(&mut segment, b"two");
    let fs = put_all(&[segment]);
    for _ in 0..2 {
        let (frames, recovered) = read(&fs);
        assert_eq!(seqs(&frames), [1, 3]);
        let [damage] = &recovered.damages[..] else {
            panic!("{:?}", recovered.damages);
        };
        assert_eq!(damage.lost_seqs, Some(2..=2));
        assert_eq!(damage.offset, (HEADER_LEN + OVERHEAD + 3) as u64);
        assert_eq!(damage.bytes, (OVERHEAD + 3) as u64);
        assert_eq!(recovered.torn, None);
        assert_eq!(recovered.position.next_seq, 4);
    }
    assert_eq!(
        reader::read(&fs, dir(), Some(IDENTITY), &|_| false, &mut |_, _| Ok(())).unwrap(),
        read(&fs).1.damages
    );
}

#[test]
fn a_bad_last_frame_is_torn_unless_a_mark_knows_it() {
    let mut segment = three();
    flip(&mut segment, b"three");
    let fs = put_all(&[segment]);
    let (frames, recovered) = read(&fs);
    assert_eq!(seqs(&frames), [1, 2]);
    assert_eq!(recovered.damages, []);
    assert_eq!(recovered.torn.unwrap().bytes, (OVERHEAD + 5) as u64);
    assert_eq!(recovered.position.next_seq, 3);

    let mut segment = three();
    let (id, len) = (segment.id, segment.bytes.len());
    flip(&mut segment, b"three");
    let path = segment.path();
    let fs = put_all(&[segment]);
    mark(&fs, id, 1, 3);
    let (frames, recovered) = read(&fs);
    assert_eq!(seqs(&frames), [1, 2]);
    assert_eq!(recovered.damages[0].lost_seqs, Some(3..=3));
    assert_eq!(recovered.torn, None);
    assert_eq!(recovered.position.next_seq, 4);
    // What is damaged is not cut: someone may want to look at it.
    assert_eq!(fs.contents(&path).unwrap().len(), len);
}

#[test]
fn a_cut_anywhere_is_damage_if_the_mark_knows_of_what_was_behind_it() {
    let whole = Segment::new(1, 0, 4)
        .frame(4, 3, b"four")
        .frame(5, 4, b"five");
    let first_end = HEADER_LEN + OVERHEAD + 4;
    for len in 0..whole.bytes.len() {
        let cut = || Segment {
            id: whole.id,
            bytes: whole.bytes[..len].to_vec(),
        };
        // Alone, and behind another one.
        for before in [false, true] {
            let mut segments = vec![cut()];
            if before {
                segments.insert(0, three());
            }
            let fs = put_all(&segments);
            mark(&fs, whole.id, 4, 5);
            let lost = if len < first_end { 4..=5 } else { 5..=5 };
            for _ in 0..2 {
                let (frames, recovered) = read(&fs);
                let wanted = if before { 1 } else { 4 }..*lost.start();
                assert_eq!(seqs(&frames), wanted.collect::<Vec<_>>(), "{len}");
                let [damage] = &recovered.damages[..] else {
                    panic!("cut to {len}: {:?}", recovered.damages);
                };
                assert_eq!(damage.lost_seqs, Some(lost.clone()), "cut to {len}");
                assert_eq!(damage.generation, 1, "cut to {len}");
                assert_eq!(recovered.torn, None);
                assert_eq!(recovered.position.next_seq, 6);
            }
        }
    }
}

#[test]
fn a_mark_tells_of_a_log_that_is_gone_unless_it_is_in_runs() {
    let fs = new_fs();
    let id = SegmentId {
        generation: 4,
        index: 2,
    };
    mark(&fs, id, 50, 60);
    let (_, recovered) = read(&fs);
    assert_eq!(recovered.damages[0].lost_seqs, Some(50..=60));
    assert_eq!(recovered.damages[0].path, id.path(dir()));
    let (_, recovered) = read_unless(&fs, &|generation| generation <= 4);
    assert_eq!(recovered.damages, []);
    assert_eq!(recovered.position.next_seq, 61, "numbers are given once");
}

#[test]
fn frames_lost_with_the_start_of_the_log_are_told() {
    let damaged = |mut segment: Segment, to: usize| {
        segment.bytes[..to].fill(0);
        segment
    };
    let whole = || {
        Segment::new(1, 0, 4)
            .frame(4, 3, b"four")
            .frame(5, 4, b"five")
            .frame(6, 5, b"six")
    };
    let first_end = HEADER_LEN + OVERHEAD + 4;
    let next = || Segment::new(1, 1, 7).frame(7, 6, b"seven");
    // The header and a part of the first frame; everything.
    for (to, lost, kept) in [
        (first_end - 1, 4..=4, vec![5, 6, 7]),
        (whole().bytes.len(), 6..=6, vec![7]),
    ] {
        let fs = put_all(&[damaged(whole(), to), next()]);
        let (frames, recovered) = read(&fs);
        assert_eq!(seqs(&frames), kept);
        let lost_seqs = recovered.damages.iter().filter_map(|d| d.lost_seqs.clone());
        assert_eq!(lost_seqs.collect::<Vec<_>>(), [lost], "at least these");
    }
}

#[test]
fn a_later_segment_knows_that_the_end_of_the_one_before_was_durable() {
    let mut segment = three();
    flip(&mut segment, b"three");
    let fs = put_all(&[segment, Segment::new(0, 1, 4)]);
    let (frames, recovered) = read(&fs);
    assert_eq!(seqs(&frames), [1, 2]);
    assert_eq!(recovered.damages[0].lost_seqs, Some(3..=3));
    assert_eq!(recovered.position.next_seq, 4);
}

#[test]
fn a_damaged_header_costs_nothing() {
    let mut segment = three();
    segment.bytes[3] ^= 1;
    let fs = put_all(&[segment, Segment::new(0, 1, 4).frame(4, 3, b"four")]);
    let (frames, recovered) = read(&fs);
    assert_eq!(seqs(&frames), [1, 2, 3, 4]);
    assert_eq!(recovered.damages.len(), 1);
    assert_eq!(recovered.damages[0].lost_seqs, None);
    assert_eq!(identity_in_headers(&fs, dir()).unwrap(), Some(IDENTITY));
}

#[test]
fn a_segment_that_is_gone_is_damage() {
    let fs = put_all(&[three(), Segment::new(0, 2, 6).frame(6, 5, b"six")]);
    let (frames, recovered) = read(&fs);
    assert_eq!(seqs(&frames), [1, 2, 3, 6]);
    assert_eq!(recovered.damages[0].lost_seqs, Some(4..=5));
    assert_eq!(recovered.damages[0].bytes, 0);
}

#[test]
fn flushed_generations_are_unlinked_and_leave_no_gap() {
    let segments = || {
        [
            three(),
            Segment::new(1, 0, 4).frame(4, 3, b"four"),
            Segment::new(2, 0, 5).frame(5, 4, b"five"),
        ]
    };
    let fs = put_all(&segments());
    let (frames, recovered) = read_unless(&fs, &|generation| generation == 1);
    assert_eq!(seqs(&frames), [1, 2, 3, 5]);
    assert_eq!(recovered.damages, []);
    assert_eq!(recovered.generations, [0, 2]);

    let (frames, recovered) = read_unless(&fs, &|_| true);
    assert!(frames.is_empty());
    assert_eq!(recovered.generations, []);
    assert_eq!(recovered.position.generation, 3);
    assert!(fs.list(dir()).unwrap().is_empty());
}

#[test]
fn a_segment_of_another_store_is_left_alone() {
    let other = Segment::new(0, 1, 4).frame(4, 3, b"four");
    let mut foreign = Segment::new(0, 1, 4);
    foreign.bytes = SegmentHeader {
        id: foreign.id,
        first_seq: 4,
        identity: StoreIdentity { id: 1, ..IDENTITY },
    }
    .to_bytes()
    .to_vec();
    foreign.bytes.extend(&other.bytes[HEADER_LEN..]);
    let (path, bytes) = (foreign.path(), foreign.bytes.clone());
    let fs = put_all(&[three(), foreign]);
    let (frames, recovered) = read(&fs);
    assert_eq!(seqs(&frames), [1, 2, 3]);
    assert_eq!(recovered.damages[0].what, "segment belongs elsewhere");
    assert_eq!(fs.contents(&path).unwrap(), bytes);
    assert_eq!(recovered.position.segment, 2);
}

#[test]
fn without_any_identity_nothing_is_cut() {
    let mut segment = three();
    segment.bytes[3] ^= 1;
    let (path, bytes) = (segment.path(), segment.bytes.clone());
    let fs = put_all(&[segment]);
    let recovered = recover(
        &fs,
        dir(),
        None,
        &|_| false,
        &RecoveryProgress::default(),
        &mut |_, _| Ok(()),
    )
    .unwrap();
    assert_eq!(recovered.frames, 0);
    assert_eq!(recovered.damages.len(), 1);
    assert_eq!(fs.contents(&path).unwrap(), bytes);

    // With another segment's header the same frames are read.
    Segment::new(0, 1, 4).put(&fs);
    let recovered = recover(
        &fs,
        dir(),
        None,
        &|_| false,
        &RecoveryProgress::default(),
        &mut |_, _| Ok(()),
    )
    .unwrap();
    assert_eq!(recovered.frames, 3);
}

#[test]
fn a_newer_version_is_refused_by_name() {
    let mut segment = three();
    segment.bytes[4] += 1;
    let crc = crate::codec::crc::crc32(&[], &segment.bytes[..HEADER_LEN - 4]);
    segment.bytes[HEADER_LEN - 4..HEADER_LEN].copy_from_slice(&crc.to_le_bytes());
    let fs = put_all(&[segment]);
    let error = recover(
        &fs,
        dir(),
        Some(IDENTITY),
        &|_| false,
        &RecoveryProgress::default(),
        &mut |_, _| Ok(()),
    )
    .unwrap_err();
    assert!(matches!(error, Error::UnsupportedFormat { found: 4, .. }));
}

#[test]
fn payloads_that_look_like_frames_do_not_fool_the_reader() {
    // A client stores a frame inside a frame; the outer one is damaged.
    let inner = Segment::new(0, 0, 1).frame(2, 1, b"forged").bytes[HEADER_LEN..].to_vec();
    let mut segment = Segment::new(0, 0, 1)
        .frame(1, 0, b"one")
        .frame(2, 1, &[b"two ", &inner[..]].concat())
        .frame(3, 2, b"three");
    flip(&mut segment, b"two ");
    let fs = put_all(&[segment]);
    let (frames, recovered) = read(&fs);
    assert_eq!(seqs(&frames), [1, 3]);
    assert_eq!(recovered.damages[0].lost_seqs, Some(2..=2));
}
