package main

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// An authority signs leaves.
type authority struct {
	cert *x509.Certificate
	key  crypto.Signer
}

// keys writes PEM files into a directory and remembers the first failure.
type keys struct {
	dir string
	err error
}

// Who talks to the API server by client certificate, and gets a kubeconfig.
var clients = []struct{ file, name, group string }{
	{"admin", "admin", "system:masters"},
	{"controller-manager", "system:kube-controller-manager", ""},
	{"scheduler", "system:kube-scheduler", ""},
	{"kubelet", "system:node:node", "system:nodes"},
	{"proxy", "system:kube-proxy", ""},
}

// pki writes the keys of a cluster: kube pki DIR URL HOST,...  The URL is the API server's, the
// hosts are the names and addresses it and the node have.
func pki(args []string) error {
	if len(args) != 3 {
		return errors.New("needs a directory, the API server's URL, and its names and addresses")
	}
	k := &keys{dir: args[0]}
	url, hosts := args[1], strings.Split(args[2], ",")
	if err := os.MkdirAll(k.dir, 0o700); err != nil {
		return err
	}
	ca := k.authority("ca")
	front := k.authority("front-proxy-ca")
	hosts = append(hosts, "kubernetes", "kubernetes.default", "kubernetes.default.svc", "node")
	k.leaf(ca, "apiserver", "kube-apiserver", "", hosts)
	k.leaf(ca, "etcd", "etcd", "", hosts)
	k.leaf(ca, "etcd-client", "kube-apiserver-etcd-client", "", nil)
	k.leaf(ca, "kubelet-server", "system:node:node", "system:nodes", hosts)
	k.leaf(ca, "kubelet-client", "kube-apiserver-kubelet-client", "system:masters", nil)
	k.leaf(front, "front-proxy-client", "front-proxy-client", "", nil)
	for _, c := range clients {
		k.leaf(ca, c.file, c.name, c.group, nil)
		k.kubeconfig(c.file, url)
	}
	k.serviceAccounts()
	return k.err
}

func (k *keys) put(name, kind string, der []byte) {
	if k.err == nil {
		text := pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
		k.err = os.WriteFile(filepath.Join(k.dir, name), text, 0o600)
	}
}

// sign makes a key, and a certificate of it by `by`, or by itself.
func (k *keys) sign(by *authority, file string, t *x509.Certificate) *authority {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil || k.err != nil {
		k.err = errors.Join(k.err, err)
		return nil
	}
	t.SerialNumber, _ = rand.Int(rand.Reader, big.NewInt(1<<62))
	t.NotBefore = time.Now().Add(-time.Hour)
	t.NotAfter = time.Now().AddDate(1, 0, 0)
	if by == nil {
		by = &authority{t, key}
	}
	der, err := x509.CreateCertificate(rand.Reader, t, by.cert, &key.PublicKey, by.key)
	if err != nil {
		k.err = err
		return nil
	}
	cert, err := x509.ParseCertificate(der)
	secret, err2 := x509.MarshalECPrivateKey(key)
	k.err = errors.Join(k.err, err, err2)
	k.put(file+".crt", "CERTIFICATE", der)
	k.put(file+".key", "EC PRIVATE KEY", secret)
	return &authority{cert, key}
}

func (k *keys) authority(file string) *authority {
	return k.sign(nil, file, &x509.Certificate{
		Subject:               pkix.Name{CommonName: "test " + file},
		IsCA:                  true,
		BasicConstraintsValid: true,
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
	})
}

func (k *keys) leaf(by *authority, file, name, group string, hosts []string) {
	t := &x509.Certificate{
		Subject:     pkix.Name{CommonName: name},
		KeyUsage:    x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth},
	}
	if group != "" {
		t.Subject.Organization = []string{group}
	}
	for _, host := range hosts {
		if ip := net.ParseIP(host); ip != nil {
			t.IPAddresses = append(t.IPAddresses, ip)
		} else {
			t.DNSNames = append(t.DNSNames, host)
		}
	}
	k.sign(by, file, t)
}

func (k *keys) base64(file string) string {
	text, err := os.ReadFile(filepath.Join(k.dir, file))
	k.err = errors.Join(k.err, err)
	return base64.StdEncoding.EncodeToString(text)
}

func (k *keys) kubeconfig(who, url string) {
	text := fmt.Sprintf(`apiVersion: v1
kind: Config
current-context: test
contexts: [{name: test, context: {cluster: test, user: %[2]s}}]
clusters: [{name: test, cluster: {server: %[1]q, certificate-authority-data: %[3]s}}]
users: [{name: %[2]s, user: {client-certificate-data: %[4]s, client-key-data: %[5]s}}]
`, url, who, k.base64("ca.crt"), k.base64(who+".crt"), k.base64(who+".key"))
	if k.err == nil {
		k.err = os.WriteFile(filepath.Join(k.dir, who+".kubeconfig"), []byte(text), 0o600)
	}
}

// serviceAccounts writes the key that signs tokens, and its public half.
func (k *keys) serviceAccounts() {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		k.err = errors.Join(k.err, err)
		return
	}
	public, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	k.err = errors.Join(k.err, err)
	k.put("sa.key", "RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(key))
	k.put("sa.pub", "PUBLIC KEY", public)
}
