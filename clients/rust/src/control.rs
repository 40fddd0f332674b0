//! Control: JSON-RPC 2.0 over a DEALER socket.

// SPDX-License-Identifier: Apache-2.0

use crate::error::{Error, Refusal, Result};
use crate::link::{deadline, within, Link, Options};
use serde_json::{json, Map, Value};
use std::collections::HashMap;
use std::time::{Duration, Instant};

/// The result of one call of a batch.
pub type Outcome = std::result::Result<Value, Refusal>;

/// Calls spiked's control socket. Requests are never queued for a spiked that is not there, and an
/// answer that comes after its call was given up is thrown away.
///
/// The methods are those of section 5 of PROTOCOL.md; so are their results.
pub struct Control {
    link: Link,
    timeout: Option<Duration>,
    id: u64,
}

impl Control {
    /// Starts to connect to an endpoint, such as [`CONTROL`](crate::CONTROL).
    pub fn connect(endpoint: &str) -> Result<Control> {
        Control::with(endpoint, Options::default())
    }

    /// The same with options.
    pub fn with(endpoint: &str, options: Options) -> Result<Control> {
        let link = Link::open(zmq::DEALER, endpoint, &options)?;
        Ok(Control { link, timeout: options.timeout, id: 0 })
    }

    /// How long each call waits from now on; `None` = for ever.
    pub fn set_timeout(&mut self, timeout: Option<Duration>) {
        self.timeout = timeout;
    }

    /// Calls a method with an object or list of parameters (`Null` = none).
    pub fn call(&mut self, method: &str, params: Value) -> Result<Value> {
        let request = self.request(method, params);
        let id = self.id;
        let mut answers = self.exchange(&request, id..id + 1)?;
        answers.remove(&id).expect("exchange waits for all of them").map_err(Error::Refused)
    }

    /// Several calls in one message: their outcomes in order.
    pub fn batch(&mut self, calls: &[(&str, Value)]) -> Result<Vec<Outcome>> {
        if calls.is_empty() {
            return Ok(Vec::new());
        }
        let first = self.id + 1;
        let requests: Vec<Value> =
            calls.iter().map(|(method, params)| self.request(method, params.clone())).collect();
        let ids = first..self.id + 1;
        let mut answers = self.exchange(&Value::Array(requests), ids.clone())?;
        Ok(ids.filter_map(|id| answers.remove(&id)).collect())
    }

    /// Version, epoch, clock, what realtime was granted, endpoints.
    pub fn info(&mut self) -> Result<Value> {
        self.call("info", Value::Null)
    }

    /// Every encoder with its parameters.
    pub fn encoders(&mut self) -> Result<Value> {
        self.call("encoders", Value::Null)
    }

    /// Meta, counters and liveness of every stream.
    pub fn streams(&mut self) -> Result<Value> {
        self.call("streams", Value::Null)
    }

    /// Meta, counters and liveness of one stream.
    pub fn stream(&mut self, name: &str) -> Result<Value> {
        self.call("stream", json!({ "name": name }))
    }

    /// Adds a stream, described as in the configuration file.
    pub fn add(&mut self, stream: Value) -> Result<Value> {
        self.call("add", json!({ "stream": stream }))
    }

    /// What [`Control::add`] would give, or its error; adds nothing.
    pub fn check(&mut self, stream: Value) -> Result<Value> {
        self.call("check", json!({ "stream": stream }))
    }

    /// Ends a stream.
    pub fn remove(&mut self, name: &str) -> Result<Value> {
        self.call("remove", json!({ "name": name }))
    }

    /// Changes a parameter of a running stage (index or name), between two ticks.
    pub fn set(
        &mut self,
        name: &str,
        stage: impl Into<Value>,
        param: &str,
        value: impl Into<Value>,
    ) -> Result<Value> {
        let (stage, value) = (stage.into(), value.into());
        self.call("set", json!({ "name": name, "stage": stage, "param": param, "value": value }))
    }

    /// Clears a stream's state; the result says from which tick on.
    pub fn reset(&mut self, name: &str) -> Result<Value> {
        self.call("reset", json!({ "name": name }))
    }

    /// Writes a snapshot of a stream, or of all.
    pub fn save(&mut self, name: Option<&str>) -> Result<Value> {
        self.call("save", optional(name))
    }

