// SPDX-License-Identifier: BSL-1.0
// A receiver of the `stream` protocol (docs/handoff.md) in Go, and an HTTPS server on top of it.
//
//	go run receiver.go [--from USER]... SOCKET_PATH CERTIFICATE KEY
//
// USER is the router's user: a name, a number, or "unmapped". Without it that is `snipass`, if there is such a user.
// handoffListener is a net.Listener: http.Server, tls.NewListener and whatever else takes one work with it.
package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"os/user"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

var signature = []byte("\r\n\r\n\x00\r\nQUIT\n\x21") // and version 2, PROXY

const (
	ack          = 0x06
	patience     = time.Second
	ipprotoMPTCP = 262
	tcpULP       = 31

	// In a user namespace the kernel shows whoever has no number there as 65534. So that is nobody, unless "--from unmapped"
	// was written.
	overflow = 65534
	unmapped = 1<<32 - 1
)

// senders are the users who may hand over clients: root, this process's, and the router's.
type senders struct {
	allowed  map[uint32]bool
	nextLine atomic.Int64
}

// userID takes a name or a number: in a container the router's user has a number only.
func userID(name string) (uint32, error) {
	number := name
	if found, err := user.Lookup(name); err == nil {
		number = found.Uid
	} else if name == "unmapped" {
		return unmapped, nil
	}
	id, err := strconv.ParseUint(number, 10, 32)
	if err != nil {
		return 0, fmt.Errorf("there is no user %s", name)
	}
	return uint32(id), nil
}

func newSenders(users []uint32) *senders {
	own := uint32(os.Geteuid())
	if router, err := userID("snipass"); len(users) == 0 && err == nil {
		users = []uint32{router}
	} else if len(users) == 0 {
		log.Printf("%v: clients are taken from root and user %d only; --from USER names the router's user", err, own)
	}
	s := &senders{allowed: map[uint32]bool{0: true, own: true}}
	for _, user := range users {
		s.allowed[user] = true
	}
	return s
}

// allow names who was refused, once a minute: the router comes again and again.
func (s *senders) allow(user uint32) bool {
	if user != overflow && s.allowed[user] || user == overflow && s.allowed[unmapped] {
		return true
	}
	now, due := time.Now().Unix(), s.nextLine.Load()
	if now >= due && s.nextLine.CompareAndSwap(due, now+60) {
		log.Printf("user %d may not hand over clients; if that is the router's user: --from %d", user, user)
	}
	return false
}

var errSender = errors.New("a sender who was named already")

type handoffListener struct {
	*net.UnixListener
	senders *senders
	clients chan net.Conn
}

func listen(path string, senders *senders) (*handoffListener, error) {
	other, err := net.Dial("unix", path)
	if err == nil {
		other.Close() // somebody listens there, and it is ListenUnix that says so
	} else if file, _ := os.Lstat(path); errors.Is(err, syscall.ECONNREFUSED) && file != nil && file.Mode()&os.ModeSocket != 0 {
		os.Remove(path) // left behind by a dead server
	}
	unix, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		return nil, err
	}
	unix.SetUnlinkOnClose(false) // it may be our successor's by then
	if err := os.Chmod(path, 0o660); err != nil {
		return nil, err
	}
	listener := &handoffListener{unix, senders, make(chan net.Conn)}
	go listener.take()
	return listener, nil
}

// Accept returns a client, as a TCP listener's would. After Close it goes on while there are clients that were
// acknowledged: nobody else would serve them.
func (l *handoffListener) Accept() (net.Conn, error) {
	client, ok := <-l.clients
	if !ok {
		return nil, net.ErrClosed
	}
	return client, nil
}

// take accepts the router's connections. Each has its own goroutine: a silent one delays nobody.
func (l *handoffListener) take() {
	var receiving sync.WaitGroup
	for {
		connection, err := l.AcceptUnix()
		if errors.Is(err, net.ErrClosed) {
			receiving.Wait()
			close(l.clients)
			return
		}
		if err != nil { // out of descriptors: the clients wait in the backlog
			time.Sleep(10 * time.Millisecond)
			continue
		}
		receiving.Add(1)
		go func() {
			defer receiving.Done()
			defer connection.Close()
			client, err := receive(connection, l.senders)
			if err != nil {
				if err != errSender {
					log.Print("no client: ", err)
				}
				return
			}
			l.clients <- client
		}()
	}
}

