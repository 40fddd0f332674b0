//! What sensors sent, as `rows/` passes it on.

// SPDX-License-Identifier: Apache-2.0

use crate::sender::Stamp;
use crate::wire::{bytes, check_header};
use serde_json::Value;

/// The type of a stream's rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RowType {
    F32,
    F64,
    I8,
    U8,
    I16,
    U16,
    I32,
    Json,
    Pairs,
}

impl RowType {
    /// In the order of the wire, from 16.
    const ALL: [RowType; 9] = [
        RowType::F32,
        RowType::F64,
        RowType::I8,
        RowType::U8,
        RowType::I16,
        RowType::U16,
        RowType::I32,
        RowType::Json,
        RowType::Pairs,
    ];

    /// Bytes of one number; `None` of `json` and `pairs`.
    fn size(self) -> Option<usize> {
        match self {
            RowType::I8 | RowType::U8 => Some(1),
            RowType::I16 | RowType::U16 => Some(2),
            RowType::F32 | RowType::I32 => Some(4),
            RowType::F64 => Some(8),
            RowType::Json | RowType::Pairs => None,
        }
    }

    fn number(self, at: &[u8]) -> f64 {
        match self {
            RowType::F32 => f32::from_le_bytes(bytes(at, 0)).into(),
            RowType::F64 => f64::from_le_bytes(bytes(at, 0)),
            RowType::I8 => i8::from_le_bytes(bytes(at, 0)).into(),
            RowType::U8 => at[0].into(),
            RowType::I16 => i16::from_le_bytes(bytes(at, 0)).into(),
            RowType::U16 => u16::from_le_bytes(bytes(at, 0)).into(),
            RowType::I32 => i32::from_le_bytes(bytes(at, 0)).into(),
            RowType::Json | RowType::Pairs => f64::NAN,
        }
    }
}

/// A message of `rows/`: what a sensor sent, and the first tick that could use it.
#[derive(Clone, Debug, PartialEq)]
pub struct SensorRows {
    pub row_type: RowType,
    pub epoch: u64,
    /// The first that could use the first row.
    pub tick: u64,
    /// Row messages that the stream took before.
    pub seq: u64,
    /// When spiked took it, nanoseconds since 1970.
    pub time_ns: i64,
    /// Of the first row, as the sensor said it; 0 = not known.
    pub source_ns: i64,
    pub dt_ns: u32,
    pub channels: u32,
    /// How many rows.
    pub count: u32,
    /// As it was sent.
    pub payload: Vec<u8>,
    /// If the sensor sent one beside the payload.
    pub stamp: Option<Stamp>,
}

impl SensorRows {
    /// The numbers, row after row; NaN = no sample, as for the channels that `pairs` do not name. `None`:
    /// the payload is no such rows.
    pub fn values(&self) -> Option<Vec<f64>> {
        let wanted = self.channels as usize * self.count as usize;
        let values = match (self.row_type, self.row_type.size()) {
            (kind, Some(size)) => self.payload.chunks_exact(size).map(|at| kind.number(at)).collect(),
            (RowType::Json, _) => json_values(serde_json::from_slice(&self.payload).ok()?)?,
            _ => {
                let mut row = vec![f64::NAN; self.channels as usize];
                for (channel, value) in self.pairs() {
                    *row.get_mut(channel as usize)? = value.into();
                }
                row
            }
        };
        (values.len() == wanted).then_some(values)
    }

    /// Of type `pairs`: channel and value; else nothing.
    pub fn pairs(&self) -> Vec<(u32, f32)> {
        let whole = if self.row_type == RowType::Pairs { &self.payload[..] } else { &[] };
        whole
            .chunks_exact(8)
            .map(|pair| (u32::from_le_bytes(bytes(pair, 0)), f32::from_le_bytes(bytes(pair, 4))))
            .collect()
    }

    pub(crate) fn read(header: &[u8], payload: &[u8], stamp: Option<&[u8]>) -> Result<SensorRows, String> {
        check_header(header)?;
        let row_type = match header[5].checked_sub(16).and_then(|n| RowType::ALL.get(usize::from(n))) {
            Some(&row_type) if header[4] == 4 => row_type,
            _ => {
                return Err(format!(
                    "kind {}, format {}: no rows that this client knows",
                    header[4], header[5]
                ))
            }
        };
        let stamp = match stamp {
            Some(stamp) if stamp.len() == 16 => Some(Stamp {
                time_ns: i64::from_le_bytes(bytes(stamp, 0)),
                seq: u64::from_le_bytes(bytes(stamp, 8)),
            }),
            Some(stamp) => return Err(format!("a stamp of {} bytes", stamp.len())),
            None => None,
        };
        let rows = SensorRows {
            row_type,
            epoch: u64::from_le_bytes(bytes(header, 8)),
            tick: u64::from_le_bytes(bytes(header, 16)),
            seq: u64::from_le_bytes(bytes(header, 24)),
            time_ns: i64::from_le_bytes(bytes(header, 32)),
            source_ns: i64::from_le_bytes(bytes(header, 40)),
            dt_ns: u32::from_le_bytes(bytes(header, 48)),
            channels: u32::from_le_bytes(bytes(header, 52)),
            count: u32::from_le_bytes(bytes(header, 56)),
            payload: payload.to_vec(),
            stamp,
        };
        rows.check()?;
        Ok(rows)
    }

    fn check(&self) -> Result<(), String> {
        let numbers = u64::from(self.channels) * u64::from(self.count);
        let size = self.payload.len() as u64;
        let fits = match self.row_type.size() {
            Some(each) => numbers.checked_mul(each as u64) == Some(size),
            None => self.row_type == RowType::Json || size % 8 == 0,
        };
        if numbers == 0 || !fits {
            return Err(format!(
                "{size} bytes are not {} rows of {} {:?}",
                self.count, self.channels, self.row_type
            ));
        }
        Ok(())
    }
}

/// A row, a list of rows, or an object with either in `values`.
fn json_values(document: Value) -> Option<Vec<f64>> {
    let rows = document.get("values").unwrap_or(&document).as_array()?;
    let mut values = Vec::new();
    for each in rows {
        match each {
            Value::Array(row) => values.extend(row.iter().map(number)),
            value => values.push(number(value)),
        }
    }
    Some(values)
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or(f64::NAN)
}