    /// Goes back to the last snapshot of a stream, or of all.
    pub fn restore(&mut self, name: Option<&str>) -> Result<Value> {
        self.call("restore", optional(name))
    }

    /// Runs ticks (clock `manual` only); returns when they have run.
    pub fn step(&mut self, ticks: u64) -> Result<Value> {
        self.call("step", json!({ "ticks": ticks }))
    }

    /// Reads the configuration file again.
    pub fn reload(&mut self) -> Result<Value> {
        self.call("reload", Value::Null)
    }

    /// All counters and histograms.
    pub fn stats(&mut self) -> Result<Value> {
        self.call("stats", Value::Null)
    }

    fn request(&mut self, method: &str, params: Value) -> Value {
        self.id += 1;
        let mut request = json!({ "jsonrpc": "2.0", "id": self.id, "method": method });
        if !params.is_null() {
            request["params"] = params;
        }
        request
    }

    fn exchange(&mut self, request: &Value, ids: std::ops::Range<u64>) -> Result<HashMap<u64, Outcome>> {
        let end = deadline(self.timeout);
        self.push(request, end)?;
        let mut answers = HashMap::new();
        while (answers.len() as u64) < ids.end - ids.start {
            let answer = match self.pull(end)? {
                Value::Array(list) => list,
                one => vec![one],
            };
            for answer in answer {
                match (answer["id"].as_u64(), outcome(&answer)?) {
                    (Some(id), outcome) if ids.contains(&id) => drop(answers.insert(id, outcome)),
                    // spiked could not read the message
                    (None, Err(refusal)) if answer["id"].is_null() => return Err(Error::Refused(refusal)),
                    _ => (), // late: its call was given up
                }
            }
        }
        Ok(answers)
    }

    fn push(&mut self, request: &Value, end: Option<Instant>) -> Result<()> {
        let frames = [Vec::new(), request.to_string().into_bytes()];
        loop {
            match self.link.socket.send_multipart(&frames, zmq::DONTWAIT) {
                Ok(()) => return Ok(()),
                Err(zmq::Error::EAGAIN) => (),
                Err(zmq::Error::EINTR) => continue,
                Err(error) => return Err(error.into()),
            }
            if !self.link.wait(zmq::POLLOUT, end)? {
                let (within, why) = (within(self.timeout), self.link.why());
                let endpoint = &self.link.endpoint;
                return Err(Error::NotConnected(format!(
                    "no spiked could be reached at {endpoint}{within}{why}"
                )));
            }
        }
    }

    fn pull(&mut self, end: Option<Instant>) -> Result<Value> {
        loop {
            let frames = match self.link.socket.recv_multipart(zmq::DONTWAIT) {
                Ok(frames) => frames,
                Err(zmq::Error::EINTR) => continue,
                Err(zmq::Error::EAGAIN) if self.link.wait(zmq::POLLIN, end)? => continue,
                Err(zmq::Error::EAGAIN) => {
                    let (within, why) = (within(self.timeout), self.link.why());
                    let endpoint = &self.link.endpoint;
                    return Err(Error::NoAnswer(format!("no answer from {endpoint}{within}{why}")));
                }
                Err(error) => return Err(error.into()),
            };
            let text = frames.last().map_or(&[][..], |last| last);
            return serde_json::from_slice(text)
                .map_err(|error| Error::BadAnswer(format!("the answer is not JSON: {error}")));
        }
    }
}

fn optional(name: Option<&str>) -> Value {
    let entry = |name: &str| ("name".to_owned(), Value::from(name));
    Value::Object(name.map(entry).into_iter().collect::<Map<_, _>>())
}

/// What an answer says.
pub(crate) fn outcome(answer: &Value) -> Result<Outcome> {
    if let Some(error) = answer.get("error") {
        let data = error["data"].clone();
        return Ok(Err(Refusal {
            code: error["code"].as_i64().unwrap_or(0),
            message: error["message"].as_str().unwrap_or("").to_owned(),
            path: data["path"].as_str().map(str::to_owned),
            data,
        }));
    }
    match answer.get("result") {
        Some(result) => Ok(Ok(result.clone())),
        None => Err(Error::BadAnswer("the answer has neither a result nor an error".into())),
    }
}
