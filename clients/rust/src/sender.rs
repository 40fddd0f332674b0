//! Rows in: a sensor's side.

// SPDX-License-Identifier: Apache-2.0

use crate::error::{Error, Result};
use crate::link::{deadline, within, Link, Options};
use serde_json::Value;
use std::collections::HashMap;
use std::time::{SystemTime, UNIX_EPOCH};

/// A number of one of the types that streams take, or an array of them.
pub trait Sample {
    fn put(&self, payload: &mut Vec<u8>);
}

macro_rules! samples {
    ($($number:ty)*) => { $(
        impl Sample for $number {
            fn put(&self, payload: &mut Vec<u8>) {
                payload.extend_from_slice(&self.to_le_bytes());
            }
        }
    )* };
}
samples!(f32 f64 i8 u8 i16 u16 i32);

impl<T: Sample, const N: usize> Sample for [T; N] {
    fn put(&self, payload: &mut Vec<u8>) {
        self.iter().for_each(|each| each.put(payload));
    }
}

/// What can be sent: one row or several that are dt apart, as a slice of numbers in the stream's type
/// (`&[0.5f32, 2.0]`, NaN = no sample) or of arrays of them; [`Pairs`]; or, to a `json` stream, a
/// [`Value`] (`null` = no sample).
pub trait Rows {
    /// As it goes over the wire; empty = there is nothing to send.
    fn payload(&self) -> Vec<u8>;
}

impl<T: Sample> Rows for [T] {
    fn payload(&self) -> Vec<u8> {
        let mut payload = Vec::with_capacity(std::mem::size_of_val(self));
        self.iter().for_each(|each| each.put(&mut payload));
        payload
    }
}

impl<T: Sample, const N: usize> Rows for [T; N] {
    fn payload(&self) -> Vec<u8> {
        self[..].payload()
    }
}

impl<T: Sample> Rows for Vec<T> {
    fn payload(&self) -> Vec<u8> {
        self[..].payload()
    }
}

/// A partial row, to a stream of type `pairs`: channel and value of those that have news.
#[derive(Clone, Copy, Debug)]
pub struct Pairs<'a>(pub &'a [(u32, f32)]);

impl Rows for Pairs<'_> {
    fn payload(&self) -> Vec<u8> {
        let pair = |(channel, value): &(u32, f32)| [channel.to_le_bytes(), value.to_le_bytes()];
        self.0.iter().flat_map(pair).flatten().collect()
    }
}

impl Rows for Value {
    fn payload(&self) -> Vec<u8> {
        self.to_string().into_bytes()
    }
}

/// When a message's first row was taken, and which message of the stream it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// Nanoseconds since 1970; 0 = not known.
    pub time_ns: i64,
    /// One more with every message.
    pub seq: u64,
}

impl Stamp {
    fn bytes(self) -> Vec<u8> {
        [self.time_ns.to_le_bytes(), self.seq.to_le_bytes()].concat()
    }
}

/// The present time, in nanoseconds since 1970.
pub fn now_ns() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    since.as_nanos().try_into().unwrap_or(i64::MAX)
}

/// Sends rows to spiked's ingest socket. Connects in the background, and anew when spiked was away;
/// rows are never queued for a spiked that is not there: they would be old when it comes.
///
/// Every message is numbered, so that spiked counts what got lost. Dropping waits for rows that were
/// accepted, at most as long as [`Options::linger`] says.
pub struct Sender {
    link: Link,
    options: Options,
    seq: HashMap<String, u64>,
}

impl Sender {
    /// Starts to connect to an endpoint, such as [`INGEST`](crate::INGEST).
    pub fn connect(endpoint: &str) -> Result<Sender> {
        Sender::with(endpoint, Options::default())
    }

    /// The same with options.
    pub fn with(endpoint: &str, options: Options) -> Result<Sender> {
        let link = Link::open(zmq::PUSH, endpoint, &options)?;
        Ok(Sender { link, options, seq: HashMap::new() })
    }

    /// Sends rows of which it is not known when they were taken. Gives the sequence number used.
    pub fn send(&mut self, stream: &str, rows: &(impl Rows + ?Sized)) -> Result<u64> {
        self.send_at(stream, rows, 0)
    }

    /// Sends rows of which the first was taken at `time_ns` (0 = not known); see [`now_ns`].
    pub fn send_at(&mut self, stream: &str, rows: &(impl Rows + ?Sized), time_ns: i64) -> Result<u64> {
        let seq = self.seq.get(stream).copied().unwrap_or(0);
        self.send_stamped(stream, rows, Some(Stamp { time_ns, seq }))?;
        Ok(seq)
    }

    /// Sends rows with a stamp of the caller's, from which counting goes on, or with none.
    pub fn send_stamped(
        &mut self,
        stream: &str,
        rows: &(impl Rows + ?Sized),
        stamp: Option<Stamp>,
    ) -> Result<()> {
        let mut frames = vec![checked(stream)?.as_bytes().to_vec(), rows.payload()];
        if frames[1].is_empty() {
            return Err(Error::Invalid(format!("{stream}: no rows")));
        }
        frames.extend(stamp.map(Stamp::bytes));
        self.push(frames)?;
        if let Some(stamp) = stamp {
            self.seq.insert(stream.to_owned(), stamp.seq.wrapping_add(1));
        }
        Ok(())
    }

    /// Leaves out sequence numbers, so that spiked counts messages that had to be dropped as lost.
    pub fn skip(&mut self, stream: &str, messages: u64) -> Result<()> {
        let seq = self.seq.entry(checked(stream)?.to_owned()).or_default();
        *seq = seq.wrapping_add(messages);
        Ok(())
    }

    fn push(&mut self, frames: Vec<Vec<u8>>) -> Result<()> {
        let end = deadline(self.options.timeout);
        loop {
            match self.link.socket.send_multipart(&frames, zmq::DONTWAIT) {
                Ok(()) => return Ok(()),
                Err(zmq::Error::EAGAIN) => (),
                Err(zmq::Error::EINTR) => continue,
                Err(error) => return Err(error.into()),
            }
            if !self.link.wait(zmq::POLLOUT, end)? {
                return Err(self.blocked());
            }
        }
    }

    fn blocked(&mut self) -> Error {
        let why = match self.link.why() {
            why if why.is_empty() => {
                ": is spiked running, and does every subscriber of a lossless clock read?".into()
            }
            why => why,
        };
        let within = within(self.options.timeout);
        Error::Blocked(format!("{} took no rows{within}{why}", self.link.endpoint))
    }
}

/// The name, if streams can have it.
fn checked(stream: &str) -> Result<&str> {
    let fits = |c: char| c.is_ascii_alphanumeric() || "_.-".contains(c);
    if stream.is_empty() || stream.len() > 64 || !stream.chars().all(fits) {
        return Err(Error::Invalid(format!(
            "\"{stream}\" is no stream's name: those are 1 to 64 of A-Z a-z 0-9 _ . -"
        )));
    }
    Ok(stream)
}
