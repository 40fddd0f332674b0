package spiked

// Bytes to messages: clients/PROTOCOL.md in Go. No sockets here.
//
// SPDX-License-Identifier: Apache-2.0

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"math/bits"
	"strings"
	"unicode/utf8"
)

const (
	headerSize = 64
	negative   = 1 << 31
)

// A WireError is about a message that does not follow the protocol.
type WireError struct{ Topic, Reason string }

func (e *WireError) Error() string { return e.Topic + ": " + e.Reason }

// Kind is what a frame tells of.
type Kind uint8

// Kinds of frames.
const (
	Spikes Kind = 1 // spikes of the stream's lines
	State  Kind = 2 // the analogue value of each line, such as membrane voltages
	Values Kind = 3 // the value of each channel that the tick used
)

var kinds = [...]string{Spikes: "spikes", State: "state", Values: "values"}

func (k Kind) String() string { return name(kinds[:], int(k)) }

// Format is how a frame's payload came.
type Format uint8

// Formats of payloads.
const (
	Words  Format = 1 // a word for each spike
	Bitmap Format = 2 // a bit for each line
	F32    Format = 3 // floats
	Graded Format = 4 // a word for each spike, then a float for each
)

var formats = [...]string{Words: "words", Bitmap: "bitmap", F32: "f32", Graded: "graded"}

func (f Format) String() string { return name(formats[:], int(f)) }

func name(names []string, i int) string {
	if i >= 0 && i < len(names) {
		return names[i]
	}
	return ""
}

// Flags is what was special about a tick; bits that this client does not know are kept.
type Flags uint16

// Flags of a tick.
const (
	Late     Flags = 1 << iota // ran a whole dt or more after its time
	Gap                        // comes right after ticks that were skipped
	Stale                      // had no fresh row for stale_after, or never had one
	Reset                      // began with cleared state
	Window                     // is the first of a window
	Restored                   // is the first after state came from a snapshot
)

var flagNames = []string{"late", "gap", "stale", "reset", "window", "restored"}

// Has says whether all of these are set.
func (f Flags) Has(flags Flags) bool { return f&flags == flags }

// Names gives those set, as in json/.
func (f Flags) Names() []string {
	names := []string{}
	for i, name := range flagNames {
		if f.Has(1 << i) {
			names = append(names, name)
		}
	}
	return names
}

// A Frame is one tick of one stream: of spikes/, state/ or values/, or a part of a bundle.
type Frame struct {
	Kind      Kind
	Format    Format
	Flags     Flags
	Epoch     uint64 // drawn when the daemon starts: when it changes, every count began anew
	Tick      uint64
	Seq       uint64 // counts the messages of the topic (in a bundle: of the bundle's)
	TimeNs    int64  // of the tick, nanoseconds since 1970
	SourceNs  int64  // of the newest row that the tick used; 0 = not known
	DtNs      uint32
	LineCount uint32 // lines of the stream (channels, in values/)

	Lines  []uint32  // of each spike, ascending; a line with several spikes is there several times
	Signs  []int8    // +1 or -1 for each spike; graded spikes have their sign in Values
	Values []float32 // of each line (state/), channel (values/) or spike (graded); else nil
}

// Dense gives one number a line: the sum of its spikes, graded or +1 and -1. For state/ and values/
// the values themselves.
func (f *Frame) Dense() []float32 {
	if f.Format == F32 {
		return f.Values
	}
	dense := make([]float32, f.LineCount)
	for i, line := range f.Lines {
		if f.Format == Graded {
			dense[line] += f.Values[i]
		} else {
			dense[line] += float32(f.Signs[i])
		}
	}
	return dense
}

// A Message, and what a receiver noticed between the one before on the same topic and this one.
type Message struct {
	Topic string
	// Frames has one of spikes/, state/ or values/; of bundle/ one for each stream, in the order of
	// group_streams in the meta.
	Frames []Frame
	// JSON is the object of json/, meta/ or status/: read it with json.Unmarshal, meta/ into a Meta.
	JSON json.RawMessage
	// Rows is of rows/; else nil.
	Rows *SensorRows
	// Other has the frames behind a topic that this client does not know.
	Other [][]byte

	Missed    uint64 // messages of the topic that this receiver lost (from seq)
	Gap       uint64 // ticks without a message here: lost, skipped (then the flag is set), or not sent
	Restarted bool   // the daemon was started anew: seq, tick and time began again
}

// Kind is what the topic begins with: "spikes", "meta" …
func (m *Message) Kind() string {
	kind, _, _ := strings.Cut(m.Topic, "/")
	return kind
}

// Stream is the stream, or a bundle's group; "" for status/.
func (m *Message) Stream() string {
	if parts := strings.Split(m.Topic, "/"); len(parts) == 3 {
		return parts[1]
	}
	return ""
}

// Decode reads a message, all its ZeroMQ frames, topic first. Its errors are *WireError.
func Decode(frames [][]byte) (*Message, error) {
	if len(frames) == 0 {
		return nil, &WireError{"", "an empty message"}
	}
	message := &Message{Topic: string(frames[0])}
	if !utf8.Valid(frames[0]) {
		return nil, &WireError{fmt.Sprintf("%q", frames[0]), "the topic is not text"}
	}
	var err error
	switch kind := message.Kind(); kind {
	case "json", "meta", "status":
		err = message.readJSON(frames[1:])
	case "spikes", "state", "values", "bundle":
		err = message.readFrames(kind, frames[1:])
	case "rows":
		err = message.readRows(frames[1:])
	default:
		message.Other = frames[1:]
	}
	if err != nil {
		return nil, &WireError{message.Topic, err.Error()}
	}
	return message, nil
}

