package spiked

// Frames out: a subscriber's side.
//
// SPDX-License-Identifier: Apache-2.0

import (
	"context"
	"encoding/json"
	"strconv"
	"strings"

	zmq "github.com/pebbe/zmq4"
)

// A Receiver subscribes to topics and gives their messages. Every one says what got lost before it:
// Missed from seq, Gap from tick, Restarted from epoch, for each topic by itself. It may be used by one
// goroutine at a time.
type Receiver struct {
	link *link
	last map[string]place

	Missed    uint64 // messages missed so far, on all topics
	Malformed uint64 // messages so far that broke the protocol, which are passed over
	Fault     error  // what was wrong with the last one of them
}

type place struct {
	epoch, seq, tick uint64
	counted          bool // has a seq and a tick
}

// NewReceiver starts to connect to an endpoint, such as PublishEndpoint, and subscribes. A topic is a prefix;
// end a whole one with "/".
func NewReceiver(endpoint string, options *Options, topics ...string) (*Receiver, error) {
	link, err := open(zmq.SUB, endpoint, options)
	if err != nil {
		return nil, err
	}
	receiver := &Receiver{link: link, last: map[string]place{}}
	for _, topic := range topics {
		if err := receiver.Subscribe(topic); err != nil {
			link.close()
			return nil, err
		}
	}
	return receiver, nil
}

// Subscribe adds a topic.
func (r *Receiver) Subscribe(topic string) error { return r.link.socket.SetSubscribe(topic) }

// Unsubscribe ends a subscription. The topics' counts are forgotten: a later one starts anew.
func (r *Receiver) Unsubscribe(topic string) error {
	for known := range r.last {
		if strings.HasPrefix(known, topic) {
			delete(r.last, known)
		}
	}
	return r.link.socket.SetUnsubscribe(topic)
}

// Receive gives the next message; ErrSilence when none came in time, which is no end.
func (r *Receiver) Receive(ctx context.Context) (*Message, error) {
	w := r.link.wait(ctx)
	for {
		frames, err := r.link.socket.RecvMessageBytes(zmq.DONTWAIT)
		if again(err) {
			if err = r.link.poll(w, zmq.POLLIN); err == nil {
				continue
			}
		}
		if err == nil {
			message, fault := Decode(frames)
			if fault == nil {
				r.account(message)
				return message, nil
			}
			r.Malformed++
			r.Fault = fault
			if !w.over() { // a flood of malformed messages has an end too
				continue
			}
			err = errTime
		}
		return nil, r.link.explain(err, w, ErrSilence, "nothing from "+r.link.endpoint, "")
	}
}

// Close ends the connection.
func (r *Receiver) Close() error { return r.link.close() }

func (r *Receiver) account(message *Message) {
	now, ok := placeOf(message)
	if !ok {
		return
	}
	last, ok := r.last[message.Topic]
	r.last[message.Topic] = now
	if !ok {
		return
	}
	if last.epoch != now.epoch {
		message.Restarted = true
		return
	}
	if last.counted && now.counted {
		message.Missed = between(last.seq, now.seq)
		message.Gap = between(last.tick, now.tick)
		r.Missed += message.Missed
	}
}

func between(last, now uint64) uint64 {
	if now <= last {
		return 0
	}
	return now - last - 1
}

func placeOf(message *Message) (place, bool) {
	if len(message.Frames) > 0 {
		first := &message.Frames[0]
		return place{first.Epoch, first.Seq, first.Tick, true}, true
	}
	if rows := message.Rows; rows != nil {
		// Several of its messages may be of one tick, and others of none: Gap says nothing here.
		return place{rows.Epoch, rows.Seq, 0, true}, true
	}
	var document struct {
		Epoch     string
		Seq, Tick *uint64
	}
	if message.JSON == nil || json.Unmarshal(message.JSON, &document) != nil {
		return place{}, false
	}
	epoch, err := strconv.ParseUint(document.Epoch, 16, 64)
	now := place{epoch: epoch}
	if document.Seq != nil && document.Tick != nil {
		now = place{epoch, *document.Seq, *document.Tick, true}
	}
	return now, err == nil
}
