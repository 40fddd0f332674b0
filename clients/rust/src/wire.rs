//! Bytes to messages: `clients/PROTOCOL.md` in Rust. No sockets here.

// SPDX-License-Identifier: Apache-2.0

use crate::rows::SensorRows;
use serde_json::Value;
use std::fmt;

/// Where spiked takes rows unless configured otherwise.
pub const INGEST: &str = "tcp://127.0.0.1:7570";
/// Where it publishes.
pub const PUBLISH: &str = "tcp://127.0.0.1:7571";
/// Where it is steered.
pub const CONTROL: &str = "tcp://127.0.0.1:7572";

const HEADER_SIZE: usize = 64;
const NEGATIVE: u32 = 1 << 31;

/// A message that does not follow the protocol.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WireError(String);

impl fmt::Display for WireError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for WireError {}

/// What a frame tells of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Spikes of the stream's lines.
    Spikes,
    /// The analogue value of each line, such as membrane voltages.
    State,
    /// The value of each channel that the tick used.
    Values,
}

/// How a frame's payload came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// A word for each spike.
    Words,
    /// A bit for each line.
    Bitmap,
    /// Floats.
    F32,
    /// A word for each spike, then a float for each.
    Graded,
}

/// What was special about a tick; bits that this client does not know are kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flags(pub u16);

impl Flags {
    /// Ran a whole dt or more after its time.
    pub const LATE: Flags = Flags(1);
    /// Comes right after ticks that were skipped.
    pub const GAP: Flags = Flags(2);
    /// Had no fresh row for `stale_after`, or never had one.
    pub const STALE: Flags = Flags(4);
    /// Began with cleared state.
    pub const RESET: Flags = Flags(8);
    /// Is the first of a window.
    pub const WINDOW: Flags = Flags(16);
    /// Is the first after state came from a snapshot.
    pub const RESTORED: Flags = Flags(32);

    const NAMES: [(Flags, &'static str); 6] = [
        (Flags::LATE, "late"),
        (Flags::GAP, "gap"),
        (Flags::STALE, "stale"),
        (Flags::RESET, "reset"),
        (Flags::WINDOW, "window"),
        (Flags::RESTORED, "restored"),
    ];

    /// Whether all of these are set.
    pub fn contains(self, flags: Flags) -> bool {
        self.0 & flags.0 == flags.0
    }

    /// The names of those set, as in `json/`.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        Flags::NAMES.into_iter().filter(move |(flag, _)| self.contains(*flag)).map(|(_, name)| name)
    }
}

/// One tick of one stream: of `spikes/`, `state/` or `values/`, or a part of a bundle.
#[derive(Clone, Debug, PartialEq)]
pub struct Frame {
    pub kind: Kind,
    pub format: Format,
    pub flags: Flags,
    /// Drawn when the daemon starts: when it changes, every count began anew.
    pub epoch: u64,
    pub tick: u64,
    /// Counts the messages of the topic (in a bundle: of the bundle's).
    pub seq: u64,
    /// Of the tick, nanoseconds since 1970.
    pub time_ns: i64,
    /// Of the newest row that the tick used; 0 = not known.
    pub source_ns: i64,
    pub dt_ns: u32,
    /// Lines of the stream (channels, in `values/`).
    pub line_count: u32,
    /// Line of each spike, ascending; a line with several spikes is there several times.
    pub lines: Vec<u32>,
    /// +1 or -1 for each spike; graded spikes have their sign in `values`.
    pub signs: Vec<i8>,
    /// Of each line (`state/`), channel (`values/`) or spike (graded); else empty.
    pub values: Vec<f32>,
}

impl Frame {
    /// Line and value of each spike: the graded value, or else its sign.
    pub fn spikes(&self) -> impl Iterator<Item = (u32, f32)> + '_ {
        let graded = self.format == Format::Graded;
        let value = move |i| if graded { self.values[i] } else { f32::from(self.signs[i]) };
        self.lines.iter().enumerate().map(move |(i, &line)| (line, value(i)))
    }

    /// One number a line: the sum of its spikes. For `state/` and `values/` the values themselves.
    pub fn dense(&self) -> Vec<f32> {
        if self.format == Format::F32 {
            return self.values.clone();
        }
        let mut dense = vec![0.0; self.line_count as usize];
        for (line, value) in self.spikes() {
            dense[line as usize] += value;
        }
        dense
    }
}

