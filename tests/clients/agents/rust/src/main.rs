//! The agent of the Rust client: see ../README.md.

// SPDX-License-Identifier: Apache-2.0

use spiked::{
    json, Content, Control, Error, Format, Frame, Keys, Message, Options, Pairs, Receiver, RowType, Rows,
    Sample, Sender, SensorRows, Stamp, Value,
};
use std::io::{BufRead, Write};
use std::time::{Duration, Instant};

type Answer = Result<Value, Box<dyn std::error::Error>>;

#[derive(Default)]
struct Agent {
    sender: Option<Sender>,
    receiver: Option<Receiver>,
    control: Option<Control>,
}

fn text<'a>(request: &'a Value, key: &str) -> Result<&'a str, String> {
    request[key].as_str().ok_or_else(|| format!("no {key}"))
}

fn list<'a>(request: &'a Value, key: &str) -> Result<&'a Vec<Value>, String> {
    request[key].as_array().ok_or_else(|| format!("no list of {key}"))
}

impl Agent {
    fn run(&mut self, request: &Value) -> Answer {
        match text(request, "do")? {
            "hello" => Ok(json!({ "client": "rust", "can": ["keys", "rows"] })),
            "connect" => self.connect(request),
            "send" => self.send(request),
            "subscribe" => {
                for topic in list(request, "topics")? {
                    self.receiver()?.subscribe(topic.as_str().ok_or("no topic")?)?;
                }
                Ok(json!({}))
            }
            "unsubscribe" => {
                for topic in list(request, "topics")? {
                    self.receiver()?.unsubscribe(topic.as_str().ok_or("no topic")?)?;
                }
                Ok(json!({}))
            }
            "receive" => self.receive(request),
            "call" => self.call(request),
            "close" => {
                *self = Agent::default();
                Ok(json!({}))
            }
            other => Err(format!("this agent cannot {other}").into()),
        }
    }

    fn receiver(&mut self) -> Result<&mut Receiver, &'static str> {
        self.receiver.as_mut().ok_or("not connected")
    }

    fn connect(&mut self, request: &Value) -> Answer {
        *self = Agent::default();
        let keys = match &request["keys"] {
            Value::Null => None,
            keys => Some(Keys::load(text(keys, "file")?, text(keys, "server")?)?),
        };
        let timeout = Some(Duration::from_millis(request["timeout_ms"].as_u64().ok_or("no timeout_ms")?));
        let options = Options { timeout, keys, ..Options::default() };
        self.sender = Some(Sender::with(text(request, "ingest")?, options.clone())?);
        self.receiver = Some(Receiver::with(text(request, "publish")?, &[], options.clone())?);
        self.control = Some(Control::with(text(request, "control")?, options)?);
        Ok(json!({}))
    }

    fn send(&mut self, request: &Value) -> Answer {
        let rows = &request["rows"];
        match text(request, "type")? {
            "f32" => {
                self.send_rows(request, &numbers(rows, |value| value.as_f64().unwrap_or(f64::NAN) as f32))
            }
            "f64" => self.send_rows(request, &numbers(rows, |value| value.as_f64().unwrap_or(f64::NAN))),
            "i8" => self.send_rows(request, &whole::<i8>(rows)?),
            "u8" => self.send_rows(request, &whole::<u8>(rows)?),
            "i16" => self.send_rows(request, &whole::<i16>(rows)?),
            "u16" => self.send_rows(request, &whole::<u16>(rows)?),
            "i32" => self.send_rows(request, &whole::<i32>(rows)?),
            "pairs" => {
                let pair = |pair: &Value| {
                    (pair[0].as_u64().unwrap_or(0) as u32, pair[1].as_f64().unwrap_or(0.0) as f32)
                };
                self.send_rows(request, &Pairs(&numbers(rows, pair)))
            }
            "json" => self.send_rows(request, rows),
            other => Err(format!("no type {other}").into()),
        }
    }

    fn send_rows(&mut self, request: &Value, rows: &(impl Rows + ?Sized)) -> Answer {
        let sender = self.sender.as_mut().ok_or("not connected")?;
        let stream = text(request, "stream")?;
        match &request["stamp"] {
            Value::Null => drop(sender.send(stream, rows)?),
            stamp => {
                let stamp =
                    Stamp { time_ns: text(stamp, "time_ns")?.parse()?, seq: text(stamp, "seq")?.parse()? };
                sender.send_stamped(stream, rows, Some(stamp))?;
            }
        }
        Ok(json!({}))
    }

    fn receive(&mut self, request: &Value) -> Answer {
        let receiver = self.receiver()?;
        let count = request["count"].as_u64().ok_or("no count")? as usize;
        let end =
            Instant::now() + Duration::from_millis(request["timeout_ms"].as_u64().ok_or("no timeout_ms")?);
        let mut messages = Vec::new();
        while messages.len() < count {
            match receiver.recv_within(Some(end.saturating_duration_since(Instant::now()))) {
                Ok(message) => messages.push(document(&message)),
                Err(Error::Silence(_)) => break,
                Err(error) => return Err(error.into()),
            }
        }
        let fault = receiver.fault().map_or(String::new(), |fault| fault.to_string());
        Ok(json!({ "messages": messages, "malformed": receiver.malformed(), "fault": fault }))
    }

    fn call(&mut self, request: &Value) -> Answer {
        let control = self.control.as_mut().ok_or("not connected")?;
        match control.call(text(request, "method")?, request["params"].clone()) {
            Ok(result) => Ok(json!({ "result": result })),
            Err(Error::Refused(refusal)) => {
                let mut answer = json!({ "error": refusal.to_string(), "code": refusal.code });
                if let Some(path) = refusal.path {
                    answer["path"] = path.into();
                }
                Ok(answer)
            }
            Err(error) => Ok(json!({ "error": error.to_string(), "code": 0 })),
        }
    }
}

