package spiked

// Control: JSON-RPC 2.0 over a DEALER socket.
//
// SPDX-License-Identifier: Apache-2.0

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"

	zmq "github.com/pebbe/zmq4"
)

// A ControlError says that spiked refused a request.
type ControlError struct {
	Code    int             // JSON-RPC's, or one of those in section 5 of PROTOCOL.md
	Message string          // a sentence that says what to do
	Path    string          // the parameter at fault, such as "stream.encode[0].lif.v_th"; "" = none
	Data    json.RawMessage // all that came with it
}

func (e *ControlError) Error() string {
	if e.Path == "" {
		return e.Message
	}
	return fmt.Sprintf("%s (%s)", e.Message, e.Path)
}

// UnmarshalJSON reads the error of an answer.
func (e *ControlError) UnmarshalJSON(text []byte) error {
	var wire struct {
		Code    int
		Message string
		Data    json.RawMessage
	}
	if err := json.Unmarshal(text, &wire); err != nil {
		return err
	}
	var data struct{ Path string }
	if len(wire.Data) > 0 {
		_ = json.Unmarshal(wire.Data, &data) // data of another form has no path
	}
	*e = ControlError{wire.Code, wire.Message, data.Path, wire.Data}
	return nil
}

// A Call is one of a batch. Params is anything that makes a JSON object or list; nil = none.
type Call struct {
	Method string
	Params any
}

// A Result is one of a batch: a value, or spiked's refusal.
type Result struct {
	Value json.RawMessage
	Err   *ControlError
}

// Info is what `info` answers, its rest left out.
type Info struct {
	Version  string
	Protocol int
	Epoch    string
	UptimeS  float64 `json:"uptime_s"`
	Clock    string
	DtNs     uint32 `json:"dt_ns"`
	Pid      int
	Streams  int
}

// Meta is all that is needed to read and label a stream. It comes from meta/, Stream, Streams and Add.
type Meta struct {
	Stream       string
	Epoch        string
	Protocol     int
	Version      string
	Channels     int
	Names        []string
	Shape        []int
	Unit         string
	Range        json.RawMessage
	Lines        int
	DtNs         uint32 `json:"dt_ns"`
	Clock        string
	Window       int    // ticks; 0 = state persists
	Output       string // "spikes", "signed spikes", "graded spikes", "spike counts" or "values"
	Signed       bool   // words may have the sign set
	Payload      string
	Empty        bool // ticks without spikes are sent
	Input        json.RawMessage
	Pipeline     json.RawMessage
	Group        string
	GroupStreams []string `json:"group_streams"`
	Topics       []string

	Liveness string            // "live", "stale" or "silent"; "" in meta/
	Counters map[string]uint64 // nil in meta/
}

// A Control calls spiked's control socket. Requests are never queued for a spiked that is not there,
// and an answer that comes after its call was given up is thrown away. It may be used by several
// goroutines; their calls wait in line.
//
// A call fails with a *ControlError when spiked refuses it, with ErrNotConnected when it could not be
// asked, with ErrNoAnswer when nobody knows.
type Control struct {
	mutex sync.Mutex
	link  *link
	id    uint64
}

// NewControl starts to connect to an endpoint, such as ControlEndpoint.
func NewControl(endpoint string, options *Options) (*Control, error) {
	link, err := open(zmq.DEALER, endpoint, options)
	if err != nil {
		return nil, err
	}
	return &Control{link: link}, nil
}

// Close ends the connection.
func (c *Control) Close() error { return c.link.close() }

// Call calls a method of PROTOCOL.md, section 5, and reads its result (nil = not wanted) with
// json.Unmarshal. params is anything that makes a JSON object or list; nil = none.
func (c *Control) Call(ctx context.Context, method string, params, result any) error {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	request := c.request(Call{method, params})
	answers, err := c.exchange(ctx, request, request.ID, 1)
	if err != nil {
		return err
	}
	answer := answers[request.ID]
	if answer.Err != nil {
		return answer.Err
	}
	if result == nil {
		return nil
	}
	return json.Unmarshal(answer.Value, result)
}

// Batch makes several calls in one message, and gives their results in order.
func (c *Control) Batch(ctx context.Context, calls ...Call) ([]Result, error) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if len(calls) == 0 {
		return nil, nil
	}
	requests, results := make([]request, len(calls)), make([]Result, len(calls))
	for i, call := range calls {
		requests[i] = c.request(call)
	}
	answers, err := c.exchange(ctx, requests, requests[0].ID, len(calls))
	if err != nil {
		return nil, err
	}
	for i, request := range requests {
		results[i] = answers[request.ID]
	}
	return results, nil
}

