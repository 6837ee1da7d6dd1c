// The Go server of the stacks: `server CERT_DIR DOMAIN` listens on a free port of loopback for each
// role and prints "listening ROLE PORT".  A role's certificate is CERT_DIR/ROLE.DOMAIN.pem.
package main

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"path/filepath"
)

type server struct {
	certs, domain string
}

func (s server) host(role string) string {
	return role + "." + s.domain
}

func (s server) config(role string) *tls.Config {
	file := filepath.Join(s.certs, s.host(role)+".pem")
	pair, err := tls.LoadX509KeyPair(file, file)
	if err != nil {
		log.Fatal(err)
	}
	return &tls.Config{Certificates: []tls.Certificate{pair}}
}

// demand makes clients show a certificate of our authority.
func (s server) demand(c *tls.Config) *tls.Config {
	pem, err := os.ReadFile(filepath.Join(s.certs, "ca.pem"))
	if err != nil {
		log.Fatal(err)
	}
	c.ClientCAs = x509.NewCertPool()
	c.ClientCAs.AppendCertsFromPEM(pem)
	c.ClientAuth = tls.RequireAndVerifyClientCert
	return c
}

func listen(role string) net.Listener {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("listening", role, l.Addr().(*net.TCPAddr).Port)
	return l
}

func serveRaw(role string, c *tls.Config, serve func(*tls.Conn)) {
	l := tls.NewListener(listen(role), c)
	for {
		conn, err := l.Accept()
		if err != nil {
			log.Fatal(err)
		}
		go serve(conn.(*tls.Conn))
	}
}

func serveWeb(role string, c *tls.Config, handler http.Handler) {
	s := http.Server{Handler: handler, TLSConfig: c}
	log.Fatal(s.ServeTLS(listen(role), "", ""))
}

func main() {
	s := server{os.Args[1], os.Args[2]}
	go serveRaw("echo", s.config("echo"), echo)
	go serveRaw("mtls", s.demand(s.config("mtls")), echo)
	go serveRaw("first", s.config("first"), closeFirst)
	go serveWeb("webmtls", s.demand(s.config("webmtls")), newWeb(s.host("webmtls")))
	serveWeb("web", s.config("web"), newWeb(s.host("web")))
}