fn numbers<T>(rows: &Value, convert: impl Fn(&Value) -> T) -> Vec<T> {
    rows.as_array()
        .into_iter()
        .flatten()
        .flat_map(|row| row.as_array().into_iter().flatten())
        .map(convert)
        .collect()
}

fn whole<T: Sample + TryFrom<i64>>(rows: &Value) -> Result<Vec<T>, String> {
    numbers(rows, |value| value.as_i64().and_then(|number| T::try_from(number).ok()))
        .into_iter()
        .collect::<Option<Vec<T>>>()
        .ok_or_else(|| "a number that the type cannot hold".into())
}

fn part(frame: &Frame) -> Value {
    let floats = frame.format == Format::F32;
    let mut part = json!({
        "kind": format!("{:?}", frame.kind).to_lowercase(),
        "format": format!("{:?}", frame.format).to_lowercase(),
        "flags": frame.flags.names().collect::<Vec<_>>(),
        "epoch": format!("{:016x}", frame.epoch),
        "tick": frame.tick.to_string(),
        "seq": frame.seq.to_string(),
        "time_ns": frame.time_ns.to_string(),
        "source_ns": frame.source_ns.to_string(),
        "dt_ns": frame.dt_ns,
        "lines": frame.line_count,
        "count": if floats { frame.values.len() } else { frame.lines.len() },
    });
    if !floats {
        part["line"] = json!(frame.lines);
        part["sign"] = json!(frame.signs);
    }
    if floats || frame.format == Format::Graded {
        part["values"] = frame.values.iter().map(|&value| Value::from(f64::from(value))).collect();
    }
    part
}

fn rows_part(rows: &SensorRows) -> Value {
    let values = rows.values().unwrap_or_default();
    let by_row = match rows.row_type {
        RowType::Pairs => json!([rows.pairs()]),
        RowType::F32 | RowType::F64 | RowType::Json => values.chunks(rows.channels as usize).collect(),
        _ => values
            .chunks(rows.channels as usize)
            .map(|row| row.iter().map(|&value| value as i64).collect::<Vec<_>>())
            .collect(),
    };
    json!({
        "kind": "rows",
        "format": format!("{:?}", rows.row_type).to_lowercase(),
        "flags": [],
        "epoch": format!("{:016x}", rows.epoch),
        "tick": rows.tick.to_string(),
        "seq": rows.seq.to_string(),
        "time_ns": rows.time_ns.to_string(),
        "source_ns": rows.source_ns.to_string(),
        "dt_ns": rows.dt_ns,
        "lines": rows.channels,
        "count": rows.count,
        "rows": by_row,
    })
}

fn document(message: &Message) -> Value {
    let mut document =
        json!({ "topic": message.topic, "missed": message.missed, "restarted": message.restarted });
    match &message.content {
        Content::Frames(frames) => document["parts"] = frames.iter().map(part).collect(),
        Content::Json(json) => document["json"] = json.clone(),
        Content::Rows(rows) => document["parts"] = json!([rows_part(rows)]),
        Content::Other(_) => (),
    }
    document
}

fn main() -> std::io::Result<()> {
    let mut agent = Agent::default();
    for line in std::io::stdin().lock().lines() {
        let answer = match parse(&line?).and_then(|request| agent.run(&request)) {
            Ok(answer) => answer,
            Err(error) => json!({ "error": error.to_string() }),
        };
        let mut out = std::io::stdout().lock();
        writeln!(out, "{answer}")?;
        out.flush()?;
    }
    Ok(())
}

fn parse(line: &str) -> Answer {
    Ok(line.parse::<Value>()?)
}
