//! Export: the samples of selected series as a stream, in formats that others read.
//!
//! * A series is read in pieces, so that neither a long series nor a slow client costs memory: what is held is the list
//!   of the series, one piece, and what waits for the network.
//! * An answer that cannot be given whole is cut off in the middle of its chunked encoding, so that nobody takes it for
//!   all there is.

pub(crate) mod csv;
mod exact;
pub(crate) mod federate;
pub(crate) mod json_lines;
pub(crate) mod remote_read;
mod series;
mod stream;

#[cfg(fuzzing)]
pub(crate) use remote_read::fuzz_request as fuzz_read_request;
