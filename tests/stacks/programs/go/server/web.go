package main

import (
	"bufio"
	"crypto/sha1"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"sync"
)

// web answers /who with its name, keeps what is PUT to /store, and echoes WebSocket messages.
type web struct {
	name  string
	mutex sync.Mutex
	store []byte
}

func newWeb(name string) http.Handler {
	w := &web{name: name}
	mux := http.NewServeMux()
	mux.HandleFunc("/who", func(out http.ResponseWriter, _ *http.Request) {
		fmt.Fprintln(out, w.name)
	})
	mux.HandleFunc("/store", w.serveStore)
	mux.HandleFunc("/ws", serveWebSocket)
	return mux
}

func (w *web) serveStore(out http.ResponseWriter, request *http.Request) {
	if request.Method == http.MethodPut {
		data, err := io.ReadAll(request.Body)
		if err != nil {
			return
		}
		w.mutex.Lock()
		w.store = data
		w.mutex.Unlock()
		out.WriteHeader(http.StatusNoContent)
		return
	}
	w.mutex.Lock()
	data := w.store
	w.mutex.Unlock()
	out.Write(data)
}

func serveWebSocket(out http.ResponseWriter, request *http.Request) {
	key := request.Header.Get("Sec-WebSocket-Key")
	hijacker, can := out.(http.Hijacker)
	if key == "" || !can {
		http.Error(out, "a WebSocket is wanted here", http.StatusBadRequest)
		return
	}
	conn, both, err := hijacker.Hijack()
	if err != nil {
		return
	}
	defer conn.Close()
	proof := sha1.Sum([]byte(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
	fmt.Fprintf(conn, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"+
		"Connection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n\r\n",
		base64.StdEncoding.EncodeToString(proof[:]))
	for echoFrame(both.Reader, conn) == nil {
	}
}

// echoFrame returns one masked frame of up to 125 bytes as it came, unmasked; a close is answered.
func echoFrame(in *bufio.Reader, out io.Writer) error {
	var head [6]byte
	if _, err := io.ReadFull(in, head[:]); err != nil {
		return err
	}
	length := int(head[1] & 0x7f)
	if length > 125 || head[1]&0x80 == 0 {
		return fmt.Errorf("a frame we do not take: % x", head)
	}
	frame := make([]byte, 2+length)
	frame[0], frame[1] = head[0], byte(length)
	if _, err := io.ReadFull(in, frame[2:]); err != nil {
		return err
	}
	for i := range frame[2:] {
		frame[2+i] ^= head[2+i%4]
	}
	if _, err := out.Write(frame); err != nil {
		return err
	}
	if head[0]&0x0f == 8 {
		return io.EOF
	}
	return nil
}
