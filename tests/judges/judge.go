// SPDX-License-Identifier: BSL-1.0
// Reads request heads as a server of Go's net/http does: see read_heads.cpp.
package main

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"time"
)

// connection is a client that has said all that it will say.
type connection struct {
	said   *bytes.Reader
	closed chan struct{}
}

func (c *connection) Read(to []byte) (int, error)     { return c.said.Read(to) }
func (c *connection) Write(what []byte) (int, error)  { return len(what), nil }
func (c *connection) LocalAddr() net.Addr             { return &net.TCPAddr{} }
func (c *connection) RemoteAddr() net.Addr            { return &net.TCPAddr{} }
func (c *connection) SetDeadline(time.Time) error      { return nil }
func (c *connection) SetReadDeadline(time.Time) error  { return nil }
func (c *connection) SetWriteDeadline(time.Time) error { return nil }
func (c *connection) Close() error {
	select {
	case <-c.closed:
	default:
		close(c.closed)
	}
	return nil
}

// listener gives one connection, and waits for its end.
type listener struct{ accepted chan *connection }

func (l *listener) Accept() (net.Conn, error) {
	one, open := <-l.accepted
	if !open {
		return nil, io.EOF
	}
	return one, nil
}
func (l *listener) Close() error   { return nil }
func (l *listener) Addr() net.Addr { return &net.TCPAddr{} }

func in_hexadecimal(text string) string {
	if text == "" {
		return "-"
	}
	return hex.EncodeToString([]byte(text))
}

func main() {
	var read string
	handler := http.HandlerFunc(func(to http.ResponseWriter, request *http.Request) {
		if read == "" { // the first one of a connection
			read = fmt.Sprintf("head %s %s %s", in_hexadecimal(request.Method), in_hexadecimal(request.RequestURI), in_hexadecimal(request.Host))
		}
		to.Header().Set("Connection", "close")
	})
	server := http.Server{Handler: handler, ErrorLog: log.New(io.Discard, "", 0)}
	all := &listener{accepted: make(chan *connection)}
	go server.Serve(all)
	in := bufio.NewReader(os.Stdin)
	for {
		var size uint32
		if binary.Read(in, binary.BigEndian, &size) != nil {
			return
		}
		head := make([]byte, size)
		if _, err := io.ReadFull(in, head); err != nil {
			return
		}
		read = ""
		one := &connection{bytes.NewReader(head), make(chan struct{})}
		all.accepted <- one
		<-one.closed
		if read == "" {
			read = "refused"
		}
		fmt.Println(read)
	}
}
