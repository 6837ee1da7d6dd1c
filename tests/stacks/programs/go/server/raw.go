package main

import (
	"crypto/sha256"
	"crypto/tls"
	"fmt"
	"io"
	"net"
)

// finish ends our direction: a close_notify, then the FIN.
func finish(conn *tls.Conn) {
	conn.CloseWrite()
	if tcp, isTCP := conn.NetConn().(*net.TCPConn); isTCP {
		tcp.CloseWrite()
	}
}

// echo gives everything back and, once the client has ended its direction, says how much it was.
func echo(conn *tls.Conn) {
	defer conn.Close()
	n, err := io.Copy(conn, conn)
	if err != nil {
		return
	}
	fmt.Fprintf(conn, "end of %d\n", n)
	finish(conn)
	io.Copy(io.Discard, conn)
}

// closeFirst ends its own direction at once, takes all the client sends, and tells our driver.
func closeFirst(conn *tls.Conn) {
	defer conn.Close()
	fmt.Fprint(conn, "closing first\n")
	finish(conn)
	data, err := io.ReadAll(conn)
	if err != nil {
		return
	}
	fmt.Printf("received %x\n", sha256.Sum256(data))
}
