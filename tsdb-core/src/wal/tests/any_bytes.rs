//! Whatever bytes there are, they are met with an answer.

use proptest::prelude::*;

use super::*;

/// What a bad disk, or a bad neighbour, does to a file.
#[derive(Clone, Debug)]
enum Blow {
    Set(prop::sample::Index, u8),
    Zero(prop::sample::Index, usize),
    Cut(prop::sample::Index),
    Insert(prop::sample::Index, Vec<u8>),
    Swap,
}

fn blow() -> impl Strategy<Value = Blow> {
    use prop::sample::Index;
    prop_oneof![
        4 => (any::<Index>(), any::<u8>()).prop_map(|(at, byte)| Blow::Set(at, byte)),
        2 => (any::<Index>(), 0..200_usize).prop_map(|(at, len)| Blow::Zero(at, len)),
        1 => any::<Index>().prop_map(Blow::Cut),
        1 => (any::<Index>(), prop::collection::vec(any::<u8>(), 0..100))
            .prop_map(|(at, bytes)| Blow::Insert(at, bytes)),
        1 => Just(Blow::Swap),
    ]
}

fn strike(segments: &mut [Segment], target: prop::sample::Index, blow: Blow) {
    let len = segments.len();
    let target = target.index(len);
    let bytes = &mut segments[target].bytes;
    match blow {
        Blow::Set(at, byte) if !bytes.is_empty() => {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        Blow::Zero(at, n) if !bytes.is_empty() => {
            let at = at.index(bytes.len());
            let end = bytes.len().min(at + n);
            bytes[at..end].fill(0);
        }
        Blow::Cut(at) => bytes.truncate(at.index(bytes.len() + 1)),
        Blow::Insert(at, new) => {
            let at = at.index(bytes.len() + 1);
            bytes.splice(at..at, new);
        }
        Blow::Swap => {
            let mine = std::mem::take(&mut segments[target].bytes);
            let other = (target + 1) % len;
            let theirs = std::mem::replace(&mut segments[other].bytes, mine);
            if other != target {
                segments[target].bytes = theirs;
            }
        }
        Blow::Set(..) | Blow::Zero(..) => {}
    }
}

proptest! {
    #[test]
    fn whatever_happens_nothing_is_invented(
        blows in prop::collection::vec((any::<prop::sample::Index>(), blow()), 1..5),
        marked: bool,
    ) {
        let payload = |seq: u64| vec![b'a' + u8::try_from(seq).unwrap(); usize::try_from(seq).unwrap() * 7];
        let mut segments = Vec::new();
        for n in 0..4_u64 {
            let first = n * 3 + 1;
            let mut segment = Segment::new(n / 2, u32::try_from(n % 2).unwrap(), first);
            for seq in first..first + 3 {
                segment = segment.frame(seq, seq - 1, &payload(seq));
            }
            segments.push(segment);
        }
        for (target, blow) in blows {
            strike(&mut segments, target, blow);
        }
        let fs = put_all(&segments);
        if marked {
            mark(&fs, SegmentId { generation: 1, index: 1 }, 10, 12);
        }
        let (frames, recovered) = read(&fs);
        let mut lost: Vec<u64> = Vec::new();
        for damage in &recovered.damages {
            lost.extend(damage.lost_seqs.clone().into_iter().flatten());
        }
        let mut all = seqs(&frames);
        prop_assert!(all.is_sorted_by(|a, b| a < b), "{all:?}");
        for (generation, seq, bytes) in &frames {
            prop_assert_eq!(*generation, (seq - 1) / 6);
            prop_assert_eq!(bytes, &payload(*seq));
        }
        // Up to the last number that is known, each is there or reported, unless the beginning is lost without a trace.
        all.extend(&lost);
        all.sort_unstable();
        prop_assert!(all.windows(2).all(|w| w[1] == w[0] + 1), "{all:?}");
        prop_assert!(!marked || all.last() == Some(&12), "{all:?}");
        if let Some(last) = all.last() {
            prop_assert_eq!(recovered.position.next_seq, last + 1);
        }
        // The second time everything is the same, and nothing is left to cut.
        let (again, second) = read(&fs);
        prop_assert_eq!(again, frames);
        prop_assert_eq!(second.torn, None);
        prop_assert_eq!(second.position.next_seq, recovered.position.next_seq);
    }

    #[test]
    fn arbitrary_bytes_never_panic(
        files in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..300), 1..4),
    ) {
        let segments: Vec<Segment> = files
            .into_iter()
            .zip(0..)
            .map(|(bytes, index)| Segment { bytes, ..Segment::new(0, index, 1) })
            .collect();
        let (frames, _) = read(&put_all(&segments));
        prop_assert!(frames.is_empty());
    }
}
