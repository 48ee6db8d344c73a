//! Verifying finds damage, wherever it is, and changes nothing.

use super::*;
use crate::store::verify::verify;

#[test]
fn each_damaged_file_is_named() {
    let fs = FaultFs::new();
    let store = open(&fs).unwrap();
    write(&store, &[("a", NOW, 1.0), ("b", NOW, 2.0)]).unwrap();
    store.flush().unwrap();
    for step in 1..5 {
        write(&store, &[("a", NOW + step * 1_000, 1.0)]).unwrap();
    }
    let fs = fs.kill();
    let dir = Path::new(DIR);
    let report = verify(&fs, dir).unwrap();
    assert_eq!((report.runs, report.samples), (1, 2));
    assert!(report.damages.is_empty(), "{:?}", report.damages);

    let mut files = vec![dir.join("store")];
    for room in ["data", "wal"] {
        let room = dir.join(room);
        files.extend(fs.list(&room).unwrap().iter().map(|name| room.join(name)));
    }
    assert_eq!(files.len(), 3);
    for path in files {
        let whole = fs.contents(&path).unwrap();
        let mut flipped = whole.clone();
        flipped[whole.len() / 2] ^= 0x10;
        fs.overwrite(&path, &flipped);
        let report = verify(&fs, dir).unwrap();
        assert!(
            report.damages.iter().any(|d| d.path == path),
            "{path:?}: {report:?}"
        );
        assert!(
            report.damages.iter().all(|d| d.path == path),
            "{path:?}: {report:?}"
        );
        assert_eq!(fs.contents(&path).unwrap(), flipped, "nothing is changed");
        fs.overwrite(&path, &whole);
    }
}
