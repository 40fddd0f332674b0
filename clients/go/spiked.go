// Package spiked is a client of spiked, the daemon that turns sensor values into spikes: rows in
// (Sender), frames out (Receiver), control (Control).
//
// Each object has a connection of its own, made in the background and made anew when spiked was away.
// How long a call may wait is its context's to say, or else the Options'. The wire is described in
// clients/PROTOCOL.md.
package spiked

// SPDX-License-Identifier: Apache-2.0

import (
	"errors"
	"time"
)

// Endpoints of a spiked that is not configured otherwise.
const (
	IngestEndpoint  = "tcp://127.0.0.1:7570"
	PublishEndpoint = "tcp://127.0.0.1:7571"
	ControlEndpoint = "tcp://127.0.0.1:7572"
)

// What it means that the time was up; errors.Is tells, and says context.DeadlineExceeded too.
var (
	// ErrSilence: no message came; no tick, no route, or no spiked.
	ErrSilence = errors.New("nothing came")
	// ErrBlocked: rows were not taken. Nothing was sent; the call may be repeated.
	ErrBlocked = errors.New("rows were not taken")
	// ErrNotConnected: there was no connection; spiked did not get the request.
	ErrNotConnected = errors.New("no connection")
	// ErrNoAnswer: whether the request was carried out is not known.
	ErrNoAnswer = errors.New("no answer")
)

// Options of a connection. Zero values stand for the defaults.
type Options struct {
	// Queue is how many messages may wait in this program; 10000 unless given.
	Queue int
	// Timeout is how long a call may wait whose context has no deadline: 5 s unless given,
	// negative = for ever.
	Timeout time.Duration
	// Linger is how long closing a Sender may wait for rows that were accepted: 1 s unless given,
	// negative = not at all.
	Linger time.Duration
	// Heartbeat is how often to check that the other side lives: every second unless given,
	// negative = never.
	Heartbeat time.Duration
	// Keys are for a spiked with `security` in its configuration.
	Keys *Keys
}

func (o *Options) withDefaults() Options {
	var options Options
	if o != nil {
		options = *o
	}
	if options.Queue == 0 {
		options.Queue = 10000
	}
	options.Timeout = orElse(options.Timeout, 5*time.Second)
	options.Linger = orElse(options.Linger, time.Second)
	options.Heartbeat = orElse(options.Heartbeat, time.Second)
	return options
}

func orElse(given, otherwise time.Duration) time.Duration {
	if given == 0 {
		return otherwise
	}
	return given
}
