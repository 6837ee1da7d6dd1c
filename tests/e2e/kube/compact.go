package main

import (
	"context"
	"errors"
	"path/filepath"
	"time"

	"go.etcd.io/etcd/client/pkg/v3/transport"
	clientv3 "go.etcd.io/etcd/client/v3"
)

// compact lets etcd forget every revision before the present one: kube compact URL KEYS.  Whoever
// then asks the API server for a version that its own cache has not got either is told 410 Gone.
func compact(args []string) error {
	if len(args) != 2 {
		return errors.New("needs etcd's URL and the directory of keys")
	}
	key := func(name string) string { return filepath.Join(args[1], name) }
	tls, err := transport.TLSInfo{
		CertFile:      key("etcd-client.crt"),
		KeyFile:       key("etcd-client.key"),
		TrustedCAFile: key("ca.crt"),
	}.ClientConfig()
	if err != nil {
		return err
	}
	client, err := clientv3.New(clientv3.Config{
		Endpoints: []string{args[0]}, TLS: tls, DialTimeout: 5 * time.Second})
	if err != nil {
		return err
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	now, err := client.Get(ctx, "compact_rev_key")
	if err != nil {
		return err
	}
	_, err = client.Compact(ctx, now.Header.Revision, clientv3.WithCompactPhysical())
	return err
}
