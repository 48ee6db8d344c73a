//! Logs made by hand: what is a torn tail, and how the log goes on after it.

use super::super::segment::HEADER_LEN;
use super::*;

#[test]
fn tails_of_all_kinds_are_torn_and_then_gone() {
    let half = three().bytes[..HEADER_LEN + 20].to_vec();
    let tails: [Vec<Segment>; 7] = [
        vec![three().bytes(&[0; 4096])],
        vec![three().bytes(&half[HEADER_LEN..])],
        vec![three().bytes(b"\xf7wal")],
        vec![three(), Segment::new(0, 1, 4)],
        vec![
            three(),
            Segment {
                bytes: Vec::new(),
                ..Segment::new(0, 1, 4)
            },
        ],
        vec![
            three(),
            Segment {
                bytes: vec![0; 1000],
                ..Segment::new(1, 0, 4)
            },
        ],
        // A stretch inside one unfinished write: what follows it was never acknowledged either.
        vec![three().bytes(&[0; 50]).frame(5, 2, b"five")],
    ];
    for tail in tails {
        let fs = put_all(&tail);
        let (frames, recovered) = read(&fs);
        assert_eq!(seqs(&frames), [1, 2, 3]);
        assert_eq!(recovered.damages, []);
        assert_eq!(recovered.position.next_seq, 4);
        assert_eq!(fs.contents(&three().path()).unwrap(), three().bytes);
        assert_eq!(recovered.generations, [0]);
        let (again, recovered) = read(&fs);
        assert_eq!(again, frames);
        assert_eq!(recovered.torn, None);
    }
}

/// Removing the only header made the second recovery begin again at 1, although frames up to 6 had been durable.
#[test]
fn a_header_that_alone_knows_the_next_number_is_kept() {
    let segment = Segment::new(1, 0, 7).bytes(b"half a frame");
    let path = segment.path();
    let fs = put_all(&[segment, Segment::new(1, 1, 7)]);
    for _ in 0..2 {
        let (frames, recovered) = read(&fs);
        assert!(frames.is_empty());
        assert_eq!(recovered.position.next_seq, 7);
        assert_eq!(fs.contents(&path).unwrap(), Segment::new(1, 0, 7).bytes);
        assert_eq!(fs.list(dir()).unwrap().len(), 1);
    }
}

/// Cutting frame 7 took away all that knew that frames 4 and 5 had been durable: the next recovery took the damage for
/// the end of the log, and frame 5 was lost.
#[test]
fn a_torn_tail_that_knows_of_damage_is_not_cut() {
    let mut segment = three()
        .frame(4, 3, b"four")
        .frame(5, 3, b"five")
        .frame(6, 5, b"six")
        .frame(7, 5, b"seven");
    flip(&mut segment, b"four");
    flip(&mut segment, b"six");
    let fs = put_all(&[segment]);
    for _ in 0..2 {
        let (frames, recovered) = read(&fs);
        assert_eq!(seqs(&frames), [1, 2, 3, 5]);
        assert_eq!(recovered.damages[0].lost_seqs, Some(4..=4));
        assert_eq!(recovered.position.next_seq, 6);
    }
    let wal = open(&fs, read(&fs).1.position, 500, Durability::Always);
    let seq = wal.append(b"six again");
    wal.wait(seq).unwrap();
    drop(wal);
    let (frames, recovered) = read(&fs);
    assert_eq!(seqs(&frames), [1, 2, 3, 5, 6]);
    assert_eq!(frames[4].2, b"six again");
    assert_eq!(recovered.damages.len(), 1);
}

#[test]
fn after_a_torn_tail_the_log_goes_on_without_damage() {
    let fs = put_all(&[three().bytes(&[0xff; 100])]);
    let (frames, recovered) = read(&fs);
    assert!(recovered.torn.is_some());
    let mut wanted = frames;
    let mut position = recovered.position;
    for _ in 0..3 {
        let wal = open(&fs, position, 100, Durability::Always);
        for text in ["a", "b", "c"] {
            let seq = wal.append(text.as_bytes());
            wal.wait(seq).unwrap();
            wanted.push((0, seq, text.as_bytes().to_vec()));
        }
        drop(wal);
        let (frames, recovered) = read(&fs);
        assert_eq!(frames, wanted);
        assert_eq!(recovered.damages, []);
        assert_eq!(recovered.torn, None);
        position = recovered.position;
    }
}

#[test]
fn frames_of_a_failed_write_give_way_to_the_second_try() {
    // Of the first try a part is left, with a hole; it stands again in the next segment.
    let fs = put_all(&[
        three()
            .frame(4, 3, b"four, first try")
            .bytes(b"half a frame")
            .frame(6, 3, b"six, first try"),
        Segment::new(0, 1, 4)
            .frame(4, 3, b"four")
            .frame(5, 3, b"five")
            .frame(6, 3, b"six"),
    ]);
    let (frames, recovered) = read(&fs);
    assert_eq!(seqs(&frames), [1, 2, 3, 4, 5, 6]);
    assert_eq!(frames[3].2, b"four");
    assert_eq!(frames[5].2, b"six");
    assert_eq!(recovered.damages, []);
    assert_eq!(recovered.torn, None);
}
