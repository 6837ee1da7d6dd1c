package main

import (
	"bufio"
	"crypto/tls"
	"flag"
	"fmt"
	"log"
	"net"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"
)

const (
	handshakeTimeout = 10 * time.Second
	silenceTimeout   = time.Minute      // clients speak once a second
	leaveTimeout     = 20 * time.Second // for clients that do not go by themselves
	quietBeforeEnd   = time.Second / 2  // without a connection, while it leaves
)

// server answers lines with its name, and is a well-behaved backend: on SIGTERM it says bye, goes on
// serving whoever is there or still comes, and ends when nobody is left.
type server struct {
	name    string
	mu      sync.Mutex
	conns   map[*tls.Conn]bool // true once they can be told something
	leaving bool
	lastEnd time.Time
}

// serve runs the backend.  POD_NAME in the environment is its name.
func serve(args []string) error {
	flags := flag.NewFlagSet("serve", flag.ExitOnError)
	listen := flags.String("listen", ":8443", "address and port")
	certFile := flags.String("cert", "/keys/tls.crt", "certificate")
	keyFile := flags.String("key", "/keys/tls.key", "its key")
	_ = flags.Parse(args)
	certificate, err := tls.LoadX509KeyPair(*certFile, *keyFile)
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", *listen)
	if err != nil {
		return err
	}
	s := &server{name: os.Getenv("POD_NAME"), conns: map[*tls.Conn]bool{}}
	if s.name == "" {
		s.name = listener.Addr().String()
	}
	fmt.Printf("%s listens on %s\n", s.name, listener.Addr())
	config := &tls.Config{Certificates: []tls.Certificate{certificate}, SessionTicketsDisabled: true}
	go s.accept(listener, config)
	s.waitForEnd()
	return nil
}

func (s *server) accept(listener net.Listener, config *tls.Config) {
	for {
		plain, err := listener.Accept()
		if err != nil {
			log.Printf("accept: %v", err)
			time.Sleep(10 * time.Millisecond)
			continue
		}
		go s.answer(tls.Server(plain, config))
	}
}

func (s *server) set(conn *tls.Conn, ready bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.conns[conn] = ready
}

func (s *server) remove(conn *tls.Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.conns, conn)
	s.lastEnd = time.Now()
}

func (s *server) isLeaving() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.leaving
}

// answer serves one connection to its end.
func (s *server) answer(conn *tls.Conn) {
	defer conn.Close()
	s.set(conn, false)
	defer s.remove(conn)
	_ = conn.SetDeadline(time.Now().Add(handshakeTimeout))
	if conn.Handshake() != nil {
		return // a probe of the port, or somebody who went
	}
	s.set(conn, true)
	via, _, _ := net.SplitHostPort(conn.RemoteAddr().String())
	reader := bufio.NewReaderSize(conn, maxLine)
	for first := true; ; first = false {
		_ = conn.SetDeadline(time.Now().Add(silenceTimeout))
		line, err := readLine(reader)
		if err != nil {
			return
		}
		if _, err = fmt.Fprintf(conn, "%s %s %s\n", line, s.name, via); err != nil {
			return
		}
		if first && s.isLeaving() {
			s.sayBye(conn)
		}
	}
}

func (s *server) sayBye(conn *tls.Conn) {
	_, _ = fmt.Fprintf(conn, "bye %s\n", s.name)
}

// leave says bye to all that are connected; who comes later hears it behind the first answer.
func (s *server) leave() {
	s.mu.Lock()
	s.leaving = true
	s.lastEnd = time.Now()
	var told []*tls.Conn
	for conn, ready := range s.conns {
		if ready {
			told = append(told, conn)
		}
	}
	s.mu.Unlock()
	for _, conn := range told {
		s.sayBye(conn)
	}
}

func (s *server) isQuiet() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.conns) == 0 && time.Since(s.lastEnd) > quietBeforeEnd
}

func (s *server) waitForEnd() {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT)
	<-signals
	s.leave()
	for end := time.Now().Add(leaveTimeout); !s.isQuiet() && time.Now().Before(end); {
		time.Sleep(50 * time.Millisecond)
	}
}
