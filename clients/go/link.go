package spiked

// A socket with its options, and why its connection does not come about.
//
// SPDX-License-Identifier: Apache-2.0

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	zmq "github.com/pebbe/zmq4"
)

const (
	handshake       = 3 * time.Second // libzmq's own 30 s let a dead peer block a reconnect
	connect         = 3 * time.Second
	reconnect       = 100 * time.Millisecond
	reconnectMax    = 2 * time.Second
	heartbeatMissed = 3 // as many intervals without a sign make a peer dead
	maxFrame        = 64 << 20
	slice           = 100 * time.Millisecond // between two looks at a context

	refused = "spiked does not let this key in here: it is not listed in security.clients, or has no " +
		"right to this socket; connect anew once it is"
	mismatch = "somebody is there, but they and this do not agree about keys: spiked uses keys and " +
		"this does not (or the other way round), or the server key is another's"
)

var watches int64

type link struct {
	endpoint string
	options  Options
	context  *zmq.Context
	socket   *zmq.Socket
	monitor  *zmq.Socket
	problem  string
	wasUp    bool
}

func open(kind zmq.Type, endpoint string, given *Options) (*link, error) {
	l := &link{endpoint: endpoint, options: given.withDefaults()}
	var err error
	if l.context, err = zmq.NewContext(); err != nil {
		return nil, err
	}
	if err = l.prepare(kind); err == nil {
		err = l.socket.Connect(endpoint)
	}
	if err != nil {
		l.close()
		return nil, fmt.Errorf("%s: %w", endpoint, err)
	}
	return l, nil
}

func (l *link) prepare(kind zmq.Type) (err error) {
	if l.socket, err = l.context.NewSocket(kind); err != nil {
		return err
	}
	queue, linger := l.options.Queue, time.Duration(0)
	if kind == zmq.SUB {
		queue = 0 // a SUB sends subscriptions, and loses those beyond the mark
	}
	if kind == zmq.PUSH && l.options.Linger > 0 {
		linger = l.options.Linger
	}
	s := l.socket
	for _, err := range []error{
		s.SetSndhwm(queue),
		s.SetRcvhwm(l.options.Queue),
		// Nothing waits for a peer that is not there: a row or a command that arrives minutes after
		// it was given up is worse than none.
		s.SetImmediate(kind != zmq.SUB),
		s.SetLinger(linger),
		s.SetHandshakeIvl(handshake),
		s.SetConnectTimeout(connect),
		s.SetReconnectIvl(reconnect),
		s.SetReconnectIvlMax(reconnectMax),
		s.SetMaxmsgsize(maxFrame),
		s.SetIpv6(strings.Contains(l.endpoint, "[")),
	} {
		if err != nil {
			return err
		}
	}
	if beat := l.options.Heartbeat; beat > 0 {
		if err := s.SetHeartbeatIvl(beat); err != nil {
			return err
		}
		if err := s.SetHeartbeatTimeout(heartbeatMissed * beat); err != nil {
			return err
		}
	}
	if l.options.Keys != nil {
		if err := l.options.Keys.lock(s); err != nil {
			return err
		}
	}
	return l.watch()
}

// watch follows the socket's handshakes, to be able to say why there is no connection.
func (l *link) watch() (err error) {
	name := fmt.Sprintf("inproc://spiked-watch-%d", atomic.AddInt64(&watches, 1))
	if err = l.socket.Monitor(name, zmq.EVENT_HANDSHAKE_SUCCEEDED|zmq.EVENT_HANDSHAKE_FAILED_AUTH|
		zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL|zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL); err != nil {
		return err
	}
	if l.monitor, err = l.context.NewSocket(zmq.PAIR); err != nil {
		return err
	}
	if err = l.monitor.SetRcvhwm(0); err != nil { // a full queue would stop ZeroMQ's own thread
		return err
	}
	if err = l.monitor.SetLinger(0); err != nil {
		return err
	}
	return l.monitor.Connect(name)
}

// why says why there is no connection, as ": …", or "" where nothing is known.
func (l *link) why() string {
	for {
		event, _, _, err := l.monitor.RecvEvent(zmq.DONTWAIT)
		if err != nil {
			break
		}
		switch {
		case event == zmq.EVENT_HANDSHAKE_SUCCEEDED:
			l.problem, l.wasUp = "", true
		case event == zmq.EVENT_HANDSHAKE_FAILED_AUTH:
			l.problem = refused
		case !l.wasUp && l.problem != refused:
			l.problem = mismatch
		}
	}
	if l.problem == "" {
		return ""
	}
	return ": " + l.problem
}

// close waits for rows on their way, as long as Linger says.
func (l *link) close() error {
	if l.socket != nil {
		// Before the sockets are closed: else ZeroMQ's own thread waits for somebody to take its word.
		_ = l.socket.Monitor("", 0)
		_ = l.socket.Close()
	}
	if l.monitor != nil {
		_ = l.monitor.Close()
	}
	return l.context.Term()
}

// A wait is one call's, and ends with its context or its time.
type wait struct {
	context context.Context
	began   time.Time
	end     time.Time // zero = never
}

func (l *link) wait(ctx context.Context) wait {
	w := wait{context: ctx, began: time.Now()}
	if end, ok := ctx.Deadline(); ok {
		w.end = end
	} else if l.options.Timeout > 0 {
		w.end = w.began.Add(l.options.Timeout)
	}
	return w
}

func (w *wait) over() bool { return !w.end.IsZero() && !time.Now().Before(w.end) }

// poll waits until the socket is ready. nil; the context's error when it was cancelled; errTime.
func (l *link) poll(w wait, events zmq.State) error {
	poller := zmq.NewPoller()
	poller.Add(l.socket, events)
	for {
		step := time.Duration(-1)
		if w.context.Done() != nil {
			step = slice
		}
		if !w.end.IsZero() {
			// Rounded up, or the last millisecond would be spent polling.
			if left := time.Until(w.end) + time.Millisecond - 1; step < 0 || left < step {
				step = left
			}
			if step < 0 {
				step = 0
			}
		}
		ready, err := poller.Poll(step)
		if err != nil || len(ready) > 0 {
			return err
		}
		if err := w.context.Err(); err == context.Canceled {
			return err
		}
		if w.over() {
			return errTime
		}
	}
}

var errTime = fmt.Errorf("time is up")

// A timeout is one of this package's errors with the sentence that goes with it.
type timeout struct {
	kind error
	text string
}

func (t *timeout) Error() string        { return t.text }
func (t *timeout) Unwrap() error        { return t.kind }
func (t *timeout) Timeout() bool        { return true }
func (t *timeout) Is(target error) bool { return target == context.DeadlineExceeded }

// explain makes of errTime an error of that kind, and leaves all others as they are.
func (l *link) explain(err error, w wait, kind error, text, otherwise string) error {
	if err != errTime {
		return err
	}
	why := l.why()
	if why == "" {
		why = otherwise
	}
	waited := w.end.Sub(w.began).Round(time.Millisecond)
	return &timeout{kind, fmt.Sprintf("%s within %s%s", text, waited, why)}
}

func again(err error) bool { return zmq.AsErrno(err) == zmq.Errno(syscall.EAGAIN) }
