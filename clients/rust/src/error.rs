//! What can go wrong, with a sentence for people.

// SPDX-License-Identifier: Apache-2.0

use serde_json::Value;
use std::fmt;

/// spiked refused a request.
#[derive(Clone, Debug, PartialEq)]
pub struct Refusal {
    /// JSON-RPC's, or one of those in section 5 of PROTOCOL.md.
    pub code: i64,
    /// A sentence that says what to do.
    pub message: String,
    /// The parameter at fault, such as "stream.encode[0].lif.v_th".
    pub path: Option<String>,
    /// All that came with it; `Null` if nothing did.
    pub data: Value,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.path {
            Some(path) => write!(f, "{} ({path})", self.message),
            None => f.write_str(&self.message),
        }
    }
}

impl std::error::Error for Refusal {}

/// Any failure of this crate. The texts say what, where and why, as far as it is known.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// spiked refused a request.
    Refused(Refusal),
    /// Nothing came within the receiver's timeout: no tick, no route, no spiked.
    Silence(String),
    /// Rows were not taken within the sender's timeout. Nothing was sent; the call may be repeated.
    Blocked(String),
    /// There was no connection within the timeout: spiked did not get the request.
    NotConnected(String),
    /// No answer within the timeout. Whether the request was carried out is not known.
    NoAnswer(String),
    /// An answer that is not JSON-RPC.
    BadAnswer(String),
    /// What was given cannot be sent or used: a stream's name, no rows, a file of keys.
    Invalid(String),
    /// ZeroMQ's own word, such as for an endpoint that it cannot read.
    Zmq(zmq::Error),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Refused(refusal) => refusal.fmt(f),
            Error::Silence(text)
            | Error::Blocked(text)
            | Error::NotConnected(text)
            | Error::NoAnswer(text)
            | Error::BadAnswer(text)
            | Error::Invalid(text) => f.write_str(text),
            Error::Zmq(error) => write!(f, "ZeroMQ: {error}"),
        }
    }
}

impl std::error::Error for Error {}

impl From<zmq::Error> for Error {
    fn from(error: zmq::Error) -> Error {
        Error::Zmq(error)
    }
}

/// The result of most calls.
pub type Result<T> = std::result::Result<T, Error>;
