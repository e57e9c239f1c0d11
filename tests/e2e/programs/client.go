// SPDX-License-Identifier: BSL-1.0

// A client in Go, net/http and crypto/tls: GETs on one connection, whose answers it prints; or many connections, of which it
// prints as JSON what went wrong.
//
//	client -port P -name a.example -ca FILE [-version 1.2] [-h2] [-requests 3] [-connections 10000 -at-once 32]
package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"os"
	"strings"
	"sync"
	"time"
)

var (
	port        = flag.String("port", "", "of 127.0.0.1")
	name        = flag.String("name", "a.example", "host name")
	ca          = flag.String("ca", "", "certificates that are trusted")
	version     = flag.String("version", "1.3", "of TLS, and no other")
	h2          = flag.Bool("h2", false, "offer HTTP/2")
	requests    = flag.Int("requests", 3, "on each connection")
	connections = flag.Int("connections", 0, "of many clients")
	atOnce      = flag.Int("at-once", 32, "of them")
)

// What became of the connection of a request.
type use struct {
	own          string // its address here
	reused, kept bool   // it was there before, and it stays for the next one
}

// A client of its own for each connection.
func newClient(roots *x509.CertPool) (*http.Client, *http.Transport) {
	number := map[string]uint16{"1.2": tls.VersionTLS12, "1.3": tls.VersionTLS13}[*version]
	transport := &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "tcp", "127.0.0.1:"+*port)
		},
		TLSClientConfig:   &tls.Config{RootCAs: roots, MinVersion: number, MaxVersion: number},
		ForceAttemptHTTP2: *h2,
	}
	return &http.Client{Transport: transport, Timeout: 10 * time.Minute}, transport
}

func get(client *http.Client) (body string, protocol string, its use, err error) {
	request, err := http.NewRequest("GET", "https://"+*name+"/", nil)
	if err != nil {
		return
	}
	response, err := client.Do(request.WithContext(httptrace.WithClientTrace(context.Background(), &httptrace.ClientTrace{
		GotConn:     func(got httptrace.GotConnInfo) { its.own, its.reused = got.Conn.LocalAddr().String(), got.Reused },
		PutIdleConn: func(refused error) { its.kept = refused == nil },
	})))
	if err != nil {
		return
	}
	defer response.Body.Close()
	all, err := io.ReadAll(response.Body)
	return string(all), response.Proto, its, err
}

// Each request must be answered, on its connection, to that client. On a slow machine net/http does not keep each connection of
// HTTP/1.1; one that it has kept must be there.
func one(roots *x509.CertPool) error {
	client, transport := newClient(roots)
	defer transport.CloseIdleConnections()
	number, mustBeThere := 0, false
	for i := 0; i < *requests; i++ {
		body, _, its, err := get(client)
		if err != nil {
			return err
		}
		if !its.reused && mustBeThere {
			return fmt.Errorf("%s: the connection before it was ended", its.own)
		}
		if number++; !its.reused {
			number = 1
		}
		mustBeThere = its.kept || *h2
		if wanted := fmt.Sprintf("request %d ", number); !strings.HasPrefix(body, wanted) || !strings.HasSuffix(body, " for "+its.own+"\n") {
			return fmt.Errorf("%s: no answer to %q: %q", its.own, wanted, body)
		}
	}
	return nil
}

func many(roots *x509.CertPool) {
	failures, places := []string{}, make(chan struct{}, *atOnce)
	var lock sync.Mutex
	var all sync.WaitGroup
	for i := 0; i < *connections; i++ {
		all.Add(1)
		places <- struct{}{}
		go func() {
			defer func() { <-places; all.Done() }()
			if err := one(roots); err != nil {
				lock.Lock()
				defer lock.Unlock()
				failures = append(failures, err.Error())
			}
		}()
	}
	all.Wait()
	_ = json.NewEncoder(os.Stdout).Encode(failures)
}

func main() {
	flag.Parse()
	pem, err := os.ReadFile(*ca)
	roots := x509.NewCertPool()
	if err != nil || !roots.AppendCertsFromPEM(pem) {
		fmt.Fprintln(os.Stderr, *ca, "has no certificate:", err)
		os.Exit(2)
	}
	if *connections > 0 {
		many(roots)
		return
	}
	client, transport := newClient(roots)
	for i := 0; i < *requests; i++ {
		body, protocol, _, err := get(client)
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		fmt.Print(protocol, ": ", body)
	}
	transport.CloseIdleConnections()
}
