//! Where the module is that these tests are about.

use std::path::{Path, PathBuf};

/// What `make wasm` made, or the module that `TOLLGATE_WASM` names.
pub fn module() -> PathBuf {
    if let Some(path) = std::env::var_os("TOLLGATE_WASM") {
        return path.into();
    }
    let mut folders = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors();
    let project = folders.find(|folder| folder.join("demo/wasm.sh").exists()).expect("the project");
    let target = std::env::var_os("CARGO_TARGET_DIR").unwrap_or_else(|| "target".into());
    let built = project.join(target).join("wasm32-wasip1");
    let (path, as_cargo_made_it) =
        (built.join("release/tollgate.wasm"), built.join("wasm-opt/before.wasm"));
    let module = std::fs::read(&path)
        .unwrap_or_else(|error| panic!("{}: {error}; `make wasm` makes it", path.display()));
    assert!(
        std::fs::read(as_cargo_made_it).is_ok_and(|bytes| bytes != module),
        "{} is what Cargo makes: `make wasm` makes the one that ships",
        path.display()
    );
    path
}
