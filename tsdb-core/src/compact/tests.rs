//! Merging against plain maps, with failures at every operation; plans that come to rest.

use std::collections::BTreeMap;
use std::sync::Arc;

use proptest::prelude::*;

use super::{
    MergeInput, MergePlan, MergePolicy, beyond_size, expired, merge, plan, plan_full, plan_rewrite,
};
use crate::disk::tests::support::*;
use crate::disk::{Partition, Run, RunMeta, RunSpec, catalog, publish, remove_runs};
use crate::error::Result;
use crate::io::{FaultFs, Fs, OpKind, Unsynced};
use crate::model::{TimeRange, TimeUnits};

fn run_merge(fs: &Arc<dyn Fs>, runs: &[Arc<Run>], spec: RunSpec) -> Result<Option<Arc<Run>>> {
    let inputs: Vec<MergeInput> = runs
        .iter()
        .map(|run| MergeInput {
            run: Arc::clone(run),
            deleted: None,
        })
        .collect();
    let finished = merge(fs, dir(), IDENTITY, &inputs, spec)?;
    Ok(publish(fs, dir(), finished.into_iter().collect(), &end_memory())?.pop())
}

fn metas(runs: &[Arc<Run>]) -> Vec<RunMeta> {
    runs.iter().map(|run| run.meta().clone()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn merged_runs_hold_what_the_inputs_held_the_later_one_winning(
        parts in prop::collection::vec(any_contents(TimeRange::new(0, HOUR_MS - 1), 0..12), 1..5),
    ) {
        let fs = shared(&fault_fs());
        let runs: Vec<Arc<Run>> = (1u64..)
            .zip(&parts)
            .map(|(id, part)| write(&fs, spec(id, id, 0), part).unwrap())
            .collect();
        let expected = merged(&parts);
        prop_assert_eq!(&contents(&runs).unwrap(), &expected);
        let Some(plan) = plan_full(&metas(&runs)) else {
            prop_assert_eq!(runs.len(), 1);
            return Ok(());
        };
        let Some(run) = run_merge(&fs, &runs, plan.spec(99, 5)).unwrap() else {
            prop_assert!(expected.is_empty());
            return Ok(());
        };
        assert_intact(&run);
        prop_assert_eq!(run.meta().tombstones, 5);
        prop_assert_eq!(run.meta().generations.clone(), 1..=parts.len() as u64);
        prop_assert_eq!(run.meta().level, 1);
        prop_assert_eq!(contents(&[run]).unwrap(), expected);
    }
}

#[test]
fn a_series_longer_than_a_span_is_merged_in_spans() {
    let fs = shared(&fault_fs());
    let partition = Partition::of(0, 10 * HOUR_MS);
    let part = |offset: i64, bits| {
        let samples = (0..700_000).map(|i| (i * 50 + offset, bits));
        Contents::from([(labels(&[("a", "b")]), samples.collect())])
    };
    let parts = [part(0, 1), part(0, 2), part(7, 3)];
    let runs: Vec<_> = (1u64..)
        .zip(&parts)
        .map(|(id, part)| {
            let spec = RunSpec {
                partition,
                ..spec(id, id, 0)
            };
            write(&fs, spec, part).unwrap()
        })
        .collect();
    let plan = plan_full(&metas(&runs)).unwrap();
    let run = run_merge(&fs, &runs, plan.spec(9, 0)).unwrap().unwrap();
    assert_eq!(run.meta().samples, 1_400_000);
    assert_eq!(contents(&[run]).unwrap(), merged(&parts));
}

fn two_runs() -> (FaultFs, Vec<Arc<Run>>, Contents) {
    let fs = fault_fs();
    let parts = [small(0, 1), small(2_000, 2)];
    let runs = (1u64..)
        .zip(&parts)
        .map(|(id, part)| write(&shared(&fs), spec(id, id, 0), part).unwrap())
        .collect();
    (fs, runs, merged(&parts))
}

/// Merges all there is and unlinks the inputs, as the store does.
fn compact(fs: &FaultFs, runs: &[Arc<Run>], file_id: u64) -> Result<()> {
    let plan = plan_full(&metas(runs)).unwrap();
    run_merge(&shared(fs), runs, plan.spec(file_id, 0))?;
    remove_runs(fs, dir(), runs)
}

fn check(fs: &FaultFs, expected: &Contents, context: &str) -> usize {
    let opened = catalog::open(fs, dir(), IDENTITY, &end_memory()).unwrap();
    assert!(opened.damaged.is_empty(), "{context}");
    assert_eq!(opened.flushed_generation, Some(2), "{context}");
    assert_eq!(&contents(&opened.runs).unwrap(), expected, "{context}");
    let samples: u64 = opened.runs.iter().map(|run| run.meta().samples).sum();
    if opened.runs.len() == 1 {
        let once: usize = expected.values().map(BTreeMap::len).sum();
        assert_eq!(samples, once as u64, "{context}");
    }
    assert_eq!(
        fs.list(dir()).unwrap().len(),
        opened.runs.len(),
        "{context}"
    );
    opened.runs.len()
}

fn operations() -> u64 {
    let (fs, runs, _) = two_runs();
    let before = fs.ops();
    compact(&fs, &runs, 3).unwrap();
    fs.ops() - before
}

#[test]
fn a_cut_at_every_operation_of_a_merge_leaves_the_data_exactly_once() {
    let mut outcomes = std::collections::BTreeSet::new();
    for n in 1..=operations() + 1 {
        let (fs, runs, expected) = two_runs();
        fs.cut_at(fs.ops() + n);
        let _ = compact(&fs, &runs, 3);
        for unsynced in Unsynced::EACH {
            let context = format!("operation {n}, {unsynced:?}");
            outcomes.insert(check(&fs.crash(unsynced), &expected, &context));
        }
        outcomes.insert(check(
            &fs.kill(),
            &expected,
            &format!("operation {n}, killed"),
        ));
    }
    assert_eq!(outcomes, [1, 2].into());
}

#[test]
fn a_failure_at_every_operation_of_a_merge_and_a_second_try() {
    for (kind, errno) in [
        (OpKind::Mutating, FaultFs::EIO),
        (OpKind::Write, FaultFs::ENOSPC),
        (OpKind::Sync, FaultFs::EIO),
    ] {
        for n in 1..=operations() {
            let (fs, runs, expected) = two_runs();
            fs.fail_once(kind, fs.count(kind) + n, errno);
            let done = compact(&fs, &runs, 3);
            let context = format!("{kind:?} {n}");
            for unsynced in Unsynced::EACH {
                check(&fs.crash(unsynced), &expected, &context);
            }
            fs.heal();
            let opened = catalog::open(&fs, dir(), IDENTITY, &end_memory()).unwrap();
            if opened.runs.len() > 1 {
                assert!(done.is_err(), "{context}");
                compact(&fs, &opened.runs, opened.next_file_id).unwrap();
            }
            assert_eq!(check(&fs, &expected, &context), 1);
        }
    }
}

#[test]
fn what_is_readable_of_a_damaged_input_is_merged_and_what_is_lost_recorded() {
    let fs = fault_fs();
    let noise = |series: u64, t: i64| {
        ((series << 40) ^ (t as u64 + 1)).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 2
    };
    let of_series = |series: u64, seed: u64| {
        let samples = (0..3_000i64).map(move |i| (i * 100, noise(series ^ (seed << 8), i)));
        (
            labels(&[("series", &format!("{series:02}"))]),
            samples.collect(),
        )
    };
    let parts: [Contents; 2] = [
        (0..20).map(|series| of_series(series, 1)).collect(),
        // One series that only this one has, beside those of both.
        (18..22).map(|series| of_series(series, 2)).collect(),
    ];
    let runs: Vec<Arc<Run>> = (1u64..)
        .zip(&parts)
        .map(|(id, part)| write(&shared(&fs), spec(id, id, 0), part).unwrap())
        .collect();
    let mut bytes = fs.contents(runs[0].path()).unwrap();
    bytes[90] ^= 1; // in the first group
    fs.overwrite(runs[0].path(), &bytes);
    compact(&fs, &runs, 3).unwrap();

    let opened = catalog::open(&fs, dir(), IDENTITY, &end_memory()).unwrap();
    let [run] = &opened.runs[..] else {
        panic!("{opened:?}");
    };
    assert_intact(run);
    let [lost] = &run.meta().lost[..] else {
        panic!("{:?}", run.meta().lost);
    };
    let found = contents(&opened.runs).unwrap();
    let expected = merged(&parts);
    let missing = expected
        .keys()
        .filter(|labels| !found.contains_key(labels))
        .count();
    assert!((1..18).contains(&missing), "{missing}");
    assert_eq!(lost.series, Some(missing as u32));
    assert_eq!(lost.samples, Some(3_000 * missing as u64));
    assert_eq!(lost.range, TimeRange::new(0, 299_900));
    assert!(
        found
            .iter()
            .all(|(labels, samples)| expected.get(labels) == Some(samples))
    );

    // The record outlives the next merge as well.
    let late = write(&shared(&fs), spec(4, 4, 0), &small(0, 1)).unwrap();
    compact(&fs, &[Arc::clone(run), late], 5).unwrap();
    let opened = catalog::open(&fs, dir(), IDENTITY, &end_memory()).unwrap();
    assert_eq!(opened.runs[0].meta().lost, [*lost]);
}

fn meta(file_id: u64, partition: i64, bytes: u64) -> RunMeta {
    let partition = Partition::of(partition * HOUR_MS, HOUR_MS);
    RunMeta {
        file_id,
        set_id: file_id,
        part: 1,
        parts: 1,
        partition,
        min_ms: partition.start_ms,
        max_ms: partition.end_ms(),
        generations: file_id..=file_id,
        samples: 1,
        series: 1,
        sealed: false,
        level: 0,
        class: 0,
        classes: 0,
        tombstones: 0,
        units: TimeUnits::default(),
        replaces: Vec::new(),
        lost: Vec::new(),
        bytes,
    }
}

const POLICY: MergePolicy = MergePolicy {
    seal_after_ms: 1_000,
    fan_in: 4,
    max_runs: 16,
    max_bytes: u64::MAX,
    max_series: u64::MAX,
};

fn inputs(plan: Option<MergePlan>) -> Vec<u64> {
    plan.map(|plan| plan.inputs).unwrap_or_default()
}

#[test]
fn four_neighbours_of_like_size_are_merged() {
    const MB: u64 = 1 << 20;
    let sizes = |sizes: &[u64]| -> Vec<RunMeta> {
        (1u64..)
            .zip(sizes)
            .map(|(id, &size)| meta(id, 0, size))
            .collect()
    };
    let due = |runs: &[RunMeta]| inputs(plan(runs, 0, &POLICY));
    assert!(due(&sizes(&[MB, MB, MB])).is_empty());
    assert_eq!(due(&sizes(&[MB, 2 * MB, 3 * MB, MB])), [1, 2, 3, 4]);
    assert!(due(&sizes(&[4 * MB, MB, MB, MB])).is_empty());
    assert_eq!(
        due(&sizes(&[90 * MB, MB / 2, 10, MB / 2, MB / 2, 1])),
        [3, 4, 5, 6]
    );
    // In order of generations, whatever the order given.
    let mut runs = sizes(&[MB, MB, MB, MB]);
    runs.reverse();
    assert_eq!(due(&runs), [1, 2, 3, 4]);
    // Of other partitions none is a neighbour.
    let mut runs = sizes(&[MB, MB, MB, MB]);
    runs[1].partition = Partition::of(HOUR_MS, HOUR_MS);
    assert!(due(&runs).is_empty());
    // Sizes that never are alike must not pile up.
    let uneven: Vec<u64> = (0..17)
        .map(|i| if i % 2 == 0 { MB } else { 100 * MB })
        .collect();
    assert_eq!(due(&sizes(&uneven)).len(), 4);
}

#[test]
fn a_step_has_no_more_bytes_than_it_may() {
    let policy = MergePolicy {
        max_bytes: 4 << 20,
        ..POLICY
    };
    let sealed_at = HOUR_MS + 1_000;
    let past = |sizes: &[u64]| {
        let runs = (1u64..).zip(sizes).map(|(id, &size)| meta(id, 0, size));
        plan(&runs.collect::<Vec<_>>(), sealed_at, &policy)
    };
    assert!(past(&[2 << 20, 2 << 20]).is_some_and(|plan| plan.sealed));
    assert_eq!(past(&[3 << 20, 2 << 20]), None);
    let due = past(&[3 << 20, 1 << 20, 1 << 20, 1 << 20, 1 << 20]).unwrap();
    assert_eq!(
        (due.inputs.as_slice(), due.sealed),
        (&[2, 3, 4, 5][..], false)
    );
    // Not even where there are too many.
    assert_eq!(past(&[3 << 20; 20]), None);
}

#[test]
fn a_step_has_no_more_series_than_it_may() {
    let runs: Vec<RunMeta> = (1..=5).map(|id| meta(id, 0, 7)).collect();
    let series = u64::from(runs[0].series);
    let policy = |max_series| MergePolicy {
        max_series,
        ..POLICY
    };
    assert!(plan(&runs, 0, &policy(4 * series)).is_some());
    assert_eq!(plan(&runs, 0, &policy(4 * series - 1)), None);
    let sealed_at = HOUR_MS + 1_000;
    assert!(plan(&runs, sealed_at, &policy(5 * series)).is_some_and(|plan| plan.sealed));
    let in_part = plan(&runs, sealed_at, &policy(4 * series)).unwrap();
    assert_eq!((in_part.inputs.len(), in_part.sealed), (4, false));
}

#[test]
fn a_past_partition_is_sealed_once() {
    let runs = [meta(1, 0, 500), meta(2, 0, 9_000_000), meta(3, 1, 7)];
    let sealed_at = HOUR_MS - 1 + 1_000;
    assert_eq!(plan(&runs, sealed_at - 1, &POLICY), None);
    let due = plan(&runs, sealed_at, &POLICY).unwrap();
    assert_eq!((due.inputs.as_slice(), due.sealed), (&[1, 2][..], true));
    assert_eq!(due.generations, 1..=2);
    assert_eq!(due.spec(8, 0).replaces, [1, 2]);
    let mut sealed = meta(8, 0, 9_000_000);
    sealed.sealed = true;
    sealed.generations = 1..=2;
    assert_eq!(
        plan(&[sealed.clone(), meta(3, 1, 7)], sealed_at, &POLICY),
        None
    );
    // Late data waits until it is worth it.
    assert_eq!(
        plan(&[sealed.clone(), meta(9, 0, 900)], sealed_at, &POLICY),
        None
    );
    let late = meta(9, 0, 2_000_000);
    assert_eq!(
        inputs(plan(&[sealed.clone(), late.clone()], sealed_at, &POLICY)),
        [8, 9]
    );
    assert_eq!(inputs(plan_full(&[sealed, meta(9, 0, 900)])), [8, 9]);
}

#[test]
fn classes_are_merged_apart_and_not_across_a_change_of_their_matchers() {
    let of = |file_id, class, classes| RunMeta {
        class,
        classes,
        ..meta(file_id, 0, 1)
    };
    let mut runs = vec![of(1, 0, 7), of(2, 1, 7), of(3, 0, 7), of(4, 1, 8)];
    runs.extend([of(5, 0, 8), of(6, 1, 7), of(7, 1, 7)]);
    let plan = plan_full(&runs).unwrap();
    assert_eq!(
        (&plan.inputs[..], plan.class, plan.classes),
        (&[1, 3][..], 0, 7)
    );
    runs.retain(|run| !plan.inputs.contains(&run.file_id));
    let plan = plan_full(&runs).unwrap();
    assert_eq!((&plan.inputs[..], plan.class), (&[6, 7][..], 1));
    runs.retain(|run| !plan.inputs.contains(&run.file_id));
    assert_eq!(plan_full(&runs), None);
}

#[test]
fn a_run_is_rewritten_when_it_is_worth_it() {
    let runs: Vec<RunMeta> = [(1, 800), (2, 800), (3, 4)]
        .map(|(file_id, samples)| RunMeta {
            samples,
            ..meta(file_id, 0, 1)
        })
        .into();
    let rewritten = |deleted: [u64; 3], any| {
        let of = |run: &RunMeta| deleted[run.file_id as usize - 1];
        inputs(plan_rewrite(&runs, of, any))
    };
    assert!(rewritten([0, 99, 0], false).is_empty());
    assert_eq!(rewritten([0, 99, 0], true), [2]);
    assert_eq!(rewritten([100, 101, 1], false), [2]);
    assert_eq!(rewritten([0, 0, 1], false), [3]);
    assert!(rewritten([0, 0, 0], true).is_empty());
}

#[test]
fn expiry_is_of_whole_runs() {
    let mut runs = [meta(1, 0, 1), meta(2, 1, 1)];
    let with = |cutoff_ms| move |_: &RunMeta| cutoff_ms;
    assert_eq!(expired(&runs, with(None)), []);
    assert_eq!(expired(&runs, with(Some(HOUR_MS - 1))), []);
    assert_eq!(expired(&runs, with(Some(HOUR_MS))), [1]);
    runs[1].class = 3;
    let of_class = |run: &RunMeta| (run.class == 3).then_some(i64::MAX);
    assert_eq!(expired(&runs, of_class), [2]);
}

#[test]
fn beyond_the_size_the_oldest_partition_goes_first() {
    let mut runs = [
        meta(1, 1, 50),
        meta(2, 0, 30),
        meta(3, 0, 20),
        meta(4, 2, 100),
    ];
    runs[1].max_ms = 9;
    let gone = |other_bytes, max_bytes| beyond_size(&runs, other_bytes, max_bytes);
    assert_eq!(gone(0, 200), []);
    assert_eq!(gone(1, 200), [2]);
    assert_eq!(gone(0, 150), [2, 3]);
    assert_eq!(gone(51, 200), [2, 3, 1]);
    assert_eq!(gone(201, 200), [2, 3, 1, 4]);
}

proptest! {
    /// Merging in the background ends, in few runs, with what is next to each other.
    #[test]
    fn plans_come_to_rest(
        sizes in prop::collection::vec((0i64..3, 1u64..50_000_000), 0..60),
        newest_ms in 0..4 * HOUR_MS,
        full: bool,
    ) {
        let mut runs: Vec<RunMeta> = (1u64..)
            .zip(&sizes)
            .map(|(id, &(partition, bytes))| meta(id, partition, bytes))
            .collect();
        let mut next_id = 1_000;
        let next = |runs: &[RunMeta]| if full { plan_full(runs) } else { plan(runs, newest_ms, &POLICY) };
        while let Some(plan) = next(&runs) {
            prop_assert!(plan.inputs.len() > 1);
            let (inputs, rest): (Vec<_>, Vec<_>) =
                runs.into_iter().partition(|run| plan.inputs.contains(&run.file_id));
            prop_assert_eq!(inputs.len(), plan.inputs.len());
            let bytes = inputs.iter().map(|run| run.bytes).sum();
            let mut output = meta(next_id, 0, bytes);
            output.partition = plan.partition;
            output.generations = plan.generations.clone();
            output.sealed = plan.sealed;
            for other in rest.iter().filter(|run| run.partition == plan.partition) {
                prop_assert!(
                    other.generations.end() < plan.generations.start()
                        || other.generations.start() > plan.generations.end()
                );
            }
            runs = rest;
            runs.push(output);
            next_id += 1;
        }
        for partition in 0..3 {
            let left = runs.iter().filter(|run| run.partition.start_ms == partition * HOUR_MS).count();
            let most = if full { 1 } else { POLICY.max_runs };
            prop_assert!(left <= most);
        }
    }
}