func (m *Message) readJSON(frames [][]byte) error {
	if len(frames) != 1 {
		return fmt.Errorf("%d frames behind the topic, not JSON alone", len(frames))
	}
	var object map[string]json.RawMessage
	if err := json.Unmarshal(frames[0], &object); err != nil {
		return fmt.Errorf("not a JSON object: %w", err)
	}
	if object == nil {
		return fmt.Errorf("not a JSON object")
	}
	m.JSON = frames[0]
	return nil
}

func (m *Message) readFrames(kind string, frames [][]byte) error {
	n := len(frames)
	if n < 2 || n%2 != 0 || kind != "bundle" && n != 2 {
		return fmt.Errorf("%d frames behind the topic", n)
	}
	m.Frames = make([]Frame, n/2)
	for i := range m.Frames {
		frame := &m.Frames[i]
		if err := frame.read(frames[2*i], frames[2*i+1]); err != nil {
			return err
		}
		if kind != "bundle" && frame.Kind.String() != kind {
			return fmt.Errorf("the header says %s", frame.Kind)
		}
	}
	return nil
}

func checkHeader(header []byte) error {
	if len(header) != headerSize {
		return fmt.Errorf("a header of %d bytes, not %d", len(header), headerSize)
	}
	if string(header[:4]) != "SPK1" {
		return fmt.Errorf("the magic is not SPK1: not version 1 of spiked's protocol")
	}
	return nil
}

func (f *Frame) read(header, payload []byte) error {
	if err := checkHeader(header); err != nil {
		return err
	}
	little := binary.LittleEndian
	*f = Frame{
		Kind:      Kind(header[4]),
		Format:    Format(header[5]),
		Flags:     Flags(little.Uint16(header[6:])),
		Epoch:     little.Uint64(header[8:]),
		Tick:      little.Uint64(header[16:]),
		Seq:       little.Uint64(header[24:]),
		TimeNs:    int64(little.Uint64(header[32:])),
		SourceNs:  int64(little.Uint64(header[40:])),
		DtNs:      little.Uint32(header[48:]),
		LineCount: little.Uint32(header[52:]),
	}
	count := little.Uint32(header[56:])
	if f.Kind.String() == "" || f.Format.String() == "" {
		return fmt.Errorf("kind %d, format %d is not known to this client", header[4], header[5])
	}
	if (f.Kind == Spikes) == (f.Format == F32) {
		return fmt.Errorf("%s do not come as %s", f.Kind, f.Format)
	}
	if f.Format == Bitmap {
		return f.readBitmap(payload, count)
	}
	return f.readNumbers(payload, count)
}

func (f *Frame) readNumbers(payload []byte, count uint32) error {
	size := uint64(count) * 4
	if f.Format == Graded {
		size *= 2
	}
	if uint64(len(payload)) != size {
		return fmt.Errorf("%d bytes of payload, not %d for count %d", len(payload), size, count)
	}
	if f.Format == F32 {
		if count != f.LineCount {
			return fmt.Errorf("%d values for %d lines", count, f.LineCount)
		}
		f.Values = floats(payload)
		return nil
	}
	f.Lines, f.Signs = make([]uint32, count), make([]int8, count)
	last := uint32(0)
	for i := range f.Lines {
		word := binary.LittleEndian.Uint32(payload[4*i:])
		line := word &^ negative
		if line >= f.LineCount {
			return fmt.Errorf("a spike on line %d of %d", line, f.LineCount)
		}
		if line < last {
			return fmt.Errorf("line %d comes after line %d", line, last)
		}
		last = line
		f.Lines[i], f.Signs[i] = line, 1
		if word&negative != 0 {
			f.Signs[i] = -1
		}
	}
	if f.Format == Graded {
		f.Values = floats(payload[size/2:])
	}
	return nil
}

func (f *Frame) readBitmap(payload []byte, count uint32) error {
	size := int((uint64(f.LineCount) + 7) / 8)
	if len(payload) != size && len(payload) != 2*size {
		return fmt.Errorf("%d bytes for bitmaps of %d lines", len(payload), f.LineCount)
	}
	up, down := payload[:size], payload[size:]
	f.Lines, f.Signs = []uint32{}, []int8{}
	for i, plus := range up {
		minus := byte(0)
		if i < len(down) {
			minus = down[i]
		}
		if plus&minus != 0 {
			return fmt.Errorf("a line is in both planes")
		}
		for left := plus | minus; left != 0; left &= left - 1 {
			bit := bits.TrailingZeros8(left)
			line := uint32(8*i + bit)
			if line >= f.LineCount {
				return fmt.Errorf("a bit past line %d", f.LineCount-1)
			}
			sign := int8(1)
			if minus>>bit&1 == 1 {
				sign = -1
			}
			f.Lines, f.Signs = append(f.Lines, line), append(f.Signs, sign)
		}
	}
	if uint64(len(f.Lines)) != uint64(count) {
		return fmt.Errorf("%d bits set, count %d", len(f.Lines), count)
	}
	return nil
}

func floats(payload []byte) []float32 {
	values := make([]float32, len(payload)/4)
	for i := range values {
		values[i] = math.Float32frombits(binary.LittleEndian.Uint32(payload[4*i:]))
	}
	return values
}
