// traffic makes the traffic that faults are tried under, and is the backend that answers it.
//
//	traffic load -target ADDRESS:PORT -ca FILE -hosts NAME,NAME   see load.go
//	traffic serve -cert FILE -key FILE                           see serve.go
package main

import (
	"fmt"
	"os"
)

func main() {
	commands := map[string]func([]string) error{"load": load, "serve": serve}
	if len(os.Args) < 2 || commands[os.Args[1]] == nil {
		fmt.Fprintln(os.Stderr, "usage: traffic load|serve [-flag value...]")
		os.Exit(2)
	}
	if err := commands[os.Args[1]](os.Args[2:]); err != nil {
		fmt.Fprintf(os.Stderr, "traffic: %v\n", err)
		os.Exit(1)
	}
}
