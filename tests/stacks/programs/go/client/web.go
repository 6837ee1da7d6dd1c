package main

import (
	"bufio"
	"context"
	"crypto/rand"
	"crypto/sha1"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
)

// doHTTP2 asks net/http for /who; every name leads to the job's address.
func doHTTP2(j job) (string, error) {
	c, err := j.config()
	if err != nil {
		return "", err
	}
	c.NextProtos = nil // net/http's own
	transport := &http.Transport{
		TLSClientConfig:   c,
		ForceAttemptHTTP2: true,
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, network, j.words["addr"])
		},
	}
	defer transport.CloseIdleConnections()
	client := http.Client{Transport: transport, Timeout: jobLimit}
	answer, err := client.Get("https://" + j.words["name"] + "/who")
	if err != nil {
		return "", err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		return "", err
	}
	if string(body) != j.words["name"]+"\n" {
		return "", fmt.Errorf("%q answered", body)
	}
	return answer.Proto, nil
}

// upgrade asks for /ws and checks the answer's proof (RFC 6455 4.2.2).
func upgrade(conn io.Writer, in *bufio.Reader, host string) error {
	var nonce [16]byte
	rand.Read(nonce[:])
	key := base64.StdEncoding.EncodeToString(nonce[:])
	fmt.Fprintf(conn, "GET /ws HTTP/1.1\r\nHost: %s\r\nUpgrade: websocket\r\n"+
		"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: %s\r\n\r\n", host, key)
	answer, err := http.ReadResponse(in, nil)
	if err != nil {
		return err
	}
	proof := sha1.Sum([]byte(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
	if answer.StatusCode != 101 ||
		answer.Header.Get("Sec-WebSocket-Accept") != base64.StdEncoding.EncodeToString(proof[:]) {
		return errors.New("no upgrade: " + answer.Status)
	}
	return nil
}

func doWebSocket(j job) (string, error) {
	j.words["alpn"] = "http/1.1"
	conn, err := open(j)
	if err != nil {
		return "", err
	}
	defer conn.Close()
	in := bufio.NewReader(conn)
	if err := upgrade(conn, in, j.words["name"]); err != nil {
		return "", err
	}
	text := strings.Repeat("hello ", 20)
	frame := []byte{0x81, 0x80 | byte(len(text)), 1, 2, 3, 4}
	for i := range text {
		frame = append(frame, text[i]^frame[2+i%4])
	}
	if _, err := conn.Write(frame); err != nil {
		return "", err
	}
	back := make([]byte, 2+len(text))
	if _, err := io.ReadFull(in, back); err != nil {
		return "", err
	}
	if back[0] != 0x81 || string(back[2:]) != text {
		return "", fmt.Errorf("the echo was %q", back)
	}
	return "echoed", nil
}
