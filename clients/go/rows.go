package spiked

// What sensors sent, as rows/ passes it on.
//
// SPDX-License-Identifier: Apache-2.0

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
)

// RowType is the type of a stream's rows.
type RowType uint8

// Types of rows.
const (
	RowF32 RowType = 16 + iota
	RowF64
	RowI8
	RowU8
	RowI16
	RowU16
	RowI32
	RowJSON
	RowPairs
)

const rowsKind = 4

var (
	rowTypes = [...]string{"f32", "f64", "i8", "u8", "i16", "u16", "i32", "json", "pairs"}
	rowSizes = [...]uint64{4, 8, 1, 1, 2, 2, 4, 0, 8} // of a number, or of a pair
)

func (t RowType) String() string { return name(rowTypes[:], int(t)-int(RowF32)) }

// SensorRows is a message of rows/: what a sensor sent, and the first tick that could use it.
type SensorRows struct {
	Type     RowType
	Epoch    uint64
	Tick     uint64 // the first that could use the first row
	Seq      uint64 // row messages that the stream took before
	TimeNs   int64  // when spiked took it, nanoseconds since 1970
	SourceNs int64  // of the first row, as the sensor said it; 0 = not known
	DtNs     uint32
	Channels uint32
	Count    uint32 // rows
	Payload  []byte // as it was sent
	Stamp    *Stamp // if the sensor sent one beside the payload
}

// Values gives the numbers, row after row; NaN = no sample, as for the channels that pairs do not name.
func (r *SensorRows) Values() ([]float64, error) {
	switch r.Type {
	case RowJSON:
		return r.jsonValues()
	case RowPairs:
		row := make([]float64, r.Channels)
		for i := range row {
			row[i] = math.NaN()
		}
		for _, pair := range r.Pairs() {
			if pair.Channel >= r.Channels {
				return nil, fmt.Errorf("channel %d of %d", pair.Channel, r.Channels)
			}
			row[pair.Channel] = float64(pair.Value)
		}
		return row, nil
	}
	size := int(rowSizes[r.Type-RowF32])
	values := make([]float64, len(r.Payload)/size)
	for i := range values {
		values[i] = r.Type.number(r.Payload[size*i:])
	}
	return values, nil
}

// Pairs gives channel and value; nil unless Type is RowPairs.
func (r *SensorRows) Pairs() []Pair {
	if r.Type != RowPairs {
		return nil
	}
	pairs := make([]Pair, len(r.Payload)/8)
	for i := range pairs {
		at := r.Payload[8*i:]
		pairs[i] = Pair{binary.LittleEndian.Uint32(at), math.Float32frombits(binary.LittleEndian.Uint32(at[4:]))}
	}
	return pairs
}

func (t RowType) number(at []byte) float64 {
	little := binary.LittleEndian
	switch t {
	case RowF32:
		return float64(math.Float32frombits(little.Uint32(at)))
	case RowF64:
		return math.Float64frombits(little.Uint64(at))
	case RowI8:
		return float64(int8(at[0]))
	case RowU8:
		return float64(at[0])
	case RowI16:
		return float64(int16(little.Uint16(at)))
	case RowU16:
		return float64(little.Uint16(at))
	default:
		return float64(int32(little.Uint32(at)))
	}
}

// A row, a list of rows, or an object with either in values.
func (r *SensorRows) jsonValues() ([]float64, error) {
	text := json.RawMessage(r.Payload)
	var object struct{ Values json.RawMessage }
	if json.Unmarshal(text, &object) == nil && object.Values != nil {
		text = object.Values
	}
	var rows [][]*float64
	if err := json.Unmarshal(text, &rows); err != nil {
		rows = make([][]*float64, 1)
		if err := json.Unmarshal(text, &rows[0]); err != nil {
			return nil, fmt.Errorf("no rows: %w", err)
		}
	}
	values := []float64{}
	for _, row := range rows {
		for _, value := range row {
			if value == nil {
				values = append(values, math.NaN())
			} else {
				values = append(values, *value)
			}
		}
	}
	return values, nil
}

func (m *Message) readRows(frames [][]byte) error {
	if len(frames) != 2 && len(frames) != 3 {
		return fmt.Errorf("%d frames behind the topic", len(frames))
	}
	header, payload := frames[0], frames[1]
	if err := checkHeader(header); err != nil {
		return err
	}
	little := binary.LittleEndian
	rows := &SensorRows{
		Type:     RowType(header[5]),
		Epoch:    little.Uint64(header[8:]),
		Tick:     little.Uint64(header[16:]),
		Seq:      little.Uint64(header[24:]),
		TimeNs:   int64(little.Uint64(header[32:])),
		SourceNs: int64(little.Uint64(header[40:])),
		DtNs:     little.Uint32(header[48:]),
		Channels: little.Uint32(header[52:]),
		Count:    little.Uint32(header[56:]),
		Payload:  payload,
	}
	if header[4] != rowsKind || rows.Type.String() == "" {
		return fmt.Errorf("kind %d, format %d: no rows that this client knows", header[4], header[5])
	}
	if !rows.fit() {
		return fmt.Errorf("%d bytes are not %d rows of %d %s", len(payload), rows.Count, rows.Channels, rows.Type)
	}
	if len(frames) == 3 {
		if len(frames[2]) != 16 {
			return fmt.Errorf("a stamp of %d bytes", len(frames[2]))
		}
		rows.Stamp = &Stamp{int64(little.Uint64(frames[2])), little.Uint64(frames[2][8:])}
	}
	m.Rows = rows
	return nil
}

func (r *SensorRows) fit() bool {
	numbers, size := uint64(r.Channels)*uint64(r.Count), uint64(len(r.Payload))
	each := rowSizes[r.Type-RowF32]
	switch {
	case numbers == 0:
		return false
	case r.Type == RowJSON:
		return true
	case r.Type == RowPairs:
		return size%each == 0
	}
	return size%each == 0 && size/each == numbers
}
