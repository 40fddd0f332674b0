package spiked

// Senders, receivers and control clients beside bare ZeroMQ sockets in spiked's place.
//
// SPDX-License-Identifier: Apache-2.0

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	zmq "github.com/pebbe/zmq4"
)

var hasty = &Options{Timeout: 50 * time.Millisecond}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func peer(t *testing.T, kind zmq.Type) (*zmq.Socket, string) {
	t.Helper()
	socket, err := zmq.NewSocket(kind)
	check(t, err)
	check(t, socket.SetRcvtimeo(5*time.Second))
	check(t, socket.SetLinger(0))
	check(t, socket.Bind("tcp://127.0.0.1:*"))
	endpoint, err := socket.GetLastEndpoint()
	check(t, err)
	t.Cleanup(func() { socket.Close() })
	return socket, endpoint
}

func take(t *testing.T, socket *zmq.Socket) [][]byte {
	t.Helper()
	frames, err := socket.RecvMessageBytes(0)
	check(t, err)
	return frames
}

func sender(t *testing.T, endpoint string, options *Options) *Sender {
	t.Helper()
	sender, err := NewSender(endpoint, options)
	check(t, err)
	t.Cleanup(func() { sender.Close() })
	return sender
}

func TestRowsGoOutAsTheVectorsSayWithNumbersOfTheirStream(t *testing.T) {
	spiked, endpoint := peer(t, zmq.PULL)
	sender, ctx := sender(t, endpoint, nil), context.Background()

	check(t, sender.SendStamped(ctx, "imu", []float32{1, 2, 3}, &Stamp{1699999999998500000, 41}))
	if got, want := take(t, spiked), vectorOf(t, "in", "row-f32-stamp").frames(); !reflect.DeepEqual(got, want) {
		t.Errorf("%x", got)
	}
	seq, err := sender.SendAt(ctx, "imu", []float32{0}, time.Unix(0, 7))
	check(t, err)
	stamp := take(t, spiked)[2]
	if seq != 42 || stamp[0] != 7 || stamp[8] != 42 || len(stamp) != 16 {
		t.Errorf("seq %d, stamp %x", seq, stamp)
	}
	check(t, sender.SendStamped(ctx, "skin", []Pair{{0, 1.5}, {5, -0.25}}, nil))
	if got, want := take(t, spiked), vectorOf(t, "in", "row-pairs").frames(); !reflect.DeepEqual(got, want) {
		t.Errorf("%x", got)
	}
	sender.Skip("skin", 3)
	if seq, err := sender.Send(ctx, "skin", []Pair{{0, 0}}); err != nil || seq != 3 {
		t.Errorf("seq %d, %v", seq, err)
	}
}

func TestWhatCannotBeSentIsRefusedBeforeItIs(t *testing.T) {
	_, endpoint := peer(t, zmq.PULL)
	sender := sender(t, endpoint, nil)
	for _, name := range []string{"", "a/b", "ü", strings.Repeat("x", 65), "x\n"} {
		if _, err := sender.Send(context.Background(), name, []float32{1}); err == nil {
			t.Errorf("%q is taken", name)
		}
	}
	if _, err := NewSender("nowhere", nil); err == nil {
		t.Error("there is no endpoint \"nowhere\"")
	}
}

func TestRowsDoNotWaitForASpikedThatIsAway(t *testing.T) {
	endpoint := "ipc://" + filepath.Join(t.TempDir(), "nobody")
	sender, ctx := sender(t, endpoint, hasty), context.Background()
	if _, err := sender.Send(ctx, "imu", []float32{1}); !errors.Is(err, ErrBlocked) ||
		!errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v", err)
	}
	spiked, err := zmq.NewSocket(zmq.PULL)
	check(t, err)
	defer spiked.Close()
	check(t, spiked.SetRcvtimeo(5*time.Second))
	check(t, spiked.Bind(endpoint))
	long, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	if seq, err := sender.Send(long, "imu", []float32{2}); err != nil || seq != 0 {
		t.Errorf("the number of a row that was not taken is used again: %d, %v", seq, err)
	}
	if payload := take(t, spiked)[1]; binary.LittleEndian.Uint32(payload) != 0x40000000 {
		t.Errorf("%x", payload)
	}
}