/// What a message carries.
#[derive(Clone, Debug, PartialEq)]
pub enum Content {
    /// `spikes/`, `state/` or `values/`: one; `bundle/`: one for each stream, in the order of
    /// `group_streams` in the meta.
    Frames(Vec<Frame>),
    /// Of `json/`, `meta/` or `status/`: an object.
    Json(Value),
    /// Of `rows/`.
    Rows(SensorRows),
    /// The frames after the topic, of one that this client does not know.
    Other(Vec<Vec<u8>>),
}

/// A message, and what a receiver noticed between the one before on the same topic and this one.
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    pub topic: String,
    pub content: Content,
    /// Messages of the topic that this receiver lost (from seq).
    pub missed: u64,
    /// Ticks without a message here: lost ones, ones that spiked skipped (then the flag is set) or
    /// did not send for want of spikes.
    pub gap: u64,
    /// The daemon was started anew: seq, tick and time began again.
    pub restarted: bool,
}

impl Message {
    /// What the topic begins with: "spikes", "meta" …
    pub fn kind(&self) -> &str {
        self.topic.split('/').next().unwrap_or("")
    }

    /// The stream (or a bundle's group); "" for `status/`.
    pub fn stream(&self) -> &str {
        let mut parts = self.topic.split('/').skip(1);
        match (parts.next(), parts.next()) {
            (Some(stream), Some("")) => stream,
            _ => "",
        }
    }

    /// The frames; none in other messages.
    pub fn frames(&self) -> &[Frame] {
        match &self.content {
            Content::Frames(frames) => frames,
            _ => &[],
        }
    }

    /// The rows of `rows/`; `None` in other messages.
    pub fn rows(&self) -> Option<&SensorRows> {
        match &self.content {
            Content::Rows(rows) => Some(rows),
            _ => None,
        }
    }

    /// The object of `json/`, `meta/` or `status/`; `Null` in other messages.
    pub fn json(&self) -> &Value {
        match &self.content {
            Content::Json(value) => value,
            _ => &Value::Null,
        }
    }
}

/// A received message, all its ZeroMQ frames, topic first.
pub fn decode<T: AsRef<[u8]>>(frames: &[T]) -> Result<Message, WireError> {
    let (first, rest) = frames.split_first().ok_or_else(|| WireError("an empty message".into()))?;
    let topic = std::str::from_utf8(first.as_ref())
        .map_err(|_| WireError("the topic is not text".into()))?
        .to_owned();
    let content = content(&topic, rest).map_err(|why| WireError(format!("{topic}: {why}")))?;
    Ok(Message { topic, content, missed: 0, gap: 0, restarted: false })
}

fn content<T: AsRef<[u8]>>(topic: &str, rest: &[T]) -> Result<Content, String> {
    let wanted = match topic.split('/').next().unwrap_or("") {
        "json" | "meta" | "status" => return document(rest).map(Content::Json),
        "spikes" => Some(Kind::Spikes),
        "state" => Some(Kind::State),
        "values" => Some(Kind::Values),
        "bundle" => None,
        "rows" => return sensor_rows(rest).map(Content::Rows),
        _ => return Ok(Content::Other(rest.iter().map(|f| f.as_ref().to_vec()).collect())),
    };
    if rest.is_empty() || rest.len() % 2 != 0 || wanted.is_some() && rest.len() != 2 {
        return Err(format!("{} frames after the topic", rest.len()));
    }
    let mut parts = Vec::with_capacity(rest.len() / 2);
    for pair in rest.chunks_exact(2) {
        let part = frame(pair[0].as_ref(), pair[1].as_ref())?;
        if wanted.map_or(false, |kind| kind != part.kind) {
            return Err(format!("the header says {:?}", part.kind));
        }
        parts.push(part);
    }
    Ok(Content::Frames(parts))
}

fn sensor_rows<T: AsRef<[u8]>>(rest: &[T]) -> Result<SensorRows, String> {
    match rest {
        [header, payload] => SensorRows::read(header.as_ref(), payload.as_ref(), None),
        [header, payload, stamp] => SensorRows::read(header.as_ref(), payload.as_ref(), Some(stamp.as_ref())),
        _ => Err(format!("{} frames after the topic", rest.len())),
    }
}

fn document<T: AsRef<[u8]>>(rest: &[T]) -> Result<Value, String> {
    let text = match rest {
        [text] => text.as_ref(),
        _ => return Err(format!("{} frames after the topic, not JSON alone", rest.len())),
    };
    match serde_json::from_slice(text) {
        Ok(value @ Value::Object(_)) => Ok(value),
        Ok(_) => Err("not a JSON object".into()),
        Err(error) => Err(format!("not JSON: {error}")),
    }
}

