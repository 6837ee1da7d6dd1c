package main

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"syscall"
	"time"
)

const endTimeout = 5 * time.Second

// client opens connections as any TLS client does: server name sent, certificate verified, no
// session resumed.
type client struct {
	target  string
	hosts   []string
	roots   *x509.CertPool
	timeout time.Duration // for each step, and for a fresh connection as a whole
}

// session is an open connection.
type session struct {
	*tls.Conn
	reader *bufio.Reader
	port   int
}

// trouble says how far a connection came, and when it was seen that it came no further: while the
// connection still had its port.
type trouble struct {
	stage string
	port  int
	err   error
	at    time.Time
}

func newTrouble(stage string, port int, err error) *trouble {
	return &trouble{stage, port, err, time.Now()}
}

func (c *client) host(number int) string { return c.hosts[number%len(c.hosts)] }

func (c *client) open(host string) (*session, *trouble) {
	end := time.Now().Add(c.timeout)
	plain, err := net.DialTimeout("tcp", c.target, c.timeout)
	if err != nil {
		return nil, newTrouble("dial", 0, err)
	}
	port := plain.LocalAddr().(*net.TCPAddr).Port
	conn := tls.Client(plain, &tls.Config{ServerName: host, RootCAs: c.roots})
	_ = conn.SetDeadline(end)
	if err := conn.Handshake(); err != nil {
		bad := newTrouble("handshake", port, err)
		plain.Close()
		return nil, bad
	}
	return &session{conn, bufio.NewReaderSize(conn, maxLine), port}, nil
}

func (s *session) ask(line string) error {
	_, err := fmt.Fprintf(s, "%s\n", line)
	return err
}

// exchange asks and takes the answer, within what is left of the deadline.
func (s *session) exchange(line string) (answer, *trouble) {
	err := s.ask(line)
	for err == nil {
		var text string
		var heard answer
		if text, err = readLine(s.reader); err == nil {
			heard, err = parseAnswer(text, line)
		}
		if err == nil && !heard.bye {
			return heard, nil
		}
	}
	return answer{}, newTrouble("answer", s.port, err)
}

// finish ends a connection in order: both directions are closed in turn.  Nobody else may read.
func (s *session) finish() {
	s.shut()
	_, _ = io.Copy(io.Discard, s.reader)
	s.Close()
}

// shut says that nothing more will be sent; whoever reads gets what is left, for a while.
func (s *session) shut() {
	_ = s.SetDeadline(time.Now().Add(endTimeout))
	_ = s.CloseWrite()
	_ = s.NetConn().(*net.TCPConn).CloseWrite()
}

// kindOf names what happened, for whoever counts.
func kindOf(err error) string {
	for _, known := range []struct {
		err  error
		kind string
	}{
		{syscall.ECONNREFUSED, "refused"}, {syscall.ECONNRESET, "reset"}, {syscall.EPIPE, "reset"},
		{syscall.EADDRNOTAVAIL, "no port"}, {syscall.EHOSTUNREACH, "unreachable"},
		{os.ErrDeadlineExceeded, "timeout"}, {io.EOF, "eof"}, {io.ErrUnexpectedEOF, "eof"},
		{errWrongAnswer, "wrong answer"}, {errSaturated, "saturated"},
	} {
		if errors.Is(err, known.err) {
			return known.kind
		}
	}
	var slow net.Error
	switch {
	case strings.Contains(err.Error(), "tls:"), strings.Contains(err.Error(), "x509:"):
		return "tls"
	case errors.As(err, &slow) && slow.Timeout():
		return "timeout"
	}
	return "other"
}
