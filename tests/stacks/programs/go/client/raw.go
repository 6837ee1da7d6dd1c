package main

import (
	"bytes"
	"crypto/sha256"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"math/rand"
	"strings"
)

// doHello only shakes hands (twice with twice=1, the second time with what the first left).
func doHello(j job) (string, error) {
	c, err := j.config()
	if err != nil {
		return "", err
	}
	c.ClientSessionCache = tls.NewLRUClientSessionCache(4)
	times := 1 + len(j.words["twice"])
	for ; times > 1; times-- {
		conn, err := connect(j, c)
		if err != nil {
			return "", err
		}
		ping(conn) // along with the answer comes the ticket of TLS 1.3
		conn.Close()
	}
	conn, err := connect(j, c)
	if err != nil {
		return "", err
	}
	defer conn.Close()
	return versionName(conn.ConnectionState().Version), nil
}

func doPing(j job) (string, error) {
	conn, err := open(j)
	if err != nil {
		return "", err
	}
	defer conn.Close()
	return versionName(conn.ConnectionState().Version), ping(conn)
}

func doResume(j job) (string, error) {
	c, err := j.config()
	if err != nil {
		return "", err
	}
	c.ClientSessionCache = tls.NewLRUClientSessionCache(4)
	said := []string{}
	for i := 0; i < 2; i++ {
		conn, err := connect(j, c)
		if err != nil {
			return "", err
		}
		err = ping(conn)
		if conn.ConnectionState().DidResume {
			said = append(said, "resumed")
		} else {
			said = append(said, "full")
		}
		conn.Close()
		if err != nil {
			return "", err
		}
	}
	return strings.Join(said, " then "), nil
}

// exchange sends data and reads at the same time until `want` bytes or the end have come.
func exchange(conn *tls.Conn, data []byte, want int64, finish func() error) ([]byte, error) {
	sent := make(chan error, 1)
	go func() {
		_, err := conn.Write(data)
		if err == nil {
			err = finish()
		}
		sent <- err
	}()
	back, err := io.ReadAll(io.LimitReader(conn, want))
	if err != nil {
		return nil, err
	}
	return back, <-sent
}

// randomLines is text in lines: some echo servers know no other data.
func randomLines(length int) []byte {
	data := make([]byte, length)
	for i := range data {
		data[i] = "0123456789abcdef"[rand.Intn(16)]
		if i%64 == 63 {
			data[i] = '\n'
		}
	}
	return data
}

func doBulk(j job) (string, error) {
	conn, err := open(j)
	if err != nil {
		return "", err
	}
	defer conn.Close()
	data := randomLines(bulkSize)
	back, err := exchange(conn, data, bulkSize, func() error { return nil })
	if err != nil {
		return "", err
	}
	if sha256.Sum256(back) != sha256.Sum256(data) {
		return "", fmt.Errorf("%d bytes came back, and not those sent", len(back))
	}
	return "both ways", nil
}

// doClientFirst half-closes first: all that was sent must still come back, and a last line.
func doClientFirst(j job) (string, error) {
	conn, err := open(j)
	if err != nil {
		return "", err
	}
	defer conn.Close()
	data := make([]byte, 1<<20)
	rand.Read(data)
	back, err := exchange(conn, data, 2<<20, func() error { return closeWrite(conn) })
	if err != nil {
		return "", err
	}
	if want := append(data, fmt.Sprintf("end of %d\n", len(data))...); !bytes.Equal(back, want) {
		return "", fmt.Errorf("%d bytes came back of %d", len(back), len(want))
	}
	return "answered", nil
}

// doServerFirst reads the server's farewell and end, and sends on; the server tells our driver what
// came.
func doServerFirst(j job) (string, error) {
	conn, err := open(j)
	if err != nil {
		return "", err
	}
	defer conn.Close()
	farewell, err := io.ReadAll(conn)
	if err != nil {
		return "", err
	}
	if string(farewell) != "closing first\n" {
		return "", errors.New("the farewell was " + string(farewell))
	}
	data := bytes.Repeat([]byte(j.words["token"]), 100000)
	if _, err := conn.Write(data); err != nil {
		return "", err
	}
	return fmt.Sprintf("sent %x", sha256.Sum256(data)), closeWrite(conn)
}
