//! Client of spiked, the daemon that turns sensor values into spikes: rows in, frames out, control.
//!
//! ```no_run
//! use spiked::{Control, Receiver, Sender, CONTROL, INGEST, PUBLISH};
//!
//! # fn main() -> spiked::Result<()> {
//! Sender::connect(INGEST)?.send("imu", &[0.5f32, 2.0, 9.8])?;
//! println!("{}", Control::connect(CONTROL)?.info()?["version"]);
//! for message in Receiver::connect(PUBLISH, &["spikes/imu/"])? {
//!     for frame in message?.frames() {
//!         println!("{} {:?}", frame.tick, frame.lines);
//!     }
//! }
//! # Ok(())
//! # }
//! ```
//!
//! Each object has a connection of its own and belongs to one thread at a time; it may be moved to
//! another. The wire is described in `clients/PROTOCOL.md`.

// SPDX-License-Identifier: Apache-2.0

mod control;
mod error;
mod keys;
mod link;
mod receiver;
mod rows;
mod sender;
mod wire;

pub use control::{Control, Outcome};
pub use error::{Error, Refusal, Result};
pub use keys::Keys;
pub use link::Options;
pub use receiver::Receiver;
pub use rows::{RowType, SensorRows};
pub use sender::{now_ns, Pairs, Rows, Sample, Sender, Stamp};
pub use serde_json::{json, Value};
pub use wire::{decode, Content, Flags, Format, Frame, Kind, Message, WireError, CONTROL, INGEST, PUBLISH};

/// The README's program is compiled with the tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
