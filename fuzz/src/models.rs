//! Checks of model files, the cutting of graphs, and everything between a pack or a catalog and the store.

#[path = "../../src/models/catalog.rs"]
pub mod catalog;
#[path = "../../src/models/check/mod.rs"]
pub mod check;
#[path = "../../src/models/ctranslate2/mod.rs"]
pub mod ctranslate2;
#[path = "../../src/models/cut/mod.rs"]
pub mod cut;
#[path = "../../src/models/digest.rs"]
pub mod digest;
#[path = "../../src/models/elsewhere.rs"]
pub mod elsewhere;
#[path = "../../src/models/fault.rs"]
pub mod fault;
pub mod fetch;
#[path = "../../src/models/gather.rs"]
mod gather;
#[path = "../../src/models/incoming.rs"]
pub mod incoming;
#[path = "../../src/models/judge.rs"]
pub mod judge;
#[path = "../../src/models/library.rs"]
pub mod library;
#[path = "../../src/models/meter.rs"]
pub(crate) mod meter;
#[path = "../../src/models/names.rs"]
pub mod names;
#[path = "../../src/models/pack.rs"]
pub mod pack;
#[path = "../../src/models/record.rs"]
pub mod record;
#[path = "../../src/models/store.rs"]
pub mod store;
#[path = "../../src/models/unpack.rs"]
pub mod unpack;
#[path = "../../src/models/voice_files.rs"]
pub mod voice_files;
#[path = "../../src/models/voice_language.rs"]
mod voice_language;
#[path = "../../src/models/voice_toml.rs"]
pub mod voice_toml;
