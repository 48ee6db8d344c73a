//! The catalogue through restarts and damage.

use std::fs;

use proptest::prelude::*;

use super::*;
use crate::value::FieldType;

const FILE: &str = "influx.catalog";

fn add(catalog: &Catalog, changes: Vec<Change>) {
    catalog.change(|_| Ok((changes, ()))).unwrap();
}

fn name() -> impl Strategy<Value = String> {
    prop::sample::select(vec!["a", "b", "a b", "é", ""]).prop_map(str::to_owned)
}

fn change() -> impl Strategy<Value = Change> {
    let policy = (name(), any::<i64>(), any::<i64>(), any::<u32>());
    let policy = policy.prop_map(|(name, duration_ns, shard_ns, replication)| Policy {
        name,
        duration_ns,
        shard_ns,
        replication,
    });
    let types = [
        FieldType::Float,
        FieldType::Integer,
        FieldType::Boolean,
        FieldType::String,
    ];
    let kind = (prop::sample::select(types.to_vec()), any::<bool>());
    let kind = kind.prop_map(|(field_type, labelled)| Field {
        field_type,
        labelled,
    });
    prop_oneof![
        name().prop_map(Change::CreateDatabase),
        name().prop_map(Change::DropDatabase),
        (name(), policy).prop_map(|(database, policy)| Change::PutPolicy { database, policy }),
        (name(), name()).prop_map(|(database, policy)| Change::DropPolicy { database, policy }),
        (name(), name()).prop_map(|(database, policy)| Change::DefaultPolicy { database, policy }),
        (name(), name(), name(), kind).prop_map(|(database, measurement, field, kind)| {
            Change::AddField {
                database,
                measurement,
                field,
                kind,
            }
        }),
        (name(), name()).prop_map(|(database, measurement)| {
            Change::DropMeasurement {
                database,
                measurement,
            }
        }),
        (name(), any::<bool>()).prop_map(|(name, admin)| Change::PutUser { name, admin }),
        name().prop_map(Change::DropUser),
    ]
}

/// Number of fields that there are.
fn counted(state: &State) -> usize {
    let databases = state.databases().iter();
    let measurements = databases.flat_map(|database| database.measurements.values());
    measurements.map(std::collections::BTreeMap::len).sum()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_restart_changes_nothing(changes in prop::collection::vec(change(), 0..40)) {
        let dir = tempfile::tempdir().unwrap();
        let catalog = Catalog::open(Some(dir.path())).unwrap();
        for change in changes {
            add(&catalog, vec![change]);
        }
        let before = catalog.read().clone();
        prop_assert_eq!(before.fields(), counted(&before));
        drop(catalog);
        for _ in 0..2 {
            let catalog = Catalog::open(Some(dir.path())).unwrap();
            prop_assert_eq!(&*catalog.read(), &before);
        }
    }

    #[test]
    fn any_bytes_are_an_answer(bytes in prop::collection::vec(any::<u8>(), 0..100)) {
        let _ = Change::decode(&bytes);
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join(FILE), &bytes).unwrap();
        let _ = Catalog::open(Some(dir.path()));
    }
}

/// The file of two databases, and where the last change begins in it.
fn two_databases(dir: &std::path::Path) -> (Vec<u8>, usize) {
    let catalog = Catalog::open(Some(dir)).unwrap();
    add(&catalog, vec![Change::CreateDatabase("one".to_owned())]);
    let end = fs::read(dir.join(FILE)).unwrap().len();
    add(&catalog, vec![Change::CreateDatabase("two".to_owned())]);
    (fs::read(dir.join(FILE)).unwrap(), end)
}

#[test]
fn a_change_that_was_cut_is_gone_and_those_before_stay() {
    let dir = tempfile::tempdir().unwrap();
    let (whole, last) = two_databases(dir.path());
    for cut in last..whole.len() {
        fs::write(dir.path().join(FILE), &whole[..cut]).unwrap();
        let catalog = Catalog::open(Some(dir.path())).unwrap();
        assert!(catalog.read().database("one").is_some(), "{cut}");
        assert!(catalog.read().database("two").is_none(), "{cut}");
    }
}

