package spiked

// What clients/vectors says about bytes.
//
// SPDX-License-Identifier: Apache-2.0

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"testing"
)

type vector struct {
	name    string
	Way     string
	Frames  []hexBytes
	Decoded json.RawMessage
}

type hexBytes []byte

func (b *hexBytes) UnmarshalText(text []byte) (err error) {
	*b, err = hex.DecodeString(string(text))
	return err
}

func (v *vector) frames() [][]byte {
	frames := make([][]byte, len(v.Frames))
	for i, frame := range v.Frames {
		frames[i] = append([]byte{}, frame...)
	}
	return frames
}

func vectors(t *testing.T, way string) []*vector {
	t.Helper()
	paths, err := filepath.Glob("../vectors/*.json")
	if err != nil || len(paths) < 40 {
		t.Fatalf("%d vectors: %v", len(paths), err)
	}
	var found []*vector
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		v := &vector{name: strings.TrimSuffix(filepath.Base(path), ".json")}
		if err := json.Unmarshal(text, v); err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		if v.Way == way {
			found = append(found, v)
		}
	}
	return found
}

func vectorOf(t *testing.T, way, name string) *vector {
	t.Helper()
	for _, v := range vectors(t, way) {
		if v.name == name {
			return v
		}
	}
	t.Fatalf("there is no vector %s", name)
	return nil
}

// part has what the vectors say of a frame.
func part(f *Frame) map[string]any {
	part := map[string]any{
		"kind": f.Kind.String(), "format": f.Format.String(), "flags": f.Flags.Names(),
		"epoch": fmt.Sprintf("%016x", f.Epoch), "tick": fmt.Sprint(f.Tick), "seq": fmt.Sprint(f.Seq),
		"time_ns": fmt.Sprint(f.TimeNs), "source_ns": fmt.Sprint(f.SourceNs),
		"dt_ns": f.DtNs, "lines": f.LineCount, "count": len(f.Lines),
	}
	if f.Format == F32 {
		part["count"] = len(f.Values)
	} else {
		part["line"], part["sign"] = f.Lines, f.Signs
	}
	if f.Values != nil {
		wide := []float64{}
		for _, value := range f.Values {
			wide = append(wide, float64(value))
		}
		part["values"] = wide
	}
	return part
}

// plain is what is left of a value when it went through JSON.
func plain(t *testing.T, value any) any {
	t.Helper()
	text, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	var plain any
	if err := json.Unmarshal(text, &plain); err != nil {
		t.Fatal(err)
	}
	return plain
}

