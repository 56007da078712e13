// Connects many WebSockets and measures how long events take to arrive. Events contain the time of their sending: "sent":<nanoseconds since 1970>.
// It speaks RFC 6455 by itself, with the standard library only. One line of JSON is printed once all are connected, another one at the end.
package main

import (
	"bufio"
	"bytes"
	"compress/flate"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"sort"
	"strconv"
	"strings"
	"sync"
	"time"
)

var (
	address = flag.String("address", "127.0.0.1:8000", "host and port")
	path    = flag.String("path", "/ws", "path of the WebSocket")
	token   = flag.String("token", "", "access token for the Authorization header")
	first   = flag.String("first", "", "message that each client sends first")
	count   = flag.Int("count", 200, "clients that read")
	stalled = flag.Int("stalled", 1, "clients that never read")
	seconds = flag.Float64("seconds", 5, "seconds to measure")
	deflate = flag.Bool("deflate", false, "offer permessage-deflate")
)

type client struct {
	connection net.Conn
	reader     *bufio.Reader
	latencies  []time.Duration
}

func connect(buffer int) (*client, error) {
	connection, err := net.DialTimeout("tcp", *address, 30*time.Second)
	if err != nil {
		return nil, err
	}
	if buffer > 0 {
		connection.(*net.TCPConn).SetReadBuffer(buffer)
	}
	head := "GET " + *path + " HTTP/1.1\r\nHost: " + *address + "\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
	if *token != "" {
		head += "Authorization: Bearer " + *token + "\r\n"
	}
	if *deflate {
		head += "Sec-WebSocket-Extensions: permessage-deflate\r\n"
	}
	if _, err := io.WriteString(connection, head+"\r\n"); err != nil {
		return nil, err
	}
	reader := bufio.NewReaderSize(connection, 4096)
	status, err := reader.ReadString('\n')
	if err != nil {
		return nil, err
	}
	if !strings.Contains(status, " 101 ") {
		return nil, fmt.Errorf("refused: %s", strings.TrimSpace(status))
	}
	for line := ""; line != "\r\n"; {
		if line, err = reader.ReadString('\n'); err != nil {
			return nil, err
		}
	}
	found := &client{connection: connection, reader: reader}
	if *first != "" {
		found.write(1, []byte(*first))
	}
	return found, nil
}

func (one *client) write(opcode byte, payload []byte) {
	frame := []byte{0x80 | opcode, 0x80 | byte(len(payload)), 0, 0, 0, 0}
	if len(payload) > 125 {
		frame = []byte{0x80 | opcode, 0x80 | 126, byte(len(payload) >> 8), byte(len(payload)), 0, 0, 0, 0}
	}
	one.connection.Write(append(frame, payload...))
}

// inflaters are shared by all clients: to make one for each message would take more time than the server needs.
var inflaters = sync.Pool{New: func() any { return flate.NewReader(nil) }}

// read returns the opcode and the payload of a frame, decompressed.
func (one *client) read() (byte, []byte, error) {
	head := make([]byte, 2)
	if _, err := io.ReadFull(one.reader, head); err != nil {
		return 0, nil, err
	}
	size, extra := int(head[1]&0x7f), 0
	if size == 126 {
		extra = 2
	} else if size == 127 {
		extra = 8
	}
	if extra > 0 {
		long := make([]byte, extra)
		if _, err := io.ReadFull(one.reader, long); err != nil {
			return 0, nil, err
		}
		size = 0
		for _, octet := range long {
			size = size<<8 | int(octet)
		}
	}
	payload := make([]byte, size)
	if _, err := io.ReadFull(one.reader, payload); err != nil {
		return 0, nil, err
	}
	if head[0]&0x40 != 0 {
		inflater := inflaters.Get().(io.ReadCloser)
		defer inflaters.Put(inflater)
		inflater.(flate.Resetter).Reset(bytes.NewReader(append(payload, 0, 0, 0xff, 0xff, 1, 0, 0, 0xff, 0xff)), nil)
		whole, err := io.ReadAll(inflater)
		if err != nil {
			return 0, nil, err
		}
		payload = whole
	}
	return head[0] & 15, payload, nil
}

// sentAt returns when a message was sent, or else when its event happened; the zero time for a message that says neither.
func sentAt(payload []byte) (time.Time, error) {
	if at := bytes.Index(payload, []byte(`"sent":`)); at >= 0 {
		rest := payload[at+7:]
		sent, err := strconv.ParseInt(strings.TrimSpace(string(rest[:bytes.IndexAny(rest, ",}")])), 10, 64)
		return time.Unix(0, sent), err
	}
	if at := bytes.Index(payload, []byte(`"at":"`)); at >= 0 {
		rest := payload[at+6:]
		return time.Parse(time.RFC3339Nano, string(rest[:bytes.IndexByte(rest, '"')]))
	}
	return time.Time{}, nil
}

func (one *client) measure(from, until time.Time) error {
	for {
		opcode, payload, err := one.read()
		if err != nil {
			if time.Now().After(until) {
				return nil
			}
			return err
		}
		if opcode == 9 {
			one.write(10, payload)
		} else if opcode == 8 {
			return fmt.Errorf("closed: %d %s", int(payload[0])<<8|int(payload[1]), payload[2:])
		} else if opcode == 1 {
			when, err := sentAt(payload)
			if err != nil {
				return err
			}
			if when.After(from) && when.Before(until) {
				one.latencies = append(one.latencies, time.Since(when))
			}
		}
	}
}

func main() {
	flag.Parse()
	var clients []*client
	for number := 0; number < *count+*stalled; number++ {
		buffer := 0
		if number >= *count {
			buffer = 4096
		}
		one, err := connect(buffer)
		if err != nil {
			fmt.Fprintln(os.Stderr, number, err)
			os.Exit(1)
		}
		clients = append(clients, one)
	}
	fmt.Printf("{\"connected\": %d}\n", len(clients))
	from := time.Now().Add(time.Second)
	until := from.Add(time.Duration(*seconds * float64(time.Second)))
	var group sync.WaitGroup
	failed := make(chan error, len(clients))
	for _, one := range clients[:*count] {
		one.connection.SetReadDeadline(until.Add(2 * time.Second))
		group.Add(1)
		go func() {
			defer group.Done()
			if err := one.measure(from, until); err != nil {
				failed <- err
			}
		}()
	}
	group.Wait()
	var all []time.Duration
	fewest, most := int(^uint(0)>>1), 0
	for _, one := range clients[:*count] {
		all = append(all, one.latencies...)
		fewest, most = min(fewest, len(one.latencies)), max(most, len(one.latencies))
	}
	sort.Slice(all, func(i, j int) bool { return all[i] < all[j] })
	at := func(part float64) float64 {
		if len(all) == 0 {
			return -1
		}
		return float64(all[int(part*float64(len(all)-1))].Microseconds()) / 1000
	}
	reason := ""
	if len(failed) > 0 {
		reason = (<-failed).Error()
	}
	json.NewEncoder(os.Stdout).Encode(map[string]any{
		"events": len(all), "fewest": fewest, "most": most, "p50_ms": at(0.5), "p99_ms": at(0.99), "max_ms": at(1),
		"failed": len(failed), "reason": reason,
	})
}
