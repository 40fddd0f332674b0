// The agent of the Go client: see ../README.md.
package main

// SPDX-License-Identifier: Apache-2.0

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"math"
	"os"
	"time"

	"spiked"
)

type request struct {
	Do, Ingest, Publish, Control, Stream, Type, Method string

	Topics    []string
	Count     int
	TimeoutMs int64 `json:"timeout_ms"`
	Keys      *struct{ File, Server string }
	Rows      json.RawMessage
	Params    json.RawMessage
	Stamp     *struct {
		TimeNs int64  `json:"time_ns,string"`
		Seq    uint64 `json:"seq,string"`
	}
}

type object = map[string]any

type agent struct {
	sender   *spiked.Sender
	receiver *spiked.Receiver
	control  *spiked.Control
}

var background = context.Background()

func (a *agent) run(r *request) (object, error) {
	if r.Do != "hello" && r.Do != "connect" && r.Do != "close" && a.control == nil {
		return nil, errors.New("not connected")
	}
	switch r.Do {
	case "hello":
		return object{"client": "go", "can": []string{"keys", "rows"}}, nil
	case "connect":
		a.close()
		return object{}, a.connect(r)
	case "send":
		return object{}, a.send(r)
	case "subscribe":
		return object{}, each(r.Topics, a.receiver.Subscribe)
	case "unsubscribe":
		return object{}, each(r.Topics, a.receiver.Unsubscribe)
	case "receive":
		return a.receive(r)
	case "call":
		return a.call(r), nil
	case "close":
		a.close()
		return object{}, nil
	}
	return nil, fmt.Errorf("this agent cannot %s", r.Do)
}

func each(topics []string, do func(string) error) error {
	for _, topic := range topics {
		if err := do(topic); err != nil {
			return err
		}
	}
	return nil
}

func (a *agent) connect(r *request) (err error) {
	options := &spiked.Options{Timeout: time.Duration(r.TimeoutMs) * time.Millisecond}
	if r.Keys != nil {
		if options.Keys, err = spiked.LoadKeys(r.Keys.File, r.Keys.Server); err != nil {
			return err
		}
	}
	if a.sender, err = spiked.NewSender(r.Ingest, options); err != nil {
		return err
	}
	if a.receiver, err = spiked.NewReceiver(r.Publish, options); err != nil {
		return err
	}
	a.control, err = spiked.NewControl(r.Control, options)
	return err
}

func (a *agent) close() {
	if a.sender != nil {
		a.sender.Close()
	}
	if a.receiver != nil {
		a.receiver.Close()
	}
	if a.control != nil {
		a.control.Close()
	}
	*a = agent{}
}

func (a *agent) send(r *request) error {
	rows, err := rowsOf(r.Type, r.Rows)
	if err != nil {
		return err
	}
	if r.Stamp != nil {
		return a.sender.SendStamped(background, r.Stream, rows, &spiked.Stamp{TimeNs: r.Stamp.TimeNs, Seq: r.Stamp.Seq})
	}
	_, err = a.sender.Send(background, r.Stream, rows)
	return err
}

func rowsOf(kind string, text json.RawMessage) (any, error) {
	switch kind {
	case "f32":
		return floats[float32](text)
	case "f64":
		return floats[float64](text)
	case "i8":
		return whole[int8](text)
	case "u8":
		return whole[uint8](text)
	case "i16":
		return whole[int16](text)
	case "u16":
		return whole[uint16](text)
	case "i32":
		return whole[int32](text)
	case "pairs":
		var rows [][][2]float64
		err := json.Unmarshal(text, &rows)
		var pairs []spiked.Pair
		for _, row := range rows {
			for _, pair := range row {
				pairs = append(pairs, spiked.Pair{Channel: uint32(pair[0]), Value: float32(pair[1])})
			}
		}
		return pairs, err
	case "json":
		return spiked.JSON{Rows: text}, nil
	}
	return nil, fmt.Errorf("no type %s", kind)
}

func floats[T float32 | float64](text json.RawMessage) (flat []T, err error) {
	var rows [][]*float64
	err = json.Unmarshal(text, &rows)
	for _, row := range rows {
		for _, value := range row {
			if value == nil {
				flat = append(flat, T(math.NaN()))
			} else {
				flat = append(flat, T(*value))
			}
		}
	}
	return flat, err
}

func whole[T int8 | uint8 | int16 | uint16 | int32](text json.RawMessage) (flat []T, err error) {
	var rows [][]int32
	if err = json.Unmarshal(text, &rows); err != nil {
		return nil, err
	}
	for _, row := range rows {
		for _, value := range row {
			if int32(T(value)) != value {
				return nil, fmt.Errorf("%d is more than %T holds", value, T(0))
			}
			flat = append(flat, T(value))
		}
	}
	return flat, nil
}

