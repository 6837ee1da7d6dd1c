package main

import (
	"bufio"
	"context"
	"crypto/x509"
	"flag"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// loader does what its standard input says, a command to the line:
//
//	hold COUNT VIA...  have so many kept connections, evenly over these Sealway pods: a line `held`
//	start              fresh connections, from now on until the end
//	phase NAME         what happens from now on is of that phase: a line `entered`, and in time one
//	                   of the phase before
//	count              a line `count`: the kept connections that are open now, as far as is known
//	stop               end everything in order, as does the end of the input
//
// Its output is JSON, an object to the line: failures as they happen, and what the commands ask for.
type loader struct {
	rate   int
	rec    *recorder
	fresh  *fresh
	keeper *keeper
	ctx    context.Context
}

func load(args []string) error {
	flags := flag.NewFlagSet("load", flag.ExitOnError)
	target := flags.String("target", "", "address and port to connect to")
	ca := flags.String("ca", "", "file of the CA that signed the backends' certificates")
	hosts := flags.String("hosts", "", "names to ask for, in turn")
	rate := flags.Int("rate", 200, "fresh connections a second")
	timeout := flags.Duration("timeout", 15*time.Second, "of each connection's steps")
	limit := flags.Duration("limit", time.Hour, "ends by itself after so long")
	_ = flags.Parse(args)
	pem, err := os.ReadFile(*ca)
	if err != nil {
		return err
	}
	c := &client{target: *target, hosts: strings.Split(*hosts, ","), roots: x509.NewCertPool(),
		timeout: *timeout}
	if !c.roots.AppendCertsFromPEM(pem) || *hosts == "" || *rate < 1 {
		return fmt.Errorf("load needs -target, -ca with a certificate, and -hosts")
	}
	ctx, cancel := context.WithTimeout(context.Background(), *limit)
	rec := newRecorder(os.Stdout)
	l := &loader{*rate, rec, newFresh(c, rec), newKeeper(c, rec), ctx}
	l.obey(commandsOf(os.Stdin))
	cancel()
	l.finish()
	return nil
}

func commandsOf(input *os.File) <-chan []string {
	lines := make(chan []string)
	go func() {
		defer close(lines)
		for scanner := bufio.NewScanner(input); scanner.Scan(); {
			lines <- strings.Fields(scanner.Text())
		}
	}()
	return lines
}

func (l *loader) obey(commands <-chan []string) {
	for {
		select {
		case <-l.ctx.Done():
			return
		case words, more := <-commands:
			if !more || len(words) > 0 && words[0] == "stop" {
				return
			}
			if err := l.do(words); err != nil {
				l.rec.write(map[string]string{"event": "error", "text": err.Error()})
			}
		}
	}
}

func (l *loader) do(words []string) error {
	switch {
	case len(words) == 1 && words[0] == "start":
		go l.fresh.run(l.ctx, l.rate)
	case len(words) == 1 && words[0] == "count":
		l.rec.write(l.keeper.status("count"))
	case len(words) == 2 && words[0] == "phase":
		before := l.rec.enter(words[1])
		l.rec.write(map[string]string{"event": "entered"})
		go l.rec.conclude(before)
	case len(words) >= 3 && words[0] == "hold":
		count, err := strconv.Atoi(words[1])
		if err != nil || count < 1 {
			return fmt.Errorf("hold %s: no number", words[1])
		}
		go func() {
			l.keeper.hold(count, words[2:])
			l.rec.write(l.keeper.status("held"))
		}()
	default:
		return fmt.Errorf("no such command: %s", strings.Join(words, " "))
	}
	return nil
}

// finish lets end what is under way.
func (l *loader) finish() {
	last := l.rec.enter("end")
	before := l.keeper.status("end")
	l.keeper.end()
	l.rec.conclude(last)
	l.rec.write(before)
}
