package main

import (
	"bufio"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"strconv"
	"sync/atomic"
)

// who is what a pod knows of a request.
type who struct {
	Pod        string `json:"pod"`
	Host       string `json:"host"`
	Port       string `json:"port"`
	Protocol   string `json:"protocol"`
	Connection int64  `json:"connection"` // counted by this pod
	Request    int64  `json:"request"`    // counted by the connection
	Client     string `json:"client"`     // as its certificate names it
}

type connection struct {
	number   int64
	requests atomic.Int64
}

type connectionKey struct{}

func serveHTTPS(address, pod string, config *tls.Config) error {
	var connections atomic.Int64
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) { tellWho(w, r, pod) })
	mux.HandleFunc("POST /sum", tellSum)
	mux.HandleFunc("GET /numbers/{count}", sendNumbers)
	server := &http.Server{Addr: address, Handler: mux, TLSConfig: config}
	server.ConnContext = func(ctx context.Context, _ net.Conn) context.Context {
		return context.WithValue(ctx, connectionKey{}, &connection{number: connections.Add(1)})
	}
	return server.ListenAndServeTLS("", "")
}

func tellWho(w http.ResponseWriter, r *http.Request, pod string) {
	c := r.Context().Value(connectionKey{}).(*connection)
	answer := who{Pod: pod, Host: r.Host, Protocol: r.Proto,
		Connection: c.number, Request: c.requests.Add(1)}
	if local, ok := r.Context().Value(http.LocalAddrContextKey).(*net.TCPAddr); ok {
		answer.Port = strconv.Itoa(local.Port)
	}
	if len(r.TLS.PeerCertificates) > 0 {
		answer.Client = r.TLS.PeerCertificates[0].Subject.CommonName
	}
	// A line each, for clients that ask many times.
	_ = json.NewEncoder(w).Encode(answer)
}

// tellSum answers a body with its length and checksum.
func tellSum(w http.ResponseWriter, r *http.Request) {
	hash := sha256.New()
	size, err := io.Copy(hash, r.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	_ = json.NewEncoder(w).Encode(map[string]any{
		"bytes": size, "sha256": hex.EncodeToString(hash.Sum(nil))})
}

// sendNumbers sends 0, 1, 2 ... of eight bytes each: no two places of it are alike.
func sendNumbers(w http.ResponseWriter, r *http.Request) {
	count, err := strconv.ParseUint(r.PathValue("count"), 10, 32)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	out := bufio.NewWriterSize(w, 1<<16)
	var number [8]byte
	for i := range count {
		binary.LittleEndian.PutUint64(number[:], i)
		if _, err := out.Write(number[:]); err != nil {
			return
		}
	}
	_ = out.Flush()
}
