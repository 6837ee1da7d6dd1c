// backend is what the pods of the tests run: it ends TLS by itself, with a certificate of its own,
// and says who answers.
//
//	backend -cert FILE -key FILE [-client-ca FILE] [-https ADDR]... [-grpc ADDR]...
package main

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"flag"
	"log"
	"os"
)

type addresses []string

func (a *addresses) String() string { return "" }

func (a *addresses) Set(address string) error {
	*a = append(*a, address)
	return nil
}

func main() {
	var https, grpc addresses
	cert := flag.String("cert", "/tls/tls.crt", "certificate chain")
	key := flag.String("key", "/tls/tls.key", "its key")
	clientCA := flag.String("client-ca", "", "clients need a certificate by this CA")
	flag.Var(&https, "https", "serve HTTP/2 and HTTP/1.1 here; repeatable")
	flag.Var(&grpc, "grpc", "serve gRPC here; repeatable")
	flag.Parse()

	config, err := tlsConfig(*cert, *key, *clientCA)
	if err != nil {
		log.Fatal(err)
	}
	pod, err := os.Hostname()
	if err != nil {
		log.Fatal(err)
	}
	ended := make(chan error)
	for _, address := range https {
		go func() { ended <- serveHTTPS(address, pod, config.Clone()) }()
	}
	for _, address := range grpc {
		go func() { ended <- serveGRPC(address, pod, config.Clone()) }()
	}
	log.Fatal(<-ended)
}

func tlsConfig(cert, key, clientCA string) (*tls.Config, error) {
	pair, err := tls.LoadX509KeyPair(cert, key)
	if err != nil {
		return nil, err
	}
	config := &tls.Config{Certificates: []tls.Certificate{pair}}
	if clientCA == "" {
		return config, nil
	}
	pem, err := os.ReadFile(clientCA)
	if err != nil {
		return nil, err
	}
	config.ClientCAs = x509.NewCertPool()
	if !config.ClientCAs.AppendCertsFromPEM(pem) {
		return nil, errors.New(clientCA + ": no certificate in it")
	}
	config.ClientAuth = tls.RequireAndVerifyClientCert
	return config, nil
}