pub(crate) fn bytes<const N: usize>(from: &[u8], at: usize) -> [u8; N] {
    let mut bytes = [0; N];
    bytes.copy_from_slice(&from[at..at + N]);
    bytes
}

/// Whether it is one.
pub(crate) fn check_header(header: &[u8]) -> Result<(), String> {
    if header.len() != HEADER_SIZE {
        return Err(format!("a header of {} bytes, not {HEADER_SIZE}", header.len()));
    }
    if &header[..4] != b"SPK1" {
        return Err("the magic is not SPK1: not version 1 of spiked's protocol".into());
    }
    Ok(())
}

fn frame(header: &[u8], payload: &[u8]) -> Result<Frame, String> {
    check_header(header)?;
    let kind = match header[4] {
        1 => Kind::Spikes,
        2 => Kind::State,
        3 => Kind::Values,
        other => return Err(format!("kind {other} is not known to this client")),
    };
    let format = match header[5] {
        1 => Format::Words,
        2 => Format::Bitmap,
        3 => Format::F32,
        4 => Format::Graded,
        other => return Err(format!("format {other} is not known to this client")),
    };
    if (kind == Kind::Spikes) == (format == Format::F32) {
        return Err(format!("{kind:?} do not come as {format:?}"));
    }
    let mut frame = Frame {
        kind,
        format,
        flags: Flags(u16::from_le_bytes(bytes(header, 6))),
        epoch: u64::from_le_bytes(bytes(header, 8)),
        tick: u64::from_le_bytes(bytes(header, 16)),
        seq: u64::from_le_bytes(bytes(header, 24)),
        time_ns: i64::from_le_bytes(bytes(header, 32)),
        source_ns: i64::from_le_bytes(bytes(header, 40)),
        dt_ns: u32::from_le_bytes(bytes(header, 48)),
        line_count: u32::from_le_bytes(bytes(header, 52)),
        lines: Vec::new(),
        signs: Vec::new(),
        values: Vec::new(),
    };
    let count = u32::from_le_bytes(bytes(header, 56));
    if format == Format::Bitmap {
        read_bitmap(&mut frame, payload, count)?;
    } else {
        read_numbers(&mut frame, payload, count)?;
    }
    Ok(frame)
}

fn read_numbers(frame: &mut Frame, payload: &[u8], count: u32) -> Result<(), String> {
    let size = u64::from(count) * if frame.format == Format::Graded { 8 } else { 4 };
    if payload.len() as u64 != size {
        return Err(format!("{} bytes of payload, not {size} for count {count}", payload.len()));
    }
    if frame.format == Format::F32 && count != frame.line_count {
        return Err(format!("{count} values for {} lines", frame.line_count));
    }
    let words = if frame.format == Format::F32 { 0 } else { 4 * count as usize };
    let (words, floats) = payload.split_at(words);
    let mut last = 0;
    for word in words.chunks_exact(4) {
        let word = u32::from_le_bytes(bytes(word, 0));
        let line = word & !NEGATIVE;
        if line >= frame.line_count {
            return Err(format!("a spike on line {line} of {}", frame.line_count));
        }
        if line < last {
            return Err(format!("line {line} comes after line {last}"));
        }
        last = line;
        frame.lines.push(line);
        frame.signs.push(if word & NEGATIVE == 0 { 1 } else { -1 });
    }
    frame.values = floats.chunks_exact(4).map(|f| f32::from_le_bytes(bytes(f, 0))).collect();
    Ok(())
}

fn read_bitmap(frame: &mut Frame, payload: &[u8], count: u32) -> Result<(), String> {
    let line_count = frame.line_count;
    let size = (line_count as usize + 7) / 8;
    if payload.len() != size && payload.len() != 2 * size {
        return Err(format!("{} bytes for bitmaps of {line_count} lines", payload.len()));
    }
    let (up, down) = payload.split_at(size);
    for (i, &plus) in up.iter().enumerate() {
        let minus = down.get(i).copied().unwrap_or(0);
        if plus & minus != 0 {
            return Err("a line is in both planes".into());
        }
        let mut left = plus | minus;
        while left != 0 {
            let bit = left.trailing_zeros();
            let line = 8 * i as u32 + bit;
            if line >= line_count {
                return Err(format!("a bit past line {}", line_count - 1));
            }
            frame.lines.push(line);
            frame.signs.push(if plus >> bit & 1 == 1 { 1 } else { -1 });
            left &= left - 1;
        }
    }
    if frame.lines.len() as u64 != u64::from(count) {
        return Err(format!("{} bits set, count {count}", frame.lines.len()));
    }
    Ok(())
}
