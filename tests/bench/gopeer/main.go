// Gopeer routes TLS connections by server name the way ingress-nginx's ssl-passthrough does: it
// reads the first record, walks the list of servers for its name, dials, and copies with io.Copy
// in either direction until one of them ends.
//
//	gopeer ADDRESS ROUTES
//
// ROUTES has a line "NAME ADDRESS" for each server; SIGHUP reads it again.
package main

import (
	"bufio"
	"io"
	"log"
	"net"
	"os"
	"os/signal"
	"strings"
	"sync/atomic"
	"syscall"
)

type server struct {
	name    string
	address string
}

var servers atomic.Value // []server

func load(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	var list []server
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		name, address, _ := strings.Cut(lines.Text(), " ")
		list = append(list, server{name, address})
	}
	servers.Store(list)
	return lines.Err()
}

func find(name string) string {
	for _, s := range servers.Load().([]server) {
		if s.name == name {
			return s.address
		}
	}
	return ""
}

// firstRecord reads one record, header included.
func firstRecord(conn net.Conn) ([]byte, error) {
	header := make([]byte, 5)
	if _, err := io.ReadFull(conn, header); err != nil {
		return nil, err
	}
	record := make([]byte, 5+(int(header[3])<<8|int(header[4])))
	copy(record, header)
	_, err := io.ReadFull(conn, record[5:])
	return record, err
}

func pipe(client, backend net.Conn) {
	ended := make(chan struct{}, 2)
	forward := func(to, from net.Conn) {
		io.Copy(to, from)
		ended <- struct{}{}
	}
	go forward(backend, client)
	go forward(client, backend)
	<-ended
}

func handle(client net.Conn) {
	defer client.Close()
	hello, err := firstRecord(client)
	if err != nil {
		return
	}
	address := find(serverName(hello))
	if address == "" {
		return
	}
	backend, err := net.Dial("tcp", address)
	if err != nil {
		return
	}
	defer backend.Close()
	if _, err := backend.Write(hello); err == nil {
		pipe(client, backend)
	}
}

func reloadOnHangup(path string) {
	hangups := make(chan os.Signal, 1)
	signal.Notify(hangups, syscall.SIGHUP)
	for range hangups {
		if err := load(path); err != nil {
			log.Print(err)
		}
	}
}

func main() {
	address, path := os.Args[1], os.Args[2]
	if err := load(path); err != nil {
		log.Fatal(err)
	}
	go reloadOnHangup(path)
	listener, err := net.Listen("tcp", address)
	if err != nil {
		log.Fatal(err)
	}
	for {
		conn, err := listener.Accept()
		if err != nil {
			log.Print(err)
			continue
		}
		go handle(conn)
	}
}
