//! The network stack of one processor.

mod link;

pub use link::{Full, Offloads, PartialChecksum, Receive, RxMeta, Segmentation, Transmit, TxMeta};
