//! Sends a sine to a stream of one channel and prints its spikes: cargo run --example sine -- mic

// SPDX-License-Identifier: Apache-2.0

use spiked::{now_ns, Control, Error, Flags, Receiver, Sender, CONTROL, INGEST, PUBLISH};

fn main() -> spiked::Result<()> {
    let name = std::env::args().nth(1).unwrap_or_else(|| "mic".into());
    let meta = Control::connect(CONTROL)?.stream(&name)?;
    println!("{name}: {} lines, a tick every {} ns", meta["lines"], meta["dt_ns"]);

    let mut sensor = Sender::connect(INGEST)?;
    for (i, message) in Receiver::connect(PUBLISH, &[&format!("spikes/{name}/")])?.enumerate() {
        let message = match message {
            Err(silence @ Error::Silence(_)) => {
                println!("{silence}");
                continue;
            }
            other => other?,
        };
        if message.restarted || message.missed > 0 {
            println!("restarted: {}, lost {} messages", message.restarted, message.missed);
        }
        for frame in message.frames() {
            let stale = if frame.flags.contains(Flags::STALE) { "stale" } else { "" };
            println!("{} {:?} {stale}", frame.tick, frame.spikes().collect::<Vec<_>>());
        }
        sensor.send_at(&name, &[(i as f32 / 100.0).sin()], now_ns())?;
    }
    Ok(())
}
