//! The settings file.

#[path = "../../src/config/limits.rs"]
pub mod limits;
#[path = "../../src/config/load.rs"]
pub mod load;
#[path = "../../src/config/settings.rs"]
pub mod settings;