func TestACancelledCallEnds(t *testing.T) {
	_, endpoint := peer(t, zmq.XPUB)
	receiver, err := NewReceiver(endpoint, &Options{Timeout: -1}, "spikes/")
	check(t, err)
	defer receiver.Close()
	ctx, cancel := context.WithCancel(context.Background())
	time.AfterFunc(50*time.Millisecond, cancel)
	if _, err := receiver.Receive(ctx); err != context.Canceled {
		t.Errorf("%v", err)
	}
}

// tick is a message of spikes/imu/ with these numbers.
func tick(t *testing.T, epoch, tick, seq uint64) [][]byte {
	frames := vectorOf(t, "out", "spikes-words").frames()
	for i, number := range []uint64{epoch, tick, seq} {
		binary.LittleEndian.PutUint64(frames[1][8+8*i:], number)
	}
	return frames
}

func TestLossGapsAndRestartsAreToldAndBadMessagesPassedOver(t *testing.T) {
	spiked, endpoint := peer(t, zmq.XPUB)
	receiver, err := NewReceiver(endpoint, nil, "spikes/imu/")
	check(t, err)
	defer receiver.Close()
	take(t, spiked)
	for _, frames := range [][][]byte{
		tick(t, 1, 10, 5), vectorOf(t, "out", "bad-magic").frames(), tick(t, 1, 11, 6), tick(t, 1, 15, 9), tick(t, 2, 0, 0),
	} {
		_, err := spiked.SendMessage(frames)
		check(t, err)
	}
	var told []string
	for len(told) < 4 {
		message, err := receiver.Receive(context.Background())
		check(t, err)
		told = append(told, fmt.Sprint(message.Missed, message.Gap, message.Restarted))
	}
	if want := []string{"0 0 false", "0 0 false", "2 3 false", "0 0 true"}; !reflect.DeepEqual(told, want) {
		t.Errorf("%q", told)
	}
	if receiver.Missed != 2 || receiver.Malformed != 1 || !strings.Contains(receiver.Fault.Error(), "SPK1") {
		t.Errorf("%d missed, %d malformed, %v", receiver.Missed, receiver.Malformed, receiver.Fault)
	}
	check(t, receiver.Unsubscribe("spikes/imu/"))
	check(t, receiver.Subscribe("spikes/imu/"))
	take(t, spiked)
	take(t, spiked)
	_, err = spiked.SendMessage(tick(t, 2, 50, 50))
	check(t, err)
	if message, err := receiver.Receive(context.Background()); err != nil || message.Missed != 0 {
		t.Errorf("a subscription starts anew: %v, %v", message, err)
	}
}

func TestDocumentsTellOfLossAndRestartToo(t *testing.T) {
	spiked, endpoint := peer(t, zmq.XPUB)
	receiver, err := NewReceiver(endpoint, nil, "json/", "status/")
	check(t, err)
	defer receiver.Close()
	take(t, spiked)
	take(t, spiked)
	for _, row := range [][3]string{
		{"json/imu/", `{"epoch":"00000000000000ff","tick":1,"seq":1}`, "0 0 false"},
		{"status/", `{"epoch":"00000000000000ff"}`, "0 0 false"},
		{"json/imu/", `{"epoch":"00000000000000ff","tick":9,"seq":4}`, "2 7 false"},
		{"status/", `{"epoch":"00000000000000fe"}`, "0 0 true"},
	} {
		_, err := spiked.SendMessage(row[0], row[1])
		check(t, err)
		message, err := receiver.Receive(context.Background())
		check(t, err)
		if got := fmt.Sprint(message.Missed, message.Gap, message.Restarted); got != row[2] {
			t.Errorf("%v: %s", row, got)
		}
	}
}

func TestSilenceIsToldAndIsNoEnd(t *testing.T) {
	spiked, endpoint := peer(t, zmq.XPUB)
	receiver, err := NewReceiver(endpoint, hasty, "spikes/")
	check(t, err)
	defer receiver.Close()
	if _, err := receiver.Receive(context.Background()); !errors.Is(err, ErrSilence) {
		t.Errorf("%v", err)
	}
	take(t, spiked)
	_, err = spiked.SendMessage(tick(t, 1, 1, 1))
	check(t, err)
	long, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	_, err = receiver.Receive(long)
	check(t, err)
}