func (a *agent) receive(r *request) (object, error) {
	ctx, cancel := context.WithTimeout(background, time.Duration(r.TimeoutMs)*time.Millisecond)
	defer cancel()
	messages := []object{}
	for len(messages) < r.Count {
		message, err := a.receiver.Receive(ctx)
		if errors.Is(err, spiked.ErrSilence) {
			break
		}
		if err != nil {
			return nil, err
		}
		messages = append(messages, document(message))
	}
	fault := ""
	if a.receiver.Fault != nil {
		fault = a.receiver.Fault.Error()
	}
	return object{"messages": messages, "malformed": a.receiver.Malformed, "fault": fault}, nil
}

func (a *agent) call(r *request) object {
	var params any
	if len(r.Params) > 0 {
		params = r.Params
	}
	var answer json.RawMessage
	err := a.control.Call(background, r.Method, params, &answer)
	var refusal *spiked.ControlError
	switch {
	case errors.As(err, &refusal):
		told := object{"error": refusal.Error(), "code": refusal.Code}
		if refusal.Path != "" {
			told["path"] = refusal.Path
		}
		return told
	case err != nil:
		return object{"error": err.Error(), "code": 0}
	}
	return object{"result": answer}
}

func document(message *spiked.Message) object {
	document := object{"topic": message.Topic, "missed": message.Missed, "restarted": message.Restarted}
	if message.JSON != nil {
		document["json"] = message.JSON
		return document
	}
	if message.Rows != nil {
		document["parts"] = []object{rowsPart(message.Rows)}
		return document
	}
	parts := []object{}
	for i := range message.Frames {
		parts = append(parts, part(&message.Frames[i]))
	}
	document["parts"] = parts
	return document
}

func rowsPart(r *spiked.SensorRows) object {
	part := object{
		"kind": "rows", "format": r.Type.String(), "flags": []string{}, "epoch": fmt.Sprintf("%016x", r.Epoch),
		"tick": fmt.Sprint(r.Tick), "seq": fmt.Sprint(r.Seq), "time_ns": fmt.Sprint(r.TimeNs),
		"source_ns": fmt.Sprint(r.SourceNs), "dt_ns": r.DtNs, "lines": r.Channels, "count": r.Count,
	}
	if r.Type == spiked.RowPairs {
		row := []any{}
		for _, pair := range r.Pairs() {
			row = append(row, []any{pair.Channel, pair.Value})
		}
		part["rows"] = []any{row}
		return part
	}
	values, _ := r.Values()
	rows := [][]any{}
	for i, value := range values {
		if i%int(r.Channels) == 0 {
			rows = append(rows, []any{})
		}
		if last := &rows[len(rows)-1]; math.IsNaN(value) {
			*last = append(*last, nil)
		} else {
			*last = append(*last, value)
		}
	}
	part["rows"] = rows
	return part
}

func part(f *spiked.Frame) object {
	part := object{
		"kind": f.Kind.String(), "format": f.Format.String(), "flags": f.Flags.Names(),
		"epoch": fmt.Sprintf("%016x", f.Epoch), "tick": fmt.Sprint(f.Tick), "seq": fmt.Sprint(f.Seq),
		"time_ns": fmt.Sprint(f.TimeNs), "source_ns": fmt.Sprint(f.SourceNs),
		"dt_ns": f.DtNs, "lines": f.LineCount, "count": len(f.Lines),
	}
	if f.Format == spiked.F32 {
		part["count"] = len(f.Values)
	} else {
		part["line"], part["sign"] = f.Lines, f.Signs
	}
	if f.Format == spiked.F32 || f.Format == spiked.Graded {
		values := []any{}
		for _, value := range f.Values {
			if wide := float64(value); math.IsNaN(wide) || math.IsInf(wide, 0) {
				values = append(values, nil)
			} else {
				values = append(values, wide)
			}
		}
		part["values"] = values
	}
	return part
}

func main() {
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 64<<20)
	var a agent
	defer a.close()
	out := json.NewEncoder(os.Stdout)
	for lines.Scan() {
		var r request
		err := json.Unmarshal(lines.Bytes(), &r)
		var answer object
		if err == nil {
			answer, err = a.run(&r)
		}
		if err != nil {
			answer = object{"error": err.Error()}
		}
		if err := out.Encode(answer); err != nil {
			log.Fatal(err)
		}
	}
}
