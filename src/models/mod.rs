//! Model files: what is installed (`store`), checks of their bytes before an engine sees them (`check`), and the
//! cutting of a graph into parts that run one after the other (`cut`).

pub mod catalog;
pub mod check;
pub mod cut;
pub mod desk;
pub mod fetch;
pub mod fit;
pub mod listing;
pub mod machine;
pub mod manager;
pub mod messages;
pub mod policy;
pub mod recommend;
pub mod services;
pub mod store;
