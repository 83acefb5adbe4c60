//! How a model that was put in place is listed. `hark::models::install` itself names the network.

use super::fault::InstallError;
use super::library::{Installed, Library, Origin};
use super::record::Record;
use std::path::Path;

/// As in Hark.
pub(super) fn found(library: &Library, record: &Record, place: &Path) -> Result<Installed, InstallError> {
    let listed = library.installed().into_iter().find(|model| model.folder == place);
    Ok(listed.unwrap_or_else(|| Installed {
        id: record.id.clone(),
        name: record.name.clone(),
        kind: record.kind,
        file: place.join(record.files.first().map(|file| file.name.as_str()).unwrap_or_default()),
        folder: place.to_owned(),
        bytes: record.bytes(),
        starter: false,
        origin: Origin::Library,
        writable: true,
        record: Some(record.clone()),
    }))
}
