//! What clients/vectors says about bytes.

// SPDX-License-Identifier: Apache-2.0

use crate::common::{vector, vectors, Vector};
use spiked::{decode, json, Content, Format, Frame, Message, Pairs, Rows, Value};

fn part(frame: &Frame) -> Value {
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
        "count": if frame.format == Format::F32 { frame.values.len() } else { frame.lines.len() },
    });
    if frame.format != Format::F32 {
        part["line"] = json!(frame.lines);
        part["sign"] = json!(frame.signs);
    }
    if matches!(frame.format, Format::F32 | Format::Graded) {
        part["values"] = frame.values.iter().map(|&value| Value::from(f64::from(value))).collect();
    }
    part
}

fn as_json(message: &Message) -> Value {
    match &message.content {
        Content::Json(json) => json!({ "topic": message.topic, "json": json }),
        _ => json!({
            "topic": message.topic,
            "parts": message.frames().iter().map(part).collect::<Vec<_>>(),
        }),
    }
}

/// A payload is made from numbers of the stream's own type.
fn payload(vector: &Vector) -> Vec<u8> {
    fn numbers<T>(rows: &Value, convert: impl Fn(&Value) -> T) -> Vec<T> {
        rows.as_array().unwrap().iter().flat_map(|row| row.as_array().unwrap()).map(convert).collect()
    }
    let rows = &vector.decoded["rows"];
    let whole = |value: &Value| value.as_i64().unwrap();
    let float = |value: &Value| value.as_f64().unwrap_or(f64::NAN);
    match vector.decoded["type"].as_str().unwrap() {
        "f32" => numbers(rows, |value| float(value) as f32).payload(),
        "f64" => numbers(rows, float).payload(),
        "i8" => numbers(rows, |value| i8::try_from(whole(value)).unwrap()).payload(),
        "u8" => numbers(rows, |value| u8::try_from(whole(value)).unwrap()).payload(),
        "i16" => numbers(rows, |value| i16::try_from(whole(value)).unwrap()).payload(),
        "u16" => numbers(rows, |value| u16::try_from(whole(value)).unwrap()).payload(),
        "i32" => numbers(rows, |value| i32::try_from(whole(value)).unwrap()).payload(),
        "pairs" => Pairs(&numbers(rows, |pair| (whole(&pair[0]) as u32, float(&pair[1]) as f32))).payload(),
        other => panic!("{}: type {other}", vector.name),
    }
}

#[test]
fn messages_decode_to_what_the_vectors_say() {
    for vector in vectors().iter().filter(|vector| vector.way == "out") {
        match decode(&vector.frames) {
            Ok(message) => assert_eq!(as_json(&message), vector.decoded, "{}", vector.name),
            Err(error) => assert!(vector.decoded.is_null(), "{}: {error}", vector.name),
        }
    }
}

#[test]
fn rows_are_the_bytes_of_the_vectors() {
    for vector in vectors().iter().filter(|vector| vector.way == "in" && vector.decoded["type"] != "json") {
        assert_eq!(payload(vector), vector.frames[1], "{}", vector.name);
    }
}

#[test]
fn arrays_of_arrays_are_rows_one_after_the_other() {
    assert_eq!([[1i16, 2], [3, 4]].payload(), [1i16, 2, 3, 4].payload());
    assert_eq!(vec![[1.0f64; 3]; 2].payload(), [1.0f64; 6].payload());
}

#[test]
fn a_message_cut_short_anywhere_is_refused_or_read_without_harm() {
    for vector in vectors().iter().filter(|vector| vector.way == "out") {
        for i in 0..vector.frames.len() {
            for length in 0..vector.frames[i].len() {
                let mut frames = vector.frames.clone();
                frames[i].truncate(length);
                let read = decode(&frames);
                if i > 0 && !vector.decoded.is_null() {
                    assert!(read.is_err(), "{}: frame {i} cut to {length} bytes", vector.name);
                }
            }
        }
    }
}

#[test]
fn rows_are_read_as_they_were_sent() {
    let frames = &vector("rows").frames;
    let message = decode(frames).unwrap();
    let rows = message.rows().unwrap();
    assert_eq!(rows.values().unwrap(), [1.0, 2.0, 3.0]);
    assert_eq!((rows.tick, rows.seq, rows.stamp.unwrap().seq), (7, 41, 5));
    assert_eq!(decode(&frames[..3]).unwrap().rows().unwrap().stamp, None);
    for i in 1..4 {
        let mut short = frames.clone();
        short[i].pop();
        assert!(decode(&short).is_err(), "frame {i}");
    }
}

#[test]
fn a_topic_of_later_days_is_given_as_it_came() {
    let message = decode(&[&b"novel/imu/"[..], b"what", b"ever"]).unwrap();
    assert_eq!(message.stream(), "imu");
    assert_eq!(message.content, Content::Other(vec![b"what".to_vec(), b"ever".to_vec()]));
}

#[test]
fn spikes_have_a_sign_or_a_value_and_add_up_line_by_line() {
    let frame = |name| decode(&vector(name).frames).unwrap().frames()[0].clone();
    let repeated = frame("spikes-words-repeated");
    assert_eq!(repeated.spikes().last(), Some((9, -1.0)));
    assert_eq!((repeated.dense()[4], repeated.dense()[9]), (3.0, -2.0));
    assert_eq!(frame("spikes-graded").spikes().collect::<Vec<_>>(), [(1, 0.5), (4, -2.25)]);
    assert_eq!(frame("spikes-bitmap-signed").spikes().collect::<Vec<_>>(), [(0, 1.0), (3, -1.0), (11, 1.0)]);
    assert_eq!(frame("state").dense(), [0.1, 0.0, -0.75]);
}
