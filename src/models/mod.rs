//! Model files: what is installed (`store`), and checks of their bytes before an engine sees them (`check`).

pub mod check;
pub mod store;
