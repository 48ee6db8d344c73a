//! Golden files of this version's formats: bytes that were committed, against bytes that are written.

use std::path::Path;

/// Set, the files are written anew. Before 0.1.0 a format may change; from then on a golden file is only ever added.
const WRITE: &str = "TSDB_WRITE_GOLDEN";

/// The committed bytes of `testdata/golden/dev/<name>`, which must be those that are written now.
pub(crate) fn committed(name: &str, written: &[u8]) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../testdata/golden/dev")
        .join(name);
    if std::env::var_os(WRITE).is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, written).unwrap();
    }
    let committed = std::fs::read(&path).unwrap();
    assert!(
        committed == written,
        "{} differs from what is written: a change of the format, or set {WRITE}",
        path.display()
    );
    committed
}
