//! Model files: what is installed (`store`), checks of their bytes before an engine sees them (`check`), and the
//! cutting of a graph into parts that run one after the other (`cut`).

pub mod catalog;
pub mod check;
pub mod ctranslate2;
pub mod cut;
pub mod desk;
pub mod digest;
pub mod elsewhere;
pub mod fault;
pub mod fetch;
pub mod fit;
#[cfg(test)]
pub(crate) mod fixtures;
pub(crate) mod gather;
pub mod import;
pub mod incoming;
pub mod install;
pub mod judge;
pub mod library;
pub mod listing;
pub mod machine;
pub mod manager;
pub mod messages;
pub(crate) mod meter;
pub mod names;
pub mod note;
pub(crate) mod own_program;
pub mod pack;
pub mod policy;
pub mod probe;
pub mod recommend;
pub mod record;
pub mod services;
pub mod store;
pub mod tally;
pub mod unpack;
pub mod verify;
pub mod voice_files;
pub mod voice_language;
pub mod voice_toml;
