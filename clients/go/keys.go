package spiked

// Keys, for a spiked with `security` in its configuration.
//
// SPDX-License-Identifier: Apache-2.0

import (
	"fmt"
	"os"
	"regexp"

	zmq "github.com/pebbe/zmq4"
)

// Keys are the daemon's public key and a pair of one's own; each 40 characters.
type Keys struct{ Server, Public, Secret string }

// String leaves out the secret one.
func (k Keys) String() string { return fmt.Sprintf("{Server: %s, Public: %s}", k.Server, k.Public) }

// GoString is the same, for %#v.
func (k Keys) GoString() string { return "spiked.Keys" + k.String() }

var keyLine = regexp.MustCompile(`(?m)^(public|secret):\s*"([^"]{40})"`)

// LoadKeys reads a file as `spikectl keygen` makes it. server is the daemon's public key, or the path
// of a file with it.
func LoadKeys(own, server string) (*Keys, error) {
	about, err := os.Stat(own)
	if err != nil {
		return nil, err
	}
	if about.Mode()&0o027 != 0 {
		return nil, fmt.Errorf("%s may be read or changed by others: chmod 600", own)
	}
	found, err := readKeys(own)
	if err != nil {
		return nil, err
	}
	keys := &Keys{Server: server, Secret: found["secret"]}
	if keys.Secret == "" {
		return nil, fmt.Errorf("%s has no line secret: \"…\" with a key of 40 characters", own)
	}
	if keys.Public, err = zmq.AuthCurvePublic(keys.Secret); err != nil {
		return nil, fmt.Errorf("%s: the secret key is none: %w", own, err)
	}
	if given := found["public"]; given != "" && given != keys.Public {
		return nil, fmt.Errorf("%s is damaged: its public key does not belong to its secret one", own)
	}
	if _, err := os.Stat(server); err != nil && len(server) == 40 {
		return keys, nil
	}
	if found, err = readKeys(server); err != nil {
		return nil, err
	}
	if keys.Server = found["public"]; keys.Server == "" {
		return nil, fmt.Errorf("%s has no line public: \"…\" with a key of 40 characters", server)
	}
	return keys, nil
}

func readKeys(path string) (map[string]string, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	found := map[string]string{}
	for _, match := range keyLine.FindAllStringSubmatch(string(text), -1) {
		found[match[1]] = match[2]
	}
	return found, nil
}

// lock makes a socket use them; before it connects.
func (k *Keys) lock(socket *zmq.Socket) error {
	for _, row := range []struct {
		name, key string
		set       func(string) error
	}{
		{"server", k.Server, socket.SetCurveServerkey},
		{"public", k.Public, socket.SetCurvePublickey},
		{"secret", k.Secret, socket.SetCurveSecretkey},
	} {
		if err := row.set(row.key); err != nil {
			return fmt.Errorf("the %s key is not one of 40 characters (Z85)", row.name)
		}
	}
	return nil
}
