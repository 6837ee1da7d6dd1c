//go:build !go1.23

package main

import (
	"crypto/tls"
	"errors"
)

func setECH(*tls.Config, string) error {
	return errors.New("this Go cannot do ECH; 1.23 can")
}