// serve answers requests one by one, as long as there are answers; each is made from the request.
func serve(t *testing.T, spiked *zmq.Socket, answers ...func(request any) []any) chan []any {
	requests := make(chan []any, 1)
	go func() {
		var all []any
		for _, answer := range answers {
			frames, err := spiked.RecvMessageBytes(0)
			if err != nil || len(frames) != 3 || len(frames[1]) != 0 {
				t.Errorf("%q, %v", frames, err)
				break
			}
			var request any
			if err := json.Unmarshal(frames[2], &request); err != nil {
				t.Error(err)
			}
			for _, each := range answer(request) {
				text, _ := json.Marshal(each)
				if _, err := spiked.SendMessage(frames[0], "", text); err != nil {
					t.Error(err)
				}
			}
			all = append(all, request)
		}
		requests <- all
	}()
	return requests
}

func idOf(request any) any { return request.(map[string]any)["id"] }

// withID is a vector's document, with another id.
func withID(t *testing.T, way, name string, id any) any {
	document := plain(t, vectorOf(t, way, name).Decoded)
	document.(map[string]any)["id"] = id
	return document
}

func TestRequestsAndAnswersAreThoseOfTheVectors(t *testing.T) {
	spiked, endpoint := peer(t, zmq.ROUTER)
	requests := serve(t, spiked,
		func(r any) []any {
			return []any{map[string]any{"id": idOf(r), "result": map[string]any{"version": "9"}}}
		},
		func(r any) []any {
			late := withID(t, "reply", "control-reply", 1) // of a call that nobody waits for any more
			return []any{late, withID(t, "reply", "control-error", idOf(r))}
		},
		func(r any) []any { return []any{withID(t, "reply", "control-reply", idOf(r))} },
		func(any) []any { return []any{vectorOf(t, "reply", "control-error-parse").Decoded} },
		func(r any) []any {
			list := r.([]any)
			return []any{[]any{withID(t, "reply", "control-error", idOf(list[1])), withID(t, "reply", "control-reply", idOf(list[0]))}}
		})
	control, err := NewControl(endpoint, nil)
	check(t, err)
	defer control.Close()
	ctx := context.Background()

	info, err := control.Info(ctx)
	check(t, err)
	if info.Version != "9" {
		t.Errorf("%+v", info)
	}
	var refusal *ControlError
	err = control.Set(ctx, "imu", 0, "v_th", 1.25)
	if !errors.As(err, &refusal) || refusal.Code != -32602 || refusal.Path != "value" {
		t.Errorf("%v", err)
	}
	if timeNs, err := control.Step(ctx, 10); err != nil || timeNs != 1700000000017000000 {
		t.Errorf("%d, %v", timeNs, err)
	}
	if err = control.Call(ctx, "stats", nil, nil); !errors.As(err, &refusal) || refusal.Code != -32700 {
		t.Errorf("%v", err)
	}
	results, err := control.Batch(ctx, Call{"step", map[string]any{"ticks": 10}}, Call{Method: "stats"})
	check(t, err)
	if results[0].Err != nil || results[1].Err == nil || results[1].Err.Path != "value" {
		t.Errorf("%+v", results)
	}

	sent := <-requests
	if want := withID(t, "request", "control-request", idOf(sent[0])); !reflect.DeepEqual(sent[0], want) {
		t.Errorf("%v", sent[0])
	}
	if want := withID(t, "request", "control-request-params", idOf(sent[1])); !reflect.DeepEqual(sent[1], want) {
		t.Errorf("%v", sent[1])
	}
	batch := plain(t, vectorOf(t, "request", "control-batch").Decoded).([]any)
	for i := range batch {
		batch[i].(map[string]any)["id"] = idOf(sent[4].([]any)[i])
	}
	if !reflect.DeepEqual(sent[4], any(batch)) {
		t.Errorf("%v", sent[4])
	}
}