#[test]
fn damage_before_the_end_costs_what_it_hit() {
    let dir = tempfile::tempdir().unwrap();
    let (whole, last) = two_databases(dir.path());
    for at in 0..last {
        let mut damaged = whole.clone();
        damaged[at] ^= 0x10;
        fs::write(dir.path().join(FILE), &damaged).unwrap();
        let catalog = Catalog::open(Some(dir.path())).unwrap();
        let one_is_hit = at >= 8;
        assert_eq!(catalog.read().database("one").is_none(), one_is_hit, "{at}");
        assert!(catalog.read().database("two").is_some(), "{at}");
        let kept = fs::read(dir.path().join("influx.catalog.damaged")).unwrap();
        assert_eq!(kept, damaged, "{at}");
    }
}

#[test]
fn another_version_is_refused_and_left_as_it_is() {
    let dir = tempfile::tempdir().unwrap();
    let newer = b"TSDBIC\x02\0 in a form that is not known yet";
    fs::write(dir.path().join(FILE), newer).unwrap();
    assert!(Catalog::open(Some(dir.path())).is_err());
    assert_eq!(fs::read(dir.path().join(FILE)).unwrap(), newer);
}

/// It kept the server from starting, although there was nothing to lose.
#[test]
fn a_damaged_header_without_changes_costs_nothing() {
    let empty = b"TSDBIC\x01\0";
    for at in 0..=empty.len() {
        let dir = tempfile::tempdir().unwrap();
        let mut flipped = empty.to_vec();
        flipped.get_mut(at).into_iter().for_each(|byte| *byte ^= 4);
        for bytes in [&empty[..at], &flipped] {
            fs::write(dir.path().join(FILE), bytes).unwrap();
            drop(Catalog::open(Some(dir.path())).unwrap());
            assert_eq!(fs::read(dir.path().join(FILE)).unwrap(), empty);
        }
    }
}

#[test]
fn the_file_is_as_documented() {
    let dir = tempfile::tempdir().unwrap();
    let (whole, _) = two_databases(dir.path());
    let expected = [
        b"TSDBIC\x01\0".as_slice(),
        &[8, 0, 0, 0],
        &crc32fast::hash(b"\x08\0\0\0\x01\x03\0\0\0one").to_le_bytes(),
        b"\x01\x03\0\0\0one",
        &[8, 0, 0, 0],
        &crc32fast::hash(b"\x08\0\0\0\x01\x03\0\0\0two").to_le_bytes(),
        b"\x01\x03\0\0\0two",
    ];
    assert_eq!(whole, expected.concat());
}

#[test]
fn a_metric_name_of_two_fields_is_ambiguous() {
    let mut state = State::default();
    state.apply(&Change::CreateDatabase("d".to_owned()));
    let field = |measurement: &str, field: &str| Change::AddField {
        database: "d".to_owned(),
        measurement: measurement.to_owned(),
        field: field.to_owned(),
        kind: Field {
            field_type: FieldType::Float,
            labelled: false,
        },
    };
    state.apply(&field("a_b", "c"));
    let database = state.database("d").unwrap();
    assert!(database.is_ambiguous("a", "b_c"));
    assert!(
        !database.is_ambiguous("a_b", "c"),
        "it is that field itself"
    );
    assert!(!database.is_ambiguous("a", "b"));
}

#[test]
fn a_catalogue_that_cannot_be_written_is_read_and_written_with_the_first_change() {
    let dir = tempfile::tempdir().unwrap();
    let named = |catalog: &Catalog, name: &str| catalog.read().database(name).is_some();
    let catalog = Catalog::open(Some(dir.path())).unwrap();
    add(&catalog, vec![Change::CreateDatabase("a".into())]);
    drop(catalog);
    // Nothing can be written under the temporary name.
    let taken = dir.path().join("influx.catalog.tmp");
    fs::create_dir(&taken).unwrap();
    let catalog = Catalog::open(Some(dir.path())).unwrap();
    assert!(named(&catalog, "a"));
    let change = || catalog.change(|_| Ok((vec![Change::CreateDatabase("b".into())], ())));
    assert!(change().is_err() && !named(&catalog, "b"));
    fs::remove_dir(&taken).unwrap();
    change().unwrap();
    drop(catalog);
    let catalog = Catalog::open(Some(dir.path())).unwrap();
    assert!(named(&catalog, "a") && named(&catalog, "b"));
}