// Info says what this daemon is.
func (c *Control) Info(ctx context.Context) (info *Info, err error) {
	err = c.Call(ctx, "info", nil, &info)
	return info, err
}

// Streams gives every stream.
func (c *Control) Streams(ctx context.Context) (streams []Meta, err error) {
	err = c.Call(ctx, "streams", nil, &streams)
	return streams, err
}

// Stream gives one stream.
func (c *Control) Stream(ctx context.Context, name string) (meta *Meta, err error) {
	err = c.Call(ctx, "stream", named{name}, &meta)
	return meta, err
}

// Add adds a stream, described as in the configuration file by anything that makes a JSON object.
func (c *Control) Add(ctx context.Context, stream any) (meta *Meta, err error) {
	err = c.Call(ctx, "add", map[string]any{"stream": stream}, &meta)
	return meta, err
}

// Check gives what Add would, or its error, and adds nothing.
func (c *Control) Check(ctx context.Context, stream any) (meta *Meta, err error) {
	err = c.Call(ctx, "check", map[string]any{"stream": stream}, &meta)
	return meta, err
}

// Remove ends a stream.
func (c *Control) Remove(ctx context.Context, name string) error {
	return c.Call(ctx, "remove", named{name}, nil)
}

// Set changes a parameter of a running stage (index or name), between two ticks.
func (c *Control) Set(ctx context.Context, name string, stage any, param string, value any) error {
	return c.Call(ctx, "set", map[string]any{"name": name, "stage": stage, "param": param, "value": value}, nil)
}

// Reset clears a stream's state, and gives the tick from which on.
func (c *Control) Reset(ctx context.Context, name string) (tick uint64, err error) {
	var result struct{ Tick uint64 }
	err = c.Call(ctx, "reset", named{name}, &result)
	return result.Tick, err
}

// Step runs ticks (clock manual only) and, when they have run, gives the time that the clock came to.
func (c *Control) Step(ctx context.Context, ticks uint64) (timeNs int64, err error) {
	var result struct {
		TimeNs int64 `json:"time_ns"`
	}
	err = c.Call(ctx, "step", map[string]any{"ticks": ticks}, &result)
	return result.TimeNs, err
}

type named struct {
	Name string `json:"name"`
}

type request struct {
	Version string `json:"jsonrpc"`
	ID      uint64 `json:"id"`
	Method  string `json:"method"`
	Params  any    `json:"params,omitempty"`
}

type answer struct {
	ID     *uint64
	Result json.RawMessage
	Error  *ControlError
}

func (c *Control) request(call Call) request {
	c.id++
	return request{"2.0", c.id, call.Method, call.Params}
}

func (c *Control) exchange(ctx context.Context, message any, first uint64, count int) (map[uint64]Result, error) {
	text, err := json.Marshal(message)
	if err != nil {
		return nil, err
	}
	w := c.link.wait(ctx)
	if err := c.push(w, text); err != nil {
		return nil, err
	}
	results := map[uint64]Result{}
	for len(results) < count {
		answers, err := c.pull(w)
		if err != nil {
			return nil, err
		}
		for _, answer := range answers {
			switch {
			case answer.ID == nil && answer.Error != nil: // spiked could not read the message
				return nil, answer.Error
			case answer.ID == nil || *answer.ID < first || *answer.ID >= first+uint64(count):
				// late: its call was given up
			case answer.Error == nil && answer.Result == nil:
				return nil, fmt.Errorf("the answer has neither a result nor an error")
			default:
				results[*answer.ID] = Result{answer.Result, answer.Error}
			}
		}
	}
	return results, nil
}

func (c *Control) push(w wait, text []byte) error {
	for {
		if _, err := c.link.socket.SendMessageDontwait("", text); !again(err) {
			return err
		}
		if err := c.link.poll(w, zmq.POLLOUT); err != nil {
			return c.link.explain(err, w, ErrNotConnected, "no spiked could be reached at "+c.link.endpoint, "")
		}
	}
}

func (c *Control) pull(w wait) ([]answer, error) {
	for {
		frames, err := c.link.socket.RecvMessageBytes(zmq.DONTWAIT)
		if again(err) {
			if err = c.link.poll(w, zmq.POLLIN); err == nil {
				continue
			}
		}
		if err != nil {
			return nil, c.link.explain(err, w, ErrNoAnswer, "no answer from "+c.link.endpoint, "")
		}
		text := frames[len(frames)-1]
		var many []answer
		var one answer
		if json.Unmarshal(text, &many) == nil {
			return many, nil
		}
		if err := json.Unmarshal(text, &one); err != nil {
			return nil, fmt.Errorf("the answer is not JSON-RPC: %w", err)
		}
		return []answer{one}, nil
	}
}
