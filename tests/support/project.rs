//! Where the project is, whichever of its packages is tested.

use std::path::Path;

/// The project's own folder: that of the lockfile.
pub(crate) fn root() -> &'static Path {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut folders = package.ancestors();
    folders.find(|folder| folder.join("Cargo.lock").exists()).expect("a package of the project")
}
