//! The settings file, and the folders of this user.

#[path = "../../src/config/limits.rs"]
pub mod limits;
#[path = "../../src/config/load.rs"]
pub mod load;
#[path = "../../src/config/paths.rs"]
pub mod paths;
#[path = "../../src/config/settings.rs"]
pub mod settings;
