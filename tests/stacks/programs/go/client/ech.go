//go:build go1.23

package main

import (
	"crypto/tls"
	"encoding/base64"
)

// setECH makes the client hide its hello with this ECHConfigList (RFC 9849), in base64.
func setECH(c *tls.Config, list string) (err error) {
	c.MinVersion = tls.VersionTLS13
	c.EncryptedClientHelloConfigList, err = base64.StdEncoding.DecodeString(list)
	return err
}