// receive takes one handoff. Until ACK the client is the router's, and must not be touched: an os.File may not have it
// yet, because its Fd() clears O_NONBLOCK, which belongs to the socket and not to the descriptor.
func receive(connection *net.UnixConn, senders *senders) (net.Conn, error) {
	if err := senders.check(connection); err != nil {
		return nil, err
	}
	connection.SetDeadline(time.Now().Add(patience))
	var fds []int
	defer func() {
		for _, fd := range fds {
			syscall.Close(fd)
		}
	}()
	header := make([]byte, 0, 1024)
	for size := 16; len(header) < size; {
		oob := make([]byte, syscall.CmsgSpace(4*4))
		n, oobn, flags, _, err := connection.ReadMsgUnix(header[len(header):size], oob) // close-on-exec by itself
		fds = append(fds, adopt(oob[:oobn])...)
		if err != nil {
			return nil, err
		}
		if n == 0 {
			return nil, io.ErrUnexpectedEOF
		}
		if flags&(syscall.MSG_CTRUNC|syscall.MSG_TRUNC) != 0 || len(fds) != 1 {
			return nil, errors.New("not one descriptor")
		}
		if header = header[:len(header)+n]; len(header) == 16 {
			if size, err = headerSize(header); err != nil {
				return nil, err
			}
		}
	}
	if err := checkClient(fds[0]); err != nil {
		return nil, err
	}
	if _, err := connection.Write([]byte{ack}); err != nil {
		return nil, err
	}
	connection.SetDeadline(time.Now().Add(patience)) // the header may have used up the first
	connection.Read(make([]byte, 1))                 // end of file: nobody else has the client any more
	file := os.NewFile(uintptr(fds[0]), "client")
	fds = nil
	defer file.Close()
	client, err := net.FileConn(file) // a copy
	for isShortage(err) {             // it is ours now, and nobody else would serve it
		time.Sleep(10 * time.Millisecond)
		client, err = net.FileConn(file)
	}
	if err == nil && client.RemoteAddr() == nil { // a server that asks it for its address would panic
		client.Close()
		return nil, errors.New("the client has gone")
	}
	return client, err
}

func isShortage(err error) bool {
	return errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE) || errors.Is(err, syscall.ENOMEM) ||
		errors.Is(err, syscall.ENOBUFS)
}

// headerSize is the size of the header whose first 16 bytes these are.
func headerSize(start []byte) (int, error) {
	size := 16 + int(binary.BigEndian.Uint16(start[14:]))
	addresses := map[byte]int{0x11: 12, 0x21: 36}[start[13]]
	if !bytes.HasPrefix(start, signature) || addresses == 0 || size < 16+addresses || size > 1024 {
		return 0, errors.New("not a PROXY v2 header")
	}
	return size, nil
}

// adopt owns every descriptor that came, before anything is judged.
func adopt(oob []byte) (fds []int) {
	messages, _ := syscall.ParseSocketControlMessage(oob)
	for _, message := range messages {
		rights, _ := syscall.ParseUnixRights(&message)
		fds = append(fds, rights...)
	}
	return fds
}

func (s *senders) check(connection *net.UnixConn) error {
	raw, err := connection.SyscallConn()
	if err != nil {
		return err
	}
	var sender *syscall.Ucred
	raw.Control(func(fd uintptr) {
		sender, err = syscall.GetsockoptUcred(int(fd), syscall.SOL_SOCKET, syscall.SO_PEERCRED)
	})
	if err != nil {
		return err
	}
	if !s.allow(sender.Uid) {
		return errSender
	}
	return nil
}

func checkClient(fd int) error {
	domain, err := syscall.GetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_DOMAIN)
	if err != nil {
		return err
	}
	kind, _ := syscall.GetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_TYPE)
	protocol, _ := syscall.GetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_PROTOCOL)
	listens, _ := syscall.GetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_ACCEPTCONN)
	ulp, _ := syscall.GetsockoptInt(fd, syscall.IPPROTO_TCP, tcpULP) // the kernel speaks TLS there, and we do so ourselves
	isTCP := kind == syscall.SOCK_STREAM && (protocol == syscall.IPPROTO_TCP || protocol == ipprotoMPTCP)
	if (domain != syscall.AF_INET && domain != syscall.AF_INET6) || !isTCP || listens != 0 || ulp != 0 {
		return errors.New("not a client's socket")
	}
	return nil
}

func main() {
	var users []uint32
	flag.Func("from", "the router's user", func(name string) error {
		id, err := userID(name)
		users = append(users, id)
		return err
	})
	flag.Usage = func() {
		fmt.Fprintf(os.Stderr, "usage: %s [--from USER]... SOCKET_PATH CERTIFICATE KEY\n", os.Args[0])
	}
	flag.Parse()
	if flag.NArg() != 3 {
		flag.Usage()
		os.Exit(2)
	}
	// Before others see the socket: a stop that comes at once is in order, too.
	terminated, _ := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	listener, err := listen(flag.Arg(0), newSenders(users))
	if err != nil {
		log.Fatal(err)
	}
	server := &http.Server{
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			fmt.Fprintf(w, "client: %s\n", r.RemoteAddr)
		}),
		ReadHeaderTimeout: 5 * time.Second,
	}
	// At Shutdown net/http drops whom it has not begun to answer, so those who came before the end are waited for first.
	var fresh sync.Map
	var newcomers sync.WaitGroup
	server.ConnState = func(client net.Conn, state http.ConnState) {
		if state == http.StateNew {
			fresh.Store(client, true)
			newcomers.Add(1)
		} else if _, was := fresh.LoadAndDelete(client); was {
			newcomers.Done()
		}
	}
	go func() {
		<-terminated.Done()
		listener.Close()
	}()
	if err := server.ServeTLS(listener, flag.Arg(1), flag.Arg(2)); !errors.Is(err, net.ErrClosed) {
		log.Fatal(err)
	}
	newcomers.Wait()
	server.Shutdown(context.Background())
}
