// SPDX-License-Identifier: BSL-1.0

// A server of Encrypted ClientHello that has the keys, or, where ECH_PEM is "-", none and gets inner hellos:
// ech_server CERT KEY ECH_PEM [x25519|p384]. It says where it
// listens, and of each connection what it was asked for; it echoes one line.
package main

import (
	"bufio"
	"crypto/ecdh"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net"
	"os"
)

func check(err error) {
	if err != nil {
		fmt.Println("error", err)
		os.Exit(1)
	}
}

func echKeys(file string) []tls.EncryptedClientHelloKey {
	if file == "-" {
		return nil
	}
	rest, err := os.ReadFile(file)
	check(err)
	made := tls.EncryptedClientHelloKey{SendAsRetry: true}
	for block, behind := pem.Decode(rest); block != nil; block, behind = pem.Decode(behind) {
		switch block.Type {
		case "PRIVATE KEY":
			key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
			check(err)
			made.PrivateKey = key.(*ecdh.PrivateKey).Bytes()
		case "ECHCONFIG":
			made.Config = block.Bytes[2:] // a list of one
		}
	}
	return []tls.EncryptedClientHelloKey{made}
}

func serve(client net.Conn, config *tls.Config) {
	defer client.Close()
	connection := tls.Server(client, config)
	if err := connection.Handshake(); err != nil {
		fmt.Println("failed", err)
		return
	}
	state := connection.ConnectionState()
	fmt.Println("served", state.ServerName, "ech", state.ECHAccepted, "retried", state.HelloRetryRequest)
	line, _ := bufio.NewReader(connection).ReadString('\n')
	fmt.Fprintf(connection, "%s %s", state.ServerName, line)
	connection.Close()
}

func main() {
	certificate, err := tls.LoadX509KeyPair(os.Args[1], os.Args[2])
	check(err)
	config := &tls.Config{Certificates: []tls.Certificate{certificate}, EncryptedClientHelloKeys: echKeys(os.Args[3])}
	if len(os.Args) > 4 && os.Args[4] == "p384" {
		config.CurvePreferences = []tls.CurveID{tls.CurveP384}
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	check(err)
	fmt.Println("listening", listener.Addr().(*net.TCPAddr).Port)
	for {
		client, err := listener.Accept()
		check(err)
		go serve(client, config)
	}
}