func TestADaemonThatIsAwayAndOneThatDoesNotAnswerDiffer(t *testing.T) {
	spiked, endpoint := peer(t, zmq.ROUTER)
	requests := serve(t, spiked, func(r any) []any { return []any{map[string]any{"id": idOf(r), "result": nil}} })
	control, err := NewControl(endpoint, hasty)
	check(t, err)
	defer control.Close()
	long, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	check(t, control.Call(long, "info", nil, nil))
	<-requests
	if err := control.Call(context.Background(), "info", nil, nil); !errors.Is(err, ErrNoAnswer) {
		t.Errorf("%v", err)
	}
	check(t, spiked.Close())
	for i := 0; i < 100 && !errors.Is(err, ErrNotConnected); i++ { // closing takes its time
		err = control.Call(context.Background(), "info", nil, nil)
	}
	if !errors.Is(err, ErrNotConnected) {
		t.Errorf("%v", err)
	}
}

func write(t *testing.T, folder, name, text string, mode os.FileMode) string {
	t.Helper()
	path := filepath.Join(folder, name)
	check(t, os.WriteFile(path, []byte(text), mode))
	check(t, os.Chmod(path, mode))
	return path
}

func TestKeysAreReadFromFilesThatNobodyElseMayRead(t *testing.T) {
	folder := t.TempDir()
	public, secret, err := zmq.NewCurveKeypair()
	check(t, err)
	server, _, err := zmq.NewCurveKeypair()
	check(t, err)
	both := fmt.Sprintf("# of an arm\npublic: \"%s\"\nsecret: \"%s\"\n", public, secret)
	good := write(t, folder, "good", both, 0o600)
	daemon := write(t, folder, "daemon", fmt.Sprintf("public: \"%s\"\n", server), 0o644)
	for _, given := range []string{server, daemon} {
		keys, err := LoadKeys(good, given)
		check(t, err)
		if *keys != (Keys{server, public, secret}) {
			t.Errorf("%s: %s", given, keys)
		}
		if strings.Contains(fmt.Sprintf("%v %+v %#v", keys, keys, *keys), secret) {
			t.Error("the secret key is printed")
		}
	}
	for path, fault := range map[string]string{
		write(t, folder, "open", both, 0o644):                                      "chmod 600",
		write(t, folder, "half", fmt.Sprintf("public: \"%s\"\n", public), 0o600):   "no line secret",
		write(t, folder, "other", strings.ReplaceAll(both, public, server), 0o600): "damaged",
	} {
		if _, err := LoadKeys(path, server); err == nil || !strings.Contains(err.Error(), fault) {
			t.Errorf("%s: %v", path, err)
		}
	}
	bad := &Keys{server, public, strings.Repeat("~", 40)}
	if _, err := NewSender("tcp://127.0.0.1:1", &Options{Keys: bad}); err == nil {
		t.Error("a secret key of tildes is taken")
	}
}

func TestASpikedWithOtherKeysIsToldFromOneThatIsAway(t *testing.T) {
	server, serverSecret, err := zmq.NewCurveKeypair()
	check(t, err)
	public, secret, err := zmq.NewCurveKeypair()
	check(t, err)
	spiked, err := zmq.NewSocket(zmq.PULL)
	check(t, err)
	defer spiked.Close()
	check(t, spiked.SetCurveServer(1))
	check(t, spiked.SetCurveSecretkey(serverSecret))
	check(t, spiked.Bind("tcp://127.0.0.1:*"))
	endpoint, err := spiked.GetLastEndpoint()
	check(t, err)

	long, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	_, err = sender(t, endpoint, &Options{Keys: &Keys{server, public, secret}}).Send(long, "imu", []float32{1})
	check(t, err)
	for _, keys := range []*Keys{nil, {public, public, secret}} {
		sender := sender(t, endpoint, &Options{Keys: keys, Timeout: hasty.Timeout})
		told := false
		for i := 0; i < 100 && !told; i++ {
			_, err = sender.Send(context.Background(), "imu", []float32{1})
			told = errors.Is(err, ErrBlocked) && strings.Contains(err.Error(), "do not agree about keys")
		}
		if !told {
			t.Errorf("%v", err)
		}
	}
}
