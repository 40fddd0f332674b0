// Sends a sine to a stream of one channel and prints its spikes: go run ./examples/sine mic
package main

// SPDX-License-Identifier: Apache-2.0

import (
	"context"
	"errors"
	"fmt"
	"log"
	"math"
	"os"
	"time"

	"spiked"
)

func must[T any](value T, err error) T {
	if err != nil {
		log.Fatal(err)
	}
	return value
}

func main() {
	ctx, name := context.Background(), "mic"
	if len(os.Args) > 1 {
		name = os.Args[1]
	}
	meta := must(must(spiked.NewControl(spiked.ControlEndpoint, nil)).Stream(ctx, name))
	fmt.Printf("%s: %d lines, a tick every %d ns\n", name, meta.Lines, meta.DtNs)

	sensor := must(spiked.NewSender(spiked.IngestEndpoint, nil))
	receiver := must(spiked.NewReceiver(spiked.PublishEndpoint, nil, "spikes/"+name+"/"))
	for i := 0; ; i++ {
		must(sensor.SendAt(ctx, name, []float32{float32(math.Sin(float64(i) / 100))}, time.Now()))
		message, err := receiver.Receive(ctx)
		if errors.Is(err, spiked.ErrSilence) {
			fmt.Println(err)
			continue
		}
		if must(message, err); message.Restarted || message.Missed > 0 {
			fmt.Printf("restarted: %t, lost %d messages\n", message.Restarted, message.Missed)
		}
		for _, frame := range message.Frames {
			fmt.Println(frame.Tick, frame.Lines, frame.Signs, frame.Flags.Names())
		}
	}
}
