//! A socket with its options, and why its connection does not come about.

// SPDX-License-Identifier: Apache-2.0

use crate::error::{Error, Result};
use crate::keys::Keys;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use zmq::SocketEvent;

/// What senders, receivers and control clients share.
#[derive(Clone, Debug)]
pub struct Options {
    /// Messages that may wait in this program.
    pub queue: i32,
    /// How long a call may wait: for room (sender), a message (receiver), an answer (control).
    /// `None` = for ever.
    pub timeout: Option<Duration>,
    /// How long dropping a sender may wait for rows that were accepted.
    pub linger: Duration,
    /// How often to check that the other side lives; zero = never.
    pub heartbeat: Duration,
    /// For a spiked with `security` in its configuration.
    pub keys: Option<Keys>,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            queue: 10_000,
            timeout: Some(Duration::from_secs(5)),
            linger: Duration::from_secs(1),
            heartbeat: Duration::from_secs(1),
            keys: None,
        }
    }
}

const HANDSHAKE_MS: i32 = 3000; // libzmq's own 30 s let a dead peer block a reconnect
const CONNECT_MS: i32 = 3000;
const RECONNECT_MS: i32 = 100;
const RECONNECT_MAX_MS: i32 = 2000;
const HEARTBEATS_MISSED: i32 = 3; // as many intervals without a sign make a peer dead
const MAX_FRAME: i64 = 64 << 20;

const REFUSED: &str = "spiked does not let this key in here: it is not listed in security.clients, \
    or has no right to this socket; connect anew once it is";
const MISMATCH: &str = "somebody is there, but they and this do not agree about keys: spiked uses \
    keys and this does not (or the other way round), or the server key is another's";

static COUNT: AtomicU64 = AtomicU64::new(0);

/// Fields are dropped in this order: the context waits for the sockets, as long as they linger.
pub(crate) struct Link {
    pub socket: zmq::Socket,
    monitor: zmq::Socket,
    _context: zmq::Context,
    pub endpoint: String,
    why: Option<&'static str>,
    was_up: bool,
}

fn ms(duration: Duration) -> i32 {
    duration.as_millis().try_into().unwrap_or(i32::MAX)
}

impl Link {
    pub fn open(kind: zmq::SocketType, endpoint: &str, options: &Options) -> Result<Link> {
        if endpoint.contains('\0') {
            return Err(Error::Invalid("an endpoint has no NUL".into()));
        }
        let context = zmq::Context::new();
        let socket = context.socket(kind)?;
        let subscriber = kind == zmq::SUB;
        // A SUB sends subscriptions, and loses those beyond the mark.
        socket.set_sndhwm(if subscriber { 0 } else { options.queue })?;
        socket.set_rcvhwm(options.queue)?;
        // Nothing waits for a peer that is not there: a row or a command that arrives minutes after it
        // was given up is worse than none.
        socket.set_immediate(!subscriber)?;
        socket.set_linger(if kind == zmq::PUSH { ms(options.linger) } else { 0 })?;
        socket.set_handshake_ivl(HANDSHAKE_MS)?;
        socket.set_connect_timeout(CONNECT_MS)?;
        socket.set_reconnect_ivl(RECONNECT_MS)?;
        socket.set_reconnect_ivl_max(RECONNECT_MAX_MS)?;
        socket.set_maxmsgsize(MAX_FRAME)?;
        socket.set_ipv6(endpoint.contains('['))?;
        if !options.heartbeat.is_zero() {
            socket.set_heartbeat_ivl(ms(options.heartbeat))?;
            socket.set_heartbeat_timeout(ms(options.heartbeat).saturating_mul(HEARTBEATS_MISSED))?;
        }
        if let Some(keys) = &options.keys {
            keys.lock(&socket)?;
        }
        let monitor = watch(&context, &socket)?;
        let link = Link {
            socket,
            monitor,
            _context: context,
            endpoint: endpoint.to_owned(),
            why: None,
            was_up: false,
        };
        link.socket.connect(endpoint)?;
        Ok(link)
    }

    /// Waits until the socket can be read or written. False when the time was up.
    pub fn wait(&self, events: zmq::PollEvents, deadline: Option<Instant>) -> Result<bool> {
        loop {
            let left = match deadline {
                None => -1,
                // Rounded up, or the last millisecond would be spent polling.
                Some(end) => {
                    let left = end.saturating_duration_since(Instant::now());
                    i64::from(ms(left + Duration::from_micros(999)))
                }
            };
            match self.socket.poll(events, left) {
                Ok(ready) if ready > 0 => return Ok(true),
                Ok(_) if deadline.map_or(false, |end| Instant::now() >= end) => return Ok(false),
                Ok(_) | Err(zmq::Error::EINTR) => continue,
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Why there is no connection, as ": …", or "" where nothing is known.
    pub fn why(&mut self) -> String {
        while let Ok(event) = self.monitor.recv_multipart(zmq::DONTWAIT) {
            let event =
                event.first().and_then(|e| e.get(..2)).map_or(0, |e| u16::from_le_bytes([e[0], e[1]]));
            match SocketEvent::from_raw(event) {
                SocketEvent::HANDSHAKE_SUCCEEDED => {
                    self.why = None;
                    self.was_up = true;
                }
                SocketEvent::HANDSHAKE_FAILED_AUTH => self.why = Some(REFUSED),
                _ if !self.was_up && self.why != Some(REFUSED) => self.why = Some(MISMATCH),
                _ => (),
            }
        }
        self.why.map_or(String::new(), |why| format!(": {why}"))
    }
}

/// Follows the socket's handshakes, to be able to say why there is no connection.
fn watch(context: &zmq::Context, socket: &zmq::Socket) -> Result<zmq::Socket> {
    let events = [
        SocketEvent::HANDSHAKE_SUCCEEDED,
        SocketEvent::HANDSHAKE_FAILED_AUTH,
        SocketEvent::HANDSHAKE_FAILED_PROTOCOL,
        SocketEvent::HANDSHAKE_FAILED_NO_DETAIL,
    ];
    let name = format!("inproc://spiked-watch-{}", COUNT.fetch_add(1, Ordering::Relaxed));
    socket.monitor(&name, events.into_iter().fold(0, |all, event| all | event.to_raw() as i32))?;
    let monitor = context.socket(zmq::PAIR)?;
    monitor.set_rcvhwm(0)?; // a full queue would stop ZeroMQ's own thread
    monitor.set_linger(0)?;
    monitor.connect(&name)?;
    Ok(monitor)
}

impl Drop for Link {
    fn drop(&mut self) {
        // Before the sockets are closed: else ZeroMQ's own thread waits for somebody to take its word.
        unsafe { zmq_sys::zmq_socket_monitor(self.socket.as_mut_ptr(), std::ptr::null(), 0) };
    }
}

/// The end of a wait that begins now.
pub(crate) fn deadline(timeout: Option<Duration>) -> Option<Instant> {
    timeout.and_then(|timeout| Instant::now().checked_add(timeout))
}

/// " within 5 s", for error texts.
pub(crate) fn within(timeout: Option<Duration>) -> String {
    timeout.map_or(String::new(), |timeout| format!(" within {} s", timeout.as_secs_f64()))
}