func TestMessagesDecodeToWhatTheVectorsSay(t *testing.T) {
	for _, v := range vectors(t, "out") {
		message, err := Decode(v.frames())
		if string(v.Decoded) == "null" {
			if err == nil {
				t.Errorf("%s: decoded", v.name)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", v.name, err)
			continue
		}
		got := map[string]any{"topic": message.Topic}
		if message.JSON != nil {
			got["json"] = message.JSON
		} else {
			parts := []any{}
			for i := range message.Frames {
				parts = append(parts, part(&message.Frames[i]))
			}
			got["parts"] = parts
		}
		if got, want := plain(t, got), plain(t, v.Decoded); !reflect.DeepEqual(got, want) {
			t.Errorf("%s:\n got %v\nwant %v", v.name, got, want)
		}
	}
}

// rowsOf makes numbers of the stream's own type of a vector's rows.
func rowsOf(t *testing.T, kind string, rows [][]json.RawMessage) any {
	t.Helper()
	var numbers []float64
	var pairs []Pair
	for _, row := range rows {
		for _, text := range row {
			value := math.NaN()
			var pair [2]float64
			if json.Unmarshal(text, &pair) == nil && kind == "pairs" {
				pairs = append(pairs, Pair{uint32(pair[0]), float32(pair[1])})
			} else if parsed, err := strconv.ParseFloat(string(text), 64); err == nil {
				value = parsed
			}
			numbers = append(numbers, value)
		}
	}
	switch kind {
	case "f32":
		return as[float32](numbers)
	case "f64":
		return numbers
	case "i8":
		return as[int8](numbers)
	case "u8":
		return as[uint8](numbers)
	case "i16":
		return as[int16](numbers)
	case "u16":
		return as[uint16](numbers)
	case "i32":
		return as[int32](numbers)
	case "pairs":
		return pairs
	}
	t.Fatalf("type %s", kind)
	return nil
}

func as[T float32 | int8 | uint8 | int16 | uint16 | int32](numbers []float64) []T {
	var rows []T
	for _, number := range numbers {
		rows = append(rows, T(number))
	}
	return rows
}

func TestRowsAreTheBytesOfTheVectors(t *testing.T) {
	for _, v := range vectors(t, "in") {
		var decoded struct {
			Type string
			Rows [][]json.RawMessage
		}
		if err := json.Unmarshal(v.Decoded, &decoded); err != nil {
			t.Fatal(err)
		}
		if decoded.Type == "json" {
			continue
		}
		payload, err := Payload(rowsOf(t, decoded.Type, decoded.Rows))
		if err != nil || string(payload) != string(v.Frames[1]) {
			t.Errorf("%s: %x, %v", v.name, payload, err)
		}
	}
	if payload, err := Payload(JSON{[]any{1, 2.5, nil}}); string(payload) != "[1,2.5,null]" {
		t.Errorf("%s, %v", payload, err)
	}
}

func TestArraysAreRowsOneAfterTheOther(t *testing.T) {
	one, _ := Payload([][2]int16{{1, 2}, {3, 4}})
	other, err := Payload([]int16{1, 2, 3, 4})
	if err != nil || string(one) != string(other) || len(one) != 8 {
		t.Errorf("%x and %x, %v", one, other, err)
	}
}

func TestWhatNoStreamTakesIsRefused(t *testing.T) {
	for _, rows := range []any{nil, 1.0, []int{1}, []string{"a"}, []uint64{1}, [][]float32{{1}}, []float32{}} {
		if payload, err := Payload(rows); err == nil {
			t.Errorf("%T gave %x", rows, payload)
		}
	}
}

func TestAMessageCutShortAnywhereIsRefusedOrReadWithoutHarm(t *testing.T) {
	for _, v := range vectors(t, "out") {
		for i, frame := range v.Frames {
			for length := range frame {
				frames := v.frames()
				frames[i] = frames[i][:length]
				if _, err := Decode(frames); err == nil && i > 0 && string(v.Decoded) != "null" {
					t.Errorf("%s: frame %d cut to %d bytes is read", v.name, i, length)
				}
			}
		}
	}
}

func TestATopicOfLaterDaysIsGivenAsItCame(t *testing.T) {
	message, err := Decode([][]byte{[]byte("novel/imu/"), []byte("what"), []byte("ever")})
	if err != nil || message.Stream() != "imu" || len(message.Other) != 2 {
		t.Errorf("%v, %v", message, err)
	}
}

func TestSpikesAddUpLineByLine(t *testing.T) {
	for name, want := range map[string]string{
		"spikes-words-repeated": "[0 0 0 0 3 0 0 0 0 -2 0 0]",
		"spikes-graded":         "[0 0.5 0 0 -2.25 0]",
		"spikes-bitmap-signed":  "[1 0 0 -1 0 0 0 0 0 0 0 1]",
		"state":                 "[0.1 0 -0.75]",
	} {
		message, err := Decode(vectorOf(t, "out", name).frames())
		if err != nil {
			t.Fatal(err)
		}
		if got := fmt.Sprint(message.Frames[0].Dense()); got != want {
			t.Errorf("%s: %s, not %s", name, got, want)
		}
	}
}

func TestMetaIsReadIntoItsStruct(t *testing.T) {
	message, err := Decode(vectorOf(t, "out", "meta").frames())
	if err != nil {
		t.Fatal(err)
	}
	var meta Meta
	if err := json.Unmarshal(message.JSON, &meta); err != nil {
		t.Fatal(err)
	}
	if meta.Stream != "imu" || meta.DtNs != 1000000 || meta.GroupStreams[1] != "arm" || !meta.Empty {
		t.Errorf("%+v", meta)
	}
}

func TestRowsAreReadAsTheyWereSent(t *testing.T) {
	frames := vectorOf(t, "rows", "rows").frames()
	message, err := Decode(frames)
	if err != nil {
		t.Fatal(err)
	}
	rows := message.Rows
	if values, err := rows.Values(); err != nil || !reflect.DeepEqual(values, []float64{1, 2, 3}) {
		t.Error(values, err)
	}
	if rows.Tick != 7 || rows.Seq != 41 || rows.Stamp == nil || rows.Stamp.Seq != 5 {
		t.Errorf("%+v", rows)
	}
	for i := 1; i < 4; i++ {
		short := append([][]byte{}, frames...)
		short[i] = short[i][:len(short[i])-1]
		if _, err := Decode(short); err == nil {
			t.Errorf("frame %d cut short", i)
		}
	}
}
