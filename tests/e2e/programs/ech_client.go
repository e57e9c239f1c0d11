// SPDX-License-Identifier: BSL-1.0

// A client of Encrypted ClientHello: ech_client PORT NAME CA_FILE ECH_CONFIG_LIST(base64). It prints "ech true" and what
// the server says to "hello", or "rejected" and the retry configs.
package main

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
)

func check(err error) {
	if err != nil {
		fmt.Println("error", err)
		os.Exit(1)
	}
}

func main() {
	authorities := x509.NewCertPool()
	file, err := os.ReadFile(os.Args[3])
	check(err)
	authorities.AppendCertsFromPEM(file)
	list, err := base64.StdEncoding.DecodeString(os.Args[4])
	check(err)
	connection, err := tls.Dial("tcp", "127.0.0.1:"+os.Args[1], &tls.Config{
		ServerName: os.Args[2], RootCAs: authorities, EncryptedClientHelloConfigList: list,
		CurvePreferences: []tls.CurveID{tls.X25519, tls.CurveP384}, MinVersion: tls.VersionTLS13})
	var rejected *tls.ECHRejectionError
	if errors.As(err, &rejected) {
		fmt.Println("rejected", base64.StdEncoding.EncodeToString(rejected.RetryConfigList))
		return
	}
	check(err)
	fmt.Fprintln(connection, "hello")
	line, err := bufio.NewReader(connection).ReadString('\n')
	check(err)
	state := connection.ConnectionState()
	fmt.Println("ech", state.ECHAccepted, "retried", state.HelloRetryRequest)
	fmt.Print(line)
}
