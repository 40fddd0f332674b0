package spiked

// Rows in: a sensor's side.
//
// SPDX-License-Identifier: Apache-2.0

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"reflect"
	"regexp"
	"sync"
	"time"

	zmq "github.com/pebbe/zmq4"
)

// A Pair is channel and value of a partial row; a []Pair goes to a stream of type pairs.
type Pair struct {
	Channel uint32
	Value   float32
}

// JSON is a row, or a list of rows, for a stream of type json; nil = no sample.
type JSON struct{ Rows any }

// A Stamp says when a message's first row was taken, and which message of the stream it is.
type Stamp struct {
	TimeNs int64  // since 1970; 0 = not known
	Seq    uint64 // one more with every message
}

// A Sender sends rows to spiked's ingest socket. Rows are never queued for a spiked that is not there:
// they would be old when it comes. Every message is numbered, so that spiked counts what got lost.
// It may be used by several goroutines; their calls wait in line.
type Sender struct {
	mutex sync.Mutex
	link  *link
	seq   map[string]uint64
}

// NewSender starts to connect to an endpoint, such as IngestEndpoint.
func NewSender(endpoint string, options *Options) (*Sender, error) {
	link, err := open(zmq.PUSH, endpoint, options)
	if err != nil {
		return nil, err
	}
	return &Sender{link: link, seq: map[string]uint64{}}, nil
}

// Send sends one row, or several that are dt apart, as a slice of numbers in the stream's own type
// ([]float32, []int16 …; NaN = no sample) or of arrays of them, a []Pair, or a JSON. It is not known
// when they were taken. Gives the sequence number used; ErrBlocked when spiked takes no rows.
func (s *Sender) Send(ctx context.Context, stream string, rows any) (uint64, error) {
	return s.send(ctx, stream, rows, 0)
}

// SendAt is the same, with the time at which the first row was taken.
func (s *Sender) SendAt(ctx context.Context, stream string, rows any, taken time.Time) (uint64, error) {
	return s.send(ctx, stream, rows, taken.UnixNano())
}

func (s *Sender) send(ctx context.Context, stream string, rows any, timeNs int64) (uint64, error) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	seq := s.seq[stream]
	return seq, s.push(ctx, stream, rows, &Stamp{timeNs, seq})
}

// SendStamped sends rows with a stamp of the caller's, from which counting goes on, or with none (nil).
func (s *Sender) SendStamped(ctx context.Context, stream string, rows any, stamp *Stamp) error {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return s.push(ctx, stream, rows, stamp)
}

// Skip leaves out sequence numbers, so that spiked counts messages that had to be dropped as lost.
func (s *Sender) Skip(stream string, messages uint64) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.seq[stream] += messages
}

// Close waits for rows that were accepted, as long as Linger says.
func (s *Sender) Close() error { return s.link.close() }

var streamName = regexp.MustCompile(`^[A-Za-z0-9_.-]{1,64}$`)

func (s *Sender) push(ctx context.Context, stream string, rows any, stamp *Stamp) error {
	if !streamName.MatchString(stream) {
		return fmt.Errorf("%q is no stream's name: those are 1 to 64 of A-Z a-z 0-9 _ . -", stream)
	}
	payload, err := Payload(rows)
	if err != nil {
		return fmt.Errorf("%s: %w", stream, err)
	}
	frames := []any{stream, payload}
	if stamp != nil {
		bytes := binary.LittleEndian.AppendUint64(nil, uint64(stamp.TimeNs))
		frames = append(frames, binary.LittleEndian.AppendUint64(bytes, stamp.Seq))
	}
	for w := s.link.wait(ctx); ; {
		if _, err = s.link.socket.SendMessageDontwait(frames...); !again(err) {
			break
		}
		if err = s.link.poll(w, zmq.POLLOUT); err != nil {
			return s.link.explain(err, w, ErrBlocked, s.link.endpoint+" took no rows",
				": is spiked running, and does every subscriber of a lossless clock read?")
		}
	}
	if err == nil && stamp != nil {
		s.seq[stream] = stamp.Seq + 1
	}
	return err
}

// Payload gives rows as they go over the wire: see Send.
func Payload(rows any) ([]byte, error) {
	if document, ok := rows.(JSON); ok {
		return json.Marshal(document.Rows)
	}
	value := reflect.ValueOf(rows)
	if value.Kind() != reflect.Slice && value.Kind() != reflect.Array || !isRow(value.Type().Elem()) {
		return nil, fmt.Errorf("rows of %T: give a slice of float32, float64, int8, uint8, int16, uint16, "+
			"int32, of arrays of them, of Pair, or a JSON", rows)
	}
	var payload bytes.Buffer
	if err := binary.Write(&payload, binary.LittleEndian, rows); err != nil {
		return nil, err
	}
	if payload.Len() == 0 {
		return nil, fmt.Errorf("no rows")
	}
	return payload.Bytes(), nil
}

func isRow(element reflect.Type) bool {
	switch element.Kind() {
	case reflect.Float32, reflect.Float64, reflect.Int8, reflect.Uint8, reflect.Int16, reflect.Uint16,
		reflect.Int32:
		return true
	case reflect.Array:
		return isRow(element.Elem())
	}
	return element == reflect.TypeOf(Pair{})
}
