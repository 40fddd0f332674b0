//! Frames out: a subscriber's side.

// SPDX-License-Identifier: Apache-2.0

use crate::error::{Error, Result};
use crate::link::{deadline, within, Link, Options};
use crate::wire::{decode, Content, Message, WireError};
use std::collections::HashMap;
use std::time::{Duration, Instant};

/// Epoch, and seq and tick where the topic has them.
type Place = (u64, Option<(u64, u64)>);

/// Subscribes to topics and gives their messages: [`Receiver::recv`], or iterate over it.
///
/// Connects in the background, and anew when spiked was away. Every message says what got lost before
/// it: `missed` from seq, `gap` from tick, `restarted` from epoch, for each topic by itself. Messages
/// that break the protocol are counted and passed over.
pub struct Receiver {
    link: Link,
    options: Options,
    last: HashMap<String, Place>,
    missed: u64,
    malformed: u64,
    fault: Option<WireError>,
}

impl Receiver {
    /// Starts to connect to an endpoint, such as [`PUBLISH`](crate::PUBLISH), and subscribes. A topic is
    /// a prefix; end a whole one with "/".
    pub fn connect(endpoint: &str, topics: &[&str]) -> Result<Receiver> {
        Receiver::with(endpoint, topics, Options::default())
    }

    /// The same with options.
    pub fn with(endpoint: &str, topics: &[&str], options: Options) -> Result<Receiver> {
        let link = Link::open(zmq::SUB, endpoint, &options)?;
        let last = HashMap::new();
        let receiver = Receiver { link, options, last, missed: 0, malformed: 0, fault: None };
        topics.iter().try_for_each(|topic| receiver.subscribe(topic))?;
        Ok(receiver)
    }

    /// Subscribes to one more topic.
    pub fn subscribe(&self, topic: &str) -> Result<()> {
        Ok(self.link.socket.set_subscribe(topic.as_bytes())?)
    }

    /// Ends a subscription. The topics' counts are forgotten: a later subscription starts anew.
    pub fn unsubscribe(&mut self, topic: &str) -> Result<()> {
        self.link.socket.set_unsubscribe(topic.as_bytes())?;
        self.last.retain(|known, _| !known.starts_with(topic));
        Ok(())
    }

    /// The next message; [`Error::Silence`] when none came within the timeout of the options.
    pub fn recv(&mut self) -> Result<Message> {
        self.recv_within(self.options.timeout)
    }

    /// The next message that comes within this time; zero = that is there already, `None` = ever.
    pub fn recv_within(&mut self, timeout: Option<Duration>) -> Result<Message> {
        let end = deadline(timeout);
        loop {
            let frames = match self.link.socket.recv_multipart(zmq::DONTWAIT) {
                Ok(frames) => frames,
                Err(zmq::Error::EINTR) => continue,
                Err(zmq::Error::EAGAIN) if self.link.wait(zmq::POLLIN, end)? => continue,
                Err(zmq::Error::EAGAIN) => return Err(self.silence(timeout)),
                Err(error) => return Err(error.into()),
            };
            match decode(&frames) {
                Ok(mut message) => {
                    self.account(&mut message);
                    return Ok(message);
                }
                Err(fault) => {
                    self.malformed += 1;
                    self.fault = Some(fault);
                }
            }
            // A flood of malformed messages has an end too.
            if end.map_or(false, |end| Instant::now() >= end) {
                return Err(self.silence(timeout));
            }
        }
    }

    /// Messages missed so far, on all topics.
    pub fn missed(&self) -> u64 {
        self.missed
    }

    /// Messages so far that broke the protocol.
    pub fn malformed(&self) -> u64 {
        self.malformed
    }

    /// What was wrong with the last one of them.
    pub fn fault(&self) -> Option<&WireError> {
        self.fault.as_ref()
    }

    fn silence(&mut self, timeout: Option<Duration>) -> Error {
        let why = self.link.why();
        Error::Silence(format!("nothing from {}{}{why}", self.link.endpoint, within(timeout)))
    }

    fn account(&mut self, message: &mut Message) {
        let (epoch, counts) = match place(message) {
            Some(place) => place,
            None => return,
        };
        match self.last.insert(message.topic.clone(), (epoch, counts)) {
            Some((before, _)) if before != epoch => message.restarted = true,
            Some((_, Some((seq, tick)))) => {
                let (new_seq, new_tick) = counts.unwrap_or((seq, tick));
                message.missed = new_seq.saturating_sub(seq).saturating_sub(1);
                message.gap = new_tick.saturating_sub(tick).saturating_sub(1);
                self.missed += message.missed;
            }
            _ => (),
        }
    }
}

fn place(message: &Message) -> Option<Place> {
    match &message.content {
        Content::Frames(frames) => frames.first().map(|frame| (frame.epoch, Some((frame.seq, frame.tick)))),
        Content::Json(json) => {
            let epoch = u64::from_str_radix(json["epoch"].as_str()?, 16).ok()?;
            Some((epoch, json["seq"].as_u64().zip(json["tick"].as_u64())))
        }
        // Several of its messages may be of one tick, and others of none: `gap` says nothing here.
        Content::Rows(rows) => Some((rows.epoch, Some((rows.seq, 0)))),
        Content::Other(_) => None,
    }
}

/// For ever, unless the options have a timeout: then a [`Error::Silence`] is an item, and what comes
/// after it is given too.
impl Iterator for Receiver {
    type Item = Result<Message>;

    fn next(&mut self) -> Option<Result<Message>> {
        Some(self.recv())
    }
}
