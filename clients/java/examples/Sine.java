// Sends a sine to a stream of one channel and prints its spikes, once mvn package has been run:
//   java -cp 'target/*:target/lib/*' examples/Sine.java mic
//
// SPDX-License-Identifier: Apache-2.0

import java.time.Instant;
import java.util.Arrays;
import spiked.Control;
import spiked.Frame;
import spiked.Message;
import spiked.Receiver;
import spiked.Rows;
import spiked.Sender;
import spiked.SpikedException;
import spiked.Wire;

class Sine {
    public static void main(String[] args) {
        String name = args.length > 0 ? args[0] : "mic";
        try (Control control = new Control(Wire.CONTROL);
                Sender sensor = new Sender(Wire.INGEST);
                Receiver receiver = new Receiver(Wire.PUBLISH, "spikes/" + name + "/")) {
            System.out.println(name + ": " + control.stream(name).get("lines") + " lines");
            for (int i = 0; ; i++) {
                sensor.send(name, Rows.f32((float) Math.sin(i / 100.0)), Instant.now());
                try {
                    Message message = receiver.receive();
                    if (message.restarted() || message.missed() > 0) {
                        System.out.println("restarted: " + message.restarted() + ", lost " + message.missed());
                    }
                    for (Frame frame : message.frames()) {
                        System.out.println(frame.tick() + " " + Arrays.toString(frame.lines()) + " " + frame.flags());
                    }
                } catch (SpikedException.Silence silence) {
                    System.out.println(silence.getMessage());
                }
            }
        }
    }
}
