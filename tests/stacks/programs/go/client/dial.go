package main

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"time"
)

var versions = map[string]uint16{"1.2": tls.VersionTLS12, "1.3": tls.VersionTLS13}

func versionName(v uint16) string {
	for name, number := range versions {
		if number == v {
			return "TLSv" + name
		}
	}
	return fmt.Sprintf("%#04x", v)
}

// config makes what the job's words ask for: name ca cert tls alpn ech.
func (j job) config() (*tls.Config, error) {
	c := &tls.Config{ServerName: j.words["name"]}
	if c.ServerName == "" {
		c.InsecureSkipVerify = true
	}
	if v, given := versions[j.words["tls"]]; given {
		c.MinVersion, c.MaxVersion = v, v
	}
	if list := j.words["alpn"]; list != "" {
		c.NextProtos = strings.Split(list, ",")
	}
	if file := j.words["ca"]; file != "" {
		pem, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		c.RootCAs = x509.NewCertPool()
		c.RootCAs.AppendCertsFromPEM(pem)
	}
	if file := j.words["cert"]; file != "" {
		pair, err := tls.LoadX509KeyPair(file, file)
		if err != nil {
			return nil, err
		}
		c.Certificates = []tls.Certificate{pair}
	}
	if list := j.words["ech"]; list != "" {
		return c, setECH(c, list)
	}
	return c, nil
}

// connect dials and shakes hands; the whole job is bounded by the deadline set here.
func connect(j job, c *tls.Config) (*tls.Conn, error) {
	raw, err := net.DialTimeout("tcp", j.words["addr"], jobLimit)
	if err != nil {
		return nil, err
	}
	raw.SetDeadline(time.Now().Add(jobLimit))
	conn := tls.Client(raw, c)
	if err := conn.Handshake(); err != nil {
		raw.Close()
		return nil, err
	}
	return conn, nil
}

func open(j job) (*tls.Conn, error) {
	c, err := j.config()
	if err != nil {
		return nil, err
	}
	return connect(j, c)
}

// ping sends a line to an echo server and wants it back.
func ping(conn io.ReadWriter) error {
	const line = "ping\n"
	if _, err := io.WriteString(conn, line); err != nil {
		return err
	}
	back := make([]byte, len(line))
	if _, err := io.ReadFull(conn, back); err != nil {
		return err
	}
	if string(back) != line {
		return fmt.Errorf("the echo was %q", back)
	}
	return nil
}

// closeWrite ends our direction: a close_notify, then the FIN.
func closeWrite(conn *tls.Conn) error {
	if err := conn.CloseWrite(); err != nil {
		return err
	}
	tcp, isTCP := conn.NetConn().(*net.TCPConn)
	if !isTCP {
		return errors.New("not a TCP connection")
	}
	return tcp.CloseWrite()
}
